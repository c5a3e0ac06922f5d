/* weir clean on a real server: what it finds, takes aside, removes and puts back, and that a
 * kill -9 at any point loses nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "migrate/clean.h"
#include "rdb_stage.h"

enum { DEAD_DAYS = 30, DEAD = 200, KILLS = 12 };

struct world {
	struct rdb_stage stage;
	char url[400], folder[300];
	struct clean_config config;
	char lines[4000];
};

static void on_line(void *ctx, const char *line)
{
	struct world *world = ctx;
	size_t used = strlen(world->lines);
	snprintf(world->lines + used, sizeof world->lines - used, "%s\n", line);
}

static void begin(struct world *world, const char *const *extra)
{
	*world = (struct world){ .stage.folder = fixture_folder() };
	assert_true(stage_start(&world->stage, extra));
	snprintf(world->url, sizeof world->url, "unix://%s/redis.sock", world->stage.folder);
	snprintf(world->folder, sizeof world->folder, "%s/quarantine", world->stage.folder);
	world->config = (struct clean_config){
		.url = str_of(world->url),
		.folder = world->folder,
		.limits = { .dead_days = DEAD_DAYS,
			    .stale_hours = 24,
			    .big_string = 100000,
			    .big_hash = 5000,
			    .big_items = 1000,
			    .big_bytes = 1000000,
			    .unbounded_items = 1000,
			    .compress_min = 4096,
			    .separators = STR(":_-./|"),
			    .off = STR(""),
			    .ignore = STR("") },
		.quarantine_ms = INT64_C(7) * 86400000,
		.on_line = on_line,
		.ctx = world,
	};
	world->config.rules[FINDING_dead] = true;
}

static void end(struct world *world)
{
	stage_stop(&world->stage);
	fixture_remove(world->stage.folder);
}

/* RESTORE sets the idle time, so nothing has to be waited for. */
static void put(struct world *world, const char *name, size_t len, const char *value, int idle_s,
		long long ttl_ms)
{
	STAGE_RUN(&world->stage, "SET seed %s", value);
	redisReply *dump = stage_ask(&world->stage, "DUMP seed");
	STAGE_RUN(&world->stage, "RESTORE %b %lld %b REPLACE IDLETIME %d", name, len, ttl_ms,
		  dump->str, dump->len, idle_s);
	STAGE_RUN(&world->stage, "DEL seed");
	freeReplyObject(dump);
}

static const int dead_s = (DEAD_DAYS + 10) * 86400;

static void fill(struct world *world)
{
	for (int i = 0; i < DEAD; i++) {
		char name[60], value[60];
		snprintf(name, sizeof name, "scan:%d", i);
		snprintf(value, sizeof value, "value %d", i);
		put(world, name, strlen(name), value, dead_s, i % 4 ? 0 : 86400000);
		snprintf(name, sizeof name, "live:%d", i);
		put(world, name, strlen(name), value, 5, 0);
	}
	put(world, "odd \xff\n\\name\0too", 14, "odd", dead_s, 0);
	STAGE_RUN(&world->stage, "SELECT 3");
	put(world, "other:1", 7, "third", dead_s, 0);
	STAGE_RUN(&world->stage, "SELECT 0");
}

static struct clean_counts run(struct world *world, bool take, bool purge, bool restore)
{
	struct clean *clean;
	struct err err = { 0 };
	enum status status = clean_open(&world->config, &clean, &err);
	if (!status && !restore && !purge)
		status = clean_find(clean, &err);
	if (!status && take)
		status = clean_take(clean, &err);
	if (!status && purge)
		status = clean_purge(clean, &err);
	if (!status && restore)
		status = clean_restore(clean, &err);
	if (status)
		fail_msg("%s", err.text);
	struct clean_counts counts = *clean_counts(clean);
	clean_close(clean);
	return counts;
}

static long long keys_like(struct world *world, const char *pattern)
{
	redisReply *reply = stage_ask(&world->stage, "KEYS %s", pattern);
	long long n = (long long)reply->elements;
	freeReplyObject(reply);
	return n;
}

static void assert_value(struct world *world, int i, bool with_ttl)
{
	char value[60];
	snprintf(value, sizeof value, "value %d", i);
	redisReply *reply = stage_ask(&world->stage, "GET scan:%d", i);
	assert_int_equal(reply->type, REDIS_REPLY_STRING);
	assert_string_equal(reply->str, value);
	freeReplyObject(reply);
	long long ttl = stage_integer(&world->stage, "PTTL scan:%d", i);
	if (with_ttl && i % 4 == 0)
		assert_in_range(ttl, 86000000, 86400000);
	else
		assert_int_equal(ttl, -1);
}

static void assert_all_there(struct world *world)
{
	for (int i = 0; i < DEAD; i++)
		assert_value(world, i, true);
	assert_int_equal(keys_like(world, "weir:quarantine:*"), 0);
	assert_int_equal(keys_like(world, "*"), 2 * DEAD + 1);
}

/* ---- one run after the other ---- */

static void a_dry_run_finds_and_changes_nothing(void **state)
{
	struct world world;
	(void)state;
	begin(&world, NULL);
	fill(&world);
	for (int i = 0; i < 2; i++) {
		struct clean_counts counts = run(&world, false, false, false);
		assert_int_equal(counts.found, DEAD + 2);
		assert_true(counts.bytes > DEAD * 50);
		assert_int_equal(counts.taken, 0);
	}
	assert_int_equal(keys_like(&world, "weir:*"), 0);
	end(&world);
}

static void what_is_taken_comes_back_with_its_ttl(void **state)
{
	struct world world;
	(void)state;
	begin(&world, NULL);
	fill(&world);
	struct clean_counts counts = run(&world, true, false, false);
	assert_int_equal(counts.taken, DEAD + 2);
	assert_int_equal(counts.waiting, DEAD + 2);
	assert_int_equal(keys_like(&world, "scan:*"), 0);
	assert_int_equal(keys_like(&world, "live:*"), DEAD);
	assert_int_equal(keys_like(&world, "weir:quarantine:*"), DEAD + 1);
	assert_int_equal(run(&world, true, false, false).found, 0);
	counts = run(&world, false, false, true);
	assert_int_equal(counts.restored, DEAD + 2);
	assert_int_equal(counts.waiting, 0);
	assert_all_there(&world);
	redisReply *odd = stage_ask(&world.stage, "GET %b", "odd \xff\n\\name\0too", (size_t)14);
	assert_string_equal(odd->str, "odd");
	freeReplyObject(odd);
	end(&world);
}

static void a_purge_waits_for_its_days(void **state)
{
	struct world world;
	(void)state;
	begin(&world, NULL);
	fill(&world);
	run(&world, true, false, false);
	struct clean_counts counts = run(&world, false, true, false);
	assert_int_equal(counts.purged, 0);
	world.config.quarantine_ms = 0;
	counts = run(&world, false, true, false);
	assert_int_equal(counts.purged, DEAD + 2);
	assert_true(counts.purged_bytes > 0);
	assert_int_equal(counts.waiting, 0);
	assert_int_equal(keys_like(&world, "weir:quarantine:*"), 0);
	assert_int_equal(keys_like(&world, "*"), DEAD);
	assert_int_equal(run(&world, false, false, true).restored, 0);
	end(&world);
}

static void a_key_that_came_meanwhile_is_never_overwritten(void **state)
{
	struct world world;
	(void)state;
	begin(&world, NULL);
	fill(&world);
	run(&world, true, false, false);
	STAGE_RUN(&world.stage, "SET scan:7 new");
	struct clean_counts counts = run(&world, false, false, true);
	assert_int_equal(counts.restored, DEAD + 1);
	assert_int_equal(counts.in_the_way, 1);
	assert_int_equal(counts.waiting, 1);
	assert_non_null(strstr(world.lines, "scan:7"));
	redisReply *reply = stage_ask(&world.stage, "GET scan:7");
	assert_string_equal(reply->str, "new");
	freeReplyObject(reply);
	STAGE_RUN(&world.stage, "DEL scan:7");
	assert_int_equal(run(&world, false, false, true).restored, 1);
	assert_all_there(&world);
	end(&world);
}

static void what_the_server_lost_comes_from_the_file(void **state)
{
	struct world world;
	(void)state;
	begin(&world, NULL);
	fill(&world);
	run(&world, true, false, false);
	STAGE_RUN(&world.stage, "FLUSHALL");
	assert_int_equal(run(&world, false, false, true).restored, DEAD + 2);
	for (int i = 0; i < DEAD; i++)
		assert_value(&world, i, true);
	end(&world);
}

static void what_was_changed_in_quarantine_is_not_removed(void **state)
{
	struct world world;
	(void)state;
	begin(&world, NULL);
	put(&world, "scan:1", 6, "v", dead_s, 0);
	assert_int_equal(run(&world, true, false, false).taken, 1);
	redisReply *keys = stage_ask(&world.stage, "KEYS weir:*");
	STAGE_RUN(&world.stage, "APPEND %s more", keys->element[0]->str);
	freeReplyObject(keys);
	world.config.quarantine_ms = 0;
	struct clean_counts counts = run(&world, false, true, false);
	assert_int_equal(counts.purged, 0);
	assert_int_equal(counts.touched, 1);
	assert_int_equal(counts.waiting, 1);
	end(&world);
}

/* Between finding and taking a reader comes. */
static void a_key_that_is_used_again_is_left_alone(void **state)
{
	struct world world;
	struct clean *clean;
	struct err err = { 0 };
	(void)state;
	begin(&world, NULL);
	fill(&world);
	assert_int_equal(clean_open(&world.config, &clean, &err), STATUS_OK);
	assert_int_equal(clean_find(clean, &err), STATUS_OK);
	freeReplyObject(stage_ask(&world.stage, "GET scan:3"));
	STAGE_RUN(&world.stage, "SET scan:4 changed");
	STAGE_RUN(&world.stage, "DEL scan:5");
	assert_int_equal(clean_take(clean, &err), STATUS_OK);
	const struct clean_counts *counts = clean_counts(clean);
	assert_int_equal(counts->used, 2);
	assert_int_equal(counts->gone, 1);
	assert_int_equal(counts->taken, DEAD + 2 - 3);
	clean_close(clean);
	end(&world);
}

/* Used a moment before it was found, or since: whoever set it up is still there. */
static void a_key_without_ttl_that_was_just_used_is_left_alone(void **state)
{
	struct world world;
	(void)state;
	begin(&world, NULL);
	world.config.rules[FINDING_dead] = false;
	world.config.rules[FINDING_no_ttl] = true;
	for (int i = 0; i < 60; i++) {
		char name[60];
		snprintf(name, sizeof name, "cache:user:%d", i);
		put(&world, name, strlen(name), "a value of a cache", 3600, i % 2 ? 9000000 : 0);
	}
	freeReplyObject(stage_ask(&world.stage, "GET cache:user:2"));
	struct clean_counts counts = run(&world, true, false, false);
	assert_int_equal(counts.found, 30);
	assert_int_equal(counts.used, 1);
	assert_int_equal(counts.taken, 29);
	assert_int_equal(stage_integer(&world.stage, "EXISTS cache:user:2"), 1);
	end(&world);
}

/* What one reply cannot bring is left alone, and ends nothing. */
static void a_key_that_is_too_large_for_a_reply_is_left_alone(void **state)
{
	struct world world;
	(void)state;
	begin(&world, NULL);
	put(&world, "scan:1", 6, "small", dead_s, 0);
	STAGE_RUN(&world.stage, "CONFIG SET rdbcompression no");
	STAGE_RUN(&world.stage, "EVAL %s 0",
		  "for i = 1, 3000 do redis.call('HSET', 'seed', i, i) end "
		  "redis.call('HSET', 'seed', 'large', string.rep('x', 17 * 1048576)) "
		  "redis.call('RESTORE', 'scan:2', 0, redis.call('DUMP', 'seed'), 'IDLETIME', "
		  "'4000000') redis.call('DEL', 'seed')");
	struct clean_counts counts = run(&world, true, false, false);
	assert_int_equal(counts.found, 2);
	assert_int_equal(counts.large + counts.used + counts.taken, 2); /* a DUMP is a use */
	assert_int_equal(stage_integer(&world.stage, "HLEN scan:2"), 3001);
	end(&world);
}

static void without_idle_times_nothing_is_taken(void **state)
{
	static const char *const lfu[] = { "--maxmemory-policy", "allkeys-lfu", "--maxmemory",
					   "1gb", NULL };
	struct world world;
	(void)state;
	begin(&world, lfu);
	STAGE_RUN(&world.stage, "SET scan:1 v");
	struct clean_counts counts = run(&world, true, false, false);
	assert_int_equal(counts.taken, 0);
	end(&world);
}

static void a_folder_is_one_servers_and_one_runs(void **state)
{
	struct world world, other;
	struct clean *clean, *second;
	struct err err = { 0 };
	(void)state;
	begin(&world, NULL);
	begin(&other, NULL);
	assert_int_equal(clean_open(&world.config, &clean, &err), STATUS_OK);
	assert_int_equal(clean_open(&world.config, &second, &err), STATUS_IN_USE);
	clean_close(clean);
	other.config.folder = world.folder;
	assert_int_equal(clean_open(&other.config, &second, &err), STATUS_VERSION);
	end(&other);
	end(&world);
}

/* ---- kill -9 ---- */

/* A child does it all; deadly: its progress at which it kills itself, 0 never. */
static int deadly;

static void die_at(void *ctx, const char *what, int64_t done, int64_t total)
{
	(void)ctx;
	(void)done;
	(void)total;
	if (strcmp(what, "looking at keys") != 0 && --deadly == 0)
		kill(getpid(), SIGKILL);
}

static pid_t run_apart(struct world *world, bool restore)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	struct clean *clean;
	world->config.on_progress = die_at;
	if (clean_open(&world->config, &clean, NULL) == STATUS_OK) {
		if (restore)
			(void)!clean_restore(clean, NULL);
		else if (clean_find(clean, NULL) == STATUS_OK)
			(void)!clean_take(clean, NULL);
	}
	_exit(0);
}

static void run_and_kill(struct world *world, bool restore, useconds_t after_us)
{
	deadly = 0;
	pid_t pid = run_apart(world, restore);
	usleep(after_us);
	fixture_kill(pid);
}

/* Each dead key is under its name or aside, once; never both, never neither. */
static void assert_nothing_is_lost(struct world *world)
{
	for (int i = 0; i < DEAD; i++) {
		char aside[80];
		snprintf(aside, sizeof aside, "weir:quarantine:*:scan:%d", i);
		long long own = stage_integer(&world->stage, "EXISTS scan:%d", i);
		assert_int_equal(own + keys_like(world, aside), 1);
	}
}

static void kills_at_any_time_lose_nothing_and_a_rerun_goes_on(void **state)
{
	struct world world;
	struct rng rng;
	(void)state;
	rng_init(&rng, 9);
	begin(&world, NULL);
	fill(&world);
	for (int i = 0; i < KILLS; i++) {
		run_and_kill(&world, false, (useconds_t)(2000 + rng_below(&rng, 120000)));
		assert_nothing_is_lost(&world);
	}
	run(&world, true, false, false);
	for (int i = 0; i < KILLS; i++) {
		run_and_kill(&world, true, (useconds_t)(1000 + rng_below(&rng, 40000)));
		assert_nothing_is_lost(&world);
	}
	run(&world, false, false, true);
	assert_all_there(&world);
	end(&world);
}

static void a_kill_between_batches_leaves_some_on_either_side(void **state)
{
	struct world world;
	(void)state;
	begin(&world, NULL);
	fill(&world);
	deadly = 3;
	assert_int_equal(waitpid(run_apart(&world, false), NULL, 0) > 0, 1);
	assert_nothing_is_lost(&world);
	assert_in_range(keys_like(&world, "scan:*"), 1, DEAD - 1);
	assert_in_range(run(&world, true, false, false).taken, 1, DEAD - 1);
	deadly = 50;
	assert_int_equal(waitpid(run_apart(&world, true), NULL, 0) > 0, 1);
	assert_nothing_is_lost(&world);
	assert_in_range(keys_like(&world, "scan:*"), 1, DEAD - 1);
	run(&world, false, false, true);
	assert_all_there(&world);
	end(&world);
}

static off_t file_bytes(const struct world *world)
{
	char path[400];
	struct stat about;
	snprintf(path, sizeof path, "%s/quarantine", world->folder);
	return stat(path, &about) == 0 ? about.st_size : 0;
}

/* Written down and not moved: the server holds writers back while the child is killed. */
static void a_kill_between_file_and_server_is_settled_by_the_next_run(void **state)
{
	struct world world;
	(void)state;
	begin(&world, NULL);
	fill(&world);
	STAGE_RUN(&world.stage, "CLIENT PAUSE 100000 WRITE");
	deadly = 0;
	pid_t pid = run_apart(&world, false);
	for (int i = 0; i < 4000 && file_bytes(&world) < 100; i++)
		usleep(5000);
	assert_true(file_bytes(&world) >= 100);
	fixture_kill(pid);
	STAGE_RUN(&world.stage, "CLIENT UNPAUSE");
	assert_nothing_is_lost(&world);
	STAGE_RUN(&world.stage, "SET scan:1 newer");
	struct clean_counts counts = run(&world, false, false, true);
	assert_nothing_is_lost(&world);
	assert_int_equal(counts.waiting, counts.in_the_way);
	redisReply *reply = stage_ask(&world.stage, "GET scan:1");
	assert_string_equal(reply->str, "newer");
	freeReplyObject(reply);
	end(&world);
}

int main(void)
{
	if (!fixture_has_redis())
		return 77;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dry_run_finds_and_changes_nothing),
		cmocka_unit_test(what_is_taken_comes_back_with_its_ttl),
		cmocka_unit_test(a_purge_waits_for_its_days),
		cmocka_unit_test(a_key_that_came_meanwhile_is_never_overwritten),
		cmocka_unit_test(what_the_server_lost_comes_from_the_file),
		cmocka_unit_test(what_was_changed_in_quarantine_is_not_removed),
		cmocka_unit_test(a_key_that_is_used_again_is_left_alone),
		cmocka_unit_test(a_key_without_ttl_that_was_just_used_is_left_alone),
		cmocka_unit_test(a_key_that_is_too_large_for_a_reply_is_left_alone),
		cmocka_unit_test(without_idle_times_nothing_is_taken),
		cmocka_unit_test(a_folder_is_one_servers_and_one_runs),
		cmocka_unit_test(kills_at_any_time_lose_nothing_and_a_rerun_goes_on),
		cmocka_unit_test(a_kill_between_batches_leaves_some_on_either_side),
		cmocka_unit_test(a_kill_between_file_and_server_is_settled_by_the_next_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
