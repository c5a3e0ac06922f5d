#include "trade/deliveries.h"

#include "base/check.h"
#include "trade/deliveries_impl.h"

/* ---- states ---- */

bool delivery_is_over(const struct delivery *delivery)
{
	return delivery->state == DELIVERY_ENDING || delivery->state == DELIVERY_ENDED;
}

static bool is_in_flight(const struct delivery *delivery)
{
	return delivery->state == DELIVERY_SENT || delivery->state == DELIVERY_RECEIVED;
}

static void hold(const struct delivery *delivery, int by)
{
	const struct posting *posting = delivery->posting;
	struct limits *limits = delivery->owner->config.limits;
	if (limits && posting->opens && delivery->slot != UINT32_MAX)
		limits_hold(limits, delivery->slot,
			    delivery->state == DELIVERY_WAITING ? LIMITS_TAKING : LIMITS_SENDING,
			    posting->volume, by);
}

void delivery_count(struct delivery *delivery, int by)
{
	struct delivery_slot *slot = delivery_slot(delivery);
	struct deliveries_counts *counts = &delivery->owner->counts;
	uint32_t step = (uint32_t)by;
	if (delivery_is_over(delivery)) {
		counts->ended[delivery_bucket_of(str_of(delivery->end_st), delivery->sent)] += step;
		return;
	}
	hold(delivery, by);
	if (delivery->state == DELIVERY_WAITING) {
		counts->waiting += step;
		if (slot)
			slot->waiting += step;
	} else {
		counts->in_flight += step;
		if (slot)
			slot->in_flight += step;
	}
}

void delivery_tell_queue(const struct delivery *delivery)
{
	const struct delivery_hooks *hooks = &delivery->owner->hooks;
	const struct delivery_slot *slot = delivery_slot(delivery);
	if (slot)
		hooks->queue(hooks->ctx, delivery->slot, slot->waiting, slot->in_flight);
}

static struct delivery_view view_of(const struct delivery *delivery)
{
	return (struct delivery_view){
		.sid = delivery->posting->sid,
		.entry = delivery->posting->entry,
		.slot = delivery->slot,
		.id = signal_text(&delivery->posting->signal, SIGNAL_id),
		.instance = str_of(delivery->instance),
		.state = delivery->state,
		.down = delivery->down,
		.sent = delivery->sent,
		.expires_ms = delivery->posting->expires_ms,
		.sent_ms = delivery->sent_ms,
		.confirmed_ms = delivery->confirmed_ms,
	};
}

static void tell_state(const struct delivery *delivery)
{
	const struct delivery_hooks *hooks = &delivery->owner->hooks;
	const struct delivery_view view = view_of(delivery);
	if (is_in_flight(delivery))
		hooks->state(hooks->ctx, &view);
}

size_t deliveries_each(const struct deliveries *deliveries, uint64_t sid,
		       void (*fn)(void *ctx, const struct delivery_view *delivery), void *ctx)
{
	const struct posting *posting = posting_find(deliveries, sid);
	size_t count = 0;
	for (const struct delivery *delivery = posting ? posting->first : NULL; delivery;
	     delivery = delivery->after, count++) {
		const struct delivery_view view = view_of(delivery);
		fn(ctx, &view);
	}
	return count;
}

void delivery_enter(struct delivery *delivery, enum delivery_state state)
{
	bool same = delivery->state == state;
	delivery_count(delivery, -1);
	delivery->state = state;
	delivery_count(delivery, 1);
	delivery_arm(delivery);
	tell_state(delivery);
	if (!same)
		delivery_tell_queue(delivery);
}

/* ---- terminals come and go ---- */

/* Now, whatever it waited for. */
static void pump_anew(struct deliveries *deliveries, uint32_t slot)
{
	timers_cancel(deliveries->timers, &deliveries->slots[slot].timer);
	deliveries_pump(deliveries, slot);
}

void deliveries_open(struct deliveries *deliveries, uint32_t slot, uint32_t rate)
{
	deliveries->slots[slot].open = true;
	deliveries_rate(deliveries, slot, rate);
}

void deliveries_rate(struct deliveries *deliveries, uint32_t slot, uint32_t rate)
{
	struct delivery_slot *terminal = &deliveries->slots[slot];
	if (!terminal->rate) /* its first second's worth */
		terminal->tokens = (int64_t)rate * 1000;
	terminal->rate = rate;
	pump_anew(deliveries, slot);
}

void deliveries_refuse(struct deliveries *deliveries, uint32_t slot, uint32_t above)
{
	deliveries->slots[slot].refuse_above = above;
}

void deliveries_pause(struct deliveries *deliveries, uint32_t slot)
{
	deliveries->slots[slot].open = false;
}

void deliveries_gone(struct deliveries *deliveries, uint32_t slot)
{
	struct delivery *delivery = deliveries->slots[slot].all.first;
	deliveries->slots[slot].connected = false;
	for (; delivery; delivery = delivery->next) {
		if (delivery->state != DELIVERY_SENT)
			continue;
		delivery_doubt(delivery, "connection");
		delivery_arm(delivery);
	}
}

void deliveries_resume(struct deliveries *deliveries, uint32_t slot, uint64_t down)
{
	struct delivery *delivery = deliveries->slots[slot].all.first;
	deliveries->slots[slot].connected = true;
	for (; delivery; delivery = delivery->next) {
		bool handled = delivery->down && delivery->down <= down;
		if (!is_in_flight(delivery))
			continue;
		delivery->resend = true;
		delivery->not_before_ms = 0;
		if (handled && delivery->state == DELIVERY_SENT)
			delivery->not_before_ms = deliveries->now_ms + DELIVERY_ASK_MS;
		delivery_arm(delivery);
	}
	pump_anew(deliveries, slot);
}

void deliveries_unknown(struct deliveries *deliveries, uint32_t slot)
{
	struct delivery *delivery = deliveries->slots[slot].all.first;
	for (; delivery; delivery = delivery->next)
		delivery_tell_unknown(delivery);
}

static void end_all(struct deliveries *deliveries, uint32_t slot, enum delivery_state state,
		    const char *st, const char *why)
{
	struct delivery *delivery = deliveries->slots[slot].all.first, *next;
	for (; delivery; delivery = next) {
		next = delivery->next;
		if (delivery->state == state)
			delivery_end(delivery, st, why);
	}
}

void deliveries_halted(struct deliveries *deliveries)
{
	for (uint32_t slot = 0; deliveries->config.halts && slot < deliveries->config.slots;
	     slot++) {
		struct delivery *delivery = deliveries->slots[slot].all.first, *next;
		for (; delivery; delivery = next) {
			next = delivery->next;
			if (delivery->state == DELIVERY_WAITING && !delivery->doubt &&
			    delivery_is_halted(delivery))
				delivery_end(delivery, "refused", "halted");
		}
	}
}

void deliveries_drop(struct deliveries *deliveries, uint32_t slot, const char *why)
{
	end_all(deliveries, slot, DELIVERY_WAITING, "fail", why);
	deliveries_unknown(deliveries, slot);
}

void deliveries_remove(struct deliveries *deliveries, uint32_t slot)
{
	struct delivery_slot *terminal = &deliveries->slots[slot];
	end_all(deliveries, slot, DELIVERY_WAITING, "fail", "removed");
	end_all(deliveries, slot, DELIVERY_SENT, "unk", "removed");
	end_all(deliveries, slot, DELIVERY_RECEIVED, "unk", "removed");
	timers_cancel(deliveries->timers, &terminal->timer);
	terminal->open = terminal->connected = false;
	terminal->rate = 0;
	terminal->refuse_above = UINT32_MAX;
	if (deliveries->config.limits)
		limits_forget(deliveries->config.limits, slot);
}

/* ---- what terminals say ---- */

/* Of one that it has confirmed once, busy only means: not now. */
static void on_busy(struct delivery *delivery)
{
	bool has_it = delivery->state == DELIVERY_RECEIVED;
	delivery->not_before_ms = delivery->owner->now_ms + DELIVERY_BUSY_MS;
	delivery->doubt = false;
	delivery->resend = has_it;
	delivery_enter(delivery, has_it ? DELIVERY_RECEIVED : DELIVERY_WAITING);
}

static void on_received(struct delivery *delivery)
{
	if (delivery->state != DELIVERY_RECEIVED) {
		delivery->owner->counts.received++;
		delivery_step(delivery, DELIVERY_STEP_CONFIRMED);
	}
	if (!delivery->confirmed_ms)
		delivery->confirmed_ms = delivery->owner->now_ms;
	delivery->doubt = delivery->resend = false;
	delivery_enter(delivery, DELIVERY_RECEIVED);
}

/* It was asked about without time, for a reason of ours: then that is why there is no
 * order. */
static void on_expired(struct delivery *delivery)
{
	if (delivery->barred && delivery->posting->expires_ms > delivery->owner->now_ms)
		delivery_end(delivery, "refused", delivery->barred);
	else
		delivery_end(delivery, "exp", "terminal");
}

/* What the terminal did not take it says of one sending only: it may have taken a later
 * one, and an old answer can come after that (it is reliable, and sent again on resume). */
static void on_not_taken(struct delivery *delivery, struct str st)
{
	if (str_eq(st, STR("exp")))
		on_expired(delivery);
	else if (str_eq(st, STR("bad")))
		delivery_end(delivery, "fail", "bad");
	else if (str_eq(st, STR("stop")))
		delivery_end(delivery, "fail", "stopped");
	else if (str_eq(st, STR("busy")) && is_in_flight(delivery))
		on_busy(delivery);
}

void deliveries_ack(struct deliveries *deliveries, uint32_t slot, const struct mfp_frame *frame)
{
	uint64_t sid = (uint64_t)mfp_i64(frame, MFP_ack_sid, 0);
	struct delivery *delivery = delivery_find(deliveries, sid, slot);
	struct str st = mfp_raw(frame, MFP_ack_st);
	if (!delivery || delivery_is_over(delivery))
		return;
	if (str_eq(st, STR("rx")) || str_eq(st, STR("dup")))
		on_received(delivery);
	else if (delivery->down && (uint64_t)mfp_i64(frame, MFP_ack_dn, 0) == delivery->down)
		on_not_taken(delivery, st);
}

uint64_t deliveries_result(struct deliveries *deliveries, uint32_t slot,
			   const struct result *result)
{
	uint64_t sid;
	if (str_to_u64(result->fields[RESULT_sid], &sid))
		return 0;
	struct delivery *delivery = delivery_find(deliveries, sid, slot);
	if (!delivery || delivery->state == DELIVERY_ENDED) {
		deliveries->counts.late++;
		return 0;
	}
	if (result->final) {
		delivery_end_by_terminal(delivery, result);
		return delivery_tag(delivery);
	}
	if (delivery_is_over(delivery))
		return 0;
	if (str_eq(result->fields[RESULT_st], STR("part")))
		delivery_step(delivery, DELIVERY_STEP_PART);
	on_received(delivery);
	return 0;
}

struct str deliveries_id(const struct deliveries *deliveries, uint64_t sid)
{
	const struct posting *posting = posting_find(deliveries, sid);
	return posting ? signal_text(&posting->signal, SIGNAL_id) : STR("");
}

void deliveries_recorded(struct deliveries *deliveries, uint64_t tag)
{
	struct delivery *delivery = delivery_by_tag(deliveries, tag);
	if (delivery && delivery->state == DELIVERY_ENDING)
		delivery_ended(delivery);
}

void deliveries_archived(struct deliveries *deliveries, uint64_t tag)
{
	struct delivery *delivery = delivery_by_tag(deliveries, tag);
	if (delivery && delivery->state == DELIVERY_ENDED && !delivery->ended_due)
		delivery_over(delivery);
}

/* ---- time ---- */

/* The clock was set back: what was to be waited for is not worth more than that. */
static void set_back(struct deliveries *deliveries, int64_t now_ms)
{
	int64_t back_ms = deliveries->now_ms - now_ms;
	deliveries->now_ms = now_ms;
	for (uint32_t slot = 0; slot < deliveries->config.slots; slot++) {
		struct delivery *delivery = deliveries->slots[slot].all.first;
		for (; delivery; delivery = delivery->next) {
			delivery->not_before_ms -= back_ms;
			delivery->doubt_until_ms -= back_ms;
			delivery_arm(delivery);
		}
		pump_anew(deliveries, slot);
	}
}

void deliveries_step(struct deliveries *deliveries, int64_t now_ms)
{
	if (now_ms < deliveries->now_ms)
		set_back(deliveries, now_ms);
	deliveries->now_ms = now_ms;
	if (deliveries->config.limits)
		limits_step(deliveries->config.limits, now_ms);
	timers_run(deliveries->timers, now_ms * 1000000, 2 * DELIVERIES_MAX);
}

int64_t deliveries_next_ms(const struct deliveries *deliveries)
{
	int64_t next_ns = timers_next_ns(deliveries->timers);
	return next_ns == INT64_MAX ? INT64_MAX : (next_ns + 999999) / 1000000;
}

struct deliveries_counts deliveries_counts(const struct deliveries *deliveries)
{
	return deliveries->counts;
}
