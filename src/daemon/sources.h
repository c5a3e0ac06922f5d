/* sources.h - where frames come from: a recording, the market simulator, or the live
 * venues. All end in the ingest. Loop thread. */
#pragma once

#include "daemon/daemon.h"

struct sources_config {
	enum daemon_feed feed;
	struct recording_options recording;
	const struct config *config;
	struct loop *loop;
	struct ingest *ingest;
	struct markets *markets;
	struct loop_task *wake; /* queued when there is something to step again */
	/* A trade that a repair brought back; the streams' own go through the ingest. */
	void (*on_trade)(void *ctx, struct market *market, const struct trade *trade);
	void *ctx;
};

struct live;

enum sources_state { SOURCES_MORE, SOURCES_WAIT, SOURCES_END, SOURCES_FAILED };

/* Opens the recording: what cannot be read is said before anything is started. On an
 * error *sources may be set all the same: close and destroy it. */
MUST_CHECK enum status sources_create(const struct sources_config *config, struct sources **sources,
				      struct err *err);
void sources_destroy(struct sources *sources);
/* Once the state is back. */
MUST_CHECK enum status sources_start(struct sources *sources, struct err *err);
void sources_stop(struct sources *sources); /* nothing comes any more; NULL is fine */
/* Stops, and closes its connections: fn runs when they are, perhaps at once. */
void sources_close(struct sources *sources, void (*fn)(void *ctx), void *ctx);
/* A slice of about SOURCES_SLICE_NS. paused: the store is behind, take nothing now. */
enum { SOURCES_SLICE_NS = 100000, SOURCES_PAUSE_NS = 1000000 };
enum sources_state sources_step(struct sources *sources, bool paused, struct err *err);
/* The simulator waits; a recording is told at each step. */
void sources_pause(struct sources *sources, bool paused);
/* The simulator has said its history (always true of a recording). */
bool sources_live(const struct sources *sources);
/* The history that a source has to tell is there: answers are what they will be. */
bool sources_complete(const struct sources *sources);
/* The live venues; NULL when they are not the source, or after the stop. */
const struct live *sources_venues(const struct sources *sources);
