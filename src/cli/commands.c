#include "cli/commands.h"

#include "base/check.h"
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/table.h"

typedef int (*command_fn)(const struct args *args);

/* By the first word; a command of two words looks at args->command itself. */
static const struct {
	const char *word;
	command_fn run;
} functions[] = {
	{ "agent", cmd_agent },     { "alerts", cmd_alerts },
	{ "archive", cmd_archive }, { "ask", cmd_ask },
	{ "audit", cmd_audit },     { "bundle", cmd_bundle },
	{ "bench", cmd_bench },     { "check", cmd_check },
	{ "clean", cmd_clean },     { "completion", cmd_completion },
	{ "config", cmd_config },   { "decode", cmd_decode },
	{ "doctor", cmd_doctor },   { "fleet", cmd_fleet },
	{ "keys", cmd_keys },       { "memory", cmd_memory },
	{ "migrate", cmd_migrate }, { "mt5", cmd_mt5 },
	{ "plan", cmd_plan },       { "read", cmd_read },
	{ "redis", cmd_redis },     { "replay", cmd_replay },
	{ "signal", cmd_signal },   { "sim", cmd_sim },
	{ "tape", cmd_tape },       { "telegram", cmd_telegram },
	{ "top", cmd_top },         { "up", cmd_up },
	{ "version", cmd_version },
};

static command_fn find_function(enum command command)
{
	size_t i = 0;
	while (i < ARRAY_LEN(functions) &&
	       !str_eq(command_first_word(command), str_of(functions[i].word)))
		i++;
	CHECK(i < ARRAY_LEN(functions)); /* a COMMAND row without its function */
	return functions[i].run;
}

static int run_help(const struct args *args)
{
	struct buf out;
	buf_init(&out, 64 * 1024);
	if (args->wish == ARGS_HELP_ALL)
		help_print_all(&out);
	else if (args->whole_group)
		help_print_group(&out, args->command);
	else
		help_print_command(&out, args->command);
	int status = cli_print(args, &out);
	buf_deinit(&out);
	return status;
}

int commands_run(int argc, char *const *argv)
{
	struct args args;
	struct err err;
	if (args_parse(argc, argv, &args, &err))
		return cli_fail(&args, &err);
	if (args.wish != ARGS_RUN)
		return run_help(&args);
	const struct command_row *row = command_row(args.command);
	if (row->waits) {
		err_set(&err, STATUS_UNAVAILABLE, "not there yet: waits for %s", row->waits);
		return cli_fail(&args, &err);
	}
	table_set_pretty(cli_may_colour());
	return find_function(args.command)(&args);
}
