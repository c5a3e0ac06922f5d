#include "daemon/metrics_view.h"

#include <ctype.h>

#include "base/check.h"
#include "daemon/metering.h"
#include "daemon/metrics_print.h"
#include "daemon/own_time.h"

/* ---- by venue and kind ---- */

static uint64_t frames_of(const struct ingest_counts *counts) { return counts->frames; }
static uint64_t unknown_of(const struct ingest_counts *counts) { return counts->unknown; }
static uint64_t malformed_of(const struct ingest_counts *counts) { return counts->malformed; }
static uint64_t ahead_of(const struct ingest_counts *counts) { return counts->ahead; }

static void put_sources(const struct ingest *ingest, struct buf *out, enum metric metric,
			uint64_t (*value)(const struct ingest_counts *counts))
{
	metric_head(out, metric);
	for (int venue = 0; venue < VENUE_COUNT; venue++) {
		for (int kind = 0; kind < KIND_COUNT; kind++) {
			const struct str labels[] = { str_of(venue_text((enum venue)venue)),
						      str_of(kind_text((enum kind)kind)) };
			metric_sample(
			    out, metric, labels, 2,
			    value(ingest_counts(ingest, (enum venue)venue, (enum kind)kind)));
		}
	}
}

static void put_events(const struct ingest *ingest, struct buf *out)
{
	metric_head(out, METRIC_events);
	for (int source = 0; source < VENUE_COUNT * KIND_COUNT; source++) {
		enum venue venue = (enum venue)(source / KIND_COUNT);
		enum kind kind = (enum kind)(source % KIND_COUNT);
		const struct ingest_counts *counts = ingest_counts(ingest, venue, kind);
		for (int type = 0; type < EVENT_COUNT; type++) {
			const struct str labels[] = {
				str_of(venue_text(venue)), str_of(kind_text(kind)),
				str_of(event_type_text((enum event_type)type))
			};
			metric_sample(out, METRIC_events, labels, 3, counts->events[type]);
		}
	}
}

/* ---- by market ---- */

static uint64_t trades_of(const struct market_counts *counts) { return counts->trades; }
static uint64_t duplicates_of(const struct market_counts *counts) { return counts->duplicates; }
static uint64_t presumed_of(const struct market_counts *counts) { return counts->presumed; }
static uint64_t late_of(const struct market_counts *counts) { return counts->late; }
static uint64_t skipped_of(const struct market_counts *counts) { return counts->skipped; }
static uint64_t refused_of(const struct market_counts *counts) { return counts->refused; }
static uint64_t gaps_of(const struct market_counts *counts) { return counts->gaps; }

static void put_by_market(const struct markets *markets, struct buf *out, enum metric metric,
			  uint64_t (*value)(const struct market_counts *counts))
{
	metric_head(out, metric);
	for (size_t i = 0; i < markets_count(markets); i++) {
		struct market *market = markets_at(markets, i);
		char name[64];
		struct buf text = buf_over(name, sizeof name);
		market_id_print(&text, market_id(market));
		const struct str label = buf_str(&text);
		metric_sample(out, metric, &label, 1, value(market_counts(market)));
	}
}

void metrics_markets_put(const struct markets *markets, struct buf *out)
{
	metrics_put(out, METRIC_markets, markets_count(markets));
	metrics_put(out, METRIC_markets_refused, markets_refused(markets));
	put_by_market(markets, out, METRIC_trades, trades_of);
	put_by_market(markets, out, METRIC_trades_duplicate, duplicates_of);
	put_by_market(markets, out, METRIC_trades_presumed, presumed_of);
	put_by_market(markets, out, METRIC_trades_late, late_of);
	put_by_market(markets, out, METRIC_trades_skipped, skipped_of);
	put_by_market(markets, out, METRIC_trades_refused, refused_of);
	put_by_market(markets, out, METRIC_gaps, gaps_of);
}

void metrics_ingest_put(const struct ingest *ingest, struct buf *out)
{
	put_sources(ingest, out, METRIC_frames, frames_of);
	put_sources(ingest, out, METRIC_frames_unknown, unknown_of);
	put_sources(ingest, out, METRIC_frames_malformed, malformed_of);
	put_sources(ingest, out, METRIC_events_ahead, ahead_of);
	metrics_put(out, METRIC_lines_unreadable, ingest_unreadable_count(ingest));
	put_events(ingest, out);
}

/* ---- the store ---- */

static void put_store(const struct market_store *store, struct buf *out)
{
	const struct market_store_counts *counts = market_store_counts(store);
	metrics_put(out, METRIC_store_transactions, counts->transactions);
	metrics_put(out, METRIC_store_failed, counts->failed);
	metrics_put(out, METRIC_store_chunks, counts->chunks);
	metrics_put(out, METRIC_store_chunk_trades, counts->chunk_trades);
	metrics_put(out, METRIC_store_chunk_bytes, counts->chunk_bytes);
	metrics_put(out, METRIC_store_bar_chunks, counts->bar_chunks);
	metrics_put(out, METRIC_store_dropped_chunks, counts->dropped_chunks);
	metrics_put(out, METRIC_store_damaged, counts->damaged_entries);
}

/* Only what has happened: a series per segment and status would be mostly zeros. */
static void put_errors(struct buf *out, enum segment segment, const struct redis_conn_stats *stats)
{
	for (int status = 1; stats && status < STATUS_COUNT; status++) {
		char name[40];
		size_t len = 0;
		if (stats->endings[status] == 0)
			continue;
		for (const char *c = status_name((enum status)status); *c && len < sizeof name; c++)
			name[len++] = (char)tolower((unsigned char)*c);
		const struct str labels[] = { str_of(segment_row(segment)->name),
					      str_make(name, len) };
		metric_sample(out, METRIC_redis_errors, labels, 2, stats->endings[status]);
	}
}

static void put_segments(const struct segments *segments, struct buf *out)
{
	metric_head(out, METRIC_redis_errors);
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		struct segment_status status = segments_status(segments, (enum segment)i);
		if (status.wanted)
			put_errors(out, (enum segment)i, status.conn);
	}
	metric_head(out, METRIC_redis_restarts);
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		const struct str label = str_of(segment_row((enum segment)i)->name);
		struct segment_status status = segments_status(segments, (enum segment)i);
		if (status.wanted)
			metric_sample(out, METRIC_redis_restarts, &label, 1, status.restarts);
	}
}

void metrics_view_print(struct daemon *daemon, struct buf *out)
{
	const struct loop_stats *loop = loop_stats(daemon_loop(daemon));
	size_t began = out->len;
	int64_t began_ns = own_time_ns();
	metrics_ingest_put(daemon_ingest(daemon), out);
	metrics_markets_put(daemon_markets(daemon), out);
	if (daemon_segments(daemon)) {
		put_store(daemon_store(daemon), out);
		put_segments(daemon_segments(daemon), out);
	}
	metrics_live_print(daemon, out);
	metrics_fleet_print(daemon, out);
	metrics_serve_print(daemon, out);
	metrics_archive_print(daemon, out);
	metrics_memory_print(daemon, out);
	metrics_accounts_print(daemon, out);
	metrics_telegram_print(daemon, out);
	metrics_notify_print(daemon, out);
	metrics_redis_print(daemon, out);
	metrics_trade_put(metering_trade(daemon_metering(daemon)), out);
	metrics_put(out, METRIC_loop_turns, loop->turns);
	metrics_put(out, METRIC_loop_slow_turns, loop->slow_turns);
	metrics_self_print(daemon, out);
	metering_printed(daemon_metering(daemon), began_ns, str_skip(buf_str(out), began));
}
