/* A key's value as DUMP says it: the value of the RDB format (rdb.c of Redis 7.0: types 0, 1, 2,
 * 4, 5 and 19, lengths of 6, 14 and 32 bits), its version in two bytes, CRC-64 of all that. The
 * version is 9: servers refuse only one that is newer than their own. */
#include <string.h>

#include "codec/crc64.h"
#include "sim/mess_impl.h"

enum { RDB_VERSION = 9, EVENT_FIELDS = 3, PEL_IDLE_MS = 3 * 86400000 };
enum {
	TYPE_STRING = 0,
	TYPE_LIST = 1,
	TYPE_SET = 2,
	TYPE_HASH = 4,
	TYPE_ZSET = 5,
	TYPE_STREAM = 19
};

static const char group[] = "workers", consumer[] = "worker-7";

static void put_little(struct buf *out, uint64_t number, int bytes)
{
	for (int i = 0; i < bytes; i++)
		buf_char(out, (char)(number >> 8 * i));
}

static void put_big(struct buf *out, uint64_t number, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--)
		buf_char(out, (char)(number >> 8 * i));
}

static void put_length(struct buf *out, uint64_t length)
{
	if (length < 64) {
		put_big(out, length, 1);
	} else if (length < 16384) {
		put_big(out, length | 0x4000, 2);
	} else if (length <= UINT32_MAX) {
		put_big(out, 0x80, 1);
		put_big(out, length, 4);
	} else {
		put_big(out, 0x81, 1);
		put_big(out, length, 8);
	}
}

static void put_string(struct buf *out, struct str text)
{
	put_length(out, text.len);
	buf_str_put(out, text);
}

/* ---- streams: one listpack (listpack.c, t_stream.c) with all entries ---- */

struct pack {
	struct buf *out;
	size_t from;
	unsigned count;
};

static struct pack pack_begin(struct buf *out)
{
	struct pack pack = { out, out->len, 0 };
	put_little(out, 0, 6); /* bytes and elements: pack_end knows them */
	return pack;
}

/* Elements here are shorter than 128 bytes: the way back over one is one byte. */
static void pack_i64(struct pack *pack, int64_t number)
{
	size_t before = pack->out->len;
	if (number >= 0 && number < 128) {
		put_little(pack->out, (uint64_t)number, 1);
	} else {
		put_little(pack->out, 0xf4, 1);
		put_little(pack->out, (uint64_t)number, 8);
	}
	put_little(pack->out, pack->out->len - before, 1);
	pack->count++;
}

static void pack_text(struct pack *pack, struct str text)
{
	CHECK(text.len < 64);
	put_little(pack->out, 0x80 | text.len, 1);
	buf_str_put(pack->out, text);
	put_little(pack->out, text.len + 1, 1);
	pack->count++;
}

static void pack_end(struct pack *pack)
{
	put_little(pack->out, 0xff, 1);
	CHECK(!pack->out->overflow && pack->count < 65535);
	uint32_t bytes = (uint32_t)(pack->out->len - pack->from);
	uint16_t count = (uint16_t)pack->count;
	memcpy(pack->out->ptr + pack->from, &bytes, 4);
	memcpy(pack->out->ptr + pack->from + 4, &count, 2);
}

/* Ids are first_ms … counted up, one a millisecond. */
static void put_entries(struct buf *out, const struct mess_value *value)
{
	char space[32768];
	struct buf bytes = buf_over(space, sizeof space);
	struct pack pack = pack_begin(&bytes);
	size_t entries = value->parts / (2 * EVENT_FIELDS);
	pack_i64(&pack, (int64_t)entries);
	pack_i64(&pack, 0); /* deleted */
	pack_i64(&pack, EVENT_FIELDS);
	for (size_t i = 0; i < EVENT_FIELDS; i++)
		pack_text(&pack, mess_part_at(value, 2 * i));
	pack_i64(&pack, 0);
	for (size_t entry = 0; entry < entries; entry++) {
		pack_i64(&pack, 2); /* fields as in the first */
		pack_i64(&pack, (int64_t)entry);
		pack_i64(&pack, 0);
		for (size_t i = 0; i < EVENT_FIELDS; i++)
			pack_text(&pack, mess_part_at(value, 2 * (entry * EVENT_FIELDS + i) + 1));
		pack_i64(&pack, EVENT_FIELDS + 3);
	}
	pack_end(&pack);
	put_string(out, buf_str(&bytes));
}

static void put_id(struct buf *out, int64_t ms)
{
	put_big(out, (uint64_t)ms, 8);
	put_big(out, 0, 8);
}

static void put_stream(struct buf *out, const struct mess_value *value, int64_t now_ms)
{
	int64_t entries = (int64_t)value->parts / (2 * EVENT_FIELDS);
	int64_t first_ms = now_ms - 2 * PEL_IDLE_MS, seen_ms = now_ms - PEL_IDLE_MS;
	int64_t last_ms = first_ms + entries - 1, pending = entries < 5 ? entries : 5;
	const int64_t figures[] = {
		entries, last_ms, 0, first_ms, 0, first_ms - 1, 0, entries * 3
	};
	put_length(out, 1); /* listpack, by its first id */
	put_length(out, 16);
	put_id(out, first_ms);
	put_entries(out, value);
	for (size_t i = 0; i < ARRAY_LEN(figures); i++)
		put_length(out, (uint64_t)figures[i]);
	put_length(out, 1); /* group */
	put_string(out, str_of(group));
	put_length(out, (uint64_t)(first_ms + pending - 1));
	put_length(out, 0);
	put_length(out, (uint64_t)(entries * 2 + pending)); /* entries read */
	put_length(out, (uint64_t)pending);
	for (int64_t i = 0; i < pending; i++) {
		put_id(out, first_ms + i);
		put_little(out, (uint64_t)seen_ms, 8);
		put_length(out, 1); /* delivered once */
	}
	put_length(out, 1); /* consumer */
	put_string(out, str_of(consumer));
	put_little(out, (uint64_t)seen_ms, 8);
	put_length(out, (uint64_t)pending);
	for (int64_t i = 0; i < pending; i++)
		put_id(out, first_ms + i);
}

/* ---- the others ---- */

static void put_strings(struct buf *out, const struct mess_value *value, size_t each)
{
	put_length(out, value->parts / each);
	for (size_t i = 0; i < value->parts; i++)
		put_string(out, mess_part_at(value, i));
}

/* Scores are whole numbers as text; the format has them as doubles. */
static void put_scores(struct buf *out, const struct mess_value *value)
{
	put_length(out, value->parts / 2);
	for (size_t i = 0; i < value->parts; i += 2) {
		int64_t score = 0;
		CHECK(!str_to_i64(mess_part_at(value, i + 1), &score));
		double number = (double)score;
		put_string(out, mess_part_at(value, i));
		buf_put(out, &number, sizeof number);
	}
}

static void put_value(struct buf *out, const struct mess_value *value, int64_t now_ms)
{
	static const char types[] = {
		[AUDIT_STRING] = TYPE_STRING, [AUDIT_LIST] = TYPE_LIST,
		[AUDIT_SET] = TYPE_SET,       [AUDIT_ZSET] = TYPE_ZSET,
		[AUDIT_HASH] = TYPE_HASH,     [AUDIT_STREAM] = TYPE_STREAM,
	};
	CHECK((size_t)value->type < ARRAY_LEN(types));
	buf_char(out, types[value->type]);
	switch (value->type) {
	case AUDIT_STRING: put_string(out, mess_part_at(value, 0)); break;
	case AUDIT_ZSET: put_scores(out, value); break;
	case AUDIT_HASH: put_strings(out, value, 2); break;
	case AUDIT_STREAM: put_stream(out, value, now_ms); break;
	default: put_strings(out, value, 1); break;
	}
}

void mess_payload(const struct mess_value *value, int64_t now_ms, struct buf *out)
{
	size_t from = out->len;
	put_value(out, value, now_ms);
	put_little(out, RDB_VERSION, 2);
	CHECK(!out->overflow);
	put_little(out, crc64(0, out->ptr + from, out->len - from), 8);
	CHECK(!out->overflow);
}
