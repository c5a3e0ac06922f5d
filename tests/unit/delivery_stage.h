/* delivery_stage.h - deliveries with hooks that note what they are told, and terminals
 * mt5-0, mt5-1, mt5-2 in the slots 0, 1, 2. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "trade/deliveries.h"

enum { STAGE_LOG = 512, STAGE_SLOTS = 3 };

struct sent_line {
	uint32_t slot;
	uint64_t down, sid;
	int64_t ttl;
	char text[300];
};

struct put_result {
	char rid[96], st[16], why[40], id[40];
	bool final;
	uint64_t tag;
};

struct delivery_stage {
	struct deliveries *deliveries;
	int64_t now_ms;
	uint64_t down;         /* the newest given */
	bool no_down;          /* none now */
	enum status can_send;  /* of every sending */
	enum status can_store; /* of every result */
	bool removed[STAGE_SLOTS];
	uint64_t known_sid; /* whose final result is recorded */
	struct sent_line sent[STAGE_LOG];
	struct put_result put[STAGE_LOG];
	struct delivery_view states[STAGE_LOG];
	uint64_t done[STAGE_LOG];
	size_t n_sent, n_put, n_states, n_done;
	uint32_t waiting[STAGE_SLOTS], in_flight[STAGE_SLOTS];
};

static const char *const stage_names[STAGE_SLOTS] = { "mt5-0", "mt5-1", "mt5-2" };

static inline uint32_t stage_find(void *ctx, struct str id)
{
	const struct delivery_stage *stage = ctx;
	for (uint32_t slot = 0; slot < STAGE_SLOTS; slot++)
		if (!stage->removed[slot] && str_eq(id, str_of(stage_names[slot])))
			return slot;
	return UINT32_MAX;
}

static inline struct str stage_name(void *ctx, uint32_t slot)
{
	CHECK(!((struct delivery_stage *)ctx)->removed[slot]);
	return str_of(stage_names[slot]);
}

static inline bool stage_ended(void *ctx, uint64_t sid, struct str instance)
{
	(void)instance;
	return sid == ((struct delivery_stage *)ctx)->known_sid;
}

static inline uint64_t stage_next_down(void *ctx)
{
	struct delivery_stage *stage = ctx;
	return stage->no_down ? 0 : ++stage->down;
}

static inline enum status stage_send(void *ctx, uint32_t slot, struct str line)
{
	struct delivery_stage *stage = ctx;
	struct mfp_frame frame;
	struct mfp_fault fault;
	if (stage->can_send)
		return stage->can_send;
	CHECK(stage->n_sent < STAGE_LOG && line.ptr[line.len - 1] == '\n');
	CHECK(mfp_read(str_make(line.ptr, line.len - 1), MFP_WEIR, &frame, &fault) == STATUS_OK);
	struct sent_line *sent = &stage->sent[stage->n_sent++];
	*sent = (struct sent_line){
		.slot = slot,
		.down = frame.seq,
		.sid = (uint64_t)mfp_i64(&frame, MFP_signal_sid, 0),
		.ttl = mfp_i64(&frame, MFP_signal_ttl, -1),
	};
	snprintf(sent->text, sizeof sent->text, "%.*s", (int)line.len - 1, line.ptr);
	return STATUS_OK;
}

static inline enum status stage_result(void *ctx, const struct result *result, uint64_t tag)
{
	struct delivery_stage *stage = ctx;
	if (stage->can_store)
		return stage->can_store;
	CHECK(stage->n_put < STAGE_LOG);
	struct put_result *put = &stage->put[stage->n_put++];
	*put = (struct put_result){ .final = result->final, .tag = tag };
	snprintf(put->rid, sizeof put->rid, "%.*s", STR_ARG(result->fields[RESULT_rid]));
	snprintf(put->st, sizeof put->st, "%.*s", STR_ARG(result->fields[RESULT_st]));
	snprintf(put->why, sizeof put->why, "%.*s", STR_ARG(result->fields[RESULT_why]));
	snprintf(put->id, sizeof put->id, "%.*s", STR_ARG(result->fields[RESULT_id]));
	return STATUS_OK;
}

static inline void stage_state(void *ctx, const struct delivery_view *view)
{
	struct delivery_stage *stage = ctx;
	CHECK(stage->n_states < STAGE_LOG);
	stage->states[stage->n_states++] = *view;
}

static inline void stage_done(void *ctx, uint64_t sid, struct delivery_entry_id entry)
{
	struct delivery_stage *stage = ctx;
	(void)entry;
	CHECK(stage->n_done < STAGE_LOG);
	stage->done[stage->n_done++] = sid;
}

static inline void stage_queue(void *ctx, uint32_t slot, uint32_t waiting, uint32_t in_flight)
{
	struct delivery_stage *stage = ctx;
	stage->waiting[slot] = waiting;
	stage->in_flight[slot] = in_flight;
}

static inline void stage_create(struct delivery_stage *stage)
{
	const struct delivery_hooks hooks = {
		.find = stage_find,
		.name = stage_name,
		.ended = stage_ended,
		.next_down = stage_next_down,
		.send = stage_send,
		.result = stage_result,
		.state = stage_state,
		.done = stage_done,
		.queue = stage_queue,
		.ctx = stage,
	};
	stage->deliveries = deliveries_create(STAGE_SLOTS, &hooks);
	CHECK(stage->deliveries);
	deliveries_step(stage->deliveries, stage->now_ms);
}

static inline void stage_begin(struct delivery_stage *stage)
{
	*stage = (struct delivery_stage){ .now_ms = 1784046190000 };
	stage_create(stage);
}

/* The terminal is connected and RUNNING. */
static inline void stage_ready(struct delivery_stage *stage, uint32_t slot, uint32_t rate)
{
	deliveries_resume(stage->deliveries, slot, 0);
	deliveries_open(stage->deliveries, slot, rate);
}

static inline void stage_end(struct delivery_stage *stage)
{
	deliveries_destroy(stage->deliveries);
}

/* Time goes on, from one due moment to the next. */
static inline void stage_pass(struct delivery_stage *stage, int64_t ms)
{
	int64_t end_ms = stage->now_ms + ms;
	for (;;) {
		int64_t next_ms = deliveries_next_ms(stage->deliveries);
		stage->now_ms = next_ms > end_ms          ? end_ms
				: next_ms > stage->now_ms ? next_ms
							  : stage->now_ms;
		deliveries_step(stage->deliveries, stage->now_ms);
		if (next_ms > end_ms)
			return;
	}
}

/* "k=v k=v …", or "open" for a good one to mt5-0; its entry was added just now. */
static inline bool stage_take_again(struct delivery_stage *stage, uint64_t sid, const char *fields,
				    const char *stood)
{
	struct str keys[80], values[80], rest = str_of(fields), part;
	size_t count = 0;
	while (*fields && count < 80 && str_split(&rest, ' ', &part)) {
		size_t at = str_find_char(part, '=');
		keys[count] = str_make(part.ptr, at);
		values[count++] = str_skip(part, at + 1);
	}
	const struct delivery_entry entry = {
		.id = { (uint64_t)stage->now_ms, sid },
		.sid = sid,
		.keys = keys,
		.values = values,
		.count = count,
		.again = stood != NULL,
		.stood = str_of(stood),
	};
	return deliveries_take(stage->deliveries, &entry);
}

static const char stage_open[] = "id=order-1 to=mt5-0 act=open sd=buy sym=EURUSD vol=0.10";

static inline bool stage_take(struct delivery_stage *stage, uint64_t sid, const char *fields)
{
	return stage_take_again(stage, sid, fields, NULL);
}

static inline void stage_ack_of(struct delivery_stage *stage, uint32_t slot, uint64_t down,
				uint64_t sid, const char *st)
{
	char line[100];
	struct mfp_frame frame;
	struct mfp_fault fault;
	snprintf(line, sizeof line, "Y 1 dn=%llu sid=%llu st=%s", (unsigned long long)down,
		 (unsigned long long)sid, st);
	CHECK(mfp_read(str_of(line), MFP_PEER, &frame, &fault) == STATUS_OK);
	deliveries_ack(stage->deliveries, slot, &frame);
}

/* To its newest sending. */
static inline void stage_ack(struct delivery_stage *stage, uint32_t slot, uint64_t sid,
			     const char *st)
{
	uint64_t down = 0;
	for (size_t i = 0; i < stage->n_sent; i++)
		if (stage->sent[i].sid == sid)
			down = stage->sent[i].down;
	stage_ack_of(stage, slot, down, sid, st);
}

/* The tag that the terminal's result is to be recorded with. */
static inline uint64_t stage_result_of(struct delivery_stage *stage, uint32_t slot, uint64_t sid,
				       const char *rest)
{
	char line[160];
	struct mfp_frame frame;
	struct mfp_fault fault;
	struct result result;
	const struct result_owner owner = { str_of(stage_names[slot]), STR("S"), 1 };
	snprintf(line, sizeof line, "R 1 sid=%llu %s", (unsigned long long)sid, rest);
	CHECK(mfp_read(str_of(line), MFP_PEER, &frame, &fault) == STATUS_OK);
	CHECK(result_of_frame(&result, &frame, &owner, stage->now_ms) == STATUS_OK);
	return deliveries_result(stage->deliveries, slot, &result);
}

/* ---- what is expected; include after cmocka.h ---- */

static inline void expect_put(const struct delivery_stage *stage, size_t index, const char *st,
			      const char *why)
{
	assert_true(index < stage->n_put);
	assert_string_equal(stage->put[index].st, st);
	assert_string_equal(stage->put[index].why, why);
}

static inline void expect_counts(const struct delivery_stage *stage, uint32_t waiting,
				 uint32_t in_flight)
{
	struct deliveries_counts counts = deliveries_counts(stage->deliveries);
	assert_int_equal(counts.waiting, waiting);
	assert_int_equal(counts.in_flight, in_flight);
	assert_int_equal(stage->waiting[0], waiting);
	assert_int_equal(stage->in_flight[0], in_flight);
}
