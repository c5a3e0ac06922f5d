/* Polling: one getUpdates after the other. */
#include <stdio.h>

#include "base/check.h"
#include "telegram/telegram_impl.h"

enum { ANSWER_BYTES = 8 << 20, SHRINK = 10, FAILURES_AWAY = 2, BAD_TRIES = 3 };
static const int64_t ms_ns = 1000000, second_ns = 1000000000;
static const int64_t deadline_ns = (TELEGRAM_POLL_S + 15) * second_ns;
static const int64_t gap_ns = 500 * ms_ns; /* behind an empty answer that did not wait */
static const int64_t conflict_ns = 60 * second_ns;

static void arm(struct telegram *telegram, int64_t delay_ns)
{
	timers_arm(telegram->config.timers, &telegram->poll.timer,
		   telegram_now_ns(telegram) + delay_ns);
}

/* ---- what was told before ---- */

static bool was_seen(const struct telegram_poll *poll, int64_t id)
{
	size_t kept = poll->seen_count < TELEGRAM_SEEN ? poll->seen_count : TELEGRAM_SEEN;
	for (size_t i = 0; i < kept; i++)
		if (poll->seen[i] == id)
			return true;
	return false;
}

/* Telegram was told to forget it, or it is of this run. */
static bool is_duplicate(const struct telegram_poll *poll, int64_t id)
{
	bool is_forgotten = id < poll->offset && poll->offset - id < TELEGRAM_RESTART;
	return is_forgotten || was_seen(poll, id);
}

static void note_told(struct telegram_poll *poll, int64_t id)
{
	bool is_restart = poll->told - id >= TELEGRAM_RESTART;
	poll->seen[poll->seen_count++ % TELEGRAM_SEEN] = id;
	if (is_restart || id >= poll->told)
		poll->told = id + 1;
}

/* ---- updates ---- */

static void take_row(struct telegram *telegram, const struct updates_row *row)
{
	struct telegram_counts *counts = &telegram->counts;
	switch (row->kind) {
	case UPDATES_TOLD:
		counts->updates++;
		telegram->config.hooks.on_update(telegram->config.hooks.ctx, &row->update);
		break;
	case UPDATES_OTHER: counts->skipped++; break;
	case UPDATES_MALFORMED: counts->malformed++; break;
	}
}

static bool is_durable(const struct telegram_poll *poll) { return poll->offset == poll->told; }

/* The next poll follows at once when the new offset is durable: telegram_confirm. */
static void tell_offset(struct telegram *telegram)
{
	telegram->poll.waits = true;
	arm(telegram, second_ns);
	telegram->config.hooks.on_offset(telegram->config.hooks.ctx, telegram->poll.told);
}

static void take_updates(struct telegram *telegram)
{
	struct telegram_poll *poll = &telegram->poll;
	struct updates *updates = &poll->updates;
	size_t count = updates->count + updates->nameless, fresh = 0;
	telegram->counts.malformed += updates->nameless;
	for (size_t i = 0; i < updates->count; i++) {
		const struct updates_row *row = &updates->rows[i];
		if (is_duplicate(poll, row->id)) {
			telegram->counts.duplicates++;
			continue;
		}
		note_told(poll, row->id);
		take_row(telegram, row);
		fresh++;
	}
	updates_deinit(updates);
	bool was_quick = telegram_now_ns(telegram) - poll->begun_ns < second_ns;
	if (fresh)
		tell_offset(telegram);
	else
		arm(telegram, count ? second_ns : was_quick ? gap_ns : 0);
}

void telegram_confirm(struct telegram *telegram, int64_t offset)
{
	struct telegram_poll *poll = &telegram->poll;
	bool is_restart = poll->offset - offset >= TELEGRAM_RESTART;
	if (offset > poll->told || (offset <= poll->offset && !is_restart))
		return;
	poll->offset = offset;
	if (poll->waits && is_durable(poll))
		arm(telegram, 0);
}

/* ---- trouble ---- */

static void set_state(struct telegram *telegram, enum telegram_state state, const char *what,
		      const char *why)
{
	struct telegram_poll *poll = &telegram->poll;
	poll->state = state;
	snprintf(poll->why, sizeof poll->why, "%s%s%s", what, why[0] ? ": " : "", why);
	telegram_tell_state(telegram);
}

static void is_well(struct telegram *telegram)
{
	struct telegram_poll *poll = &telegram->poll;
	bool was_bad = poll->state == TELEGRAM_AWAY || poll->state == TELEGRAM_TOKEN;
	poll->failures = 0;
	backoff_reset(&poll->backoff);
	backoff_reset(&poll->slow);
	telegram->counts.polls++;
	/* Two that poll drive each other out in turn: an answer in between ends nothing. */
	if (poll->state == TELEGRAM_CONFLICT && telegram_now_ns(telegram) < poll->conflict_until_ns)
		return;
	backoff_reset(&poll->shared);
	set_state(telegram, TELEGRAM_OK, "", "");
	if (was_bad && telegram->sends.stopped)
		telegram_chores_ask(telegram, true);
}

static void is_away(struct telegram *telegram, const char *why)
{
	struct telegram_poll *poll = &telegram->poll;
	if (++poll->failures >= FAILURES_AWAY)
		set_state(telegram, TELEGRAM_AWAY, "updates are not answered", why);
	arm(telegram, backoff_next_ns(&poll->backoff, &telegram->rng));
}

static void is_refused(struct telegram *telegram, const struct verdict_told *told)
{
	struct telegram_poll *poll = &telegram->poll;
	switch (told->verdict) {
	case VERDICT_CONFLICT:
		poll->conflict_until_ns = telegram_now_ns(telegram) + conflict_ns;
		set_state(telegram, TELEGRAM_CONFLICT, "somebody else asks for this bot's updates",
			  told->why);
		arm(telegram, backoff_next_ns(&poll->shared, &telegram->rng));
		break;
	case VERDICT_TOKEN:
		set_state(telegram, TELEGRAM_TOKEN, "the token is not taken", told->why);
		telegram_sends_stop(telegram, TELEGRAM_TOKEN, poll->why);
		arm(telegram, backoff_next_ns(&poll->slow, &telegram->rng));
		break;
	case VERDICT_LIMITED: arm(telegram, (told->retry_s + 1) * second_ns); break;
	default: is_away(telegram, told->why); break;
	}
}

/* Asked for again in smaller parts, until the one that cannot be read is alone; when it
 * cannot be read a third time, it is skipped, if its id can be found. */
static void is_unreadable(struct telegram *telegram, struct str body, const char *why)
{
	struct telegram_poll *poll = &telegram->poll;
	int64_t id = poll->limit == 1 ? updates_find_id(body) : 0;
	telegram->counts.failures++;
	poll->bad_count = id && id == poll->bad_id ? poll->bad_count + 1 : 1;
	poll->bad_id = id;
	if (id && poll->bad_count == BAD_TRIES && !is_duplicate(poll, id)) {
		telegram->counts.malformed++;
		note_told(poll, id);
		tell_offset(telegram);
		return;
	}
	poll->limit = poll->limit > SHRINK ? poll->limit / SHRINK : 1;
	is_away(telegram, why);
}

/* ---- one poll ---- */

static void on_answer(void *ctx, enum status status, const struct http_answer *answer,
		      const char *why)
{
	struct telegram_slot *slot = ctx;
	struct telegram *telegram = slot->telegram;
	struct verdict_told told;
	enum status read = STATUS_INVALID;
	slot->under_way = false;
	if (status == STATUS_OK && answer->code == 200)
		read = updates_init(&telegram->poll.updates, answer->body);
	if (read == STATUS_OK) {
		telegram->poll.limit = TELEGRAM_UPDATES_MAX;
		is_well(telegram);
		take_updates(telegram);
	} else if (read == STATUS_FORMAT) {
		is_unreadable(telegram, answer->body, "the answer cannot be read");
	} else if (status == STATUS_RANGE) {
		is_unreadable(telegram, STR(""), why);
	} else {
		telegram_judge(telegram, status, answer, why, &told);
		is_refused(telegram, &told);
	}
}

static void on_timer(void *ctx)
{
	struct telegram *telegram = ctx;
	struct telegram_poll *poll = &telegram->poll;
	enum status status = STATUS_NO_MEMORY;
	bool is_known = poll->state == TELEGRAM_OK || poll->state == TELEGRAM_CONFLICT;
	poll->begun_ns = telegram_now_ns(telegram);
	poll->waits = false;
	/* The first one, and those behind trouble, are answered at once: then it is known. */
	if (request_updates(&telegram->request, poll->offset, poll->limit,
			    is_known ? TELEGRAM_POLL_S : 0))
		status = telegram_ask(telegram, &poll->slot, deadline_ns, ANSWER_BYTES, on_answer);
	if (status != STATUS_OK)
		arm(telegram, second_ns);
}

/* ---- life ---- */

void telegram_poll_open(struct telegram *telegram)
{
	struct telegram_poll *poll = &telegram->poll;
	int64_t offset = telegram->config.offset > 0 ? telegram->config.offset : 0;
	poll->slot.telegram = telegram;
	poll->timer = (struct timer){ .fn = on_timer, .ctx = telegram };
	poll->backoff = (struct backoff){ .first_ns = second_ns, .longest_ns = 60 * second_ns };
	poll->slow = (struct backoff){ .first_ns = 60 * second_ns, .longest_ns = 600 * second_ns };
	poll->shared = (struct backoff){ .first_ns = 5 * second_ns, .longest_ns = 60 * second_ns };
	poll->offset = poll->told = offset;
	poll->limit = TELEGRAM_UPDATES_MAX;
	arm(telegram, 0);
}

void telegram_poll_close(struct telegram *telegram)
{
	timers_cancel(telegram->config.timers, &telegram->poll.timer);
	if (telegram->poll.slot.under_way)
		http_cancel(telegram->config.http, &telegram->poll.slot);
}
