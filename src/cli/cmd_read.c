/* weir read: a stream of weir's, its packed entries as rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/json_rows.h"
#include "cli/read_last.h"
#include "cli/running.h"
#include "cli/segment_visit.h"
#include "cli/tape_walk.h"
#include "daemon/config_file.h"
#include "def/keys.h"
#include "store/store_format.h"

enum { OUT_LIMIT = 512 << 20, OPEN_LIMIT = 4 << 20, PAGE = 64, FLUSH_BYTES = 1 << 16 };

struct reading {
	const struct args *args;
	struct segment_visit *visit;
	struct str name, part; /* the stream; what follows its prefix */
	enum key_id key;
	struct read_rows *rows;
	struct read_last *last;        /* closed trades */
	struct buf out, open;          /* open: a value of bytes beside the stream */
	struct json_rows *table;       /* lines become its rows; NULL: they are printed */
	struct buf shown;              /* what the table has made of them */
	struct entries_reader *packed; /* results and signals */
	uint64_t newest;               /* lines that are wanted; 0: all */
	uint64_t rows_back;            /* of the newest entries */
	uint64_t entries, damaged;
	size_t page;
	char next[48];   /* where the next page begins */
	char oldest[44]; /* of the newest entries, as they are looked for */
	bool is_full;
	int exit_status;
};

/* The lines, as they are or as rows. */
static int show(struct reading *reading)
{
	if (!reading->table)
		return cli_print(reading->args, &reading->out);
	json_rows_lines(reading->table, buf_str(&reading->out));
	int exit_status = cli_print(reading->args, &reading->shown);
	buf_clear(&reading->shown);
	return exit_status;
}

/* What has been made of the stream so far goes out, or is cut to what is wanted of it. False:
 * nobody takes it. */
static bool give(struct reading *reading)
{
	if (reading->newest)
		read_tail(&reading->out, reading->newest);
	if (reading->newest || reading->out.len < FLUSH_BYTES)
		return true;
	reading->exit_status = show(reading);
	buf_clear(&reading->out);
	return reading->exit_status == CLI_DONE;
}

/* ---- entries ---- */

static void take_chunk(struct reading *reading, struct str chunk)
{
	enum status status;
	if (reading->key == KEY_bars)
		status = read_bars(reading->rows, chunk);
	else if (reading->key == KEY_instance_history)
		status = read_samples(reading->rows, chunk);
	else
		status = read_last_chunk(reading->last, chunk);
	if (status == STATUS_FULL)
		reading->is_full = true;
	else if (status)
		reading->damaged++;
}

static bool is_packed(const struct reading *reading)
{
	return reading->key == KEY_bars || reading->key == KEY_instance_history ||
	       reading->key == KEY_trades_closed;
}

/* Of results and signals an entry is plain, or has the one field p: then its chunk. */
static bool find_chunk(const struct reading *reading, const struct redis_reply *fields,
		       enum entries_table *table, struct str *chunk)
{
	*table = reading->key == KEY_trade_results ? ENTRIES_RESULTS : ENTRIES_SIGNALS;
	bool mixed = reading->key == KEY_trade_results || reading->key == KEY_trade_signals;
	return mixed && read_is_packed(fields, chunk);
}

static void take_mixed(struct reading *reading, struct str id, const struct redis_reply *fields)
{
	enum entries_table table;
	struct str chunk;
	if (!find_chunk(reading, fields, &table, &chunk))
		read_entry(reading->rows, id, fields);
	else if (read_packed(reading->rows, reading->packed, table, id, chunk))
		reading->damaged++;
}

/* [id, [name, value, …]]; a packed one of the other streams has the one field c. */
static void take_entry(struct reading *reading, const struct redis_reply *entry)
{
	if (entry->type != REDIS_ARRAY || entry->count != 2 ||
	    entry->items[1].type != REDIS_ARRAY) {
		reading->damaged++;
		return;
	}
	const struct redis_reply *fields = &entry->items[1];
	snprintf(reading->next, sizeof reading->next, "(%.*s", STR_ARG(entry->items[0].text));
	reading->entries++;
	if (!is_packed(reading))
		take_mixed(reading, entry->items[0].text, fields);
	else if (fields->count == 2 && str_eq(fields->items[0].text, STR("c")))
		take_chunk(reading, fields->items[1].text);
	else
		reading->damaged++;
}

static void on_page(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct reading *reading = ctx;
	reading->page = 0;
	if (status || reply->type != REDIS_ARRAY)
		return;
	reading->page = reply->count;
	for (size_t i = 0; i < reply->count; i++)
		take_entry(reading, &reply->items[i]);
}

/* The bounds as ids: of events, results and signals, whose time is their entry's. */
static void bounds(const struct reading *reading, char from[static 24], char to[static 24])
{
	const struct read_rows *rows = reading->rows;
	bool all = is_packed(reading);
	snprintf(from, 24, "-");
	snprintf(to, 24, "+");
	if (!all && rows->from_ms > 0)
		snprintf(from, 24, "%lld", (long long)rows->from_ms);
	if (!all && rows->to_ms < INT64_MAX)
		snprintf(to, 24, "%lld", (long long)(rows->to_ms > 0 ? rows->to_ms - 1 : 0));
}

/* From reading->next on. */
static enum status read_on(struct reading *reading, struct err *err)
{
	char from[24], to[24], count[24];
	bounds(reading, from, to);
	snprintf(count, sizeof count, "%d", PAGE);
	do {
		const struct str argv[] = { STR("XRANGE"), reading->name, str_of(reading->next),
					    str_of(to),    STR("COUNT"),  str_of(count) };
		enum status status = segment_visit_call(reading->visit, argv, ARRAY_LEN(argv),
							on_page, reading, err);
		if (status)
			return status;
	} while (reading->page == PAGE && give(reading) && !reading->is_full);
	return STATUS_OK;
}

static enum status read_pages(struct reading *reading, struct err *err)
{
	char to[24], from[24];
	bounds(reading, from, to);
	snprintf(reading->next, sizeof reading->next, "%s", from);
	return read_on(reading, err);
}

/* ---- the newest lines ---- */

static void count_back(struct reading *reading, const struct redis_reply *entry)
{
	enum entries_table table;
	struct str chunk;
	size_t rows = 1;
	if (entry->count != 2 || reading->rows_back >= reading->newest)
		return;
	snprintf(reading->oldest, sizeof reading->oldest, "%.*s", STR_ARG(entry->items[0].text));
	if (find_chunk(reading, &entry->items[1], &table, &chunk) &&
	    entries_count(table, chunk, &rows))
		rows = 1;
	reading->rows_back += rows;
}

/* From back to front, as the server was asked. */
static void on_page_back(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct reading *reading = ctx;
	reading->page = 0;
	if (status || reply->type != REDIS_ARRAY)
		return;
	reading->page = reply->count;
	for (size_t i = 0; i < reply->count; i++)
		count_back(reading, &reply->items[i]);
}

/* How many lines an entry has is seen in it: first the place is looked for where that many
 * begin, then it is read from there. */
static enum status read_newest(struct reading *reading, struct err *err)
{
	char from[24], to[24], count[24];
	bounds(reading, from, to);
	snprintf(count, sizeof count, "%d", PAGE);
	snprintf(reading->next, sizeof reading->next, "%s", to);
	do {
		const struct str argv[] = { STR("XREVRANGE"), reading->name, str_of(reading->next),
					    str_of(from),     STR("COUNT"),  str_of(count) };
		enum status status = segment_visit_call(reading->visit, argv, ARRAY_LEN(argv),
							on_page_back, reading, err);
		if (status)
			return status;
		snprintf(reading->next, sizeof reading->next, "(%s", reading->oldest);
	} while (reading->page == PAGE && reading->rows_back < reading->newest);
	if (!reading->oldest[0])
		return STATUS_OK;
	snprintf(reading->next, sizeof reading->next, "%s", reading->oldest);
	return read_on(reading, err);
}

/* ---- what is packed, and still open beside its stream ---- */

static enum status read_market_id(struct reading *reading, struct market_id *id, struct err *err)
{
	if (market_id_parse(reading->part, id))
		return err_set(err, STATUS_USAGE, "'%.*s' is no market: VENUE:KIND:SYMBOL",
			       STR_ARG(reading->part));
	return STATUS_OK;
}

static bool take_tape_chunk(void *ctx, struct str chunk, bool open)
{
	struct reading *reading = ctx;
	(void)open;
	reading->entries++;
	if (read_tape(reading->rows, chunk))
		reading->damaged++;
	return give(reading);
}

static enum status read_tape_stream(struct reading *reading, struct err *err)
{
	struct market_id id;
	enum status status = read_market_id(reading, &id, err);
	return status ? status : tape_walk(reading->visit, &id, take_tape_chunk, reading, err);
}

static void on_open(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct reading *reading = ctx;
	if (!status && reply->type == REDIS_BULK)
		buf_str_put(&reading->open, reply->text);
}

static void take_open_bars(struct reading *reading)
{
	struct open_state state;
	struct str chunk;
	if (!reading->open.len)
		return;
	reading->entries++;
	if (open_state_read(buf_str(&reading->open), &state)) {
		reading->damaged++;
		return;
	}
	while (open_state_next_bars(&state.bars, &chunk))
		take_chunk(reading, chunk);
}

/* The open minutes are taken first and told last: what closes meanwhile is told once. */
static enum status read_bars_stream(struct reading *reading, struct err *err)
{
	struct market_id id;
	struct key key;
	enum status status = read_market_id(reading, &id, err);
	if (status)
		return status;
	const struct str argv[] = { STR("GET"), key_bars_open(&key, &id) };
	status = segment_visit_call(reading->visit, argv, ARRAY_LEN(argv), on_open, reading, err);
	if (!status)
		status = read_pages(reading, err);
	if (!status && !reading->exit_status)
		take_open_bars(reading);
	return status;
}

static enum status read_closed_stream(struct reading *reading, struct err *err)
{
	enum status status = read_pages(reading, err);
	if (!status && reading->is_full)
		return err_set(err, STATUS_FULL, "more than %d trades, or %d accounts",
			       READ_LAST_TRADES, READ_LAST_ACCOUNTS);
	if (!status)
		read_last_print(reading->last, reading->rows);
	return status;
}

/* ---- */

/* A running weir packs a terminal's open rows first; with none running there are none. */
static void flush_history(const struct reading *reading)
{
	char storage[256];
	struct buf request = buf_over(storage, sizeof storage), answer;
	struct err ignored;
	int exit_status;
	buf_printf(&request, "fleet flush %.*s", STR_ARG(reading->part));
	buf_init(&answer, 4096);
	if (!request.overflow) {
		enum status status =
		    running_ask(args_str(reading->args, FLAG_state).ptr, buf_str(&request),
				&exit_status, &answer, &ignored);
		(void)status;
	}
	buf_deinit(&answer);
}

static enum status read_stream(struct reading *reading, struct err *err)
{
	switch (reading->key) {
	case KEY_tape: return read_tape_stream(reading, err);
	case KEY_bars: return read_bars_stream(reading, err);
	case KEY_trades_closed: return read_closed_stream(reading, err);
	case KEY_instance_history: return read_pages(reading, err);
	default: break;
	}
	return reading->newest ? read_newest(reading, err) : read_pages(reading, err);
}

static void end_table(struct reading *reading)
{
	json_rows_end(reading->table);
	if (!reading->exit_status)
		reading->exit_status = cli_print(reading->args, &reading->shown);
	if (reading->table->left_out)
		fprintf(stderr,
			"weir read: %llu values of later rows have no column: --format jsonl has "
			"them\n",
			(unsigned long long)reading->table->left_out);
}

static int say_what_was(struct reading *reading)
{
	if (reading->newest)
		read_tail(&reading->out, reading->newest);
	if (!reading->exit_status)
		reading->exit_status = show(reading);
	if (reading->table)
		end_table(reading);
	if (reading->damaged)
		fprintf(stderr, "weir read: %llu damaged entries were skipped\n",
			(unsigned long long)reading->damaged);
	if (!reading->entries)
		fprintf(stderr, "weir read: %.*s holds nothing\n", STR_ARG(reading->name));
	return reading->exit_status ? reading->exit_status : reading->damaged ? CLI_NO : CLI_DONE;
}

static int run(struct reading *reading, const struct config *config)
{
	struct err err = { 0 };
	const char *state_dir = args_str(reading->args, FLAG_state).ptr;
	if (reading->key == KEY_instance_history)
		flush_history(reading);
	enum status status = segment_visit_open(state_dir, config, key_row(reading->key)->segment,
						&reading->visit, &err);
	if (!status)
		status = read_stream(reading, &err);
	segment_visit_close(reading->visit);
	return status ? cli_fail(reading->args, &err) : say_what_was(reading);
}

/* Is it a stream of weir's? Else one line says what it is. */
static bool find_stream(struct reading *reading)
{
	if (key_find(reading->name, &reading->key, &reading->part)) {
		fprintf(stderr, "weir read: '%.*s' is no key of weir's: see `weir keys`\n",
			STR_ARG(reading->name));
		return false;
	}
	const char *type = key_row(reading->key)->type;
	if (strcmp(type, "stream") == 0)
		return true;
	fprintf(stderr, "weir read: '%.*s' is no stream but a %s\n", STR_ARG(reading->name), type);
	return false;
}

int cmd_read(const struct args *args)
{
	struct err err = { 0 };
	struct config *config = NULL;
	struct reading reading = { .args = args, .name = str_of(args->operands[0]) };
	if (!find_stream(&reading))
		return CLI_NO;
	if (config_file_load(cli_config_path(args), &config, NULL, &err))
		return cli_fail(args, &err);
	reading.rows = calloc(1, sizeof *reading.rows);
	CHECK(reading.rows);
	reading.rows->out = &reading.out;
	enum table_format format = json_rows_format(args);
	bool json = args_has(args, FLAG_json);
	reading.rows->json = json || format != TABLE_TABLE;
	if (!json && format != TABLE_TABLE && format != TABLE_JSONL) {
		reading.table = calloc(1, sizeof *reading.table);
		CHECK(reading.table);
		json_rows_begin(reading.table, &reading.shown, format);
	}
	reading.rows->from_ms = args_i64(args, FLAG_from);
	reading.rows->to_ms = args_i64(args, FLAG_to);
	reading.newest = args_has(args, FLAG_n) ? (uint64_t)args_i64(args, FLAG_n) : 0;
	reading.last = read_last_create();
	reading.packed = entries_reader_create();
	CHECK(reading.packed);
	buf_init(&reading.out, OUT_LIMIT);
	buf_init(&reading.open, OPEN_LIMIT);
	buf_init(&reading.shown, OUT_LIMIT);
	int exit_status = run(&reading, config);
	buf_deinit(&reading.open);
	buf_deinit(&reading.out);
	buf_deinit(&reading.shown);
	free(reading.table);
	read_last_destroy(reading.last);
	entries_reader_destroy(reading.packed);
	free(reading.rows);
	config_destroy(config);
	return exit_status;
}
