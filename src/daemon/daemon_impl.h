/* daemon_impl.h - the daemon's own: shared by daemon*.c only. */
#pragma once

#include "daemon/accounting.h"
#include "daemon/archiving.h"
#include "daemon/budgets.h"
#include "daemon/control.h"
#include "daemon/daemon.h"
#include "daemon/metering.h"
#include "daemon/notifying.h"
#include "daemon/own_time.h"
#include "daemon/picturing.h"
#include "daemon/serving.h"
#include "daemon/sources.h"
#include "daemon/state_folder.h"
#include "daemon/telegramming.h"
#include "daemon/terminals.h"
#include "daemon/watching.h"
#include "market/market_alerts.h"
#include "os/line_server.h"
#include "store/alert_store.h"
#include "store/hush_store.h"
#include "store/market_outputs.h"

enum daemon_phase {
	PHASE_SEGMENTS,
	PHASE_RESTORE,
	PHASE_RUN,
	PHASE_DRAIN,
	PHASE_STOP,
	PHASE_ENDED
};

struct daemon {
	struct daemon_options options;
	enum daemon_phase phase;
	struct loop *loop;
	struct state_folder *folder;
	struct segments *segments;
	struct markets *markets;
	struct ingest *ingest;
	struct market_store *store;
	struct market_outputs *outputs;
	struct alerts *alerts;
	struct market_alerts *market_alerts;
	struct alert_store *alert_store;
	struct hush_store *hush_store; /* NULL: it does not stay, or has no segment rss */
	struct watching *watching;     /* NULL: it does not stay */
	struct notifying *notifying;   /* NULL: it does not stay */
	struct terminals *terminals;   /* NULL: no fleet */
	struct archiving *archiving;   /* NULL: no archive */
	struct serving *serving;       /* NULL: no HTTP */
	struct metering *metering;
	struct budgets *budgets;           /* NULL: it does not stay */
	struct accounting *accounting;     /* NULL: it does not stay */
	struct picturing *picturing;       /* NULL: no picture was asked for */
	struct buf telegram_token;         /* until people are built */
	struct telegramming *telegramming; /* NULL: it does not stay, or keeps no people */
	struct rules *rules;               /* its; NULL */
	struct day_loss *day_loss;         /* NULL: not being read */
	struct sources *sources;
	struct control *control;
	struct line_server *control_server;
	struct ask_world world;
	struct hist answers;         /* ns that each took */
	const struct config *config; /* the options', or what a SIGHUP put in its place */
	struct config *reloaded;
	struct loop_task step_task;
	struct timer hold_timer;
	struct timer alert_timer;  /* levels of the alert rules */
	struct timer second_timer; /* series, cascades, venues */
	struct timer drain_timer;  /* the last state is tried again: its server is away */
	int64_t drain_until_ns;
	struct timer archive_timer; /* a stop does not wait for ever for the archive */
	bool restored, hushes_read, archive_drained;
	bool fleet_closed;
	bool holding;                                 /* the store is behind */
	const char *archive_refuses, *results_refuse; /* new signals, why; NULL: not */
	int64_t created_ns, segments_ready_ns, restored_ns;
	int64_t malformed_logged_ns;
	uint64_t malformed_unlogged;
	bool stop_wanted;
	int64_t term_ns; /* when the first signal to end came */
	int exit_status;
	struct err error;
};

/* daemon_build.c */
MUST_CHECK enum status daemon_build(struct daemon *daemon, struct err *err);
/* daemon.c */
struct segment_events daemon_segment_events(struct daemon *daemon);
void daemon_enter(struct daemon *daemon, enum daemon_phase phase);
void daemon_fail(struct daemon *daemon, const struct err *err);
/* daemon_end.c: DRAIN after people are drained, or in their place; STOP. */
void daemon_people_drained(void *ctx);
void daemon_drain_fleet(struct daemon *daemon);
void daemon_begin_stop(struct daemon *daemon);
void daemon_step(void *ctx);
void daemon_drain_timer(void *ctx);
void daemon_archive_open(void *ctx, enum status status, const struct err *err);
/* daemon_serve.c */
void daemon_refuse_signals(void *ctx, const char *why); /* the archive has no room */
void daemon_results_stuck(void *ctx, const char *why);  /* neither have RTRS and the spill file */
void daemon_archive_stuck(void *ctx, bool stuck);
MUST_CHECK enum status daemon_start_serving(struct daemon *daemon, struct err *err);
/* From the configuration in force: what takes effect without a new start. */
MUST_CHECK enum status daemon_apply_settings(struct daemon *daemon, struct err *err);
int64_t daemon_flush_ns(const struct config *config);
/* What follows from the markets (daemon_market.c): the ingest's hooks, alerts, series,
 * outputs. Built before the sources, and with the store when there is one. */
MUST_CHECK enum status daemon_build_markets(struct daemon *daemon, struct err *err);
MUST_CHECK enum status daemon_build_outputs(struct daemon *daemon, struct err *err);
void daemon_start_markets(struct daemon *daemon); /* the state is back */
void daemon_stop_markets(struct daemon *daemon);
void daemon_free_markets(struct daemon *daemon);
/* Closed bars into the series: when the state is back, each second, and at the end. */
void daemon_step_series(struct daemon *daemon);
void daemon_apply_market_settings(struct daemon *daemon);
/* The rules' engine, for markets and terminals (daemon_alerts.c); before either. */
MUST_CHECK enum status daemon_build_alerts(struct daemon *daemon, struct err *err);
void daemon_start_alerts(struct daemon *daemon);
/* What looks on and tells, of a weir that stays: watching, the channels, what is muted. The
 * channels before any child is started, the others when the segments are built. */
MUST_CHECK enum status daemon_build_channels(struct daemon *daemon, struct err *err);
MUST_CHECK enum status daemon_build_watching(struct daemon *daemon, struct err *err);
void daemon_configure_alerts(struct daemon *daemon);
void daemon_take_result(void *ctx, const struct result *result);
void daemon_stop_alerts(struct daemon *daemon);
void daemon_free_alerts(struct daemon *daemon);
void daemon_instance_moved(void *ctx, const struct instance *instance, enum instance_state from);
void daemon_step_alerts(void *ctx); /* of a daemon: this turn's time */
/* History that a source tells first, and recordings, are no news. */
bool daemon_is_news(const struct daemon *daemon);
/* run/ports: where the listeners are (contracts.md). */
MUST_CHECK enum status daemon_write_ports(struct daemon *daemon, struct err *err);
/* A trade newly taken, whoever brought it. */
void daemon_take_trade(void *ctx, struct market *market, const struct trade *trade);
void daemon_hold_timer(void *ctx);
/* SIGINT, SIGTERM, SIGHUP (daemon_signals.c). */
MUST_CHECK enum status daemon_take_signals(struct daemon *daemon, struct err *err);
