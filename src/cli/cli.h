/* cli.h - what the subcommands share: exit statuses and the one line of an error.
 *
 * A subcommand is `int cmd_NAME(const struct args *args)` in cmd_NAME.c; it returns
 * the exit status. Only cli and daemon print errors, and each once. */
#pragma once

#include "base/err.h"
#include "def/args.h"

enum cli_exit {
	CLI_DONE = 0,
	CLI_NO = 1, /* the answer is no: a check failed */
	CLI_USAGE = 2,
	CLI_ENVIRONMENT = 3, /* no server, no file, a bad configuration */
};

/* "weir replay: TEXT" on standard error; returns USAGE for STATUS_USAGE, else
 * ENVIRONMENT. */
int cli_fail(const struct args *args, const struct err *err);
/* All of buf to standard output. ENVIRONMENT, with its line printed, when that
 * fails or the buf has overflowed; DONE otherwise. A closed pipe is not a failure. */
int cli_print(const struct args *args, const struct buf *buf);
/* Standard output is a terminal, and nobody has asked for plain text (NO_COLOR, TERM=dumb). */
bool cli_may_colour(void);
/* What --config names; NULL when it was not given. */
const char *cli_config_path(const struct args *args);
