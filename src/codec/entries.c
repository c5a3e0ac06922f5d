#define ZSTD_STATIC_LINKING_ONLY /* a context in storage of ours */
#include "codec/entries.h"

#include <assert.h>
#include <lz4.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/check.h"
#include "codec/entries_row.h"
#include "codec/pack_frame.h"
#include "codec/priors.h"

enum {
	AT_FRAME = 1,
	AT_COUNT = AT_FRAME + PACK_FRAME_HEAD,
	HEAD_MAX = AT_COUNT + 4 * PACK_VARINT_MAX,
	ROW_ROOM = 4096,      /* more than a row can take in the coder; checked */
	PACK_TEXTS_FROM = 48, /* bytes of texts; fewer do not become shorter */
	ZSTD_LEVEL = 1,
	ZSTD_MAGIC_BYTES = 4,
	ZSTD_ROOM = 1 << 19,
	DIGITS_UNTOLD = 255,
	ZONE_FIRST = 12, /* most brokers' servers are at UTC+3 */
	PRICE_DIGITS_FIRST = 5,
	RC_DONE = 10009,
};

static const uint8_t zstd_magic[ZSTD_MAGIC_BYTES] = { 0x28, 0xB5, 0x2F, 0xFD };
static const char magics[ENTRIES_TABLES][2] = {
	[ENTRIES_RESULTS] = { 'w', 'R' }, [ENTRIES_SIGNALS] = { 'w', 'G' }
};

static struct pack_frame frame_of(enum entries_table table, uint8_t codec)
{
	return (struct pack_frame){ { magics[table][0], magics[table][1] },
				    (uint8_t)(ENTRIES_FORMAT << 4 | codec),
				    ENTRIES_CHUNK_BYTES - AT_FRAME };
}

enum { PRIORS_NEWEST = 1 };

/* Every version that ever shipped; 0 is the flat start. */
static const uint16_t *const priors[ENTRIES_TABLES][PRIORS_NEWEST + 1] = {
	[ENTRIES_RESULTS] = { NULL, priors_results_1 },
	[ENTRIES_SIGNALS] = { NULL, priors_signals_1 },
};

struct entries_start {
	uint32_t slots[ENTRIES_TABLES][PRIORS_NEWEST + 1][ENTRIES_SLOTS];
};

struct entries_packer {
	struct entries_model model;
	struct entries_start start;
	struct entries_row row;
	uint8_t storage[RANGE_SLACK + ENTRIES_CHUNK_BYTES + ROW_ROOM];
	char texts[ENTRIES_TEXTS_BYTES];
	uint8_t lz4[ENTRIES_CHUNK_BYTES], zstd[ENTRIES_CHUNK_BYTES];
	uint8_t head[HEAD_MAX];
	char lz4_state[LZ4_STREAM_MINSIZE] __attribute__((aligned(8)));
	ZSTD_CCtx *zstd_context; /* in zstd_room */
	char zstd_room[ZSTD_ROOM] __attribute__((aligned(8)));
};

struct entries_reader {
	struct str values[ENTRIES_ROWS_MAX * ENTRIES_FIELDS_MAX];
	size_t fields;
	struct entries_model model;
	struct entries_start start;
	struct entries_row row;
	ZSTD_DCtx *zstd_context;
	uint8_t framed[ZSTD_MAGIC_BYTES + ENTRIES_CHUNK_BYTES];
	char chunk[ENTRIES_CHUNK_BYTES];
	char texts[ENTRIES_TEXTS_BYTES];
};

/* ---- fields ---- */

const struct str *entries_fields(enum entries_table table, size_t *count)
{
	*count = entries_plans[table].fields;
	return entries_plans[table].names;
}

size_t entries_field_find(enum entries_table table, struct str name)
{
	const struct entries_plan *plan = &entries_plans[table];
	size_t at = 0;
	while (at < plan->fields && !str_eq(plan->names[at], name))
		at++;
	return at;
}

/* ---- the start of a chunk ---- */

static void start_init(struct entries_start *start)
{
	struct pack_table all = entries_table;
	all.n_slots = ENTRIES_SLOTS;
	for (uint32_t table = 0; table < ENTRIES_TABLES; table++) {
		for (uint32_t version = 0; version <= PRIORS_NEWEST; version++) {
			const struct pack_priors words = { version, priors[table][version] };
			pack_slots_start(&all, words.slots ? &words : NULL,
					 start->slots[table][version]);
		}
	}
}

/* What every chunk knows never goes: once is enough. */
static void model_init(struct entries_model *m)
{
	for (uint32_t set = 0; set < ENTRIES_SETS; set++) {
		const struct entries_known *known = &entries_known[set];
		for (size_t i = 0; i < known->count; i++) {
			m->words[set].text[i] = known->words[i];
			m->words[set].key[i] = entries_key(known->words[i]);
		}
	}
}

static void start_words(struct entries_model *m)
{
	for (uint32_t set = 0; set < ENTRIES_SETS; set++) {
		struct entries_words *words = &m->words[set];
		words->count = (uint32_t)entries_known[set].count;
		words->head_count = words->head_next = words->head_last = 0;
		m->last[set] = ENTRIES_NO_WORD;
	}
	memset(m->symbols, 0, entries_known[ENTRIES_SET_SYM].count * sizeof *m->symbols);
	m->symbols[ENTRIES_NO_WORD] = (struct entries_symbol){ 0 };
	m->instances[ENTRIES_NO_WORD] = (struct entries_instance){ 0 };
	m->instances[ENTRIES_NO_WORD].series = ENTRIES_NO_SERIES;
	m->recent = (struct entries_instance){ .zone = ZONE_FIRST };
	m->series_count = m->series_last = m->error_own = m->error_series = 0;
	m->series[ENTRIES_NO_SERIES] = (struct entries_series){ 0 };
}

static void model_start(struct entries_model *m, enum entries_table table, const uint32_t *start)
{
	const struct entries_plan *plan = &entries_plans[table];
	m->plan = plan;
	m->bad = false;
	m->printed = 0;
	m->sid_count = 0;
	m->sid_ms = m->sid_seq = 0;
	m->shape = 0;
	m->shape_count = (uint32_t)plan->shape_count;
	m->price_digits = PRICE_DIGITS_FIRST;
	memcpy(m->shapes, plan->shapes, plan->shape_count * sizeof *m->shapes);
	memset(m->memory, 0, sizeof m->memory);
	memset(m->last_number, 0, sizeof m->last_number);
	memcpy(m->slots, start, sizeof m->slots);
	for (size_t i = 0; i < plan->step_count; i++)
		m->digits[plan->steps[i].field] = plan->steps[i].digits;
	if (table == ENTRIES_RESULTS)
		m->last_number[ENTRIES_R_try] = 1;
	memset(m->rc, 0, entries_known[ENTRIES_SET_ST].count * sizeof *m->rc);
	m->rc[ENTRIES_NO_WORD] = 0;
	m->rc[0] = RC_DONE;
	start_words(m);
}

/* ---- packing ---- */

struct entries_packer *entries_packer_create(void)
{
	struct entries_packer *packer = malloc(sizeof *packer);
	if (!packer)
		return NULL;
	CHECK((pack_row_bits_max(&entries_table) + 7) / 8 + ENTRIES_FIELDS_MAX * 8 + RANGE_TAIL <=
	      ROW_ROOM);
	model_init(&packer->model);
	start_init(&packer->start);
	packer->zstd_context = ZSTD_initStaticCCtx(packer->zstd_room, sizeof packer->zstd_room);
	CHECK(packer->zstd_context);
	return packer;
}

void entries_packer_destroy(struct entries_packer *packer) { free(packer); }

static void parse_field(const struct entries_model *m, struct entries_row *row,
			const struct entries_step *step)
{
	uint32_t field = step->field, bit = UINT32_C(1) << field;
	if (!(row->present & bit) || step->kind == ENTRIES_TEXT || step->kind == ENTRIES_RID)
		return;
	bool price = step->kind == ENTRIES_PRICE;
	if (!entries_number_parse(row->value[field], &row->number[field], &row->digits[field])) {
		row->number[field] = m->last_number[field];
		row->odd = true;
		return;
	}
	row->numeric |= bit;
	if (price && row->price_digits == DIGITS_UNTOLD)
		row->price_digits = row->digits[field];
	row->odd |= row->digits[field] != (price ? row->price_digits : m->digits[field]);
}

static void parse_row(const struct entries_model *m, const struct str *values,
		      struct entries_row *row)
{
	row->present = row->numeric = 0;
	row->odd = false;
	row->price_digits = DIGITS_UNTOLD;
	memcpy(row->number, m->last_number, sizeof row->number);
	for (size_t i = 0; i < m->plan->fields; i++) {
		row->value[i] = values[i];
		row->present |= (values[i].ptr ? UINT32_C(1) : 0) << i;
	}
	for (size_t i = 0; i < m->plan->step_count; i++)
		parse_field(m, row, &m->plan->steps[i]);
}

static bool put_rows(struct entries_packer *packer, const struct str *values, size_t rows)
{
	struct entries_model *m = &packer->model;
	for (size_t i = 0; i < rows; i++) {
		parse_row(m, values + i * m->plan->fields, &packer->row);
		entries_code_row(m, &packer->row, true);
		if (m->bad || m->texts_out.overflow ||
		    range_encoder_len_max(&m->encoder, packer->storage) > ENTRIES_CHUNK_BYTES)
			return false;
	}
	return true;
}

/* The texts in the shortest way; *codec says which. */
static struct str pack_texts(struct entries_packer *packer, enum entries_codec *codec)
{
	struct str texts = buf_str(&packer->model.texts_out), best = texts;
	*codec = ENTRIES_RAW;
	if (texts.len < PACK_TEXTS_FROM)
		return best;
	int lz4 = LZ4_compress_fast_extState(packer->lz4_state, texts.ptr, (char *)packer->lz4,
					     (int)texts.len, sizeof packer->lz4, 1);
	if (lz4 > 0 && (size_t)lz4 + 1 < best.len) {
		best = str_make((char *)packer->lz4, (size_t)lz4);
		*codec = ENTRIES_LZ4;
	}
	size_t zstd = ZSTD_compressCCtx(packer->zstd_context, packer->zstd, sizeof packer->zstd,
					texts.ptr, texts.len, ZSTD_LEVEL);
	size_t room = best.len + ZSTD_MAGIC_BYTES - (*codec == ENTRIES_RAW);
	if (!ZSTD_isError(zstd) && zstd < room) {
		best = str_make((char *)packer->zstd + ZSTD_MAGIC_BYTES, zstd - ZSTD_MAGIC_BYTES);
		*codec = ENTRIES_ZSTD;
	}
	return best;
}

static enum status put_chunk(struct entries_packer *packer, enum entries_table table, size_t rows,
			     struct buf *out)
{
	struct entries_model *m = &packer->model;
	enum entries_codec codec;
	size_t coded = range_encoder_finish(&m->encoder, packer->storage);
	struct str texts = pack_texts(packer, &codec);
	uint8_t *at = pack_put_varint(packer->head + AT_COUNT, rows);
	at = pack_put_varint(at, PRIORS_NEWEST);
	at = pack_put_varint(at, m->texts_out.len);
	if (codec != ENTRIES_RAW)
		at = pack_put_varint(at, texts.len);
	size_t head = (size_t)(at - packer->head), len = head + texts.len + coded;
	size_t room = (out->limit ? out->limit : out->cap) - out->len;
	if (len > ENTRIES_CHUNK_BYTES || out->overflow || len > room)
		return STATUS_FULL;
	char *chunk = buf_reserve(out, len);
	if (!chunk)
		return STATUS_NO_MEMORY;
	packer->head[0] = (uint8_t)codec;
	memcpy(chunk, packer->head, head);
	memcpy(chunk + head, texts.ptr, texts.len);
	memcpy(chunk + head + texts.len, packer->storage + RANGE_SLACK, coded);
	struct pack_frame frame = frame_of(table, (uint8_t)codec);
	pack_frame_seal(&frame, (uint8_t *)chunk + AT_FRAME, len - AT_FRAME);
	out->len += len;
	return STATUS_OK;
}

enum status entries_pack(struct entries_packer *packer, enum entries_table table,
			 const struct str *values, size_t rows, struct buf *out)
{
	struct entries_model *m = &packer->model;
	CHECK(rows > 0);
	for (size_t i = 0; i < rows * entries_plans[table].fields; i++)
		if (values[i].len > ENTRIES_VALUE_BYTES)
			return STATUS_INVALID;
	if (rows > ENTRIES_ROWS_MAX)
		return STATUS_FULL;
	model_start(m, table, packer->start.slots[table][PRIORS_NEWEST]);
	m->texts_out = buf_over(packer->texts, sizeof packer->texts);
	range_encoder_init(&m->encoder, packer->storage);
	return put_rows(packer, values, rows) ? put_chunk(packer, table, rows, out) : STATUS_FULL;
}

/* ---- reading ---- */

struct entries_reader *entries_reader_create(void)
{
	struct entries_reader *reader = malloc(sizeof *reader);
	if (!reader)
		return NULL;
	model_init(&reader->model);
	start_init(&reader->start);
	memcpy(reader->framed, zstd_magic, sizeof zstd_magic);
	reader->zstd_context = ZSTD_createDCtx();
	if (!reader->zstd_context) {
		free(reader);
		return NULL;
	}
	return reader;
}

void entries_reader_destroy(struct entries_reader *reader)
{
	if (reader)
		ZSTD_freeDCtx(reader->zstd_context);
	free(reader);
}

static enum status read_codec(struct str chunk, uint8_t *codec)
{
	if (chunk.len == 0)
		return STATUS_TRUNCATED;
	*codec = (uint8_t)chunk.ptr[0];
	return *codec < ENTRIES_RAW || *codec > ENTRIES_ZSTD ? STATUS_VERSION : STATUS_OK;
}

static enum status read_count(struct pack_reader *body, size_t *rows)
{
	*rows = pack_read_varint(body);
	return body->bad || *rows == 0 || *rows > ENTRIES_ROWS_MAX ? STATUS_FORMAT : STATUS_OK;
}

enum status entries_count(enum entries_table table, struct str chunk, size_t *rows)
{
	struct pack_reader body = { str_skip(chunk, AT_COUNT), false };
	uint8_t codec;
	enum status status = read_codec(chunk, &codec);
	if (status)
		return status;
	if (chunk.len <= AT_COUNT)
		return STATUS_TRUNCATED;
	struct pack_frame frame = frame_of(table, codec);
	if (memcmp(chunk.ptr + AT_FRAME, frame.magic, sizeof frame.magic) != 0)
		return STATUS_FORMAT;
	if ((uint8_t)chunk.ptr[AT_FRAME + sizeof frame.magic] != frame.version)
		return STATUS_VERSION;
	return read_count(&body, rows);
}

static bool unpack_texts(struct entries_reader *reader, uint8_t codec, struct str packed,
			 size_t len)
{
	if (codec == ENTRIES_LZ4) {
		int n = LZ4_decompress_safe(packed.ptr, reader->texts, (int)packed.len, (int)len);
		return n >= 0 && (size_t)n == len;
	}
	if (packed.len > ENTRIES_CHUNK_BYTES)
		return false;
	memcpy(reader->framed + ZSTD_MAGIC_BYTES, packed.ptr, packed.len);
	size_t n = ZSTD_decompressDCtx(reader->zstd_context, reader->texts, len, reader->framed,
				       ZSTD_MAGIC_BYTES + packed.len);
	return !ZSTD_isError(n) && n == len;
}

static enum status read_texts(struct entries_reader *reader, struct pack_reader *body,
			      uint8_t codec)
{
	size_t len = pack_read_varint(body);
	size_t packed = codec == ENTRIES_RAW ? len : pack_read_varint(body);
	struct str bytes = pack_read_bytes(body, packed);
	if (body->bad || len > ENTRIES_TEXTS_BYTES)
		return STATUS_FORMAT;
	reader->model.texts_in = (struct pack_reader){ bytes, false };
	if (codec == ENTRIES_RAW)
		return STATUS_OK;
	reader->model.texts_in.rest = str_make(reader->texts, len);
	return unpack_texts(reader, codec, bytes, len) ? STATUS_OK : STATUS_FORMAT;
}

static enum status read_body(struct entries_reader *reader, enum entries_table table, uint8_t codec,
			     struct pack_reader *body, size_t *rows)
{
	enum status status = read_count(body, rows);
	if (status)
		return status;
	uint64_t version = pack_read_varint(body);
	if (body->bad || version > PRIORS_NEWEST)
		return body->bad ? STATUS_FORMAT : STATUS_VERSION;
	status = read_texts(reader, body, codec);
	if (status)
		return status;
	model_start(&reader->model, table, reader->start.slots[table][version]);
	range_decoder_init(&reader->model.decoder, (const uint8_t *)body->rest.ptr, body->rest.len);
	return STATUS_OK;
}

static enum status read_rows(struct entries_reader *reader, size_t rows)
{
	struct entries_model *m = &reader->model;
	for (size_t i = 0; i < rows && !m->bad; i++) {
		struct entries_row *row = &reader->row;
		row->present = row->numeric = 0;
		memset(row->value, 0, sizeof row->value);
		memcpy(row->number, m->last_number, sizeof row->number);
		entries_code_row(m, row, false);
		memcpy(&reader->values[i * m->plan->fields], row->value,
		       m->plan->fields * sizeof *row->value);
	}
	reader->fields = m->plan->fields;
	bool done = range_decoder_done(&m->decoder) && m->texts_in.rest.len == 0;
	return m->bad || !done ? STATUS_FORMAT : STATUS_OK;
}

enum status entries_read(struct entries_reader *reader, enum entries_table table, struct str chunk,
			 size_t *rows)
{
	struct pack_reader body = { 0 };
	size_t count = 0;
	uint8_t codec;
	enum status status = read_codec(chunk, &codec);
	if (!status && chunk.len > ENTRIES_CHUNK_BYTES)
		status = STATUS_FORMAT;
	if (status)
		return status;
	memcpy(reader->chunk, chunk.ptr, chunk.len);
	struct pack_frame frame = frame_of(table, codec);
	status = pack_frame_open(&frame, str_make(reader->chunk + AT_FRAME, chunk.len - AT_FRAME),
				 &body.rest);
	if (!status)
		status = read_body(reader, table, codec, &body, &count);
	if (!status)
		status = read_rows(reader, count);
	if (!status)
		*rows = count;
	return status;
}

const struct str *entries_row(const struct entries_reader *reader, size_t row)
{
	return &reader->values[row * reader->fields];
}
