#include "codec/samples_formula.h"
#include "codec/samples_format.h"
#include "codec/samples_rows.h"

struct header {
	struct samples_info info;
	uint8_t mode;
	struct str payload;
};

static enum status read_header(struct str chunk, struct header *header)
{
	struct pack_reader reader = { 0 };
	struct samples_info *info = &header->info;
	enum status status = pack_frame_open(&samples_frame, chunk, &reader.rest);
	if (status != STATUS_OK)
		return status;
	header->mode = pack_read_byte(&reader);
	info->count = pack_read_byte(&reader);
	uint64_t version = pack_read_varint(&reader);
	info->first_ms = pack_read_signed(&reader);
	info->last_ms = (int64_t)((uint64_t)info->first_ms + (uint64_t)pack_read_signed(&reader));
	info->priors_version = (uint32_t)version;
	header->payload = reader.rest;
	if (reader.bad || header->mode >= SAMPLES_MODES || info->count == 0 ||
	    info->count > SAMPLES_ROWS_MAX)
		return STATUS_FORMAT;
	return version > UINT32_MAX ? STATUS_VERSION : STATUS_OK;
}

enum status samples_info_read(struct str chunk, struct samples_info *out)
{
	struct header header;
	enum status status = read_header(chunk, &header);
	if (status == STATUS_OK)
		*out = header.info;
	return status;
}

/* What reads a packed chunk. */
struct unpacker {
	struct range_decoder decoder;
	struct samples_model model;
	struct samples_column column;
	int64_t values[SAMPLES_ROWS_MAX];
	uint8_t digits[SAMPLES_ROWS_MAX];
	struct samples_start start;
	uint32_t count; /* of rows */
	struct sample_row_values *out;
};

static bool get_presence(struct unpacker *unpacker, uint64_t *known)
{
	uint64_t presence =
	    samples_get_part(&unpacker->decoder, &unpacker->model, SAMPLES_PRESENCE);
	*known = presence == SAMPLES_ALL ? samples_all_rows(unpacker->count) : 0;
	for (uint32_t r = 0; presence == SAMPLES_SOME && r < unpacker->count; r++)
		*known |= samples_get_part(&unpacker->decoder, &unpacker->model, SAMPLES_THERE)
			  << r;
	return presence <= SAMPLES_SOME;
}

/* One a value; *most: what the values stand at, or SAMPLES_DIGITS_CHANGE. */
static bool get_digits(struct unpacker *unpacker, uint32_t count, uint32_t *most)
{
	uint64_t code = samples_get_part(&unpacker->decoder, &unpacker->model, SAMPLES_DIGITS);
	uint32_t digits = code & (SAMPLES_DIGITS_ALIGNED - 1);
	bool change = code >= SAMPLES_DIGITS_ALIGNED;
	if (code >= SAMPLES_DIGITS_CHANGE + SAMPLES_DIGITS_ALIGNED || digits > DECIMAL_SCALE_MAX)
		return false;
	*most = code >= SAMPLES_DIGITS_CHANGE ? SAMPLES_DIGITS_CHANGE : digits;
	for (uint32_t i = 0; i < count; i++) {
		if (change && !samples_get_part(&unpacker->decoder, &unpacker->model, SAMPLES_SAME))
			digits = (uint32_t)range_get_raw(&unpacker->decoder, 5);
		if (digits > DECIMAL_SCALE_MAX ||
		    (*most != SAMPLES_DIGITS_CHANGE && digits > *most))
			return false;
		unpacker->digits[i] = (uint8_t)digits;
	}
	return true;
}

static void make_back(struct unpacker *unpacker, uint32_t count)
{
	const struct samples_column *column = &unpacker->column;
	const uint64_t *number = column->numbers;
	uint64_t value = (uint64_t)column->first, step = (uint64_t)column->step;
	bool level = samples_is_level(column->type), up = samples_is_up(column->type);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t before = value, off = 0;
		bool first = i == 0 && !level;
		if (samples_has_numbers(column->type) && !first)
			off = up ? *number++ : samples_unzigzag(*number++);
		if (level)
			value = (uint64_t)column->first + off;
		else if (!first)
			value += step + off;
		if (column->type == SAMPLES_DELTA2 && !first)
			step = value - before;
		unpacker->values[i] = (int64_t)value;
	}
}

static bool get_column(struct unpacker *unpacker, uint32_t count)
{
	struct samples_column *column = &unpacker->column;
	if (!samples_get_head(&unpacker->decoder, &unpacker->model, column))
		return false;
	column->count = (uint8_t)samples_numbers(column->type, count);
	if (samples_has_numbers(column->type))
		samples_get_numbers(&unpacker->decoder, &unpacker->model, column);
	make_back(unpacker, count);
	return true;
}

static bool get_times(struct unpacker *unpacker, const struct samples_info *info)
{
	struct sample_row_values *out = unpacker->out;
	if (!get_column(unpacker, info->count))
		return false;
	for (uint32_t r = 0; r < info->count; r++) {
		out[r].ms =
		    (int64_t)((uint64_t)info->first_ms + 1000 * r + (uint64_t)unpacker->values[r]);
		out[r].known = 0;
		if (r > 0 && out[r].ms <= out[r - 1].ms)
			return false;
	}
	return out[0].ms == info->first_ms && out[info->count - 1].ms == info->last_ms;
}

/* Adds to the values what the formula says. */
static void add_formula(struct unpacker *unpacker, enum sample sample, uint64_t known)
{
	const struct samples_formula *formula = samples_formula(sample);
	for (uint32_t i = 0; known; known &= known - 1, i++) {
		const struct sample_row_values *row = &unpacker->out[__builtin_ctzll(known)];
		int64_t operands[SAMPLES_OPERANDS];
		for (uint32_t k = 0; k < SAMPLES_OPERANDS; k++)
			operands[k] = row->values[formula->operands[k]].mantissa;
		uint64_t says =
		    (uint64_t)samples_formula_value(sample, operands, unpacker->digits[i]);
		unpacker->values[i] = (int64_t)((uint64_t)unpacker->values[i] + says);
	}
}

static void scatter(const struct unpacker *unpacker, uint32_t sample, uint64_t known, uint32_t most)
{
	const int64_t *value = unpacker->values;
	const uint8_t *digits = unpacker->digits;
	for (uint32_t r = 0; r < unpacker->count; r++) {
		struct number *number = &unpacker->out[r].values[sample];
		*number = (struct number){ 0 };
		if (!(known >> r & 1))
			continue;
		bool aligned = most != SAMPLES_DIGITS_CHANGE && *digits < most;
		int64_t more = aligned ? decimal_pow10((int32_t)(most - *digits)) : 1;
		*number = (struct number){ *value++ / more, *digits++ };
		unpacker->out[r].known |= UINT64_C(1) << sample;
	}
}

static bool get_sample(struct unpacker *unpacker, enum sample sample)
{
	uint64_t known;
	uint32_t most = 0;
	bool holds = false;
	if (!get_presence(unpacker, &known))
		return false;
	uint32_t count = (uint32_t)__builtin_popcountll(known);
	if (count > 0) {
		if (!get_digits(unpacker, count, &most))
			return false;
		if (samples_formula(sample))
			holds =
			    samples_get_part(&unpacker->decoder, &unpacker->model, SAMPLES_HOLDS);
		if (!get_column(unpacker, count))
			return false;
		if (holds)
			add_formula(unpacker, sample, known);
	}
	scatter(unpacker, sample, known, most);
	return true;
}

static enum status read_columns(const struct header *header, const struct pack_priors *priors,
				struct sample_row_values *out)
{
	struct unpacker unpacker;
	unpacker.count = header->info.count;
	unpacker.out = out;
	samples_start_make(&unpacker.start, priors);
	samples_model_start(&unpacker.model, &unpacker.start);
	range_decoder_init(&unpacker.decoder, (const uint8_t *)header->payload.ptr,
			   header->payload.len);
	if (!get_times(&unpacker, &header->info))
		return STATUS_FORMAT;
	for (uint32_t sample = 0; sample < SAMPLE_COUNT; sample++)
		if (!get_sample(&unpacker, (enum sample)sample))
			return STATUS_FORMAT;
	return range_decoder_done(&unpacker.decoder) ? STATUS_OK : STATUS_FORMAT;
}

enum status samples_read_with(struct str chunk, const struct pack_priors *priors,
			      struct samples_info *info, struct sample_row_values *out)
{
	struct header header;
	enum status status = read_header(chunk, &header);
	if (status == STATUS_OK)
		status = header.mode == SAMPLES_MODE_ROWS
			     ? samples_rows_read(header.payload, header.info.first_ms,
						 header.info.count, out)
			     : read_columns(&header, priors, out);
	if (status == STATUS_OK && out[header.info.count - 1].ms != header.info.last_ms)
		status = STATUS_FORMAT;
	if (status == STATUS_OK)
		*info = header.info;
	return status;
}

enum status samples_read(struct str chunk, struct samples_info *info, struct sample_row_values *out)
{
	struct samples_info told;
	const struct pack_priors *priors;
	enum status status = samples_info_read(chunk, &told);
	if (status == STATUS_OK)
		status = pack_priors_find(&samples_table, told.priors_version, &priors);
	return status == STATUS_OK ? samples_read_with(chunk, priors, info, out) : status;
}
