/* weir sim mess: a trading bot's messy Redis, into a server or to standard output, and the truth
 * about it. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "sim/mess_fill.h"
#include "store/redis_url.h"

static int64_t wall_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum status create(const struct args *args, struct mess **mess, struct err *err)
{
	const struct mess_config config = {
		.keys = args_i64(args, FLAG_mess_keys),
		.seed = (uint64_t)args_i64(args, FLAG_seed),
		.layout = str_eq(args_str(args, FLAG_layout), STR("bot")) ? MESS_LAYOUT_BOT
									  : MESS_LAYOUT_MESS,
		.now_ms = wall_ms(),
	};
	enum status status = mess_create(&config, mess, err);
	if (status == STATUS_RANGE)
		status = err_wrap(err, STATUS_USAGE, "--keys");
	return status;
}

static enum status open_truth(const struct args *args, FILE **truth, struct err *err)
{
	const char *path = args_str(args, FLAG_truth).ptr;
	if (!args_has(args, FLAG_truth))
		return STATUS_OK;
	*truth = fopen(path, "we");
	return *truth ? STATUS_OK : err_errno(err, errno, "%s", path);
}

static enum status fill_server(const struct args *args, struct mess *mess, FILE *truth,
			       struct mess_filled *filled, struct err *err)
{
	struct redis_url url;
	enum status status = redis_url_parse(str_of(args->operands[0]), &url, err);
	if (!status && url.database)
		status =
		    err_set(err, STATUS_USAGE,
			    "%s: it fills several databases, so the URL names none", url.place);
	if (status)
		return status;
	const struct mess_server server = {
		.unix_path = url.is_unix ? url.place : NULL,
		.host = url.place,
		.port = url.port,
		.user = url.has_login ? url.user : NULL,
		.password = url.has_login ? url.password : NULL,
		.force = args_has(args, FLAG_force),
	};
	return mess_fill_server(mess, &server, truth, filled, err);
}

static enum status fill(const struct args *args, struct mess *mess, FILE *truth,
			struct mess_filled *filled, struct err *err)
{
	return args->n_operands ? fill_server(args, mess, truth, filled, err)
				: mess_fill_file(mess, stdout, truth, filled, err);
}

/* Beside commands on standard output there is no place for a summary. */
static int print(const struct args *args, const struct mess_filled *filled)
{
	char text[256];
	struct buf out = buf_over(text, sizeof text);
	if (!args->n_operands)
		return CLI_DONE;
	buf_printf(&out, "sim: %lld keys by %lld commands in %.1f s", (long long)filled->keys,
		   (long long)filled->commands, (double)filled->took_ns / 1e9);
	if (args_has(args, FLAG_truth))
		buf_printf(&out, "; %lld findings in %s", (long long)filled->hits,
			   args_str(args, FLAG_truth).ptr);
	buf_char(&out, '\n');
	return cli_print(args, &out);
}

int cmd_sim_mess(const struct args *args)
{
	struct err err = { 0 };
	struct mess *mess = NULL;
	struct mess_filled filled = { 0 };
	FILE *truth = NULL;
	enum status status = create(args, &mess, &err);
	if (!status)
		status = open_truth(args, &truth, &err);
	if (!status)
		status = fill(args, mess, truth, &filled, &err);
	if (truth && fclose(truth) && !status)
		status = err_errno(&err, errno, "%s", args_str(args, FLAG_truth).ptr);
	mess_destroy(mess);
	return status ? cli_fail(args, &err) : print(args, &filled);
}
