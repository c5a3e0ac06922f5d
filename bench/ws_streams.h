/* ws_streams.h - what four venues' connections carry, made by the simulator: trade
 * frames of 20 symbols, each with its WebSocket header in front, one behind the other,
 * ready to be sent. */
#pragma once

#include "../tests/ws_peer.h"
#include "feed/simulator.h"

enum {
	STREAMS = VENUE_COUNT * KIND_COUNT,
	STREAM_FRAMES_MAX = 400000,
	STREAM_BYTES_MAX = 128 << 20,
	TRADES_PER_SECOND = 3000,
};

struct ws_stream {
	enum venue venue;
	enum kind kind;
	unsigned char *bytes; /* frames with their headers */
	uint32_t *ends;       /* of each frame, in bytes */
	size_t count;
};

struct ws_streams {
	struct ws_stream at[STREAMS];
	size_t count, bytes; /* frames, and with headers, of all */
};

static inline void ws_streams_add(void *ctx, enum venue venue, enum kind kind, struct str frame,
				  int64_t t_ms)
{
	struct ws_streams *streams = ctx;
	struct ws_stream *stream = &streams->at[(int)venue * KIND_COUNT + (int)kind];
	uint32_t end = stream->count ? stream->ends[stream->count - 1] : 0;
	(void)t_ms;
	CHECK(stream->count < STREAM_FRAMES_MAX);
	CHECK(end + PEER_HEAD_BYTES + frame.len <= STREAM_BYTES_MAX);
	size_t head = peer_head(stream->bytes + end, WS_TEXT, true, frame.len);
	memcpy(stream->bytes + end + head, frame.ptr, frame.len);
	end += (uint32_t)(head + frame.len);
	stream->ends[stream->count++] = end;
	streams->count++;
	streams->bytes += head + frame.len;
}

static const char *const ws_stream_symbols[] = {
	"BTCUSDT",  "ETHUSDT",  "SOLUSDT", "XRPUSDT", "DOGEUSDT", "BNBUSDT",  "ADAUSDT",
	"AVAXUSDT", "LINKUSDT", "LTCUSDT", "TRXUSDT", "DOTUSDT",  "NEARUSDT", "UNIUSDT",
	"APTUSDT",  "ARBUSDT",  "OPUSDT",  "SUIUSDT", "ATOMUSDT", "FILUSDT",
};

/* At least `frames` of them, as they would come one after the other. */
static inline void ws_streams_make(struct ws_streams *streams, size_t frames)
{
	const struct simulator_config config = {
		.seed = 7,
		.symbols = ws_stream_symbols,
		.n_symbols = sizeof ws_stream_symbols / sizeof *ws_stream_symbols,
		.start_ms = 1750000000000,
		.trades_per_second = TRADES_PER_SECOND,
	};
	struct simulator_sink sink = { ws_streams_add, NULL, streams };
	struct simulator *simulator;
	int64_t until_ms = config.start_ms;
	for (int i = 0; i < STREAMS; i++) {
		streams->at[i].venue = (enum venue)(i / KIND_COUNT);
		streams->at[i].kind = (enum kind)(i % KIND_COUNT);
		streams->at[i].bytes = malloc(STREAM_BYTES_MAX);
		streams->at[i].ends = malloc(STREAM_FRAMES_MAX * sizeof(uint32_t));
		CHECK(streams->at[i].bytes && streams->at[i].ends);
	}
	CHECK(simulator_create(&config, &simulator) == STATUS_OK);
	while (streams->count < frames)
		simulator_advance(simulator, until_ms += 100, frames, &sink);
	simulator_destroy(simulator);
}
