/* weir completion: what a shell reads to complete the command line. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/completion.h"

enum { OUTPUT_BYTES = 1 << 20 };

int cmd_completion(const struct args *args)
{
	struct str shell = str_of(args->operands[0]);
	struct err err;
	struct buf out;
	buf_init(&out, OUTPUT_BYTES);
	int exit_status;
	if (completion_print(&out, shell)) {
		err_set(&err, STATUS_USAGE, "'%.40s' is not bash, zsh or fish", args->operands[0]);
		exit_status = cli_fail(args, &err);
	} else {
		exit_status = cli_print(args, &out);
	}
	buf_deinit(&out);
	return exit_status;
}
