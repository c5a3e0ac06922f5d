/* weir mt5 provision: a terminal's token, and its files. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/mt5_terminal.h"
#include "cli/mt5_tokens.h"
#include "gate/tokens.h"
#include "os/files.h"
#include "os/secret.h"

/* What these are parts of would be a tokens file that weir refuses. */
static enum status check_line(const struct args *args, struct err *err)
{
	char storage[1024];
	struct buf line = buf_over(storage, sizeof storage);
	struct tokens *parsed = NULL;
	struct str host = args_str(args, FLAG_host), groups = args_str(args, FLAG_group);
	buf_printf(&line, "%s xxxxxxxxxxxx %.*s %.*s", args->operands[0],
		   STR_ARG(host.len ? host : STR("-")), STR_ARG(groups));
	enum status status = line.overflow ? err_set(err, STATUS_RANGE, "--group: too long")
					   : tokens_parse(buf_str(&line), "its line", &parsed, err);
	tokens_destroy(parsed);
	return status;
}

/* HOST:PORT; the last colon counts, so that an IPv6 address may have more. */
static enum status read_connect(struct str text, struct mt5_terminal *out, struct err *err)
{
	size_t colon = text.len;
	uint64_t port;
	while (colon > 0 && text.ptr[colon - 1] != ':')
		colon--;
	if (!colon || str_to_u64(str_skip(text, colon), &port) || port < 1 || port > 65535)
		return err_set(err, STATUS_USAGE, "--connect: '%.*s' is not HOST:PORT",
			       STR_ARG(text));
	out->weir = str_make(text.ptr, colon - 1);
	out->port = (uint16_t)port;
	return STATUS_OK;
}

static enum status read_args(const struct args *args, struct mt5_terminal *out, struct err *err)
{
	if (!args_has(args, FLAG_tokens) || !args_has(args, FLAG_dir))
		return err_set(err, STATUS_USAGE, "--tokens FILE and --dir DIR are needed");
	*out = (struct mt5_terminal){
		.id = str_of(args->operands[0]),
		.host_name = args_str(args, FLAG_host),
		.login = args_i64(args, FLAG_login),
		.server = args_str(args, FLAG_server),
		.symbol = args_str(args, FLAG_symbol),
	};
	enum status status = read_connect(args_str(args, FLAG_connect), out, err);
	if (status)
		return status;
	status = mt5_terminal_check(out, err);
	if (!status)
		status = check_line(args, err);
	return status ? STATUS_USAGE : STATUS_OK;
}

/* The files first: a token that weir knows and no terminal has would stand in the way of
 * the next try, the other way round it only has to be done again. */
static enum status provision(const struct args *args, struct mt5_terminal *terminal,
			     struct mt5_tokens *tokens, struct err *err)
{
	struct mt5_token_line line = { .id = terminal->id,
				       .host = terminal->host_name,
				       .groups = args_str(args, FLAG_group) };
	uint8_t random[MT5_TOKEN_BYTES];
	enum status status = secret_random(random, sizeof random, err);
	secret_print_hex(random, sizeof random, line.token);
	terminal->token = str_of(line.token);
	if (!status)
		status = mt5_terminal_write(args_str(args, FLAG_dir).ptr, terminal, err);
	if (!status)
		status = mt5_tokens_put(tokens, &line, err);
	terminal->token = STR("");
	explicit_bzero(random, sizeof random);
	explicit_bzero(line.token, sizeof line.token);
	return status;
}

/* KEPT: it has a token and nobody asked for another; err says so. */
enum outcome { ADDED, RENEWED, KEPT };

static enum status run(const struct args *args, struct mt5_terminal *terminal,
		       enum outcome *outcome, struct err *err)
{
	struct mt5_tokens tokens;
	const char *path = args_str(args, FLAG_tokens).ptr;
	enum status status = mt5_tokens_open(&tokens, path, err);
	bool has = !status && mt5_tokens_has(&tokens, terminal->id);
	*outcome = !has ? ADDED : args_has(args, FLAG_renew) ? RENEWED : KEPT;
	if (!status && *outcome == KEPT)
		err_set(err, STATUS_EXISTS,
			"%s: %.*s has a token; --renew makes the old one worthless", path,
			STR_ARG(terminal->id));
	else if (!status)
		status = provision(args, terminal, &tokens, err);
	mt5_tokens_close(&tokens);
	return status;
}

static void say(const struct args *args, const struct mt5_terminal *terminal, enum outcome outcome,
		struct buf *out)
{
	const char *dir = args_str(args, FLAG_dir).ptr;
	char path[PATH_BYTES_MAX];
	buf_printf(out, "%.*s: %s token in %s, terminal files in %s\n", STR_ARG(terminal->id),
		   outcome == RENEWED ? "renewed" : "new", args_str(args, FLAG_tokens).ptr, dir);
	buf_printf(out, "next:\n");
	if (path_format(path, NULL, "%s/terminal64.exe", dir) || access(path, F_OK))
		buf_printf(out, "  put a portable MetaTrader 5 into %s\n", dir);
	if (path_format(path, NULL, "%s/MQL5/Experts/weir/WeirExpert.ex5", dir) ||
	    access(path, F_OK))
		buf_printf(out,
			   "  copy weir's mt5/ to %s/MQL5/Experts/weir and compile "
			   "WeirExpert.mq5\n",
			   dir);
	buf_printf(out,
		   "  allow %.*s in its Tools, Options, Expert Advisors (once, by hand)\n"
		   "  start it: weir-start.cmd, or weir-start.sh under Wine\n",
		   STR_ARG(terminal->weir));
	if (outcome == RENEWED)
		buf_printf(out,
			   "  start it with `clean`: a terminal that runs saves its chart, with "
			   "the old token\n");
	buf_printf(out, "  a running weir reads the tokens file again on SIGHUP\n");
}

int cmd_mt5(const struct args *args)
{
	char storage[6 * PATH_BYTES_MAX];
	struct buf out = buf_over(storage, sizeof storage);
	struct mt5_terminal terminal = { 0 };
	struct err err = { 0 };
	enum outcome outcome;
	enum status status = read_args(args, &terminal, &err);
	if (status) {
		err.status = status;
		return cli_fail(args, &err);
	}
	status = run(args, &terminal, &outcome, &err);
	if (status || outcome == KEPT) {
		int failure = cli_fail(args, &err);
		return status ? failure : CLI_NO;
	}
	say(args, &terminal, outcome, &out);
	return cli_print(args, &out);
}
