/* cascade.h - when liquidations of one asset come so thick that they feed each other;
 * internal to liquidations. Pure: events and times in, one state out.
 *
 * The window is [newest - window_ms, newest], both ends in, by event time: the newest
 * event of the asset moves it, never a clock, so that a clock that is wrong, or a venue
 * that lags, takes no events out of it. An event that comes late still counts when it is
 * inside; farther back it does not. A cascade ends at the moment when so many events have
 * left that one of the bounds is missed: that moment follows from the events alone, too,
 * whoever notices it (the next event, or a step by the clock), and whenever.
 *
 * risk (market.md 3), of the events in the window, n by count:
 *   0.25 min(value / 1,000,000, 1) + 0.20 min(n per minute / 10, 1)
 *   + 0.20 max(0, 1 - 10 sd / mean of the prices)     sd of the population
 *   + 0.15 |longs - shorts| / n + 0.15 (those of size_institutional and more) / n
 *   + 0.05 (venues - 1)                                at most 1 in all
 * Prices of all venues go together: they are prices of one asset in dollars. n per minute
 * is over the configured window, not over the events' own span.
 *
 * Fixed size: at most CASCADE_EVENTS_MAX entries; where there are more events, one counts
 * into the entry before it and leaves the window with it. Sums stay exact. */
#pragma once

#include "market/liquidations.h"

struct cascade_event {
	int64_t t_ms;
	i128 quote_e8;
	double price;
	uint8_t venue;    /* enum venue */
	uint8_t position; /* SIDE_BUY: a LONG was liquidated */
};

/* One event, or several when there was no room. */
struct cascade_entry {
	int64_t t_ms;
	uint32_t n_long, n_short, n_large; /* large: of size_institutional and more */
	uint32_t venues;                   /* bit per enum venue */
	i128 long_e8, short_e8;
	double mean, squares; /* of the prices: Σ (price - mean)² */
};

struct cascade_watch {
	struct cascade state; /* the last one; its figures are of the whole cascade */
	uint32_t venues;      /* of it, bit per enum venue */
	bool ended;           /* there was one, and ended_ms is its end */
	int64_t ended_ms;
	int64_t ends_ms;   /* while active: when it ends if nothing more comes */
	int64_t newest_ms; /* 0: nothing came yet */
	uint64_t n;        /* events in the window */
	i128 quote_e8;     /* their sum */
	uint32_t n_entries;
	struct cascade_entry entries[CASCADE_EVENTS_MAX]; /* by time */
};

/* An event of the asset; true: a cascade began with it. Call cascade_expire with its time
 * before. */
bool cascade_take(struct cascade_watch *watch, const struct liquidations_config *config,
		  const struct cascade_event *event);
/* True: the one going on has ended, before now_ms. */
bool cascade_expire(struct cascade_watch *watch, int64_t now_ms);
/* The risk of what is in the window; 0 when nothing is. */
double cascade_score(const struct cascade_watch *watch, const struct liquidations_config *config);
