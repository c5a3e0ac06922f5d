/* How deliveries end, and what is told of it. */
#include "base/check.h"
#include "trade/deliveries_impl.h"

const char *delivery_step_text(enum delivery_step_kind kind)
{
	static const char *const texts[] = { "taken", "sent", "confirmed", "part", "unk", "ended" };
	CHECK((unsigned)kind < ARRAY_LEN(texts));
	return texts[kind];
}

const char *delivery_bucket_text(enum delivery_bucket bucket)
{
	static const char *const texts[DELIVERY_BUCKETS] = {
		"refused", "expired_undelivered", "done",
		"failed",  "expired_at_terminal", "unknown",
		"recorded"
	};
	CHECK((unsigned)bucket < DELIVERY_BUCKETS);
	return texts[bucket];
}

enum delivery_bucket delivery_bucket_of(struct str st, uint32_t sent)
{
	if (str_eq(st, STR("done")))
		return DELIVERY_DONE;
	if (str_eq(st, STR("exp")))
		return sent ? DELIVERY_EXPIRED_AT_TERMINAL : DELIVERY_EXPIRED_UNDELIVERED;
	if (str_eq(st, STR("refused")))
		return DELIVERY_REFUSED;
	if (str_eq(st, STR("unk")))
		return DELIVERY_UNKNOWN;
	if (str_eq(st, STR("?")))
		return DELIVERY_RECORDED;
	return sent ? DELIVERY_FAILED : DELIVERY_REFUSED;
}

void delivery_step(struct delivery *delivery, enum delivery_step_kind kind)
{
	uint32_t most = kind == DELIVERY_STEP_ENDED ? DELIVERY_STEPS_MAX : DELIVERY_STEPS_MAX - 1;
	if (delivery->step_count < most)
		delivery->steps[delivery->step_count++] =
		    (struct delivery_step){ delivery->owner->now_ms, delivery->sent, kind };
}

/* ---- outcomes that are not known ---- */

static void note_unknown(struct delivery *delivery, const char *why)
{
	if (delivery->unknown_ms)
		return;
	delivery->unknown_ms = delivery->owner->now_ms;
	delivery->unknown_why = why;
	delivery_step(delivery, DELIVERY_STEP_UNKNOWN);
}

void delivery_doubt(struct delivery *delivery, const char *why)
{
	delivery->doubt = true;
	note_unknown(delivery, why);
}

static enum status put_result(struct delivery *delivery, const char *st, struct str why,
			      uint64_t tag)
{
	struct deliveries *deliveries = delivery->owner;
	const struct posting *posting = delivery->posting;
	result_of_weir(&deliveries->result, posting->sid, signal_text(&posting->signal, SIGNAL_id),
		       str_of(delivery->instance), st, why, delivery->sent, deliveries->now_ms);
	return deliveries->hooks.result(deliveries->hooks.ctx, &deliveries->result, tag);
}

/* Not final: the terminal decides when it is back. */
void delivery_tell_unknown(struct delivery *delivery)
{
	bool in_flight = delivery->state == DELIVERY_SENT || delivery->state == DELIVERY_RECEIVED;
	if (delivery->unk_told || !in_flight) {
		delivery->unk_due = false;
		return;
	}
	note_unknown(delivery, "failed");
	delivery->unk_told = put_result(delivery, "unk", STR("failed"), 0) == STATUS_OK;
	delivery->unk_due = !delivery->unk_told;
	delivery->owner->counts.unknown += delivery->unk_told;
	delivery_arm(delivery);
}

/* ---- endings ---- */

static void count_end(const struct delivery *delivery)
{
	struct deliveries_counts *counts = &delivery->owner->counts;
	struct str st = str_of(delivery->end_st);
	if (str_eq(st, STR("done")))
		counts->done++;
	else if (str_eq(st, STR("exp")))
		counts->expired++;
	else if (str_eq(st, STR("refused")))
		counts->refused++;
	else if (str_eq(st, STR("unk")))
		counts->unknown += !delivery->unk_told;
	else
		counts->failed++;
}

/* Cut where a character ends. */
static void keep_why(struct delivery *delivery, struct str why)
{
	size_t len = 0, next;
	while (len < why.len && (next = str_utf8_len(str_skip(why, len))) > 0 &&
	       len + next <= DELIVERY_WHY_MAX)
		len += next;
	if (len > 0)
		memmove(delivery->end_why, why.ptr, len);
	delivery->end_why[len] = 0;
}

/* Its end is decided; where it was already (the terminal's own word is better than what
 * weir could not say yet), it is another. */
static void decide(struct delivery *delivery, const char *st, struct str why)
{
	bool first = !delivery_is_over(delivery);
	delivery_count(delivery, -1);
	delivery->end_st = st;
	keep_why(delivery, why);
	delivery->state = DELIVERY_ENDING;
	delivery_count(delivery, 1);
	if (!first)
		return;
	delivery->ended_ms = delivery->owner->now_ms;
	delivery_step(delivery, DELIVERY_STEP_ENDED);
	count_end(delivery);
	delivery_tell_queue(delivery);
}

static void record(struct delivery *delivery)
{
	delivery->end_due = put_result(delivery, delivery->end_st, str_of(delivery->end_why),
				       delivery_tag(delivery)) != STATUS_OK;
	delivery_arm(delivery);
}

void delivery_end(struct delivery *delivery, const char *st, const char *why)
{
	decide(delivery, st, str_of(why));
	record(delivery);
}

static const char *terminal_word(struct str st)
{
	static const char *const words[] = { "done", "fail", "exp", "refused" };
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (str_eq(st, str_of(words[i])))
			return words[i];
	return "fail";
}

/* What it opened counts until the terminal shows it. */
static void settle(const struct delivery *delivery, const struct result *result)
{
	struct limits *limits = delivery->owner->config.limits;
	uint64_t position;
	if (limits && delivery->posting->opens && result->deal &&
	    str_to_u64(result->fields[RESULT_pos], &position) == STATUS_OK)
		limits_settle(limits, delivery->slot, position, delivery->posting->volume);
}

void delivery_end_by_terminal(struct delivery *delivery, const struct result *result)
{
	struct str why = result->fields[RESULT_why];
	const char *st = terminal_word(result->fields[RESULT_st]);
	if (!delivery_is_over(delivery) && strcmp(st, "done") == 0)
		settle(delivery, result);
	delivery_count(delivery, -1);
	if (!delivery->sent)
		delivery->sent = 1; /* by an earlier run, which could not say so */
	delivery_count(delivery, 1);
	delivery->deal = result->deal;
	delivery->end_due = false;
	decide(delivery, st, why.len ? why : result->fields[RESULT_rc]);
	delivery_arm(delivery);
}

/* ---- afterwards ---- */

void delivery_over(struct delivery *delivery)
{
	struct deliveries *deliveries = delivery->owner;
	const struct delivery_hooks *hooks = &deliveries->hooks;
	uint64_t sid = delivery->posting->sid;
	struct delivery_entry_id entry = delivery->posting->entry;
	delivery_count(delivery, -1);
	if (delivery_free(delivery))
		hooks->done(hooks->ctx, sid, entry);
}

static struct str broker_symbol(const struct delivery *delivery)
{
	if (delivery->symbol[0])
		return str_of(delivery->symbol);
	return signal_text(&delivery->posting->signal, SIGNAL_sym);
}

static struct delivery_end end_of(const struct delivery *delivery)
{
	const struct posting *posting = delivery->posting;
	struct str st = str_of(delivery->end_st);
	return (struct delivery_end){
		.tag = delivery_tag(delivery),
		.sid = posting->sid,
		.entry = posting->entry,
		.instance = str_of(delivery->instance),
		.signal = &posting->signal,
		.symbol = delivery->slot == UINT32_MAX ? STR("") : broker_symbol(delivery),
		.received_ms = (int64_t)posting->entry.ms,
		.expires_ms = posting->expires_ms,
		.sent_ms = delivery->sent_ms,
		.confirmed_ms = delivery->confirmed_ms,
		.ended_ms = delivery->ended_ms,
		.st = st,
		.why = str_of(delivery->end_why),
		.sent = delivery->sent,
		.deal = delivery->deal,
		.unknown_ms = delivery->unknown_ms,
		.unknown_why = str_of(delivery->unknown_why),
		.asked = delivery->asked,
		.bucket = delivery_bucket_of(st, delivery->sent),
		.steps = delivery->steps,
		.step_count = delivery->step_count,
	};
}

static void tell_ended(struct delivery *delivery)
{
	const struct delivery_hooks *hooks = &delivery->owner->hooks;
	struct delivery_end end = end_of(delivery);
	enum delivery_told told = DELIVERY_TOLD_GONE;
	if (hooks->ended)
		told = hooks->ended(hooks->ctx, &end);
	delivery->ended_due = told == DELIVERY_TOLD_LATER;
	if (told == DELIVERY_TOLD_GONE)
		delivery_over(delivery);
	else
		delivery_arm(delivery);
}

void delivery_ended(struct delivery *delivery)
{
	delivery->state = DELIVERY_ENDED;
	delivery->end_due = false;
	tell_ended(delivery);
}

void delivery_ended_before(struct delivery *delivery)
{
	delivery_count(delivery, -1);
	delivery->end_st = "?";
	delivery->ended_ms = delivery->owner->now_ms;
	delivery->state = DELIVERY_ENDING;
	delivery_count(delivery, 1);
	delivery->owner->counts.known++;
	delivery_ended(delivery);
}

bool delivery_end_due(struct delivery *delivery)
{
	if (!delivery_is_over(delivery))
		return false;
	if (delivery->end_due)
		record(delivery);
	else if (delivery->ended_due)
		tell_ended(delivery);
	return true;
}
