#include "base/suggest.h"

static size_t min_of(size_t a, size_t b) { return a < b ? a : b; }

size_t suggest_distance(struct str a, struct str b)
{
	/* Three rows of the usual table: the one being filled, the last, and the one
	 * before it for a swap. */
	uint8_t rows[3][SUGGEST_LEN_MAX + 1];
	if (a.len > SUGGEST_LEN_MAX || b.len > SUGGEST_LEN_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.len; j++)
		rows[0][j] = (uint8_t)j;
	for (size_t i = 1; i <= a.len; i++) {
		uint8_t *row = rows[i % 3];
		const uint8_t *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
		row[0] = (uint8_t)i;
		for (size_t j = 1; j <= b.len; j++) {
			char x = a.ptr[i - 1], y = b.ptr[j - 1];
			size_t best = min_of(last[j], row[j - 1]) + 1u;
			best = min_of(best, last[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == b.ptr[j - 2] && a.ptr[i - 2] == y)
				best = min_of(best, before[j - 2] + 1u);
			row[j] = (uint8_t)best;
		}
	}
	return rows[a.len % 3][b.len];
}

void suggest_offer(struct suggest *suggest, struct str candidate)
{
	size_t longer = suggest->word.len > candidate.len ? suggest->word.len : candidate.len;
	size_t distance = suggest_distance(suggest->word, candidate);
	size_t enough = longer / 3 ? longer / 3 : 1;
	if (distance > enough || distance >= suggest->distance)
		return;
	if (str_copy(candidate, suggest->nearest, sizeof suggest->nearest) == STATUS_OK)
		suggest->distance = distance;
}

void suggest_print(struct buf *buf, const struct suggest *suggest)
{
	if (suggest->distance != SIZE_MAX)
		buf_printf(buf, ", did you mean '%s'?", suggest->nearest);
}
