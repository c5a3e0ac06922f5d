/* daemon.h - the composition root: builds the parts, wires them, ticks, shuts down.
 *
 * One process, one loop thread that owns all state. The life of a daemon:
 *
 *   SEGMENTS → RESTORE → RUN → DRAIN → STOP → ENDED
 *
 * Without a store it goes from the start to RUN and from there to ENDED. A command
 * that only wants to look (ask, tape) builds one without a feed and stops it from
 * on_ready. Errors end it with one line in daemon_error. Loop thread. */
#pragma once

#include "base/hist.h"
#include "ask/ask.h"
#include "def/config.h"
#include "feed/ingest.h"
#include "feed/recording_source.h"
#include "os/loop.h"
#include "store/market_store.h"
#include "store/segments.h"

enum daemon_feed {
	DAEMON_FEED_NONE,
	DAEMON_FEED_RECORDING,
	DAEMON_FEED_SIMULATOR,
	DAEMON_FEED_LIVE,
};

struct archiving;
struct alert_view;
struct alerts;
struct budgets;
struct hush_store;
struct notifying;
struct serving;
struct control;
struct daemon;
struct metering;
struct picturing;
struct sources;
struct telegramming;
struct terminals;

struct daemon_options {
	const struct config *config; /* outlives the daemon */
	const char *config_path;     /* for SIGHUP; NULL: none */
	const char *state_dir;
	bool store;        /* false: memory only, no state directory is touched */
	bool restore;      /* read the markets back before on_ready */
	uint32_t segments; /* mask, 1 << enum segment */
	bool control;      /* answer on run/weir.sock */
	bool fleet;        /* listen for terminals (where the configuration says so) */
	bool archive;      /* the archive file, its readers and sinks */
	bool serve;        /* answer HTTP (where the configuration says so) */
	bool demo;         /* simulated terminals where no tokens file is named */
	bool stay;         /* go on answering when a recording has ended */
	bool log_to_state; /* without log.file: to STATE/log/weir.log, not to a screen in use */
	enum daemon_feed feed;
	struct recording_options recording;
	void (*on_ready)(void *ctx,
			 struct daemon *daemon); /* before the feed starts; may be NULL */
	void *ctx;
};

/* Takes the state directory's lock and begins to start the segments. */
MUST_CHECK enum status daemon_create(const struct daemon_options *options, struct daemon **daemon,
				     struct err *err);
/* Turns until it has ended. Returns the exit status: 0 done, 3 the environment. */
int daemon_run(struct daemon *daemon);
/* Clean end: drains, stops the servers, then daemon_run returns. */
void daemon_stop(struct daemon *daemon);
void daemon_destroy(struct daemon *daemon); /* after daemon_run; NULL is fine */
bool daemon_ended(const struct daemon *daemon);
/* Why it ended with 3, "" otherwise. */
const char *daemon_error(const struct daemon *daemon);

struct loop *daemon_loop(struct daemon *daemon);
struct markets *daemon_markets(struct daemon *daemon);
struct ingest *daemon_ingest(struct daemon *daemon);
struct redis_port *daemon_rms(struct daemon *daemon);
struct segments *daemon_segments(struct daemon *daemon);              /* NULL without a store */
const struct market_store *daemon_store(const struct daemon *daemon); /* NULL without */
bool daemon_simulated(const struct daemon *daemon);
/* When each part was ready, ns after daemon_create; 0: not (yet). */
int64_t daemon_segments_ready_ns(const struct daemon *daemon);
int64_t daemon_restored_ns(const struct daemon *daemon);
const struct sources *daemon_sources(const struct daemon *daemon);
struct terminals *daemon_terminals(struct daemon *daemon);         /* NULL: no fleet */
struct archiving *daemon_archiving(struct daemon *daemon);         /* NULL: no archive */
const struct budgets *daemon_budgets(const struct daemon *daemon); /* NULL: it does not stay */
const struct serving *daemon_serving(const struct daemon *daemon); /* NULL: no HTTP */
struct picturing *daemon_picturing(struct daemon *daemon);         /* NULL: no memory for it */
struct metering *daemon_metering(struct daemon *daemon);
struct telegramming *daemon_telegramming(struct daemon *daemon); /* NULL: no people are kept */
struct alerts *daemon_alerts(struct daemon *daemon);
struct notifying *daemon_notifying(struct daemon *daemon); /* NULL: it does not stay */
const struct hush_store *daemon_hush_store(const struct daemon *daemon); /* NULL: no segment rss */
/* An alert that was told by an earlier run is over: segment RLS is to know. */
void daemon_alert_over(struct daemon *daemon, const struct alert_view *alert);
/* What people said of weir's alerts has changed: it is written. */
void daemon_store_hushes(struct daemon *daemon);
struct control *daemon_control(struct daemon *daemon); /* NULL: options.control is not set */
const struct config *daemon_config(const struct daemon *daemon);
/* Sends what has come to the segment now instead of at the next interval. */
void daemon_flush(struct daemon *daemon);
/* As ask_answer, at the daemon's own time; and ns that each answer took. */
MUST_CHECK enum status daemon_answer(struct daemon *daemon, struct ask_request request,
				     struct buf *out, enum ask_outcome *outcome);
const struct hist *daemon_answers(const struct daemon *daemon);
/* Answers a question from the markets as they are; appends to out. */
enum ask_outcome daemon_ask(struct daemon *daemon, enum ask_format format, struct str text,
			    struct buf *out);
/* The same for who may only look: what would change something is refused. */
enum ask_outcome daemon_look(struct daemon *daemon, enum ask_format format, struct str text,
			     struct buf *out);
/* An alert of the operator's own is told, as weir's own are. */
void daemon_tell_rule(struct daemon *daemon, uint32_t id, struct str message);
