/* delivery_stage.h - deliveries with hooks that note what they are told, and terminals
 * mt5-0, mt5-1, mt5-2 in the slots 0, 1, 2: accounts 100@S-0, 101@S-1, 102@S-2, the group
 * even (0, 2), the group most (0, 1), whose host drains at 1. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "trade/deliveries.h"

enum { STAGE_LOG = 512, STAGE_SLOTS = 3, STAGE_TAGS = 2 * DELIVERIES_MAX };

struct sent_line {
	uint32_t slot;
	uint64_t down, sid;
	int64_t ttl;
	char text[300];
};

struct put_result {
	char rid[96], st[16], why[40], id[40];
	char ins[40];
	int tries;
	bool final;
	uint64_t tag; /* its sid, where it has one */
};

struct stage_tag {
	uint64_t sid, tag;
	uint32_t slot; /* UINT32_MAX: of none */
};

struct told_end {
	uint64_t tag, sid, deal;
	char instance[40], st[16], why[80], symbol[40], to[140], unknown_why[16];
	uint32_t sent, asked;
	int64_t received_ms, expires_ms, sent_ms, confirmed_ms, ended_ms, unknown_ms;
	enum delivery_bucket bucket;
	struct delivery_step steps[DELIVERY_STEPS_MAX];
	size_t step_count;
};

struct delivery_stage {
	struct deliveries *deliveries;
	int64_t now_ms;
	uint64_t down;         /* the newest given */
	bool no_down;          /* none now */
	enum status can_send;  /* of every sending */
	enum status can_store; /* of every result */
	bool removed[STAGE_SLOTS];
	uint64_t known_sid;         /* whose final result is recorded */
	const char *known_instance; /* at this one; NULL: at any but "" */
	enum delivery_told told;    /* of every end */
	enum status can_route;
	bool draining; /* the host of mt5-1 */
	struct halts halts;
	struct limits *limits;
	struct symbols *symbols;
	struct limits_open open[STAGE_SLOTS]; /* what they show */
	uint64_t shown;                       /* the newest position that is shown */
	struct told_end ends[STAGE_LOG];
	char routes[STAGE_LOG][80]; /* "7: mt5-0 mt5-2" */
	struct stage_tag *tags;
	size_t n_ends, n_routes, n_tags;
	struct sent_line sent[STAGE_LOG];
	struct put_result put[STAGE_LOG];
	struct delivery_view states[STAGE_LOG];
	uint64_t done[STAGE_LOG];
	size_t n_sent, n_put, n_states, n_done;
	uint32_t waiting[STAGE_SLOTS], in_flight[STAGE_SLOTS];
};

static const char *const stage_names[STAGE_SLOTS] = { "mt5-0", "mt5-1", "mt5-2" };

static inline bool stage_is_meant(const struct delivery_stage *stage, uint32_t slot,
				  const struct target *target)
{
	switch (target->kind) {
	case TARGET_INSTANCE: return str_eq(target->name, str_of(stage_names[slot]));
	case TARGET_ACCOUNT:
		return target->login == 100 + slot && target->name.len == 3 &&
		       target->name.ptr[2] == (char)('0' + slot);
	case TARGET_GROUP:
		if (target->no_drain && stage->draining && slot == 1)
			return false;
		return str_eq(target->name, STR("even"))   ? slot % 2 == 0
		       : str_eq(target->name, STR("most")) ? slot < 2
							   : false;
	case TARGET_ALL: return true;
	}
	return false;
}

static inline size_t stage_members(void *ctx, const struct target *target, uint32_t *slots,
				   size_t room)
{
	const struct delivery_stage *stage = ctx;
	size_t count = 0;
	for (uint32_t slot = 0; slot < STAGE_SLOTS; slot++) {
		if (stage->removed[slot] || !stage_is_meant(stage, slot, target))
			continue;
		if (count < room)
			slots[count] = slot;
		count++;
	}
	return count;
}

static inline void stage_about(void *ctx, uint32_t slot, struct delivery_terminal *out)
{
	static const struct str servers[STAGE_SLOTS] = { { "S-0", 3 }, { "S-1", 3 }, { "S-2", 3 } };
	CHECK(!((struct delivery_stage *)ctx)->removed[slot]);
	out->id = str_of(stage_names[slot]);
	out->server = servers[slot];
	if (slot % 2 == 0)
		out->groups[out->group_count++] = STR("even");
	if (slot < 2)
		out->groups[out->group_count++] = STR("most");
}

static inline bool stage_has_ended(void *ctx, uint64_t sid, struct str instance)
{
	const struct delivery_stage *stage = ctx;
	if (sid != stage->known_sid)
		return false;
	return stage->known_instance ? str_eq(instance, str_of(stage->known_instance))
				     : instance.len > 0;
}

static inline enum status stage_route(void *ctx, uint64_t sid, struct delivery_entry_id entry,
				      const struct str *instances, size_t count)
{
	struct delivery_stage *stage = ctx;
	(void)entry;
	if (stage->can_route)
		return stage->can_route;
	struct buf text = buf_over(stage->routes[stage->n_routes++], 79);
	buf_u64(&text, sid);
	buf_char(&text, ':');
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, " %.*s", STR_ARG(instances[i]));
	return STATUS_OK;
}

/* ---- tags ---- */

static inline void stage_keep_tag(struct delivery_stage *stage, uint64_t sid, uint32_t slot,
				  uint64_t tag)
{
	for (size_t i = 0; i < stage->n_tags; i++)
		if (stage->tags[i].sid == sid && stage->tags[i].slot == slot) {
			stage->tags[i].tag = tag;
			return;
		}
	CHECK(stage->n_tags < STAGE_TAGS);
	stage->tags[stage->n_tags++] = (struct stage_tag){ sid, tag, slot };
}

static inline uint32_t stage_slot_named(struct str name)
{
	for (uint32_t slot = 0; slot < STAGE_SLOTS; slot++)
		if (str_eq(name, str_of(stage_names[slot])))
			return slot;
	return UINT32_MAX;
}

/* The final result of the signal at the terminal is recorded. */
static inline void stage_recorded_at(struct delivery_stage *stage, uint64_t sid, uint32_t slot)
{
	for (size_t i = 0; i < stage->n_tags; i++)
		if (stage->tags[i].sid == sid && stage->tags[i].slot == slot)
			deliveries_recorded(stage->deliveries, stage->tags[i].tag);
}

/* At all of them. */
static inline void stage_recorded(struct delivery_stage *stage, uint64_t sid)
{
	for (size_t i = 0; i < stage->n_tags; i++)
		if (stage->tags[i].sid == sid)
			deliveries_recorded(stage->deliveries, stage->tags[i].tag);
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
	uint64_t sid = 0;
	int64_t tries = -1;
	CHECK(str_to_u64(result->fields[RESULT_sid], &sid) == STATUS_OK);
	CHECK(str_to_i64(result->fields[RESULT_try], &tries) == STATUS_OK);
	*put = (struct put_result){ .final = result->final, .tag = tag ? sid : 0 };
	put->tries = (int)tries;
	if (tag)
		stage_keep_tag(stage, sid, stage_slot_named(result->fields[RESULT_ins]), tag);
	snprintf(put->ins, sizeof put->ins, "%.*s", STR_ARG(result->fields[RESULT_ins]));
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

static inline enum delivery_told stage_ended(void *ctx, const struct delivery_end *end)
{
	struct delivery_stage *stage = ctx;
	CHECK(stage->n_ends < STAGE_LOG);
	struct told_end *told = &stage->ends[stage->n_ends++];
	*told = (struct told_end){ .tag = end->tag,
				   .sid = end->sid,
				   .deal = end->deal,
				   .sent = end->sent,
				   .asked = end->asked,
				   .received_ms = end->received_ms,
				   .expires_ms = end->expires_ms,
				   .sent_ms = end->sent_ms,
				   .confirmed_ms = end->confirmed_ms,
				   .ended_ms = end->ended_ms,
				   .unknown_ms = end->unknown_ms,
				   .bucket = end->bucket,
				   .step_count = end->step_count };
	memcpy(told->steps, end->steps, end->step_count * sizeof told->steps[0]);
	snprintf(told->instance, sizeof told->instance, "%.*s", STR_ARG(end->instance));
	snprintf(told->st, sizeof told->st, "%.*s", STR_ARG(end->st));
	snprintf(told->why, sizeof told->why, "%.*s", STR_ARG(end->why));
	snprintf(told->symbol, sizeof told->symbol, "%.*s", STR_ARG(end->symbol));
	snprintf(told->unknown_why, sizeof told->unknown_why, "%.*s", STR_ARG(end->unknown_why));
	snprintf(told->to, sizeof told->to, "%.*s", STR_ARG(signal_text(end->signal, SIGNAL_to)));
	return stage->told;
}

static inline void stage_open_at(void *ctx, uint32_t slot, struct limits_open *out)
{
	*out = ((struct delivery_stage *)ctx)->open[slot];
}

static inline bool stage_shows(void *ctx, uint32_t slot, uint64_t position)
{
	(void)slot;
	return position <= ((struct delivery_stage *)ctx)->shown;
}

static inline size_t stage_group(void *ctx, struct str name, uint32_t *slots, size_t room)
{
	const struct target target = { .kind = TARGET_GROUP, .name = name };
	return stage_members(ctx, &target, slots, room);
}

static inline void stage_account(void *ctx, uint32_t slot, struct str *server, int64_t *login)
{
	struct delivery_terminal terminal = { 0 };
	stage_about(ctx, slot, &terminal);
	*server = terminal.server;
	*login = 100 + slot;
}

static inline void stage_create(struct delivery_stage *stage)
{
	const struct deliveries_config config = { .slots = STAGE_SLOTS,
						  .secret = { 1, 2 },
						  .symbols = stage->symbols,
						  .halts = &stage->halts,
						  .limits = stage->limits };
	const struct delivery_hooks hooks = {
		.members = stage_members,
		.about = stage_about,
		.has_ended = stage_has_ended,
		.route = stage_route,
		.ended = stage_ended,
		.next_down = stage_next_down,
		.send = stage_send,
		.result = stage_result,
		.state = stage_state,
		.done = stage_done,
		.queue = stage_queue,
		.ctx = stage,
	};
	stage->deliveries = deliveries_create(&config, &hooks);
	CHECK(stage->deliveries);
	deliveries_step(stage->deliveries, stage->now_ms);
}

static inline void stage_begin(struct delivery_stage *stage)
{
	*stage = (struct delivery_stage){ .now_ms = 1784046190000 };
	stage->tags = calloc(STAGE_TAGS, sizeof stage->tags[0]);
	CHECK(stage->tags);
	stage_create(stage);
}

/* Settings in weir.conf's form: [symbols.…], [limits…]. */
static inline void stage_configure(struct delivery_stage *stage, const char *text)
{
	static struct config_problems problems;
	struct config *config;
	const struct config_source source = { .file_name = STR("weir.conf"),
					      .file_text = str_of(text) };
	if (config_create(&source, &config, &problems) != STATUS_OK) {
		fprintf(stderr, "%s\n", problems.lines[0]);
		CHECK(!"settings");
	}
	CHECK(symbols_configure(stage->symbols, config) == STATUS_OK);
	CHECK(limits_configure(stage->limits, config) == STATUS_OK);
	config_destroy(config);
}

/* With settings, too. */
static inline void stage_begin_with(struct delivery_stage *stage, const char *text)
{
	const struct limits_hooks hooks = { stage_open_at, stage_shows, stage_group, stage_account,
					    stage };
	*stage = (struct delivery_stage){ .now_ms = 1784046190000 };
	stage->tags = calloc(STAGE_TAGS, sizeof stage->tags[0]);
	stage->symbols = symbols_create();
	stage->limits = limits_create(STAGE_SLOTS, &hooks);
	CHECK(stage->tags && stage->symbols && stage->limits);
	stage_configure(stage, text);
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
	limits_destroy(stage->limits);
	symbols_destroy(stage->symbols);
	free(stage->tags);
}

/* weir was killed and runs again. */
static inline void stage_restart(struct delivery_stage *stage)
{
	deliveries_destroy(stage->deliveries);
	stage->n_tags = 0;
	stage_create(stage);
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

/* a, b and order-1 are each signal's own: a.7; repeats of an id would be dropped. */
static inline struct str stage_id(uint64_t sid, struct str id, char text[64])
{
	if (!str_eq(id, STR("a")) && !str_eq(id, STR("b")) && !str_eq(id, STR("order-1")))
		return id;
	snprintf(text, 64, "%.*s.%llu", STR_ARG(id), (unsigned long long)sid);
	return str_of(text);
}

/* "k=v k=v …"; its entry was added just now. members: those written down. */
static inline bool stage_take_known(struct delivery_stage *stage, uint64_t sid, const char *fields,
				    bool again, const struct delivery_member *members,
				    size_t member_count)
{
	struct str keys[80], values[80], rest = str_of(fields), part;
	size_t count = 0;
	char id[64];
	while (*fields && count < 80 && str_split(&rest, ' ', &part)) {
		size_t at = str_find_char(part, '=');
		keys[count] = str_make(part.ptr, at);
		values[count] = str_skip(part, at + 1);
		if (str_eq(keys[count], STR("id")))
			values[count] = stage_id(sid, values[count], id);
		count++;
	}
	const struct delivery_entry entry = {
		.id = { (uint64_t)stage->now_ms, sid },
		.sid = sid,
		.keys = keys,
		.values = values,
		.count = count,
		.again = again,
		.members = members,
		.member_count = member_count,
	};
	return deliveries_take(stage->deliveries, &entry);
}

/* stood: as of its terminal, a terminal's name; NULL: it is new; "": nothing was noted. */
static inline bool stage_take_again(struct delivery_stage *stage, uint64_t sid, const char *fields,
				    const char *stood)
{
	struct str text = str_of(fields);
	size_t to = 0;
	while (to + 3 < text.len && !str_starts(str_skip(text, to), STR("to=")))
		to++;
	struct str name = str_skip(text, to + 3);
	name.len = str_find_char(name, ' ');
	const struct delivery_member member = {
		.instance = name, .stood = str_of(stood), .sent = 1, .sent_ms = stage->now_ms - 5
	};
	return stage_take_known(stage, sid, fields, stood != NULL, &member, stood && *stood);
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

/* The sid whose delivery the terminal's result is to be recorded for; 0 none. */
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
	uint64_t tag = deliveries_result(stage->deliveries, slot, &result);
	if (tag)
		stage_keep_tag(stage, sid, slot, tag);
	return tag ? sid : 0;
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
