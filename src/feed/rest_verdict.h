/* rest_verdict.h - what a venue's HTTP answer means: taken, refused for good, to be
 * asked again, and what it says of limits and time.
 *
 * Binance says errors by HTTP code and {"code":-1121,"msg":"Invalid symbol."}; Bybit by
 * {"retCode":10006,"retMsg":"..."} in a 200 answer, mostly. Sources: market.md 1, the
 * venues' pages on limits and error codes. Pure. */
#pragma once

#include "codec/json.h"
#include "def/market_id.h"
#include "port/http_client.h"

enum rest_fate {
	REST_FATE_TAKEN,
	REST_FATE_FAILED,  /* asking again is no use */
	REST_FATE_AGAIN,   /* after a back-off */
	REST_FATE_LIMITED, /* wait_ns, then again */
	REST_FATE_BANNED,
};

struct rest_verdict {
	enum rest_fate fate;
	enum status status; /* what its owner is told when it is not asked again */
	int64_t wait_ns;    /* LIMITED, BANNED; TAKEN: nothing is left before that */
	int64_t used;       /* weight the venue counted in its minute; -1: it does not say */
	int64_t resets_ns;  /* when that minute ends at the latest, from now */
	int64_t date_ms;    /* unix ms, cut to the second; -1: it does not say */
	int64_t code;       /* the venue's own of an error (-1121, 10006); 0: none */
	char why[200];      /* one line; "" when taken */
};

/* wall_ms: the venue's wall clock as far as we know it, for an answer without a date. */
void rest_judge(struct json *json, enum venue venue, const struct http_answer *answer,
		int64_t wall_ms, struct rest_verdict *verdict);
/* There was no answer. */
void rest_judge_failure(enum status status, const char *why, struct rest_verdict *verdict);

/* "Sun, 06 Nov 1994 08:49:37 GMT" as unix ms; -1: it is none. */
int64_t rest_parse_date_ms(struct str text);
