#include "codec/tape.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/decimal.h"
#include "codec/pack_market.h"
#include "codec/priors.h"
#include "codec/tape_table.h"

/* Format 1 after the frame's head: venue, kind, length of the symbol (a byte each),
 * the symbol, price scale, qty scale, power of ten of the first price's and the
 * first quantity's unit (a byte each), priors version, count (varints), first ms,
 * last ms - first ms, first id, last id - first id, first price / its unit
 * (signed varints), payload. Memory before the first row: time.last = first ms,
 * id.last = first id - 1, price.last = first price / its unit, the units. */
enum {
	TAPE_FORMAT = 1,
	HEADER_MAX = PACK_FRAME_HEAD + PACK_MARKET_MAX + 4 + 7 * PACK_VARINT_MAX,
};

static const struct pack_frame tape_frame = { { 'w', 'T' }, TAPE_FORMAT, TAPE_CHUNK_BYTES };

static const struct pack_priors tape_priors[] = {
	{ 1, priors_tape_1 },
};
_Static_assert(ARRAY_LEN(priors_tape_1) == TAPE_SLOTS, "trained for another table");

const struct pack_table tape_table = { "tape",     tape_columns, TAPE_COLUMNS,
				       TAPE_SLOTS, tape_priors,  ARRAY_LEN(tape_priors) };

struct tape_writer {
	struct market_id market;
	int32_t price_scale, qty_scale;
	uint32_t count;
	uint32_t payload_max;   /* a trade is taken while the payload is no longer */
	int64_t ms_min, ms_max; /* of the first trade's hour */
	const struct pack_priors *priors;
	struct tape_origin origin;
	struct range_encoder encoder;
	struct tape_model model;
	uint8_t storage[RANGE_SLACK + TAPE_CHUNK_BYTES];
};

_Static_assert(sizeof(struct tape_writer) <= 32 * 1024, "a writer's memory is bounded");

void tape_model_start(struct tape_model *model, const struct pack_priors *priors,
		      const struct tape_origin *origin)
{
	memset(model->memory, 0, sizeof model->memory);
	model->plain = 3;
	model->memory[TAPE_TIME].last = origin->ms;
	model->memory[TAPE_ID].last = (int64_t)((uint64_t)origin->id - 1);
	model->memory[TAPE_PRICE].last = origin->price;
	model->memory[TAPE_PRICE].unit = decimal_pow10(origin->price_power);
	model->memory[TAPE_QTY].unit = decimal_pow10(origin->qty_power);
	pack_slots_start(&tape_table, priors, model->slots);
}

struct tape_writer *tape_writer_create(void)
{
	pack_table_check(&tape_table);
	return calloc(1, sizeof(struct tape_writer));
}

void tape_writer_destroy(struct tape_writer *writer) { free(writer); }

void tape_writer_begin_with(struct tape_writer *writer, const struct market_id *market,
			    int32_t price_scale, int32_t qty_scale,
			    const struct pack_priors *priors)
{
	CHECK(price_scale >= 0 && price_scale <= DECIMAL_SCALE_MAX);
	CHECK(qty_scale >= 0 && qty_scale <= DECIMAL_SCALE_MAX);
	size_t reserve = HEADER_MAX + RANGE_TAIL + (pack_row_bits_max(&tape_table) + 7) / 8;
	writer->market = *market;
	writer->price_scale = price_scale;
	writer->qty_scale = qty_scale;
	writer->count = 0;
	writer->payload_max = (uint32_t)(TAPE_CHUNK_BYTES - reserve);
	writer->priors = priors;
	range_encoder_init(&writer->encoder, writer->storage);
}

void tape_writer_begin(struct tape_writer *writer, const struct market_id *market,
		       int32_t price_scale, int32_t qty_scale)
{
	tape_writer_begin_with(writer, market, price_scale, qty_scale,
			       pack_priors_newest(&tape_table));
}

/* The hours at both ends of int64 are cut short. */
static void set_hour(struct tape_writer *writer, int64_t ms)
{
	int64_t since = ms % TAPE_CHUNK_MS;
	since = since < 0 ? since + TAPE_CHUNK_MS : since;
	if (__builtin_sub_overflow(ms, since, &writer->ms_min))
		writer->ms_min = INT64_MIN;
	if (__builtin_add_overflow(ms, TAPE_CHUNK_MS - 1 - since, &writer->ms_max))
		writer->ms_max = INT64_MAX;
}

static void start_at(struct tape_writer *writer, const struct trade *trade)
{
	struct tape_origin *origin = &writer->origin;
	origin->ms = trade->t_ms;
	origin->id = trade->id;
	origin->price_power = (uint8_t)pack_unit_of(trade->price);
	origin->qty_power = (uint8_t)pack_unit_of(trade->qty);
	origin->price = trade->price / decimal_pow10(origin->price_power);
	set_hour(writer, trade->t_ms);
	tape_model_start(&writer->model, writer->priors, origin);
}

static bool has_room(const struct tape_writer *writer, const struct trade *trade)
{
	return writer->count < TAPE_CHUNK_TRADES &&
	       (size_t)(writer->encoder.out - writer->storage) <= writer->payload_max &&
	       trade->t_ms >= writer->ms_min && trade->t_ms <= writer->ms_max;
}

enum status tape_writer_add(struct tape_writer *writer, const struct trade *trade)
{
	CHECK(trade->side <= SIDE_SELL);
	if (writer->count == 0)
		start_at(writer, trade);
	else if (!has_room(writer, trade))
		return STATUS_FULL;
	int64_t row[TAPE_COLUMNS] = {
		[TAPE_TIME] = trade->t_ms,   [TAPE_ID] = trade->id,   [TAPE_SIDE] = trade->side,
		[TAPE_PRICE] = trade->price, [TAPE_QTY] = trade->qty,
	};
	struct range_encoder encoder = writer->encoder; /* in registers for the row */
	tape_put_row(&encoder, &writer->model, row);
	writer->encoder = encoder;
	writer->count++;
	return STATUS_OK;
}

uint32_t tape_writer_count(const struct tape_writer *writer) { return writer->count; }

static uint8_t *put_header(const struct tape_writer *writer, uint8_t *out)
{
	const struct tape_origin *origin = &writer->origin;
	const struct pack_memory *memory = writer->model.memory;
	out = pack_put_market(out, &writer->market);
	*out++ = (uint8_t)writer->price_scale;
	*out++ = (uint8_t)writer->qty_scale;
	*out++ = origin->price_power;
	*out++ = origin->qty_power;
	out = pack_put_varint(out, writer->priors ? writer->priors->version : 0);
	out = pack_put_varint(out, writer->count);
	out = pack_put_signed(out, origin->ms);
	out = pack_put_signed(out, memory[TAPE_TIME].last - origin->ms);
	out = pack_put_signed(out, origin->id);
	out =
	    pack_put_signed(out, (int64_t)((uint64_t)memory[TAPE_ID].last - (uint64_t)origin->id));
	return pack_put_signed(out, origin->price);
}

/* The coder's end is put on a copy, so that the writer can go on. */
void tape_writer_chunk(const struct tape_writer *writer, struct buf *out)
{
	CHECK(writer->count > 0);
	uint8_t chunk[HEADER_MAX + RANGE_SLACK + TAPE_CHUNK_BYTES];
	uint8_t *body = put_header(writer, chunk + PACK_FRAME_HEAD);
	struct range_encoder encoder = writer->encoder;
	size_t written = (size_t)(encoder.out - writer->storage);
	/* The slack of four bytes lies over the header's end, kept aside meanwhile. */
	uint8_t *storage = body - RANGE_SLACK, kept[RANGE_SLACK];
	memcpy(kept, storage, sizeof kept);
	memcpy(storage, writer->storage, written);
	encoder.out = storage + written;
	size_t payload = range_encoder_finish(&encoder, storage);
	memcpy(storage, kept, sizeof kept);
	size_t len = (size_t)(body - chunk) + payload;
	pack_frame_seal(&tape_frame, chunk, len);
	buf_put(out, chunk, len);
}

struct tape_header {
	struct tape_info info;
	struct tape_origin origin;
	struct str payload;
};

static bool header_in_range(const struct tape_header *header)
{
	const struct tape_info *info = &header->info;
	return info->price_scale <= DECIMAL_SCALE_MAX && info->qty_scale <= DECIMAL_SCALE_MAX &&
	       header->origin.price_power <= PACK_UNIT_MAX &&
	       header->origin.qty_power <= PACK_UNIT_MAX;
}

static enum status read_header(struct str chunk, struct tape_header *header)
{
	struct pack_reader reader = { 0 };
	struct tape_info *info = &header->info;
	struct tape_origin *origin = &header->origin;
	enum status status = pack_frame_open(&tape_frame, chunk, &reader.rest);
	if (status == STATUS_OK)
		status = pack_read_market(&reader, &info->market);
	if (status != STATUS_OK)
		return status;
	info->price_scale = pack_read_byte(&reader);
	info->qty_scale = pack_read_byte(&reader);
	origin->price_power = pack_read_byte(&reader);
	origin->qty_power = pack_read_byte(&reader);
	uint64_t version = pack_read_varint(&reader), count = pack_read_varint(&reader);
	info->ms_first = origin->ms = pack_read_signed(&reader);
	info->ms_last = (int64_t)((uint64_t)origin->ms + (uint64_t)pack_read_signed(&reader));
	info->id_first = origin->id = pack_read_signed(&reader);
	info->id_last = (int64_t)((uint64_t)origin->id + (uint64_t)pack_read_signed(&reader));
	origin->price = pack_read_signed(&reader);
	header->payload = reader.rest;
	if (reader.bad || count == 0 || count > TAPE_CHUNK_TRADES || !header_in_range(header))
		return STATUS_FORMAT;
	info->count = (uint32_t)count;
	info->priors_version = (uint32_t)version;
	return version > UINT32_MAX ? STATUS_VERSION : STATUS_OK;
}

enum status tape_info_read(struct str chunk, struct tape_info *out)
{
	struct tape_header header;
	enum status status = read_header(chunk, &header);
	if (status == STATUS_OK)
		*out = header.info;
	return status;
}

static enum status read_trades(const struct tape_header *header, const struct pack_priors *priors,
			       struct trade *out)
{
	const struct tape_info *info = &header->info;
	struct tape_model model;
	struct range_decoder decoder;
	int64_t row[TAPE_COLUMNS] = { 0 };
	tape_model_start(&model, priors, &header->origin);
	range_decoder_init(&decoder, (const uint8_t *)header->payload.ptr, header->payload.len);
	for (uint32_t i = 0; i < info->count; i++) {
		tape_get_row(&decoder, &model, row);
		out[i] = (struct trade){ row[TAPE_TIME], row[TAPE_ID], row[TAPE_PRICE],
					 row[TAPE_QTY], (uint8_t)row[TAPE_SIDE] };
	}
	bool as_told = row[TAPE_TIME] == info->ms_last && row[TAPE_ID] == info->id_last;
	return as_told && range_decoder_done(&decoder) ? STATUS_OK : STATUS_FORMAT;
}

enum status tape_read_with(struct str chunk, const struct pack_priors *priors,
			   struct tape_info *info, struct trade *out)
{
	struct tape_header header;
	enum status status = read_header(chunk, &header);
	if (status == STATUS_OK && header.info.priors_version != (priors ? priors->version : 0))
		status = STATUS_VERSION;
	if (status == STATUS_OK)
		status = read_trades(&header, priors, out);
	if (status == STATUS_OK)
		*info = header.info;
	return status;
}

enum status tape_read(struct str chunk, struct tape_info *info, struct trade *out)
{
	struct tape_header header;
	const struct pack_priors *priors;
	enum status status = read_header(chunk, &header);
	if (status == STATUS_OK)
		status = pack_priors_find(&tape_table, header.info.priors_version, &priors);
	if (status == STATUS_OK)
		status = read_trades(&header, priors, out);
	if (status == STATUS_OK)
		*info = header.info;
	return status;
}

size_t tape_chunk_len(struct str bytes) { return pack_frame_len(&tape_frame, bytes); }

uint32_t tape_priors_version(void)
{
	const struct pack_priors *priors = pack_priors_newest(&tape_table);
	return priors ? priors->version : 0;
}
