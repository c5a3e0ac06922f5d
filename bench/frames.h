/* frames.h - the recorded futures session in memory, one frame after the other as on
 * the wire, for the benches that run over it. 64 readable bytes follow each. */
#pragma once

#include <zlib.h>

#include "base/check.h"
#include "bench_decode_simdjson.h"
#include "codec/decoder.h"
#include "codec/scan.h"

enum { FRAMES_MAX = 200000, FRAMES_BYTES_MAX = 64 << 20 };

static const char frames_path[] = TEST_SHARED_DIR "/market/usdm_ethusdt_20240808.gz";

struct frames {
	struct str *at;
	size_t n, bytes;
};

static inline void frames_add(struct frames *frames, struct str frame)
{
	CHECK(frames->n < FRAMES_MAX);
	frames->at[frames->n++] = frame;
	frames->bytes += frame.len;
}

/* All frames, into room for FRAMES_MAX; false when there is no recording. */
static inline bool frames_load(struct frames *all)
{
	static char recording[FRAMES_BYTES_MAX + DECODE_PADDING];
	gzFile file = gzopen(frames_path, "rb");
	if (!file)
		return false;
	int len = gzread(file, recording, FRAMES_BYTES_MAX);
	gzclose(file);
	CHECK(len > 0 && len < FRAMES_BYTES_MAX);
	struct str rest = str_make(recording, (size_t)len), line;
	while (str_split(&rest, '\n', &line)) {
		struct str frame = str_trim(str_skip(line, str_find_char(line, ' ')));
		if (frame.len)
			frames_add(all, frame);
	}
	return true;
}

/* simdjson's extraction converts decimals as the scanner does: the difference is in
 * finding them. */
bool bench_decimal_read(const char *text, const char *end, struct bench_decimal *out)
{
	struct scan scan = { text, end };
	struct decimal value;
	if (!scan_decimal(&scan, &value))
		return false;
	*out = (struct bench_decimal){ value.mantissa, value.scale };
	return true;
}
