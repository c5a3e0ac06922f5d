/* payload.h - what the channels send, as JSON (docs/notify.md). Any thread.
 *
 * A webhook's object has `type`: "alert", "digest" (what the throttle held: `alerts`, and `more`
 * that are only counted) or "daily". name: which weir speaks. Times are unix ms. Alertmanager's
 * is an array of alerts with labels, annotations, startsAt and endsAt (RFC 3339). */
#pragma once

#include "alert/alert.h"
#include "notify/throttle.h"

void payload_alert(struct buf *out, struct str name, enum alert_notice notice,
		   const struct alert_view *view, int64_t wall_ms);
void payload_digest(struct buf *out, struct str name, const struct throttle_digest *digest,
		    int64_t wall_ms);

struct payload_day {
	uint32_t firing;       /* now */
	uint64_t fired, ended; /* since the one before */
	bool silent;
};
void payload_daily(struct buf *out, struct str name, const struct payload_day *day,
		   int64_t wall_ms);

/* One of Alertmanager's array; a comma goes before all but the first. */
void payload_alertmanager(struct buf *out, struct str name, const struct alert_view *view,
			  int64_t ends_ms, bool first);
/* "2026-11-22T04:05:06.789Z" */
void payload_time(struct buf *out, int64_t unix_ms);

/* "sha256=" and 64 digits over TIMESTAMP.BODY. Fails only when memory is out. */
enum { PAYLOAD_SIGNATURE_BYTES = 7 + 64 + 1 };
MUST_CHECK enum status payload_sign(struct str secret, struct str timestamp, struct str body,
				    char out[PAYLOAD_SIGNATURE_BYTES]);
