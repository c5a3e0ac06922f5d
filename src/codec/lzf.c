#include "codec/lzf.h"

enum { STRIDE = 16, LITERAL_MAX = 32 };

/* A copy may overlap what it writes: then it repeats itself, byte by byte. In strides where they
 * do not overlap and there is room for a last whole one: what it writes too much is written
 * again by the next step. */
static void copy_back(char *at, size_t distance, size_t len, size_t room)
{
	const char *from = at - distance;
	size_t i = 0;
	if (distance >= STRIDE && room >= len + STRIDE)
		for (; i < len; i += STRIDE)
			memcpy(at + i, from + i, STRIDE);
	for (; i < len; i++)
		at[i] = from[i];
}

/* Of a whole token, so that so many bytes are behind `from`. */
static void copy_literals(char *at, const uint8_t *from, size_t behind, size_t len, size_t room)
{
	if (behind >= LITERAL_MAX && room >= LITERAL_MAX)
		memcpy(at, from, LITERAL_MAX);
	else
		memcpy(at, from, len);
}

/* Bytes of input of the step that begins here. */
static size_t token_size(const struct lzf *lzf)
{
	uint8_t control = lzf->in[0];
	if (control < 32)
		return (size_t)control + 2;
	return control >> 5 == 7 ? 3 : 2;
}

static size_t step_size(const struct lzf *lzf)
{
	uint8_t control = lzf->in[0];
	if (control < 32)
		return (size_t)control + 1;
	size_t len = control >> 5;
	return (len == 7 ? len + lzf->in[1] : len) + 2;
}

static enum status unpack_step(struct lzf *lzf, size_t token, size_t step)
{
	char *at = lzf->out + lzf->out_len;
	size_t room = lzf->out_size - lzf->out_len;
	if (lzf->in[0] < 32) {
		copy_literals(at, lzf->in + 1, lzf->in_size - 1, step, room);
	} else {
		size_t distance = ((size_t)(lzf->in[0] & 31) << 8 | lzf->in[token - 1]) + 1;
		if (distance > lzf->out_len)
			return STATUS_FORMAT;
		copy_back(at, distance, step, room);
	}
	lzf->in += token;
	lzf->in_size -= token;
	lzf->out_len += step;
	return STATUS_OK;
}

enum status lzf_unpack(struct lzf *lzf, bool last)
{
	while (lzf->in_size) {
		size_t token = token_size(lzf);
		if (token > lzf->in_size)
			return last ? STATUS_FORMAT : STATUS_OK;
		size_t step = step_size(lzf);
		if (step > lzf->out_size - lzf->out_len)
			return STATUS_OK;
		enum status status = unpack_step(lzf, token, step);
		if (status)
			return status;
	}
	return STATUS_OK;
}
