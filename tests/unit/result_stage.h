/* result_stage.h - a result store on a simulated Redis in simulated time, terminals in a
 * real fleet, and what the store told. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/rng.h"
#include "def/keys.h"
#include "sim/fake_redis.h"
#include "store/result_store.h"
#include "store/spill.h"
#include "unit/result_rows.h"

enum { STAGE_TOLD = 4096 };

static const int64_t stage_ms_ns = 1000000, stage_second_ns = 1000000000;

/* The form of the entries of every stage from now on (streams.packed). */
static bool stage_packed;

struct told {
	bool durable; /* else recorded */
	uint32_t slot;
	int64_t epoch_ms;
	uint64_t number; /* seq, or the tag */
};

struct stage {
	int64_t now_ns;
	struct clock_port clock;
	struct timers *timers;
	struct fake_redis *redis;
	struct alerts *alerts;
	struct fleet *fleet;
	struct result_store *store;
	struct told told[STAGE_TOLD];
	size_t n_told;
	bool ended; /* restore or drain */
	enum status status;
	/* with a spill file: its thread's work ends between two steps of the simulated time */
	struct loop *loop;
	struct spill *spill;
	char folder[64], path[96];
	uint64_t spill_bytes_max;
	bool disk_hangs; /* it does not: what the thread did is not told yet */
	/* instead of the list above, where set */
	void (*on_durable)(void *ctx, uint32_t slot, int64_t epoch_ms, uint64_t seq);
	void (*on_recorded)(void *ctx, uint64_t tag);
	void *ctx;
};

static inline int64_t stage_monotonic(void *ctx) { return ((struct stage *)ctx)->now_ns; }
static inline int64_t stage_wall(void *ctx)
{
	return 1784046190 * stage_second_ns + ((struct stage *)ctx)->now_ns;
}

static inline void stage_durable(void *ctx, uint32_t slot, int64_t epoch_ms, uint64_t seq)
{
	struct stage *stage = ctx;
	if (stage->on_durable) {
		stage->on_durable(stage->ctx, slot, epoch_ms, seq);
		return;
	}
	CHECK(stage->n_told < STAGE_TOLD);
	stage->told[stage->n_told++] = (struct told){ true, slot, epoch_ms, seq };
}

static inline void stage_recorded(void *ctx, uint64_t tag)
{
	struct stage *stage = ctx;
	if (stage->on_recorded) {
		stage->on_recorded(stage->ctx, tag);
		return;
	}
	CHECK(stage->n_told < STAGE_TOLD);
	stage->told[stage->n_told++] = (struct told){ .number = tag };
}

static inline void stage_disconnected(void *ctx)
{
	struct stage *stage = ctx;
	if (stage->store)
		result_store_disconnected(stage->store);
}

static inline void stage_connected(void *ctx)
{
	struct stage *stage = ctx;
	if (stage->store)
		result_store_reconnected(stage->store);
}

static inline bool stage_disk_works(const struct stage *stage)
{
	return spill_is_committing(stage->spill) || spill_is_reading(stage->spill);
}

static inline void stage_disk(struct stage *stage)
{
	while (stage->spill && !stage->disk_hangs && stage_disk_works(stage))
		loop_turn(stage->loop, 1000000);
}

static inline void stage_run(struct stage *stage, int64_t ns)
{
	int64_t end = stage->now_ns + ns;
	for (int64_t next; (next = timers_next_ns(stage->timers)) <= end;) {
		stage->now_ns = next > stage->now_ns ? next : stage->now_ns;
		timers_run(stage->timers, stage->now_ns, 1);
		stage_disk(stage);
	}
	stage_disk(stage);
	stage->now_ns = end;
}

static inline void stage_open(struct stage *stage)
{
	const struct result_store_hooks hooks = { stage_durable, stage_recorded, stage };
	stage->store = result_store_create(fake_redis_port(stage->redis), stage->fleet,
					   stage->timers, &stage->clock, &hooks);
	CHECK(stage->store);
	result_store_use_packing(stage->store, stage_packed);
	if (stage->spill)
		result_store_use_spill(stage->store, stage->spill);
}

static inline void stage_open_spill(struct stage *stage)
{
	const struct spill_config config = { stage->loop, stage->path, stage->spill_bytes_max };
	struct err err;
	if (spill_open(&config, &stage->spill, &err)) {
		printf("%s\n", err.text);
		CHECK(!"spill");
	}
}

static inline void stage_set(void *flag) { *(bool *)flag = true; }

static inline void stage_close_spill(struct stage *stage)
{
	bool closed = false;
	spill_close(stage->spill, stage_set, &closed);
	stage->spill = NULL;
	CHECK(loop_turn_until(stage->loop, &closed, 20000000000));
}

/* Before anything is taken: a spill file in a folder of its own. */
static inline void stage_add_spill(struct stage *stage, uint64_t bytes_max)
{
	struct err err;
	CHECK(loop_create(16, &stage->loop, &err) == STATUS_OK);
	strcpy(stage->folder, "/tmp/weir-spill-XXXXXX");
	CHECK(mkdtemp(stage->folder));
	snprintf(stage->path, sizeof stage->path, "%s/spill/rtrs", stage->folder);
	stage->spill_bytes_max = bytes_max;
	stage_open_spill(stage);
	result_store_use_spill(stage->store, stage->spill);
}

static inline void stage_remove_spill(struct stage *stage)
{
	char folder[96], kept[128];
	stage_close_spill(stage);
	loop_destroy(stage->loop);
	unlink(stage->path);
	snprintf(kept, sizeof kept, "%s.kept", stage->path); /* where a record was damaged */
	unlink(kept);
	snprintf(folder, sizeof folder, "%s/spill", stage->folder);
	rmdir(folder);
	rmdir(stage->folder);
}

static inline void stage_init(struct stage *stage, uint32_t terminals)
{
	const struct fleet_settings settings = fleet_settings_default();
	*stage = (struct stage){ .now_ns = 1, .timers = timers_create(4096) };
	stage->clock = (struct clock_port){ stage_monotonic, stage_wall, stage };
	const struct fake_redis_config config = { .sync = FAKE_ALWAYS,
						  .latency_ns = stage_ms_ns / 4,
						  .spacing_ns = 1000,
						  .timeout_ns = stage_second_ns,
						  .reconnect_ns = 100 * stage_ms_ns,
						  .pending_limit = 16 << 20,
						  .on_connected = stage_connected,
						  .on_disconnected = stage_disconnected,
						  .ctx = stage };
	stage->redis = fake_redis_create(&config, stage->timers, &stage->clock);
	stage->alerts = alerts_create(&(struct alert_hooks){ 0 });
	stage->fleet =
	    fleet_create(terminals + 8, &settings, stage->alerts, 1, &(struct fleet_hooks){ 0 });
	CHECK(stage->alerts && stage->fleet);
	for (uint32_t i = 0; i < terminals; i++) {
		struct instance_identity identity = { 0 };
		struct buf id = buf_over(identity.id, sizeof identity.id - 1);
		uint32_t slot;
		buf_printf(&id, "mt5-%03u", (unsigned)i);
		CHECK(fleet_add(stage->fleet, &identity, &slot) == STATUS_OK && slot == i);
	}
	stage_open(stage);
	stage_run(stage, 10 * stage_ms_ns);
}

static inline void stage_deinit(struct stage *stage)
{
	fake_redis_abandon(stage->redis);
	result_store_destroy(stage->store);
	fleet_destroy(stage->fleet);
	alerts_destroy(stage->alerts);
	fake_redis_destroy(stage->redis);
	timers_destroy(stage->timers);
	if (stage->spill)
		stage_remove_spill(stage);
}

static inline void stage_restored(void *ctx, enum status status, const char *why)
{
	struct stage *stage = ctx;
	(void)why;
	stage->ended = true;
	stage->status = status;
}

static inline void stage_drained(void *ctx, enum status status)
{
	struct stage *stage = ctx;
	stage->ended = true;
	stage->status = status;
}

static inline enum status stage_restore(struct stage *stage)
{
	stage->ended = false;
	result_store_restore(stage->store, stage_restored, stage);
	for (int i = 0; !stage->ended && i < 1000; i++)
		stage_run(stage, 10 * stage_ms_ns);
	CHECK(stage->ended);
	return stage->status;
}

static inline enum status stage_drain(struct stage *stage)
{
	stage->ended = false;
	result_store_drain(stage->store, stage_drained, stage);
	for (int i = 0; !stage->ended && i < 1000; i++)
		stage_run(stage, 10 * stage_ms_ns);
	CHECK(stage->ended);
	return stage->status;
}

static inline uint64_t stage_file_bytes(const char *path)
{
	struct stat stat_of;
	return stat(path, &stat_of) ? 0 : (uint64_t)stat_of.st_size;
}

/* What is left of the file: all that was told to be there, of what was not some bytes, and
 * a file whose removal was not told, or it is gone. */
static inline void stage_crash_spill(struct stage *stage, struct rng *rng)
{
	char kept[120];
	uint64_t told = spill_counts(stage->spill).file_bytes;
	snprintf(kept, sizeof kept, "%s.kept", stage->path);
	bool has_kept = link(stage->path, kept) == 0;
	stage_close_spill(stage);
	if (told == 0 && has_kept && rng_below(rng, 2)) {
		CHECK(rename(kept, stage->path) == 0);
	} else {
		uint64_t bytes = stage_file_bytes(stage->path);
		CHECK(bytes >= told);
		uint64_t left = told + rng_below(rng, bytes - told + 1);
		CHECK(bytes == 0 || truncate(stage->path, (off_t)left) == 0);
		unlink(kept);
	}
	stage->disk_hangs = false;
	stage_open_spill(stage);
}

/* weir is killed and started again; what it sent still arrives. */
static inline void stage_restart(struct stage *stage)
{
	fake_redis_abandon(stage->redis);
	result_store_destroy(stage->store);
	stage->store = NULL;
	if (stage->spill) {
		struct rng rng;
		rng_init(&rng, (uint64_t)stage->now_ns);
		stage_crash_spill(stage, &rng);
	}
	stage_run(stage, 300 * stage_ms_ns); /* connected again */
	stage_open(stage);
	fake_redis_on_connected(stage->redis, stage_connected, stage);
	fake_redis_on_disconnected(stage->redis, stage_disconnected);
}

/* ---- frames ---- */

static inline enum status stage_frame(struct stage *stage, uint32_t slot, int64_t epoch_ms,
				      uint64_t seq, const char *line, uint64_t tag)
{
	static struct mfp_frame frame;
	struct mfp_fault fault;
	struct result result;
	const struct result_owner owner = { str_of(fleet_at(stage->fleet, slot)->identity.id),
					    STR("Broker-Live"), 90000000 + slot };
	CHECK(mfp_read(str_of(line), MFP_PEER, &frame, &fault) == STATUS_OK);
	bool writes = frame.verb == MFP_VERB_result || frame.verb == MFP_VERB_deal;
	if (writes)
		CHECK(result_of_frame(&result, &frame, &owner, 1784046190500) == STATUS_OK);
	return result_store_take(stage->store, slot, epoch_ms, seq, writes ? &result : NULL, tag);
}

static inline enum status stage_own(struct stage *stage, uint64_t sid, uint32_t slot,
				    const char *st, uint64_t tag)
{
	struct result result;
	result_of_weir(&result, sid, STR("order"),
		       str_of(fleet_at(stage->fleet, slot)->identity.id), st, STR("why"), 1,
		       1784046190500);
	return result_store_put(stage->store, &result, tag);
}

/* ---- the server's side ---- */

static inline struct redis_reply *stage_peek(struct stage *stage, const char *line)
{
	struct str argv[16], rest = str_of(line);
	size_t argc = 0;
	while (argc < 16 && str_split(&rest, ' ', &argv[argc]))
		argc++;
	return fake_redis_peek(stage->redis, argv, argc);
}

/* As somebody else's connection writes. */
static inline void stage_write(struct stage *stage, const char *line)
{
	struct str argv[16], rest = str_of(line);
	size_t argc = 0;
	while (argc < 16 && str_split(&rest, ' ', &argv[argc]))
		argc++;
	struct request *request = request_make(argv, argc);
	request->epoch = 1000;
	request->reply =
	    fake_server_run(fake_redis_server(stage->redis), request, stage_wall(stage) / 1000000);
	CHECK(request->reply->type != REDIS_ERROR);
	request_free(request);
}

static inline int64_t stage_integer(struct stage *stage, const char *line)
{
	struct redis_reply *reply = stage_peek(stage, line);
	int64_t value = reply->integer;
	fake_reply_free(reply);
	return value;
}

static inline uint64_t stage_number(struct stage *stage, const char *line)
{
	struct redis_reply *reply = stage_peek(stage, line);
	uint64_t value = 0;
	CHECK(reply->type != REDIS_BULK || str_to_u64(reply->text, &value) == STATUS_OK);
	fake_reply_free(reply);
	return value;
}

/* Of trade_results, what it ever was given. */
static inline uint64_t stage_added(struct stage *stage)
{
	struct redis_reply *info = stage_peek(stage, "XINFO STREAM trade_results");
	uint64_t added = info->type == REDIS_ARRAY ? (uint64_t)info->items[7].integer : 0;
	fake_reply_free(info);
	return added;
}

/* Results that are in the stream. Where nothing was removed, they are as many as it says
 * together with x. */
static inline int64_t stage_results(struct stage *stage)
{
	struct redis_reply *reply = stage_peek(stage, "XRANGE trade_results - +");
	size_t count = reply->count, results = 0;
	for (size_t i = 0; i < count; i++)
		results += result_rows(&reply->items[i], NULL, NULL);
	fake_reply_free(reply);
	if (stage_added(stage) == count)
		CHECK(results == count + stage_number(stage, "HGET fleet:up:~ x"));
	return (int64_t)results;
}
