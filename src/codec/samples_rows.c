#include "codec/samples_rows.h"

#include <stdlib.h>

#include "base/check.h"
#include "codec/pack_frame.h"

enum { GROWTH = 1024 };

_Static_assert(sizeof(struct samples_open) + (SAMPLES_ROWS_BYTES + GROWTH - 1) / GROWTH * GROWTH <=
		   SAMPLES_OPEN_BYTES,
	       "what is open is bounded");
_Static_assert((int)SAMPLES_ROW_BYTES <= (int)GROWTH, "a first row always fits");

/* With room for any one row, so that nothing is ever FULL of no rows. */
struct samples_open *samples_open_create(void)
{
	struct samples_open *open = calloc(1, sizeof *open);
	uint8_t *rows = malloc(GROWTH);
	if (!open || !rows) {
		free(open);
		free(rows);
		return NULL;
	}
	open->rows = rows;
	open->cap = GROWTH;
	return open;
}

void samples_open_destroy(struct samples_open *open)
{
	if (open)
		free(open->rows);
	free(open);
}

void samples_open_clear(struct samples_open *open)
{
	open->count = open->len = 0;
	open->known = 0;
	memset(open->mantissas, 0, sizeof open->mantissas);
	memset(open->digits, 0, sizeof open->digits);
}

uint32_t samples_open_count(const struct samples_open *open) { return open->count; }

int64_t samples_open_first_ms(const struct samples_open *open)
{
	CHECK(open->count > 0);
	return open->first_ms;
}

size_t samples_open_bytes(const struct samples_open *open) { return sizeof *open + open->cap; }

static uint8_t *put_mask(uint8_t *out, uint64_t mask)
{
	for (int i = 0; i < 8; i++)
		*out++ = (uint8_t)(mask >> (8 * i));
	return out;
}

static uint8_t *put_digits(uint8_t *out, uint64_t mask, const struct sample_row_values *row)
{
	out = put_mask(out, mask);
	for (; mask; mask &= mask - 1)
		*out++ = row->values[__builtin_ctzll(mask)].digits;
	return out;
}

static inline uint8_t *put_value(uint8_t *out, uint64_t difference)
{
	uint64_t zigzag = difference << 1 ^ (uint64_t)((int64_t)difference >> 63);
	for (; zigzag > 127; zigzag >>= 7)
		*out++ = (uint8_t)(zigzag | 128);
	*out++ = (uint8_t)zigzag;
	return out;
}

/* Which of the known values have another mantissa, or other digits, than before. */
static void compare(const struct samples_open *open, const struct sample_row_values *row,
		    uint64_t *moved, uint64_t *digits)
{
	uint64_t moves = 0, turns = 0;
	for (uint32_t i = 0; i < SAMPLE_COUNT; i++) {
		moves |= (uint64_t)(row->values[i].mantissa != open->mantissas[i]) << i;
		turns |= (uint64_t)(row->values[i].digits != open->digits[i]) << i;
	}
	*moved = moves & row->known;
	*digits = turns & row->known;
}

static bool has_room(struct samples_open *open, uint32_t len)
{
	if (open->count == SAMPLES_ROWS_MAX || open->len + len > SAMPLES_ROWS_BYTES)
		return false;
	if (open->len + len <= open->cap)
		return true;
	uint32_t cap = (open->len + len + GROWTH - 1) / GROWTH * GROWTH;
	uint8_t *rows = realloc(open->rows, cap);
	if (!rows)
		return false;
	open->rows = rows;
	open->cap = cap;
	return true;
}

/* What is news in a row. */
struct news {
	bool known;
	uint64_t moved, digits;
};

static uint8_t *put_row(uint8_t *out, const struct samples_open *open,
			const struct sample_row_values *row, const struct news *news)
{
	out = pack_put_varint(out, open->count ? (uint64_t)row->ms - (uint64_t)open->last_ms : 0);
	*out++ = (uint8_t)((news->known ? SAMPLES_NEWS_KNOWN : 0) |
			   (news->digits ? SAMPLES_NEWS_DIGITS : 0));
	if (news->known)
		out = put_mask(out, row->known);
	if (news->digits)
		out = put_digits(out, news->digits, row);
	out = put_mask(out, news->moved);
	for (uint64_t left = news->moved; left; left &= left - 1) {
		uint32_t i = (uint32_t)__builtin_ctzll(left);
		out = put_value(out,
				(uint64_t)row->values[i].mantissa - (uint64_t)open->mantissas[i]);
	}
	return out;
}

static void remember(struct samples_open *open, const struct sample_row_values *row,
		     const struct news *news)
{
	for (uint64_t left = news->moved; left; left &= left - 1) {
		uint32_t i = (uint32_t)__builtin_ctzll(left);
		open->mantissas[i] = row->values[i].mantissa;
	}
	for (uint64_t left = news->digits; left; left &= left - 1) {
		uint32_t i = (uint32_t)__builtin_ctzll(left);
		CHECK(row->values[i].digits <= DECIMAL_SCALE_MAX);
		open->digits[i] = row->values[i].digits;
	}
	open->first_ms = open->count ? open->first_ms : row->ms;
	open->last_ms = row->ms;
	open->known = row->known;
	open->count++;
}

enum status samples_open_add(struct samples_open *open, const struct sample_row_values *row)
{
	uint8_t bytes[SAMPLES_ROW_BYTES];
	struct news news = { .known = row->known != open->known };
	if (open->count && row->ms <= open->last_ms)
		return STATUS_INVALID;
	compare(open, row, &news.moved, &news.digits);
	uint32_t len = (uint32_t)(put_row(bytes, open, row, &news) - bytes);
	if (!has_room(open, len))
		return STATUS_FULL;
	memcpy(open->rows + open->len, bytes, len);
	open->len += len;
	remember(open, row, &news);
	return STATUS_OK;
}

uint64_t samples_cursor_varint(struct samples_cursor *cursor)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64 && cursor->at < cursor->end; shift += 7) {
		uint8_t byte = *cursor->at++;
		if (shift == 63 && byte > 1)
			break;
		value |= (uint64_t)(byte & 127) << shift;
		if (byte < 128)
			return value;
	}
	cursor->bad = true;
	return 0;
}

static uint64_t take_mask(struct samples_cursor *cursor)
{
	uint64_t mask = 0;
	if (cursor->end - cursor->at < 8) {
		cursor->bad = true;
		return 0;
	}
	for (int i = 0; i < 8; i++)
		mask |= (uint64_t)*cursor->at++ << (8 * i);
	return mask;
}

static void take_digits(struct samples_cursor *cursor)
{
	uint64_t mask = cursor->turned = take_mask(cursor);
	if (cursor->end - cursor->at < __builtin_popcountll(mask)) {
		cursor->bad = true;
		return;
	}
	for (; mask; mask &= mask - 1) {
		uint8_t digits = *cursor->at++;
		cursor->bad |= digits > DECIMAL_SCALE_MAX;
		cursor->digits[__builtin_ctzll(mask)] = digits;
	}
}

uint64_t samples_cursor_row(struct samples_cursor *cursor)
{
	cursor->ms = (int64_t)((uint64_t)cursor->ms + samples_cursor_varint(cursor));
	if (cursor->at == cursor->end) {
		cursor->bad = true;
		return 0;
	}
	uint8_t news = *cursor->at++;
	cursor->turned = 0;
	if (news & SAMPLES_NEWS_KNOWN)
		cursor->known = take_mask(cursor);
	if (news & SAMPLES_NEWS_DIGITS)
		take_digits(cursor);
	return take_mask(cursor);
}

enum status samples_rows_read(struct str bytes, int64_t first_ms, uint32_t count,
			      struct sample_row_values *out)
{
	const uint8_t *start = (const uint8_t *)bytes.ptr;
	struct samples_cursor cursor = { .at = start, .end = start + bytes.len, .ms = first_ms };
	uint64_t mantissas[SAMPLE_COUNT] = { 0 };
	for (uint32_t r = 0; r < count; r++) {
		for (uint64_t moved = samples_cursor_row(&cursor); moved; moved &= moved - 1)
			mantissas[__builtin_ctzll(moved)] += samples_cursor_value(&cursor);
		if (cursor.bad || (r ? cursor.ms <= out[r - 1].ms : cursor.ms != first_ms))
			return STATUS_FORMAT;
		out[r].ms = cursor.ms;
		out[r].known = cursor.known;
		for (uint32_t i = 0; i < SAMPLE_COUNT; i++) {
			bool known = cursor.known >> i & 1;
			out[r].values[i] =
			    known ? (struct number){ (int64_t)mantissas[i], cursor.digits[i] }
				  : (struct number){ 0 };
		}
	}
	return cursor.at == cursor.end ? STATUS_OK : STATUS_FORMAT;
}
