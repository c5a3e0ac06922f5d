#include "accounts/equity.h"

#include <stdlib.h>

#include "base/check.h"
#include "codec/pack_frame.h"

struct series {
	char name[EQUITY_NAME_MAX + 1];
	uint32_t count; /* samples in the ring */
	uint32_t next;  /* where the next one goes */
	struct equity_sample ring[EQUITY_SAMPLES];
};

struct equity {
	struct series *series[EQUITY_SERIES_MAX];
	uint32_t count;
};

static const int64_t span_ms = (int64_t)EQUITY_SAMPLES * EQUITY_STEP_MS;

struct equity *equity_create(void) { return calloc(1, sizeof(struct equity)); }

void equity_destroy(struct equity *equity)
{
	for (uint32_t i = 0; equity && i < equity->count; i++)
		free(equity->series[i]);
	free(equity);
}

static struct series *find(const struct equity *equity, struct str name)
{
	for (uint32_t i = 0; i < equity->count; i++)
		if (str_eq(str_of(equity->series[i]->name), name))
			return equity->series[i];
	return NULL;
}

static bool is_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] <= ' ' || name.ptr[i] == 0x7f)
			return false;
	return name.len > 0 && name.len <= EQUITY_NAME_MAX;
}

/* The series of that name, made when there is none. */
static enum status series_for(struct equity *equity, struct str name, struct series **out)
{
	*out = find(equity, name);
	if (*out)
		return STATUS_OK;
	if (!is_name(name))
		return STATUS_INVALID;
	if (equity->count == EQUITY_SERIES_MAX)
		return STATUS_FULL;
	struct series *made = calloc(1, sizeof *made);
	if (!made)
		return STATUS_NO_MEMORY;
	memcpy(made->name, name.ptr, name.len);
	equity->series[equity->count++] = made;
	*out = made;
	return STATUS_OK;
}

/* From the oldest, index below count. */
static const struct equity_sample *sample_at(const struct series *series, uint32_t index)
{
	uint32_t oldest = (series->next + EQUITY_SAMPLES - series->count) % EQUITY_SAMPLES;
	return &series->ring[(oldest + index) % EQUITY_SAMPLES];
}

static void append(struct series *series, struct equity_sample sample)
{
	series->ring[series->next] = sample;
	series->next = (series->next + 1) % EQUITY_SAMPLES;
	series->count += series->count < EQUITY_SAMPLES;
}

enum status equity_put(struct equity *equity, struct str name, int64_t t_ms, int64_t usd_e8)
{
	struct equity_sample sample = { t_ms - t_ms % EQUITY_STEP_MS, usd_e8 };
	struct series *series;
	if (sample.t_ms <= 0)
		return STATUS_INVALID;
	enum status status = series_for(equity, name, &series);
	if (status)
		return status;
	const struct equity_sample *newest =
	    series->count ? sample_at(series, series->count - 1) : NULL;
	if (newest && sample.t_ms < newest->t_ms)
		return STATUS_INVALID;
	if (newest && sample.t_ms == newest->t_ms)
		series->ring[(series->next + EQUITY_SAMPLES - 1) % EQUITY_SAMPLES] = sample;
	else
		append(series, sample);
	return STATUS_OK;
}

uint32_t equity_count(const struct equity *equity) { return equity->count; }

struct str equity_name(const struct equity *equity, uint32_t index)
{
	CHECK(index < equity->count);
	return str_of(equity->series[index]->name);
}

size_t equity_read(const struct equity *equity, struct str name, int64_t now_ms,
		   struct equity_sample *out, size_t cap)
{
	const struct series *series = find(equity, name);
	size_t count = 0;
	uint32_t first = 0;
	if (!series)
		return 0;
	while (first < series->count && sample_at(series, first)->t_ms <= now_ms - span_ms)
		first++;
	if (series->count - first > cap)
		first = series->count - (uint32_t)cap;
	for (uint32_t i = first; i < series->count; i++)
		if (sample_at(series, i)->t_ms <= now_ms)
			out[count++] = *sample_at(series, i);
	return count;
}

/* ---- the sum ---- */

/* Its sample of that time; *open: it has one before and one after, so a gap is one. */
static const struct equity_sample *sample_of(const struct series *series, int64_t t_ms, bool *open)
{
	uint32_t low = 0, high = series->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (sample_at(series, middle)->t_ms < t_ms)
			low = middle + 1;
		else
			high = middle;
	}
	*open = low > 0 && low < series->count;
	return low < series->count && sample_at(series, low)->t_ms == t_ms ? sample_at(series, low)
									   : NULL;
}

static bool sum_at(const struct equity *equity, int64_t t_ms, int64_t *usd_e8)
{
	bool any = false, open;
	*usd_e8 = 0;
	for (uint32_t i = 0; i < equity->count; i++) {
		const struct equity_sample *sample = sample_of(equity->series[i], t_ms, &open);
		if (!sample && open)
			return false;
		if (sample && __builtin_add_overflow(*usd_e8, sample->usd_e8, usd_e8))
			return false;
		any = any || sample;
	}
	return any;
}

size_t equity_read_all(const struct equity *equity, int64_t now_ms, struct equity_sample *out,
		       size_t cap)
{
	int64_t last = now_ms - now_ms % EQUITY_STEP_MS, sum;
	int64_t steps = cap < EQUITY_SAMPLES ? (int64_t)cap : EQUITY_SAMPLES;
	size_t count = 0;
	for (int64_t t_ms = last - (steps - 1) * EQUITY_STEP_MS; t_ms <= last;
	     t_ms += EQUITY_STEP_MS)
		if (sum_at(equity, t_ms, &sum))
			out[count++] = (struct equity_sample){ t_ms, sum };
	return count;
}

/* ---- bytes: magic "EQ", version 1 (codec/pack_frame.h); then as varints the count and
 * the step of the first sample, its value signed; of each other one the steps since the
 * one before, and the change of the value, signed ---- */

static const struct pack_frame frame = { { 'E', 'Q' }, 1, EQUITY_BYTES_MAX };

enum { NUMBERS_MAX = 2 * EQUITY_SAMPLES + 1 };

static int64_t minus(int64_t a, int64_t b) { return (int64_t)((uint64_t)a - (uint64_t)b); }

void equity_pack(const struct equity *equity, uint32_t index, struct buf *out)
{
	CHECK(index < equity->count && equity->series[index]->count > 0);
	const struct series *series = equity->series[index];
	struct equity_sample before = { 0, 0 };
	uint8_t chunk[PACK_FRAME_HEAD + NUMBERS_MAX * PACK_VARINT_MAX];
	uint8_t *at = pack_put_varint(chunk + PACK_FRAME_HEAD, series->count);
	for (uint32_t i = 0; i < series->count; i++) {
		const struct equity_sample *sample = sample_at(series, i);
		uint64_t steps = (uint64_t)(sample->t_ms - before.t_ms) / EQUITY_STEP_MS;
		at = pack_put_varint(at, steps);
		at = pack_put_signed(at, minus(sample->usd_e8, before.usd_e8));
		before = *sample;
	}
	CHECK((size_t)(at - chunk) <= EQUITY_BYTES_MAX);
	pack_frame_seal(&frame, chunk, (size_t)(at - chunk));
	buf_put(out, chunk, (size_t)(at - chunk));
}

static enum status read_samples(struct str body, struct series *series)
{
	struct pack_reader in = { .rest = body };
	uint64_t count = pack_read_varint(&in), step = 0, value = 0;
	if (!count || count > EQUITY_SAMPLES)
		return STATUS_FORMAT;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t steps = pack_read_varint(&in);
		value += (uint64_t)pack_read_signed(&in);
		step += steps;
		if (in.bad || !steps || steps > UINT32_MAX || step > UINT32_MAX)
			return STATUS_FORMAT;
		append(series,
		       (struct equity_sample){ (int64_t)step * EQUITY_STEP_MS, (int64_t)value });
	}
	return in.rest.len ? STATUS_FORMAT : STATUS_OK;
}

enum status equity_unpack(struct equity *equity, struct str name, struct str bytes)
{
	struct str body;
	struct series *series, read = { .count = 0 };
	enum status status = pack_frame_open(&frame, bytes, &body);
	if (!status)
		status = read_samples(body, &read);
	if (!status)
		status = series_for(equity, name, &series);
	if (status)
		return status;
	if (series->count)
		return STATUS_EXISTS;
	memcpy(read.name, series->name, sizeof read.name);
	*series = read;
	return STATUS_OK;
}
