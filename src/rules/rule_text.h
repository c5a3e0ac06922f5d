/* rule_text.h - a rule as people write it:
 *
 *   SUBJECT METRIC [TF] [OP NUMBER] [once] [every TIME] [max N]
 *
 *   BTC price > 70000            binance:perp:ETHUSDT delta 5m < -500
 *   BTC volume spike             ETH oi 15m > 10% every 1h
 *   BTC funding >= 0.05%         BTC liquidation > 1m max 5
 *   BTC cascade                  mt5-001 failed        all suspect
 *
 * OP is one of > >= < <= (or above, below); blanks around it do not matter. NUMBER is a
 * decimal, perhaps with k or m (thousand, million) behind it and, where the unit is so, %.
 * TF is 1m 5m 15m 30m 60m 4h 24h. TIME is 1m..7d. `once` rules go when they were told;
 * others wait `every` (15m) before they are told again, and are told at most `max` (20)
 * times a day. Words in any case; any bytes are survived. Pure. Any thread. */
#pragma once

#include "base/decimal.h"
#include "base/err.h"
#include "def/rule_metrics.h"

enum {
	RULE_SUBJECT_MAX = 64, /* a terminal's id is as long */
	RULE_CAP_MAX = 1000,
	RULE_CAP = 20,
	RULE_TEXT_MAX = 256, /* bytes read, and written */
};
#define RULE_COOLDOWN_MS     INT64_C(900000)
#define RULE_COOLDOWN_MS_MIN INT64_C(60000)
#define RULE_COOLDOWN_MS_MAX INT64_C(604800000)

enum rule_op { RULE_ABOVE, RULE_FROM, RULE_BELOW, RULE_TO }; /* > >= < <= */

/* Of a terminal: an enum instance_state, or */
enum { RULE_EVENT_SUSPECT = 100, RULE_EVENT_ANY };

struct rule_spec {
	enum rule_metric metric;
	int32_t minutes; /* of the timeframe; 0: the metric takes none */
	enum rule_op op;
	uint32_t cap; /* told in a UTC day */
	struct decimal threshold;
	int64_t cooldown_ms;
	int32_t event; /* of a terminal */
	bool once;
	char subject[RULE_SUBJECT_MAX + 1]; /* upper case, but an id as typed */
};

/* USAGE, and err is a sentence for people. */
MUST_CHECK enum status rule_parse(struct str text, struct rule_spec *out, struct err *err);
/* What is written changes *spec: OP NUMBER, once, every TIME, max N, or a whole rule. Not
 * touched on an error. */
MUST_CHECK enum status rule_parse_change(struct str text, struct rule_spec *spec, struct err *err);
/* A length of time: "1h", "30m", "2d"; 0: it is none, or out of 1m..7d. */
int64_t rule_time_ms(struct str word);

void rule_print_time(struct buf *out, int64_t ms); /* its inverse */

/* As it is written: "BTC price > 70000", then what is not usual of once, every, max. Reads
 * back as the same. */
void rule_print(struct buf *out, const struct rule_spec *spec);
/* Without what stands behind the condition. */
void rule_print_condition(struct buf *out, const struct rule_spec *spec);
void rule_print_subject(struct buf *out, const struct rule_spec *spec);   /* "BTC delta 5m" */
void rule_print_threshold(struct buf *out, const struct rule_spec *spec); /* "> 10 %" */
void rule_print_event(struct buf *out, int32_t event);                    /* "failed" "any" */
const char *rule_timeframe_text(int32_t minutes); /* "5m"; CHECKs that there is one */
/* "price, delta …; of a terminal failed …": what can be watched, for errors and help. */
void rule_print_words(struct buf *out);
