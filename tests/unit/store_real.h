/* store_real.h - a stage before a real redis-server: the stores' time is simulated, the
 * server, its connection, its append-only file and its death are not. Commands go as the
 * user `weir`, with the rules that user has. Include after cmocka.h. */
#pragma once

#include <dirent.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "def/segments.h"
#include "os/redis_conn.h"
#include "redis_fixture.h"
#include "unit/store_stage.h"

struct real {
	struct stage *stage;
	struct loop *loop;
	char *folder, path[300];
	pid_t pid;
	struct redis_conn *conn;
	redisContext *context; /* of the test itself */
	bool up, closed;
	int64_t kept_ns; /* the file as it was then may be all that a death leaves */
	off_t kept_bytes;
	off_t lost_bytes; /* by deaths */
};

static struct real *real_of_stage;

/* ---- the append-only file ---- */

static inline bool real_aof_path(struct real *real, char path[600])
{
	char folder[400];
	bool found = false;
	snprintf(folder, sizeof folder, "%s/appendonlydir", real->folder);
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (strstr(entry->d_name, ".incr.")) {
			snprintf(path, 600, "%s/%.150s", folder, entry->d_name);
			found = true;
		}
	if (dir)
		closedir(dir);
	return found;
}

static inline off_t real_aof_bytes(struct real *real)
{
	char path[600];
	struct stat stat_of;
	if (!real_aof_path(real, path) || stat(path, &stat_of))
		return 0;
	return stat_of.st_size;
}

/* ---- the server ---- */

static inline void real_acl(struct real *real)
{
	const char *argv[64] = { "ACL", "SETUSER", "weir", "reset", "on", ">secret" };
	char rules[1024];
	int argc = 6;
	snprintf(rules, sizeof rules, "%s", segment_user_row(SEGMENT_USER_WEIR)->rules);
	for (char *rule = strtok(rules, " "); rule && argc < 64; rule = strtok(NULL, " "))
		argv[argc++] = rule;
	redisReply *reply = redisCommandArgv(real->context, argc, argv, NULL);
	assert_non_null(reply);
	assert_string_equal(reply->str, "OK");
	freeReplyObject(reply);
}

/* Its file is written before each reply; what a file that is synced each second may lack
 * after a death is cut off it (real_kill), for a second here is not one of the server's. */
static inline void real_start(struct real *real)
{
	static const char *const extra[] = { "--appendonly", "yes", "--appendfsync", "no", NULL };
	redisFree(real->context);
	real->context = NULL;
	real->pid = fixture_redis(real->folder, extra);
	assert_true(real->pid > 0);
	for (int i = 0; i < 1000; i++) { /* until it has read its file */
		redisFree(real->context);
		real->context = redisConnectUnix(real->path);
		redisReply *reply = real->context && !real->context->err
					? redisCommand(real->context, "PING")
					: NULL;
		bool ready = reply && reply->type == REDIS_REPLY_STATUS;
		freeReplyObject(reply);
		if (ready)
			break;
		usleep(5000);
	}
	real_acl(real);
	real->kept_bytes = real_aof_bytes(real);
	redis_conn_hurry(real->conn, 2000000000);
	assert_true(loop_turn_until(real->loop, &real->up, 10000000000));
}

/* kill -9; lost: and its file has not got all of its last second. */
static inline void real_kill(struct real *real, struct rng *rng, bool lost)
{
	char path[600];
	real->up = false;
	fixture_kill(real->pid);
	if (lost && real_aof_path(real, path)) {
		off_t bytes = real_aof_bytes(real), kept = real->kept_bytes;
		assert_true(bytes >= kept);
		kept += (off_t)rng_below(rng, (uint64_t)(bytes - kept) / 2 + 1);
		real->lost_bytes += bytes - kept;
		assert_int_equal(truncate(path, kept), 0);
	}
	for (int i = 0; i < 100 && redis_conn_state(real->conn) == REDIS_CONN_READY; i++)
		loop_turn(real->loop, 1000000);
}

/* ---- time ---- */

/* Replies first, then the next timers: nothing of it depends on how fast the server is. */
static inline void real_settle(struct real *real)
{
	for (int i = 0; i < 10000 && real->up && redis_pending_bytes(real->stage->real); i++)
		loop_turn(real->loop, 1000000);
}

static inline void real_run(struct real *real, int64_t ns)
{
	struct stage *stage = real->stage;
	int64_t end = stage->now_ns + ns;
	while (stage->now_ns < end) {
		if (stage->now_ns - real->kept_ns > stage_second_ns) {
			real->kept_ns = stage->now_ns;
			real->kept_bytes = real->up ? real_aof_bytes(real) : real->kept_bytes;
		}
		stage->now_ns += 5 * stage_ms_ns;
		timers_run(stage->timers, stage->now_ns, SIZE_MAX);
		real_settle(real);
		loop_turn(real->loop, 0);
	}
}

/* ---- what it holds ---- */

static inline struct redis_reply *real_reply(const redisReply *reply)
{
	switch (reply->type) {
	case REDIS_REPLY_INTEGER: return fake_reply_integer(reply->integer);
	case REDIS_REPLY_NIL: return fake_reply(REDIS_NIL, (struct str){ 0 });
	case REDIS_REPLY_ERROR: return fake_reply_error(reply->str);
	case REDIS_REPLY_ARRAY: break;
	default: return fake_reply(REDIS_BULK, str_make(reply->str, reply->len));
	}
	struct redis_reply *array = fake_reply_array(reply->elements);
	for (size_t i = 0; i < reply->elements; i++)
		fake_reply_put(array, i, real_reply(reply->element[i]));
	return array;
}

static inline struct redis_reply *real_peek(struct stage *stage, const struct str *argv,
					    size_t argc)
{
	const char *words[8];
	size_t lengths[8];
	(void)stage;
	CHECK(argc <= 8);
	for (size_t i = 0; i < argc; i++) {
		words[i] = argv[i].ptr;
		lengths[i] = argv[i].len;
	}
	redisReply *reply = redisCommandArgv(real_of_stage->context, (int)argc, words, lengths);
	assert_non_null(reply);
	struct redis_reply *copy = real_reply(reply);
	freeReplyObject(reply);
	return copy;
}

/* ---- life ---- */

static inline void real_on_up(void *ctx)
{
	struct real *real = ctx;
	real->up = true;
	stage_connected(real->stage);
}

static inline void real_on_closed(void *ctx) { ((struct real *)ctx)->closed = true; }

/* Before the stage's stores are opened. */
static inline void real_init(struct real *real, struct stage *stage)
{
	struct err err;
	*real = (struct real){ .stage = stage };
	real_of_stage = real;
	assert_int_equal(loop_create(64, &real->loop, &err), STATUS_OK);
	real->folder = fixture_folder();
	assert_non_null(real->folder);
	snprintf(real->path, sizeof real->path, "%s/redis.sock", real->folder);
	const struct redis_conn_config config = { .unix_path = real->path,
						  .user = "weir",
						  .password = "secret",
						  .on_up = real_on_up,
						  .ctx = real };
	assert_int_equal(redis_conn_open(real->loop, &config, &real->conn, &err), STATUS_OK);
	stage->real = redis_conn_port(real->conn);
	stage->peek = real_peek;
	real_start(real);
}

/* All commands have ended then; the stage's stores may be destroyed. */
static inline void real_deinit(struct real *real)
{
	redis_conn_close(real->conn, real_on_closed, real);
	assert_true(loop_turn_until(real->loop, &real->closed, 10000000000));
	loop_destroy(real->loop);
	redisFree(real->context);
	fixture_kill(real->pid);
	fixture_remove(real->folder);
}
