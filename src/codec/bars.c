#include "codec/bars.h"

#include "base/check.h"
#include "codec/bars_table.h"
#include "codec/pack_market.h"
#include "codec/priors.h"

/* Format 1 after the frame's head: market (pack_market.h), price scale, qty scale,
 * mode (a byte each), count, priors version (varints), first minute ms, last - first
 * (signed varints). Mode 1: the bars as they are, BAR_RAW_BYTES each, every field of
 * struct bar in its order, little endian. Mode 0: the powers of ten of the units of
 * price, quantity and quote sums (a byte each), first open / its unit, first id_first
 * (signed varints), payload. Memory before the first row: minute.last = first ms -
 * 60,000, close.last = first open, id_last.last = first id_first - 1.
 *
 * With all values in units and arithmetic modulo 2^128, the expected quote sums are
 *	buy:  buy × (open + high + low + close) / 4 (rounded down) × F,
 *	sell: sell × buy_quote / buy (unsigned), or like buy's when buy is 0,
 * F = 10^(price power + qty power - quote power). The difference d is packed as its
 * low 64 bits, signed, and (d - that) / 2^64. */
enum {
	BARS_FORMAT = 1,
	MODE_PACKED = 0,
	MODE_RAW = 1,
	BAR_RAW_BYTES = 9 * 8 + 2 * 16 + 3 * 4,
	HEADER_MAX = PACK_FRAME_HEAD + PACK_MARKET_MAX + 6 + 6 * PACK_VARINT_MAX,
	PAYLOAD_MAX = BARS_CHUNK_MINUTES * BAR_RAW_BYTES,
	ROW_ROOM = 1024, /* more than pack_row_bits_max; checked */
};

_Static_assert(HEADER_MAX + PAYLOAD_MAX <= BARS_CHUNK_BYTES, "raw bars fit a chunk");

static const struct pack_frame bars_frame = { { 'w', 'B' }, BARS_FORMAT, BARS_CHUNK_BYTES };

static const struct pack_priors bars_priors[] = {
	{ 1, priors_bars_1 },
};
_Static_assert(ARRAY_LEN(priors_bars_1) == BARS_SLOTS, "trained for another table");

const struct pack_table bars_table = { "bars",     bars_columns, BARS_COLUMNS,
				       BARS_SLOTS, bars_priors,  ARRAY_LEN(bars_priors) };

void bars_model_start(struct bars_model *model, const struct pack_priors *priors,
		      const struct bars_origin *origin)
{
	memset(model->memory, 0, sizeof model->memory);
	model->plain = 3;
	model->memory[BARS_MINUTE].last = (int64_t)((uint64_t)origin->ms - 60000);
	model->memory[BARS_CLOSE].last = origin->open;
	model->memory[BARS_ID_LAST].last = (int64_t)((uint64_t)origin->id - 1);
	pack_slots_start(&bars_table, priors, model->slots);
}

static u128 power_of_ten(uint32_t n)
{
	u128 power = 1;
	while (n-- > 0)
		power *= 10;
	return power;
}

static void lower_to(uint8_t *power, i128 value)
{
	while (*power > 0 && value % (i128)power_of_ten(*power) != 0)
		--*power;
}

struct bars_units bars_units_of(const struct bar *bars, uint32_t count)
{
	struct bars_units units = { PACK_UNIT_MAX, PACK_UNIT_MAX, 0 };
	for (uint32_t i = 0; i < count; i++) {
		lower_to(&units.price, bars[i].open);
		lower_to(&units.price, bars[i].high);
		lower_to(&units.price, bars[i].low);
		lower_to(&units.price, bars[i].close);
		lower_to(&units.qty, bars[i].buy);
		lower_to(&units.qty, bars[i].sell);
	}
	units.quote = (uint8_t)(units.price + units.qty);
	for (uint32_t i = 0; i < count; i++) {
		lower_to(&units.quote, bars[i].buy_quote);
		lower_to(&units.quote, bars[i].sell_quote);
	}
	return units;
}

/* Modulo 2^128, of the row's values in units. */
static u128 expected_quote(const int64_t *row, int64_t qty, u128 factor)
{
	i128 prices = (i128)row[BARS_OPEN] + row[BARS_HIGH] + row[BARS_LOW] + row[BARS_CLOSE];
	i128 sum = (i128)((u128)(i128)qty * (u128)prices);
	return (u128)(sum >> 2) * factor;
}

static u128 expected_sell_quote(const int64_t *row, u128 buy_quote, u128 factor)
{
	if (row[BARS_BUY] == 0)
		return expected_quote(row, row[BARS_SELL], factor);
	return (u128)(i128)row[BARS_SELL] * buy_quote / (u128)(i128)row[BARS_BUY];
}

static u128 factor_of(struct bars_units units)
{
	return power_of_ten((uint32_t)units.price + units.qty - units.quote);
}

static void split(u128 difference, int64_t *low, int64_t *high)
{
	*low = (int64_t)(uint64_t)difference;
	*high = (int64_t)((i128)(difference - (u128)(i128)*low) >> 64);
}

static u128 join(int64_t low, int64_t high) { return ((u128)(i128)high << 64) + (u128)(i128)low; }

void bars_row_of(const struct bar *bar, struct bars_units units, int64_t row[BARS_COLUMNS])
{
	int64_t price = decimal_pow10(units.price), qty = decimal_pow10(units.qty);
	i128 quote = (i128)power_of_ten(units.quote);
	u128 factor = factor_of(units), buy_quote = (u128)(bar->buy_quote / quote);
	row[BARS_MINUTE] = bar->minute_ms;
	row[BARS_OPEN] = bar->open / price;
	row[BARS_HIGH] = bar->high / price;
	row[BARS_LOW] = bar->low / price;
	row[BARS_CLOSE] = bar->close / price;
	row[BARS_BUY] = bar->buy / qty;
	row[BARS_SELL] = bar->sell / qty;
	row[BARS_N_BUY] = bar->n_buy;
	row[BARS_N_SELL] = bar->n_sell;
	row[BARS_ID_FIRST] = bar->id_first;
	row[BARS_ID_LAST] = bar->id_last;
	row[BARS_FLAGS] = bar->flags;
	split(buy_quote - expected_quote(row, row[BARS_BUY], factor), &row[BARS_BUY_QUOTE],
	      &row[BARS_BUY_QUOTE_HIGH]);
	split((u128)(bar->sell_quote / quote) - expected_sell_quote(row, buy_quote, factor),
	      &row[BARS_SELL_QUOTE], &row[BARS_SELL_QUOTE_HIGH]);
}

struct scales { /* what the units mean, computed once a chunk */
	uint64_t price, qty;
	u128 quote, factor;
};

static void bar_of(const int64_t *row, const struct scales *scales, struct bar *bar)
{
	u128 buy_quote = expected_quote(row, row[BARS_BUY], scales->factor) +
			 join(row[BARS_BUY_QUOTE], row[BARS_BUY_QUOTE_HIGH]);
	u128 sell_quote = expected_sell_quote(row, buy_quote, scales->factor) +
			  join(row[BARS_SELL_QUOTE], row[BARS_SELL_QUOTE_HIGH]);
	*bar = (struct bar){
		.minute_ms = row[BARS_MINUTE],
		.open = (int64_t)((uint64_t)row[BARS_OPEN] * scales->price),
		.high = (int64_t)((uint64_t)row[BARS_HIGH] * scales->price),
		.low = (int64_t)((uint64_t)row[BARS_LOW] * scales->price),
		.close = (int64_t)((uint64_t)row[BARS_CLOSE] * scales->price),
		.buy = (int64_t)((uint64_t)row[BARS_BUY] * scales->qty),
		.sell = (int64_t)((uint64_t)row[BARS_SELL] * scales->qty),
		.buy_quote = (i128)(buy_quote * scales->quote),
		.sell_quote = (i128)(sell_quote * scales->quote),
		.id_first = row[BARS_ID_FIRST],
		.id_last = row[BARS_ID_LAST],
		.n_buy = (uint32_t)row[BARS_N_BUY],
		.n_sell = (uint32_t)row[BARS_N_SELL],
		.flags = (uint32_t)row[BARS_FLAGS],
	};
}

static uint8_t *put_little(uint8_t *out, u128 value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		*out++ = (uint8_t)(value >> (8 * i));
	return out;
}

static uint8_t *put_raw(uint8_t *out, const struct bar *bar)
{
	const int64_t head[] = { bar->minute_ms, bar->open, bar->high, bar->low,
				 bar->close,     bar->buy,  bar->sell };
	for (size_t i = 0; i < ARRAY_LEN(head); i++)
		out = put_little(out, (u128)head[i], 8);
	out = put_little(out, (u128)bar->buy_quote, 16);
	out = put_little(out, (u128)bar->sell_quote, 16);
	out = put_little(out, (u128)bar->id_first, 8);
	out = put_little(out, (u128)bar->id_last, 8);
	out = put_little(out, bar->n_buy, 4);
	out = put_little(out, bar->n_sell, 4);
	return put_little(out, bar->flags, 4);
}

static u128 take_little(const uint8_t **in, int bytes)
{
	u128 value = 0;
	for (int i = 0; i < bytes; i++)
		value |= (u128) * (*in)++ << (8 * i);
	return value;
}

static void take_raw(const uint8_t **in, struct bar *bar)
{
	int64_t *head[] = { &bar->minute_ms, &bar->open, &bar->high, &bar->low,
			    &bar->close,     &bar->buy,  &bar->sell };
	for (size_t i = 0; i < ARRAY_LEN(head); i++)
		*head[i] = (int64_t)take_little(in, 8);
	bar->buy_quote = (i128)take_little(in, 16);
	bar->sell_quote = (i128)take_little(in, 16);
	bar->id_first = (int64_t)take_little(in, 8);
	bar->id_last = (int64_t)take_little(in, 8);
	bar->n_buy = (uint32_t)take_little(in, 4);
	bar->n_sell = (uint32_t)take_little(in, 4);
	bar->flags = (uint32_t)take_little(in, 4);
}

/* What bars_pack is asked to do. */
struct pack_job {
	const struct market_id *market;
	int32_t price_scale, qty_scale;
	const struct bar *bars;
	uint32_t count;
	const struct pack_priors *priors;
};

static uint8_t *put_header(const struct pack_job *job, uint8_t mode, uint8_t *out)
{
	int64_t ms_first = job->bars[0].minute_ms;
	uint64_t ms_last = (uint64_t)job->bars[job->count - 1].minute_ms;
	out = pack_put_market(out, job->market);
	*out++ = (uint8_t)job->price_scale;
	*out++ = (uint8_t)job->qty_scale;
	*out++ = mode;
	out = pack_put_varint(out, job->count);
	out = pack_put_varint(out, job->priors && mode == MODE_PACKED ? job->priors->version : 0);
	out = pack_put_signed(out, ms_first);
	return pack_put_signed(out, (int64_t)(ms_last - (uint64_t)ms_first));
}

/* The chunk's length; 0 when the raw form is no longer. */
static size_t pack_rows(const struct pack_job *job, uint8_t *chunk)
{
	uint8_t storage[RANGE_SLACK + PAYLOAD_MAX + ROW_ROOM];
	struct bars_model model;
	struct range_encoder encoder;
	struct bars_units units = bars_units_of(job->bars, job->count);
	struct bars_origin origin = { job->bars[0].minute_ms, 0, job->bars[0].id_first };
	origin.open = job->bars[0].open / decimal_pow10(units.price);
	bars_model_start(&model, job->priors, &origin);
	range_encoder_init(&encoder, storage);
	for (uint32_t i = 0; i < job->count; i++) {
		int64_t row[BARS_COLUMNS];
		bars_row_of(&job->bars[i], units, row);
		bars_put_row(&encoder, &model, row);
		if (range_encoder_len_max(&encoder, storage) >= job->count * BAR_RAW_BYTES)
			return 0;
	}
	size_t payload = range_encoder_finish(&encoder, storage);
	uint8_t *out = put_header(job, MODE_PACKED, chunk + PACK_FRAME_HEAD);
	*out++ = units.price;
	*out++ = units.qty;
	*out++ = units.quote;
	out = pack_put_signed(out, origin.open);
	out = pack_put_signed(out, origin.id);
	memcpy(out, storage + RANGE_SLACK, payload);
	return (size_t)(out + payload - chunk);
}

static size_t pack_raw(const struct pack_job *job, uint8_t *chunk)
{
	uint8_t *out = put_header(job, MODE_RAW, chunk + PACK_FRAME_HEAD);
	for (uint32_t i = 0; i < job->count; i++)
		out = put_raw(out, &job->bars[i]);
	return (size_t)(out - chunk);
}

void bars_pack_with(const struct market_id *market, int32_t price_scale, int32_t qty_scale,
		    const struct bar *bars, uint32_t count, const struct pack_priors *priors,
		    struct buf *out)
{
	uint8_t chunk[HEADER_MAX + PAYLOAD_MAX];
	struct pack_job job = { market, price_scale, qty_scale, bars, count, priors };
	CHECK(count > 0 && count <= BARS_CHUNK_MINUTES);
	CHECK(price_scale >= 0 && price_scale <= DECIMAL_SCALE_MAX);
	CHECK(qty_scale >= 0 && qty_scale <= DECIMAL_SCALE_MAX);
	CHECK((pack_row_bits_max(&bars_table) + 7) / 8 + RANGE_TAIL <= ROW_ROOM);
	size_t len = pack_rows(&job, chunk);
	if (len == 0)
		len = pack_raw(&job, chunk);
	pack_frame_seal(&bars_frame, chunk, len);
	buf_put(out, chunk, len);
}

void bars_pack(const struct market_id *market, int32_t price_scale, int32_t qty_scale,
	       const struct bar *bars, uint32_t count, struct buf *out)
{
	bars_pack_with(market, price_scale, qty_scale, bars, count, pack_priors_newest(&bars_table),
		       out);
}

static enum status read_header(struct pack_reader *reader, struct bars_info *info, uint8_t *mode,
			       const struct pack_priors **priors)
{
	enum status status = pack_read_market(reader, &info->market);
	if (status != STATUS_OK)
		return status;
	info->price_scale = pack_read_byte(reader);
	info->qty_scale = pack_read_byte(reader);
	*mode = pack_read_byte(reader);
	uint64_t count = pack_read_varint(reader);
	uint64_t version = pack_read_varint(reader);
	info->ms_first = pack_read_signed(reader);
	info->ms_last = (int64_t)((uint64_t)info->ms_first + (uint64_t)pack_read_signed(reader));
	if (reader->bad || info->price_scale > DECIMAL_SCALE_MAX ||
	    info->qty_scale > DECIMAL_SCALE_MAX || *mode > MODE_RAW || count == 0 ||
	    count > BARS_CHUNK_MINUTES)
		return STATUS_FORMAT;
	info->count = (uint32_t)count;
	if (version > UINT32_MAX)
		return STATUS_VERSION;
	return pack_priors_find(&bars_table, (uint32_t)version, priors);
}

static enum status read_raw(const struct bars_info *info, struct str payload, struct bar *out)
{
	const uint8_t *in = (const uint8_t *)payload.ptr;
	if (payload.len != (size_t)info->count * BAR_RAW_BYTES)
		return STATUS_FORMAT;
	for (uint32_t i = 0; i < info->count; i++)
		take_raw(&in, &out[i]);
	return out[info->count - 1].minute_ms == info->ms_last ? STATUS_OK : STATUS_FORMAT;
}

static bool counts_fit(const int64_t *row)
{
	uint64_t all =
	    (uint64_t)row[BARS_N_BUY] | (uint64_t)row[BARS_N_SELL] | (uint64_t)row[BARS_FLAGS];
	return all <= UINT32_MAX;
}

static enum status read_rows(const struct bars_info *info, struct pack_reader *reader,
			     const struct pack_priors *priors, struct bar *out)
{
	struct bars_model model;
	struct range_decoder decoder;
	int64_t row[BARS_COLUMNS] = { 0 };
	struct bars_units units = { pack_read_byte(reader), 0, 0 };
	units.qty = pack_read_byte(reader);
	units.quote = pack_read_byte(reader);
	struct bars_origin origin = { info->ms_first, pack_read_signed(reader), 0 };
	origin.id = pack_read_signed(reader);
	if (reader->bad || units.price > PACK_UNIT_MAX || units.qty > PACK_UNIT_MAX ||
	    units.quote > units.price + units.qty)
		return STATUS_FORMAT;
	struct scales scales = { (uint64_t)decimal_pow10(units.price),
				 (uint64_t)decimal_pow10(units.qty), power_of_ten(units.quote),
				 factor_of(units) };
	bars_model_start(&model, priors, &origin);
	range_decoder_init(&decoder, (const uint8_t *)reader->rest.ptr, reader->rest.len);
	for (uint32_t i = 0; i < info->count; i++) {
		bars_get_row(&decoder, &model, row);
		if (!counts_fit(row))
			return STATUS_FORMAT;
		bar_of(row, &scales, &out[i]);
	}
	bool as_told = row[BARS_MINUTE] == info->ms_last && range_decoder_done(&decoder);
	return as_told ? STATUS_OK : STATUS_FORMAT;
}

size_t bars_chunk_len(struct str bytes) { return pack_frame_len(&bars_frame, bytes); }

enum status bars_read(struct str chunk, struct bars_info *info, struct bar *out)
{
	uint8_t mode;
	struct pack_reader reader = { 0 };
	struct bars_info told;
	const struct pack_priors *priors;
	enum status status = pack_frame_open(&bars_frame, chunk, &reader.rest);
	if (status == STATUS_OK)
		status = read_header(&reader, &told, &mode, &priors);
	if (status != STATUS_OK)
		return status;
	status = mode == MODE_RAW ? read_raw(&told, reader.rest, out)
				  : read_rows(&told, &reader, priors, out);
	if (status == STATUS_OK)
		*info = told;
	return status;
}
