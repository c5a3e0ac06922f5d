/* weir redis: the operator's way to a segment's server. */
#include "base/check.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/segment_visit.h"
#include "daemon/config_file.h"
#include "daemon/settings.h"

enum { OUT_LIMIT = 256 << 20, DEPTH_MAX = 8 };

/* As redis-cli prints to a terminal: types are told apart, lists numbered. */
static void put_reply(struct buf *out, const struct redis_reply *reply, int depth)
{
	switch (reply->type) {
	case REDIS_NIL: buf_printf(out, "(nil)\n"); break;
	case REDIS_INTEGER: buf_printf(out, "(integer) %lld\n", (long long)reply->integer); break;
	case REDIS_ERROR: buf_printf(out, "(error) %.*s\n", STR_ARG(reply->text)); break;
	case REDIS_STATUS:
	case REDIS_BULK:
		buf_str_put(out, reply->text);
		buf_char(out, '\n');
		break;
	case REDIS_ARRAY:
		if (reply->count == 0 || depth >= DEPTH_MAX)
			buf_printf(out, "(empty array)\n");
		for (size_t i = 0; i < reply->count && depth < DEPTH_MAX; i++) {
			buf_printf(out, "%s%zu) ", i > 0 && depth > 0 ? "   " : "", i + 1);
			put_reply(out, &reply->items[i], depth + 1);
		}
		break;
	}
}

static void on_reply(void *ctx, enum status status, const struct redis_reply *reply)
{
	if (!status)
		put_reply(ctx, reply, 0);
}

static int print_config(const struct args *args, const struct config *config, enum segment segment,
			struct buf *out)
{
	struct err err = { 0 };
	struct store_config store;
	if (settings_store(config, args_str(args, FLAG_state).ptr, &store, &err) ||
	    segments_print_config(&store, segment, out, &err))
		return cli_fail(args, &err);
	return cli_print(args, out);
}

static int send_command(const struct args *args, const struct config *config, enum segment segment,
			struct buf *out)
{
	struct err err = { 0 };
	struct segment_visit *visit = NULL;
	struct str argv[ARGS_OPERANDS_MAX];
	size_t argc = args->n_operands - 1;
	if (argc == 0) {
		err_set(&err, STATUS_USAGE,
			"a command is missing, for example: weir redis %s info memory",
			segment_row(segment)->name);
		return cli_fail(args, &err);
	}
	for (size_t i = 0; i < argc; i++)
		argv[i] = str_of(args->operands[i + 1]);
	enum status status =
	    segment_visit_open(args_str(args, FLAG_state).ptr, config, segment, &visit, &err);
	if (!status)
		status = segment_visit_call(visit, argv, argc, on_reply, out, &err);
	segment_visit_close(visit);
	if (status)
		return cli_fail(args, &err);
	return cli_print(args, out);
}

int cmd_redis(const struct args *args)
{
	struct err err = { 0 };
	struct config *config = NULL;
	enum segment segment;
	const char *config_path = cli_config_path(args);
	if (segment_parse(str_of(args->operands[0]), &segment)) {
		err_set(&err, STATUS_USAGE,
			"'%s' is no segment: rts, ris, rtss, rtrs, rss, rls or rms",
			args->operands[0]);
		return cli_fail(args, &err);
	}
	if (config_file_load(config_path, &config, NULL, &err))
		return cli_fail(args, &err);
	struct buf out;
	buf_init(&out, OUT_LIMIT);
	int exit_status = args_has(args, FLAG_print_config)
			      ? print_config(args, config, segment, &out)
			      : send_command(args, config, segment, &out);
	buf_deinit(&out);
	config_destroy(config);
	return exit_status;
}
