/* worker.h - one thread for what blocks, one job after the other.
 *
 *   loop: worker_submit(job) → thread: job->work(job) → loop: job->done(job)
 *
 * A job is the owner's, embedded in what it works on: nobody else touches that between
 * submit and done. Jobs run in the order of their submission, and so do their endings. The
 * owner bounds how many there are. work runs on the thread, done on the loop, never from
 * inside submit. Signals go to the loop's thread. Loop thread, but for work. */
#pragma once

#include "os/loop.h"

struct worker;

struct worker_job {
	void (*work)(struct worker_job *job);
	void (*done)(struct worker_job *job);
	struct worker_job *next; /* the worker's */
};

/* name: of the thread, at most 15 bytes. */
MUST_CHECK enum status worker_open(struct loop *loop, const char *name, struct worker **out,
				   struct err *err);
/* Its thread runs behind the others when processors are short: nice levels more (1..19). */
void worker_yield(struct worker *worker, int nice);
void worker_submit(struct worker *worker, struct worker_job *job);
size_t worker_waiting(const struct worker *worker); /* submitted and not done */
/* What is submitted is worked off first, endings included; then fn(ctx) and it is freed. */
void worker_close(struct worker *worker, void (*fn)(void *ctx), void *ctx);
