/* weir telegram pair | users | approve | reject | role | test: of the running weir. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/running.h"
#include "cli/table.h"

enum { ANSWER_LIMIT = 4 << 20, REQUEST_MAX = 256, TIMEOUT_MS = 10000, CELL_BYTES = 32 };

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static struct str time_cell(int64_t ms, char out[CELL_BYTES])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	return str_make(out, strftime(out, CELL_BYTES, "%Y-%m-%d %H:%M:%S", &tm));
}

static void put_user(struct table *table, const json_t *user)
{
	char id[CELL_BYTES], since[CELL_BYTES];
	snprintf(id, sizeof id, "%lld", (long long)json_integer_value(json_object_get(user, "id")));
	bool settings = json_is_true(json_object_get(user, "settings"));
	const struct str cells[] = {
		str_of(id),
		str_of(text_of(user, "name")),
		str_of(text_of(user, "state")),
		str_of(text_of(user, "role")),
		time_cell(json_integer_value(json_object_get(user, "since_ms")), since),
		settings ? STR("settings") : STR(""),
	};
	table_row(table, cells);
}

static int print_users(const struct args *args, const struct buf *answer, struct buf *out)
{
	static const char *const columns[] = { "id", "name", "state", "role", "since UTC", "by" };
	struct err err = { 0 };
	struct table table;
	json_error_t fault;
	size_t index;
	json_t *user;
	if (args_has(args, FLAG_json))
		return cli_print(args, answer);
	json_t *root = json_loadb(answer->ptr, answer->len, 0, &fault);
	if (!root) {
		err_set(&err, STATUS_FORMAT, "weir's answer is not JSON: %s", fault.text);
		return cli_fail(args, &err);
	}
	table_begin(&table, out, table_format_of(args_str(args, FLAG_format)), columns,
		    ARRAY_LEN(columns));
	json_array_foreach(json_object_get(root, "users"), index, user) put_user(&table, user);
	table_end(&table);
	json_decref(root);
	return cli_print(args, out);
}

/* "telegram role 123456 reader" */
static enum status write_request(const struct args *args, struct buf *request, struct err *err)
{
	buf_printf(request, "%s", command_row(args->command)->words);
	for (size_t i = 0; i < args->n_operands; i++) {
		if (strpbrk(args->operands[i], " \r\n"))
			return err_set(err, STATUS_USAGE, "'%.64s' is not one word",
				       args->operands[i]);
		buf_printf(request, " %s", args->operands[i]);
	}
	return request->overflow ? err_set(err, STATUS_USAGE, "the request is too long")
				 : STATUS_OK;
}

static int finish(const struct args *args, int exit_status, struct buf *answer, struct buf *out)
{
	bool tells = args->command == COMMAND_telegram_test;
	if (exit_status && !tells) {
		fprintf(stderr, "weir telegram: %.*s", (int)answer->len, answer->ptr);
		return exit_status;
	}
	if (args->command == COMMAND_telegram_users)
		return print_users(args, answer, out);
	int printed = cli_print(args, answer);
	return printed ? printed : exit_status;
}

int cmd_telegram(const struct args *args)
{
	char storage[REQUEST_MAX];
	struct buf request = buf_over(storage, sizeof storage), answer, out;
	struct err err = { 0 };
	int exit_status = 0;
	buf_init(&answer, ANSWER_LIMIT);
	buf_init(&out, ANSWER_LIMIT);
	enum status status = write_request(args, &request, &err);
	if (!status)
		status = running_ask_within(args_str(args, FLAG_state).ptr, buf_str(&request),
					    TIMEOUT_MS, &exit_status, &answer, &err);
	exit_status = status ? cli_fail(args, &err) : finish(args, exit_status, &answer, &out);
	buf_deinit(&answer);
	buf_deinit(&out);
	return exit_status;
}
