#include "cli/fleet_history.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "cli/cli.h"
#include "cli/running.h"
#include "cli/segment_visit.h"
#include "cli/table.h"
#include "codec/samples.h"
#include "daemon/config_file.h"
#include "def/keys.h"

enum { OUT_LIMIT = 512 << 20, PAGE = 64, COLUMNS = SAMPLE_COUNT + 1, CELL_BYTES = 40 };

struct history {
	const struct args *args;
	struct segment_visit *visit;
	struct table table;
	const char *names[COLUMNS];
	enum sample samples[SAMPLE_COUNT];
	size_t count; /* of samples shown */
	int64_t from_ms, to_ms;
	char next[48]; /* where the next page begins */
	uint64_t chunks, rows, damaged;
	size_t page;
	struct sample_row_values values[SAMPLES_ROWS_MAX];
	struct buf out;
};

/* ---- which columns ---- */

static enum status choose(struct history *history, struct err *err)
{
	struct str fields = args_str(history->args, FLAG_fields), word;
	bool table = table_format_of(args_str(history->args, FLAG_format)) == TABLE_TABLE &&
		     !args_has(history->args, FLAG_json);
	history->names[0] = "ms";
	if (!fields.len && !table)
		for (enum sample sample = 0; sample < SAMPLE_COUNT; sample++)
			history->samples[history->count++] = sample;
	else if (!fields.len)
		fields = STR("con,ping,rtt,cpu,mem,q,inf,n,bal,eq,pl");
	while (fields.len && str_split(&fields, ',', &word)) {
		enum sample sample = sample_named(word);
		if (sample == SAMPLE_COUNT || history->count == SAMPLE_COUNT)
			return err_set(err, STATUS_USAGE, "--fields: there is no number '%.*s'",
				       STR_ARG(word));
		history->samples[history->count++] = sample;
	}
	for (size_t i = 0; i < history->count; i++)
		history->names[i + 1] = sample_row(history->samples[i])->name;
	return STATUS_OK;
}

/* ---- rows ---- */

static void put_row(struct history *history, const struct sample_row_values *row)
{
	char storage[COLUMNS][CELL_BYTES];
	struct str cells[COLUMNS];
	struct buf text = buf_over(storage[0], CELL_BYTES);
	buf_i64(&text, row->ms);
	cells[0] = buf_str(&text);
	for (size_t i = 0; i < history->count; i++) {
		enum sample sample = history->samples[i];
		text = buf_over(storage[i + 1], CELL_BYTES);
		if (row->known >> sample & 1)
			number_print(&text, row->values[sample]);
		cells[i + 1] = buf_str(&text);
	}
	table_row(&history->table, cells);
	history->rows++;
}

static void put_chunk(struct history *history, struct str chunk)
{
	struct samples_info info;
	history->chunks++;
	if (samples_read(chunk, &info, history->values)) {
		history->damaged++;
		return;
	}
	for (uint32_t i = 0; i < info.count; i++)
		if (history->values[i].ms >= history->from_ms &&
		    history->values[i].ms < history->to_ms)
			put_row(history, &history->values[i]);
}

/* [id, ["c", chunk]] */
static void on_page(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct history *history = ctx;
	history->page = 0;
	if (status || reply->type != REDIS_ARRAY)
		return;
	history->page = reply->count;
	for (size_t i = 0; i < reply->count; i++) {
		const struct redis_reply *entry = &reply->items[i];
		if (entry->count != 2 || entry->items[1].count < 2)
			continue;
		snprintf(history->next, sizeof history->next, "(%.*s",
			 STR_ARG(entry->items[0].text));
		put_chunk(history, entry->items[1].items[1].text);
	}
}

static enum status read_all(struct history *history, struct err *err)
{
	struct key key;
	char count[8];
	struct str name = key_instance_history(&key, str_of(history->args->operands[0]));
	snprintf(count, sizeof count, "%d", PAGE);
	snprintf(history->next, sizeof history->next, "-");
	do {
		const struct str argv[] = { STR("XRANGE"), name,         str_of(history->next),
					    STR("+"),      STR("COUNT"), str_of(count) };
		enum status status = segment_visit_call(history->visit, argv, ARRAY_LEN(argv),
							on_page, history, err);
		if (status)
			return status;
	} while (history->page == PAGE);
	return STATUS_OK;
}

/* ---- */

/* A running weir packs what is open first; with none running there is nothing open. */
static void flush(const char *state_dir, const char *id)
{
	char storage[256];
	struct buf request = buf_over(storage, sizeof storage), answer;
	struct err ignored;
	int exit_status;
	buf_printf(&request, "fleet flush %s", id);
	buf_init(&answer, 4096);
	if (!request.overflow) {
		enum status status =
		    running_ask(state_dir, buf_str(&request), &exit_status, &answer, &ignored);
		(void)status;
	}
	buf_deinit(&answer);
}

static int run(struct history *history, const struct config *config)
{
	const struct args *args = history->args;
	struct err err = { 0 };
	enum table_format format = table_format_of(args_str(args, FLAG_format));
	const char *state_dir = args_str(args, FLAG_state).ptr;
	if (choose(history, &err))
		return cli_fail(args, &err);
	flush(state_dir, args->operands[0]);
	if (segment_visit_open(state_dir, config, SEGMENT_RIS, &history->visit, &err))
		return cli_fail(args, &err);
	table_begin(&history->table, &history->out, args_has(args, FLAG_json) ? TABLE_JSON : format,
		    history->names, history->count + 1);
	enum status status = read_all(history, &err);
	table_end(&history->table);
	segment_visit_close(history->visit);
	if (status)
		return cli_fail(args, &err);
	if (!history->chunks) {
		fprintf(stderr, "weir fleet history: nothing is held of terminal '%s'\n",
			args->operands[0]);
		return CLI_NO;
	}
	int exit_status = cli_print(args, &history->out);
	if (history->damaged)
		fprintf(stderr, "weir fleet history: %llu damaged chunks were skipped\n",
			(unsigned long long)history->damaged);
	return exit_status ? exit_status : history->damaged ? CLI_NO : CLI_DONE;
}

int fleet_history(const struct args *args)
{
	struct err err = { 0 };
	struct config *config = NULL;
	if (config_file_load(cli_config_path(args), &config, NULL, &err))
		return cli_fail(args, &err);
	struct history *history = calloc(1, sizeof *history);
	CHECK(history);
	history->args = args;
	history->from_ms = args_i64(args, FLAG_from);
	history->to_ms = args_i64(args, FLAG_to);
	buf_init(&history->out, OUT_LIMIT);
	int exit_status = run(history, config);
	buf_deinit(&history->out);
	free(history);
	config_destroy(config);
	return exit_status;
}
