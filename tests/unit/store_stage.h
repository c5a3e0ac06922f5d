/* store_stage.h - a simulated Redis in simulated time, a port before it that counts and can
 * be full, and terminals in a real fleet whose facts the test sets by hand. For the tests
 * of the fleet's stores; include after cmocka.h. */
#pragma once

#include "base/check.h"
#include "base/rng.h"
#include "def/keys.h"
#include "fleet/fleet.h"
#include "sim/fake_redis.h"

static const int64_t stage_ms_ns = 1000000, stage_second_ns = 1000000000;

struct stage {
	int64_t now_ns, wall_shift_ns;
	struct clock_port clock;
	struct timers *timers;
	struct fake_redis *redis;
	struct alerts *alerts;
	struct fleet *fleet;
	/* a real server instead of the simulated one (store_real.h), where set */
	struct redis_port *real;
	struct redis_reply *(*peek)(struct stage *stage, const struct str *argv, size_t argc);
	/* the port that stores use */
	struct redis_port port;
	uint64_t commands, bytes;
	uint64_t full_in;   /* so many commands from now one is refused; 0 none */
	uint64_t full_more; /* and so many behind it */
	void (*on_connected)(void *ctx);
	void *ctx;
	/* restore and drain */
	int ended;
	enum status status;
};

static inline int64_t stage_monotonic(void *ctx) { return ((struct stage *)ctx)->now_ns; }
static inline int64_t stage_wall(void *ctx)
{
	struct stage *stage = ctx;
	return 1784046190 * stage_second_ns + stage->now_ns + stage->wall_shift_ns;
}
static inline int64_t stage_wall_ms(struct stage *stage) { return stage_wall(stage) / 1000000; }

static inline void stage_run(struct stage *stage, int64_t ns)
{
	int64_t end = stage->now_ns + ns;
	for (int64_t next; (next = timers_next_ns(stage->timers)) <= end;) {
		stage->now_ns = next > stage->now_ns ? next : stage->now_ns;
		timers_run(stage->timers, stage->now_ns, 1);
	}
	stage->now_ns = end;
}

static inline struct stage *stage_of(struct redis_port *port)
{
	return (struct stage *)((char *)port - offsetof(struct stage, port));
}

static inline enum status stage_command(struct redis_port *port, const struct str *argv,
					size_t argc, redis_reply_fn fn, void *ctx)
{
	struct stage *stage = stage_of(port);
	if (stage->full_in && --stage->full_in == 0) {
		if (stage->full_more) {
			stage->full_more--;
			stage->full_in = 1;
		}
		return STATUS_FULL;
	}
	stage->commands++;
	for (size_t i = 0; i < argc; i++)
		stage->bytes += argv[i].len;
	struct redis_port *to = stage->real ? stage->real : fake_redis_port(stage->redis);
	return redis_command(to, argv, argc, fn, ctx);
}

static inline size_t stage_pending(const struct redis_port *port)
{
	const struct stage *stage = stage_of((struct redis_port *)port);
	return redis_pending_bytes(stage->real ? stage->real : fake_redis_port(stage->redis));
}

static inline void stage_connected(void *ctx)
{
	struct stage *stage = ctx;
	if (stage->on_connected)
		stage->on_connected(stage->ctx);
}

static inline void stage_make_fleet(struct stage *stage, uint32_t room)
{
	const struct fleet_settings settings = fleet_settings_default();
	stage->alerts = alerts_create(&(struct alert_hooks){ 0 });
	stage->fleet = fleet_create(room, &settings, stage->alerts, 1, &(struct fleet_hooks){ 0 });
	CHECK(stage->alerts && stage->fleet);
}

static inline uint32_t stage_add(struct stage *stage, const char *id)
{
	struct instance_identity identity = { .host = "host-1" };
	uint32_t slot;
	CHECK(str_copy(str_of(id), identity.id, sizeof identity.id) == STATUS_OK);
	CHECK(fleet_add(stage->fleet, &identity, &slot) == STATUS_OK);
	return slot;
}

static inline void stage_add_many(struct stage *stage, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		char id[16];
		struct buf text = buf_over(id, sizeof id - 1);
		buf_printf(&text, "mt5-%03u", (unsigned)i);
		id[text.len] = 0;
		stage_add(stage, id);
	}
}

static inline void stage_init(struct stage *stage, uint32_t terminals, enum fake_sync sync)
{
	static const struct redis_ops ops = { stage_command, stage_pending };
	*stage = (struct stage){ .now_ns = 1, .port.ops = &ops, .timers = timers_create(4096) };
	stage->clock = (struct clock_port){ stage_monotonic, stage_wall, stage };
	const struct fake_redis_config config = { .sync = sync,
						  .latency_ns = stage_ms_ns / 4,
						  .spacing_ns = 1000,
						  .timeout_ns = stage_second_ns,
						  .reconnect_ns = 100 * stage_ms_ns,
						  .pending_limit = 16 << 20,
						  .on_connected = stage_connected,
						  .ctx = stage };
	stage->redis = fake_redis_create(&config, stage->timers, &stage->clock);
	stage_make_fleet(stage, terminals + 8);
	stage_add_many(stage, terminals);
	stage_run(stage, 10 * stage_ms_ns); /* connected */
}

static inline void stage_deinit(struct stage *stage)
{
	fleet_destroy(stage->fleet);
	alerts_destroy(stage->alerts);
	fake_redis_destroy(stage->redis);
	timers_destroy(stage->timers);
}

/* Read only for everybody but this test. */
static inline struct instance *stage_instance(struct stage *stage, uint32_t slot)
{
	return (struct instance *)fleet_at(stage->fleet, slot);
}

static inline void stage_restored(void *ctx, enum status status, const char *why)
{
	struct stage *stage = ctx;
	(void)why;
	stage->ended++;
	stage->status = status;
}

static inline void stage_drained(void *ctx, enum status status)
{
	struct stage *stage = ctx;
	stage->ended++;
	stage->status = status;
}

/* Until a restore or a drain has ended, once. */
static inline enum status stage_wait(struct stage *stage)
{
	for (int i = 0; !stage->ended && i < 1000; i++)
		stage_run(stage, 10 * stage_ms_ns);
	assert_int_equal(stage->ended, 1);
	stage->ended = 0;
	return stage->status;
}

/* The server is well and connected again, and time enough has passed for a second of
 * every terminal that waited for a time-out before. */
static inline void stage_heal(struct stage *stage)
{
	stage->full_in = stage->full_more = 0;
	fake_redis_start(stage->redis);
	fake_redis_fault(stage->redis, FAKE_HEALTHY);
	fake_redis_hang(stage->redis, false);
	fake_redis_cut(stage->redis, 0, FAKE_CUT_BEFORE);
	for (int i = 0; !fake_redis_connected(stage->redis) && i < 100; i++)
		stage_run(stage, 20 * stage_ms_ns);
	assert_true(fake_redis_connected(stage->redis));
}

/* ---- what the server holds ---- */

static inline struct redis_reply *stage_peek(struct stage *stage, const struct str *argv,
					     size_t argc)
{
	return stage->peek ? stage->peek(stage, argv, argc)
			   : fake_redis_peek(stage->redis, argv, argc);
}

#define STAGE_PEEK(stage, ...)                                                                     \
	stage_peek(stage, (struct str[]){ __VA_ARGS__ },                                           \
		   sizeof((struct str[]){ __VA_ARGS__ }) / sizeof(struct str))

/* What an operator, or another program, does to the server. */
#define STAGE_DO(stage, ...)                                                                       \
	fake_reply_free(fake_db_execute(                                                           \
	    fake_redis_server((stage)->redis)->db, (struct str[]){ __VA_ARGS__ },                  \
	    sizeof((struct str[]){ __VA_ARGS__ }) / sizeof(struct str), stage_wall_ms(stage)))

static inline int64_t stage_integer(struct redis_reply *reply)
{
	int64_t value = reply->integer;
	fake_reply_free(reply);
	return value;
}

static inline int64_t stage_exists(struct stage *stage, struct str key)
{
	return stage_integer(STAGE_PEEK(stage, STR("EXISTS"), key));
}

/* "" where there is none. */
static inline void stage_field(struct stage *stage, struct str key, struct str field, char *out,
			       size_t size)
{
	struct redis_reply *reply = STAGE_PEEK(stage, STR("HGET"), key, field);
	size_t len = reply->text.len < size ? reply->text.len : size - 1;
	if (len)
		memcpy(out, reply->text.ptr, len);
	out[len] = 0;
	fake_reply_free(reply);
}

static inline bool stage_has(const struct redis_reply *reply, struct str text)
{
	for (size_t i = 0; i < reply->count; i++)
		if (str_eq(reply->items[i].text, text))
			return true;
	return false;
}

/* ---- what a hash should be ---- */

struct expected {
	struct str pairs[256];
	size_t count;
	char storage[16384];
	size_t used;
};

static inline void expect_text(struct expected *expected, const char *field, struct str value)
{
	CHECK(expected->count < 256 && expected->used + value.len <= sizeof expected->storage);
	char *at = expected->storage + expected->used;
	if (value.len)
		memcpy(at, value.ptr, value.len);
	expected->used += value.len;
	expected->pairs[expected->count++] = str_of(field);
	expected->pairs[expected->count++] = str_make(at, value.len);
}

static inline void expect_i64(struct expected *expected, const char *field, int64_t value)
{
	char text[24];
	expect_text(expected, field,
		    str_make(text, (size_t)snprintf(text, sizeof text, "%lld", (long long)value)));
}

static inline void expect_number(struct expected *expected, const char *field, struct number value)
{
	char storage[48];
	struct buf text = buf_over(storage, sizeof storage);
	number_print(&text, value);
	expect_text(expected, field, buf_str(&text));
}

/* Exactly these fields, with these texts; says which is not so. */
static inline bool stage_hash_is(struct stage *stage, struct str key,
				 const struct expected *expected)
{
	struct redis_reply *reply = STAGE_PEEK(stage, STR("HGETALL"), key);
	bool same = reply->count == expected->count;
	if (!same)
		print_error("%.*s has %zu fields, not %zu\n", STR_ARG(key), reply->count / 2,
			    expected->count / 2);
	for (size_t i = 0; i < expected->count; i += 2) {
		size_t j = 0;
		while (j < reply->count && !str_eq(reply->items[j].text, expected->pairs[i]))
			j += 2;
		bool is =
		    j < reply->count && str_eq(reply->items[j + 1].text, expected->pairs[i + 1]);
		if (!is)
			print_error("%.*s %.*s is not '%.*s' but '%.*s'\n", STR_ARG(key),
				    STR_ARG(expected->pairs[i]), STR_ARG(expected->pairs[i + 1]),
				    j < reply->count ? (int)reply->items[j + 1].text.len : 6,
				    j < reply->count ? reply->items[j + 1].text.ptr : "absent");
		same &= is;
	}
	fake_reply_free(reply);
	return same;
}
