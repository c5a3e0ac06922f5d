/* timers.h - one heap of deadlines. Every pending operation has its deadline here.
 *
 * A timer is embedded in its owner; arming, re-arming and cancelling allocate
 * nothing as long as the heap's room (fixed at create) suffices, and every timer
 * of a process is counted into that room. Time is the caller's monotonic ns: the
 * loop and the simulated world drive the same heap. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer {
	void (*fn)(void *ctx); /* runs with the timer already disarmed */
	void *ctx;
	int64_t deadline_ns;
	size_t slot; /* 1-based place in the heap; 0: not armed */
};

struct timers;

struct timers *timers_create(size_t room); /* NULL: out of memory */
void timers_destroy(struct timers *timers);
/* Arms or re-arms. Equal deadlines run in the order of arming. */
void timers_arm(struct timers *timers, struct timer *timer, int64_t deadline_ns);
void timers_cancel(struct timers *timers, struct timer *timer); /* fine when not armed */
/* Earliest deadline, or INT64_MAX. */
int64_t timers_next_ns(const struct timers *timers);
/* Runs what is due at now_ns (deadline ≤ now), including what those arm as due;
 * returns how many ran, at most `limit`. */
size_t timers_run(struct timers *timers, int64_t now_ns, size_t limit);
