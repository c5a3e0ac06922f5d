/* decode_differ.h - one venue's scanner against simdjson, for fuzz_binance and
 * fuzz_bybit.
 *
 * The first byte of the input chooses: bit 0 the kind, bit 1 what lies behind the
 * frame: zeros, or the input's own last 64 bytes, as when a frame was cut out of a
 * longer one. The rest is the frame. */
#pragma once

#include <stdlib.h>

#include "base/check.h"
#include "codec/decoder.h"
#include "event_same.h"

static struct event scanned[EVENTS_PER_FRAME], parsed[EVENTS_PER_FRAME];

/* Every level of a depth event can be walked, and no more. */
static void check_levels(struct str levels, uint32_t n)
{
	struct decimal price, qty;
	while (depth_level_next(&levels, &price, &qty)) {
		CHECK(price.mantissa >= 0 && qty.mantissa >= 0 && n > 0);
		n--;
	}
	CHECK(n == 0);
}

static void check_events(enum venue venue, enum kind kind, const struct event *events, size_t n)
{
	static char text[1 << 16];
	for (size_t i = 0; i < n; i++) {
		struct buf line = buf_over(text, sizeof text);
		event_print_json(&line, venue, kind, &events[i], 1);
		CHECK(!line.overflow || events[i].type == EVENT_TRADE);
		if (events[i].type == EVENT_DEPTH) {
			check_levels(events[i].depth.bids, events[i].depth.n_bids);
			check_levels(events[i].depth.asks, events[i].depth.n_asks);
		}
		CHECK(events[i].type != EVENT_TRADE || events[i].trade.qty.mantissa > 0);
	}
}

static void differ(enum venue venue, enum kind kind, struct str frame)
{
	static struct decoder *scanners[KIND_COUNT], *parsers[KIND_COUNT];
	if (!scanners[kind]) {
		scanners[kind] = decoder_create(venue, kind, DECODE_SCANNER);
		parsers[kind] = decoder_create(venue, kind, DECODE_SIMDJSON);
		CHECK(scanners[kind] && parsers[kind]);
	}
	size_t n = decoder_decode(parsers[kind], frame, parsed);
	CHECK(n >= 1 && n <= EVENTS_PER_FRAME);
	check_events(venue, kind, parsed, n);
	/* Twice: the second time the scanner knows the stream. */
	for (int pass = 0; pass < 2; pass++) {
		size_t n_scanned = decoder_decode(scanners[kind], frame, scanned);
		CHECK(n_scanned == 0 || n_scanned == n);
		for (size_t i = 0; i < n_scanned; i++)
			CHECK(event_same(&scanned[i], &parsed[i]));
	}
}

static void differ_input(enum venue venue, const uint8_t *data, size_t size)
{
	if (size < 1 || size > FRAME_BYTES_MAX + 1024)
		return;
	uint8_t choice = data[0];
	size_t rest = size - 1;
	bool cut = (choice & 2) && rest >= DECODE_PADDING;
	size_t len = cut ? rest - DECODE_PADDING : rest;
	char *exact = calloc(1, len + DECODE_PADDING); /* so that asan sees an overrun */
	CHECK(exact);
	memcpy(exact, data + 1, rest);
	differ(venue, choice & 1 ? KIND_PERP : KIND_SPOT, str_make(exact, len));
	free(exact);
}
