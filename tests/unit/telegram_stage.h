/* telegram_stage.h - the shell of Telegram in simulated time, with a Bot API whose other end is
 * the test: updates that wait until they are confirmed, answers that are asked for, a list of
 * what came. Include after cmocka.h. */
#pragma once

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "sim/fake_http.h"
#include "telegram/telegram.h"

#define STAGE_TOKEN "42:a-token-of-the-tests-alone"
#define SECOND_NS   INT64_C(1000000000)

enum { STAGE_CALLS = 8000, STAGE_UPDATES = 300, STAGE_TOLD = 600, STAGE_ENDS = 600 };

struct stage_call {
	int64_t at_ns;
	char method[32];
	int64_t offset, limit, timeout_s, chat;
	char text[64];
};

struct stage_fault {
	const char *method; /* NULL: any */
	int count;
	int code; /* of an error; 0: status */
	enum status status;
	const char *body; /* of the answer; NULL: an error's */
	int64_t retry_s;
};

struct stage_end {
	uint64_t tag;
	enum status status;
	int64_t message_id;
};

struct stage {
	int64_t now_ns;
	struct clock_port clock;
	struct timers *timers;
	struct fake_http *http;
	struct telegram *telegram;
	/* Telegram's side */
	struct stage_call calls[STAGE_CALLS];
	size_t call_count;
	int64_t update_ids[STAGE_UPDATES];
	size_t update_count;
	int64_t next_message;
	struct stage_fault faults[8];
	bool repeats; /* the offset is not obeyed */
	/* ours */
	int64_t told[STAGE_TOLD];
	size_t told_count;
	int64_t offset; /* as it was told */
	bool confirms;  /* at once */
	struct stage_end ends[STAGE_ENDS];
	size_t end_count;
	char name[64];
	enum telegram_state states[64];
	size_t state_count;
	char why[512];
	void (*on_update)(struct stage *stage, const struct bot_update *update);
};

static int64_t stage_now(void *ctx) { return ((struct stage *)ctx)->now_ns; }

/* ---- the Bot API ---- */

static inline void stage_note(struct stage *stage, const char *method, const json_t *json)
{
	struct stage_call *call = &stage->calls[stage->call_count++];
	assert_true(stage->call_count < STAGE_CALLS);
	const char *text = json_string_value(json_object_get(json, "text"));
	*call = (struct stage_call){ .at_ns = stage->now_ns };
	snprintf(call->method, sizeof call->method, "%s", method);
	snprintf(call->text, sizeof call->text, "%s", text ? text : "");
	call->offset = json_integer_value(json_object_get(json, "offset"));
	call->limit = json_integer_value(json_object_get(json, "limit"));
	call->timeout_s = json_integer_value(json_object_get(json, "timeout"));
	call->chat = json_integer_value(json_object_get(json, "chat_id"));
}

static inline struct stage_fault *stage_find_fault(struct stage *stage, const char *method)
{
	for (size_t i = 0; i < 8; i++) {
		struct stage_fault *fault = &stage->faults[i];
		if (fault->count && (!fault->method || strcmp(fault->method, method) == 0))
			return fault;
	}
	return NULL;
}

static inline void stage_fail(struct stage_fault *fault, struct fake_http_reply *reply)
{
	fault->count--;
	reply->status = fault->status;
	reply->code = fault->code ? fault->code : 200;
	if (fault->body)
		buf_str_put(&reply->body, str_of(fault->body));
	else
		buf_printf(&reply->body,
			   "{\"ok\":false,\"error_code\":%d,\"description\":\"said /bot%s/x\","
			   "\"parameters\":{\"retry_after\":%lld}}",
			   fault->code, STAGE_TOKEN, (long long)fault->retry_s);
}

static inline void stage_give_updates(struct stage *stage, const struct stage_call *call,
				      struct fake_http_reply *reply)
{
	size_t given = 0;
	buf_str_put(&reply->body, STR("{\"ok\":true,\"result\":["));
	for (size_t i = 0; i < stage->update_count && given < (size_t)call->limit; i++) {
		int64_t id = stage->update_ids[i];
		bool is_forgotten = id < call->offset && call->offset - id < TELEGRAM_RESTART;
		if (is_forgotten && !stage->repeats)
			continue;
		buf_printf(&reply->body,
			   "%s{\"update_id\":%lld,\"message\":{\"message_id\":1,\"date\":1,"
			   "\"from\":{\"id\":5,\"first_name\":\"A\"},\"chat\":{\"id\":5,"
			   "\"type\":\"private\"},\"text\":\"/x\"}}",
			   given++ ? "," : "", (long long)id);
	}
	buf_str_put(&reply->body, STR("]}"));
	reply->delay_ns = given ? 0 : call->timeout_s * SECOND_NS;
}

static inline void stage_handle(void *ctx, const struct fake_http_request *request,
				struct fake_http_reply *reply)
{
	struct stage *stage = ctx;
	char method[32];
	struct str root = STR("/api/bot" STAGE_TOKEN "/");
	assert_true(str_starts(request->path, root));
	assert_int_equal(str_copy(str_skip(request->path, root.len), method, sizeof method), 0);
	json_t *json = json_loadb(request->body.ptr, request->body.len, 0, NULL);
	stage_note(stage, method, json);
	json_decref(json);
	buf_init(&reply->body, 1 << 20);
	struct stage_fault *fault = stage_find_fault(stage, method);
	if (fault)
		stage_fail(fault, reply);
	else if (strcmp(method, "getUpdates") == 0)
		stage_give_updates(stage, &stage->calls[stage->call_count - 1], reply);
	else if (strcmp(method, "getMe") == 0)
		buf_str_put(&reply->body,
			    STR("{\"ok\":true,\"result\":{\"username\":\"weir_bot\"}}"));
	else
		buf_printf(&reply->body, "{\"ok\":true,\"result\":{\"message_id\":%lld}}",
			   (long long)++stage->next_message);
}

static inline void stage_fault(struct stage *stage, struct stage_fault fault)
{
	size_t i = 0;
	while (stage->faults[i].count)
		i++;
	assert_in_range(i, 0, 7);
	stage->faults[i] = fault;
}

static inline void stage_update(struct stage *stage, int64_t id)
{
	assert_true(stage->update_count < STAGE_UPDATES);
	stage->update_ids[stage->update_count++] = id;
}

/* ---- hooks ---- */

static inline void stage_on_update(void *ctx, const struct bot_update *update)
{
	struct stage *stage = ctx;
	assert_true(stage->told_count < STAGE_TOLD);
	stage->told[stage->told_count++] = update->update_id;
	if (stage->on_update)
		stage->on_update(stage, update);
}

static inline void stage_on_offset(void *ctx, int64_t offset)
{
	struct stage *stage = ctx;
	stage->offset = offset;
	if (stage->confirms)
		telegram_confirm(stage->telegram, offset);
}

static inline void stage_on_end(void *ctx, uint64_t tag, enum status status, int64_t message_id)
{
	struct stage *stage = ctx;
	assert_true(stage->end_count < STAGE_ENDS);
	stage->ends[stage->end_count++] = (struct stage_end){ tag, status, message_id };
}

static inline void stage_on_name(void *ctx, struct str name)
{
	struct stage *stage = ctx;
	assert_int_equal(str_copy(name, stage->name, sizeof stage->name), STATUS_OK);
}

static inline void stage_on_state(void *ctx, enum telegram_state state, const char *why)
{
	struct stage *stage = ctx;
	assert_true(stage->state_count < 64);
	stage->states[stage->state_count++] = state;
	snprintf(stage->why, sizeof stage->why, "%s", why);
	assert_null(strstr(why, "a-token-of-the-tests"));
	assert_true((state == TELEGRAM_OK) == !why[0]);
}

/* ---- life ---- */

static inline void stage_open(struct stage *stage, int64_t offset)
{
	struct telegram_config config = {
		.http = fake_http_client(stage->http),
		.timers = stage->timers,
		.clock = &stage->clock,
		.api_url = STR("https://telegram.test/api/"),
		.token = STR(STAGE_TOKEN),
		.offset = offset,
		.seed = 1,
		.hooks = { stage, stage_on_update, stage_on_offset, stage_on_end, stage_on_name,
			   stage_on_state },
	};
	struct err err;
	assert_int_equal(telegram_open(&config, &stage->telegram, &err), STATUS_OK);
}

static inline int stage_set_up(void **state)
{
	struct stage *stage = calloc(1, sizeof *stage);
	stage->now_ns = 1000 * SECOND_NS;
	stage->confirms = true;
	stage->clock = (struct clock_port){ stage_now, stage_now, stage };
	stage->timers = timers_create(4);
	struct fake_http_config config = { .handler = stage_handle,
					   .ctx = stage,
					   .latency_ns = 20000000,
					   .requests_max = TELEGRAM_REQUESTS,
					   .timers = stage->timers,
					   .clock = &stage->clock };
	stage->http = fake_http_create(&config);
	*state = stage;
	return 0;
}

static inline int stage_tear_down(void **state)
{
	struct stage *stage = *state;
	telegram_close(stage->telegram);
	assert_int_equal(fake_http_under_way(stage->http), 0);
	fake_http_destroy(stage->http);
	assert_int_equal(timers_next_ns(stage->timers), INT64_MAX);
	timers_destroy(stage->timers);
	free(stage);
	return 0;
}

static inline void stage_run(struct stage *stage, int64_t for_ns)
{
	int64_t until_ns = stage->now_ns + for_ns;
	while (timers_next_ns(stage->timers) <= until_ns) {
		int64_t next_ns = timers_next_ns(stage->timers);
		stage->now_ns = next_ns > stage->now_ns ? next_ns : stage->now_ns;
		timers_run(stage->timers, stage->now_ns, 1);
	}
	stage->now_ns = until_ns;
}

static inline size_t stage_calls(const struct stage *stage, const char *method)
{
	size_t count = 0;
	for (size_t i = 0; i < stage->call_count; i++)
		count += strcmp(stage->calls[i].method, method) == 0;
	return count;
}

/* The n-th from the end; 0: the last. */
static inline const struct stage_call *stage_last(const struct stage *stage, const char *method,
						  size_t n)
{
	for (size_t i = stage->call_count; i-- > 0;)
		if (strcmp(stage->calls[i].method, method) == 0 && n-- == 0)
			return &stage->calls[i];
	fail_msg("%s was not called", method);
	return NULL;
}

static inline enum status stage_send(struct stage *stage, int64_t chat, const char *text,
				     uint64_t tag)
{
	struct bot_out out = {
		.kind = BOT_OUT_TEXT, .chat_id = chat, .text = str_of(text), .tag = tag
	};
	return telegram_send(stage->telegram, &out);
}
