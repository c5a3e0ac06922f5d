/* bench_decode_simdjson.h - what the decoder is measured against: simdjson's own
 * ways over one frame. 64 readable bytes follow each frame. */
#pragma once

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

struct bench_decimal {
	int64_t mantissa;
	int32_t scale;
};

struct bench_trade {
	int64_t event_ms, t_ms, id;
	struct str symbol;
	struct bench_decimal price, qty;
	bool buyer_made;
};

struct bench_simdjson;

/* Supplied by the bench: text up to its closing quote, by the scanner's own
 * conversion. */
bool bench_decimal_read(const char *text, const char *end, struct bench_decimal *out);

struct bench_simdjson *bench_simdjson_create(void);
void bench_simdjson_destroy(struct bench_simdjson *simdjson);
/* Which of simdjson's kernels run: structural index, then on-demand. */
const char *bench_simdjson_kernels(void);
/* On-demand, every member and element visited once, no value converted; the bytes
 * of all values, or 0 on an error. */
size_t bench_simdjson_walk(struct bench_simdjson *simdjson, struct str frame);
/* The DOM's parse(). */
bool bench_simdjson_parse(struct bench_simdjson *simdjson, struct str frame);
/* On-demand, the fields of a futures trade in the order of the frame. */
bool bench_simdjson_trade(struct bench_simdjson *simdjson, struct str frame,
			  struct bench_trade *out);

#ifdef __cplusplus
}
#endif
