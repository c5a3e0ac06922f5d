/* weir tape stat | verify | cat | minutes */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "cli/bars_csv.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/table.h"
#include "cli/tape_verify.h"
#include "cli/tape_walk.h"
#include "codec/decoder.h"
#include "daemon/config_file.h"
#include "def/keys.h"
#include "market/markets.h"

enum { OUT_LIMIT = 256 << 20, CAT_FLUSH_BYTES = 1 << 16, TURN_NS = 100000000 };

struct tape_command {
	const struct args *args;
	struct segment_visit *visit;
	struct trade *trades; /* one chunk */
	struct buf out;
};

/* ---- stat ---- */

struct stat_row {
	uint64_t trades, chunks, open_trades, payload_bytes, redis_bytes, damaged;
};

static bool count_chunk(void *ctx, struct str chunk, bool open)
{
	struct stat_row *row = ctx;
	struct tape_info info;
	if (tape_info_read(chunk, &info)) {
		row->damaged++;
	} else if (open) {
		row->open_trades += info.count;
	} else {
		row->chunks++;
		row->trades += info.count;
		row->payload_bytes += chunk.len;
	}
	return true;
}

static void on_usage(void *ctx, enum status status, const struct redis_reply *reply)
{
	uint64_t *bytes = ctx;
	if (!status && reply->type == REDIS_INTEGER && reply->integer > 0)
		*bytes += (uint64_t)reply->integer;
}

static enum status stat_market(struct tape_command *command, const struct market_id *market,
			       struct stat_row *row, struct err *err)
{
	struct key tape, open;
	*row = (struct stat_row){ 0 };
	enum status status = tape_walk(command->visit, market, count_chunk, row, err);
	const struct str names[] = { key_tape(&tape, market), key_tape_open(&open, market) };
	for (size_t i = 0; !status && i < ARRAY_LEN(names); i++) {
		struct str argv[] = { STR("MEMORY"), STR("USAGE"), names[i], STR("SAMPLES"),
				      STR("0") };
		status = segment_visit_call(command->visit, argv, ARRAY_LEN(argv), on_usage,
					    &row->redis_bytes, err);
	}
	return status;
}

static void put_stat_json(struct buf *out, const struct market_id *market,
			  const struct stat_row *row, bool first)
{
	buf_printf(out, "%s{\"market\":\"", first ? "" : ",");
	market_id_print(out, market);
	buf_printf(out,
		   "\",\"trades\":%llu,\"chunks\":%llu,\"open_trades\":%llu,\"payload_bytes\":%llu,"
		   "\"redis_bytes\":%llu,\"bytes_per_trade\":",
		   (unsigned long long)row->trades, (unsigned long long)row->chunks,
		   (unsigned long long)row->open_trades, (unsigned long long)row->payload_bytes,
		   (unsigned long long)row->redis_bytes);
	if (row->trades)
		buf_printf(out, "%.6f}", (double)row->payload_bytes / (double)row->trades);
	else
		buf_printf(out, "null}");
}

static const char *const stat_columns[] = { "market",         "trades",        "chunks",
					    "open_trades",    "payload_bytes", "redis_bytes",
					    "bytes_per_trade" };

/* For people and for spreadsheets; JSON has a form of its own. */
static void put_stat_row(struct table *table, const struct market_id *market,
			 const struct stat_row *row)
{
	char storage[ARRAY_LEN(stat_columns)][64];
	struct str cells[ARRAY_LEN(stat_columns)];
	const uint64_t numbers[] = { row->trades, row->chunks, row->open_trades, row->payload_bytes,
				     row->redis_bytes };
	struct buf name = buf_over(storage[0], sizeof storage[0]);
	market_id_print(&name, market);
	cells[0] = buf_str(&name);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		snprintf(storage[i + 1], sizeof storage[i + 1], "%llu",
			 (unsigned long long)numbers[i]);
		cells[i + 1] = str_of(storage[i + 1]);
	}
	snprintf(storage[6], sizeof storage[6], "%.3f",
		 row->trades ? (double)row->payload_bytes / (double)row->trades : 0);
	cells[6] = row->trades                    ? str_of(storage[6])
		   : table->format == TABLE_TABLE ? STR("-")
						  : STR("");
	table_row(table, cells);
}

static int run_stat(struct tape_command *command, struct err *err)
{
	struct market_id markets[MARKETS_MAX];
	size_t count = 0;
	bool json = args_has(command->args, FLAG_json);
	enum table_format format = table_format_of(args_str(command->args, FLAG_format));
	struct table table = { 0 };
	uint64_t damaged = 0;
	if (tape_markets(command->visit, markets, MARKETS_MAX, &count, err))
		return cli_fail(command->args, err);
	if (json)
		buf_printf(&command->out, "{\"priors\":%u,\"markets\":[", tape_priors_version());
	else
		table_begin(&table, &command->out, format, stat_columns, ARRAY_LEN(stat_columns));
	for (size_t i = 0; i < count; i++) {
		struct stat_row row;
		if (stat_market(command, &markets[i], &row, err)) {
			if (!json)
				table_end(&table);
			return cli_fail(command->args, err);
		}
		damaged += row.damaged;
		if (json)
			put_stat_json(&command->out, &markets[i], &row, i == 0);
		else
			put_stat_row(&table, &markets[i], &row);
	}
	if (json)
		buf_printf(&command->out, "]}\n");
	else
		table_end(&table);
	if (!json && format == TABLE_TABLE)
		buf_printf(&command->out, "priors version %u\n", tape_priors_version());
	int exit_status = cli_print(command->args, &command->out);
	return exit_status ? exit_status : damaged ? CLI_NO : CLI_DONE;
}

/* ---- cat ---- */

struct cat {
	struct tape_command *command;
	const struct market_id *market;
	int64_t from_ms, to_ms;
	uint64_t damaged;
	int exit_status;
};

static void put_trade(struct cat *cat, const struct tape_info *info, const struct trade *trade)
{
	char id[24];
	struct buf id_text = buf_over(id, sizeof id);
	struct event event = {
		.type = EVENT_TRADE,
		.symbol = str_of(cat->market->symbol),
		.t_ms = trade->t_ms,
		.trade = {
			.ordered_id = cat->market->venue == VENUE_BINANCE ? trade->id : -1,
			.seq = cat->market->venue == VENUE_BINANCE ? 0 : trade->id,
			.price = { trade->price, info->price_scale },
			.qty = { trade->qty, info->qty_scale },
			.side = trade->side,
		},
	};
	if (cat->market->venue == VENUE_BINANCE) /* elsewhere the tape keeps seq, not the id */
		buf_i64(&id_text, trade->id);
	event.trade.id = buf_str(&id_text);
	event_print_json(&cat->command->out, cat->market->venue, cat->market->kind, &event, 0);
	buf_char(&cat->command->out, '\n');
}

static bool cat_chunk(void *ctx, struct str chunk, bool open)
{
	struct cat *cat = ctx;
	struct tape_info info;
	(void)open;
	if (tape_read(chunk, &info, cat->command->trades)) {
		cat->damaged++;
		return true;
	}
	for (uint32_t i = 0; i < info.count; i++) {
		const struct trade *trade = &cat->command->trades[i];
		if (trade->t_ms >= cat->from_ms && trade->t_ms < cat->to_ms)
			put_trade(cat, &info, trade);
	}
	if (cat->command->out.len < CAT_FLUSH_BYTES)
		return true;
	cat->exit_status = cli_print(cat->command->args, &cat->command->out);
	buf_clear(&cat->command->out);
	return cat->exit_status == CLI_DONE;
}

static int run_cat(struct tape_command *command, struct err *err)
{
	struct market_id market;
	if (!args_market(command->args, FLAG_market, &market)) {
		err_set(err, STATUS_USAGE, "--market VENUE:KIND:SYMBOL is missing");
		return cli_fail(command->args, err);
	}
	struct cat cat = {
		.command = command,
		.market = &market,
		.from_ms = args_i64(command->args, FLAG_from),
		.to_ms = args_i64(command->args, FLAG_to),
	};
	if (tape_walk(command->visit, &market, cat_chunk, &cat, err))
		return cli_fail(command->args, err);
	int exit_status =
	    cat.exit_status ? cat.exit_status : cli_print(command->args, &command->out);
	return exit_status ? exit_status : cat.damaged ? CLI_NO : CLI_DONE;
}

/* ---- minutes ---- */

struct minutes_read {
	bool done;
	enum status status;
	const char *why;
};

static void on_restored(void *ctx, enum status status, const char *why)
{
	*(struct minutes_read *)ctx = (struct minutes_read){ true, status, why };
}

/* The whole segment is read back as at a start of weir. */
static enum status read_markets(struct tape_command *command, struct markets *markets,
				struct err *err)
{
	struct loop *loop = segment_visit_loop(command->visit);
	const struct market_store_config config = { .flush_ns = INT64_MAX / 4 };
	struct minutes_read read = { 0 };
	struct market_store *store =
	    market_store_create(segment_visit_redis(command->visit), markets, loop_timers(loop),
				loop_clock(loop), &config);
	CHECK(store);
	market_store_restore(store, on_restored, &read);
	while (!read.done)
		loop_turn(loop, TURN_NS);
	market_store_destroy(store);
	if (read.status)
		return err_set(err, read.status, "reading the minutes: %s: %s", read.why,
			       status_text(read.status));
	return STATUS_OK;
}

static int put_minutes(struct tape_command *command, const struct markets *markets, struct err *err)
{
	struct market_id wanted;
	bool one = args_market(command->args, FLAG_market, &wanted);
	const struct market *only = one ? markets_find(markets, &wanted) : NULL;
	if (one && !only) {
		err_set(err, STATUS_NOT_FOUND, "no minute of that market is held");
		return cli_fail(command->args, err);
	}
	bars_csv_head(&command->out);
	for (size_t i = 0; i < markets_count(markets); i++)
		if (!one || markets_at(markets, i) == only)
			bars_csv_market(&command->out, markets_at(markets, i));
	return cli_print(command->args, &command->out);
}

static int run_minutes(struct tape_command *command, struct err *err)
{
	const struct market_config config = { .whale_quote = 1 };
	struct markets *markets = markets_create(&config);
	CHECK(markets);
	int exit_status = read_markets(command, markets, err) ? cli_fail(command->args, err)
							      : put_minutes(command, markets, err);
	markets_destroy(markets);
	return exit_status;
}

/* ---- */

static int run_verify(struct tape_command *command, struct err *err)
{
	struct tape_verdict verdict;
	if (tape_verify(command->visit, command->args, &verdict, err))
		return cli_fail(command->args, err);
	tape_verdict_print(&command->out, &verdict);
	int exit_status = cli_print(command->args, &command->out);
	return exit_status ? exit_status : verdict.missing ? CLI_NO : CLI_DONE;
}

int cmd_tape(const struct args *args)
{
	struct err err = { 0 };
	struct config *config = NULL;
	struct tape_command command = { .args = args };
	const char *config_path = cli_config_path(args);
	if (config_file_load(config_path, &config, NULL, &err))
		return cli_fail(args, &err);
	command.trades = calloc(TAPE_CHUNK_TRADES, sizeof *command.trades);
	CHECK(command.trades);
	buf_init(&command.out, OUT_LIMIT);
	int exit_status;
	if (segment_visit_open(args_str(args, FLAG_state).ptr, config, SEGMENT_RMS, &command.visit,
			       &err))
		exit_status = cli_fail(args, &err);
	else if (args->command == COMMAND_tape_stat)
		exit_status = run_stat(&command, &err);
	else if (args->command == COMMAND_tape_cat)
		exit_status = run_cat(&command, &err);
	else if (args->command == COMMAND_tape_minutes)
		exit_status = run_minutes(&command, &err);
	else
		exit_status = run_verify(&command, &err);
	segment_visit_close(command.visit);
	buf_deinit(&command.out);
	free(command.trades);
	config_destroy(config);
	return exit_status;
}
