/* channel.h - what the channels share: where they send by, and what they count. */
#pragma once

#include "base/rng.h"
#include "base/timers.h"
#include "def/alerts.h"
#include "port/clock.h"
#include "port/http_client.h"

enum { CHANNEL_WHY_BYTES = 160 };

struct channel_net {
	struct http_client *http;
	struct timers *timers;
	const struct clock_port *clock;
	int64_t deadline_ns; /* of a request */
};

/* messages; of the dead man's switch pings, of Alertmanager posts */
struct channel_counts {
	uint64_t delivered;
	uint64_t retried;  /* tries that failed and are made again */
	uint64_t given_up; /* refused for good, or too old */
	uint64_t dropped;  /* no room */
};

struct channel_facts {
	bool on;  /* it has somewhere to send to */
	bool bad; /* the newest try failed: why */
	char why[CHANNEL_WHY_BYTES];
	size_t waiting;
	struct channel_counts counts;
};

/* What a person has set himself is always told. */
static inline bool channel_wants(enum alert_severity least, enum alert_rule rule)
{
	return rule == ALERT_user_rule || alert_row(rule)->severity >= least;
}

enum channel_verdict { CHANNEL_TAKEN, CHANNEL_AGAIN, CHANNEL_REFUSED };

/* Any 2xx is taken; no answer, 408, 425, 429 and 5xx are tried again; a redirect, which is not
 * followed, and any other code will not get better. */
static inline enum channel_verdict channel_judge(enum status status,
						 const struct http_answer *answer)
{
	int code = status ? 0 : answer->code;
	if (code / 100 == 2)
		return CHANNEL_TAKEN;
	return status || code == 408 || code == 425 || code == 429 || code >= 500 ? CHANNEL_AGAIN
										  : CHANNEL_REFUSED;
}

/* 1, 2, 4 … 60 s, +-20 %; failures: how many before this one. */
static inline int64_t channel_backoff_ns(uint32_t failures, struct rng *rng)
{
	int64_t seconds = failures < 6 ? INT64_C(1) << failures : 60;
	return (int64_t)((0.8 + 0.4 * rng_unit(rng)) * (double)seconds * 1e9);
}

/* How it ended, for people: never the URL. */
void channel_note(struct channel_facts *facts, enum status status, const struct http_answer *answer,
		  const char *why);
