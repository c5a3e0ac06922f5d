/* signal_stage.h - a signal store on a simulated Redis in simulated time, and an owner that
 * notes what it is told and takes as much as it is let. */
#pragma once

#include <stdio.h>

#include "base/check.h"
#include "def/keys.h"
#include "sim/fake_redis.h"
#include "store/signal_store.h"

enum { SIGNALS_TOLD = 4200, SIGNAL_TIMERS = 16 };

static const int64_t signal_ms_ns = 1000000, signal_second_ns = 1000000000;

struct told_signal {
	struct stream_id id;
	uint64_t sid;
	size_t count, members;
	bool again;
	char stood[200], first_key[40], first_value[40]; /* stood: "mt5-0=sent 7 1 5 6 …" */
};

struct signal_stage {
	int64_t now_ns;
	struct clock_port clock;
	struct timers *timers;
	struct fake_redis *redis;
	struct signal_store *store;
	struct halts halts;
	struct {
		uint64_t sid;
		enum status status;
	} routed[64];
	size_t n_routed;
	struct told_signal told[SIGNALS_TOLD];
	size_t n_told, room; /* room: how many more are taken */
	bool ended;
	enum status status;
};

static inline int64_t signal_monotonic(void *ctx) { return ((struct signal_stage *)ctx)->now_ns; }
static inline int64_t signal_wall(void *ctx)
{
	return 1784046190 * signal_second_ns + ((struct signal_stage *)ctx)->now_ns;
}

static inline void signal_copy(struct str text, char *out, size_t size)
{
	snprintf(out, size, "%.*s", STR_ARG(text));
}

static inline bool on_signal_told(void *ctx, const struct signal_entry *entry)
{
	struct signal_stage *stage = ctx;
	if (!stage->room)
		return false;
	stage->room--;
	CHECK(stage->n_told < SIGNALS_TOLD);
	struct told_signal *told = &stage->told[stage->n_told++];
	*told = (struct told_signal){ .id = entry->id,
				      .sid = entry->sid,
				      .count = entry->count,
				      .members = entry->member_count,
				      .again = entry->again };
	struct buf stood = buf_over(told->stood, sizeof told->stood - 1);
	for (size_t i = 0; i < entry->member_count; i++) {
		const struct delivery_member *member = &entry->members[i];
		buf_printf(&stood, "%s%.*s=%.*s %llu %u %lld %lld", i ? ", " : "",
			   STR_ARG(member->instance), STR_ARG(member->stood),
			   (unsigned long long)member->down, member->sent,
			   (long long)member->sent_ms, (long long)member->confirmed_ms);
	}
	signal_copy(entry->keys[0], told->first_key, sizeof told->first_key);
	signal_copy(entry->values[0], told->first_value, sizeof told->first_value);
	return true;
}

static inline void on_signal_routed(void *ctx, uint64_t sid, enum status status)
{
	struct signal_stage *stage = ctx;
	CHECK(stage->n_routed < 64);
	stage->routed[stage->n_routed].sid = sid;
	stage->routed[stage->n_routed++].status = status;
}

/* Of its terminal mt5-1, whose order it is. */
static inline void signal_stand(struct signal_stage *stage, const struct told_signal *told,
				const char *st, uint64_t down)
{
	const struct signal_stand stand = { .sid = told->sid,
					    .instance = STR("mt5-1"),
					    .id = STR("order"),
					    .st = st,
					    .down = down,
					    .sent = 2,
					    .sent_ms = 50,
					    .confirmed_ms = 60,
					    .expires_ms = 1784046190000 };
	signal_store_state(stage->store, &stand);
}

static inline void on_signal_connected(void *ctx)
{
	struct signal_stage *stage = ctx;
	if (stage->store)
		signal_store_reconnected(stage->store);
}

static inline void signal_run(struct signal_stage *stage, int64_t ns)
{
	int64_t end = stage->now_ns + ns;
	for (int64_t next; (next = timers_next_ns(stage->timers)) <= end;) {
		stage->now_ns = next > stage->now_ns ? next : stage->now_ns;
		timers_run(stage->timers, stage->now_ns, 1);
	}
	stage->now_ns = end;
}

static inline void signal_ended(void *ctx, enum status status)
{
	struct signal_stage *stage = ctx;
	stage->ended = true;
	stage->status = status;
}

static inline void signal_restored(void *ctx, enum status status, const char *why)
{
	(void)why;
	signal_ended(ctx, status);
}

static inline enum status signal_wait(struct signal_stage *stage)
{
	for (int i = 0; !stage->ended && i < 1000; i++)
		signal_run(stage, 10 * signal_ms_ns);
	CHECK(stage->ended);
	return stage->status;
}

static inline enum status signal_restore(struct signal_stage *stage)
{
	stage->ended = false;
	stage->halts.count = 0;
	signal_store_restore(stage->store, &stage->halts, signal_restored, stage);
	return signal_wait(stage);
}

static inline enum status signal_drain(struct signal_stage *stage)
{
	stage->ended = false;
	signal_store_drain(stage->store, signal_ended, stage);
	return signal_wait(stage);
}

static inline void signal_open(struct signal_stage *stage)
{
	const struct signal_store_hooks hooks = { on_signal_told, on_signal_routed, stage };
	stage->store = signal_store_create(fake_redis_port(stage->redis), stage->timers,
					   &stage->clock, true, &hooks);
	CHECK(stage->store);
}

static inline void signal_init(struct signal_stage *stage)
{
	*stage = (struct signal_stage){ .now_ns = 1, .room = SIZE_MAX };
	stage->timers = timers_create(SIGNAL_TIMERS);
	stage->clock = (struct clock_port){ signal_monotonic, signal_wall, stage };
	const struct fake_redis_config config = { .sync = FAKE_ALWAYS,
						  .latency_ns = signal_ms_ns / 4,
						  .spacing_ns = 1000,
						  .timeout_ns = signal_second_ns,
						  .reconnect_ns = 100 * signal_ms_ns,
						  .pending_limit = 16 << 20,
						  .on_connected = on_signal_connected,
						  .ctx = stage };
	stage->redis = fake_redis_create(&config, stage->timers, &stage->clock);
	signal_open(stage);
	signal_run(stage, 10 * signal_ms_ns);
}

/* And reads. */
static inline void signal_begin(struct signal_stage *stage)
{
	signal_init(stage);
	CHECK(signal_restore(stage) == STATUS_OK);
	signal_store_start(stage->store);
}

static inline void signal_deinit(struct signal_stage *stage)
{
	fake_redis_abandon(stage->redis);
	signal_store_destroy(stage->store);
	fake_redis_destroy(stage->redis);
	timers_destroy(stage->timers);
}

/* weir is killed and started again. */
static inline void signal_restart(struct signal_stage *stage)
{
	fake_redis_abandon(stage->redis);
	signal_store_destroy(stage->store);
	stage->store = NULL;
	signal_run(stage, 300 * signal_ms_ns);
	signal_open(stage);
	fake_redis_on_connected(stage->redis, on_signal_connected, stage);
	stage->n_told = 0;
	stage->room = SIZE_MAX;
}

/* ---- the server's side ---- */

static inline size_t signal_words(const char *line, struct str argv[160])
{
	struct str rest = str_of(line);
	size_t argc = 0;
	while (argc < 160 && str_split(&rest, ' ', &argv[argc]))
		argc++;
	return argc;
}

/* By somebody else's connection; past all faults. */
static inline void signal_write_as_other(struct signal_stage *stage, const char *line)
{
	struct str argv[160];
	struct request *request = request_make(argv, signal_words(line, argv));
	struct fake_server *server = fake_redis_server(stage->redis);
	enum fake_fault fault = server->fault;
	request->epoch = 1000000;
	server->fault = FAKE_HEALTHY;
	request->reply = fake_server_run(server, request, signal_wall(stage) / 1000000);
	server->fault = fault;
	CHECK(request->reply->type != REDIS_ERROR);
	request_free(request);
}

static inline int64_t signal_integer(struct signal_stage *stage, const char *line)
{
	struct str argv[160];
	struct redis_reply *reply = fake_redis_peek(stage->redis, argv, signal_words(line, argv));
	int64_t value = reply->integer;
	if (reply->type == REDIS_ARRAY) /* XPENDING: how many */
		value = reply->count ? reply->items[0].integer : 0;
	fake_reply_free(reply);
	return value;
}
