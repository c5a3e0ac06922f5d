/* liquidations_seen.h - which liquidations of a market were taken already; internal to
 * liquidations.
 *
 * They carry no ids. One is told by what it says (time, price, quantity, side) and by how
 * often one frame says it: a frame that says it twice means two, and another connection's
 * frame that says it twice again means the same two. What a second FRAME of one connection
 * says alike is thus presumed to be the first one's: nothing is counted twice.
 *
 * The LIQUIDATIONS_SEEN newest by time are told apart. What left cannot be told from new,
 * so one no newer than the newest that left (floor_ms) is presumed seen. Visible,
 * embedded; zero is empty. */
#pragma once

#include "market/liquidations.h"

struct liquidations_seen {
	uint32_t n;
	int64_t floor_ms;
	/* apart, because a look walks all hashes: 2 KB */
	uint64_t hash[LIQUIDATIONS_SEEN];
	int64_t t_ms[LIQUIDATIONS_SEEN];
	uint32_t frame[LIQUIDATIONS_SEEN]; /* that said it last */
	uint16_t said[LIQUIDATIONS_SEEN];  /* times, in that frame */
	uint16_t taken[LIQUIDATIONS_SEEN]; /* times, in all */
};

/* True: new, and now among those seen. `stored`: our own store keeps each once, so that
 * floor_ms says nothing about it. */
bool liquidations_seen_take(struct liquidations_seen *seen, const struct event_liquidation *event,
			    int64_t t_ms, uint32_t frame, bool stored);
