#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int cli_fail(const struct args *args, const struct err *err)
{
	bool known = args->command < COMMAND_COUNT;
	fprintf(stderr, "weir%s%s: %s\n", known ? " " : "",
		known ? command_row(args->command)->words : "", err->text);
	return err->status == STATUS_USAGE ? CLI_USAGE : CLI_ENVIRONMENT;
}

int cli_print(const struct args *args, const struct buf *buf)
{
	struct err err;
	if (buf->overflow) {
		err_set(&err, STATUS_FULL, "the output is too long");
		return cli_fail(args, &err);
	}
	if (buf->len) /* an empty one has no storage */
		fwrite(buf->ptr, 1, buf->len, stdout);
	if (fflush(stdout) == 0 || errno == EPIPE)
		return CLI_DONE;
	err_errno(&err, errno, "standard output");
	return cli_fail(args, &err);
}

bool cli_may_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
	return isatty(STDOUT_FILENO) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

const char *cli_config_path(const struct args *args)
{
	return args_has(args, FLAG_config) ? args_str(args, FLAG_config).ptr : NULL;
}
