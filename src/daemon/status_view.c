#include "daemon/archive_view.h"
#include "daemon/status_view.h"

#include <math.h>

#include "ask/figure.h"
#include "daemon/sources.h"
#include "daemon/terminals.h"
#include "feed/live.h"

enum { ROWS_MAX = 24 };

static uint64_t errors_of(const struct redis_conn_stats *stats)
{
	uint64_t errors = 0;
	for (int i = 1; stats && i < STATUS_COUNT; i++)
		errors += stats->endings[i];
	return errors;
}

static void put_segments(struct daemon *daemon, struct buf *out)
{
	const struct segments *segments = daemon_segments(daemon);
	buf_printf(out, "segment  state        used MB  max MB  restarts  errors\n");
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		struct segment_status status = segments_status(segments, (enum segment)i);
		if (!status.wanted)
			continue;
		buf_printf(out, "%-8s %-11s %8.1f %7.0f %9llu %7llu\n",
			   segment_row((enum segment)i)->name, segment_state_text(status.state),
			   (double)status.used_memory / 1e6, (double)status.maxmemory / 1e6,
			   (unsigned long long)status.restarts,
			   (unsigned long long)errors_of(status.conn));
	}
}

/* Right-aligned; "n/a" for what is not known. */
static void put_number(struct buf *out, int width, int places, double value)
{
	if (isnan(value))
		buf_printf(out, "%*s", width, "n/a");
	else
		buf_printf(out, "%*.*f", width, places, value);
}

/* What is wrong is said; what is well takes one line. */
static void put_connections(const struct live *live, int64_t now_ns, struct buf *out)
{
	size_t ready = live_ready(live), count = live_sessions(live);
	const struct backfill *backfill = live_backfill(live);
	buf_printf(out, "venues: %zu of %zu connections live, history %.0f %%", ready, count,
		   100 * backfill_progress(backfill));
	buf_printf(out, ", %llu trades and %llu minutes repaired\n",
		   (unsigned long long)backfill_counts(backfill)->repaired,
		   (unsigned long long)backfill_counts(backfill)->klines_taken);
	for (size_t i = 0; i < count; i++) {
		const struct session *session = live_session(live, i);
		if (session_state(session) != SESSION_LIVE)
			buf_printf(out, "  %-28s %-11s %s\n", session_plan(session)->name,
				   session_state_text(session_state(session)),
				   session_why(session));
	}
	for (size_t i = 0; i < VENUE_COUNT * KIND_COUNT; i++) {
		enum venue venue = (enum venue)(i / KIND_COUNT);
		enum kind kind = (enum kind)(i % KIND_COUNT);
		const struct rest *rest = live_rest(live, venue, kind);
		if (!rest || rest_state(rest) == REST_OPEN)
			continue;
		double left_s = (double)(rest_open_again_ns(rest) - now_ns) / 1e9;
		buf_printf(out, "  %s:%s REST is %s for %.0f s\n", venue_text(venue),
			   kind_text(kind), rest_state_text(rest_state(rest)),
			   left_s > 0 ? left_s : 0.0);
	}
}

/* Terminals by state, and what came of them. */
static void put_fleet(struct terminals *terminals, struct buf *out)
{
	struct fleet_counts counts = fleet_counts(terminals_fleet(terminals));
	struct deliveries_counts signals = deliveries_counts(terminals_deliveries(terminals));
	struct result_store_counts results = result_store_counts(terminals_results(terminals));
	buf_printf(out, "fleet: %u terminals", fleet_count(terminals_fleet(terminals)));
	for (enum instance_state state = 0; state < INSTANCE_STATES; state++)
		if (counts.states[state])
			buf_printf(out, ", %u %s", counts.states[state],
				   instance_state_text(state));
	if (counts.suspect)
		buf_printf(out, ", %u suspect", counts.suspect);
	buf_printf(out, "; %llu results recorded, %u signals waiting, %u in flight%s\n",
		   (unsigned long long)results.results, signals.waiting, signals.in_flight,
		   terminals_simulated(terminals) ? "   SIMULATED terminals" : "");
}

static void put_market(struct market *market, int64_t now_ms, struct buf *out)
{
	struct window day, quarter;
	int32_t price_scale, qty_scale;
	char name[64], price[32];
	struct buf name_text = buf_over(name, sizeof name);
	struct buf price_text = buf_over(price, sizeof price);
	market_scales(market, &price_scale, &qty_scale);
	market_window(market, 1440, &day);
	market_window(market, 15, &quarter);
	market_id_print(&name_text, market_id(market));
	decimal_print(&price_text, day.close, price_scale);
	double change = day.open ? 100.0 * ((double)day.close / (double)day.open - 1) : (double)NAN;
	double delta = decimal_to_double((i128)quarter.flow.buy - quarter.flow.sell, qty_scale);
	double volume =
	    decimal_to_double(day.flow.buy_quote + day.flow.sell_quote, price_scale + qty_scale);
	double age = now_ms ? (double)(now_ms - market_newest_ms(market)) / 1000.0 : (double)NAN;
	buf_printf(out, "%-26.*s %14.*s", STR_ARG(buf_str(&name_text)),
		   STR_ARG(buf_str(&price_text)));
	put_number(out, 9, 2, change);
	put_number(out, 15, 3, delta);
	put_number(out, 13, 1, volume / 1e6);
	buf_printf(out, " %4d/1440", day.present);
	put_number(out, 7, 1, age);
	buf_char(out, '\n');
}

static void put_markets(struct daemon *daemon, struct buf *out)
{
	struct markets *markets = daemon_markets(daemon);
	size_t count = markets_count(markets), shown = 0;
	bool now = daemon_simulated(daemon) || sources_venues(daemon_sources(daemon));
	int64_t now_ms = now ? loop_wall_ns(daemon_loop(daemon)) / 1000000 : 0;
	if (!count)
		return;
	buf_printf(out,
		   "market                              price    24h %%      delta 15m  24h quote M"
		   "   minutes  age s\n");
	for (size_t i = 0; i < count && shown < ROWS_MAX; i++) {
		struct market *market = markets_at(markets, i);
		if (market_newest_ms(market) == 0)
			continue;
		put_market(market, now_ms, out);
		shown++;
	}
	if (count > shown)
		buf_printf(out, "%zu of %zu markets\n", shown, count);
}

void status_view_print(struct daemon *daemon, struct buf *out)
{
	buf_printf(out, "weir %s%s%s\n", WEIR_VERSION,
		   daemon_simulated(daemon) ? "   SIMULATED market data" : "",
		   sources_live(daemon_sources(daemon)) ? "" : "   (making 26 h of history)");
	if (daemon_segments(daemon))
		put_segments(daemon, out);
	if (daemon_terminals(daemon))
		put_fleet(daemon_terminals(daemon), out);
	if (daemon_archiving(daemon))
		archive_view_line(daemon_archiving(daemon), out);
	const struct live *live = sources_venues(daemon_sources(daemon));
	if (live)
		put_connections(live, loop_now_ns(daemon_loop(daemon)), out);
	put_markets(daemon, out);
}
