/* watching.h - the values of alert rules that no core tells by itself: how long segments take and
 * who is connected to them, and everything of the form "more than so many within a time".
 *
 *   segments   no_clients, update_latency, retrieval_latency     of each that is wanted
 *   signals    signals_dropped (5 min), signals_pending          scope "all"
 *   results    failed_trades (60 s), slippage (5 min)            scope "all"
 *   sinks      sync_failures (10 min)                            of each
 *   archive    archive_writes (60 s)                             scope "archive"
 *
 * Looks once a second; what is counted elsewhere is read there. Uses one timer. Loop thread. */
#pragma once

#include "alert/alert.h"
#include "def/config.h"
#include "os/loop.h"
#include "trade/result.h"

struct archiving;
struct segments;
struct terminals;
struct watching;

struct watching_config {
	const struct config *config;
	struct loop *loop;
	struct alerts *alerts;
	const struct segments *segments;
	struct terminals *terminals; /* NULL: no fleet */
	struct archiving *archiving; /* NULL: no archive */
};

struct watching *watching_create(const struct watching_config *config); /* NULL: no memory */
void watching_destroy(struct watching *watching);                       /* NULL is fine */
void watching_start(struct watching *watching);
void watching_stop(struct watching *watching);
void watching_configure(struct watching *watching, const struct config *config);
/* A terminal's result, for its slippage. NULL is fine. */
void watching_result(struct watching *watching, const struct result *result);
