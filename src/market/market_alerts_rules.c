/* The rules that are levels: one function each works out a value, and words for it. */
#include <math.h>

#include "market/analysis.h"
#include "market/market_alerts_impl.h"

enum {
	MOVE_MINUTES = 15, /* of price and open interest, and the bar of volume */
	PARTIAL_MINUTES = 60,
	SPIKE_BARS_LEAST = SPIKE_BARS / 2,
};

/* From this share of the bar on it is compared pro rata: a burst at its beginning is no
 * bar of six times the volume. */
#define SPIKE_PRO_RATA (1.0 / 3)

/* One market in one round. */
struct subject {
	struct market_alerts *all;
	const struct watched_market *watched;
	const struct market *market;
	int64_t heard_ms; /* newest trade or word of the book; 0: none */
	bool fresh;
};

/* The rule's own threshold. NULL: no message is wanted; see market_alerts_tell. */
static struct buf *tell(const struct subject *subject, struct market_alerts_value *value)
{
	value->scope = subject->watched->scope;
	value->market = subject->market;
	value->fire = alerts_settings(subject->all->alerts, value->rule)->fire;
	struct buf *note = market_alerts_tell(subject->all, value);
	if (note)
		buf_printf(note, "%.*s ", STR_ARG(value->scope));
	return note;
}

/* ---- price ---- */

static bool is_known(const struct market *market, int32_t back)
{
	struct window minute;
	market_window_back(market, 1, back, &minute);
	return minute.present == 1;
}

static void check_price_move(const struct subject *subject)
{
	struct market_alerts_value value = { .rule = ALERT_price_move, .value = NAN };
	struct window window = { 0 };
	double percent = NAN;
	if (subject->fresh && is_known(subject->market, MOVE_MINUTES - 1)) {
		market_window(subject->market, MOVE_MINUTES, &window);
		if (window.open > 0)
			percent = ((double)window.close - (double)window.open) * 100 /
				  (double)window.open;
	}
	value.value = fabs(percent);
	struct buf *note = tell(subject, &value);
	if (!note)
		return;
	int32_t price_scale, qty_scale;
	market_scales(subject->market, &price_scale, &qty_scale);
	buf_printf(note, "price %+.2f %% within %d min: from ", percent, MOVE_MINUTES);
	decimal_print_trim(note, window.open, price_scale);
	buf_printf(note, " to ");
	decimal_print_trim(note, window.close, price_scale);
	market_alerts_told(subject->all, &value);
}

/* ---- volume ---- */

static double spike_value(const struct spike *spike)
{
	if (spike->bars < SPIKE_BARS_LEAST || !(spike->baseline > 0))
		return NAN;
	double times = spike->current / spike->baseline;
	double elapsed = times / (1 + spike->percent_over / 100); /* NAN: the bar is young */
	return elapsed >= SPIKE_PRO_RATA ? spike->percent_over : (times - 1) * 100;
}

static void check_volume_spike(const struct subject *subject)
{
	struct market_alerts_value value = { .rule = ALERT_volume_spike, .value = NAN };
	struct spike spike = { 0 };
	struct str base, quote;
	if (subject->fresh) {
		market_spike(subject->market, MOVE_MINUTES, &spike);
		value.value = spike_value(&spike);
	}
	struct buf *note = tell(subject, &value);
	if (!note)
		return;
	market_id_assets(market_id(subject->market), &base, &quote);
	buf_printf(note,
		   "volume of the open %d-min bar %.4g %.*s, %+.0f %% over the median of %.4g",
		   MOVE_MINUTES, spike.current, STR_ARG(base), value.value, spike.baseline);
	market_alerts_told(subject->all, &value);
}

/* ---- funding ---- */

static void check_funding_extreme(const struct subject *subject)
{
	struct market_alerts_value value = { .rule = ALERT_funding_extreme, .value = NAN };
	struct funding_state funding = { 0 };
	double percent = NAN;
	if (subject->fresh && rates_funding(market_rates(subject->market), &funding) &&
	    subject->all->wall_ms - funding.t_ms <= RATES_FRESH_MS)
		percent = decimal_to_double((i128)funding.rate.mantissa * 100, funding.rate.scale);
	value.value = fabs(percent);
	struct buf *note = tell(subject, &value);
	if (!note)
		return;
	buf_printf(note, "funding rate %+.4g %%", percent);
	if (funding.interval_min > 0)
		buf_printf(note, " per %.4g h, %+.1f %% a year", funding.interval_min / 60.0,
			   funding_annual(percent, funding.interval_min));
	market_alerts_told(subject->all, &value);
}

/* ---- the feed ---- */

static void check_feed_stale(const struct subject *subject)
{
	struct market_alerts_value value = { .rule = ALERT_feed_stale };
	const struct market *market = subject->market;
	bool ever = market_counts(market)->trades > 0 ||
		    book_newest_ms(market_book(subject->watched->market)) > 0;
	if (!subject->all->config.live || market_simulated(market) || !ever)
		return;
	int64_t age_ms = subject->all->wall_ms - subject->heard_ms;
	value.value = age_ms > 0 ? (double)age_ms / 1000 : 0;
	struct buf *note = tell(subject, &value);
	if (!note)
		return;
	buf_printf(note, "no trade and no quote for %.0f s", value.value);
	market_alerts_told(subject->all, &value);
}

static void check_minutes_partial(const struct subject *subject)
{
	struct market_alerts_value value = { .rule = ALERT_minutes_partial, .value = NAN };
	struct window window;
	if (subject->fresh) {
		market_window(subject->market, PARTIAL_MINUTES, &window);
		value.value = window.partial;
	}
	struct buf *note = tell(subject, &value);
	if (!note)
		return;
	buf_printf(note, "trades may be missing in %.0f of the last %d minutes", value.value,
		   PARTIAL_MINUTES);
	market_alerts_told(subject->all, &value);
}

void market_alerts_check_market(struct market_alerts *all, const struct watched_market *watched)
{
	int64_t trade_ms = market_newest_ms(watched->market);
	int64_t quote_ms = book_newest_ms(market_book(watched->market));
	int64_t heard_ms = trade_ms > quote_ms ? trade_ms : quote_ms;
	struct subject subject = {
		.all = all,
		.watched = watched,
		.market = watched->market,
		.heard_ms = heard_ms,
		.fresh = heard_ms && all->wall_ms - heard_ms <= all->config.stale_ms,
	};
	check_feed_stale(&subject);
	if (!trade_ms)
		return; /* nothing to judge yet: not known is what was known */
	check_price_move(&subject);
	check_volume_spike(&subject);
	check_minutes_partial(&subject);
	if (market_id(watched->market)->kind == KIND_PERP)
		check_funding_extreme(&subject);
}

/* ---- open interest of an asset ---- */

/* The perp of the venue with the asset's largest open interest; NULL: it has none. */
static const struct market *largest_perp(const struct market_alerts *all, size_t asset,
					 enum venue venue, struct oi_sample *newest)
{
	const struct market *largest = NULL;
	double most = -1;
	for (size_t i = 0; i < all->n_markets; i++) {
		const struct watched_market *watched = &all->watched[i];
		const struct market_id *id = market_id(watched->market);
		struct oi_sample sample;
		if (watched->asset != asset || id->venue != venue || id->kind != KIND_PERP ||
		    !rates_oi(market_rates(watched->market), &sample))
			continue;
		double size = decimal_to_double(sample.qty.mantissa, sample.qty.scale);
		if (size > most) {
			most = size;
			largest = watched->market;
			*newest = sample;
		}
	}
	return largest;
}

/* False: some venue has no perp of the asset. percents: NAN where not known. */
static bool oi_changes(const struct market_alerts *all, size_t asset, double percents[VENUE_COUNT],
		       const struct market **one)
{
	for (enum venue venue = 0; venue < VENUE_COUNT; venue++) {
		struct oi_sample newest;
		struct oi_change change = { .percent = NAN };
		*one = largest_perp(all, asset, venue, &newest);
		if (!*one)
			return false;
		if (all->wall_ms - newest.t_ms <= RATES_OI_FRESH_MS)
			market_oi_change(*one, MOVE_MINUTES, &change);
		percents[venue] = change.percent;
	}
	return true;
}

/* How far all of them went the same way: NAN where one is not known. */
static double common_move(const double percents[VENUE_COUNT])
{
	double least = fabs(percents[0]);
	for (int i = 0; i < VENUE_COUNT; i++) {
		if (isnan(percents[i]))
			return NAN;
		if (percents[i] * percents[0] <= 0)
			least = 0;
		least = fmin(least, fabs(percents[i]));
	}
	return least;
}

void market_alerts_check_asset(struct market_alerts *all, size_t asset)
{
	double percents[VENUE_COUNT];
	const struct market *market;
	const struct watched_asset *watched = &all->assets[asset];
	if (!oi_changes(all, asset, percents, &market))
		return;
	double own = alerts_settings(all->alerts, ALERT_oi_move)->fire;
	struct market_alerts_value value = {
		.rule = ALERT_oi_move,
		.scope = str_of(watched->name),
		.value = common_move(percents),
		.fire = isnan(watched->oi_percent) ? own : watched->oi_percent,
		.market = market,
	};
	struct buf *note = market_alerts_tell(all, &value);
	if (!note)
		return;
	buf_printf(note, "%s open interest", watched->name);
	for (enum venue venue = 0; venue < VENUE_COUNT; venue++)
		buf_printf(note, "%s %+.1f %% on %s", venue ? " and" : "", percents[venue],
			   venue_title(venue));
	buf_printf(note, " within %d min", MOVE_MINUTES);
	market_alerts_told(all, &value);
}
