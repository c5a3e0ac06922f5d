/* The reader of packed series on any bytes, and the writer on any bars.
 * First byte even: the rest is a chunk as it is, then the body of one with a head and CRC
 * that are right; bars that come out go in again and must come out the same. Odd: the rest
 * is bars, SPELLED bytes each (five numbers, then five scales), put one behind the other. */
#include "base/check.h"
#include "codec/pack_frame.h"
#include "market/series.h"

enum { MINUTES = 15, SPELLED = 5 * 9 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_equal(struct decimal a, struct decimal b)
{
	CHECK(a.mantissa == b.mantissa && a.scale == b.scale);
}

static void check_comes_back(const struct series *series)
{
	static char bytes[SERIES_PACKED_MAX];
	struct buf out = buf_over(bytes, sizeof bytes);
	struct series *again = series_create(MINUTES);
	CHECK(again);
	series_pack(series, &out);
	CHECK(!out.overflow && series_unpack(again, buf_str(&out)) == STATUS_OK);
	CHECK(series_count(again) == series_count(series));
	for (size_t i = 0; i < series_count(series); i++) {
		const struct series_bar *a = series_at(again, i), *b = series_at(series, i);
		CHECK(a->open_ms == b->open_ms);
		check_equal(a->open, b->open);
		check_equal(a->high, b->high);
		check_equal(a->low, b->low);
		check_equal(a->close, b->close);
		check_equal(a->volume, b->volume);
	}
	struct indicator_values values;
	series_indicators(again, &values);
	CHECK(values.bars == series_count(series));
	series_destroy(again);
}

static void read_any(struct series *series, struct str chunk)
{
	if (series_unpack(series, chunk) == STATUS_OK)
		check_comes_back(series);
}

static void read_body(struct series *series, const uint8_t *body, size_t size)
{
	static uint8_t chunk[SERIES_PACKED_MAX];
	const struct pack_frame frame = { { 'w', 'K' }, 1, SERIES_PACKED_MAX };
	if (size > sizeof chunk - PACK_FRAME_HEAD)
		return;
	memcpy(chunk + PACK_FRAME_HEAD, body, size);
	pack_frame_seal(&frame, chunk, PACK_FRAME_HEAD + size);
	read_any(series, str_make((char *)chunk, PACK_FRAME_HEAD + size));
}

static struct decimal spelled(const uint8_t *bytes, int i)
{
	struct decimal d;
	memcpy(&d.mantissa, bytes + 8 * i, 8);
	d.scale = (int8_t)bytes[40 + i];
	return d;
}

static void write_any(struct series *series, const uint8_t *data, size_t size)
{
	for (size_t i = 0; (i + 1) * SPELLED <= size; i++) {
		const uint8_t *at = data + i * SPELLED;
		int64_t newest_ms = series_newest_ms(series);
		struct series_bar bar = { .open_ms = newest_ms + MINUTES * INT64_C(60000),
					  .open = spelled(at, 0),
					  .high = spelled(at, 1),
					  .low = spelled(at, 2),
					  .close = spelled(at, 3),
					  .volume = spelled(at, 4) };
		size_t count = series_count(series);
		enum series_taken taken = series_take(series, &bar);
		CHECK(taken == SERIES_TAKEN ||
		      (taken == SERIES_OLD && series_count(series) == count));
	}
	check_comes_back(series);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct series *series = series_create(MINUTES);
	CHECK(series);
	if (data[0] & 1) {
		write_any(series, data + 1, size - 1);
	} else {
		read_any(series, str_make((const char *)data + 1, size - 1));
		series_clear(series);
		read_body(series, data + 1, size - 1);
	}
	series_destroy(series);
	return 0;
}
