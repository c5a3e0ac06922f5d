/* Alerts of people's own that wait: for the end of their quiet hours, or, when there are too
 * many, for the next minute. */
#include <stdio.h>

#include "ask/figure.h"
#include "bot/bot_impl.h"

enum { HELD_SHOWN = 20 };
static const int64_t look_ns = 1000000000;

static void take_out(struct bot *bot, struct held *held)
{
	const struct person *person = people_find(bot->people, held->user_id);
	if (person && bot_seat(bot, person)->held)
		bot_seat(bot, person)->held--;
	held->user_id = 0;
}

void bot_hold(struct bot *bot, struct seat *seat, struct str message, struct bot_time time)
{
	struct held *held = &bot->held[bot->held_next];
	bot->held_next = (bot->held_next + 1) % BOT_HELD_MAX;
	if (held->user_id) {
		bot->counts.held_lost++;
		take_out(bot, held);
	}
	size_t len = message.len < ALERT_MESSAGE_MAX ? message.len : ALERT_MESSAGE_MAX;
	*held = (struct held){ .user_id = seat->user_id, .at_ms = time.wall_ms };
	memcpy(held->message, message.ptr, len);
	seat->held++;
	bot->counts.held++;
}

static void put_held(struct buf *html, const struct held *held, const struct seat *seat)
{
	struct figure when =
	    figure_clock(held->at_ms + (int64_t)seat->preferences.zone_min * 60000);
	buf_printf(html, "\n%.*s ", STR_ARG(figure_str(&when)));
	buf_html(html, str_of(held->message));
}

/* All of his, in the order they came. */
static void release(struct bot *bot, struct seat *seat, enum notify_how how)
{
	struct buf html = buf_over(bot->text, sizeof bot->text);
	uint32_t shown = 0, more = 0;
	buf_printf(&html, "🔔 <b>Your alerts meanwhile: %u</b>", seat->held);
	for (size_t i = 0; i < BOT_HELD_MAX; i++) {
		struct held *held = &bot->held[(bot->held_next + i) % BOT_HELD_MAX];
		if (held->user_id != seat->user_id)
			continue;
		if (shown < HELD_SHOWN) {
			put_held(&html, held, seat);
			shown++;
		} else {
			more++;
		}
		held->user_id = 0;
	}
	if (more)
		buf_printf(&html, "\n… and %u more", more);
	seat->held = 0;
	const struct letter letter = { .user_id = seat->user_id,
				       .html = buf_str(&html),
				       .alert = true,
				       .silent = how == NOTIFY_SILENT };
	if (how != NOTIFY_OFF)
		bot_send_letter(bot, &letter);
}

void bot_step_held(struct bot *bot, struct bot_time time)
{
	uint32_t slot = 0;
	const struct person *person;
	if (time.now_ns < bot->held_at_ns)
		return;
	bot->held_at_ns = time.now_ns + look_ns;
	while ((person = people_next(bot->people, &slot))) {
		struct seat *seat = bot_seat(bot, person);
		if (!seat->held || (preferences_are_quiet(&seat->preferences, time.wall_ms) &&
				    seat->preferences.hold))
			continue;
		if (bot_may_be_loud(seat, NOTIFY_rules, time))
			release(bot, seat,
				preferences_notify(&seat->preferences, NOTIFY_rules, person->role));
	}
}
