/* paging.h - long lists, a page at a time.
 *
 * Rows are in the order of the keys: the first a whole number that falls, the others texts
 * that rise. A cursor says the keys of the last row that was given, as NUMBER[.HEX…]: rows
 * that come meanwhile move nothing. Ask for limit + 1 rows. Any thread. */
#pragma once

#include "base/buf.h"

enum { PAGING_KEYS_MAX = 3, PAGING_CURSOR_MAX = 1024 };

struct paging {
	const char *name; /* of the list in the answer */
	const char *keys[PAGING_KEYS_MAX];
	size_t n_keys;
	int64_t limit;
};

/* " (NUMBER … )": rows behind the cursor, as an SQL condition. FORMAT: it is no cursor of
 * this list. */
MUST_CHECK enum status paging_condition(const struct paging *paging, struct str cursor,
					struct buf *sql);
/* " ORDER BY … LIMIT …" */
void paging_order(const struct paging *paging, struct buf *sql);
/* "NAME":[…],"next":…; rows: a JSON array of objects, cut: it should have been longer.
 * FORMAT: it is none, or the keys are not in its rows. */
MUST_CHECK enum status paging_put(const struct paging *paging, struct str rows, bool cut,
				  struct buf *out);
