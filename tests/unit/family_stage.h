/* family_stage.h - a stage (store_stage.h) before a real redis-server with the configuration
 * and the users that weir writes for a segment; what a family of keys takes there, and how
 * the server keeps it. The stores' time is simulated. Include after cmocka.h. */
#pragma once

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/files.h"
#include "os/redis_conn.h"
#include "redis_fixture.h"
#include "store/redis_config.h"
#include "unit/store_stage.h"

struct family {
	struct stage stage;
	struct loop *loop;
	char *folder, path[300];
	pid_t pid;
	struct redis_conn *conn;
	redisContext *context; /* of the test itself */
	bool up, closed;
	int64_t before; /* bytes */
};

/* ---- the server ---- */

static inline void family_write(struct family *family, const char *name, const struct buf *text)
{
	char path[320];
	struct err err;
	snprintf(path, sizeof path, "%s/%s", family->folder, name);
	assert_false(text->overflow);
	assert_int_equal(files_write_atomic(path, buf_str(text), 0600, &err), STATUS_OK);
}

static inline void family_configure(struct family *family, enum segment segment)
{
	static struct segment_logins logins;
	const struct segment_row *row = segment_row(segment);
	const struct redis_config config = { .segment = segment,
					     .folder = family->folder,
					     .socket_path = family->path,
					     .maxmemory = row->maxmemory,
					     .appendfsync = row->appendfsync };
	struct buf text;
	struct err err;
	for (int user = 0; user < SEGMENT_USER_COUNT; user++)
		strcpy(logins.passwords[segment][user], "secret");
	buf_init(&text, 1 << 16);
	redis_config_print(&text, &config);
	family_write(family, "redis.conf", &text);
	buf_clear(&text);
	assert_int_equal(redis_config_print_users(&text, segment, &logins, &err), STATUS_OK);
	family_write(family, "users.acl", &text);
	buf_deinit(&text);
}

static inline void family_spawn(struct family *family)
{
	char path[320];
	snprintf(path, sizeof path, "%s/redis.conf", family->folder);
	family->pid = fork();
	if (family->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever becomes of the test */
		if (!freopen("/dev/null", "w", stdout))
			_exit(126);
		execlp("redis-server", "redis-server", path, (char *)NULL);
		_exit(127);
	}
	assert_true(family->pid > 0);
}

static inline void family_on_up(void *ctx) { ((struct family *)ctx)->up = true; }
static inline void family_on_closed(void *ctx) { ((struct family *)ctx)->closed = true; }

static inline redisReply *family_ask(struct family *family, int argc, const char **argv)
{
	redisReply *reply = redisCommandArgv(family->context, argc, argv, NULL);
	assert_non_null(reply);
	if (reply->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", argv[0], reply->str);
	return reply;
}

#define FAMILY_ASK(family, ...)                                                                    \
	family_ask(family, (int)(sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)),        \
		   (const char *[]){ __VA_ARGS__ })

static inline void family_connect(struct family *family)
{
	struct err err;
	const struct redis_conn_config config = { .unix_path = family->path,
						  .user = "weir",
						  .password = "secret",
						  .pending_bytes_max = 64 << 20,
						  .on_up = family_on_up,
						  .ctx = family };
	assert_int_equal(redis_conn_open(family->loop, &config, &family->conn, &err), STATUS_OK);
	redis_conn_hurry(family->conn, 10000000000);
	assert_true(loop_turn_until(family->loop, &family->up, 10000000000));
	family->stage.real = redis_conn_port(family->conn);
	family->context = redisConnectUnix(family->path);
	assert_true(family->context && !family->context->err);
	freeReplyObject(FAMILY_ASK(family, "AUTH", "weir", "secret"));
}

/* ---- time ---- */

static inline void family_settle(struct family *family)
{
	for (int i = 0; i < 100000 && redis_pending_bytes(family->stage.real); i++)
		loop_turn(family->loop, 1000000);
}

static inline void family_run(struct family *family, int64_t ns)
{
	struct stage *stage = &family->stage;
	int64_t end = stage->now_ns + ns;
	while (stage->now_ns < end) {
		stage->now_ns += 5 * stage_ms_ns;
		timers_run(stage->timers, stage->now_ns, SIZE_MAX);
		family_settle(family);
	}
}

/* ---- what it takes ---- */

static inline int64_t family_figure(const char *info, const char *name)
{
	const char *at = strstr(info, name);
	assert_non_null(at);
	return atoll(at + strlen(name));
}

/* Of all its connections, as it is now: INFO's sum is sampled. */
static inline int64_t family_client_bytes(struct family *family)
{
	redisReply *reply = FAMILY_ASK(family, "CLIENT", "LIST");
	int64_t bytes = 0;
	for (const char *at = reply->str; (at = strstr(at, " tot-mem=")); at++)
		bytes += family_figure(at, " tot-mem=");
	freeReplyObject(reply);
	return bytes;
}

/* Without the buffers of its connections and of its file. */
static inline int64_t family_bytes(struct family *family)
{
	int64_t clients = family_client_bytes(family);
	redisReply *reply = FAMILY_ASK(family, "INFO", "memory");
	int64_t bytes = family_figure(reply->str, "\nused_memory:") - clients -
			family_figure(reply->str, "\nmem_aof_buffer:");
	freeReplyObject(reply);
	return bytes;
}

/* How many keys there are under the prefix; each is kept as said. To look at every key also
 * ends a rehash that is under way, so that it is not measured. */
static inline size_t family_keys(struct family *family, struct str prefix, const char *encoding)
{
	size_t count = 0;
	char pattern[80], cursor[32] = "0";
	snprintf(pattern, sizeof pattern, "%.*s*", STR_ARG(prefix));
	do {
		redisReply *page =
		    FAMILY_ASK(family, "SCAN", cursor, "MATCH", pattern, "COUNT", "10000");
		snprintf(cursor, sizeof cursor, "%s", page->element[0]->str);
		for (size_t i = 0; i < page->element[1]->elements; i++, count++) {
			const char *key = page->element[1]->element[i]->str;
			redisReply *kept = FAMILY_ASK(family, "OBJECT", "ENCODING", key);
			if (strcmp(kept->str, encoding) != 0)
				fail_msg("%s is a %s, not a %s", key, kept->str, encoding);
			freeReplyObject(kept);
		}
		freeReplyObject(page);
	} while (strcmp(cursor, "0") != 0);
	return count;
}

/* Bytes an item since family_begin. */
static inline void family_expect(struct family *family, const char *what, size_t items,
				 double bound)
{
	double bytes = (double)(family_bytes(family) - family->before) / (double)items;
	print_message("%-40s %8.1f bytes each of %zu, bound %.1f\n", what, bytes, items, bound);
	if (bytes > bound)
		fail_msg("%s: %.1f bytes each, bound %.1f", what, bytes, bound);
}

static inline void family_begin(struct family *family) { family->before = family_bytes(family); }

/* What a server takes once, with its first write, look and scan, is not a family's. */
static inline void family_warm_up(struct family *family)
{
	const struct str write[] = { STR("HSET"), STR("warm"), STR("a"), STR("b") };
	const struct str unlink[] = { STR("UNLINK"), STR("warm") };
	for (int i = 0; i < 500; i++)
		assert_int_equal(redis_command(family->stage.real, write, 4, NULL, NULL),
				 STATUS_OK);
	family_settle(family);
	assert_int_equal(family_keys(family, STR("warm"), "listpack"), 1);
	assert_int_equal(redis_command(family->stage.real, unlink, 2, NULL, NULL), STATUS_OK);
	family_settle(family);
}

/* ---- life ---- */

static inline struct family *family_open(enum segment segment, uint32_t terminals)
{
	struct family *family = calloc(1, sizeof *family);
	struct err err;
	assert_non_null(family);
	stage_init(&family->stage, terminals, FAKE_EVERYSEC);
	assert_int_equal(loop_create(64, &family->loop, &err), STATUS_OK);
	family->folder = fixture_folder();
	assert_non_null(family->folder);
	snprintf(family->path, sizeof family->path, "%s/redis.sock", family->folder);
	family_configure(family, segment);
	family_spawn(family);
	family_connect(family);
	family_warm_up(family);
	family_begin(family);
	return family;
}

/* All commands have ended then; the stores may be destroyed. */
static inline void family_disconnect(struct family *family)
{
	family_settle(family);
	redis_conn_close(family->conn, family_on_closed, family);
	assert_true(loop_turn_until(family->loop, &family->closed, 10000000000));
}

static inline void family_close(struct family *family)
{
	loop_destroy(family->loop);
	redisFree(family->context);
	fixture_kill(family->pid);
	fixture_remove(family->folder);
	stage_deinit(&family->stage);
	free(family);
}
