/* Sending: as many requests as may go, and what their ends mean. */
#include <stdio.h>

#include "base/check.h"
#include "telegram/telegram_impl.h"

enum { ANSWER_BYTES = 1 << 20 };
static const int64_t ms_ns = 1000000, second_ns = 1000000000;
static const int64_t text_deadline_ns = 15 * second_ns, photo_deadline_ns = 45 * second_ns;

static void on_answer(void *ctx, enum status status, const struct http_answer *answer,
		      const char *why);

/* ---- going ---- */

static struct telegram_slot *free_slot(struct telegram_sends *sends)
{
	for (size_t i = 0; i < TELEGRAM_SENDS; i++)
		if (!sends->slots[i].under_way)
			return &sends->slots[i];
	return NULL;
}

static void tell_ends(struct telegram *telegram)
{
	struct queue_end end;
	while (queue_pop_end(telegram->queue, &end))
		telegram->config.hooks.on_end(telegram->config.hooks.ctx, end.tag, end.status,
					      end.message_id);
}

/* False: the client has no room; the message waits on. */
static bool send(struct telegram *telegram, struct telegram_slot *slot, const struct queue_job *job)
{
	enum status status = STATUS_NO_MEMORY;
	int64_t deadline_ns = job->photo.len ? photo_deadline_ns : text_deadline_ns;
	if (request_send(&telegram->request, job, &telegram->rng))
		status = telegram_ask(telegram, slot, deadline_ns, ANSWER_BYTES, on_answer);
	if (status == STATUS_FULL) {
		queue_undo(telegram->queue, job->message);
		return false;
	}
	slot->message = job->message;
	if (status != STATUS_OK)
		queue_done(telegram->queue, job->message,
			   &(struct verdict_told){ .verdict = VERDICT_AGAIN },
			   telegram_now_ns(telegram));
	return true;
}

static void arm(struct telegram *telegram, int64_t due_ns)
{
	if (due_ns == INT64_MAX)
		timers_cancel(telegram->config.timers, &telegram->sends.timer);
	else
		timers_arm(telegram->config.timers, &telegram->sends.timer, due_ns);
}

static void pump(struct telegram *telegram)
{
	struct telegram_sends *sends = &telegram->sends;
	struct queue_job job;
	int64_t now_ns = telegram_now_ns(telegram), wait_ns = 0;
	struct telegram_slot *slot;
	queue_expire(telegram->queue, now_ns);
	while (!wait_ns && !sends->stopped && (slot = free_slot(sends)) &&
	       queue_take(telegram->queue, now_ns, &job))
		if (!send(telegram, slot, &job))
			wait_ns = 50 * ms_ns;
	tell_ends(telegram);
	bool looks_only = sends->stopped || !free_slot(sends);
	int64_t due_ns = queue_due_ns(telegram->queue, now_ns);
	if (due_ns != INT64_MAX && (looks_only || wait_ns) && due_ns < now_ns + second_ns)
		due_ns = now_ns + (wait_ns ? wait_ns : second_ns);
	arm(telegram, due_ns);
}

static void on_timer(void *ctx) { pump(ctx); }

void telegram_sends_wake(struct telegram *telegram) { arm(telegram, telegram_now_ns(telegram)); }

/* ---- ends ---- */

void telegram_sends_stop(struct telegram *telegram, enum telegram_state state, const char *why)
{
	struct telegram_sends *sends = &telegram->sends;
	if (sends->stopped && (sends->state == state || sends->state == TELEGRAM_TOKEN))
		return;
	sends->stopped = true;
	sends->state = state;
	snprintf(sends->why, sizeof sends->why, "%s", why);
	telegram_chores_ask(telegram, false);
	telegram_tell_state(telegram);
}

static void note_trouble(struct telegram *telegram, const struct verdict_told *told)
{
	struct telegram_sends *sends = &telegram->sends;
	char why[VERDICT_WHY_BYTES + 64];
	if (told->verdict == VERDICT_TOKEN) {
		snprintf(why, sizeof why, "the token is not taken (%s)", told->why);
		telegram_sends_stop(telegram, TELEGRAM_TOKEN, why);
	} else if (told->verdict != VERDICT_AGAIN && told->verdict != VERDICT_CONFLICT) {
		sends->failures = 0;
		telegram_chores_calm(telegram);
	} else if (++sends->failures >= TELEGRAM_FAILURES) {
		snprintf(why, sizeof why, "messages are not taken: %s", told->why);
		telegram_sends_stop(telegram, TELEGRAM_AWAY, why);
	}
}

static void on_answer(void *ctx, enum status status, const struct http_answer *answer,
		      const char *why)
{
	struct telegram_slot *slot = ctx;
	struct telegram *telegram = slot->telegram;
	struct verdict_told told;
	slot->under_way = false;
	telegram_judge(telegram, status, answer, why, &told);
	queue_done(telegram->queue, slot->message, &told, telegram_now_ns(telegram));
	note_trouble(telegram, &told);
	pump(telegram);
}

/* ---- life ---- */

enum status telegram_send(struct telegram *telegram, const struct bot_out *out)
{
	enum status status = queue_put(telegram->queue, out, telegram_now_ns(telegram));
	telegram_sends_wake(telegram);
	return status;
}

void telegram_sends_open(struct telegram *telegram)
{
	struct telegram_sends *sends = &telegram->sends;
	sends->timer = (struct timer){ .fn = on_timer, .ctx = telegram };
	for (size_t i = 0; i < TELEGRAM_SENDS; i++)
		sends->slots[i].telegram = telegram;
}

void telegram_sends_close(struct telegram *telegram)
{
	timers_cancel(telegram->config.timers, &telegram->sends.timer);
	for (size_t i = 0; i < TELEGRAM_SENDS; i++)
		if (telegram->sends.slots[i].under_way)
			http_cancel(telegram->config.http, &telegram->sends.slots[i]);
}
