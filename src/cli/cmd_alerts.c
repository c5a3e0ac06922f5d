/* weir alerts list | add | edit | del | mute | unmute | snooze | test: questions about /alerts
 * to the running weir, but for test. */
#include "ask/ask.h"
#include "base/check.h"
#include "cli/alerts_test.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/running.h"

static enum status write_request(const struct args *args, const char *verb, struct buf *request,
				 struct err *err)
{
	buf_printf(request, "ask %s /alerts %s", args_has(args, FLAG_json) ? "json" : "text", verb);
	for (size_t i = 0; i < args->n_operands; i++) {
		buf_char(request, ' ');
		buf_str_put(request, str_of(args->operands[i]));
	}
	for (size_t i = 0; i < request->len; i++) /* a request is one line */
		if (request->ptr[i] == '\n' || request->ptr[i] == '\r')
			request->ptr[i] = ' ';
	return request->overflow
		   ? err_set(err, STATUS_USAGE, "that is longer than %d bytes", ASK_TEXT_MAX)
		   : STATUS_OK;
}

static int ask(const struct args *args, const char *verb)
{
	char storage[ASK_TEXT_MAX * 2];
	struct buf request = buf_over(storage, sizeof storage), answer;
	struct err err = { 0 };
	int exit_status = CLI_DONE;
	enum status status = write_request(args, verb, &request, &err);
	buf_init(&answer, ASK_OUT_LIMIT + 1);
	if (!status)
		status = running_ask(args_str(args, FLAG_state).ptr, buf_str(&request),
				     &exit_status, &answer, &err);
	if (!status && answer.len && answer.ptr[answer.len - 1] != '\n')
		buf_char(&answer, '\n');
	if (status)
		exit_status = cli_fail(args, &err);
	else if (cli_print(args, &answer))
		exit_status = CLI_ENVIRONMENT;
	buf_deinit(&answer);
	return exit_status;
}

int cmd_alerts(const struct args *args)
{
	switch (args->command) {
	case COMMAND_alerts_list: return ask(args, "list");
	case COMMAND_alerts_add: return ask(args, "add");
	case COMMAND_alerts_edit: return ask(args, "edit");
	case COMMAND_alerts_del: return ask(args, "del");
	case COMMAND_alerts_mute: return ask(args, "mute");
	case COMMAND_alerts_unmute: return ask(args, "unmute");
	case COMMAND_alerts_snooze: return ask(args, "snooze");
	case COMMAND_alerts_test: return alerts_test(args);
	default: CHECK(!"one of its commands");
	}
	return CLI_USAGE;
}
