/* The bars' reader on any bytes, and their writer on any bars.
 * First byte even: the rest is a chunk as it is, then the body of one with a head and
 * CRC that are right; bars that come out go in again and must come out the same.
 * Odd: the rest is the bytes of struct bar, one after the other. */
#include <stdlib.h>

#include "base/check.h"
#include "codec/bars.h"
#include "codec/pack_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_equal(const struct bar *a, const struct bar *b)
{
	CHECK(a->minute_ms == b->minute_ms && a->open == b->open && a->high == b->high);
	CHECK(a->low == b->low && a->close == b->close && a->buy == b->buy && a->sell == b->sell);
	CHECK(a->buy_quote == b->buy_quote && a->sell_quote == b->sell_quote);
	CHECK(a->id_first == b->id_first && a->id_last == b->id_last && a->n_buy == b->n_buy);
	CHECK(a->n_sell == b->n_sell && a->flags == b->flags);
}

static void check_comes_back(const struct market_id *market, const struct bar *bars, uint32_t count)
{
	char bytes[BARS_CHUNK_BYTES];
	struct bars_info info;
	struct bar again[BARS_CHUNK_MINUTES];
	struct buf out = buf_over(bytes, sizeof bytes);
	bars_pack(market, 18, 18, bars, count, &out);
	CHECK(!out.overflow && bars_chunk_len(buf_str(&out)) == out.len);
	CHECK(bars_read(buf_str(&out), &info, again) == STATUS_OK && info.count == count);
	for (uint32_t i = 0; i < count; i++)
		check_equal(&again[i], &bars[i]);
}

static void read_any(struct str chunk)
{
	struct bars_info info;
	struct bar bars[BARS_CHUNK_MINUTES];
	CHECK(bars_chunk_len(chunk) <= chunk.len);
	if (bars_read(chunk, &info, bars) == STATUS_OK)
		check_comes_back(&info.market, bars, info.count);
}

static void read_body(const uint8_t *body, size_t size)
{
	static uint8_t chunk[BARS_CHUNK_BYTES];
	const struct pack_frame frame = { { 'w', 'B' }, 1, BARS_CHUNK_BYTES };
	if (size > sizeof chunk - PACK_FRAME_HEAD)
		return;
	memcpy(chunk + PACK_FRAME_HEAD, body, size);
	pack_frame_seal(&frame, chunk, PACK_FRAME_HEAD + size);
	read_any(str_make((char *)chunk, PACK_FRAME_HEAD + size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] & 1) {
		struct bar bars[BARS_CHUNK_MINUTES];
		struct market_id market;
		size_t count = (size - 1) / sizeof *bars;
		count = count < BARS_CHUNK_MINUTES ? count : BARS_CHUNK_MINUTES;
		memcpy(bars, data + 1, count * sizeof *bars);
		CHECK(market_id_make(VENUE_BYBIT, KIND_SPOT, STR("A"), &market) == STATUS_OK);
		if (count > 0)
			check_comes_back(&market, bars, (uint32_t)count);
		return 0;
	}
	read_any(str_make((const char *)data + 1, size - 1));
	read_body(data + 1, size - 1);
	return 0;
}
