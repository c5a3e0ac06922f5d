#include "bot/preferences.h"

#include <stdio.h>

#include "ask/asked.h"
#include "base/check.h"

static const char *const fields[PREFERENCES] = { "sym", "tf", "num", "quiet", "notify", "theme" };
static const char *const style_words[NUMBER_STYLES] = { "comma", "point", "blank" };
static const char *const style_texts[NUMBER_STYLES] = { "1,234.56", "1.234,56", "1 234.56" };

struct preferences preferences_default(void)
{
	struct preferences preferences = { .quiet_from = 22 * 60, .quiet_to = 7 * 60 };
	memset(preferences.notify, NOTIFY_HOWS, sizeof preferences.notify);
	return preferences;
}

const char *preference_field(enum preference preference)
{
	CHECK(preference < PREFERENCES);
	return fields[preference];
}

const char *number_style_text(enum number_style style)
{
	CHECK(style < NUMBER_STYLES);
	return style_texts[style];
}

/* ---- printed ---- */

static void print_zone(int32_t zone_min, struct buf *out)
{
	int32_t minutes = zone_min < 0 ? -zone_min : zone_min;
	buf_printf(out, "%c%02d:%02d", zone_min < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

/* "22:00-07:00 +02:00 hold", "off +02:00" */
static void print_quiet(const struct preferences *preferences, struct buf *out)
{
	if (!preferences->quiet && !preferences->zone_min)
		return;
	if (preferences->quiet)
		buf_printf(out, "%02d:%02d-%02d:%02d ", preferences->quiet_from / 60,
			   preferences->quiet_from % 60, preferences->quiet_to / 60,
			   preferences->quiet_to % 60);
	else
		buf_printf(out, "off ");
	print_zone(preferences->zone_min, out);
	if (preferences->hold)
		buf_printf(out, " hold");
}

/* "fleet=silent,system=off" */
static void print_notify(const struct preferences *preferences, struct buf *out)
{
	const char *before = "";
	for (enum notify kind = 0; kind < NOTIFY_COUNT; kind++) {
		if (preferences->notify[kind] >= NOTIFY_HOWS)
			continue;
		buf_printf(out, "%s%s=%s", before, notify_name(kind),
			   notify_how_text(preferences->notify[kind]));
		before = ",";
	}
}

void preference_print(const struct preferences *preferences, enum preference which, struct buf *out)
{
	switch (which) {
	case PREFERENCE_SYMBOL: buf_printf(out, "%s", preferences->symbol); break;
	case PREFERENCE_TIMEFRAME:
		if (preferences->timeframe_min)
			buf_printf(out, "%s", asked_timeframe_text(preferences->timeframe_min));
		break;
	case PREFERENCE_NUMBERS:
		if (preferences->numbers)
			buf_printf(out, "%s", style_words[preferences->numbers]);
		break;
	case PREFERENCE_QUIET: print_quiet(preferences, out); break;
	case PREFERENCE_NOTIFY: print_notify(preferences, out); break;
	case PREFERENCE_THEME:
		if (preferences->light)
			buf_printf(out, "light");
		break;
	case PREFERENCES: CHECK(false);
	}
}

/* ---- read ---- */

static enum status read_symbol(struct preferences *preferences, struct str text)
{
	char symbol[ASKED_WORD_MAX + 1];
	if (text.len > PREFERENCES_SYMBOL_MAX)
		return STATUS_FORMAT;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7F || strchr("<>&\"/", text.ptr[i]))
			return STATUS_FORMAT;
	asked_keep_symbol(text, symbol);
	return str_copy(str_of(symbol), preferences->symbol, sizeof preferences->symbol);
}

static enum status read_timeframe(struct preferences *preferences, struct str text)
{
	int32_t minutes = 0;
	if (text.len && !asked_timeframe_read(text, &minutes))
		return STATUS_FORMAT;
	preferences->timeframe_min = minutes;
	return STATUS_OK;
}

static enum status read_numbers(struct preferences *preferences, struct str text)
{
	enum number_style style = 0;
	while (text.len && style < NUMBER_STYLES &&
	       !str_eq_nocase(text, str_of(style_words[style])))
		style++;
	if (style == NUMBER_STYLES)
		return STATUS_FORMAT;
	preferences->numbers = style;
	return STATUS_OK;
}

/* "22:00", or "22" */
static bool read_clock(struct str text, int32_t hours_max, int32_t *minutes)
{
	struct str rest = text, part;
	uint64_t hour = 0, minute = 0;
	if (!str_split(&rest, ':', &part) || part.len > 2 || str_to_u64(part, &hour))
		return false;
	if (str_split(&rest, ':', &part) &&
	    (part.len != 2 || str_to_u64(part, &minute) || str_split(&rest, ':', &part)))
		return false;
	*minutes = (int32_t)(hour * 60 + minute);
	return minute < 60 && *minutes <= hours_max * 60;
}

/* "+02:00", "-3", "UTC+2" */
static bool read_zone(struct str text, int32_t *zone_min)
{
	if (str_starts(text, STR("UTC")) || str_starts(text, STR("utc")))
		text = str_skip(text, 3);
	if (!text.len) {
		*zone_min = 0;
		return true;
	}
	if (text.ptr[0] != '+' && text.ptr[0] != '-')
		return false;
	bool west = text.ptr[0] == '-';
	if (!read_clock(str_skip(text, 1), west ? 12 : 14, zone_min))
		return false;
	*zone_min = west ? -*zone_min : *zone_min;
	return true;
}

static bool read_hours(struct preferences *preferences, struct str text)
{
	struct str rest = text, from, to;
	if (str_eq_nocase(text, STR("off"))) {
		preferences->quiet = false;
		return true;
	}
	if (!str_split(&rest, '-', &from) || !str_split(&rest, '-', &to) || rest.ptr)
		return false;
	preferences->quiet = read_clock(from, 24, &preferences->quiet_from) &&
			     read_clock(to, 24, &preferences->quiet_to);
	preferences->quiet_from %= PREFERENCES_DAY;
	preferences->quiet_to %= PREFERENCES_DAY;
	return preferences->quiet;
}

static enum status read_quiet(struct preferences *preferences, struct str text)
{
	const struct preferences preset = preferences_default();
	struct preferences read = *preferences;
	struct str rest = str_trim(text), part;
	read.quiet = read.hold = false;
	if (!rest.len) {
		read.zone_min = 0;
		read.quiet_from = preset.quiet_from;
		read.quiet_to = preset.quiet_to;
	} else if (str_split(&rest, ' ', &part) && !read_hours(&read, part)) {
		return STATUS_FORMAT;
	}
	while (rest.len && str_split(&rest, ' ', &part)) {
		if (str_eq_nocase(part, STR("hold")))
			read.hold = true;
		else if (part.len && !str_eq_nocase(part, STR("silent")) &&
			 !read_zone(part, &read.zone_min))
			return STATUS_FORMAT;
	}
	*preferences = read;
	return STATUS_OK;
}

static enum status read_notify(struct preferences *preferences, struct str text)
{
	struct preferences read = preferences_default();
	struct str rest = text, part, name;
	while (text.len && str_split(&rest, ',', &part)) {
		enum notify kind;
		enum notify_how how;
		if (!str_split(&part, '=', &name) || !part.ptr ||
		    (kind = notify_find(name)) == NOTIFY_COUNT ||
		    (how = notify_how_find(part)) == NOTIFY_HOWS)
			return STATUS_FORMAT;
		read.notify[kind] = (uint8_t)how;
	}
	memcpy(preferences->notify, read.notify, sizeof read.notify);
	return STATUS_OK;
}

static enum status read_theme(struct preferences *preferences, struct str text)
{
	bool light = str_eq_nocase(text, STR("light"));
	if (!light && text.len && !str_eq_nocase(text, STR("dark")))
		return STATUS_FORMAT;
	preferences->light = light;
	return STATUS_OK;
}

enum status preference_read(struct preferences *preferences, enum preference which, struct str text)
{
	switch (which) {
	case PREFERENCE_SYMBOL: return read_symbol(preferences, text);
	case PREFERENCE_TIMEFRAME: return read_timeframe(preferences, text);
	case PREFERENCE_NUMBERS: return read_numbers(preferences, text);
	case PREFERENCE_QUIET: return read_quiet(preferences, text);
	case PREFERENCE_NOTIFY: return read_notify(preferences, text);
	case PREFERENCE_THEME: return read_theme(preferences, text);
	case PREFERENCES: break;
	}
	CHECK(false);
}

/* ---- in force ---- */

enum notify_how preferences_notify(const struct preferences *preferences, enum notify kind,
				   enum role role)
{
	enum notify_how how = preferences->notify[kind];
	return how < NOTIFY_HOWS ? how : notify_preset(kind, role);
}

bool preferences_are_quiet(const struct preferences *preferences, int64_t wall_ms)
{
	int64_t minutes = wall_ms / 60000 + preferences->zone_min;
	int32_t now = (int32_t)(((minutes % PREFERENCES_DAY) + PREFERENCES_DAY) % PREFERENCES_DAY);
	int32_t from = preferences->quiet_from, to = preferences->quiet_to;
	if (!preferences->quiet)
		return false;
	return from < to ? now >= from && now < to : now >= from || now < to;
}

/* ---- numbers ---- */

static bool is_digit(struct str text, size_t at)
{
	return at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9';
}

/* Three digits, and no fourth. */
static bool is_thousand(struct str text, size_t at)
{
	return is_digit(text, at) && is_digit(text, at + 1) && is_digit(text, at + 2) &&
	       !is_digit(text, at + 3);
}

static void put_restyled(enum number_style style, struct str text, size_t at, struct buf *out)
{
	char c = text.ptr[at];
	bool inside = at && is_digit(text, at - 1) && is_digit(text, at + 1);
	if (c == ',' && inside && is_thousand(text, at + 1))
		buf_str_put(out, style == NUMBERS_POINT ? STR(".") : STR("\u00a0"));
	else if (c == '.' && inside && style == NUMBERS_POINT)
		buf_char(out, ',');
	else
		buf_char(out, c);
}

void numbers_restyle(enum number_style style, struct str text, struct buf *out)
{
	if (style == NUMBERS_COMMA) {
		buf_str_put(out, text);
		return;
	}
	for (size_t i = 0; i < text.len; i++)
		put_restyled(style, text, i, out);
}
