/* rdb_stage.h - a real redis-server that loads, holds and saves a dump, and a client of it.
 * Include after cmocka.h. */
#pragma once

#include <hiredis/hiredis.h>

#include "base/buf.h"
#include "redis_fixture.h"

struct rdb_stage {
	char *folder;
	pid_t pid;
	redisContext *client;
};

static inline void stage_path(const struct rdb_stage *stage, const char *name, char path[300])
{
	snprintf(path, 300, "%s/%s", stage->folder, name);
}

static inline redisReply *stage_ask_argv(struct rdb_stage *stage, int argc, const char **argv,
					 const size_t *lens)
{
	redisReply *reply = redisCommandArgv(stage->client, argc, argv, lens);
	if (!reply)
		fail_msg("the server went: %s", stage->client->errstr);
	return reply;
}

static inline redisReply *stage_ask(struct rdb_stage *stage, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	redisReply *reply = redisvCommand(stage->client, format, args);
	va_end(args);
	if (!reply)
		fail_msg("the server went: %s", stage->client->errstr);
	return reply;
}

/* A command that must not be refused. */
#define STAGE_RUN(stage, ...)                                                                      \
	do {                                                                                       \
		redisReply *stage_reply = stage_ask(stage, __VA_ARGS__);                           \
		if (stage_reply->type == REDIS_REPLY_ERROR)                                        \
			fail_msg("%s", stage_reply->str);                                          \
		freeReplyObject(stage_reply);                                                      \
	} while (0)

static inline long long stage_integer(struct rdb_stage *stage, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	redisReply *reply = redisvCommand(stage->client, format, args);
	va_end(args);
	if (!reply || reply->type != REDIS_REPLY_INTEGER)
		fail_msg("no number: %s", reply && reply->str ? reply->str : format);
	long long value = reply->integer;
	freeReplyObject(reply);
	return value;
}

/* False: the server ended before it answered, as it does on a dump that it refuses. */
static inline bool stage_start(struct rdb_stage *stage, const char *const *extra)
{
	char path[300];
	stage_path(stage, "redis.sock", path);
	stage->pid = fixture_redis(stage->folder, extra);
	assert_true(stage->pid > 0);
	for (int i = 0; i < 4000; i++) {
		if (waitpid(stage->pid, NULL, WNOHANG) == stage->pid) {
			stage->pid = 0;
			return false;
		}
		stage->client = redisConnectUnix(path);
		redisReply *reply = stage->client && !stage->client->err
					? redisCommand(stage->client, "PING")
					: NULL;
		bool well = reply && reply->type == REDIS_REPLY_STATUS;
		freeReplyObject(reply);
		if (well)
			return true;
		redisFree(stage->client);
		stage->client = NULL;
		usleep(5000);
	}
	fail_msg("redis-server does not answer");
	return false;
}

static inline void stage_stop(struct rdb_stage *stage)
{
	redisFree(stage->client);
	stage->client = NULL;
	if (stage->pid > 0)
		fixture_kill(stage->pid);
	stage->pid = 0;
}

static inline void stage_copy(const struct rdb_stage *stage, const char *from)
{
	char path[300], bytes[1 << 16];
	stage_path(stage, "dump.rdb", path);
	FILE *in = fopen(from, "rb"), *out = fopen(path, "wb");
	assert_true(in && out);
	for (size_t n; (n = fread(bytes, 1, sizeof bytes, in)) > 0;)
		assert_int_equal(fwrite(bytes, 1, n, out), n);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

/* Whole file; to be freed. */
static inline char *stage_read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	*size = (size_t)ftell(file);
	rewind(file);
	char *bytes = malloc(*size + 1);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, *size, file), *size);
	fclose(file);
	return bytes;
}
