/* Chores: who the bot is (getMe, which is also how a Telegram that was away is found again),
 * and menus. One at a time. */
#include <stdio.h>

#include "base/check.h"
#include "telegram/telegram_impl.h"

enum { ANSWER_BYTES = 64 << 10 };
static const int64_t ms_ns = 1000000, second_ns = 1000000000;
static const int64_t deadline_ns = 15 * second_ns;

static void arm(struct telegram *telegram, int64_t delay_ns)
{
	timers_arm(telegram->config.timers, &telegram->chores.timer,
		   telegram_now_ns(telegram) + delay_ns);
}

/* ---- menus ---- */

enum status telegram_menu(struct telegram *telegram, int64_t chat_id, enum role role)
{
	struct telegram_chores *chores = &telegram->chores;
	CHECK(role < ROLE_COUNT);
	if (chores->count == TELEGRAM_MENUS)
		return STATUS_FULL;
	chores->menus[(chores->first + chores->count++) % TELEGRAM_MENUS] =
	    (struct telegram_menu_wish){ .chat_id = chat_id, .role = role };
	if (!chores->slot.under_way && !chores->timer.slot)
		arm(telegram, 0);
	return STATUS_OK;
}

static void pop_menu(struct telegram_chores *chores)
{
	chores->first = (chores->first + 1) % TELEGRAM_MENUS;
	chores->count--;
}

/* How long until the next chore. */
static int64_t end_menu(struct telegram *telegram, const struct verdict_told *told)
{
	struct telegram_chores *chores = &telegram->chores;
	struct telegram_menu_wish *menu = &chores->menus[chores->first];
	if (told->verdict == VERDICT_LIMITED)
		return (told->retry_s + 1) * second_ns;
	if (told->verdict == VERDICT_AGAIN && ++menu->tries < TELEGRAM_MENU_TRIES)
		return second_ns << menu->tries;
	pop_menu(chores);
	if (told->verdict == VERDICT_DONE)
		telegram->counts.menus++;
	else
		telegram->counts.menus_dropped++;
	return 0;
}

/* ---- who the bot is ---- */

static void take_name(struct telegram *telegram, struct str body)
{
	char name[TELEGRAM_NAME_BYTES];
	verdict_name(body, name, sizeof name);
	if (!name[0] || strcmp(name, telegram->name) == 0)
		return;
	memcpy(telegram->name, name, sizeof name);
	telegram->config.hooks.on_name(telegram->config.hooks.ctx, str_of(telegram->name));
}

static void resume(struct telegram *telegram)
{
	struct telegram_sends *sends = &telegram->sends;
	telegram->chores.asks_name = false;
	backoff_reset(&telegram->chores.slow);
	sends->stopped = false;
	sends->failures = 0;
	sends->state = TELEGRAM_OK;
	telegram_sends_wake(telegram);
	telegram_tell_state(telegram);
}

static int64_t end_name(struct telegram *telegram, const struct verdict_told *told, struct str body)
{
	struct telegram_chores *chores = &telegram->chores;
	if (told->verdict == VERDICT_DONE) {
		take_name(telegram, body);
		resume(telegram);
		return 0;
	}
	if (told->verdict == VERDICT_LIMITED)
		return (told->retry_s + 1) * second_ns;
	bool is_slow = told->verdict == VERDICT_TOKEN;
	if (is_slow) {
		char why[VERDICT_WHY_BYTES + 64];
		snprintf(why, sizeof why, "the token is not taken (%s)", told->why);
		telegram_sends_stop(telegram, TELEGRAM_TOKEN, why);
	}
	return backoff_next_ns(is_slow ? &chores->slow : &chores->backoff, &telegram->rng);
}

/* ---- the next one ---- */

static void on_answer(void *ctx, enum status status, const struct http_answer *answer,
		      const char *why)
{
	struct telegram_slot *slot = ctx;
	struct telegram *telegram = slot->telegram;
	struct telegram_chores *chores = &telegram->chores;
	struct verdict_told told;
	slot->under_way = false;
	telegram_judge(telegram, status, answer, why, &told);
	int64_t wait_ns = chores->asked_name
			      ? end_name(telegram, &told, answer ? answer->body : STR(""))
			      : end_menu(telegram, &told);
	if (chores->asks_name || chores->count)
		arm(telegram, wait_ns);
}

static void ask(struct telegram *telegram, bool built)
{
	enum status status = STATUS_NO_MEMORY;
	if (built)
		status = telegram_ask(telegram, &telegram->chores.slot, deadline_ns, ANSWER_BYTES,
				      on_answer);
	if (status != STATUS_OK)
		arm(telegram, second_ns);
}

static void on_timer(void *ctx)
{
	struct telegram *telegram = ctx;
	struct telegram_chores *chores = &telegram->chores;
	bool may_go = chores->asks_name || (chores->count && !telegram->sends.stopped);
	if (chores->slot.under_way || !may_go)
		return;
	if (!queue_pass(telegram->queue, telegram_now_ns(telegram))) {
		arm(telegram, 200 * ms_ns);
		return;
	}
	chores->asked_name = chores->asks_name;
	if (chores->asks_name)
		ask(telegram, request_name(&telegram->request));
	else
		ask(telegram, request_menu(&telegram->request, chores->menus[chores->first].chat_id,
					   chores->menus[chores->first].role));
}

/* ---- life ---- */

void telegram_chores_ask(struct telegram *telegram, bool at_once)
{
	struct telegram_chores *chores = &telegram->chores;
	chores->asks_name = true;
	if (!chores->slot.under_way)
		arm(telegram, at_once ? 0 : backoff_next_ns(&chores->backoff, &telegram->rng));
}

void telegram_chores_calm(struct telegram *telegram) { backoff_reset(&telegram->chores.backoff); }

void telegram_chores_open(struct telegram *telegram)
{
	struct telegram_chores *chores = &telegram->chores;
	*chores = (struct telegram_chores){
		.slot.telegram = telegram,
		.timer = { .fn = on_timer, .ctx = telegram },
		.asks_name = true,
		.backoff = { .first_ns = second_ns, .longest_ns = 60 * second_ns },
		.slow = { .first_ns = 60 * second_ns, .longest_ns = 600 * second_ns },
	};
	arm(telegram, 0);
}

void telegram_chores_close(struct telegram *telegram)
{
	timers_cancel(telegram->config.timers, &telegram->chores.timer);
	if (telegram->chores.slot.under_way)
		http_cancel(telegram->config.http, &telegram->chores.slot);
}
