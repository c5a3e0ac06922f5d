/* live_stage.h - a real redis-server with keys, a live source over it, and what it told. Include
 * after cmocka.h. */
#pragma once

#include <hiredis/hiredis.h>

#include "base/buf.h"
#include "base/check.h"
#include "redis_fixture.h"
#include "survey/live.h"

enum { STAGE_TOLD_MAX = 300000 };

struct told {
	int db;
	char *name;
	size_t name_len;
	struct audit_key key; /* texts are gone but for value */
	char value[64];
	size_t value_len;
	char first[32], last[32]; /* elements' values */
};

struct stage {
	char *folder;
	pid_t pid;
	const char *const *extra;
	redisContext *redis;
	struct told *told;
	size_t n;
	void (*at_key)(struct stage *stage, size_t n); /* after the n-th was told */
	struct live_result result;
	struct err err;
	bool full; /* on_key refuses */
	char url[400];
};

static inline redisContext *stage_dial(struct stage *stage)
{
	char path[300];
	snprintf(path, sizeof path, "%s/redis.sock", stage->folder);
	for (int i = 0; i < 1000; i++) {
		redisContext *context = redisConnectUnix(path);
		redisReply *pong = context && !context->err ? redisCommand(context, "PING") : NULL;
		bool good =
		    pong &&
		    (pong->type == REDIS_REPLY_STATUS ||
		     (pong->type == REDIS_REPLY_ERROR && strncmp(pong->str, "NOAUTH", 6) == 0));
		if (pong)
			freeReplyObject(pong);
		if (good)
			return context;
		redisFree(context);
		usleep(5000);
	}
	fail_msg("redis-server does not answer");
	return NULL;
}

static inline void stage_up(struct stage *stage)
{
	stage->pid = fixture_redis(stage->folder, stage->extra);
	stage->redis = stage_dial(stage);
}

static inline void stage_begin(struct stage *stage, const char *const *extra)
{
	memset(stage, 0, sizeof *stage);
	stage->folder = fixture_folder();
	assert_non_null(stage->folder);
	stage->extra = extra;
	stage->told = calloc(STAGE_TOLD_MAX, sizeof *stage->told);
	snprintf(stage->url, sizeof stage->url, "unix://%s/redis.sock", stage->folder);
	stage_up(stage);
}

static inline void stage_forget(struct stage *stage)
{
	for (size_t i = 0; i < stage->n; i++)
		free(stage->told[i].name);
	stage->n = 0;
}

static inline void stage_end(struct stage *stage)
{
	redisFree(stage->redis);
	fixture_kill(stage->pid);
	fixture_remove(stage->folder);
	stage_forget(stage);
	free(stage->told);
}

/* A command by words; its reply must be no error. */
static inline int64_t stage_do(struct stage *stage, const char *line, ...)
{
	va_list list;
	va_start(list, line);
	redisReply *reply = redisvCommand(stage->redis, line, list);
	va_end(list);
	assert_non_null(reply);
	if (reply->type == REDIS_REPLY_ERROR)
		fail_msg("%s: %s", line, reply->str);
	int64_t integer = reply->integer;
	freeReplyObject(reply);
	return integer;
}

/* n strings PREFIX:0 … in one pipeline. */
static inline void stage_fill(struct stage *stage, const char *prefix, int n)
{
	redisReply *reply;
	for (int i = 0; i < n; i++)
		redisAppendCommand(stage->redis, "SET %s:%d value-of-%d", prefix, i, i);
	for (int i = 0; i < n; i++) {
		assert_int_equal(redisGetReply(stage->redis, (void **)&reply), REDIS_OK);
		freeReplyObject(reply);
	}
}

static inline void stage_keep_element(char out[32], const struct audit_element *element)
{
	struct buf text = buf_over(out, 31);
	buf_str_put(
	    &text, str_make(element->field.ptr, element->field.len < 12 ? element->field.len : 12));
	buf_char(&text, '=');
	buf_str_put(
	    &text, str_make(element->value.ptr, element->value.len < 12 ? element->value.len : 12));
	out[text.len] = 0;
}

static inline enum status stage_on_key(void *ctx, const struct audit_key *key)
{
	struct stage *stage = ctx;
	if (stage->full)
		return STATUS_DISK_FULL;
	assert_true(stage->n < STAGE_TOLD_MAX);
	struct told *told = &stage->told[stage->n++];
	*told = (struct told){ .db = key->db, .name = malloc(key->name.len + 1), .key = *key };
	told->name_len = key->name.len;
	memcpy(told->name, key->name.ptr, key->name.len);
	told->name[key->name.len] = 0;
	told->value_len = key->value.len;
	memcpy(told->value, key->value.ptr ? key->value.ptr : "",
	       key->value.len < sizeof told->value ? key->value.len : 0);
	if (key->count) {
		stage_keep_element(told->first, &key->elements[0]);
		stage_keep_element(told->last, &key->elements[key->count - 1]);
	}
	if (stage->at_key)
		stage->at_key(stage, stage->n);
	return STATUS_OK;
}

static inline enum status stage_run_with(struct stage *stage, struct live_config config)
{
	if (!config.url.ptr)
		config.url = str_of(stage->url);
	config.on_key = stage_on_key;
	config.ctx = stage;
	if (!config.patience_ns)
		config.patience_ns = 20000000000;
	stage_forget(stage);
	stage->err = (struct err){ 0 };
	return live_run(&config, &stage->result, &stage->err);
}

static inline void stage_run(struct stage *stage, enum live_depth depth)
{
	enum status status =
	    stage_run_with(stage, (struct live_config){ .depth = depth, .stale_ms = 1000 });
	if (status)
		fail_msg("%s", stage->err.text);
}

/* The key that was told under this name, which must be one. */
static inline const struct told *stage_told(const struct stage *stage, struct str name)
{
	const struct told *found = NULL;
	for (size_t i = 0; i < stage->n; i++) {
		if (!str_eq(name, str_make(stage->told[i].name, stage->told[i].name_len)))
			continue;
		if (found)
			fail_msg("%.*s was told twice", STR_ARG(name));
		found = &stage->told[i];
	}
	if (!found)
		fail_msg("%.*s was not told", STR_ARG(name));
	return found;
}

/* How often PREFIX:i was told, for each i below n. */
static inline void stage_count(const struct stage *stage, const char *prefix, int n,
			       uint8_t *counts)
{
	size_t len = strlen(prefix);
	memset(counts, 0, (size_t)n);
	for (size_t i = 0; i < stage->n; i++) {
		const char *name = stage->told[i].name;
		bool is_one = strncmp(name, prefix, len) == 0 && name[len] == ':' &&
			      name[len + 1] >= '0' && name[len + 1] <= '9';
		int at = is_one ? atoi(name + len + 1) : n;
		if (at < n)
			counts[at]++;
	}
}

static inline void stage_assert_all_once(const struct stage *stage, const char *prefix, int n)
{
	uint8_t *counts = malloc((size_t)n);
	stage_count(stage, prefix, n, counts);
	for (int i = 0; i < n; i++)
		if (counts[i] != 1)
			fail_msg("%s:%d was told %d times", prefix, i, counts[i]);
	free(counts);
}
