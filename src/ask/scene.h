/* scene.h - what one question is about: the markets it names, with their age and
 * coverage; and the parts of a page that all answers share.
 *
 * A scene lives on the stack of ask_answer. Internal to ask/. */
#pragma once

#include "ask/ask.h"
#include "ask/asked.h"
#include "ask/page.h"
#include "ask/sum.h"

enum { DAY_MINUTES = 1440 };

struct scene_market {
	struct market *market;
	const struct market_id *id;
	int32_t price_scale, qty_scale, quote_scale;
	int64_t newest_ms; /* newest trade */
	int64_t origin_ms; /* first minute held */
	int64_t age_ms;    /* of the newest trade or word of the book (scene_age_ms) */
	int32_t behind;    /* minutes between its last one and the scene's */
	bool stale;
	bool dollar;       /* quoted in USD or a coin held at one */
	struct str quote;  /* "USDT"; "" where unknown */
	char label[48];    /* "Binance perp", with the symbol where that is not enough */
	int64_t last;      /* price of the newest trade */
	struct window day; /* own, of 24 h */
};

struct scene {
	const struct ask_world *world;
	const struct asked *asked;
	struct scene_market markets[ASK_MARKETS_MAX];
	size_t count;     /* of markets with data */
	size_t silent;    /* named, but without any minute */
	size_t unshown;   /* named beyond ASK_MARKETS_MAX */
	size_t dollars;   /* markets in the sums */
	int64_t as_of_ms; /* newest trade of all */
	int64_t now_ms;   /* the wall's, or as_of_ms where ages are against that */
	bool against_now; /* ages are against the wall, not against as_of_ms */
	bool simulated;
	size_t stale; /* markets that are */
};

struct coverage {
	int32_t minutes, of, partial;
	const char *source; /* "stream" "klines" "repaired"; NULL when nothing is known */
};

/* Which markets a question is about. */
enum scene_scope {
	SCENE_SYMBOL, /* those that its symbol names */
	SCENE_PERPS,  /* of these, the perpetuals */
	SCENE_TOP,    /* the largest of all (top_markets) */
};

/* Finds the markets and looks at them. FAULT_NONE, UNKNOWN_SYMBOL, NO_PERP or NO_DATA. */
enum fault scene_init(struct scene *scene, const struct ask_world *world, const struct asked *asked,
		      enum scene_scope scope, int64_t now_ms);
/* The base asset of the first market. */
struct str scene_asset(const struct scene *scene);
/* How old something of that time is: against the wall's clock or, where none is asked for
 * (a replay), against the newest event; 0 for what is newer. */
int64_t scene_age_ms(const struct scene *scene, int64_t t_ms);
/* The first minute held of any market; *differ: not all have the same. */
int64_t scene_origin_ms(const struct scene *scene, bool *differ);
/* The market's last `minutes` minutes, by its own newest trade. */
void scene_window(const struct scene_market *market, int32_t minutes, struct window *out);
/* The same minutes for all: up to the scene's, of which a market that lags has the
 * first ones only. Sums are made of these. */
void scene_window_common(const struct scene_market *market, int32_t minutes, struct window *out);
/* Of the least covered market, over `minutes` minutes. */
struct coverage scene_coverage(const struct scene *scene, int32_t minutes);
/* Minutes from the start of the bar of `minutes` that holds the newest event. */
int32_t scene_elapsed(const struct scene *scene, int32_t minutes);
/* Sum over the dollar markets of their common window. */
void scene_total(const struct scene *scene, int32_t minutes, struct quote_flow *out);
/* What 15 minutes need of the 24 h to be compared with their share of delta, and with
 * a 96th of their volume. */
enum { SHARE_MINUTES = 60, VOLUME_MINUTES = 1296 };

/* Whether `minutes` of the 24 h are known of the market; NULL: of each in the sum. */
bool scene_knows(const struct scene *scene, const struct scene_market *market, int32_t minutes);
bool scene_knows_all(const struct scene *scene); /* every minute of 24 h, of every market */
double scene_change(int64_t last, const struct window *window);      /* last / open - 1; NAN */
struct figure scene_price_number(const struct scene_market *market); /* of the newest trade */

/* ---- page ---- */

/* Title ("ETH price", or `what` alone where there is no symbol), and the sentences about
 * age and silence that must come before figures. */
void scene_print_title(const struct scene *scene, struct page *page, const char *what);
/* When, and how much: minutes, partial, source; c NULL: when, alone. Without a line end. */
void scene_print_footer(const struct scene *scene, struct page *page, const struct coverage *c);
/* "Binance perp ETHUSDT" in bold, with its age when stale. */
void scene_print_head(const struct scene *scene, const struct scene_market *market,
		      struct page *page);
/* "All 4 markets, in USD" in bold; only where there is more than one. */
bool scene_print_total_head(const struct scene *scene, struct page *page);
/* Which quotes count as USD, and which markets the sums leave out. */
void scene_print_dollar_notes(const struct scene *scene, struct page *page);
/* That, and whether minutes of a market that lags are missing in them. */
void scene_print_sum_notes(const struct scene *scene, struct page *page);
/* What "*" means, where a market has it: a minute of its 24 h is not known. */
void scene_print_gap_note(const struct scene *scene, struct page *page);
/* A row's label, "!" behind it when stale; on a line of its own when it is longer
 * than `room`. */
void scene_print_label(const struct scene_market *market, struct page *page, uint32_t room);
/* Puts the markets' parts, in id order, until the page has `chars` characters;
 * says how many are left out. */
typedef void scene_part(const struct scene *scene, const void *facts, size_t index,
			struct page *page);
void scene_print_parts(const struct scene *scene, const void *facts, struct page *page,
		       uint32_t chars, scene_part *print);

/* ---- JSON ---- */

/* Opens the market's object with its name. */
void scene_json_market(const struct scene_market *market, struct json_out *json);
/* The fields all markets end with (minutes, partial, …), and closes it. */
void scene_json_market_end(const struct scene_market *market, const struct window *covered,
			   struct json_out *json);
/* Fields of a total: markets in it. Closes it. */
void scene_json_total_end(const struct scene *scene, struct json_out *json);
