/* measure_impl.h - shared by measure*.c only.
 *   measure.c         the run: folder, loop, servers, what is filled in which order, the end
 *   measure_guard.c   a process that cleans up after one that was killed
 *   measure_server.c  what a server says of itself: bytes, keys, when it has come to rest
 *   measure_fleet.c   the terminals, and what they say: frames, results, positions
 *   measure_ris.c     instance state and its history
 *   measure_rts.c     open trades, accounts, quotes; closed trades
 *   measure_rtss.c    signals
 *   measure_rtrs.c    results
 *   measure_small.c   sessions, preferences, executions, alerts
 *   measure_rms.c     tape, bars, live outputs
 *
 * Stores stand on a clock that is told: hours pass as fast as the servers take them. */
#pragma once

#include <limits.h>

#include "base/buf.h"
#include "fleet/fleet.h"
#include "measure/measure.h"
#include "trade/result.h"

enum { MEASURE_PENDING = 512 << 10 }; /* bytes on the wire before the server is waited for */

#define MEASURE_START_MS INT64_C(1784044800000) /* the told clock begins; a whole hour */
#define SECOND_NS        INT64_C(1000000000)

/* ---- measure_guard.c ---- */

/* A child that waits for our end: when we go without measure_guard_end, it kills the servers it
 * was told of and removes the folder. -1: there is none, errno says why. */
struct measure_guard {
	int pid, pipe;
};
struct measure_guard measure_guard_begin(const char *folder);
void measure_guard_tell(const struct measure_guard *guard, int server_pid);
void measure_guard_end(struct measure_guard *guard);
void measure_remove_folder(const char *folder);

struct measure {
	const struct measure_config *config;
	const struct plan_load *load; /* as it is filled */
	struct measure_result *out;
	struct loop *loop;
	struct segments *segments;
	bool ready, closed;
	char folder[PATH_MAX];
	struct measure_guard guard;
	measure_progress_fn *progress;
	void *progress_ctx;
	uint32_t components; /* wanted, 1 << */

	int64_t now_ns; /* told: monotonic; unix time is that and MEASURE_START_MS */
	struct clock_port clock;
	struct timers *timers;
	struct alerts *alerts;
	struct fleet *fleet;

	enum status status; /* the first trouble; everything ends then */
	struct err *err;
};

/* ---- measure.c ---- */

/* False when it was trouble: everything after it is left out. */
bool measure_good(const struct measure *m);
void measure_fail(struct measure *m, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool measure_wants(const struct measure *m, enum plan_component component);
void measure_tell(struct measure *m, const char *what, int64_t done, int64_t total);
/* count of an item were counted and cost so many bytes in all. */
void measure_item(struct measure *m, enum plan_item item, int64_t count, int64_t bytes);
static inline int64_t measure_wall_ms(const struct measure *m)
{
	return MEASURE_START_MS + m->now_ns / 1000000;
}
/* A part of the whole that was found by what came in the second half of the time: nodes of
 * streams grow unevenly, and of little it may say more than there is, or less than nothing.
 * Then all of it is that part. */
static inline int64_t measure_part(int64_t part, int64_t whole)
{
	return part < 0 || part > whole ? whole : part;
}
/* The segment as it is now, when it holds more than at any such moment before. */
void measure_note_filled(struct measure *m, enum segment segment);
/* The told clock goes on, and what is due then runs. */
void measure_pass(struct measure *m, int64_t ns);

/* ---- measure_server.c ---- */

struct redis_port *measure_redis(struct measure *m, enum segment segment);
/* Waits until the server has answered everything. */
void measure_settle(struct measure *m, enum segment segment);
/* The same when more than MEASURE_PENDING is on its way. */
void measure_settle_some(struct measure *m, enum segment segment);

struct measure_memory {
	int64_t used; /* used_memory without connections' buffers, at rest */
	int64_t rss, peak, keys;
	char version[16];
};
struct measure_memory measure_memory(struct measure *m, enum segment segment);
int64_t measure_used(struct measure *m, enum segment segment);
/* Removes the keys that begin so; how many bytes of used_memory went with them, and how many
 * keys. */
int64_t measure_remove(struct measure *m, enum segment segment, struct str prefix, int64_t *keys);
/* What an integer reply says; -1 for any other. */
int64_t measure_ask(struct measure *m, enum segment segment, const struct str *argv, size_t argc);
/* Settings of a server that is only measured: no files, a quick pulse. */
void measure_prepare_server(struct measure *m, enum segment segment);
int measure_pid(struct measure *m, enum segment segment);
/* Of a process, from the kernel; -1: not known. */
void measure_process(int pid, int64_t *rss, int64_t *own);

/* Bytes of a component since `begin`, over its segment. */
struct measure_span {
	enum plan_component component;
	enum segment segment;
	struct measure_memory before;
	int64_t began_ns;
};
struct measure_span measure_begin(struct measure *m, enum plan_component component);
void measure_end(struct measure *m, const struct measure_span *span, int64_t items);

/* ---- measure_fleet.c ---- */

bool measure_make_fleet(struct measure *m);
void measure_drop_fleet(struct measure *m);

/* A trade of a terminal, from the signal that opened it to its end: a function of the seed, the
 * terminal and its number. Prices are points of the symbol. */
struct measure_trade {
	uint64_t sid, key, order, deal, position; /* key: the producer's */
	int symbol;                               /* of sim/prices.h */
	bool sell;
	int64_t lots_e2, asked, price, stop, take, close, latency_ms;
	int64_t at_ms, lasts_ms;
};
struct measure_trade measure_trade_of(const struct measure *m, uint32_t terminal, uint64_t number,
				      int64_t at_ms);

/* A frame and the line that it points into. */
struct measure_line {
	char text[MFP_LINE_MAX];
	struct mfp_frame frame;
};
/* R: the order is filled. */
void measure_result_frame(struct measure_line *line, const struct measure_trade *trade,
			  uint64_t seq);
void measure_quote_frame(struct measure_line *line, const char *symbol, int digits, int64_t points);
/* The result as the store takes it: of the frame, with the producer's id. id: 32 bytes. */
void measure_result(const struct instance *instance, const struct measure_line *line,
		    const struct measure_trade *trade, char *id, int64_t now_ms,
		    struct result *result);

/* ---- the segments: NULL-safe, each does nothing where measure_good is false ---- */

void measure_fill_ris(struct measure *m);
void measure_fill_rts(struct measure *m);
void measure_fill_rtss(struct measure *m);
void measure_fill_rtrs(struct measure *m);
void measure_fill_rss(struct measure *m);
void measure_fill_rls(struct measure *m);
void measure_fill_rms(struct measure *m);
