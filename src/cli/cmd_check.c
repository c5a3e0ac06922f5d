/* weir check ready | ledger | memory: a line and a status for supervision. */
#include <string.h>

#include "base/check.h"
#include "base/suggest.h"
#include "cli/check_state.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/running.h"

enum { ANSWER_LIMIT = 4 << 20 };

static const struct check_row {
	const char *what;
	const char *request;
	void (*judge)(struct str answer, struct check_state *state);
	int no; /* the exit status of an answer that is judged, besides 0 */
} checks[] = {
	{ "ready", "ready", check_ready, 0 },
	{ "ledger", "archive verify", check_ledger, 1 },
	{ "memory", "ask json /memory", check_memory, 0 },
};

static const struct check_row *find_check(struct str what)
{
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		if (str_eq(what, str_of(checks[i].what)))
			return &checks[i];
	return NULL;
}

static void ask(const struct args *args, const struct check_row *check, struct check_state *state)
{
	struct buf answer;
	struct err err = { 0 };
	int exit_status = 0;
	buf_init(&answer, ANSWER_LIMIT);
	if (running_ask(args_str(args, FLAG_state).ptr, str_of(check->request), &exit_status,
			&answer, &err))
		check_unknown(str_of(err.text), state);
	else if (exit_status && (exit_status != check->no || !answer.len || answer.ptr[0] != '{'))
		check_unknown(buf_str(&answer), state);
	else
		check->judge(buf_str(&answer), state);
	buf_deinit(&answer);
}

static int unknown_check(const struct args *args)
{
	struct err err;
	char storage[96];
	struct buf hint = buf_over(storage, sizeof storage);
	struct suggest suggest = suggest_for(str_of(args->operands[0]));
	for (size_t i = 0; i < ARRAY_LEN(checks); i++)
		suggest_offer(&suggest, str_of(checks[i].what));
	suggest_print(&hint, &suggest);
	err_set(&err, STATUS_USAGE, "'%.40s' is not ready, ledger or memory%.*s", args->operands[0],
		(int)hint.len, hint.ptr);
	cli_fail(args, &err);
	return CHECK_UNKNOWN; /* a supervisor reads 2 as critical */
}

int cmd_check(const struct args *args)
{
	char storage[4096];
	struct buf out = buf_over(storage, sizeof storage);
	const struct check_row *check = find_check(str_of(args->operands[0]));
	struct check_state state;
	if (!check)
		return unknown_check(args);
	ask(args, check, &state);
	if (str_eq(args_str(args, FLAG_check_format), STR("json")))
		check_print_json(&out, check->what, &state);
	else
		check_print_nagios(&out, check->what, &state);
	return cli_print(args, &out) ? CHECK_UNKNOWN : (int)state.level;
}
