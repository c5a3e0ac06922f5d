/* weir memory: the segments of the running weir against their budgets. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/running.h"
#include "cli/table.h"

enum { ANSWER_LIMIT = 1 << 20, CELL_BYTES = 40 };

struct cell {
	char text[CELL_BYTES];
};

/* ---- cells ---- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

static long long number_of(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static bool knows(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	return value && !json_is_null(value);
}

static struct str mb_cell(const json_t *object, const char *key, struct cell *cell)
{
	if (!knows(object, key))
		return STR("");
	snprintf(cell->text, sizeof cell->text, "%.1f", (double)number_of(object, key) / 1e6);
	return str_of(cell->text);
}

static struct str count_cell(const json_t *object, const char *key, struct cell *cell)
{
	if (!knows(object, key))
		return STR("");
	snprintf(cell->text, sizeof cell->text, "%lld", number_of(object, key));
	return str_of(cell->text);
}

static struct str seconds_cell(const json_t *object, const char *key, struct cell *cell)
{
	long long seconds = number_of(object, key);
	if (!knows(object, key))
		return STR("");
	if (seconds < 600)
		snprintf(cell->text, sizeof cell->text, "%lld s", seconds);
	else if (seconds < 36000)
		snprintf(cell->text, sizeof cell->text, "%lld min", seconds / 60);
	else
		snprintf(cell->text, sizeof cell->text, "%lld h", seconds / 3600);
	return str_of(cell->text);
}

/* ---- tables ---- */

static void put_segments(struct buf *out, enum table_format format, const json_t *segments)
{
	static const char *const columns[] = { "segment",     "state",  "used MB",    "max MB",
					       "%",           "level",  "growth B/s", "full in",
					       "resident MB", "fragm.", "keys",       "expiring",
					       "evicted",     "refused" };
	struct table table;
	json_t *segment;
	size_t index;
	table_begin(&table, out, format, columns, ARRAY_LEN(columns));
	json_array_foreach((json_t *)segments, index, segment)
	{
		struct cell cells[ARRAY_LEN(columns)];
		const struct str row[] = {
			str_of(text_of(segment, "segment")),
			str_of(text_of(segment, "state")),
			mb_cell(segment, "used", &cells[2]),
			mb_cell(segment, "max", &cells[3]),
			str_of(text_of(segment, "percent")),
			str_of(text_of(segment, "level")),
			count_cell(segment, "growth", &cells[6]),
			seconds_cell(segment, "full_in_s", &cells[7]),
			mb_cell(segment, "rss", &cells[8]),
			str_of(text_of(segment, "fragmentation")),
			count_cell(segment, "keys", &cells[10]),
			count_cell(segment, "keys_expiring", &cells[11]),
			count_cell(segment, "evicted", &cells[12]),
			count_cell(segment, "refused", &cells[13]),
		};
		table_row(&table, row);
	}
	table_end(&table);
}

static void put_actions(struct buf *out, const json_t *segments)
{
	json_t *segment, *action;
	size_t index, at;
	bool any = false;
	json_array_foreach((json_t *)segments, index, segment)
	{
		json_array_foreach(json_object_get(segment, "actions"), at, action)
		{
			buf_printf(out, "%s%s: %s\n", any ? "" : "\n", text_of(segment, "segment"),
				   text_of(action, "what"));
			any = true;
		}
	}
}

static void put_families(struct buf *out, const json_t *segments)
{
	static const char *const columns[] = { "segment", "family", "keys",
					       "bytes",   "",       "they leave" };
	struct table table;
	json_t *segment, *family;
	size_t index, at;
	table_begin(&table, out, TABLE_TABLE, columns, ARRAY_LEN(columns));
	json_array_foreach((json_t *)segments, index, segment)
	{
		json_array_foreach(json_object_get(segment, "families"), at, family)
		{
			struct cell keys, bytes;
			bool estimated = json_is_true(json_object_get(family, "estimated"));
			const struct str row[] = {
				str_of(text_of(segment, "segment")),
				str_of(text_of(family, "family")),
				count_cell(family, "keys", &keys),
				count_cell(family, "bytes", &bytes),
				estimated ? STR("estimated") : STR(""),
				str_of(text_of(family, "life")),
			};
			table_row(&table, row);
		}
	}
	table_end(&table);
}

static void put_text(struct buf *out, const json_t *data)
{
	const json_t *segments = json_object_get(data, "segments");
	struct cell resident;
	put_segments(out, TABLE_TABLE, segments);
	put_actions(out, segments);
	buf_char(out, '\n');
	put_families(out, segments);
	if (knows(data, "resident"))
		buf_printf(out, "\nweir itself: %.*s MB resident\n",
			   STR_ARG(mb_cell(data, "resident", &resident)));
}

static int print(const struct args *args, const struct buf *answer, struct buf *out)
{
	struct err err = { 0 };
	json_error_t fault;
	json_t *root = json_loadb(answer->ptr, answer->len, 0, &fault);
	const json_t *data = json_object_get(root, "data");
	enum table_format format = table_format_of(args_str(args, FLAG_format));
	if (!json_is_object(data)) {
		json_decref(root);
		err_set(&err, STATUS_FORMAT, "weir's answer is not understood");
		return cli_fail(args, &err);
	}
	if (args_has(args, FLAG_json)) {
		char *text = json_dumps(data, JSON_COMPACT);
		buf_printf(out, "%s\n", text ? text : "");
		free(text);
	} else if (format != TABLE_TABLE) {
		put_segments(out, format, json_object_get(data, "segments"));
	} else {
		put_text(out, data);
	}
	json_decref(root);
	return cli_print(args, out);
}

int cmd_memory(const struct args *args)
{
	struct err err = { 0 };
	struct buf answer, out;
	int exit_status = CLI_DONE;
	buf_init(&answer, ANSWER_LIMIT);
	buf_init(&out, ANSWER_LIMIT);
	if (running_ask(args_str(args, FLAG_state).ptr, STR("ask json /memory"), &exit_status,
			&answer, &err))
		exit_status = cli_fail(args, &err);
	else
		exit_status = print(args, &answer, &out);
	buf_deinit(&answer);
	buf_deinit(&out);
	return exit_status;
}
