/* loop.h - the event loop: one thread, one turn after the other.
 *
 *   poll (I/O callbacks) -> timers due -> deferred tasks -> end-of-turn tasks -> poll
 *
 * The clock is read once a turn, at the first question after the poll returned;
 * everybody in the turn sees that `now`. Timers are the process's one heap
 * (base/timers.h) with the room given at create: count every connection, segment
 * and listener connection into it. A task is embedded in its owner and costs no
 * allocation; queueing a queued task changes nothing. A task queued by a deferred
 * task runs in the next turn, which then does not wait; end-of-turn tasks (output
 * flushes) queued during the turn run before the loop waits again.
 *
 * Handles of os modules belong to their modules, which close them; destroy CHECKs
 * that nothing is left open. Loop thread only, except loop_wake. */
#pragma once

#include <uv.h>

#include "base/err.h"
#include "base/hist.h"
#include "base/timers.h"
#include "port/clock.h"

struct loop;

struct loop_task {
	void (*fn)(void *ctx);
	void *ctx;
	struct loop_task *next, *prev; /* NULL when not queued */
};

struct loop_stats {
	uint64_t turns;
	uint64_t slow_turns; /* busy longer than LOOP_SLOW_NS */
	uint64_t timers_run;
	struct hist *busy_ns; /* time of a turn outside the poll */
};

enum { LOOP_SLOW_NS = 50 * 1000 * 1000, LOOP_SCRATCH_BYTES = 256 * 1024 };

MUST_CHECK enum status loop_create(size_t timer_room, struct loop **loop, struct err *err);
void loop_destroy(struct loop *loop); /* NULL is fine */

/* Turns until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop); /* ends loop_run after the current turn */
/* One turn that waits at most wait_ns (0: does not wait) for something to happen. */
void loop_turn(struct loop *loop, int64_t wait_ns);
/* Turns until *done or until deadline_ns from now have passed; returns *done. */
bool loop_turn_until(struct loop *loop, const bool *done, int64_t patience_ns);

int64_t loop_now_ns(struct loop *loop);  /* monotonic, this turn's */
int64_t loop_wall_ns(struct loop *loop); /* unix time, this turn's */
/* CLOCK_MONOTONIC as it is now, not this turn's: for measuring how long work took. */
int64_t loop_precise_ns(void);
const struct clock_port *loop_clock(struct loop *loop); /* the same two as a port */

struct timers *loop_timers(struct loop *loop);
/* Arms at this turn's now + delay. */
void loop_timer_after(struct loop *loop, struct timer *timer, int64_t delay_ns);

void loop_defer(struct loop *loop, struct loop_task *task); /* later in this turn, or in the next */
void loop_at_end(struct loop *loop, struct loop_task *task); /* before the loop waits */
void loop_task_cancel(struct loop_task *task);               /* fine when not queued */

/* Runs fn on each arrival of the signal, as an ordinary callback. At most 8, for the
 * life of the loop. */
MUST_CHECK enum status loop_on_signal(struct loop *loop, int signal_number,
				      void (*fn)(void *ctx, int signal_number), void *ctx);
/* From any thread: the loop returns from its poll. */
void loop_wake(struct loop *loop);

const struct loop_stats *loop_stats(const struct loop *loop);

/* For the os modules. */
uv_loop_t *loop_uv(struct loop *loop);
/* One buffer all connections read into: what is read is consumed before the next
 * read, so one is enough. */
char *loop_scratch(struct loop *loop);
