/* measure.h - what a load really costs: throwaway Redis servers filled with it.
 *
 * The seven segments are started as weir starts them (store/segments.h: its configuration, its
 * users, unix sockets) in a new folder below `dir`, filled with the planned load by weir's own
 * stores and encoders on a clock that is told, asked for used_memory after each kind of item, and
 * removed with their folder: also when it fails, at SIGINT, SIGTERM and SIGHUP (which end it), and,
 * by a child that waits for that, when the process is killed.
 *
 * Set otherwise on them: nothing is kept on the disk, maxmemory is as asked for, the server's
 * pulse is 100 Hz, so that a table which grows has been moved over when it is asked, no histograms
 * of latency are begun (25 KB a command that was ever used; headroom), and slow commands are not
 * kept: on a busy machine any is slow. Buffers of the connection that fills are left out: what is
 * counted is data.
 *
 * Scale makes the load smaller in its numbers (terminals, markets, sessions), never in the size of
 * an item, in time, or in how fast results come; costs are per item, so that they hold for the
 * whole load. A component's bytes are those of the load as scaled (`load` of the result):
 * plan_make(&result.load, &result.costs, result.bytes, ...) sets them beside the projection.
 *
 * How an item's cost is found: kinds are filled one after the other; where streams are made of a
 * fixed part and of what is in them, the growth of the second half of the time is the latter's;
 * in RMS and for marks, what goes when keys of one kind are removed. RTRS with ClickHouse away
 * holds what it holds otherwise: that row is the healthy one's.
 *
 * Blocking, on a loop of its own: an ordinary thread, no loop of the caller's. */
#pragma once

#include "memory/plan.h"
#include "store/segments.h"

enum {
	MEASURE_TERMINALS_MAX = 10000,
	/* Of more terminals, as scaled, only what counts is filled where nothing else is said: not
	 * the other cases (def/plan.def), which take up to four times the memory. */
	MEASURE_OTHER_CASES_MAX = 200,
};

struct measure_config {
	struct plan_load load;
	int64_t scale_1000; /* thousandths of the load, 1 .. 1000 */
	/* Bytes; 0: none. Of a segment in which nothing but what counts is filled: the other cases
	 * of def/plan.def are more than a plan has room for. */
	int64_t maxmemory[SEGMENT_COUNT];
	const char *redis_server; /* NULL: "redis-server", looked up in PATH */
	const char *dir;          /* NULL: TMPDIR, else /tmp */
	uint64_t seed;            /* of the generators */
	/* 1 << enum plan_component of what is filled; 0: every one that is Redis, and idle. The
	 * tape at 500/s is filled for the whole load only, if its rate does not shrink with it. */
	uint32_t components;
};

struct measure_component {
	int64_t bytes;   /* of used_memory; -1: not filled */
	int64_t rss;     /* resident, difference; -1: not known apart */
	int64_t items;   /* of all its kinds */
	int64_t took_ns; /* to make, pack and write them */
};

struct measure_segment {
	int64_t idle, used, peak;   /* used_memory: started; when it held most; ever */
	int64_t idle_rss, rss;      /* resident, then */
	int64_t idle_own;           /* resident and of no other process, idle; -1: not known */
	int64_t fragmentation_1000; /* resident / used_memory when filled, in thousandths */
	int64_t keys;
	int64_t maxmemory; /* that it was filled under; 0: none */
};

struct measure_result {
	char version[16];      /* of the servers */
	struct plan_load load; /* as it was filled */
	struct plan_costs costs;
	int64_t bytes[PLAN_COMPONENTS]; /* for plan_make; -1 where nothing was measured */
	struct measure_component components[PLAN_COMPONENTS];
	int64_t items[PLAN_ITEMS]; /* counted in the servers, not taken from the load; -1 */
	struct measure_segment segments[SEGMENT_COUNT];
	int64_t took_ns;
};

/* What is being filled, how much of it is done (of total; the same text until it is). */
typedef void measure_progress_fn(void *ctx, const char *what, int64_t done, int64_t total);

/* The load that a scale makes of another: fewer terminals (2 at least), markets (4) and sessions;
 * time and rates of a terminal stay. */
struct plan_load measure_scaled(const struct plan_load *load, int64_t scale_1000);

/* progress may be NULL. NOT_FOUND: no redis-server; INVALID, RANGE: the load; otherwise what a
 * server or the disk said. The servers are gone and the folder is removed at the return. */
MUST_CHECK enum status measure_run(const struct measure_config *config,
				   measure_progress_fn *progress, void *ctx,
				   struct measure_result *out, struct err *err);
