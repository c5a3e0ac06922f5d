/* The day's deals in trade_results, from where the archive stands. */
#include "daemon/day_loss.h"

#include <stdio.h>
#include <stdlib.h>

#include "archive/results_id.h"
#include "archive/results_row.h"
#include "base/check.h"
#include "codec/entries.h"
#include "def/keys.h"

enum {
	PAGE = 100, /* entries: packed ones take up to 15 KB, and have up to 256 results, each */
	ROWS_BYTES = 64 << 10,
	FROM_BYTES = RESULTS_ID_TEXT + 3,
	MARGIN_MS = 3600000, /* of clocks, before the day begins */
};

struct day_loss {
	struct day_loss_config config;
	struct loop_task begin;
	struct archive_rows rows;
	struct entries_reader *reader;
	char word[WRITER_MARK_BYTES]; /* the epoch that the mark is of */
	char from[FROM_BYTES];
	void (*done)(void *ctx, enum status status);
	void *ctx;
};

/* ---- to the limits ---- */

static const struct instance *find(struct terminals *terminals, struct str id)
{
	struct fleet *fleet = terminals_fleet(terminals);
	uint32_t slot = id.len ? fleet_find(fleet, id) : FLEET_NONE;
	const struct instance *instance = slot == FLEET_NONE ? NULL : fleet_at(fleet, slot);
	return instance && instance->login ? instance : NULL;
}

void day_loss_tell(struct terminals *terminals, const struct day_deal *deal)
{
	struct str server = deal->server;
	int64_t login = deal->login;
	if (!server.len) {
		const struct instance *instance = find(terminals, deal->instance);
		if (!instance)
			return; /* nobody knows whose it is */
		server = str_of(instance->server);
		login = instance->login;
	}
	if (deal->profit)
		terminals_remember_deal(terminals, server, login, deal->deal, deal->at_us / 1000,
					deal->profit);
}

static void tell_row(struct terminals *terminals, const struct archive_row *row)
{
	static const enum archive_column parts[] = { COLUMN_trade_results_pnl,
						     COLUMN_trade_results_commission,
						     COLUMN_trade_results_swap,
						     COLUMN_trade_results_fee };
	struct str side = archive_cell_text(row, COLUMN_trade_results_side);
	struct day_deal deal = {
		.server = archive_cell_text(row, COLUMN_trade_results_server),
		.instance = archive_cell_text(row, COLUMN_trade_results_instance),
		.login = archive_cell_int(row, COLUMN_trade_results_login, 0),
		.at_us = archive_cell_int(row, COLUMN_trade_results_event_us, 0),
		.deal = (uint64_t)archive_cell_int(row, COLUMN_trade_results_deal_ticket, 0),
	};
	if (!deal.deal || (side.len && !str_eq(side, STR("buy")) && !str_eq(side, STR("sell"))))
		return;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		deal.profit += archive_cell_int(row, parts[i], 0);
	day_loss_tell(terminals, &deal);
}

static int64_t offset_ms(void *ctx, struct str id)
{
	const struct instance *instance = find(ctx, id);
	return instance ? instance->offset_s * 1000 : INT64_MIN;
}

static struct results_world world_of(struct terminals *terminals)
{
	return (struct results_world){ .offset_ms = offset_ms, .ctx = terminals };
}

/* One that cannot be a row has no amounts that can be read. */
static void tell_rows(struct terminals *terminals, struct archive_rows *rows)
{
	const struct archive_row *row = NULL;
	while ((row = archive_rows_next(rows, row)))
		tell_row(terminals, row);
	archive_rows_clear(rows);
}

void day_loss_of_values(struct terminals *terminals, const struct str *values)
{
	const struct results_world world = world_of(terminals);
	struct results_told told;
	struct archive_rows rows;
	archive_rows_init(&rows, ROWS_BYTES);
	if (results_row_put(&rows, values, 0, &world, &told) == STATUS_OK)
		tell_rows(terminals, &rows);
	archive_rows_deinit(&rows);
}

/* ---- entries ---- */

static void end(struct day_loss *loss, enum status status)
{
	void (*done)(void *ctx, enum status status) = loss->done;
	void *ctx = loss->ctx;
	archive_rows_deinit(&loss->rows);
	entries_reader_destroy(loss->reader);
	free(loss);
	done(ctx, status);
}

static void take_packed(struct day_loss *loss, struct str chunk, uint64_t id_ms)
{
	struct terminals *terminals = loss->config.terminals;
	const struct results_world world = world_of(terminals);
	struct results_told told;
	size_t count;
	if (entries_read(loss->reader, ENTRIES_RESULTS, chunk, &count))
		return;
	for (size_t i = 0; i < count; i++)
		if (results_row_put(&loss->rows, entries_row(loss->reader, i), id_ms, &world,
				    &told) == STATUS_OK)
			tell_rows(terminals, &loss->rows);
}

static void take_entry(struct day_loss *loss, struct results_id id,
		       const struct redis_reply *fields)
{
	const struct results_world world = world_of(loss->config.terminals);
	const struct results_entry entry = { id.ms, fields->items, fields->count };
	struct results_told told;
	struct str chunk;
	if (results_row_is_packed(&entry, &chunk))
		take_packed(loss, chunk, id.ms);
	else if (results_row_add(&loss->rows, &entry, &world, &told) == STATUS_OK)
		tell_rows(loss->config.terminals, &loss->rows);
}

static void read_from(struct day_loss *loss, struct results_id id)
{
	struct buf text = buf_over(loss->from, sizeof loss->from - 1);
	buf_char(&text, '(');
	results_id_print(&text, id);
	loss->from[text.len] = 0;
}

static void ask_page(struct day_loss *loss);

static void on_page(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct day_loss *loss = ctx;
	struct results_id id;
	if (status || reply->type != REDIS_ARRAY) {
		end(loss, status ? status : STATUS_REDIS_PROTOCOL);
		return;
	}
	for (size_t i = 0; i < reply->count; i++) {
		const struct redis_reply *entry = &reply->items[i];
		if (entry->type != REDIS_ARRAY || entry->count != 2 ||
		    results_id_parse(entry->items[0].text, &id)) {
			end(loss, STATUS_REDIS_PROTOCOL);
			return;
		}
		read_from(loss, id);
		if (entry->items[1].type == REDIS_ARRAY)
			take_entry(loss, id, &entry->items[1]);
	}
	if (reply->count < PAGE)
		end(loss, STATUS_OK);
	else
		ask_page(loss);
}

static void ask(struct day_loss *loss, const struct str *argv, size_t argc, redis_reply_fn fn)
{
	enum status status = redis_command(loss->config.rtrs, argv, argc, fn, loss);
	if (status)
		end(loss, status);
}

static void ask_page(struct day_loss *loss)
{
	char count[16];
	struct key key;
	snprintf(count, sizeof count, "%d", PAGE);
	struct str argv[] = { STR("XRANGE"),      key_trade_results(&key),
			      str_of(loss->from), STR("+"),
			      STR("COUNT"),       str_of(count) };
	ask(loss, argv, ARRAY_LEN(argv), on_page);
}

/* ---- from where ---- */

/* Of another stream than the mark says: its begin. */
static void on_word(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct day_loss *loss = ctx;
	if (status) {
		end(loss, status);
		return;
	}
	if (reply->type != REDIS_BULK || !str_eq(reply->text, str_of(loss->word)))
		memcpy(loss->from, "-", 2);
	ask_page(loss);
}

/* "EPOCH ID …" (results.c); what cannot be read says nothing. */
static void read_mark(struct day_loss *loss)
{
	struct results_id id;
	struct str mark = writer_marked(loss->config.writer, STR("trade_results")), word, text;
	memcpy(loss->from, "-", 2);
	if (!str_split(&mark, ' ', &word) || !str_split(&mark, ' ', &text) ||
	    str_copy(word, loss->word, sizeof loss->word) || results_id_parse(text, &id))
		return;
	read_from(loss, id);
}

static void begin(void *ctx)
{
	struct day_loss *loss = ctx;
	int64_t now_ms = loop_wall_ns(loss->config.loop) / 1000000;
	int64_t from_ms = now_ms - now_ms % 86400000 - MARGIN_MS;
	if (loss->config.writer) {
		struct key key;
		struct str argv[] = { STR("GET"), key_archive_epoch(&key) };
		read_mark(loss);
		ask(loss, argv, ARRAY_LEN(argv), on_word);
		return;
	}
	read_from(loss, (struct results_id){ .ms = from_ms > 0 ? (uint64_t)from_ms : 0 });
	ask_page(loss);
}

void day_loss_read(const struct day_loss_config *config,
		   void (*done)(void *ctx, enum status status), void *ctx)
{
	struct day_loss *loss = calloc(1, sizeof *loss);
	CHECK(loss);
	loss->config = *config;
	loss->done = done;
	loss->ctx = ctx;
	loss->begin = (struct loop_task){ .fn = begin, .ctx = loss };
	loss->reader = entries_reader_create();
	CHECK(loss->reader);
	archive_rows_init(&loss->rows, ROWS_BYTES);
	loop_defer(config->loop, &loss->begin);
}
