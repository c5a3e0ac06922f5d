/* serving.h - the HTTP side of the daemon: src/serve with what it asks of the others
 * (markets, fleet, segments, alerts, the archive, the signal store), wired.
 *
 *   create → start (listens) → close (ends every connection; frees it)
 *
 * What is under way at close ends into nothing when its store answers; the memory goes
 * then. Uses serving_timers() of the loop's heap. Loop thread. */
#pragma once

#include "daemon/daemon.h"
#include "os/http_server.h"
#include "serve/serve.h"

struct serving;
struct writer;

struct serving_config {
	struct daemon *daemon;
	const struct config *config;
	const struct ask_world *world; /* outlives it */
	struct writer *writer;         /* NULL: no archive */
};

size_t serving_timers(const struct config *config);
/* *out stays NULL where serve.listen is empty. REFUSED: beyond the loopback without TLS and
 * tokens; a tokens file that cannot be read says why. */
MUST_CHECK enum status serving_create(const struct serving_config *config, struct serving **out,
				      struct err *err);
MUST_CHECK enum status serving_start(struct serving *serving, struct err *err);
/* After a SIGHUP: the tokens file is read anew; one that cannot be leaves the tokens that
 * were. */
MUST_CHECK enum status serving_configure(struct serving *serving, const struct config *config,
					 struct err *err);
/* New signals are answered with 503 and the word why from now on; NULL: taken again. */
void serving_refuse(struct serving *serving, const char *why);
void serving_close(struct serving *serving, void (*fn)(void *ctx), void *ctx);
uint16_t serving_port(const struct serving *serving);
const struct http_server_stats *serving_stats(const struct serving *serving);
const struct serve_counts *serving_counts(const struct serving *serving);
const struct push_counts *serving_push_counts(const struct serving *serving);
