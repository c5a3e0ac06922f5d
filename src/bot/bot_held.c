/* Alerts of people's own that wait: for the end of their quiet hours, for the next minute when
 * there are too many, or for room to send them. */
#include <stdio.h>

#include "base/check.h"
#include "ask/figure.h"
#include "bot/bot_impl.h"

enum { HELD_SHOWN = 20, RELEASE_ROOM = 256 /* of the text, for its end */ };
static const int64_t look_ns = 1000000000;

/* NULL: nobody who is to be told, now or later. */
static struct seat *seat_of(struct bot *bot, const struct held *held)
{
	const struct person *person = people_find(bot->people, held->user_id);
	struct seat *seat = person ? bot_seat(bot, person) : NULL;
	if (seat && person->state != PERSON_ACTIVE)
		seat->held = seat->held_lost = 0; /* what he had waiting goes */
	return seat && seat->held ? seat : NULL;
}

static void remove_at(struct bot *bot, size_t at)
{
	bot->held_count--;
	memmove(&bot->held[at], &bot->held[at + 1], (bot->held_count - at) * sizeof bot->held[0]);
}

static void lose_oldest(struct bot *bot, struct seat *seat)
{
	size_t at = 0;
	while (at < bot->held_count && bot->held[at].user_id != seat->user_id)
		at++;
	CHECK(at < bot->held_count && seat->held);
	remove_at(bot, at);
	seat->held--;
	seat->held_lost++;
	bot->counts.held_lost++;
}

/* Of those who are here no more, or were begun anew. */
static void forget_gone(struct bot *bot)
{
	size_t kept = 0;
	for (size_t i = 0; i < bot->held_count; i++) {
		if (seat_of(bot, &bot->held[i]))
			bot->held[kept++] = bot->held[i];
		else
			bot->counts.held_lost++;
	}
	bot->held_count = kept;
}

/* Who holds the most gives way: few can never take the room of the others. */
static void make_room(struct bot *bot)
{
	struct seat *most = NULL;
	forget_gone(bot);
	if (bot->held_count < BOT_HELD_MAX)
		return;
	for (size_t i = 0; i < bot->held_count; i++) {
		struct seat *seat = seat_of(bot, &bot->held[i]);
		if (!most || seat->held > most->held)
			most = seat;
	}
	lose_oldest(bot, most);
}

void bot_hold(struct bot *bot, struct seat *seat, struct str message, struct bot_time time)
{
	if (seat->held == BOT_HELD_EACH)
		lose_oldest(bot, seat);
	if (bot->held_count == BOT_HELD_MAX)
		make_room(bot);
	struct held *held = &bot->held[bot->held_count++];
	size_t len = message.len < ALERT_MESSAGE_MAX ? message.len : ALERT_MESSAGE_MAX;
	*held = (struct held){ .user_id = seat->user_id, .at_ms = time.wall_ms };
	memcpy(held->message, message.ptr, len);
	seat->held++;
	bot->counts.held++;
}

/* False: it does not fit. */
static bool put_held(struct buf *html, const struct held *held, const struct seat *seat)
{
	struct figure when =
	    figure_clock(held->at_ms + (int64_t)seat->preferences.zone_min * 60000);
	size_t before = html->len;
	buf_printf(html, "\n%.*s ", STR_ARG(figure_str(&when)));
	buf_html(html, str_of(held->message));
	if (!html->overflow)
		return true;
	html->len = before;
	html->overflow = false;
	return false;
}

/* All of his, in the order they came. */
static void put_all(struct bot *bot, const struct seat *seat, struct buf *html)
{
	uint32_t shown = 0;
	buf_printf(html, "🔔 <b>Your alerts meanwhile: %u</b>", seat->held + seat->held_lost);
	for (size_t i = 0; i < bot->held_count && shown < HELD_SHOWN; i++) {
		if (bot->held[i].user_id != seat->user_id)
			continue;
		if (!put_held(html, &bot->held[i], seat))
			break;
		shown++;
	}
	html->cap += RELEASE_ROOM;
	if (shown < seat->held)
		buf_printf(html, "\n… and %u more", seat->held - shown);
	if (seat->held_lost)
		buf_printf(html, "\n%u older ones are lost: there was no room for them",
			   seat->held_lost);
}

static void forget(struct bot *bot, struct seat *seat)
{
	size_t kept = 0;
	for (size_t i = 0; i < bot->held_count; i++)
		if (bot->held[i].user_id != seat->user_id)
			bot->held[kept++] = bot->held[i];
	bot->held_count = kept;
	seat->held = seat->held_lost = 0;
}

/* Forgotten when they were taken to be sent, or nobody wants them any more. */
static void release(struct bot *bot, struct seat *seat, enum notify_how how)
{
	struct buf html = buf_over(bot->text, sizeof bot->text - RELEASE_ROOM);
	if (how == NOTIFY_OFF) {
		forget(bot, seat);
		return;
	}
	put_all(bot, seat, &html);
	const struct letter letter = { .user_id = seat->user_id,
				       .html = buf_str(&html),
				       .alert = true,
				       .silent = how == NOTIFY_SILENT };
	if (!bot_send_letter(bot, &letter))
		forget(bot, seat);
}

void bot_step_held(struct bot *bot, struct bot_time time)
{
	uint32_t slot = 0;
	const struct person *person;
	if (time.now_ns < bot->held_at_ns)
		return;
	bot->held_at_ns = time.now_ns + look_ns;
	while (bot->held_count && (person = people_next(bot->people, &slot))) {
		struct seat *seat = bot_seat(bot, person);
		if (!seat->held || person->state != PERSON_ACTIVE ||
		    (preferences_are_quiet(&seat->preferences, time.wall_ms) &&
		     seat->preferences.hold))
			continue;
		if (bot_may_be_loud(seat, NOTIFY_rules, time))
			release(bot, seat,
				preferences_notify(&seat->preferences, NOTIFY_rules, person->role));
	}
}
