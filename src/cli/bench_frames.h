/* bench_frames.h - what weir's hot path takes on this machine: simulated frames of all venues, in
 * memory, decoded, taken into markets, packed. One core, thread CPU time, the median of rounds. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct bench_frames {
	uint64_t frames, trades;
	double decode_ns;   /* a frame */
	double markets_ns;  /* a frame: decoded, and in the minutes, windows, books and rates */
	double pack_ns;     /* a trade, on top */
	double trade_bytes; /* packed */
	double window_ns;   /* a market's flow over 24 h */
};

enum { BENCH_FRAMES = 200000 };

/* Over so many frames, at most BENCH_FRAMES; fewer are less to be relied on. */
MUST_CHECK enum status bench_frames_run(size_t frames, struct bench_frames *out, struct err *err);
