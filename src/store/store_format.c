#include "store/store_format.h"

#include "base/crc32c.h"

static const struct str magic = { "WBO1", 4 };
enum { FLAG_SIMULATED = 1, HEAD_BYTES = 4 + 1 + 8 + 8 + 4 + 4, CRC_BYTES = 4 };

int stream_id_cmp(struct stream_id a, struct stream_id b)
{
	if (a.ms != b.ms)
		return a.ms < b.ms ? -1 : 1;
	return a.seq < b.seq ? -1 : a.seq > b.seq;
}

enum status stream_id_parse(struct str text, struct stream_id *out)
{
	size_t dash = str_find_char(text, '-');
	struct stream_id id;
	if (dash == text.len || str_to_u64(str_make(text.ptr, dash), &id.ms) ||
	    str_to_u64(str_skip(text, dash + 1), &id.seq))
		return STATUS_FORMAT;
	*out = id;
	return STATUS_OK;
}

void stream_id_print(struct buf *buf, struct stream_id id)
{
	buf_u64(buf, id.ms);
	buf_char(buf, '-');
	buf_u64(buf, id.seq);
}

struct stream_id stream_id_next(struct stream_id last, int64_t ms)
{
	struct stream_id id = { ms > 0 ? (uint64_t)ms : 1, 0 };
	if (stream_id_cmp(id, last) > 0)
		return id;
	return (struct stream_id){ last.ms, last.seq + 1 };
}

static void put_le(struct buf *out, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buf_char(out, (char)(value >> (8 * i)));
}

static uint64_t get_le(const char *at, int bytes)
{
	uint64_t value = 0;
	for (int i = 0; i < bytes; i++)
		value |= (uint64_t)(unsigned char)at[i] << (8 * i);
	return value;
}

bool stream_id_is_taken(struct str error)
{
	static const char words[] = "equal or smaller";
	return memmem(error.ptr, error.len, words, sizeof words - 1) != NULL;
}

void open_state_begin(struct buf *out, const struct open_state *state)
{
	buf_clear(out);
	buf_str_put(out, magic);
	buf_char(out, state->simulated ? FLAG_SIMULATED : 0);
	put_le(out, state->tape_last.ms, 8);
	put_le(out, state->tape_last.seq, 8);
	put_le(out, state->open_trades, 4);
	put_le(out, state->state.len, 4);
	buf_str_put(out, state->state);
}

void open_state_put_bars(struct buf *out, struct str chunk)
{
	put_le(out, chunk.len, 4);
	buf_str_put(out, chunk);
}

void open_state_end(struct buf *out)
{
	if (!out->overflow)
		put_le(out, crc32c(0, out->ptr, out->len), 4);
}

enum status open_state_read(struct str bytes, struct open_state *out)
{
	if (bytes.len < HEAD_BYTES + CRC_BYTES)
		return STATUS_TRUNCATED;
	if (!str_starts(bytes, magic))
		return STATUS_VERSION;
	struct str body = str_make(bytes.ptr, bytes.len - CRC_BYTES);
	if (crc32c(0, body.ptr, body.len) != get_le(body.ptr + body.len, 4))
		return STATUS_CHECKSUM;
	uint64_t state_len = get_le(body.ptr + 25, 4);
	if (state_len > body.len - HEAD_BYTES)
		return STATUS_FORMAT;
	*out = (struct open_state){
		.simulated = body.ptr[4] & FLAG_SIMULATED,
		.tape_last = { get_le(body.ptr + 5, 8), get_le(body.ptr + 13, 8) },
		.open_trades = (uint32_t)get_le(body.ptr + 21, 4),
		.state = str_make(body.ptr + HEAD_BYTES, (size_t)state_len),
		.bars = str_skip(body, HEAD_BYTES + (size_t)state_len),
	};
	return STATUS_OK;
}

bool open_state_next_bars(struct str *bars, struct str *chunk)
{
	if (bars->len < 4)
		return false;
	uint64_t len = get_le(bars->ptr, 4);
	if (len > bars->len - 4)
		return false;
	*chunk = str_make(bars->ptr + 4, (size_t)len);
	*bars = str_skip(*bars, 4 + (size_t)len);
	return true;
}
