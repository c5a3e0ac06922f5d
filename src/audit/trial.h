/* trial.h - what a change would save, tried on a copy.
 *
 * A finding that claims a saving keeps up to TRIAL_KEYS of its keys with their whole values, as
 * samples, chosen by their names' digests so that a second audit chooses the same. A trial is
 * written as commands for a server that nobody uses: first the keys as they are, then as they
 * would be. Whoever has such a server (survey/trial.h) measures both with MEMORY USAGE … SAMPLES
 * 0 and tells the sums; the finding's bytes_after is its bytes_now times their ratio, its
 * confidence AUDIT_MEASURED. Where no server can be had the model (cost.h) is asked:
 * AUDIT_ESTIMATED. Bounded: TRIAL_BYTES of samples in all. */
#pragma once

#include "audit/audit.h"

enum { TRIAL_KEYS = 64, TRIAL_BYTES = 4 << 20, TRIALS_MAX = 256 };

struct audit_trial {
	size_t finding;  /* of audit_findings */
	const char *how; /* "one hash a symbol and timeframe" */
	size_t samples;
};

typedef void (*audit_command_fn)(void *ctx, const struct str *argv, size_t argc);

/* After the last key, before audit_run: there are samples, so that there may be trials. */
bool audit_trials_likely(const struct audit *audit);
/* After audit_run. */
size_t audit_trials(const struct audit *audit, const struct audit_trial **out);
/* Commands that write the samples, and the names to be measured (a single-word command). */
void audit_trial_before(const struct audit *audit, size_t trial, audit_command_fn fn, void *ctx);
void audit_trial_after(const struct audit *audit, size_t trial, audit_command_fn fn, void *ctx);
/* Bytes of both; negative: could not be measured, and the model stays. */
void audit_trial_result(struct audit *audit, size_t trial, int64_t before, int64_t after);
