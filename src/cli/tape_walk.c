#include "cli/tape_walk.h"

#include <stdlib.h>

#include "base/check.h"
#include "def/keys.h"
#include "store/tape_read.h"

enum { PAGE = 128, CURSOR_BYTES = 24 };

struct market_list {
	struct market_id *ids;
	size_t count, cap;
	bool full;
	char cursor[CURSOR_BYTES];
};

static void take_market(struct market_list *list, struct str name)
{
	struct market_id id;
	struct str prefix = key_bars_open_prefix();
	if (!str_starts(name, prefix) || market_id_parse(str_skip(name, prefix.len), &id))
		return;
	for (size_t i = 0; i < list->count; i++)
		if (market_id_eq(&list->ids[i], &id))
			return;
	if (list->count == list->cap)
		list->full = true;
	else
		list->ids[list->count++] = id;
}

static void on_scan(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct market_list *list = ctx;
	if (status || reply->type != REDIS_ARRAY || reply->count != 2 ||
	    str_copy(reply->items[0].text, list->cursor, sizeof list->cursor)) {
		strcpy(list->cursor, "0");
		return;
	}
	for (size_t i = 0; i < reply->items[1].count; i++)
		take_market(list, reply->items[1].items[i].text);
}

static int compare_ids(const void *a, const void *b) { return market_id_cmp(a, b); }

enum status tape_markets(struct segment_visit *visit, struct market_id *out, size_t cap,
			 size_t *count, struct err *err)
{
	struct market_list list = { .ids = out, .cap = cap, .cursor = "0" };
	char pattern[KEY_BYTES];
	struct buf buf = buf_over(pattern, sizeof pattern);
	buf_str_put(&buf, key_bars_open_prefix());
	buf_char(&buf, '*');
	do {
		struct str argv[] = { STR("SCAN"),   str_of(list.cursor), STR("MATCH"),
				      buf_str(&buf), STR("COUNT"),        STR("1000") };
		enum status status =
		    segment_visit_call(visit, argv, ARRAY_LEN(argv), on_scan, &list, err);
		if (status)
			return err_wrap(err, status, "scan segment rms");
	} while (strcmp(list.cursor, "0") != 0);
	if (list.full)
		return err_set(err, STATUS_FULL, "more than %zu markets", cap);
	qsort(list.ids, list.count, sizeof *list.ids, compare_ids);
	*count = list.count;
	return STATUS_OK;
}

struct walk {
	tape_chunk_fn fn;
	void *ctx;
	struct stream_id last;
	size_t entries;
	bool ended, damaged;
};

static void on_page(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct walk *walk = ctx;
	walk->entries = 0;
	if (status || reply->type != REDIS_ARRAY)
		return;
	walk->entries = reply->count;
	for (size_t i = 0; i < reply->count && !walk->ended; i++) {
		struct str chunk;
		if (tape_entry_read(&reply->items[i], &walk->last, &chunk))
			walk->ended = !walk->fn(walk->ctx, chunk, false);
		else
			walk->damaged = true;
	}
}

static void on_open_chunks(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct walk *walk = ctx;
	struct str rest = !status && reply->type == REDIS_BULK ? reply->text : (struct str){ 0 };
	while (rest.len && !walk->ended) {
		size_t len = tape_chunk_len(rest);
		if (len == 0) {
			walk->damaged = true;
			return;
		}
		walk->ended = !walk->fn(walk->ctx, str_make(rest.ptr, len), true);
		rest = str_skip(rest, len);
	}
}

enum status tape_walk(struct segment_visit *visit, const struct market_id *market, tape_chunk_fn fn,
		      void *ctx, struct err *err)
{
	struct walk walk = { .fn = fn, .ctx = ctx };
	struct key tape, tape_open;
	enum status status;
	do {
		char from[48], page[8];
		struct buf text = buf_over(from, sizeof from), count = buf_over(page, sizeof page);
		buf_u64(&count, PAGE);
		buf_char(&text, '(');
		stream_id_print(&text, walk.last);
		struct str argv[] = { STR("XRANGE"),  key_tape(&tape, market),
				      buf_str(&text), STR("+"),
				      STR("COUNT"),   buf_str(&count) };
		status = segment_visit_call(visit, argv, ARRAY_LEN(argv), on_page, &walk, err);
	} while (!status && !walk.ended && walk.entries == PAGE);
	struct str argv[] = { STR("GET"), key_tape_open(&tape_open, market) };
	if (!status && !walk.ended)
		status =
		    segment_visit_call(visit, argv, ARRAY_LEN(argv), on_open_chunks, &walk, err);
	if (status)
		return err_wrap(err, status, "read the tape of %s", market->symbol);
	if (walk.damaged)
		return err_set(err, STATUS_FORMAT,
			       "the tape of %s holds entries that are no chunks", market->symbol);
	return STATUS_OK;
}
