/* oracle.h - what really happened in the simulated world, and whether weir's state
 * agrees. Written without weir's own arithmetic: plain lists and 128-bit sums. */
#pragma once

#include "base/err.h"
#include "feed/simulator.h"
#include "market/markets.h"
#include "fake_redis.h"

struct oracle;

struct oracle *oracle_create(void);
void oracle_destroy(struct oracle *oracle);
/* Every trade the venue made, told or not; delivered: weir's connection got it. */
void oracle_trade(struct oracle *oracle, const struct simulator_trade *trade, bool delivered,
		  int64_t now_ns);
/* What was delivered in (from, to] may be missing from the tape: weir or its server was
 * killed. */
void oracle_allow_loss(struct oracle *oracle, int64_t from_ns, int64_t to_ns);
/* Everything delivered from now on is a new process's: what it presumes is its own. */
uint64_t oracle_delivered(const struct oracle *oracle);

/* Each answers OK, or INVALID with the first difference in err.
 *
 * minutes: a minute that weir calls complete holds exactly what the venue traded in
 * it; a partial one never more than that. *partial counts the partial ones. */
enum status oracle_check_minutes(struct oracle *oracle, const struct markets *markets,
				 size_t *partial, size_t *complete, struct err *err);
/* delivered: every minute holds exactly what was delivered in time. */
enum status oracle_check_delivered(struct oracle *oracle, const struct markets *markets,
				   struct err *err);
/* tape: every trade delivered is in the server's tape once, in the order of delivery,
 * except those whose loss is allowed; `presumed` more may be missing. */
enum status oracle_check_tape(struct oracle *oracle, struct fake_redis *redis, uint64_t presumed,
			      struct err *err);
/* counts: trades, duplicates and late of the markets together (one process). */
enum status oracle_check_counts(struct oracle *oracle, const struct markets *markets,
				struct err *err);
