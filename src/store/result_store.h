/* result_store.h - segment RTRS: trade_results, and fleet:up:{instance}, written together.
 *
 * Frames of a turn go out as one MULTI: an XADD for each new result (packed: for up to 256 of
 * them) and one HSET per terminal of how far its frames are recorded; with appendfsync always
 * the reply means durable. Then on_durable. A rid seen before (RIDS_MAX newest, read back at the
 * start from the end of the stream) is not written again, counted, and is durable with the others.
 * Order is kept per terminal.
 *
 * While the server is away or slow: BYTES_MAX wait in memory, then FULL (the gate tells the
 * terminal to come again; it has everything still). After a reply that says nothing
 * (TIMEOUT, CLOSED) the server is asked which batch it recorded last, and what is not
 * recorded is sent again; nothing is written twice, even if the server reads what was sent
 * on a lost connection much later (result_store_impl.h). The stream is never trimmed here.
 *
 * With a spill file (spill.h) what has waited for 2 s without any batch being recorded goes
 * there, whatever the reason: -OOM, -MISCONF, -READONLY, no connection, a server that hangs.
 * On the disk it is durable, and is told so; while that lasts, what comes is spilled at once.
 * When the segment takes writes again, what was spilled is written before anything newer, in
 * order, with the terminals' marks and the position of the file in the same transaction; so
 * a restart, at any moment, goes on exactly there. A file that is full, or a disk: then it
 * waits as without one, and FULL comes in the end.
 *
 * Packed (codec/entries.h), the new results of a MULTI are as few entries as they fit into, in
 * order; what cannot be packed goes as plain fields. What is read back may be of both forms.
 * fleet:up:~ has x, the number of results of all packed entries ever added less the number of
 * those entries, so that the stream's entries-added + x is the number of results; it is written
 * in the same transaction.
 *
 * When a batch goes out: 2 ms after the first result of a quiet store, and when the one before
 * is recorded, with all that came meanwhile. Packed, and while results come fast (the newest 8
 * within 32 ms: 250/s), it goes out 8 ms after its first result came, so that a few share an
 * entry: at 1,000/s some 9. A lone result never waits for others.
 *
 * The port must not carry others' MULTI or WATCH. Uses two timers. Loop thread. */
#pragma once

#include "fleet/fleet.h"
#include "port/clock.h"
#include "port/redis.h"
#include "trade/result.h"

enum { RESULT_STORE_RIDS_MAX = 262144, RESULT_STORE_BYTES_MAX = 16 << 20 };

struct result_store;
struct spill;

struct result_store_hooks {
	/* Everything of the terminal's epoch up to seq is recorded. */
	void (*on_durable)(void *ctx, uint32_t slot, int64_t epoch_ms, uint64_t seq);
	/* A result that was taken with a tag is recorded. */
	void (*on_recorded)(void *ctx, uint64_t tag);
	void *ctx;
};

struct result_store_mark {
	int64_t epoch_ms;
	uint64_t up, deal;
	int64_t deal_ms;
};

struct result_store *result_store_create(struct redis_port *rtrs, struct fleet *fleet,
					 struct timers *timers, const struct clock_port *clock,
					 const struct result_store_hooks *hooks);
void result_store_destroy(struct result_store *store);
/* Theirs, and open longer than the store. Before restore. */
void result_store_use_spill(struct result_store *store, struct spill *spill);
/* fn is told, while the store is restored, of each result that the spill file holds and the
 * newest of the stream do not: its values in the order of def/results.def, during the call.
 * Before restore. */
void result_store_tell_spilled(struct result_store *store,
			       void (*fn)(void *ctx, const struct str *values), void *ctx);
/* New entries are packed (streams.packed) or, as it is without this call, plain. Before
 * restore. */
void result_store_use_packing(struct result_store *store, bool packed);
/* While nothing leaves the stream: batches gather eight times as long, so that a result costs a
 * third less there, and waits up to 64 ms for its acknowledgement. */
void result_store_save_room(struct result_store *store, bool saving);
/* The file is closed before the store goes: nothing is taken or recorded any more. */
void result_store_leave_spill(struct result_store *store);
/* Before anything is taken, after the fleet knows its terminals. What a spill file holds is
 * known then, and written from then on. done runs once. */
void result_store_restore(struct result_store *store,
			  void (*done)(void *ctx, enum status status, const char *why), void *ctx);
/* A reliable frame of a terminal: its result, or NULL for one that records nothing but its
 * number (Y, Z). tag: 0 none. FULL: not taken. Copies. */
MUST_CHECK enum status result_store_take(struct result_store *store, uint32_t slot,
					 int64_t epoch_ms, uint64_t seq,
					 const struct result *result, uint64_t tag);
/* weir's own result. FULL. */
MUST_CHECK enum status result_store_put(struct result_store *store, const struct result *result,
					uint64_t tag);
/* What is recorded; zero for a terminal never heard of. */
struct result_store_mark result_store_mark(const struct result_store *store, uint32_t slot);
/* Whether a final result of the signal at the instance is recorded: of the newest 65,536,
 * those of earlier runs that the stream still holds included. */
bool result_store_ended(const struct result_store *store, uint64_t sid, struct str instance);
/* Removed from the tokens file; before fleet_remove. Its marker goes, and what of it waits
 * is written without one. */
void result_store_forget(struct result_store *store, const struct instance *instance);
/* done runs once: nothing waits any more, or with the first status that prevented it. */
void result_store_drain(struct result_store *store, void (*done)(void *ctx, enum status status),
			void *ctx);
/* The connection is gone, told before anything is sent on the next: what was WATCHed on it
 * protects nothing any more. */
void result_store_disconnected(struct result_store *store);
void result_store_reconnected(struct result_store *store);
struct result_store_counts {
	uint64_t batches, failed; /* transactions; tries that did not end well */
	uint64_t results;         /* written */
	uint64_t repeated;        /* known already, not written */
	uint64_t refused;         /* FULL */
	uint64_t waiting_bytes;
	uint64_t spilled;       /* results and numbers that went to the spill file */
	uint64_t spilled_bytes; /* that wait there now */
	uint64_t replayed;      /* results written from there */
	uint64_t spill_failed;  /* commits that the disk or the file's bound refused; reads */
	uint64_t unread;        /* packed entries read back that cannot be read: not known */
};
struct result_store_counts result_store_counts(const struct result_store *store);
/* Why results wait that neither their segment nor the spill file takes: they are not
 * acknowledged. NULL: none do. Until the next call that changes the store. */
const char *result_store_stuck(const struct result_store *store);
