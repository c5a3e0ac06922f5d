/* result_rows.h - the results of an entry of trade_results, whatever its form, for tests. */
#pragma once

#include "base/check.h"
#include "codec/entries.h"
#include "port/redis.h"
#include "trade/result.h"

/* The values of a result, one a field of def/results.def. */
typedef void result_row_fn(void *ctx, const struct str *values);

/* The results of an entry, plain or packed, in order; how many. */
static inline size_t result_rows(const struct redis_reply *entry, result_row_fn *fn, void *ctx)
{
	static struct entries_reader *reader;
	const struct redis_reply *fields = &entry->items[1];
	struct str values[RESULT_FIELDS] = { 0 };
	size_t rows;
	if (fields->count != 2 || !str_eq(fields->items[0].text, STR("p"))) {
		for (size_t i = 0; i + 1 < fields->count; i += 2) {
			size_t at = entries_field_find(ENTRIES_RESULTS, fields->items[i].text);
			if (at < RESULT_FIELDS)
				values[at] = fields->items[i + 1].text;
		}
		if (fn)
			fn(ctx, values);
		return 1;
	}
	if (!reader)
		reader = entries_reader_create();
	CHECK(reader &&
	      entries_read(reader, ENTRIES_RESULTS, fields->items[1].text, &rows) == STATUS_OK);
	for (size_t i = 0; i < rows && fn; i++)
		fn(ctx, entries_row(reader, i));
	return rows;
}
