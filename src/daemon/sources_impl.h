/* sources_impl.h - the kinds of sources; shared by sources*.c only. */
#pragma once

#include "daemon/sources.h"
#include "daemon/venue_net.h"
#include "feed/sim_source.h"

enum { SYMBOLS_MAX = 64 };

struct sim_client {
	struct sources *sources;
	struct ws_client *client;
	enum venue venue;
	enum kind kind;
};

struct sources {
	struct sources_config config;
	struct recording_source *recording;
	struct sim_source *sim;
	struct sim_client clients[VENUE_COUNT * KIND_COUNT];
	struct venue_net *net;
	struct live *live;
	char symbols[SYMBOLS_MAX][SYMBOL_MAX + 1];
	struct timer timer;
	bool stopped;
};

/* The configured base assets as the venues' symbols: "BTC" is "BTCUSDT"; names has
 * SYMBOLS_MAX places. */
size_t sources_symbols(struct sources *sources, const char **names);
MUST_CHECK enum status sources_start_simulator(struct sources *sources, struct err *err);
MUST_CHECK enum status sources_open_live(struct sources *sources, struct err *err);
