/* The reader of packed entries on any bytes, and the packer on any values.
 * First byte: bit 0 the table; bit 1: the rest is values that must come back, each a length
 * byte (255: absent) and its bytes, the rows filled one after the other. Else the rest is a
 * chunk as it is, then the body of one, behind its codec, with a head and CRC that are right;
 * rows that come out go in again and must come out the same. */
#include <stdlib.h>

#include "base/check.h"
#include "codec/entries.h"
#include "codec/pack_frame.h"

enum { ABSENT = 255, AT_BODY = 1 + PACK_FRAME_HEAD };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct entries_packer *packer;
static struct entries_reader *reader, *again;

static void check_comes_back(enum entries_table table, const struct str *values, size_t rows)
{
	static char bytes[ENTRIES_CHUNK_BYTES];
	struct buf out = buf_over(bytes, sizeof bytes);
	size_t fields, count;
	entries_fields(table, &fields);
	enum status status = entries_pack(packer, table, values, rows, &out);
	if (status) {
		CHECK((status == STATUS_FULL || status == STATUS_INVALID) && out.len == 0);
		return;
	}
	CHECK(entries_count(table, buf_str(&out), &count) == STATUS_OK && count == rows);
	CHECK(entries_read(again, table, buf_str(&out), &count) == STATUS_OK && count == rows);
	for (size_t i = 0; i < rows * fields; i++) {
		struct str back = entries_row(again, i / fields)[i % fields];
		CHECK(str_eq(back, values[i]) && !back.ptr == !values[i].ptr);
	}
}

static void read_any(enum entries_table table, struct str chunk)
{
	size_t rows, count = 0;
	enum status told = entries_count(table, chunk, &count);
	if (entries_read(reader, table, chunk, &rows) != STATUS_OK)
		return;
	CHECK(told == STATUS_OK && count == rows && rows > 0 && rows <= ENTRIES_ROWS_MAX);
	check_comes_back(table, entries_row(reader, 0), rows);
}

static void read_body(enum entries_table table, const uint8_t *data, size_t size)
{
	static uint8_t chunk[ENTRIES_CHUNK_BYTES];
	if (size < 1 || size - 1 > sizeof chunk - AT_BODY)
		return;
	chunk[0] = (uint8_t)(1 + data[0] % 3);
	const struct pack_frame frame = { { 'w', table == ENTRIES_RESULTS ? 'R' : 'G' },
					  (uint8_t)(16 + chunk[0]),
					  ENTRIES_CHUNK_BYTES };
	memcpy(chunk + AT_BODY, data + 1, size - 1);
	pack_frame_seal(&frame, chunk + 1, PACK_FRAME_HEAD + size - 1);
	read_any(table, str_make((char *)chunk, AT_BODY + size - 1));
}

static void write_any(enum entries_table table, const uint8_t *data, size_t size)
{
	static struct str values[ENTRIES_ROWS_MAX * ENTRIES_FIELDS_MAX];
	size_t fields, count = 0;
	entries_fields(table, &fields);
	memset(values, 0, sizeof values);
	while (size > 0 && count < ENTRIES_ROWS_MAX * fields) {
		size_t len = data[0] == ABSENT ? 0 : data[0];
		len = len < size - 1 ? len : size - 1;
		if (data[0] != ABSENT)
			values[count] = str_make((const char *)data + 1, len);
		count++;
		data += 1 + len;
		size -= 1 + len;
	}
	if (count)
		check_comes_back(table, values, (count + fields - 1) / fields);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!packer) {
		packer = entries_packer_create();
		reader = entries_reader_create();
		again = entries_reader_create();
	}
	if (size == 0 || !packer || !reader || !again)
		return 0;
	enum entries_table table = data[0] & 1 ? ENTRIES_SIGNALS : ENTRIES_RESULTS;
	if (data[0] & 2) {
		write_any(table, data + 1, size - 1);
		return 0;
	}
	read_any(table, str_make((const char *)data + 1, size - 1));
	read_body(table, data + 1, size - 1);
	return 0;
}
