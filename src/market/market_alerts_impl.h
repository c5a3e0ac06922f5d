/* market_alerts_impl.h - what market_alerts*.c share. */
#pragma once

#include "market/market_alerts.h"

/* A market with what every round needs of it. */
struct watched_market {
	struct market *market;
	struct str scope; /* its id, in scope_text */
	size_t asset;     /* place in assets[] */
	char scope_text[ALERT_SCOPE_MAX + 1];
};

struct watched_asset {
	char name[SYMBOL_MAX + 1];
	double oi_percent; /* NAN: the rule's own */
};

struct watched_venue {
	char scope[ALERT_SCOPE_MAX + 1];
	int64_t until_ns;
};

struct market_alerts {
	struct alerts *alerts;
	struct markets *markets;
	struct market_alerts_config config;
	int64_t now_ns, wall_ms;
	bool begun;
	int64_t round_ns; /* when the round began */
	size_t next;      /* of the round: markets, then assets, then venues */
	size_t n_markets, n_assets, n_venues;
	struct watched_market watched[MARKETS_MAX];
	struct watched_asset assets[MARKETS_MAX];
	struct watched_venue venues[MARKET_ALERT_VENUES_MAX];
	char message[ALERT_MESSAGE_MAX + 1];
	struct buf note; /* over message */
};

/* Tells the engine a value. NULL: nobody keeps a message, and that was all. Otherwise
 * the message goes into *note, and market_alerts_told ends it. `market` may be NULL. */
struct market_alerts_value {
	enum alert_rule rule;
	struct str scope;
	double value, fire;
	const struct market *market; /* simulated ones say so; NULL: none */
};
struct buf *market_alerts_tell(struct market_alerts *all, const struct market_alerts_value *value);
void market_alerts_told(struct market_alerts *all, const struct market_alerts_value *value);
/* The message of an event: begun here, told by alert_event. */
struct buf *market_alerts_note(struct market_alerts *all, const struct market *market);
/* 1234567 as "1,234,567". */
void market_alerts_print_whole(struct buf *buf, i128 whole);

/* ---- the rules (market_alerts_rules.c) ---- */

void market_alerts_check_market(struct market_alerts *all, const struct watched_market *watched);
void market_alerts_check_asset(struct market_alerts *all, size_t asset);
