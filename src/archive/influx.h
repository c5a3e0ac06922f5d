/* influx.h - the sink for InfluxDB 1.x over HTTP (measured with 1.6.7).
 *
 *   open    GET /ping · CREATE DATABASE · CREATE RETENTION POLICY weir_730d … (each number of
 *           days in def/archive.def has one, weir_forever is for 0; that of most is the
 *           default). A policy of that name with another duration is an operator's and stays
 *   send    POST /write?db=…&rp=…&precision=ns, lines of influx_encode.h, in requests of
 *           5,000 lines, two at a time
 *   probe   SELECT count(batch_id) WHERE batch_id = …: reads all of it, for people and tests
 *   expire  nothing: the policies do it
 *   count   points of the measurement
 *   read    SELECT * WHERE batch_id = … between the rows' times, of moved tables
 *
 * Of those only indicator_data: what is no time series is POISON. They go into the policy
 * `autogen`, which a database has from its beginning, for ever.
 *
 * It is for pictures, never the ledger. Points with equal tags and time merge in silence and
 * the time has but three digits to tell rows apart by, so count may be a little less than the
 * rows that were confirmed; a column that becomes NULL when its row is told again keeps what
 * it held; a told-again row whose time changed is a second point. Whoever compares must say
 * so and not call it a loss: confirmed rows are what sinks.h counts, points are what is here.
 *
 * Sending a batch again does no harm, all of it or a part: its points are the same. A batch
 * is several requests and not one transaction: after any end but DONE some of it may be
 * there. User and password go in a header, never in a URL, which the server logs.
 *
 * Calls are done in turn, at most INFLUX_CALLS_MAX wait (CHECKed: its owner sends one batch at
 * a time). Uses one timer. Loop thread; encode on any. */
#pragma once

#include "archive/sink.h"
#include "base/err.h"
#include "base/timers.h"
#include "port/http_client.h"

enum { INFLUX_CALLS_MAX = 8 };

struct influx_config {
	struct http_client *http; /* lives longer than the sink; room for two requests of it */
	struct timers *timers;
	enum archive_set set; /* of tables */
	struct str url;       /* http[s]://[USER:PASSWORD@]HOST[:PORT]/DATABASE; copied */
	int64_t answer_ns;    /* of a request, connecting included; 0: 30 s */
};

/* INVALID: the URL is none (its text is not repeated: a password may be in it). */
MUST_CHECK enum status influx_create(const struct influx_config *config, struct sink **out,
				     struct err *err);
