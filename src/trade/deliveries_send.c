/* What goes to a terminal and when: order, rate, time that is over. */
#include "base/check.h"
#include "trade/deliveries_impl.h"

enum { TOKEN = 1000 };

struct delivery_slot *delivery_slot(const struct delivery *delivery)
{
	return delivery->slot == UINT32_MAX ? NULL : &delivery->owner->slots[delivery->slot];
}

/* ---- time ---- */

/* In ns, so that the heap of the process serves: a delivery counts in wall ms. */
static int64_t to_ns(int64_t ms) { return ms * 1000000; }

static int64_t earlier(int64_t a_ms, int64_t b_ms) { return a_ms < b_ms ? a_ms : b_ms; }

static int64_t later(int64_t a_ms, int64_t b_ms) { return a_ms > b_ms ? a_ms : b_ms; }

/* When it ends by our clock. */
static int64_t over_ms(const struct delivery *delivery)
{
	int64_t expires_ms = delivery->posting->expires_ms;
	if (delivery->state == DELIVERY_WAITING)
		return delivery->doubt ? later(expires_ms, delivery->doubt_until_ms) : expires_ms;
	if (delivery->state != DELIVERY_SENT || delivery->doubt ||
	    expires_ms > INT64_MAX - DELIVERY_ANSWER_MS)
		return INT64_MAX;
	return expires_ms + DELIVERY_ANSWER_MS;
}

bool delivery_time_is_over(const struct delivery *delivery)
{
	return delivery->owner->now_ms >= over_ms(delivery);
}

static bool wants_to_go(const struct delivery *delivery)
{
	return delivery->posting->routed && (delivery->state == DELIVERY_WAITING ||
					     (delivery->resend && !delivery_is_over(delivery)));
}

void delivery_arm(struct delivery *delivery)
{
	int64_t now_ms = delivery->owner->now_ms, due_ms = over_ms(delivery);
	if (delivery->end_due || delivery->ended_due || delivery->unk_due)
		due_ms = earlier(due_ms, now_ms + DELIVERY_RETRY_MS);
	if (wants_to_go(delivery) && delivery->not_before_ms > now_ms)
		due_ms = earlier(due_ms, delivery->not_before_ms);
	if (due_ms > INT64_MAX / 1000000)
		timers_cancel(delivery->owner->timers, &delivery->timer);
	else
		timers_arm(delivery->owner->timers, &delivery->timer, to_ns(due_ms));
}

void delivery_timer(void *ctx)
{
	struct delivery *delivery = ctx;
	struct deliveries *deliveries = delivery->owner;
	uint32_t slot = delivery->slot;
	if (delivery->unk_due)
		delivery_tell_unknown(delivery);
	if (delivery_end_due(delivery))
		return;
	if (delivery_time_is_over(delivery))
		delivery_end(delivery, "exp",
			     delivery->state == DELIVERY_SENT ? "unanswered" : "undelivered");
	else
		delivery_arm(delivery);
	deliveries_pump(deliveries, slot);
}

void delivery_slot_timer(void *ctx)
{
	struct delivery_slot *slot = ctx;
	deliveries_pump(slot->owner, (uint32_t)(slot - slot->owner->slots));
}

/* ---- rate ---- */

static void refill(struct delivery_slot *slot, int64_t now_ms)
{
	int64_t passed_ms = now_ms > slot->tokens_ms ? now_ms - slot->tokens_ms : 0;
	int64_t most = (int64_t)slot->rate * TOKEN; /* a second's worth at once */
	if (passed_ms > 1000)
		passed_ms = 1000;
	slot->tokens_ms = now_ms;
	slot->tokens += passed_ms * slot->rate;
	if (slot->tokens > most)
		slot->tokens = most;
}

static void wait_for_token(struct delivery_slot *slot, int64_t now_ms)
{
	int64_t lack = TOKEN - slot->tokens;
	int64_t wait_ms = slot->rate ? (lack + slot->rate - 1) / slot->rate : 1000;
	timers_arm(slot->owner->timers, &slot->timer, to_ns(now_ms + wait_ms));
}

/* ---- sending ---- */

/* One whose time is over is only asked about, where a terminal may have it. */
static bool may_go(const struct delivery *delivery)
{
	int64_t now_ms = delivery->owner->now_ms;
	bool over = delivery->state == DELIVERY_WAITING && !delivery->doubt &&
		    now_ms >= delivery->posting->expires_ms;
	return wants_to_go(delivery) && !over && delivery->not_before_ms <= now_ms;
}

/* A new one that is halted or beyond a limit by now ends. What may be there already is
 * only asked about: with no time left the terminal makes no order of it. */
static bool bar(struct delivery *delivery)
{
	bool asked = delivery->state != DELIVERY_WAITING || delivery->doubt;
	delivery->barred = delivery_barred(delivery, LIMITS_SENDING);
	if (!delivery->barred || asked)
		return false;
	delivery_end(delivery, "refused", delivery->barred);
	return true;
}

static void note_sending(struct delivery *delivery)
{
	struct deliveries *deliveries = delivery->owner;
	*(delivery->resend ? &deliveries->counts.sent_again : &deliveries->counts.sent) += 1;
	delivery->asked += delivery->doubt;
	delivery->sent++;
	if (!delivery->sent_ms)
		delivery->sent_ms = deliveries->now_ms;
	delivery_step(delivery, DELIVERY_STEP_SENT);
}

/* False: it could not be sent, and neither can those behind it. */
static bool send(struct delivery *delivery)
{
	struct deliveries *deliveries = delivery->owner;
	const struct posting *posting = delivery->posting;
	struct buf line = buf_over(deliveries->line, sizeof deliveries->line);
	uint64_t down = deliveries->hooks.next_down(deliveries->hooks.ctx);
	int64_t left_ms = delivery->barred ? 0 : posting->expires_ms - deliveries->now_ms;
	if (!down)
		return false;
	signal_write(&line, &posting->signal, str_of(delivery->symbol), down, posting->sid,
		     later(left_ms, 0));
	CHECK(!line.overflow);
	if (deliveries->hooks.send(deliveries->hooks.ctx, delivery->slot, buf_str(&line)))
		return false;
	delivery->down = down;
	note_sending(delivery);
	delivery->resend = delivery->doubt; /* until it is answered */
	if (delivery->doubt)
		delivery->not_before_ms = deliveries->now_ms + DELIVERY_ASK_MS;
	delivery_enter(delivery,
		       delivery->state == DELIVERY_RECEIVED ? DELIVERY_RECEIVED : DELIVERY_SENT);
	return true;
}

/* What may go of those that are sent again, or of those that wait. False: no more now. */
static bool pump(struct delivery_slot *slot, bool again)
{
	struct deliveries *deliveries = slot->owner;
	for (struct delivery *delivery = slot->all.first, *next; delivery; delivery = next) {
		next = delivery->next;
		if ((delivery->state != DELIVERY_WAITING) != again || !may_go(delivery))
			continue;
		if (slot->tokens < TOKEN) {
			wait_for_token(slot, deliveries->now_ms);
			return false;
		}
		if (bar(delivery))
			continue;
		if (!send(delivery)) {
			timers_arm(deliveries->timers, &slot->timer,
				   to_ns(deliveries->now_ms + DELIVERY_RETRY_MS));
			return false;
		}
		slot->tokens -= TOKEN;
	}
	return true;
}

/* Those that it may have come first: new ones could depend on what became of them. While
 * the slot's timer runs there is nothing to be had before it. */
void deliveries_pump(struct deliveries *deliveries, uint32_t at)
{
	if (at == UINT32_MAX)
		return;
	struct delivery_slot *slot = &deliveries->slots[at];
	if (!slot->open || !slot->connected || slot->timer.slot)
		return;
	refill(slot, deliveries->now_ms);
	if (pump(slot, true))
		pump(slot, false);
}
