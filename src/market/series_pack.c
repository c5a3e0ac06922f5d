/* A series as bytes: one chunk of pack_frame.h, magic "wK", and back.
 *
 * Format 1 after the frame's head: minutes of a bar, count (varints), number of the first
 * bar, which is its open time / length (signed varint; 0 when there is none), mode (a
 * byte). Mode 1: the bars as they are, RAW_BAR bytes each: open, high, low, close, volume,
 * each its mantissa (8 bytes, little endian) and its scale (a byte). Mode 0: priors version
 * (varint, 0), price scale, largest scale of a price, volume scale, largest scale of a
 * volume (a byte each), first open (signed varint), payload. The scales are the least that
 * hold all prices, or volumes, of the chunk. Memory before the first row: close.last =
 * first open. */
#include "codec/kline_table.h"
#include "codec/pack_frame.h"
#include "market/series_impl.h"

enum {
	FORMAT = 1,
	MODE_PACKED = 0,
	MODE_RAW = 1,
	NUMBERS = 5, /* of a bar, besides its time */
	RAW_BAR = NUMBERS * 9,
	RAW_MAX = SERIES_BARS * RAW_BAR,
	HEADER_MAX = PACK_FRAME_HEAD + 5 * PACK_VARINT_MAX + 5,
	ROW_ROOM = 512, /* more than pack_row_bits_max; checked */
};

_Static_assert(HEADER_MAX + RAW_MAX <= SERIES_PACKED_MAX, "raw bars fit");

static const struct pack_frame klines_frame = { { 'w', 'K' }, FORMAT, SERIES_PACKED_MAX };

/* A bar's numbers: where they are, the columns of each and of its scale, and whether it
 * goes by the prices' scales or by the volumes'. */
struct place {
	size_t offset;
	uint8_t value, scale, kind;
};

static const struct place places[NUMBERS] = {
	{ offsetof(struct series_bar, open), KLINE_OPEN, KLINE_SCALE_OPEN, 0 },
	{ offsetof(struct series_bar, high), KLINE_HIGH, KLINE_SCALE_HIGH, 0 },
	{ offsetof(struct series_bar, low), KLINE_LOW, KLINE_SCALE_LOW, 0 },
	{ offsetof(struct series_bar, close), KLINE_CLOSE, KLINE_SCALE_CLOSE, 0 },
	{ offsetof(struct series_bar, volume), KLINE_VOLUME, KLINE_SCALE_VOLUME, 1 },
};

static struct decimal number_of(const struct series_bar *bar, const struct place *at)
{
	struct decimal d;
	memcpy(&d, (const char *)bar + at->offset, sizeof d);
	return d;
}

static void set_number(struct series_bar *bar, const struct place *at, struct decimal d)
{
	memcpy((char *)bar + at->offset, &d, sizeof d);
}

/* Of all prices [0] and all volumes [1]. */
struct scales {
	int32_t least[2]; /* that holds them all */
	int32_t largest[2];
};

static int32_t least_scale(int64_t mantissa, int32_t scale)
{
	if (mantissa == 0)
		return 0;
	for (; scale > 0 && mantissa % 10 == 0; scale--)
		mantissa /= 10;
	return scale;
}

static void raise_to(int32_t *scale, int32_t to) { *scale = *scale < to ? to : *scale; }

static struct scales scales_of(const struct series *series)
{
	struct scales scales = { { 0, 0 }, { 0, 0 } };
	for (size_t i = 0; i < series->count * NUMBERS; i++) {
		const struct place *at = &places[i % NUMBERS];
		struct decimal d = number_of(&series->bars[i / NUMBERS], at);
		raise_to(&scales.least[at->kind], least_scale(d.mantissa, d.scale));
		raise_to(&scales.largest[at->kind], d.scale);
	}
	return scales;
}

/* The scale that a value, at the chunk's scale, was written with by the form. */
static int32_t form_scale(const struct scales *scales, size_t kind, int64_t form, int64_t value)
{
	return form == KLINE_FIXED ? scales->largest[kind]
				   : least_scale(value, scales->least[kind]);
}

/* ---- out ---- */

/* The form, and how far the bar's scales are from it. */
static void put_scales(const struct scales *scales, const struct series_bar *bar, int64_t form,
		       int64_t row[KLINE_COLUMNS])
{
	row[KLINE_FORM] = form;
	for (size_t i = 0; i < NUMBERS; i++) {
		const struct place *at = &places[i];
		row[at->scale] =
		    number_of(bar, at).scale - form_scale(scales, at->kind, form, row[at->value]);
	}
}

static bool same_scales(const int64_t *a, const int64_t *b)
{
	return memcmp(a + KLINE_SCALE_OPEN, b + KLINE_SCALE_OPEN, NUMBERS * sizeof *a) == 0;
}

/* The form of the row before where it tells the scales as well as there; else the other. */
static bool row_of(const struct scales *scales, const struct series_bar *bar, const int64_t *before,
		   int64_t row[KLINE_COLUMNS])
{
	for (size_t i = 0; i < NUMBERS; i++) {
		const struct place *at = &places[i];
		if (decimal_rescale(number_of(bar, at), scales->least[at->kind], &row[at->value]))
			return false;
	}
	put_scales(scales, bar, before[KLINE_FORM], row);
	if (!same_scales(row, before))
		put_scales(scales, bar, !before[KLINE_FORM], row);
	return true;
}

static uint8_t *put_header(const struct series *series, uint8_t mode, uint8_t *out)
{
	out = pack_put_varint(out, (uint64_t)series->minutes);
	out = pack_put_varint(out, series->count);
	out = pack_put_signed(out,
			      series->count ? series->bars[0].open_ms / series_step_ms(series) : 0);
	*out++ = mode;
	return out;
}

static uint8_t *put_scales_header(const struct scales *scales, int64_t open, uint8_t *out)
{
	out = pack_put_varint(out, 0);
	for (size_t kind = 0; kind < 2; kind++) {
		*out++ = (uint8_t)scales->least[kind];
		*out++ = (uint8_t)scales->largest[kind];
	}
	return pack_put_signed(out, open);
}

/* The chunk's length; 0: the raw form is no longer, or the only one. */
static size_t pack_rows(const struct series *series, uint8_t *chunk)
{
	uint8_t storage[RANGE_SLACK + RAW_MAX + ROW_ROOM];
	uint32_t slots[KLINE_SLOTS];
	struct packer packer;
	struct scales scales = scales_of(series);
	int64_t before[KLINE_COLUMNS] = { 0 }, first_open;
	if (series->count == 0 ||
	    decimal_rescale(series->bars[0].open, scales.least[0], &first_open))
		return 0;
	packer_init_write(&packer, &kline_table, NULL, slots, storage);
	packer.memory[KLINE_CLOSE].last = first_open;
	for (size_t i = 0; i < series->count; i++) {
		int64_t row[KLINE_COLUMNS];
		if (!row_of(&scales, &series->bars[i], before, row))
			return 0;
		memcpy(before, row, sizeof before);
		packer_put(&packer, row);
		if (range_encoder_len_max(&packer.encoder, storage) >= series->count * RAW_BAR)
			return 0;
	}
	size_t payload = range_encoder_finish(&packer.encoder, storage);
	uint8_t *out = put_header(series, MODE_PACKED, chunk + PACK_FRAME_HEAD);
	out = put_scales_header(&scales, first_open, out);
	memcpy(out, storage + RANGE_SLACK, payload);
	return (size_t)(out + payload - chunk);
}

static size_t pack_raw(const struct series *series, uint8_t *chunk)
{
	uint8_t *out = put_header(series, MODE_RAW, chunk + PACK_FRAME_HEAD);
	for (size_t i = 0; i < series->count * NUMBERS; i++) {
		struct decimal d = number_of(&series->bars[i / NUMBERS], &places[i % NUMBERS]);
		for (int shift = 0; shift < 64; shift += 8)
			*out++ = (uint8_t)((uint64_t)d.mantissa >> shift);
		*out++ = (uint8_t)d.scale;
	}
	return (size_t)(out - chunk);
}

void series_pack(const struct series *series, struct buf *out)
{
	uint8_t chunk[HEADER_MAX + RAW_MAX];
	CHECK((pack_row_bits_max(&kline_table) + 7) / 8 + RANGE_TAIL <= ROW_ROOM);
	size_t len = pack_rows(series, chunk);
	if (len == 0)
		len = pack_raw(series, chunk);
	pack_frame_seal(&klines_frame, chunk, len);
	buf_put(out, chunk, len);
}

/* ---- in ---- */

static enum status read_header(struct pack_reader *reader, struct series *series, int64_t *first,
			       uint8_t *mode)
{
	uint64_t minutes = pack_read_varint(reader), count = pack_read_varint(reader);
	*first = pack_read_signed(reader);
	*mode = pack_read_byte(reader);
	if (reader->bad || *mode > MODE_RAW || count > SERIES_BARS || *first < 0 ||
	    *first > INT64_MAX / series_step_ms(series) - SERIES_BARS)
		return STATUS_FORMAT;
	if (minutes != (uint64_t)series->minutes)
		return STATUS_INVALID;
	series->count = (size_t)count;
	return STATUS_OK;
}

static enum status read_raw(struct pack_reader *reader, struct series *series)
{
	if (reader->rest.len != series->count * RAW_BAR)
		return STATUS_FORMAT;
	for (size_t i = 0; i < series->count * NUMBERS; i++) {
		uint64_t mantissa = 0;
		for (int shift = 0; shift < 64; shift += 8)
			mantissa |= (uint64_t)pack_read_byte(reader) << shift;
		struct decimal d = { (int64_t)mantissa, pack_read_byte(reader) };
		set_number(&series->bars[i / NUMBERS], &places[i % NUMBERS], d);
	}
	return STATUS_OK;
}

/* A row's numbers, each at the scale it was written with. */
static bool bar_of(const struct scales *scales, const int64_t *row, struct series_bar *bar)
{
	if (row[KLINE_FORM] != KLINE_TRIMMED && row[KLINE_FORM] != KLINE_FIXED)
		return false;
	for (size_t i = 0; i < NUMBERS; i++) {
		const struct place *at = &places[i];
		struct decimal value = { row[at->value], scales->least[at->kind] }, d;
		int64_t apart = row[at->scale];
		if (apart < -DECIMAL_SCALE_MAX || apart > DECIMAL_SCALE_MAX)
			return false;
		d.scale =
		    (int32_t)apart + form_scale(scales, at->kind, row[KLINE_FORM], row[at->value]);
		if (d.scale < 0 || d.scale > DECIMAL_SCALE_MAX ||
		    decimal_rescale(value, d.scale, &d.mantissa))
			return false;
		set_number(bar, at, d);
	}
	return true;
}

static bool read_scales(struct pack_reader *reader, struct scales *scales)
{
	bool fit = true;
	for (size_t kind = 0; kind < 2; kind++) {
		scales->least[kind] = pack_read_byte(reader);
		scales->largest[kind] = pack_read_byte(reader);
		fit &= scales->least[kind] <= DECIMAL_SCALE_MAX &&
		       scales->largest[kind] <= DECIMAL_SCALE_MAX;
	}
	return fit && !reader->bad;
}

static enum status read_rows(struct pack_reader *reader, struct series *series)
{
	uint32_t slots[KLINE_SLOTS];
	struct packer packer;
	struct scales scales;
	if (pack_read_varint(reader) != 0 && !reader->bad)
		return STATUS_VERSION;
	if (!read_scales(reader, &scales))
		return STATUS_FORMAT;
	int64_t first_open = pack_read_signed(reader);
	if (reader->bad)
		return STATUS_FORMAT;
	packer_init_read(&packer, &kline_table, NULL, slots, reader->rest);
	packer.memory[KLINE_CLOSE].last = first_open;
	for (size_t i = 0; i < series->count; i++) {
		int64_t row[KLINE_COLUMNS] = { 0 };
		packer_get(&packer, row);
		if (!bar_of(&scales, row, &series->bars[i]))
			return STATUS_FORMAT;
	}
	return range_decoder_done(&packer.decoder) ? STATUS_OK : STATUS_FORMAT;
}

static enum status read_bars(struct pack_reader *reader, struct series *read)
{
	int64_t first;
	uint8_t mode;
	enum status status = read_header(reader, read, &first, &mode);
	if (status == STATUS_OK)
		status = mode == MODE_RAW ? read_raw(reader, read) : read_rows(reader, read);
	for (size_t i = 0; status == STATUS_OK && i < read->count; i++) {
		read->bars[i].open_ms = (first + (int64_t)i) * series_step_ms(read);
		if (!series_is_sensible(read, &read->bars[i]))
			status = STATUS_FORMAT;
	}
	return status;
}

enum status series_unpack(struct series *series, struct str bytes)
{
	struct pack_reader reader = { 0 };
	struct series read;
	read.minutes = series->minutes;
	enum status status = pack_frame_open(&klines_frame, bytes, &reader.rest);
	if (status == STATUS_OK)
		status = read_bars(&reader, &read);
	if (status != STATUS_OK)
		return status;
	series->count = read.count;
	memcpy(series->bars, read.bars, read.count * sizeof *read.bars);
	return STATUS_OK;
}
