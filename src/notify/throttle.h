/* throttle.h - so many messages a minute of each source of alerts, the rest as one.
 *
 * A source is what an alert's scope names (alerts.def: "instance", "segment", "market" …). Of
 * each at most per_minute messages go out within any 60 s. What is too much is held, and goes as
 * one message, a digest, as soon as the source may speak again; while anything of it is held,
 * what comes is held behind it, so that the order stays.
 *
 * Held are at most THROTTLE_HELD alerts of a source, each once with its newest state; what is
 * more is only counted, in the digest's `more`. An alert that begins and ends while it is held
 * is not told at all; the end of one that was told before is. Time is told (monotonic ns). Fixed
 * room. One thread. */
#pragma once

#include "alert/alert.h"

enum { THROTTLE_SOURCES = 24, THROTTLE_HELD = 32, THROTTLE_PER_MINUTE_MAX = 60 };

struct throttle_item {
	enum alert_notice notice;
	struct alert_view view;
	bool known; /* it was told before that it fires */
};

struct throttle_digest {
	const char *source;
	const struct throttle_item *items; /* valid until the next call */
	size_t n;
	uint64_t more; /* not in items */
};

struct throttle_counts {
	uint64_t sent, held, digests;
	uint64_t spared; /* began and ended while they were held */
};

struct throttle;

struct throttle *throttle_create(void); /* NULL: out of memory */
void throttle_destroy(struct throttle *throttle);
void throttle_set(struct throttle *throttle, uint32_t per_minute); /* 1..PER_MINUTE_MAX */
/* True: it is to be sent now. False: it is held. */
bool throttle_take(struct throttle *throttle, enum alert_notice notice,
		   const struct alert_view *view, int64_t now_ns);
/* A digest that may go now; what it holds is forgotten then. False: none. */
bool throttle_due(struct throttle *throttle, int64_t now_ns, struct throttle_digest *out);
/* When the next digest may go; INT64_MAX: nothing is held. */
int64_t throttle_next_ns(const struct throttle *throttle);
struct throttle_counts throttle_counts(const struct throttle *throttle);
