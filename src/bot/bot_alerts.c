/* Alerts of weir's own as bulletins: one message a rule, summed, edited, ended. */
#include <stdio.h>

#include "ask/figure.h"
#include "base/check.h"
#include "bot/bot_impl.h"

static const int64_t edit_ns = 5000000000; /* between two edits of a bulletin */
static const int64_t anew_ms = 600000;     /* an alert so long after the last is said anew */
static const int64_t minute_ms = 60000;
static const int64_t retry_ns = 2000000000; /* after a first failure; then twice as long … */
enum { RETRY_DOUBLINGS = 7, WRONG_MAX = 3 /* tries of what is not understood */ };

bool bot_may_be_loud(struct seat *seat, enum notify kind, struct bot_time time)
{
	int64_t minute = time.wall_ms / minute_ms;
	if (seat->minute != minute) {
		seat->minute = minute;
		memset(seat->loud, 0, sizeof seat->loud);
	}
	if (seat->loud[kind] >= BOT_LOUD_A_MINUTE)
		return false;
	seat->loud[kind]++;
	return true;
}

/* ---- what a bulletin gathers ---- */

static struct bulletin_line *line_of(struct bulletin *bulletin, const char *scope)
{
	for (size_t i = 0; i < bulletin->line_count; i++)
		if (strcmp(bulletin->lines[i].scope, scope) == 0)
			return &bulletin->lines[i];
	return NULL;
}

/* A new one, or one whose alert has ended; NULL: the rest is only counted. */
static struct bulletin_line *line_for_new(struct bulletin *bulletin)
{
	if (bulletin->line_count < BULLETIN_LINES)
		return &bulletin->lines[bulletin->line_count++];
	for (size_t i = 0; i < BULLETIN_LINES; i++)
		if (bulletin->lines[i].ended)
			return &bulletin->lines[i];
	return NULL;
}

static void put_line(struct bulletin *bulletin, const struct alert_view *alert)
{
	struct bulletin_line *line = line_of(bulletin, alert->scope);
	if (!line)
		line = line_for_new(bulletin);
	if (!line)
		return;
	memcpy(line->scope, alert->scope, sizeof line->scope);
	memcpy(line->message, alert->message, sizeof line->message);
	line->ended = false;
}

/* Who has not been told how the last one went is not told any more. */
static void open_bulletin(struct bot *bot, struct bulletin *bulletin, struct bot_time time)
{
	for (size_t i = 0; i < bulletin->receiver_count && bulletin->open; i++)
		bot->counts.alerts_untold +=
		    bulletin->receivers[i].recovery || !bulletin->receivers[i].version;
	bulletin->open = true;
	bulletin->over = false;
	bulletin->generation++;
	bulletin->version = bulletin->flushed = 0;
	bulletin->first_ms = time.wall_ms;
	bulletin->last_ms = time.wall_ms;
	bulletin->fired = bulletin->firing = 0;
	bulletin->line_count = bulletin->receiver_count = 0;
	bulletin->due_ns = time.now_ns + BOT_GATHER_NS;
}

static void say_all_anew(struct bulletin *bulletin)
{
	for (size_t i = 0; i < bulletin->receiver_count; i++)
		bulletin->receivers[i].again = true;
}

static void take_fired(struct bot *bot, struct bulletin *bulletin, const struct alert_view *alert,
		       bool reminds, struct bot_time time)
{
	if (!bulletin->open || bulletin->over)
		open_bulletin(bot, bulletin, time);
	if (reminds || time.wall_ms - bulletin->last_ms > anew_ms)
		say_all_anew(bulletin);
	bulletin->fired += !reminds;
	bulletin->firing += !reminds;
	bulletin->last_ms = time.wall_ms;
	put_line(bulletin, alert);
}

static void take_ended(struct bulletin *bulletin, const struct alert_view *alert)
{
	struct bulletin_line *line = line_of(bulletin, alert->scope);
	if (line)
		line->ended = true;
	if (bulletin->firing)
		bulletin->firing--;
}

void bot_alert(struct bot *bot, enum alert_notice notice, const struct alert_view *alert,
	       struct bot_time time)
{
	struct bulletin *bulletin = &bot->bulletins[alert->rule];
	bot->counts.alerts++;
	if (notice == ALERT_ENDED && (!bulletin->open || bulletin->over))
		return; /* told before this start, or to nobody */
	if (notice == ALERT_ENDED)
		take_ended(bulletin, alert);
	else
		take_fired(bot, bulletin, alert, notice == ALERT_SAID_AGAIN, time);
	bulletin->version++;
	bulletin->dirty = true;
}

/* ---- its text ---- */

static const char *mark_of(enum alert_severity severity)
{
	switch (severity) {
	case ALERT_CRITICAL: return "‼ ";
	case ALERT_WARN: return "⚠ ";
	case ALERT_INFO: return "";
	}
	return "";
}

static void put_lines(struct buf *html, const struct bulletin *bulletin)
{
	for (size_t i = 0; i < bulletin->line_count; i++) {
		const struct bulletin_line *line = &bulletin->lines[i];
		bool named = strstr(line->message, line->scope) != NULL;
		buf_printf(html, "\n%s", line->ended ? "✓ " : "");
		if (!named || !line->message[0]) {
			buf_html(html, str_of(line->scope));
			buf_str_put(html, line->message[0] ? STR(": ") : STR(""));
		}
		buf_html(html, str_of(line->message));
	}
	if (bulletin->fired > bulletin->line_count)
		buf_printf(html, "\n… %u in all", bulletin->fired);
}

static void put_bulletin(struct buf *html, enum alert_rule rule, const struct bulletin *bulletin)
{
	const struct alert_row *row = alert_row(rule);
	bool over = !bulletin->firing && row->op != ALERT_EVENT;
	buf_printf(html, "%s<b>%s</b>", over ? "✓ " : mark_of(row->severity), row->name);
	if (over)
		buf_printf(html, " · ended");
	else if (bulletin->firing > 1)
		buf_printf(html, " · %u now", bulletin->firing);
	put_lines(html, bulletin);
}

static void put_recovery(struct buf *html, enum alert_rule rule, const struct bulletin *bulletin,
			 struct bot_time time)
{
	struct figure age = figure_age(time.wall_ms - bulletin->first_ms);
	buf_printf(html, "✓ <b>%s</b> ended", alert_row(rule)->name);
	if (bulletin->fired > 1)
		buf_printf(html, ": all %u", bulletin->fired);
	else if (bulletin->line_count) {
		buf_printf(html, ": ");
		buf_html(html, str_of(bulletin->lines[0].scope));
	}
	buf_printf(html, ", after %.*s", STR_ARG(figure_str(&age)));
}

/* ---- who is told ---- */

struct flush {
	struct bot *bot;
	enum alert_rule rule;
	enum notify kind;
	struct bulletin *bulletin;
	struct bot_time time;
	bool unsaid;  /* somebody must wait: for the next minute, or the last message's end */
	bool anew;    /* it has changed since the last flush */
	bool retries; /* somebody is to be tried again */
};

static struct receiver *receiver_of(struct bulletin *bulletin, const struct person *person)
{
	for (size_t i = 0; i < bulletin->receiver_count; i++)
		if (bulletin->receivers[i].user_id == person->id)
			return &bulletin->receivers[i];
	return NULL;
}

static struct receiver *new_receiver(struct flush *flush, const struct person *person)
{
	struct bulletin *bulletin = flush->bulletin;
	if (bulletin->receiver_count == BOT_RECEIVERS_MAX) {
		flush->bot->counts.alerts_untold += flush->anew;
		return NULL;
	}
	struct receiver *receiver = &bulletin->receivers[bulletin->receiver_count++];
	*receiver = (struct receiver){ .user_id = person->id, .slot = person->slot };
	return receiver;
}

/* ---- what did not arrive ---- */

static bool must_wait(const struct receiver *receiver, struct bot_time time)
{
	return receiver->failures && time.now_ns < receiver->retry_ns;
}

/* He blocked us, he is gone, or we end; and what is never understood is not said for ever. */
static bool is_final(const struct receiver *receiver, enum status status)
{
	switch (status) {
	case STATUS_OK:
	case STATUS_REFUSED:
	case STATUS_CANCELLED: return true;
	case STATUS_NOT_FOUND: return receiver->fresh;
	case STATUS_INVALID:
	case STATUS_RANGE: return receiver->failures + 1 >= WRONG_MAX;
	default: return false;
	}
}

/* False: it is not tried again. */
static bool try_again(struct bot *bot, struct receiver *receiver, enum status status,
		      struct bot_time time)
{
	bool final = is_final(receiver, status);
	bot->counts.alerts_untold += final && status != STATUS_OK;
	if (final) {
		receiver->failures = 0;
		return false;
	}
	uint32_t doublings =
	    receiver->failures < RETRY_DOUBLINGS ? receiver->failures : RETRY_DOUBLINGS;
	receiver->retry_ns = time.now_ns + (retry_ns << doublings);
	receiver->failures++;
	if (receiver->recovering) {
		receiver->recovery = true;
	} else {
		receiver->version = 0;
		receiver->again = receiver->again || receiver->fresh;
	}
	return true;
}

/* What is sent to a receiver, and what becomes of it. */
static void send_to(struct flush *flush, struct receiver *receiver, const struct letter *letter)
{
	enum status status = bot_send_letter(flush->bot, letter);
	receiver->sending = status == STATUS_OK;
	if (status && try_again(flush->bot, receiver, status, flush->time))
		flush->retries = true;
}

static uint64_t tag_for(const struct flush *flush, const struct receiver *receiver,
			enum tag_kind kind)
{
	return tag_of(kind, flush->rule, flush->bulletin->generation,
		      (uint32_t)(receiver - flush->bulletin->receivers));
}

static bool is_silent(const struct flush *flush, const struct seat *seat, enum notify_how how)
{
	bool critical = alert_row(flush->rule)->severity == ALERT_CRITICAL;
	return how == NOTIFY_SILENT ||
	       (!critical && preferences_are_quiet(&seat->preferences, flush->time.wall_ms));
}

static void send_bulletin(struct flush *flush, struct receiver *receiver, bool silent)
{
	char text[TEXT_BYTES / 2], key[48];
	struct buf html = buf_over(text, sizeof text);
	int n = snprintf(key, sizeof key, "b:%s:%u", alert_row(flush->rule)->id,
			 flush->bulletin->generation);
	put_bulletin(&html, flush->rule, flush->bulletin);
	const struct letter letter = {
		.user_id = receiver->user_id,
		.html = buf_str(&html),
		.alert = true,
		.silent = silent,
		.edit = receiver->again ? 0 : receiver->message_id,
		.coalesce = str_make(key, (size_t)n),
		.tag = tag_for(flush, receiver, TAG_BULLETIN),
	};
	receiver->version = flush->bulletin->version;
	receiver->again = false;
	receiver->fresh = !letter.edit;
	receiver->recovering = false;
	send_to(flush, receiver, &letter);
}

static void tell(struct flush *flush, const struct person *person)
{
	struct seat *seat = bot_seat(flush->bot, person);
	enum notify_how how = preferences_notify(&seat->preferences, flush->kind, person->role);
	struct receiver *receiver = receiver_of(flush->bulletin, person);
	if (how == NOTIFY_OFF || (receiver && receiver->version == flush->bulletin->version) ||
	    (!receiver && flush->bulletin->over))
		return;
	if (receiver && must_wait(receiver, flush->time)) {
		flush->retries = true;
		return;
	}
	bool edits = receiver && receiver->message_id && !receiver->again;
	bool retried = receiver && receiver->failures; /* counted when it was first tried */
	bool waits = receiver && receiver->sending;
	if (waits || (!edits && !retried && !bot_may_be_loud(seat, flush->kind, flush->time))) {
		flush->unsaid = true;
		return;
	}
	if (!receiver)
		receiver = new_receiver(flush, person);
	if (receiver)
		send_bulletin(flush, receiver, is_silent(flush, seat, how));
}

static void send_recovery(struct flush *flush, struct receiver *receiver, struct str html,
			  const struct seat *seat, enum notify_how how)
{
	const struct letter letter = {
		.user_id = receiver->user_id,
		.html = html,
		.alert = true,
		.silent = how == NOTIFY_SILENT ||
			  preferences_are_quiet(&seat->preferences, flush->time.wall_ms),
		.tag = tag_for(flush, receiver, TAG_RECOVERY),
	};
	receiver->recovery = false;
	receiver->recovering = receiver->fresh = true;
	send_to(flush, receiver, &letter);
}

/* Who is on his way to be told something still, hears it after that. */
static void tell_recovery(struct flush *flush)
{
	char text[512];
	struct buf html = buf_over(text, sizeof text);
	put_recovery(&html, flush->rule, flush->bulletin, flush->time);
	for (size_t i = 0; i < flush->bulletin->receiver_count; i++) {
		struct receiver *receiver = &flush->bulletin->receivers[i];
		const struct person *person = people_find(flush->bot->people, receiver->user_id);
		if (!receiver->recovery || !person || person->state != PERSON_ACTIVE)
			continue;
		const struct seat *seat = bot_seat(flush->bot, person);
		enum notify_how how =
		    preferences_notify(&seat->preferences, flush->kind, person->role);
		if (how == NOTIFY_OFF)
			continue;
		if (must_wait(receiver, flush->time))
			flush->retries = true;
		else
			send_recovery(flush, receiver, buf_str(&html), seat, how);
	}
}

/* Those who know of it are told that all has ended; who does not yet hears it in one. */
static void end_bulletin(struct flush *flush, bool was_told)
{
	struct bulletin *bulletin = flush->bulletin;
	bool recovers = was_told && alert_row(flush->rule)->op != ALERT_EVENT;
	for (size_t i = 0; i < bulletin->receiver_count && recovers; i++)
		bulletin->receivers[i].recovery = bulletin->receivers[i].message_id != 0;
	bulletin->over = true;
}

static void flush_bulletin(struct bot *bot, enum alert_rule rule, struct bot_time time)
{
	struct bulletin *bulletin = &bot->bulletins[rule];
	struct flush flush = { .bot = bot,
			       .rule = rule,
			       .kind = notify_of_alert(rule),
			       .bulletin = bulletin,
			       .time = time };
	flush.anew = bulletin->flushed != bulletin->version;
	bool was_told = bulletin->receiver_count > 0;
	uint32_t slot = 0;
	const struct person *person;
	while ((person = people_next(bot->people, &slot)))
		if (person->state == PERSON_ACTIVE)
			tell(&flush, person);
	if (!bulletin->firing && !flush.unsaid && !bulletin->over)
		end_bulletin(&flush, was_told);
	if (bulletin->over)
		tell_recovery(&flush);
	bulletin->flushed = bulletin->version;
	bulletin->dirty = flush.unsaid || flush.retries;
	bulletin->due_ns = time.now_ns + (bulletin->dirty ? BOT_GATHER_NS : edit_ns);
	bulletin->open = bulletin->dirty || !bulletin->over;
}

void bot_step_bulletins(struct bot *bot, struct bot_time time)
{
	for (enum alert_rule rule = 0; rule < ALERT_COUNT; rule++) {
		struct bulletin *bulletin = &bot->bulletins[rule];
		if (bulletin->dirty && time.now_ns >= bulletin->due_ns)
			flush_bulletin(bot, rule, time);
	}
}

/* A message that could not be edited is gone: the next word is a new one. What came too late for
 * its bulletin opens it once more, for who was not told. */
void bot_alert_sent(struct bot *bot, uint64_t tag, enum status status, int64_t message_id,
		    struct bot_time time)
{
	uint32_t rule = tag >> 48 & 0xFFF, place = (uint32_t)tag;
	struct bulletin *bulletin = rule < ALERT_COUNT ? &bot->bulletins[rule] : NULL;
	if (!bulletin || bulletin->generation != (uint16_t)(tag >> 32) ||
	    place >= bulletin->receiver_count)
		return;
	struct receiver *receiver = &bulletin->receivers[place];
	bool recovery = tag >> 60 == TAG_RECOVERY;
	if (recovery != receiver->recovering)
		return; /* of an edit before it */
	receiver->sending = false;
	bot->counts.alerts_told += !status && receiver->fresh && !recovery;
	if (!status && message_id && !recovery)
		receiver->message_id = message_id;
	else if (status == STATUS_NOT_FOUND)
		receiver->message_id = 0;
	if (!try_again(bot, receiver, status, time))
		return;
	bulletin->open = bulletin->dirty = true;
}

/* ---- a person's own rules ---- */

static void put_rule_buttons(struct keyboard *keyboard, struct str rule, struct str symbol)
{
	keyboard_init(keyboard);
	keyboard_row(keyboard);
	if (symbol.len) {
		keyboard_add(keyboard, STR("Price"), "q:/price %.*s", STR_ARG(symbol));
		keyboard_add(keyboard, STR("Chart"), "p:/cvd %.*s", STR_ARG(symbol));
	}
	keyboard_row(keyboard);
	keyboard_add(keyboard, STR("Snooze 1 h"), "r:/alerts snooze %.*s 1h", STR_ARG(rule));
	keyboard_add(keyboard, STR("Mute"), "r:/alerts mute %.*s", STR_ARG(rule));
	keyboard_add(keyboard, STR("Delete"), "r:/alerts del %.*s", STR_ARG(rule));
}

void bot_rule_fired(struct bot *bot, struct str owner, struct str rule, struct str symbol,
		    struct str message, struct bot_time time)
{
	const struct person *person = people_find(bot->people, bot_owner_id(owner));
	char text[1024];
	struct buf html = buf_over(text, sizeof text);
	bot->counts.rules_fired++;
	if (!person || person->state != PERSON_ACTIVE)
		return;
	struct seat *seat = bot_seat(bot, person);
	enum notify_how how = preferences_notify(&seat->preferences, NOTIFY_rules, person->role);
	bool quiet = preferences_are_quiet(&seat->preferences, time.wall_ms);
	if (how == NOTIFY_OFF)
		return;
	if ((quiet && seat->preferences.hold) || !bot_may_be_loud(seat, NOTIFY_rules, time)) {
		bot_hold(bot, seat, message, time);
		return;
	}
	buf_printf(&html, "🔔 ");
	buf_html(&html, message);
	put_rule_buttons(&bot->keyboard, rule, symbol);
	const struct letter letter = { .user_id = person->id,
				       .html = buf_str(&html),
				       .alert = true,
				       .silent = quiet || how == NOTIFY_SILENT,
				       .buttons = true };
	if (bot_send_letter(bot, &letter))
		bot_hold(bot, seat, message, time);
	else
		bot->counts.alerts_told++;
}
