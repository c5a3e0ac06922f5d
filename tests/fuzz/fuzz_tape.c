/* The tape's reader on any bytes, and its writer on any trades.
 * First byte even: the rest is a chunk as it is, then the body of one with a head and
 * CRC that are right; trades that come out go in again and must come out the same.
 * Odd: the rest is trades, TRADE_BYTES each, that must come back. */
#include <stdlib.h>

#include "base/check.h"
#include "codec/pack_frame.h"
#include "codec/tape.h"

enum { TRADE_BYTES = 33 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct trade trades[TAPE_CHUNK_TRADES], again[TAPE_CHUNK_TRADES];
static struct tape_writer *writer;

static void check_equal(const struct trade *a, const struct trade *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		CHECK(a[i].t_ms == b[i].t_ms && a[i].id == b[i].id && a[i].price == b[i].price &&
		      a[i].qty == b[i].qty && a[i].side == b[i].side);
}

static void check_comes_back(const struct market_id *market, const struct trade *list,
			     uint32_t count)
{
	char bytes[TAPE_CHUNK_BYTES];
	struct tape_info info;
	for (uint32_t at = 0, taken; at < count; at += taken) {
		struct buf out = buf_over(bytes, sizeof bytes);
		tape_writer_begin(writer, market, 2, 3);
		for (taken = 0; at + taken < count; taken++)
			if (tape_writer_add(writer, &list[at + taken]) != STATUS_OK)
				break;
		CHECK(taken > 0 && tape_writer_count(writer) == taken);
		tape_writer_chunk(writer, &out);
		CHECK(!out.overflow && tape_chunk_len(buf_str(&out)) == out.len);
		CHECK(tape_read(buf_str(&out), &info, again) == STATUS_OK);
		CHECK(info.count == taken);
		check_equal(again, list + at, taken);
	}
}

static void read_any(struct str chunk)
{
	struct tape_info info, head;
	size_t len = tape_chunk_len(chunk);
	CHECK(len <= chunk.len);
	bool has_head = tape_info_read(chunk, &head) == STATUS_OK;
	if (tape_read(chunk, &info, trades) != STATUS_OK)
		return;
	CHECK(has_head && len == chunk.len && info.count > 0 && info.count <= TAPE_CHUNK_TRADES);
	check_comes_back(&info.market, trades, info.count);
}

static void read_body(const uint8_t *body, size_t size)
{
	static uint8_t chunk[TAPE_CHUNK_BYTES];
	const struct pack_frame frame = { { 'w', 'T' }, 1, TAPE_CHUNK_BYTES };
	if (size > sizeof chunk - PACK_FRAME_HEAD)
		return;
	memcpy(chunk + PACK_FRAME_HEAD, body, size);
	pack_frame_seal(&frame, chunk, PACK_FRAME_HEAD + size);
	read_any(str_make((char *)chunk, PACK_FRAME_HEAD + size));
}

static void write_any(const uint8_t *data, size_t size)
{
	struct market_id market;
	uint32_t count = 0;
	CHECK(market_id_make(VENUE_BINANCE, KIND_PERP, STR("ETHUSDT"), &market) == STATUS_OK);
	for (; size >= TRADE_BYTES && count < TAPE_CHUNK_TRADES; size -= TRADE_BYTES) {
		struct trade *trade = &trades[count++];
		memcpy(&trade->t_ms, data, 8);
		memcpy(&trade->id, data + 8, 8);
		memcpy(&trade->price, data + 16, 8);
		memcpy(&trade->qty, data + 24, 8);
		trade->side = data[32] & 1;
		data += TRADE_BYTES;
	}
	check_comes_back(&market, trades, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!writer)
		writer = tape_writer_create();
	if (size == 0 || !writer)
		return 0;
	if (data[0] & 1) {
		write_any(data + 1, size - 1);
		return 0;
	}
	read_any(str_make((const char *)data + 1, size - 1));
	read_body(data + 1, size - 1);
	return 0;
}
