/* What the venues' connections, their REST interfaces, the alerts and the outputs count. */
#include "base/check.h"
#include "daemon/daemon_impl.h"
#include "daemon/metrics_print.h"
#include "feed/live.h"

/* ---- by connection ---- */

static uint64_t is_live(const struct session *session)
{
	return session_state(session) == SESSION_LIVE;
}
static uint64_t attempts_of(const struct session *session)
{
	return session_counts(session)->attempts;
}
static uint64_t replaced_of(const struct session *session)
{
	return session_counts(session)->replaced;
}
static uint64_t broken_of(const struct session *session) { return session_counts(session)->broken; }
static uint64_t stale_of(const struct session *session)
{
	return session_counts(session)->stale + session_counts(session)->first_data_missed;
}
static uint64_t interruptions_of(const struct session *session)
{
	return session_counts(session)->interruptions;
}
static uint64_t refused_of(const struct session *session)
{
	return session_counts(session)->refused_topics;
}

static const struct {
	enum metric metric;
	uint64_t (*value)(const struct session *session);
} session_metrics[] = {
	{ METRIC_session_live, is_live },
	{ METRIC_session_attempts, attempts_of },
	{ METRIC_session_replaced, replaced_of },
	{ METRIC_session_broken, broken_of },
	{ METRIC_session_stale, stale_of },
	{ METRIC_session_interruptions, interruptions_of },
	{ METRIC_session_refused_topics, refused_of },
};

static void put_sessions(const struct live *live, struct buf *out)
{
	for (size_t m = 0; m < ARRAY_LEN(session_metrics); m++) {
		metric_head(out, session_metrics[m].metric);
		for (size_t i = 0; i < live_sessions(live); i++) {
			const struct session *session = live_session(live, i);
			const struct str label = str_of(session_plan(session)->name);
			metric_sample(out, session_metrics[m].metric, &label, 1,
				      session_metrics[m].value(session));
		}
	}
}

/* ---- by venue and kind ---- */

static uint64_t requests_of(const struct rest_counts *counts) { return counts->requests; }
static uint64_t failures_of(const struct rest_counts *counts) { return counts->failures; }
static uint64_t limited_of(const struct rest_counts *counts) { return counts->limited; }
static uint64_t bans_of(const struct rest_counts *counts) { return counts->bans; }
static uint64_t weight_of(const struct rest_counts *counts) { return counts->weight; }

static const struct {
	enum metric metric;
	uint64_t (*value)(const struct rest_counts *counts);
} rest_metrics[] = {
	{ METRIC_rest_requests, requests_of }, { METRIC_rest_failures, failures_of },
	{ METRIC_rest_limited, limited_of },   { METRIC_rest_bans, bans_of },
	{ METRIC_rest_weight, weight_of },
};

static void put_rests(const struct live *live, struct buf *out)
{
	for (size_t m = 0; m < ARRAY_LEN(rest_metrics); m++) {
		metric_head(out, rest_metrics[m].metric);
		for (size_t i = 0; i < VENUE_COUNT * KIND_COUNT; i++) {
			enum venue venue = (enum venue)(i / KIND_COUNT);
			enum kind kind = (enum kind)(i % KIND_COUNT);
			const struct rest *rest = live_rest(live, venue, kind);
			const struct str labels[] = { str_of(venue_text(venue)),
						      str_of(kind_text(kind)) };
			if (rest)
				metric_sample(out, rest_metrics[m].metric, labels, 2,
					      rest_metrics[m].value(rest_counts(rest)));
		}
	}
}

static void put_repairs(const struct backfill *backfill, struct buf *out)
{
	const struct backfill_counts *counts = backfill_counts(backfill);
	metrics_put(out, METRIC_repaired_trades, counts->repaired);
	metrics_put(out, METRIC_repair_given_up, counts->ranges_given_up);
}

static void put_klines(const struct markets *markets, struct buf *out)
{
	uint64_t taken = 0, agreed = 0, differ = 0;
	for (size_t i = 0; i < markets_count(markets); i++) {
		const struct market_counts *counts = market_counts(markets_at(markets, i));
		taken += counts->klines_taken;
		agreed += counts->klines_agreed;
		differ += counts->klines_differ;
	}
	metrics_put(out, METRIC_klines_taken, taken);
	metrics_put(out, METRIC_klines_agreed, agreed);
	metrics_put(out, METRIC_klines_differ, differ);
}

/* ---- alerts and outputs ---- */

static void put_alerts(const struct alerts *alerts, struct buf *out)
{
	struct alerts_counts counts = alerts_counts(alerts);
	metrics_put(out, METRIC_alerts_active, counts.active);
	metrics_put(out, METRIC_alerts_fired, counts.fired);
	metrics_put(out, METRIC_alerts_refused, counts.refused);
}

static void put_outputs(const struct market_outputs *outputs, struct buf *out)
{
	const struct market_outputs_counts *counts = market_outputs_counts(outputs);
	metrics_put(out, METRIC_outputs_commands, counts->commands);
	metrics_put(out, METRIC_outputs_failed, counts->failed);
	metrics_put(out, METRIC_outputs_dropped, counts->dropped);
}

void metrics_live_print(struct daemon *daemon, struct buf *out)
{
	const struct live *live = sources_venues(daemon->sources);
	if (live) {
		put_sessions(live, out);
		put_rests(live, out);
		put_repairs(live_backfill(live), out);
	}
	put_klines(daemon->markets, out);
	metrics_put(out, METRIC_liquidations_left_out,
		    liquidations_left_out(markets_liquidations(daemon->markets)));
	put_alerts(daemon->alerts, out);
	if (daemon->outputs)
		put_outputs(daemon->outputs, out);
}
