/* fleet_stage.h - a fleet and its alert engine in simulated time, and everything that
 * they say. Turns come exactly when something is due: alerts_step, then fleet_step.
 * Times are told in seconds and ms since the stage began. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "fleet/fleet_impl.h"

enum { STAGE_LOG = 4096, STAGE_LINE = 1024 };
#define STAGE_START_NS   INT64_C(7777000000000) /* no test may rely on time 0 */
#define STAGE_START_MS   INT64_C(1784046185000)
#define STAGE_GOOD       "con=1 ta=1 ma=1 aa=1 ae=1"
#define STAGE_EMPTY_HASH "0000000000000000"

struct stage_event {
	enum fleet_event_kind kind;
	enum instance_state from, to;
	uint32_t slot, attempts;
	bool repeat, suppressed;
	char reason[32];
	int64_t ms; /* since the stage began */
};
struct stage_action {
	struct fleet_action action; /* its pointers are not valid any more */
	uint32_t slot;
	enum instance_state state;
	char reason[32];
	int64_t ms;
};
struct stage_notice {
	enum alert_notice what;
	enum alert_rule rule;
	char scope[ALERT_SCOPE_MAX + 1];
	char message[ALERT_MESSAGE_MAX + 1];
	int64_t ms;
};

static struct stage {
	struct alerts *alerts;
	struct fleet *fleet;
	struct fleet_settings settings;
	int64_t now_ns;
	int64_t epoch_ms;
	size_t event_count, action_count, notice_count, moved_count, position_count;
	struct stage_event events[STAGE_LOG];
	struct stage_action actions[STAGE_LOG];
	struct stage_notice notices[STAGE_LOG];
	size_t move_count; /* of state to another state */
	struct {
		uint32_t slot;
		enum instance_state from, to;
	} moves[STAGE_LOG];
	enum position_change last_change;
	bool forgets; /* the logs begin again when they are full */
	/* Looks at every action while the fleet is as the action found it. */
	void (*on_action)(const struct fleet_action *action);
} stage;

static inline int64_t stage_ms(void) { return (stage.now_ns - STAGE_START_NS) / MS_NS; }

/* ---- hooks ---- */

static void stage_on_event(void *ctx, const struct fleet_event *event)
{
	(void)ctx;
	if (stage.forgets && stage.event_count == STAGE_LOG)
		stage.event_count = 0;
	assert_true(stage.event_count < STAGE_LOG);
	assert_int_equal(event->ms, STAGE_START_MS + stage_ms());
	struct stage_event *out = &stage.events[stage.event_count++];
	*out = (struct stage_event){ .kind = event->kind,
				     .from = event->from,
				     .to = event->to,
				     .slot = event->instance->slot,
				     .attempts = event->attempts,
				     .repeat = event->repeat,
				     .suppressed = event->suppressed,
				     .ms = stage_ms() };
	snprintf(out->reason, sizeof out->reason, "%s", event->reason);
	assert_int_equal(event->to, event->instance->state);
}

static void stage_on_action(void *ctx, const struct fleet_action *action)
{
	(void)ctx;
	if (stage.forgets && stage.action_count == STAGE_LOG)
		stage.action_count = 0;
	assert_true(stage.action_count < STAGE_LOG);
	struct stage_action *out = &stage.actions[stage.action_count++];
	*out = (struct stage_action){ .action = *action,
				      .slot = action->instance->slot,
				      .state = action->instance->state,
				      .ms = stage_ms() };
	snprintf(out->reason, sizeof out->reason, "%s", action->reason);
	if (stage.on_action)
		stage.on_action(action);
}

static void stage_on_moved(void *ctx, const struct instance *instance, enum instance_state from)
{
	(void)ctx;
	stage.moved_count++;
	if (from == instance->state)
		return;
	if (stage.move_count == STAGE_LOG)
		stage.move_count = 0;
	stage.moves[stage.move_count].slot = instance->slot;
	stage.moves[stage.move_count].from = from;
	stage.moves[stage.move_count++].to = instance->state;
}

static void stage_on_position(void *ctx, const struct instance *instance,
			      enum position_change change, const struct position *position)
{
	(void)ctx, (void)instance, (void)position;
	stage.position_count++;
	stage.last_change = change;
}

static void stage_on_notice(void *ctx, enum alert_notice what, const struct alert_view *view)
{
	(void)ctx;
	if (stage.forgets && stage.notice_count == STAGE_LOG)
		stage.notice_count = 0;
	assert_true(stage.notice_count < STAGE_LOG);
	struct stage_notice *out = &stage.notices[stage.notice_count++];
	*out = (struct stage_notice){ .what = what, .rule = view->rule, .ms = stage_ms() };
	memcpy(out->scope, view->scope, sizeof out->scope);
	memcpy(out->message, view->message, sizeof out->message);
}

static void stage_on_change(void *ctx, enum alert_rule rule, struct str scope, bool firing)
{
	(void)ctx;
	fleet_alert(stage.fleet, rule, scope, firing);
}

/* ---- time ---- */

static inline void stage_turn(void)
{
	alerts_step(stage.alerts, stage.now_ns, STAGE_START_MS + stage_ms());
	fleet_step(stage.fleet, stage.now_ns, STAGE_START_MS + stage_ms());
}

static inline int64_t stage_next_ns(void)
{
	int64_t alerts = alerts_next_ns(stage.alerts), fleet = fleet_next_ns(stage.fleet);
	return alerts < fleet ? alerts : fleet;
}

/* Time goes on by what is due and nothing else; nothing is ever due for nothing. */
static inline void stage_go(int64_t ms)
{
	int64_t to_ns = STAGE_START_NS + ms * MS_NS;
	assert_true(to_ns >= stage.now_ns);
	while (stage_next_ns() <= to_ns) {
		assert_true(stage_next_ns() > stage.now_ns);
		stage.now_ns = stage_next_ns();
		stage_turn();
	}
	stage.now_ns = to_ns;
	stage_turn();
	assert_int_equal(stage.fleet->early, 0);
}

/* ---- making ---- */

static inline uint32_t stage_add_host(const char *id, const char *host)
{
	struct instance_identity identity = { 0 };
	uint32_t slot;
	snprintf(identity.id, sizeof identity.id, "%s", id);
	snprintf(identity.host, sizeof identity.host, "%s", host);
	assert_int_equal(fleet_add(stage.fleet, &identity, &slot), STATUS_OK);
	return slot;
}

static inline uint32_t stage_add(const char *id) { return stage_add_host(id, ""); }

/* Terminals mt5-000, mt5-001 … have the slots 0, 1 …; no turn yet. */
static inline void stage_open_cold(uint32_t count)
{
	struct alert_hooks alert_hooks = { .on_notice = stage_on_notice,
					   .on_change = stage_on_change };
	struct fleet_hooks hooks = { .on_event = stage_on_event,
				     .on_moved = stage_on_moved,
				     .on_action = stage_on_action,
				     .on_position = stage_on_position };
	memset(&stage, 0, sizeof stage);
	stage.now_ns = STAGE_START_NS;
	stage.epoch_ms = STAGE_START_MS;
	stage.settings = fleet_settings_default();
	stage.alerts = alerts_create(&alert_hooks);
	assert_non_null(stage.alerts);
	stage.fleet = fleet_create(count + 4, &stage.settings, stage.alerts, 4711, &hooks);
	assert_non_null(stage.fleet);
	for (uint32_t i = 0; i < count; i++) {
		char id[32];
		snprintf(id, sizeof id, "mt5-%03u", i);
		assert_int_equal(stage_add(id), i);
	}
}

static inline void stage_open(uint32_t count)
{
	stage_open_cold(count);
	stage_turn();
}

static inline void stage_close(void)
{
	fleet_destroy(stage.fleet);
	alerts_destroy(stage.alerts);
	stage.fleet = NULL;
	stage.alerts = NULL;
}

static inline int stage_tear_down(void **state)
{
	(void)state;
	stage_close();
	return 0;
}

/* ---- what is told ---- */

static inline const struct instance *stage_at(uint32_t slot) { return fleet_at(stage.fleet, slot); }

static inline enum status stage_take(uint32_t slot, const struct mfp_frame *frame)
{
	bool snapshot;
	switch (frame->verb) {
	case MFP_VERB_hello: fleet_hello(stage.fleet, slot, frame, &snapshot); return STATUS_OK;
	case MFP_VERB_state: fleet_state_frame(stage.fleet, slot, frame); return STATUS_OK;
	case MFP_VERB_host: fleet_host_frame(stage.fleet, slot, frame); return STATUS_OK;
	case MFP_VERB_account: return fleet_account_frame(stage.fleet, slot, frame);
	case MFP_VERB_snapshot: return fleet_snapshot_frame(stage.fleet, slot, frame);
	case MFP_VERB_position: return fleet_position_frame(stage.fleet, slot, frame);
	default: fleet_heard(stage.fleet, slot); return STATUS_OK;
	}
}

static inline struct mfp_frame stage_frame(const char *line)
{
	struct mfp_frame frame;
	struct mfp_fault fault = { 0 };
	if (mfp_read(str_of(line), MFP_PEER, &frame, &fault))
		fail_msg("%s: %s %s", line, fault.what, fault.key);
	return frame;
}

static inline enum status stage_line(uint32_t slot, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline enum status stage_line(uint32_t slot, const char *format, ...)
{
	char line[STAGE_LINE];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	struct mfp_frame frame = stage_frame(line);
	return stage_take(slot, &frame);
}

/* "" for the hash: none is said. */
static inline void stage_hello_with(uint32_t slot, int64_t epoch_ms, const char *hash)
{
	stage_line(slot,
		   "H 0 v=1 id=%s ep=%lld mac=35cd832ccd3c88068e3314f439e1ecbd login=90000001 "
		   "srv=Broker-Live cur=USD mm=hedge tm=real lev=500 bld=6090 ea=1.0.0 "
		   "off=10800%s%s",
		   stage_at(slot)->identity.id, (long long)epoch_ms, hash[0] ? " ph=" : "", hash);
}

/* A new epoch, no positions on either side. */
static inline void stage_hello(uint32_t slot)
{
	stage_hello_with(slot, stage.epoch_ms++, STAGE_EMPTY_HASH);
}

static inline void stage_state(uint32_t slot, const char *fields)
{
	stage_line(slot, "S 0 t=%lld %s", (long long)(STAGE_START_MS + stage_ms()), fields);
}

static inline void stage_good(uint32_t slot) { stage_state(slot, STAGE_GOOD " ping=158410"); }

/* The same state once a second, from one second to another, both included. */
static inline void stage_states(uint32_t slot, int64_t from, int64_t to, const char *fields)
{
	for (int64_t second = from; second <= to; second++) {
		stage_go(second * 1000);
		stage_state(slot, fields);
	}
}

/* From here on, for so many seconds. */
static inline void stage_beat(uint32_t slot, int64_t seconds, const char *fields)
{
	for (int64_t end = stage_ms() + seconds * 1000; stage_ms() < end;) {
		stage_go(stage_ms() + 1000);
		stage_state(slot, fields);
	}
}

static inline void stage_host_frame(uint32_t slot, const char *fields)
{
	stage_line(slot, "M 0 id=%s t=%lld %s", stage_at(slot)->identity.id,
		   (long long)(STAGE_START_MS + stage_ms()), fields);
}

static inline void stage_exit(uint32_t slot, int64_t code)
{
	fleet_exited(stage.fleet, slot, code, code == 75);
}

static inline void stage_forget(void)
{
	stage.event_count = stage.action_count = stage.notice_count = stage.moved_count = 0;
	stage.move_count = 0;
}

/* RUNNING now, and nothing told of it. */
static inline void stage_run(uint32_t slot)
{
	stage_hello(slot);
	stage_good(slot);
	assert_int_equal(stage_at(slot)->state, INSTANCE_RUNNING);
	stage_forget();
}

/* ---- what was said ---- */

static inline void stage_is(uint32_t slot, enum instance_state state)
{
	if (stage_at(slot)->state != state)
		fail_msg("at %lld ms %s is %s, not %s", (long long)stage_ms(),
			 stage_at(slot)->identity.id, instance_state_text(stage_at(slot)->state),
			 instance_state_text(state));
}

static inline bool stage_has(uint32_t slot, uint32_t flag) { return stage_at(slot)->flags & flag; }

static inline size_t stage_events(enum fleet_event_kind kind)
{
	size_t count = 0;
	for (size_t i = 0; i < stage.event_count; i++)
		count += stage.events[i].kind == kind;
	return count;
}

static inline const struct stage_event *stage_event(size_t index, enum fleet_event_kind kind,
						    int64_t ms, const char *reason)
{
	assert_true(index < stage.event_count);
	const struct stage_event *event = &stage.events[index];
	assert_string_equal(fleet_event_text(event->kind), fleet_event_text(kind));
	assert_int_equal(event->ms, ms);
	assert_string_equal(event->reason, reason);
	return event;
}

static inline size_t stage_actions(enum fleet_action_kind kind)
{
	size_t count = 0;
	for (size_t i = 0; i < stage.action_count; i++)
		count += stage.actions[i].action.kind == kind;
	return count;
}

/* The newest of its kind. */
static inline const struct stage_action *stage_action(enum fleet_action_kind kind)
{
	for (size_t i = stage.action_count; i-- > 0;)
		if (stage.actions[i].action.kind == kind)
			return &stage.actions[i];
	fail_msg("no action %s", fleet_action_text(kind));
	return NULL;
}

/* How often a rule was noticed so; *ms: the newest time. */
static inline size_t stage_notices(enum alert_rule rule, enum alert_notice what, int64_t *ms)
{
	size_t count = 0;
	for (size_t i = 0; i < stage.notice_count; i++)
		if (stage.notices[i].rule == rule && stage.notices[i].what == what) {
			count++;
			*ms = stage.notices[i].ms;
		}
	return count;
}

static inline void stage_fired_at(enum alert_rule rule, int64_t ms)
{
	int64_t at = -1;
	assert_int_equal(stage_notices(rule, ALERT_FIRED, &at), 1);
	assert_int_equal(at, ms);
}

static inline bool stage_silent(enum alert_rule rule)
{
	int64_t at;
	return stage_notices(rule, ALERT_FIRED, &at) == 0;
}

static inline bool stage_fires(uint32_t slot, enum alert_rule rule)
{
	struct alert_view views[64];
	size_t count = alerts_list(stage.alerts, views, ARRAY_LEN(views));
	for (size_t i = 0; i < count; i++)
		if (views[i].rule == rule &&
		    strcmp(views[i].scope, stage_at(slot)->identity.id) == 0)
			return views[i].state == ALERT_FIRING || views[i].state == ALERT_CLEARING;
	return false;
}

/* ---- ways into a state ---- */

#define STAGE_FORBIDDEN "con=1 ta=0 ma=1 aa=1 ae=1 ping=158410"

/* When its timer comes next, in ms since the stage began. */
static inline int64_t stage_next_ms(void) { return (stage_next_ns() - STAGE_START_NS) / MS_NS; }

/* Until it is in another state, by time alone. */
static inline int64_t stage_leave(uint32_t slot)
{
	enum instance_state from = stage_at(slot)->state;
	while (stage_at(slot)->state == from) {
		assert_true(stage_next_ns() != NEVER);
		stage_go(stage_next_ms());
	}
	return stage_ms();
}

/* A connected terminal in a state, without anything being told of how it came there. */
static inline void stage_reach(uint32_t slot, enum instance_state state)
{
	if (state == INSTANCE_STOPPED)
		return;
	stage_hello(slot);
	if (state != INSTANCE_STARTING)
		stage_good(slot);
	if (state == INSTANCE_DEGRADED)
		stage_state(slot, STAGE_FORBIDDEN);
	if (state == INSTANCE_FAILED || state == INSTANCE_RECOVERING) {
		stage_exit(slot, 1);
		fleet_closed(stage.fleet, slot);
		stage_hello(slot);
	}
	if (state == INSTANCE_RECOVERING) {
		stage_go(stage_ms() + 3000);
		fleet_heard(stage.fleet, slot);
		stage_leave(slot);
	}
	stage_is(slot, state);
	stage_forget();
}

/* STOPPED and HELD after a recovery failure. */
static inline void stage_give_up(uint32_t slot)
{
	stage_reach(slot, INSTANCE_RUNNING);
	for (uint32_t kill = 0; kill <= stage.settings.attempts_max; kill++) {
		stage_exit(slot, 1);
		fleet_closed(stage.fleet, slot);
		if (stage_at(slot)->state == INSTANCE_STOPPED)
			break;
		stage_leave(slot);
		stage_hello(slot);
		stage_good(slot);
	}
	stage_is(slot, INSTANCE_STOPPED);
	assert_true(stage_has(slot, INSTANCE_HELD));
	stage_forget();
}
