/* preferences.h - what a person likes: the symbol and timeframe he means when he says none,
 * how numbers look, quiet hours, what he is told of and how, light or dark pictures.
 *
 * Read and written as fields of preference:{user} (keys.def): sym tf num quiet notify theme.
 * A field that is not there, or cannot be read, is the default. Pure. Any thread. */
#pragma once

#include "base/buf.h"
#include "def/notify.h"

enum {
	PREFERENCES_SYMBOL_MAX = 31,
	PREFERENCES_FIELD_MAX = 128, /* bytes of a value */
	PREFERENCES_DAY = 1440,      /* minutes */
};

enum number_style { NUMBERS_COMMA, NUMBERS_POINT, NUMBERS_BLANK, NUMBER_STYLES };

struct preferences {
	char symbol[PREFERENCES_SYMBOL_MAX + 1]; /* "" weir's own default */
	int32_t timeframe_min;                   /* 0: weir's own default */
	enum number_style numbers;
	bool light;
	bool quiet;                   /* there are quiet hours */
	bool hold;                    /* in them his own alerts wait till they end */
	int32_t quiet_from, quiet_to; /* minutes of his day; from = to: the whole day */
	int32_t zone_min;             /* his clock before UTC, -720 .. 840 */
	uint8_t notify[NOTIFY_COUNT]; /* enum notify_how; NOTIFY_HOWS: as his role has it */
};

enum preference {
	PREFERENCE_SYMBOL,
	PREFERENCE_TIMEFRAME,
	PREFERENCE_NUMBERS,
	PREFERENCE_QUIET,
	PREFERENCE_NOTIFY,
	PREFERENCE_THEME,
	PREFERENCES,
};

struct preferences preferences_default(void);
const char *preference_field(enum preference preference); /* "sym" … of keys.def */
/* The field's value; empty: the default, it need not be stored. */
void preference_print(const struct preferences *preferences, enum preference which,
		      struct buf *out);
/* As it is printed, "" for the default. FORMAT: it is left as it was. */
MUST_CHECK enum status preference_read(struct preferences *preferences, enum preference which,
				       struct str text);

enum notify_how preferences_notify(const struct preferences *preferences, enum notify kind,
				   enum role role);
/* Is it a quiet hour of his? */
bool preferences_are_quiet(const struct preferences *preferences, int64_t wall_ms);

const char *number_style_text(enum number_style style); /* "1,234.56" */
/* The text of an answer with its numbers as he likes them: as many characters. What is not a
 * digit on both sides of a sign is no number and stays. */
void numbers_restyle(enum number_style style, struct str text, struct buf *out);
