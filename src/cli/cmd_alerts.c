/* weir alerts list | add | edit | del | ack | mute | unmute | snooze | test: of one's own alerts
 * questions about /alerts to the running weir, of weir's own requests to it; test reads a tape. */
#include "ask/ask.h"
#include "base/check.h"
#include "cli/alert_rows.h"
#include "cli/alerts_test.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/running.h"
#include "def/config.h"

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

/* ---- weir's own alerts ---- */

/* One's own have numbers. */
static bool is_own(const struct args *args)
{
	struct str word = str_of(args->operands[0]);
	uint64_t number;
	return !str_to_u64(str_skip(word, word.len && word.ptr[0] == '#'), &number);
}

/* The last word is how long. */
static enum status put_seconds(const struct args *args, struct buf *request, struct err *err)
{
	int64_t ms;
	const char *text = args->operands[args->n_operands - 1];
	if (args->n_operands < 2)
		return err_set(err, STATUS_USAGE, "say for how long, as in: weir alerts mute %s 2h",
			       args->operands[0]);
	if (config_duration(str_of(text), &ms) || ms < 1000)
		return err_set(err, STATUS_USAGE, "'%s' is no time of 1s to 7d, as 30m or 2h",
			       text);
	buf_printf(request, " %lld", (long long)(ms / 1000));
	return STATUS_OK;
}

static enum status write_hush(const struct args *args, const char *verb, bool has_time,
			      struct buf *request, struct err *err)
{
	size_t words = args->n_operands - has_time;
	buf_printf(request, "alerts %s %s", verb, args->operands[0]);
	enum status status = has_time ? put_seconds(args, request, err) : STATUS_OK;
	if (!status && words > 1)
		buf_printf(request, " %s", args->operands[1]);
	for (size_t i = 0; i < request->len; i++)
		if (request->ptr[i] == '\n' || request->ptr[i] == '\r')
			request->ptr[i] = ' ';
	if (!status && request->overflow)
		status = err_set(err, STATUS_USAGE, "that is too long");
	return status;
}

static int say(const struct args *args, const char *verb, bool has_time)
{
	char storage[512];
	struct buf request = buf_over(storage, sizeof storage), answer;
	struct err err = { 0 };
	int exit_status = CLI_DONE;
	enum status status = write_hush(args, verb, has_time, &request, &err);
	buf_init(&answer, ASK_OUT_LIMIT);
	if (!status)
		status = running_ask(args_str(args, FLAG_state).ptr, buf_str(&request),
				     &exit_status, &answer, &err);
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
	case COMMAND_alerts_list:
		return args_has(args, FLAG_format) && !args_has(args, FLAG_json)
			   ? alert_rows_list(args)
			   : ask(args, "list");
	case COMMAND_alerts_add: return ask(args, "add");
	case COMMAND_alerts_edit: return ask(args, "edit");
	case COMMAND_alerts_del: return ask(args, "del");
	case COMMAND_alerts_ack: return say(args, "ack", false);
	case COMMAND_alerts_mute: return is_own(args) ? ask(args, "mute") : say(args, "mute", true);
	case COMMAND_alerts_unmute:
		return is_own(args) ? ask(args, "unmute") : say(args, "unmute", false);
	case COMMAND_alerts_snooze: return ask(args, "snooze");
	case COMMAND_alerts_test: return alerts_test(args);
	default: CHECK(!"one of its commands");
	}
	return CLI_USAGE;
}
