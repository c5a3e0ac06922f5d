/* config.h - the settings: rows of config.def, and one read-only set of values.
 *
 * A value comes from the row's default, then the configuration file, then the
 * environment; each remembers which. The reader takes text and touches no file:
 * daemon/settings.h reads files and the environment of the process.
 *
 * The file: UTF-8, lines of at most CONFIG_LINE_BYTES ending in LF or CRLF, at most
 * CONFIG_FILE_BYTES.
 *   [section]
 *   key = value
 *   # a comment; so is what follows `#` or `;` after a blank
 *   key = "kept as it is: blanks, # and ;"      (inside: \" and \\)
 * Names are of letters, digits and a few signs (ini.h); upper and lower case differ.
 * A section or a key that stands twice, or that no row names, is an error. Every
 * error is one line: `weir.conf:12:9: segment.rts.port: '65536' is not 0..65535`;
 * columns count characters from 1.
 *
 * The environment: WEIR_SECTION_KEY, a dot as `_`. A variable that begins with
 * WEIR_SECTION_ of a section there is and names no row is an error; other WEIR_
 * variables are not ours to judge.
 *
 * Open sections: there may be any number of them, their names end as the operator likes.
 *   [symbols.SERVER]                what a broker calls symbols: keys and values are free
 *   [limits.account:LOGIN@SERVER]   the keys of [limits], for one account
 *   [limits.group:NAME]             the same, for a group
 *   [account.NAME]                  an exchange account; what it does not say is [account]'s
 * They come from the file alone, have no defaults, and take effect on SIGHUP; those of
 * [account.NAME] need a new start.
 *
 * struct config never changes after create: a reload creates another, asks
 * config_reload_check and swaps the pointers, so it happens as a whole or not at
 * all. Any thread may read it. */
#pragma once

#include "base/buf.h"
#include "def/alerts.h"
#include "def/market_id.h"
#include "def/segments.h"

enum {
	CONFIG_LINE_BYTES = 4096,
	CONFIG_FILE_BYTES = 1 << 20,
	CONFIG_VALUE_BYTES = 1023,
	CONFIG_PROBLEMS_MAX = 20, /* kept; all are counted */
	CONFIG_PROBLEM_BYTES = 320,
	CONFIG_OPEN_MAX = 8192,       /* sections and keys of open sections */
	CONFIG_OPEN_NAME_BYTES = 128, /* of such a section, its prefix included */
	CONFIG_SYMBOL_BYTES = 31,     /* of a key or value of [symbols.…] */
};

enum config_id {
#define CONFIG(id, section, key, type, unit, def, min, max, choices, reload, help) CONFIG_##id,
#include "def/config.def"
#undef CONFIG
	CONFIG_COUNT
};

/* One venue's rows; every venue and kind has as many, in the order of enum venue, kind. */
enum { CONFIG_VENUE_ROWS = CONFIG_venue_binance_perp_on - CONFIG_venue_binance_spot_on };

/* One segment's rows; every segment has as many, in the same order. */
enum { CONFIG_SEGMENT_ROWS = CONFIG_segment_ris_mode - CONFIG_segment_rts_mode };

/* One alert rule's rows (on fire clear hold clear_hold renotify cooldown), every rule's
 * in the order of alerts.def. */
enum { CONFIG_ALERT_ROWS = CONFIG_alert_oi_move_cooldown - CONFIG_alert_oi_move_on + 1 };

enum { CONFIG_NUMBER_PLACES = 6, CONFIG_NUMBER_ONE = 1000000 };

enum config_type {
	CONFIG_BOOL,
	CONFIG_INT,
	CONFIG_SIZE,
	CONFIG_DURATION,
	CONFIG_NUMBER,
	CONFIG_ENUM,
	CONFIG_LIST,
	CONFIG_PATH,
	CONFIG_URL,
	CONFIG_ADDRESS,
};

enum config_reload { CONFIG_LIVE, CONFIG_RESTART };

struct config_row {
	const char *id;      /* "segment_rts_port" */
	const char *section; /* "segment.rts" */
	const char *key;     /* "port" */
	enum config_type type;
	const char *unit;   /* "" when it has none */
	const char *preset; /* the default, as text */
	int64_t min, max;
	const char *choices; /* words separated by one blank; "" when any value goes */
	enum config_reload reload;
	const char *help; /* `x` marks a literal word */
};

enum config_origin_kind { CONFIG_FROM_DEFAULT, CONFIG_FROM_FILE, CONFIG_FROM_ENV };

struct config_origin {
	enum config_origin_kind kind;
	uint32_t line; /* of the file, from 1; 0 otherwise */
};

/* Everything that was wrong, in the order of the input. Caller's storage. */
struct config_problems {
	size_t count; /* of all; lines[] has at most CONFIG_PROBLEMS_MAX */
	char lines[CONFIG_PROBLEMS_MAX][CONFIG_PROBLEM_BYTES];
};

struct config_source {
	struct str file_name;       /* for messages and origins, cut at 255 bytes */
	struct str file_text;       /* ptr NULL: there is no file */
	const char *const *environ; /* "NAME=value"…, NULL-terminated; NULL: none */
};

struct config;

const struct config_row *config_row(enum config_id id);
const char *config_type_text(enum config_type type); /* "bool" "int" … */

/* The row of another segment: config_of_segment(CONFIG_segment_rts_port, SEGMENT_RMS)
 * is CONFIG_segment_rms_port. */
enum config_id config_of_segment(enum config_id of_rts, enum segment segment);
/* The row of another venue: config_of_venue(CONFIG_venue_binance_spot_on, VENUE_BYBIT,
 * KIND_PERP) is CONFIG_venue_bybit_perp_on. */
enum config_id config_of_venue(enum config_id of_binance_spot, enum venue venue, enum kind kind);
/* The row of another rule: config_of_alert(CONFIG_alert_oi_move_fire, ALERT_price_move) is
 * CONFIG_alert_price_move_fire. */
enum config_id config_of_alert(enum config_id of_oi_move, enum alert_rule rule);

/* Heap; *out only on OK. INVALID: something is wrong with the input, see problems. */
MUST_CHECK enum status config_create(const struct config_source *source, struct config **out,
				     struct config_problems *problems);
void config_destroy(struct config *config);

/* BOOL 0 1, INT, SIZE in bytes, DURATION in ms, NUMBER × 10^6, ENUM as the place in its
 * choices. */
int64_t config_i64(const struct config *config, enum config_id id);
static inline bool config_bool(const struct config *config, enum config_id id)
{
	return config_i64(config, id) != 0;
}
/* For thresholds and shares, which are compared with doubles. */
static inline double config_number(const struct config *config, enum config_id id)
{
	return (double)config_i64(config, id) / CONFIG_NUMBER_ONE;
}
/* A word NAME:NUMBER of a list (market.oi_alert_percent); *number × 10^6. FORMAT. */
MUST_CHECK enum status config_word_number(struct str word, struct str *name, int64_t *number);
/* A word of a list that is a length of time ("10s"), in ms. FORMAT. */
MUST_CHECK enum status config_duration(struct str word, int64_t *ms);
/* PATH, URL, ADDRESS, LIST (one comma, no blanks between the words), ENUM. Lives as long as
 * the config; followed by a NUL byte. */
struct str config_str(const struct config *config, enum config_id id);
struct config_origin config_origin(const struct config *config, enum config_id id);

/* A row of secret.def: its value is never shown. */
bool config_is_secret(enum config_id id);
/* The value in the shortest spelling that the reader takes back; a secret one, and the
 * password of a URL, is shown as ***. */
void config_print_value(struct buf *buf, const struct config *config, enum config_id id);
/* A number as the row's type spells it: "512mb", "10s", "yes". Not for ENUM. */
void config_print_number(struct buf *buf, enum config_id id, int64_t number);
/* "default", "weir.conf:12", "environment WEIR_SEGMENT_RTS_PORT" */
void config_print_origin(struct buf *buf, const struct config *config, enum config_id id);
void config_print_file_origin(struct buf *buf, const struct config *config, uint32_t line);
/* "WEIR_SEGMENT_RTS_PORT" */
void config_print_env_name(struct buf *buf, enum config_id id);
/* The two halves of an ADDRESS that is not empty; host without its brackets, a NUL behind
 * it. */
void config_address(const struct config *config, enum config_id id, char host[64], uint16_t *port);
/* True when a URL that came from the file carries a password, or a secret setting came from
 * it: then nobody else may read the file. */
bool config_file_has_secret(const struct config *config);

/* A section of an open kind (key empty), or, behind it, one of its keys. In the order of
 * the file; texts live as long as the config. */
struct config_open {
	struct str section; /* "symbols.FPMarketsSC-Live" */
	struct str key;     /* "EURUSD" */
	struct str text;    /* as config_str; empty for a number */
	int64_t number;     /* as config_i64 */
	enum config_id
	    like; /* the row that it is like ([limits], [account]); CONFIG_COUNT: free text */
	uint32_t line;
};
size_t config_open_count(const struct config *config);
const struct config_open *config_open_at(const struct config *config, size_t index);
const struct config_open *config_open_find(const struct config *config, struct str section,
					   struct str key); /* NULL: it is not there */
/* As config_print_value does. Not of a section. */
void config_open_print(struct buf *buf, const struct config_open *open);
bool config_open_eq(const struct config_open *a, const struct config_open *b); /* the values */

bool config_value_eq(const struct config *a, const struct config *b, enum config_id id);
/* May a running process go from old to new? REFUSED when a RESTART row differs;
 * *why then reads "segment.rts.port, redis.server". */
MUST_CHECK enum status config_reload_check(const struct config *old, const struct config *new,
					   struct buf *why);
