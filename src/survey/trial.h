/* trial.h - an audit's trials on a server of their own.
 *
 * survey_trials starts a redis-server in a temporary folder, on a unix socket alone, that keeps
 * nothing and has the listpack limits of the server that was audited, where they are known. Its
 * folder is removed as soon as it is connected, the server when the last trial is done; it ends
 * with us, kill -9 included. Each trial writes its samples as they are, then as they would be, and
 * measures both by MEMORY USAGE … SAMPLES 0 (audit/trial.h). Without a server, or where a trial
 * fails, the model's figure stays. Blocking; one thread. */
#pragma once

#include "audit/trial.h"
#include "base/err.h"
#include "survey/private_redis.h"

struct survey_trial_config {
	const char *redis_server; /* program: a path or a name; NULL: redis-server */
	/* One that was spawned before, as it takes a while to start: it is stopped at the end,
	 * wanted or not. NULL: it is spawned when it is wanted. */
	struct private_redis *redis;
	const struct audit_server *server; /* of the audited one; NULL: none */
	int64_t deadline_ns;               /* of the start and of one answer; 0: 5 s */
	void (*on_progress)(void *ctx, size_t done, size_t total); /* may be NULL */
	void *ctx;
};

struct survey_trial_totals {
	size_t trials, measured;
	char version[32]; /* of the server that was asked; "" none */
};

/* After audit_run. Errors say why nothing was measured; the audit is good in any case. */
MUST_CHECK enum status survey_trials(struct audit *audit, const struct survey_trial_config *config,
				     struct survey_trial_totals *totals, struct err *err);
