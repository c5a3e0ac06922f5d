#include "trade/deliveries.h"

#include "base/check.h"
#include "trade/deliveries_impl.h"

/* ---- states ---- */

static bool is_in_flight(const struct delivery *delivery)
{
	return delivery->state == DELIVERY_SENT || delivery->state == DELIVERY_RECEIVED;
}

static void count(struct delivery *delivery, int by)
{
	struct delivery_slot *slot = delivery_slot(delivery);
	struct deliveries_counts *counts = &delivery->owner->counts;
	uint32_t step = (uint32_t)by;
	if (delivery->state == DELIVERY_WAITING) {
		counts->waiting += step;
		if (slot)
			slot->waiting += step;
	} else if (is_in_flight(delivery)) {
		counts->in_flight += step;
		if (slot)
			slot->in_flight += step;
	}
}

static void tell_queue(const struct delivery *delivery)
{
	const struct delivery_hooks *hooks = &delivery->owner->hooks;
	const struct delivery_slot *slot = delivery_slot(delivery);
	if (slot)
		hooks->queue(hooks->ctx, delivery->slot, slot->waiting, slot->in_flight);
}

static void tell_state(const struct delivery *delivery)
{
	const struct delivery_hooks *hooks = &delivery->owner->hooks;
	const struct delivery_view view = {
		.sid = delivery->sid,
		.entry = delivery->entry,
		.slot = delivery->slot,
		.id = signal_text(&delivery->signal, SIGNAL_id),
		.state = delivery->state,
		.down = delivery->down,
		.expires_ms = delivery->expires_ms,
	};
	if (is_in_flight(delivery))
		hooks->state(hooks->ctx, &view);
}

void delivery_enter(struct delivery *delivery, enum delivery_state state)
{
	bool same = delivery->state == state;
	count(delivery, -1);
	delivery->state = state;
	count(delivery, 1);
	delivery_arm(delivery);
	tell_state(delivery);
	if (!same)
		tell_queue(delivery);
}

/* ---- endings of weir's own ---- */

static void count_end(const struct delivery *delivery, const char *st)
{
	struct deliveries_counts *counts = &delivery->owner->counts;
	if (strcmp(st, "exp") == 0)
		counts->expired++;
	else if (strcmp(st, "refused") == 0)
		counts->refused++;
	else if (strcmp(st, "unk") == 0)
		counts->unknown += !delivery->unk_told;
	else
		counts->failed++;
}

void delivery_end(struct delivery *delivery, const char *st, const char *why)
{
	struct deliveries *deliveries = delivery->owner;
	struct str text = str_of(why);
	if (text.len > DELIVERY_WHY_MAX)
		text.len = DELIVERY_WHY_MAX;
	memmove(delivery->end_why, text.ptr, text.len);
	delivery->end_why[text.len] = 0;
	result_of_weir(&deliveries->result, delivery->sid,
		       signal_text(&delivery->signal, SIGNAL_id), str_of(delivery->instance), st,
		       str_of(delivery->end_why), deliveries->now_ms);
	bool taken = deliveries->hooks.result(deliveries->hooks.ctx, &deliveries->result,
					      delivery->sid) == STATUS_OK;
	delivery->end_st = taken ? NULL : st;
	if (delivery->state != DELIVERY_ENDING)
		count_end(delivery, st);
	delivery_enter(delivery, DELIVERY_ENDING);
}

/* Not final: the terminal decides when it is back. */
void delivery_tell_unknown(struct delivery *delivery)
{
	struct deliveries *deliveries = delivery->owner;
	if (delivery->unk_told || !is_in_flight(delivery)) {
		delivery->unk_due = false;
		return;
	}
	result_of_weir(&deliveries->result, delivery->sid,
		       signal_text(&delivery->signal, SIGNAL_id), str_of(delivery->instance), "unk",
		       STR("failed"), deliveries->now_ms);
	delivery->unk_told =
	    deliveries->hooks.result(deliveries->hooks.ctx, &deliveries->result, 0) == STATUS_OK;
	delivery->unk_due = !delivery->unk_told;
	deliveries->counts.unknown += delivery->unk_told;
	delivery_arm(delivery);
}

/* ---- in ---- */

/* Why a signal that is right in itself cannot be taken; NULL: it can. */
static const char *refusal(const struct deliveries *deliveries, uint32_t slot, const char **st)
{
	if (slot == UINT32_MAX)
		return signal_field_name(SIGNAL_to);
	const struct delivery_slot *terminal = &deliveries->slots[slot];
	if (terminal->waiting <= terminal->refuse_above)
		return NULL;
	*st = "fail";
	return "queue";
}

/* Where the id of its entry gives no sid: a number that no entry's id gives. */
static uint64_t sid_of(const struct delivery_entry *entry)
{
	if (entry->sid)
		return entry->sid;
	const struct str bytes = str_make((const char *)&entry->id, sizeof entry->id);
	return UINT64_C(1) << 62 | str_hash(bytes) >> 2;
}

/* What is wrong with the entry, and how it ends for it; NULL: nothing. */
static const char *fault_of(const struct deliveries *deliveries, const struct delivery_entry *entry,
			    struct signal *signal, uint32_t *slot, const char **st)
{
	bool many = entry->count > DELIVERY_FIELDS_MAX;
	const char *fault = signal_read(signal, entry->keys, entry->values,
					many ? DELIVERY_FIELDS_MAX : entry->count);
	*st = "refused";
	*slot = deliveries->hooks.find(deliveries->hooks.ctx, signal_text(signal, SIGNAL_to));
	if (!entry->sid)
		return "id";
	if (many)
		return "fields";
	if (fault)
		return fault;
	return entry->again ? NULL : refusal(deliveries, *slot, st);
}

static bool is_known(struct deliveries *deliveries, const struct delivery_entry *entry,
		     const struct signal *signal)
{
	const struct delivery_hooks *hooks = &deliveries->hooks;
	if (!entry->again || !hooks->ended ||
	    !hooks->ended(hooks->ctx, sid_of(entry), signal_text(signal, SIGNAL_to)))
		return false;
	deliveries->counts.known++;
	hooks->done(hooks->ctx, sid_of(entry), entry->id);
	return true;
}

/* A terminal may have it. Without one nobody will ever tell. */
static void begin_again(struct delivery *delivery, bool stood)
{
	struct deliveries *deliveries = delivery->owner;
	delivery->doubt = true;
	if (delivery->slot == UINT32_MAX) {
		delivery_end(delivery, stood ? "unk" : "refused", stood ? "removed" : "to");
	} else if (stood) {
		delivery->resend = true;
		delivery_enter(delivery, DELIVERY_SENT);
	} else {
		delivery->doubt_until_ms = deliveries->now_ms + DELIVERY_AGAIN_MS;
		delivery_arm(delivery);
		tell_queue(delivery);
	}
}

/* It outlives the terminal's stay in its slot; of one that is gone already it is what the
 * signal calls it. */
static void keep_name(struct delivery *delivery, bool again)
{
	const struct delivery_hooks *hooks = &delivery->owner->hooks;
	struct str name = STR("");
	if (delivery->slot != UINT32_MAX)
		name = hooks->name(hooks->ctx, delivery->slot);
	else if (again)
		name = signal_text(&delivery->signal, SIGNAL_to);
	if (str_copy(name, delivery->instance, sizeof delivery->instance) != STATUS_OK)
		delivery->instance[0] = 0;
}

bool deliveries_take(struct deliveries *deliveries, const struct delivery_entry *entry)
{
	struct signal signal;
	uint32_t slot;
	const char *st;
	if (delivery_find(deliveries, sid_of(entry)))
		return true; /* told twice */
	const char *fault = fault_of(deliveries, entry, &signal, &slot, &st);
	if (is_known(deliveries, entry, &signal))
		return true;
	struct delivery *delivery = delivery_alloc(deliveries, sid_of(entry), slot);
	if (!delivery)
		return false;
	deliveries->counts.taken++;
	delivery->entry = entry->id;
	delivery->signal = signal;
	keep_name(delivery, entry->stood.len > 0);
	delivery->expires_ms =
	    signal_i64(&signal, SIGNAL_exp, (int64_t)entry->id.ms + DELIVERY_TTL_MS);
	count(delivery, 1);
	if (fault) {
		delivery_end(delivery, st, fault);
		return true;
	}
	if (entry->again) {
		begin_again(delivery, entry->stood.len > 0);
	} else {
		delivery_arm(delivery);
		tell_queue(delivery);
	}
	deliveries_pump(deliveries, slot);
	return true;
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
		delivery->doubt = true;
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
	delivery->owner->counts.received += delivery->state != DELIVERY_RECEIVED;
	delivery->doubt = delivery->resend = false;
	delivery_enter(delivery, DELIVERY_RECEIVED);
}

/* What the terminal did not take it says of one sending only: it may have taken a later
 * one, and an old answer can come after that (it is reliable, and sent again on resume). */
static void on_not_taken(struct delivery *delivery, struct str st)
{
	if (str_eq(st, STR("exp")))
		delivery_end(delivery, "exp", "terminal");
	else if (str_eq(st, STR("bad")))
		delivery_end(delivery, "fail", "bad");
	else if (str_eq(st, STR("stop")))
		delivery_end(delivery, "fail", "stopped");
	else if (str_eq(st, STR("busy")) && is_in_flight(delivery))
		on_busy(delivery);
}

void deliveries_ack(struct deliveries *deliveries, uint32_t slot, const struct mfp_frame *frame)
{
	struct delivery *delivery =
	    delivery_find(deliveries, (uint64_t)mfp_i64(frame, MFP_ack_sid, 0));
	struct str st = mfp_raw(frame, MFP_ack_st);
	if (!delivery || delivery->slot != slot || delivery->state == DELIVERY_ENDING)
		return;
	if (str_eq(st, STR("rx")) || str_eq(st, STR("dup")))
		on_received(delivery);
	else if (delivery->down && (uint64_t)mfp_i64(frame, MFP_ack_dn, 0) == delivery->down)
		on_not_taken(delivery, st);
}

/* The terminal's own end is better than what weir could not say yet. */
static uint64_t end_by_terminal(struct delivery *delivery, const struct result *result)
{
	struct deliveries_counts *counts = &delivery->owner->counts;
	if (delivery->state != DELIVERY_ENDING) {
		struct str st = result->fields[RESULT_st];
		counts->done += str_eq(st, STR("done"));
		counts->expired += str_eq(st, STR("exp"));
		counts->failed += str_eq(st, STR("fail"));
	}
	delivery->end_st = NULL;
	delivery_enter(delivery, DELIVERY_ENDING);
	return delivery->sid;
}

uint64_t deliveries_result(struct deliveries *deliveries, uint32_t slot,
			   const struct result *result)
{
	uint64_t sid;
	if (str_to_u64(result->fields[RESULT_sid], &sid))
		return 0;
	struct delivery *delivery = delivery_find(deliveries, sid);
	if (!delivery || delivery->slot != slot) {
		deliveries->counts.late++;
		return 0;
	}
	if (result->final)
		return end_by_terminal(delivery, result);
	if (delivery->state != DELIVERY_ENDING)
		on_received(delivery);
	return 0;
}

struct str deliveries_id(const struct deliveries *deliveries, uint64_t sid)
{
	const struct delivery *delivery = delivery_find(deliveries, sid);
	return delivery ? signal_text(&delivery->signal, SIGNAL_id) : STR("");
}

void deliveries_recorded(struct deliveries *deliveries, uint64_t tag)
{
	struct delivery *delivery = delivery_find(deliveries, tag);
	if (!delivery || delivery->state != DELIVERY_ENDING)
		return;
	struct delivery_entry_id entry = delivery->entry;
	delivery_free(delivery);
	deliveries->hooks.done(deliveries->hooks.ctx, tag, entry);
}

/* ---- time ---- */

/* The clock was set back: what was to be waited for is not worth more than that. */
static void set_back(struct deliveries *deliveries, int64_t now_ms)
{
	int64_t back_ms = deliveries->now_ms - now_ms;
	deliveries->now_ms = now_ms;
	for (uint32_t slot = 0; slot < deliveries->slot_count; slot++) {
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
	timers_run(deliveries->timers, now_ms * 1000000, DELIVERIES_MAX);
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
