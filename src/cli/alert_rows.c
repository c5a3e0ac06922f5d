#include "cli/alert_rows.h"

#include <jansson.h>
#include <stdio.h>

#include "ask/ask.h"
#include "base/check.h"
#include "cli/cli.h"
#include "cli/running.h"
#include "cli/table.h"

enum { NUMBER_BYTES = 24 };

static struct str text_of(const json_t *object, const char *key, char number[NUMBER_BYTES])
{
	const json_t *value = json_object_get(object, key);
	if (json_is_string(value))
		return str_of(json_string_value(value));
	if (!json_is_integer(value))
		return STR("");
	snprintf(number, NUMBER_BYTES, "%lld", (long long)json_integer_value(value));
	return str_of(number);
}

/* whose: "weir" or "own"; keys: of each column behind it, NULL where there is none. */
static void put_alerts(struct table *table, const char *whose, const char *const *keys,
		       size_t count, const json_t *alerts)
{
	size_t index;
	json_t *alert;
	json_array_foreach((json_t *)alerts, index, alert)
	{
		struct str cells[TABLE_COLUMNS_MAX] = { str_of(whose) };
		char numbers[TABLE_COLUMNS_MAX][NUMBER_BYTES];
		for (size_t i = 0; i < count; i++)
			cells[i + 1] = keys[i] ? text_of(alert, keys[i], numbers[i]) : STR("");
		table_row(table, cells);
	}
}

static void put_all(struct buf *out, enum table_format format, const json_t *data)
{
	static const char *const columns[] = { "of",    "alert", "scope",    "severity",
					       "state", "told",  "first_ms", "message" };
	static const char *const weirs[] = { "name", "scope",    "severity", "state",
					     "told", "first_ms", "message" };
	static const char *const own[] = { "id",   "market",     NULL,  "state",
					   "told", "created_ms", "rule" };
	struct table table;
	table_begin(&table, out, format, columns, ARRAY_LEN(columns));
	put_alerts(&table, "weir", weirs, ARRAY_LEN(weirs), json_object_get(data, "alerts"));
	put_alerts(&table, "own", own, ARRAY_LEN(own), json_object_get(data, "own"));
	table_end(&table);
}

int alert_rows_list(const struct args *args)
{
	struct buf answer, out;
	struct err err = { 0 };
	json_error_t fault;
	json_t *root = NULL;
	int exit_status = CLI_DONE;
	bool all = args->n_operands > 0;
	buf_init(&answer, ASK_OUT_LIMIT + 1);
	buf_init(&out, ASK_OUT_LIMIT);
	enum status status =
	    running_ask(args_str(args, FLAG_state).ptr,
			all ? STR("ask json /alerts list all") : STR("ask json /alerts list"),
			&exit_status, &answer, &err);
	if (!status)
		root = json_loadb(answer.ptr, answer.len, 0, &fault);
	const json_t *data = json_object_get(root, "data");
	if (!status && !json_is_object(data))
		status = err_set(&err, STATUS_FORMAT, "weir's answer is not understood");
	if (!status)
		put_all(&out, table_format_of(args_str(args, FLAG_format)), data);
	exit_status = status ? cli_fail(args, &err) : cli_print(args, &out);
	json_decref(root);
	buf_deinit(&answer);
	buf_deinit(&out);
	return exit_status;
}
