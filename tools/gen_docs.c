/* gen_docs - writes or checks the pages of docs/reference that come from the tables.
 *
 *	gen_docs --write docs/reference    writes what differs
 *	gen_docs --check docs/reference    exit status 1 and a line for each stale page
 *
 * Beside them, in ../man and ../completions: manual pages, and what shells complete by.
 */
#include <stdio.h>
#include <string.h>

#include "ask/ask.h"
#include "base/buf.h"
#include "base/check.h"
#include "cli/help.h"
#include "def/config.h"
#include "def/archive.h"
#include "def/keys.h"
#include "def/metrics.h"
#include "def/segments.h"
#include "gen_docs_manual.h"
#include "gen_docs_mfp.h"
#include "gen_docs_page.h"
#include "serve/routes.h"

/* ---- config.md ---- */

/* What is in force without any setting, spelled as `weir config show` spells it. */
static const struct config *defaults(void)
{
	static struct config *config;
	struct config_source nothing = { 0 };
	struct config_problems problems;
	enum status status = config ? STATUS_OK : config_create(&nothing, &config, &problems);
	CHECK(status == STATUS_OK);
	return config;
}

static void default_cell(struct buf *out, enum config_id id)
{
	char storage[CONFIG_VALUE_BYTES + 1];
	struct buf value = buf_over(storage, sizeof storage - 1);
	config_print_value(&value, defaults(), id);
	CHECK(!value.overflow);
	storage[value.len] = 0;
	code_cell(out, storage);
}

static void config_range(struct buf *out, enum config_id id)
{
	const struct config_row *row = config_row(id);
	char storage[256];
	struct buf range = buf_over(storage, sizeof storage - 1);
	if (*row->choices) {
		buf_printf(&range, "%s", row->choices);
	} else if (row->type == CONFIG_LIST) {
		buf_printf(&range, "%lld to %lld words", (long long)row->min, (long long)row->max);
	} else if (row->type == CONFIG_PATH) {
		buf_printf(&range, "at most %lld bytes", (long long)row->max);
	} else if (row->type == CONFIG_ADDRESS) {
		buf_printf(&range, "HOST:PORT");
	} else if (row->type != CONFIG_BOOL) {
		config_print_number(&range, id, row->min);
		buf_printf(&range, " to ");
		config_print_number(&range, id, row->max);
		if ((row->type == CONFIG_INT || row->type == CONFIG_NUMBER) && *row->unit)
			buf_printf(&range, " %s", row->unit);
	}
	storage[range.len] = 0;
	cell(out, storage);
}

static void config_page(struct buf *out)
{
	static const char *const columns[] = {
		"key", "type", "default", "range", "takes effect by", "meaning"
	};
	const char *section = "";
	title(
	    out, "Settings", "config.def",
	    "`weir.conf` holds `[section]` and `key = value` lines; `#` and `;` begin comments at "
	    "the\nstart of a line or after a blank; a value in double quotes is kept as it is. The "
	    "environment\ncomes on top: `WEIR_SECTION_KEY`, a dot as `_`. `weir config show "
	    "--origin` says what is in\nforce and where it comes from, `weir config check` finds "
	    "every error.\n\n"
	    "Sizes are bytes or have `kb`, `mb`, `gb` (1,024 each); durations are milliseconds or "
	    "have `ms`,\n`s`, `m`, `h`, `d`; numbers have at most six digits behind the point. "
	    "Settings marked SIGHUP are\ntaken over by a running weir; when any other has changed, "
	    "SIGHUP changes nothing and says which.");
	for (enum config_id id = 0; id < CONFIG_COUNT; id++) {
		const struct config_row *row = config_row(id);
		if (strcmp(section, row->section) != 0) {
			buf_printf(out, "\n## [%s]\n\n", row->section);
			header(out, columns, ARRAY_LEN(columns));
		}
		section = row->section;
		buf_char(out, '|');
		code_cell(out, row->key);
		cell(out, config_type_text(row->type));
		default_cell(out, id);
		config_range(out, id);
		cell(out, row->reload == CONFIG_LIVE ? "SIGHUP" : "new start");
		cell(out, row->help);
		buf_char(out, '\n');
	}
}

/* ---- commands.md ---- */

static void command_section(struct buf *out, enum command command)
{
	buf_printf(out, "\n## weir %s\n\n```\n", command_row(command)->words);
	help_print_command(out, command);
	buf_printf(out, "```\n");
}

static void commands_page(struct buf *out)
{
	static const char *const columns[] = { "command", "what it will do", "waits for" };
	title(
	    out, "Commands", "commands.def",
	    "Exit status: 0 done, 1 the answer is no (a check failed), 2 usage, 3 the environment "
	    "(no server,\nno file). Errors are one line on standard error.");
	for (enum command command = 0; command < COMMAND_THERE; command++)
		command_section(out, command);
	buf_printf(out,
		   "\n## Not there yet\n\nThese end with status 3 and say what they wait for.\n\n");
	header(out, columns, ARRAY_LEN(columns));
	for (enum command command = COMMAND_THERE; command < COMMAND_COUNT; command++) {
		buf_char(out, '|');
		code_cell(out, command_row(command)->words);
		cell(out, command_row(command)->summary);
		cell(out, command_row(command)->waits);
		buf_char(out, '\n');
	}
}

/* ---- the smaller pages ---- */

static void key_fields(struct buf *out, enum key_id id)
{
	static const char *const columns[] = { "field", "unit", "meaning" };
	const struct key_field *field;
	header(out, columns, ARRAY_LEN(columns));
	for (size_t i = 0; (field = key_field(i)); i++) {
		if (field->key != id)
			continue;
		buf_char(out, '|');
		code_cell(out, field->name);
		cell(out, field->unit);
		cell(out, field->meaning);
		buf_char(out, '\n');
	}
}

static void keys_page(struct buf *out)
{
	title(out, "Redis keys", "keys.def",
	      "Every key that weir writes. Braces mark the part that changes; the keys themselves "
	      "carry none.");
	for (enum key_id id = 0; id < KEY_COUNT; id++) {
		const struct key_row *row = key_row(id);
		buf_printf(out, "\n## `%s`\n\n%s. %s, %s, segment %s, written by the %s.\n\n",
			   row->pattern, row->meaning, row->type, row->life,
			   segment_row(row->segment)->name, row->writer);
		key_fields(out, id);
	}
}

/* The archive's tables. */
static const char *const archive_types[] = { "text",          "word",           "whole number",
					     "DECIMAL(18,8)", "DECIMAL(38,16)", "double",
					     "time",          "number" };

static void archive_columns(struct buf *out, const struct archive_table_row *table)
{
	static const char *const columns[] = { "column", "type", "unit", "meaning" };
	header(out, columns, ARRAY_LEN(columns));
	for (uint32_t i = 0; i < table->columns; i++) {
		const struct archive_column_row *row =
		    archive_column_row((enum archive_column)(table->first + i));
		char type[64];
		snprintf(type, sizeof type, "%s%s", archive_types[row->type],
			 row->optional ? "" : ", always");
		buf_char(out, '|');
		code_cell(out, row->name);
		cell(out, type);
		cell(out, row->unit);
		cell(out, row->meaning);
		buf_char(out, '\n');
	}
}

static void moved_tables(struct buf *out)
{
	buf_printf(out,
		   "\n# Moved tables\n\nWhat `weir migrate` puts into a sink; the archive itself "
		   "has none of them. A time is TIMESTAMPTZ in PostgreSQL and DuckDB, µs in "
		   "ClickHouse, the point's time in InfluxDB. A number is NUMERIC with all its "
		   "digits in PostgreSQL, elsewhere DECIMAL(38,16), rounded, a float in "
		   "InfluxDB; the text behind it is exact. For ever.\n");
	for (enum archive_table i = archive_set_first(ARCHIVE_MOVED);
	     i < archive_set_end(ARCHIVE_MOVED); i++) {
		const struct archive_table_row *table = archive_table_row(i);
		buf_printf(out, "\n## `%s`, moved\n\n%s. Key: `%s`.\n\n", table->name,
			   table->meaning, table->key);
		archive_columns(out, table);
	}
}

static void archive_page(struct buf *out)
{
	title(out, "The archive", "archive.def",
	      "Tables of the archive file (DuckDB), of ClickHouse and of PostgreSQL: the same "
	      "names, UTC, times in µs unless the name says ms. Behind its columns each has "
	      "`batch_id`: rows with the same key are told apart by it, the newest counts. "
	      "ClickHouse keeps what the line says; the archive file `archive.keep_days` after "
	      "every sink has it.");
	for (unsigned i = 0; i < TABLE_COUNT; i++) {
		const struct archive_table_row *table = archive_table_row((enum archive_table)i);
		buf_printf(out, "\n## `%s`\n\n%s. Key: `%s`.", table->name, table->meaning,
			   table->key);
		if (table->days)
			buf_printf(out, " %lld days.", (long long)table->days);
		buf_printf(out, "\n\n");
		archive_columns(out, table);
	}
	moved_tables(out);
}

static void metric_rows(struct buf *out, enum metric from, enum metric to)
{
	static const char *const columns[] = { "metric", "type", "labels", "meaning" };
	header(out, columns, ARRAY_LEN(columns));
	for (enum metric metric = from; metric < to; metric++) {
		const struct metric_row *row = metric_row(metric);
		buf_char(out, '|');
		code_cell(out, row->name);
		cell(out, metric_type_text(row->type));
		cell(out, row->labels);
		cell(out, row->help);
		buf_char(out, '\n');
	}
}

static void metrics_page(struct buf *out)
{
	title(out, "Metrics", "metrics.def",
	      "What weir counts, since its start, in the text format of Prometheus: `/metrics`.\n");
	metric_rows(out, 0, METRIC_INFO_FIRST);
	buf_printf(out, "\n## Of the segments' servers\n\n`/metrics` too, from INFO "
			"(redis_info.def).\n\n");
	metric_rows(out, METRIC_INFO_FIRST, METRIC_DESIGN_FIRST);
	buf_printf(out, "\n## The original design's names\n\n`/metrics/design`. A mean is that "
			"of the newest 10 s in which there was any.\n\n");
	metric_rows(out, METRIC_DESIGN_FIRST, METRIC_IDS_FIRST);
	buf_printf(out, "\n## By id\n\n`/metrics/ids`: the newest 1,000 trades, signals and "
			"results. Not for scraping: each id would be a series for ever.\n\n");
	metric_rows(out, METRIC_IDS_FIRST, METRIC_COUNT);
}

static const char *route_scope_text(enum route_scope scope)
{
	static const char *const texts[] = {
		[ROUTE_SCOPE_OPEN] = "none",
		[ROUTE_SCOPE_READ] = "read",
		[ROUTE_SCOPE_SIGNAL] = "signal",
		[ROUTE_SCOPE_OWN] = "the user's own, or admin",
		[ROUTE_SCOPE_HOOK] = "signal, by the token in the path",
		[ROUTE_SCOPE_ADMIN] = "admin",
	};
	return texts[scope];
}

static void routes_page(struct buf *out)
{
	static const char *const columns[] = { "method", "path", "scope", "parameters", "answers" };
	title(out, "HTTP", "routes.def",
	      "What `[serve] listen` answers. The scope is that of the token "
	      "(`Authorization: Bearer TOKEN`)\nwhere `serve.tokens_file` names a file of them; "
	      "admin is all scopes, and without a file no\ntoken is asked for, on the loopback "
	      "only. Bodies and answers are JSON unless the line says otherwise;\nan error is "
	      "`{\"error\":\"…\"}`. HEAD is answered as GET. `/api/v1/openapi.json` has "
	      "this table for\nprograms.\n");
	header(out, columns, ARRAY_LEN(columns));
	for (enum route_id id = 0; id < ROUTE_COUNT; id++) {
		const struct route_row *row = route_row(id);
		buf_char(out, '|');
		cell(out, row->method);
		code_cell(out, row->path);
		cell(out, route_scope_text(row->scope));
		cell(out, row->query);
		cell(out, row->summary);
		buf_char(out, '\n');
	}
}

static void status_page(struct buf *out)
{
	static const char *const columns[] = { "name", "text" };
	title(
	    out, "Statuses", "status.def",
	    "How a call can end. The names appear in logs and as the `error` label of metrics.\n");
	header(out, columns, ARRAY_LEN(columns));
	for (enum status status = 0; status < STATUS_COUNT; status++) {
		buf_char(out, '|');
		code_cell(out, status_name(status));
		cell(out, status_text(status));
		buf_char(out, '\n');
	}
}

static void segments_page(struct buf *out)
{
	static const char *const columns[] = { "segment", "holds",       "port", "maxmemory",
					       "policy",  "appendfsync", "save", "money" };
	static const char *const user_columns[] = { "user", "rules", "and on rtss" };
	title(out, "Redis segments", "segments.def",
	      "One Redis server per kind of state. The port is the usual one, opened only when "
	      "`segment.NAME.port`\nasks for it; maxmemory and appendfsync are defaults. A segment "
	      "of money data is refused on an external\nserver that can lose it.\n");
	header(out, columns, ARRAY_LEN(columns));
	for (enum segment segment = 0; segment < SEGMENT_COUNT; segment++) {
		const struct segment_row *row = segment_row(segment);
		buf_char(out, '|');
		code_cell(out, row->name);
		buf_printf(out, " %s: %s | %u | %llu MB |", row->title, row->holds, row->port,
			   (unsigned long long)row->maxmemory >> 20);
		code_cell(out, row->policy);
		code_cell(out, row->appendfsync);
		code_cell(out, row->save);
		cell(out, row->money ? "yes" : "");
		buf_char(out, '\n');
	}
	buf_printf(out,
		   "\n## Users\n\nEvery segment has these ACL users, with passwords made at the "
		   "first start in `run/users`; `default` is off.\n\n");
	header(out, user_columns, ARRAY_LEN(user_columns));
	for (enum segment_user user = 0; user < SEGMENT_USER_COUNT; user++) {
		const struct segment_user_row *row = segment_user_row(user);
		buf_char(out, '|');
		code_cell(out, row->name);
		code_cell(out, row->rules);
		code_cell(out, row->signal_rules);
		buf_char(out, '\n');
	}
}

/* ---- alerts.md ---- */

static void alert_setting(struct buf *out, enum config_id of_oi_move, enum alert_rule rule)
{
	config_print_value(out, defaults(), config_of_alert(of_oi_move, rule));
}

static bool alert_has(enum config_id of_oi_move, enum alert_rule rule)
{
	return config_i64(defaults(), config_of_alert(of_oi_move, rule)) != 0;
}

static void alert_threshold(struct buf *out, const char *word, enum config_id of_oi_move,
			    enum alert_rule rule)
{
	buf_printf(out, " %s ", word);
	alert_setting(out, of_oi_move, rule);
	buf_printf(out, " %s", alert_row(rule)->unit);
}

static const char *alert_op_word(enum alert_op op)
{
	switch (op) {
	case ALERT_BELOW: return "below";
	case ALERT_FROM: return "at or above";
	default: return "above";
	}
}

static void alert_when(struct buf *out, enum alert_rule rule)
{
	enum alert_op op = alert_row(rule)->op;
	if (op != ALERT_EVENT) {
		alert_threshold(out, alert_op_word(op), CONFIG_alert_oi_move_fire, rule);
	} else {
		buf_printf(out, " at once");
		if (alert_has(CONFIG_alert_oi_move_fire, rule))
			alert_threshold(out, "above", CONFIG_alert_oi_move_fire, rule);
	}
	if (alert_has(CONFIG_alert_oi_move_hold, rule)) {
		buf_printf(out, " for ");
		alert_setting(out, CONFIG_alert_oi_move_hold, rule);
	}
	buf_printf(out, " |");
}

static void alert_until(struct buf *out, enum alert_rule rule)
{
	static const char *const words[] = {
		[ALERT_ABOVE] = "at or under",
		[ALERT_ABOVE_UNDER] = "under",
		[ALERT_FROM] = "under",
		[ALERT_BELOW] = "at or above",
	};
	enum alert_op op = alert_row(rule)->op;
	if (op == ALERT_EVENT)
		buf_printf(out, " none");
	else
		alert_threshold(out, words[op], CONFIG_alert_oi_move_clear, rule);
	if (alert_has(CONFIG_alert_oi_move_clear_hold, rule)) {
		buf_printf(out, " for ");
		alert_setting(out, CONFIG_alert_oi_move_clear_hold, rule);
	}
	buf_printf(out, " |");
}

static void alert_throttle(struct buf *out, enum alert_rule rule)
{
	buf_printf(out, " ");
	if (alert_has(CONFIG_alert_oi_move_renotify, rule))
		alert_setting(out, CONFIG_alert_oi_move_renotify, rule);
	buf_printf(out, " | ");
	if (alert_has(CONFIG_alert_oi_move_cooldown, rule))
		alert_setting(out, CONFIG_alert_oi_move_cooldown, rule);
	buf_printf(out, " |\n");
}

static void alerts_page(struct buf *out)
{
	static const char *const columns[] = { "alert", "severity",         "one for each", "fires",
					       "ends",  "said again every", "cooldown" };
	title(
	    out, "Alerts", "alerts.def",
	    "What weir watches for. Every figure is the default of a key in the rule's section "
	    "(`config.md`):\n`fire`, `hold`, `clear`, `clear_hold`, `renotify`, `cooldown`; `on = "
	    "no` switches the rule off.\n\n\"Above 80 for 10s\" is told when the value has been "
	    "above 80 for longer than that; a value that is\nnot begins the time anew. An alert "
	    "goes on until the value has been back for the time under *ends*,\nand is told once, "
	    "and again where a time says so. After its end it is not told again for the\n"
	    "cooldown; one that fires in it is told when it is over. Events (*at once*) are told "
	    "at most once a\ncooldown. Nothing is told of values that are old or not known.\n");
	header(out, columns, ARRAY_LEN(columns));
	for (enum alert_rule rule = 0; rule < ALERT_COUNT; rule++) {
		const struct alert_row *row = alert_row(rule);
		buf_char(out, '|');
		cell(out, row->name);
		cell(out, alert_severity_text(row->severity));
		cell(out, row->kind);
		alert_when(out, rule);
		alert_until(out, rule);
		alert_throttle(out, rule);
	}
	buf_char(out, '\n');
	for (enum alert_rule rule = 0; rule < ALERT_COUNT; rule++)
		buf_printf(out, "- %s, `[alert.%s]`: %s\n", alert_row(rule)->name,
			   alert_row(rule)->id, alert_row(rule)->summary);
}

static const struct {
	const char *name;
	void (*render)(struct buf *out);
} pages[] = {
	{ "config.md", config_page },
	{ "commands.md", commands_page },
	{ "archive.md", archive_page },
	{ "keys.md", keys_page },
	{ "metrics.md", metrics_page },
	{ "routes.md", routes_page },
	{ "ask.md", ask_print_reference },
	{ "segments.md", segments_page },
	{ "status.md", status_page },
	{ "alerts.md", alerts_page },
	{ "mfp.md", mfp_page },
};

int main(int argc, char **argv)
{
	bool check = argc == 3 && strcmp(argv[1], "--check") == 0;
	if (!check && (argc != 3 || strcmp(argv[1], "--write") != 0)) {
		fprintf(stderr, "usage: gen_docs --check|--write DIR\n");
		return 2;
	}
	bool current = true;
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		char path[PATH_BYTES];
		struct buf page;
		buf_init(&page, PAGE_BYTES);
		pages[i].render(&page);
		snprintf(path, sizeof path, "%s/%s", argv[2], pages[i].name);
		current = bring_page(path, &page, check) && current;
		buf_deinit(&page);
	}
	current = bring_manual(argv[2], check) && current;
	return current ? 0 : 1;
}
