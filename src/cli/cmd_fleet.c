/* weir fleet list | show | start | stop | restart | hold | release; history has a file of
 * its own. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/fleet_history.h"
#include "cli/json_rows.h"
#include "cli/running.h"
#include "cli/table.h"

enum { ANSWER_LIMIT = 32 << 20, OUT_LIMIT = 32 << 20, REQUEST_MAX = 256 };

/* ---- cells ---- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static struct str number_cell(const json_t *value, char *storage, size_t size)
{
	if (json_is_string(value))
		return str_of(json_string_value(value));
	if (!json_is_integer(value))
		return STR("");
	snprintf(storage, size, "%lld", (long long)json_integer_value(value));
	return str_of(storage);
}

/* ---- list ---- */

static const char *const columns[] = { "id",    "state",  "flags",     "reason", "host",
				       "login", "server", "positions", "eq",     "pl",
				       "ping",  "cpu",    "mem",       "waiting" };

static void put_instance(struct table *table, const json_t *instance)
{
	char storage[ARRAY_LEN(columns)][32];
	struct str cells[ARRAY_LEN(columns)];
	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		cells[i] = number_cell(json_object_get(instance, columns[i]), storage[i],
				       sizeof storage[i]);
	table_row(table, cells);
}

static int print_list(const struct args *args, struct buf *answer, struct buf *out)
{
	struct err err = { 0 };
	struct table table;
	json_error_t fault;
	json_t *root = json_loadb(answer->ptr, answer->len, 0, &fault), *instance;
	size_t index;
	if (!root) {
		err_set(&err, STATUS_FORMAT, "weir's answer is not JSON: %s", fault.text);
		return cli_fail(args, &err);
	}
	table_begin(&table, out, table_format_of(args_str(args, FLAG_format)), columns,
		    ARRAY_LEN(columns));
	json_array_foreach(json_object_get(root, "instances"), index, instance)
	    put_instance(&table, instance);
	table_end(&table);
	json_decref(root);
	return cli_print(args, out);
}

/* ---- show ---- */

static void put_fact(struct buf *out, const char *name, const json_t *value)
{
	char storage[32];
	struct str text = number_cell(value, storage, sizeof storage);
	if (json_is_boolean(value))
		text = json_is_true(value) ? STR("yes") : STR("no");
	if (text.len)
		buf_printf(out, "%-12s %.*s\n", name, STR_ARG(text));
}

static void put_numbers(struct buf *out, const json_t *numbers)
{
	const char *name;
	json_t *value;
	int shown = 0;
	buf_printf(out, "\n");
	json_object_foreach((json_t *)numbers, name, value)
	{
		if (!json_is_string(value))
			continue;
		buf_printf(out, "%-6s %-14s%s", name, json_string_value(value),
			   ++shown % 4 ? "" : "\n");
	}
	buf_printf(out, shown % 4 ? "\n" : "");
}

static void put_positions(struct buf *out, const json_t *positions)
{
	static const char *const names[] = { "position",  "symbol", "side", "volume", "price_open",
					     "price_now", "sl",     "tp",   "profit" };
	struct table table;
	json_t *position;
	size_t index;
	if (!json_array_size(positions))
		return;
	buf_printf(out, "\n");
	table_begin(&table, out, TABLE_TABLE, names, ARRAY_LEN(names));
	json_array_foreach((json_t *)positions, index, position)
	{
		char storage[ARRAY_LEN(names)][32];
		struct str cells[ARRAY_LEN(names)];
		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			cells[i] = number_cell(json_object_get(position, names[i]), storage[i],
					       sizeof storage[i]);
		table_row(&table, cells);
	}
	table_end(&table);
}

static int print_show(const struct args *args, struct buf *answer, struct buf *out)
{
	struct err err = { 0 };
	json_error_t fault;
	const char *name;
	json_t *root = json_loadb(answer->ptr, answer->len, 0, &fault), *value;
	if (!root) {
		err_set(&err, STATUS_FORMAT, "weir's answer is not JSON: %s", fault.text);
		return cli_fail(args, &err);
	}
	enum table_format format = json_rows_format(args);
	if (format != TABLE_TABLE) {
		json_facts_print(out, format, root);
		json_decref(root);
		return cli_print(args, out);
	}
	buf_printf(out, "%s  %s  %s\n", text_of(root, "id"), text_of(root, "state"),
		   text_of(root, "flags"));
	json_object_foreach(root, name,
			    value) if (strcmp(name, "id") != 0 && strcmp(name, "state") != 0 &&
				       strcmp(name, "flags") != 0) put_fact(out, name, value);
	put_numbers(out, json_object_get(root, "numbers"));
	put_positions(out, json_object_get(root, "open"));
	json_decref(root);
	return cli_print(args, out);
}

/* ---- requests ---- */

static const struct fleet_command {
	enum command command;
	const char *verb;
	enum flag flag; /* that adds a word; FLAG_COUNT none */
} commands[] = {
	{ COMMAND_fleet_list, "list", FLAG_COUNT },
	{ COMMAND_fleet_show, "show", FLAG_COUNT },
	{ COMMAND_fleet_start, "start", FLAG_COUNT },
	{ COMMAND_fleet_stop, "stop", FLAG_flat },
	{ COMMAND_fleet_restart, "restart", FLAG_clean },
	{ COMMAND_fleet_hold, "hold", FLAG_COUNT },
	{ COMMAND_fleet_release, "release", FLAG_COUNT },
	{ COMMAND_fleet_halt, "halt", FLAG_flat },
	{ COMMAND_fleet_resume, "resume", FLAG_COUNT },
};

static enum status write_request(const struct args *args, struct buf *request, struct err *err)
{
	size_t at = 0;
	while (commands[at].command != args->command)
		at++;
	buf_printf(request, "fleet %s", commands[at].verb);
	bool halts = args->command == COMMAND_fleet_halt || args->command == COMMAND_fleet_resume;
	if (args->n_operands || halts)
		buf_printf(request, " %s", args->n_operands ? args->operands[0] : "all");
	for (size_t i = 0; i < request->len; i++) /* a request is one line */
		if ((unsigned char)request->ptr[i] < 0x20)
			request->ptr[i] = '?';
	if (commands[at].flag != FLAG_COUNT && args_has(args, commands[at].flag))
		buf_printf(request, " %s", flag_row(commands[at].flag)->name);
	return request->overflow ? err_set(err, STATUS_USAGE, "the terminal's id is too long")
				 : STATUS_OK;
}

static int print_answer(const struct args *args, int exit_status, struct buf *answer,
			struct buf *out)
{
	if (exit_status) { /* it says why, in a line */
		fprintf(stderr, "weir fleet: %.*s", (int)answer->len, answer->ptr);
		return exit_status;
	}
	if (args_has(args, FLAG_json))
		return cli_print(args, answer);
	return args->command == COMMAND_fleet_list ? print_list(args, answer, out)
						   : print_show(args, answer, out);
}

static int ask(const struct args *args, struct buf *answer, struct buf *out)
{
	char storage[REQUEST_MAX];
	struct buf request = buf_over(storage, sizeof storage);
	struct err err = { 0 };
	int exit_status = 0;
	enum status status = write_request(args, &request, &err);
	if (!status)
		status = running_ask(args_str(args, FLAG_state).ptr, buf_str(&request),
				     &exit_status, answer, &err);
	if (status)
		return cli_fail(args, &err);
	bool data = args->command == COMMAND_fleet_list || args->command == COMMAND_fleet_show;
	if (data || exit_status)
		return print_answer(args, exit_status, answer, out);
	return CLI_DONE;
}

int cmd_fleet(const struct args *args)
{
	struct buf answer, out;
	if (args->command == COMMAND_fleet_history)
		return fleet_history(args);
	buf_init(&answer, ANSWER_LIMIT);
	buf_init(&out, OUT_LIMIT);
	int exit_status = ask(args, &answer, &out);
	buf_deinit(&answer);
	buf_deinit(&out);
	return exit_status;
}
