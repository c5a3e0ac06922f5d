/* The reader of a terminal's packed history on any bytes, and its writer on any rows.
 * First byte even: the rest is a chunk as it is, then the body of one with a head and CRC
 * that are right; rows that come out go in again and must come out the same.
 * Odd: the rest is what happens to a row, a byte each for what and to which sample, and
 * its operand; at the end of each row it is added. */
#include <stdlib.h>

#include "base/check.h"
#include "codec/pack_frame.h"
#include "codec/samples.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct samples_writer *writer;
static struct samples_open *open_rows;
static struct sample_row_values rows[SAMPLES_ROWS_MAX], back[SAMPLES_ROWS_MAX];

static void check_same(const struct sample_row_values *got, const struct sample_row_values *sent)
{
	CHECK(got->ms == sent->ms && got->known == sent->known);
	for (uint32_t i = 0; i < SAMPLE_COUNT; i++) {
		if (!(sent->known >> i & 1))
			continue;
		CHECK(got->values[i].mantissa == sent->values[i].mantissa);
		CHECK(got->values[i].digits == sent->values[i].digits);
	}
}

/* The open rows are these. */
static void check_comes_back(const struct sample_row_values *sent, uint32_t count)
{
	char bytes[SAMPLES_CHUNK_BYTES];
	struct buf out = buf_over(bytes, sizeof bytes);
	struct samples_info info;
	CHECK(samples_open_bytes(open_rows) <= SAMPLES_OPEN_BYTES);
	samples_pack(writer, open_rows, &out);
	CHECK(!out.overflow);
	CHECK(samples_read(buf_str(&out), &info, back) == STATUS_OK && info.count == count);
	for (uint32_t r = 0; r < count; r++)
		check_same(&back[r], &sent[r]);
}

static void read_any(struct str chunk)
{
	struct samples_info info, told;
	if (samples_read(chunk, &info, rows) != STATUS_OK)
		return;
	CHECK(samples_info_read(chunk, &told) == STATUS_OK && told.count == info.count);
	CHECK(rows[0].ms == info.first_ms && rows[info.count - 1].ms == info.last_ms);
	samples_open_clear(open_rows);
	uint32_t taken = 0;
	while (taken < info.count && samples_open_add(open_rows, &rows[taken]) == STATUS_OK)
		taken++;
	CHECK(taken > 0);
	check_comes_back(rows, taken);
}

static void read_body(const uint8_t *body, size_t size)
{
	static uint8_t chunk[SAMPLES_CHUNK_BYTES];
	const struct pack_frame frame = { { 'w', 'S' }, 1, SAMPLES_CHUNK_BYTES };
	if (size > sizeof chunk - PACK_FRAME_HEAD)
		return;
	memcpy(chunk + PACK_FRAME_HEAD, body, size);
	pack_frame_seal(&frame, chunk, PACK_FRAME_HEAD + size);
	read_any(str_make((char *)chunk, PACK_FRAME_HEAD + size));
}

struct input {
	const uint8_t *at, *end;
};

static uint64_t take(struct input *input, size_t bytes)
{
	uint64_t value = 0;
	for (size_t i = 0; i < bytes && input->at < input->end; i++)
		value |= (uint64_t)*input->at++ << (8 * i);
	return value;
}

/* True: the row is done. */
static bool change(struct input *input, struct sample_row_values *row)
{
	uint8_t what = (uint8_t)take(input, 1);
	uint32_t i = (uint32_t)take(input, 1) % SAMPLE_COUNT;
	uint64_t mantissa = (uint64_t)row->values[i].mantissa;
	switch (what % 8) {
	case 0: mantissa += take(input, 1); break;
	case 1: mantissa -= take(input, 1); break;
	case 2: mantissa += take(input, 3); break;
	case 3: mantissa = take(input, 8); break;
	case 4: row->values[i].digits = (uint8_t)(take(input, 1) % 19); break;
	case 5: row->known ^= UINT64_C(1) << i; break;
	case 6: row->ms = (int64_t)((uint64_t)row->ms + 1000 + i); return true;
	default: row->ms = (int64_t)((uint64_t)row->ms + take(input, 8)); return true;
	}
	row->values[i].mantissa = (int64_t)mantissa;
	return false;
}

static void write_any(const uint8_t *data, size_t size)
{
	struct input input = { data, data + size };
	struct sample_row_values row = { .known = UINT64_MAX };
	uint32_t count = 0;
	samples_open_clear(open_rows);
	while (input.at < input.end) {
		if (!change(&input, &row))
			continue;
		enum status status = samples_open_add(open_rows, &row);
		if (status == STATUS_FULL) {
			check_comes_back(rows, count);
			samples_open_clear(open_rows);
			count = 0;
			CHECK(samples_open_add(open_rows, &row) == STATUS_OK);
		} else if (status == STATUS_INVALID) {
			CHECK(count > 0 && row.ms <= rows[count - 1].ms);
			row.ms = rows[count - 1].ms;
			continue;
		}
		rows[count++] = row;
	}
	if (count > 0)
		check_comes_back(rows, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!writer) {
		writer = samples_writer_create();
		open_rows = samples_open_create();
		CHECK(writer && open_rows);
	}
	if (size == 0)
		return 0;
	if (data[0] & 1) {
		write_any(data + 1, size - 1);
		return 0;
	}
	read_any(str_make((const char *)data + 1, size - 1));
	read_body(data + 1, size - 1);
	return 0;
}
