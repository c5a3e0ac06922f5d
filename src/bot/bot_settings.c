/* /settings: pages of buttons over the person's preferences, and the same by words. */
#include <stdio.h>

#include "ask/asked.h"
#include "base/check.h"
#include "bot/bot_impl.h"

static const char *const symbols[] = { "BTC", "ETH", "SOL", "BNB", "XRP" };

/* ---- one change ---- */

static enum status set_notify(struct preferences *preferences, struct str text)
{
	struct str rest = text, name;
	if (!str_split(&rest, '=', &name) || !rest.ptr)
		return STATUS_FORMAT;
	enum notify kind = notify_find(str_trim(name));
	enum notify_how how = notify_how_find(str_trim(rest));
	if (kind == NOTIFY_COUNT || how == NOTIFY_HOWS)
		return STATUS_FORMAT;
	preferences->notify[kind] = (uint8_t)how;
	return STATUS_OK;
}

/* "22:00-07:00" or "off"; zone and hold stay unless they are said. */
static enum status set_quiet(struct preferences *preferences, struct str text)
{
	struct preferences read = *preferences;
	enum status status = preference_read(&read, PREFERENCE_QUIET, text);
	struct str rest = text;
	bool says_how = false;
	for (struct str word; (word = words_next(&rest)).len;)
		says_how = says_how || str_eq_nocase(word, STR("hold")) ||
			   str_eq_nocase(word, STR("silent"));
	if (status || !text.len)
		return STATUS_FORMAT;
	if (!says_how)
		read.hold = preferences->hold;
	*preferences = read;
	return STATUS_OK;
}

/* "+1": his clock is so many hours before UTC. */
static enum status set_zone(struct preferences *preferences, struct str text)
{
	char quiet[PREFERENCES_FIELD_MAX];
	struct buf whole = buf_over(quiet, sizeof quiet);
	struct preferences read = *preferences;
	bool was_quiet = read.quiet;
	buf_printf(&whole, "off %.*s", STR_ARG(text));
	if (!text.len || whole.overflow ||
	    preference_read(&read, PREFERENCE_QUIET, buf_str(&whole)))
		return STATUS_FORMAT;
	read.quiet = was_quiet;
	read.hold = preferences->hold;
	*preferences = read;
	return STATUS_OK;
}

static enum status set_hold(struct preferences *preferences, struct str text)
{
	bool yes = str_eq_nocase(text, STR("yes")) || str_eq_nocase(text, STR("on"));
	if (!yes && !str_eq_nocase(text, STR("no")) && !str_eq_nocase(text, STR("off")))
		return STATUS_FORMAT;
	preferences->hold = yes;
	return STATUS_OK;
}

static enum status set_field(struct preferences *preferences, enum preference which,
			     struct str text)
{
	if (!text.len)
		return STATUS_FORMAT;
	bool off = str_eq_nocase(text, STR("default"));
	return preference_read(preferences, which, off ? STR("") : text);
}

static const struct setting {
	const char *name, *page, *usage;
	enum preference which; /* PREFERENCES: by fn */
	enum status (*fn)(struct preferences *preferences, struct str text);
} settings[] = {
	{ "sym", "sym", "a symbol, like ETH; default", PREFERENCE_SYMBOL, NULL },
	{ "tf", "tf", "1m 5m 15m 30m 60m 4h 24h; default", PREFERENCE_TIMEFRAME, NULL },
	{ "num", "num", "comma, point or blank", PREFERENCE_NUMBERS, NULL },
	{ "theme", "main", "dark or light", PREFERENCE_THEME, NULL },
	{ "quiet", "quiet", "22:00-07:00 +02:00, or off", PREFERENCES, set_quiet },
	{ "zone", "quiet", "your clock before UTC, like +2 or -03:30", PREFERENCES, set_zone },
	{ "hold", "quiet", "yes or no", PREFERENCES, set_hold },
	{ "notify", "notify", "KIND=on, silent or off", PREFERENCES, set_notify },
};

static const struct setting *find_setting(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (str_eq_nocase(name, str_of(settings[i].name)))
			return &settings[i];
	return NULL;
}

/* ---- pages ---- */

static void put_clock(struct buf *out, int32_t minutes)
{
	buf_printf(out, "%02d:%02d", minutes / 60, minutes % 60);
}

static void put_quiet(struct buf *html, const struct preferences *likes)
{
	int32_t zone = likes->zone_min < 0 ? -likes->zone_min : likes->zone_min;
	if (likes->quiet) {
		put_clock(html, likes->quiet_from);
		buf_char(html, '-');
		put_clock(html, likes->quiet_to);
		buf_printf(html, ", your alerts %s",
			   likes->hold ? "wait till they end" : "come silent");
	} else {
		buf_printf(html, "none");
	}
	buf_printf(html, ", UTC%c", likes->zone_min < 0 ? '-' : '+');
	put_clock(html, zone);
}

static void put_notify(struct buf *html, const struct talk *talk)
{
	for (enum notify kind = 0; kind < NOTIFY_COUNT; kind++) {
		if (kind == NOTIFY_people && talk->person->role != ROLE_ADMIN)
			continue;
		enum notify_how how =
		    preferences_notify(&talk->seat->preferences, kind, talk->person->role);
		buf_printf(html, "%s: %s (%s)\n", notify_name(kind), notify_how_text(how),
			   notify_help(kind));
	}
}

static void put_all(struct buf *html, const struct talk *talk)
{
	const struct preferences *likes = &talk->seat->preferences;
	buf_printf(html, "<b>Settings</b>\nSymbol: ");
	buf_html(html, str_of(likes->symbol[0] ? likes->symbol : talk->bot->symbol));
	buf_printf(html, "\nTimeframe: %s\nNumbers: %s\nPictures: %s\nQuiet hours: ",
		   asked_timeframe_text(likes->timeframe_min ? likes->timeframe_min : 15),
		   number_style_text(likes->numbers), likes->light ? "light" : "dark");
	put_quiet(html, likes);
	buf_printf(html, "\n\n<b>Told of</b>\n");
	put_notify(html, talk);
}

static void put_back(struct keyboard *keyboard)
{
	keyboard_row(keyboard);
	keyboard_add(keyboard, STR("‹ Back"), "m:main");
}

static void main_page(const struct talk *talk, struct keyboard *keyboard)
{
	keyboard_add(keyboard, STR("Symbol"), "m:sym");
	keyboard_add(keyboard, STR("Timeframe"), "m:tf");
	keyboard_add(keyboard, STR("Numbers"), "m:num");
	keyboard_row(keyboard);
	keyboard_add(keyboard, STR("Quiet hours"), "m:quiet");
	keyboard_add(keyboard, STR("Told of"), "m:notify");
	if (talk->seat->preferences.light)
		keyboard_add(keyboard, STR("Dark pictures"), "s:theme dark");
	else
		keyboard_add(keyboard, STR("Light pictures"), "s:theme light");
}

/* The one in force is marked. */
static void add_choice(struct keyboard *keyboard, bool current, const char *text, const char *name,
		       const char *value)
{
	char label[64];
	int n = snprintf(label, sizeof label, current ? "·%s·" : "%s", text);
	keyboard_add(keyboard, str_make(label, (size_t)n), "s:%s %s", name, value);
}

static void symbol_page(const struct talk *talk, struct keyboard *keyboard)
{
	const char *own = talk->seat->preferences.symbol;
	for (size_t i = 0; i < ARRAY_LEN(symbols); i++)
		add_choice(keyboard, strcmp(own, symbols[i]) == 0, symbols[i], "sym", symbols[i]);
}

static void timeframe_page(const struct talk *talk, struct keyboard *keyboard)
{
	struct str rest = str_of(asked_timeframes()), word;
	while (str_split(&rest, ' ', &word)) {
		char text[16];
		int32_t minutes = 0;
		snprintf(text, sizeof text, "%.*s", STR_ARG(word));
		CHECK(asked_timeframe_read(word, &minutes));
		add_choice(keyboard, talk->seat->preferences.timeframe_min == minutes, text, "tf",
			   text);
	}
}

static void numbers_page(const struct talk *talk, struct keyboard *keyboard)
{
	static const char *const words[NUMBER_STYLES] = { "comma", "point", "blank" };
	for (enum number_style style = 0; style < NUMBER_STYLES; style++)
		add_choice(keyboard, talk->seat->preferences.numbers == style,
			   number_style_text(style), "num", words[style]);
}

static void zone_button(struct keyboard *keyboard, const char *text, int32_t zone_min)
{
	int32_t minutes = zone_min < 0 ? -zone_min : zone_min;
	if (zone_min < -720 || zone_min > 840)
		return;
	keyboard_add(keyboard, str_of(text), "s:zone %c%02d:%02d", zone_min < 0 ? '-' : '+',
		     minutes / 60, minutes % 60);
}

static void quiet_page(const struct talk *talk, struct keyboard *keyboard)
{
	static const char *const hours[] = { "21:00-07:00", "22:00-07:00", "23:00-08:00",
					     "00:00-08:00" };
	const struct preferences *likes = &talk->seat->preferences;
	add_choice(keyboard, !likes->quiet, "off", "quiet", "off");
	for (size_t i = 0; i < ARRAY_LEN(hours); i++) {
		struct preferences other = *likes;
		bool current = likes->quiet && !set_quiet(&other, str_of(hours[i])) &&
			       other.quiet_from == likes->quiet_from &&
			       other.quiet_to == likes->quiet_to;
		add_choice(keyboard, current, hours[i], "quiet", hours[i]);
		if (i == 1)
			keyboard_row(keyboard);
	}
	keyboard_row(keyboard);
	zone_button(keyboard, "clock -1 h", likes->zone_min - 60);
	zone_button(keyboard, "clock +1 h", likes->zone_min + 60);
	keyboard_row(keyboard);
	add_choice(keyboard, !likes->hold, "silent in them", "hold", "no");
	add_choice(keyboard, likes->hold, "held till they end", "hold", "yes");
}

/* A press takes the next of on, silent, off. */
static void notify_page(const struct talk *talk, struct keyboard *keyboard)
{
	for (enum notify kind = 0; kind < NOTIFY_COUNT; kind++) {
		char label[64];
		if (kind == NOTIFY_people && talk->person->role != ROLE_ADMIN)
			continue;
		enum notify_how how =
		    preferences_notify(&talk->seat->preferences, kind, talk->person->role);
		enum notify_how next = (enum notify_how)((how + 1) % NOTIFY_HOWS);
		int n = snprintf(label, sizeof label, "%s: %s", notify_name(kind),
				 notify_how_text(how));
		if (kind == NOTIFY_fleet)
			keyboard_row(keyboard);
		keyboard_add(keyboard, str_make(label, (size_t)n), "s:notify %s=%s",
			     notify_name(kind), notify_how_text(next));
	}
}

static const struct page_row {
	const char *name;
	void (*fn)(const struct talk *talk, struct keyboard *keyboard);
} pages[] = {
	{ "main", main_page },   { "sym", symbol_page },  { "tf", timeframe_page },
	{ "num", numbers_page }, { "quiet", quiet_page }, { "notify", notify_page },
};

static void show_page(const struct talk *talk, struct str name)
{
	struct bot *bot = talk->bot;
	struct buf html = buf_over(bot->text, sizeof bot->text);
	const struct page_row *page = &pages[0];
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		if (str_eq(name, str_of(pages[i].name)))
			page = &pages[i];
	put_all(&html, talk);
	if (page->fn == symbol_page)
		buf_printf(&html, "\nAny other: <code>/settings sym DOGE</code>");
	if (page->fn == quiet_page)
		buf_printf(&html, "\nAny other: <code>/settings quiet 22:30-06:45 +02:00</code>");
	keyboard_init(&bot->keyboard);
	page->fn(talk, &bot->keyboard);
	if (page != &pages[0])
		put_back(&bot->keyboard);
	talk_say(talk, buf_str(&html), true);
}

void bot_settings_page(const struct talk *talk, struct str page)
{
	talk_notice(talk, STR(""));
	show_page(talk, page);
}

/* ---- changes ---- */

static void say_usage(const struct talk *talk, const struct setting *setting)
{
	struct buf html = buf_over(talk->bot->text, sizeof talk->bot->text);
	if (setting) {
		buf_printf(&html, "Usage: /settings %s %s", setting->name, setting->usage);
	} else {
		buf_printf(&html, "There is no such setting. There are:\n");
		for (size_t i = 0; i < ARRAY_LEN(settings); i++)
			buf_printf(&html, "<b>%s</b> %s\n", settings[i].name, settings[i].usage);
	}
	talk_notice(talk, STR(""));
	talk_say(talk, buf_str(&html), false);
}

void bot_settings_set(const struct talk *talk, struct str change)
{
	struct bot *bot = talk->bot;
	struct str rest = change;
	const struct setting *setting = find_setting(words_next(&rest));
	struct preferences changed = talk->seat->preferences;
	struct str value = str_trim(rest);
	enum status status = STATUS_FORMAT;
	if (setting)
		status = setting->fn ? setting->fn(&changed, value)
				     : set_field(&changed, setting->which, value);
	if (status) {
		say_usage(talk, setting);
		return;
	}
	talk->seat->preferences = changed;
	talk_audit(talk, STR("settings"), change, STR("done"));
	if (bot->hooks.keep)
		bot->hooks.keep(bot->hooks.ctx, talk->person->id, &changed);
	bot_settings_page(talk, str_of(setting->page));
}

void bot_settings_command(const struct talk *talk, struct str args)
{
	if (args.len)
		bot_settings_set(talk, args);
	else
		show_page(talk, STR("main"));
}

void bot_kept(struct bot *bot, int64_t user_id, enum status status, struct bot_time time)
{
	char text[256];
	struct buf html = buf_over(text, sizeof text);
	if (!status)
		return;
	buf_printf(&html, "Your settings could not be stored: %s. They hold until weir ends.",
		   status_text(status));
	bot_tell(bot, user_id, buf_str(&html), time);
}
