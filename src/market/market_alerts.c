/* The round of a second, and the events. */
#include "market/market_alerts.h"

#include <math.h>
#include <stdlib.h>

#include "base/check.h"
#include "market/market_alerts_impl.h"

#define ROUND_NS INT64_C(1000000000)

/* ---- messages ---- */

struct buf *market_alerts_note(struct market_alerts *all, const struct market *market)
{
	all->note = buf_over(all->message, sizeof all->message);
	if (market && market_simulated(market))
		buf_printf(&all->note, "SIMULATED ");
	return &all->note;
}

struct buf *market_alerts_tell(struct market_alerts *all, const struct market_alerts_value *value)
{
	if (alert_listens(all->alerts, value->rule, value->scope, value->value, value->fire))
		return market_alerts_note(all, value->market);
	alert_value_at(all->alerts, value->rule, value->scope, value->value, value->fire, STR(""));
	return NULL;
}

void market_alerts_told(struct market_alerts *all, const struct market_alerts_value *value)
{
	alert_value_at(all->alerts, value->rule, value->scope, value->value, value->fire,
		       buf_str(&all->note));
}

void market_alerts_print_whole(struct buf *buf, i128 whole)
{
	char digits[64];
	struct buf plain = buf_over(digits, sizeof digits);
	decimal_print(&plain, whole, 0);
	for (size_t i = 0; i < plain.len; i++) {
		size_t left = plain.len - i;
		bool first = i == 0 || (i == 1 && digits[0] == '-');
		if (left % 3 == 0 && !first)
			buf_char(buf, ',');
		buf_char(buf, digits[i]);
	}
}

/* ---- what is watched ---- */

static double oi_percent_of(const struct market_alerts_config *config, const char *asset)
{
	double others = NAN;
	for (size_t i = 0; i < config->n_oi; i++) {
		if (str_eq_nocase(str_of(config->oi[i].asset), str_of(asset)))
			return config->oi[i].percent;
		if (strcmp(config->oi[i].asset, "*") == 0)
			others = config->oi[i].percent;
	}
	return others;
}

static size_t asset_of(struct market_alerts *all, const struct market_id *id)
{
	struct str base, quote;
	size_t i = 0;
	market_id_assets(id, &base, &quote);
	while (i < all->n_assets && !str_eq(str_of(all->assets[i].name), base))
		i++;
	if (i == all->n_assets) {
		struct watched_asset *asset = &all->assets[all->n_assets++];
		*asset = (struct watched_asset){ 0 };
		memcpy(asset->name, base.ptr, base.len);
		asset->oi_percent = oi_percent_of(&all->config, asset->name);
	}
	return i;
}

static void watch(struct market_alerts *all)
{
	all->n_markets = markets_count(all->markets);
	all->n_assets = 0;
	for (size_t i = 0; i < all->n_markets; i++) {
		struct watched_market *watched = &all->watched[i];
		struct buf text = buf_over(watched->scope_text, sizeof watched->scope_text);
		watched->market = markets_at(all->markets, i);
		market_id_print(&text, market_id(watched->market));
		watched->scope = buf_str(&text);
		watched->asset = asset_of(all, market_id(watched->market));
	}
}

struct market_alerts *market_alerts_create(struct alerts *alerts, struct markets *markets,
					   const struct market_alerts_config *config)
{
	struct market_alerts *all = calloc(1, sizeof *all);
	if (!all)
		return NULL;
	all->alerts = alerts;
	all->markets = markets;
	market_alerts_configure(all, config);
	return all;
}

void market_alerts_destroy(struct market_alerts *all) { free(all); }

void market_alerts_configure(struct market_alerts *all, const struct market_alerts_config *config)
{
	all->config = *config;
	watch(all);
}

/* ---- venues ---- */

static void check_venue(struct market_alerts *all, const struct watched_venue *venue)
{
	double left = (double)(venue->until_ns - all->now_ns) / 1e9;
	struct market_alerts_value value = {
		.rule = ALERT_venue_limited,
		.scope = str_of(venue->scope),
		.value = left > 0 ? left : 0,
		.fire = alerts_settings(all->alerts, ALERT_venue_limited)->fire,
	};
	struct buf *note = market_alerts_tell(all, &value);
	if (!note)
		return;
	buf_printf(note, "%s refuses our requests", venue->scope);
	if (value.value > 0)
		buf_printf(note, ": it may be asked again in %.0f s", ceil(value.value));
	else
		buf_printf(note, " no more");
	market_alerts_told(all, &value);
}

static struct watched_venue *venue_of(struct market_alerts *all, struct str scope)
{
	size_t i = 0;
	while (i < all->n_venues && !str_eq(str_of(all->venues[i].scope), scope))
		i++;
	if (i < all->n_venues)
		return &all->venues[i];
	CHECK(all->n_venues < MARKET_ALERT_VENUES_MAX);
	struct watched_venue *venue = &all->venues[all->n_venues++];
	enum status status = str_copy(scope, venue->scope, sizeof venue->scope);
	CHECK(status == STATUS_OK);
	return venue;
}

void market_alerts_venue(struct market_alerts *all, struct str scope, double seconds,
			 int64_t now_ns)
{
	struct watched_venue *venue = venue_of(all, scope);
	venue->until_ns = now_ns + (int64_t)(seconds * 1e9);
	all->now_ns = now_ns;
	check_venue(all, venue);
}

/* ---- the round ---- */

static size_t round_size(const struct market_alerts *all)
{
	return all->n_markets + all->n_assets + all->n_venues;
}

static void check_next(struct market_alerts *all)
{
	size_t i = all->next++;
	if (i < all->n_markets)
		market_alerts_check_market(all, &all->watched[i]);
	else if ((i -= all->n_markets) < all->n_assets)
		market_alerts_check_asset(all, i);
	else
		check_venue(all, &all->venues[i - all->n_assets]);
}

/* What is left of the round before is done; a round that comes late is not caught up. */
static void begin_round(struct market_alerts *all)
{
	while (all->begun && all->next < round_size(all))
		check_next(all);
	bool in_step = all->begun && all->now_ns < all->round_ns + 2 * ROUND_NS;
	all->round_ns = in_step ? all->round_ns + ROUND_NS : all->now_ns;
	all->begun = true;
	all->next = 0;
	if (markets_count(all->markets) != all->n_markets)
		watch(all);
}

/* The place i of n is due at i / n of the round's second. */
void market_alerts_step(struct market_alerts *all, int64_t now_ns, int64_t wall_ms)
{
	all->now_ns = now_ns;
	all->wall_ms = wall_ms;
	if (!all->begun || now_ns >= all->round_ns + ROUND_NS)
		begin_round(all);
	size_t size = round_size(all);
	int64_t elapsed_ns = now_ns - all->round_ns;
	while (all->next < size && (int64_t)all->next * ROUND_NS <= elapsed_ns * (int64_t)size)
		check_next(all);
}

int64_t market_alerts_next_ns(const struct market_alerts *all)
{
	size_t size = round_size(all);
	if (!all->begun)
		return INT64_MIN;
	if (all->next >= size)
		return all->round_ns + ROUND_NS;
	return all->round_ns + ((int64_t)all->next * ROUND_NS + (int64_t)size - 1) / (int64_t)size;
}

/* ---- events ---- */

static double power_of_ten(int32_t n)
{
	double high = n > DECIMAL_SCALE_MAX ? (double)decimal_pow10(n - DECIMAL_SCALE_MAX) : 1;
	return high * (double)decimal_pow10(n > DECIMAL_SCALE_MAX ? DECIMAL_SCALE_MAX : n);
}

/* notional × 10^-scale > fire, exactly (fire is a setting: a number of millionths). */
static bool is_more(i128 notional, int32_t scale, double fire)
{
	i128 limit = (i128)llround(fire * 1e6);
	int32_t raise = scale - 6; /* both sides to the scale of the finer one */
	for (; raise > 0; raise--)
		if (__builtin_mul_overflow(limit, (i128)10, &limit))
			return false;
	for (; raise < 0; raise++)
		if (__builtin_mul_overflow(notional, (i128)10, &notional))
			return true;
	return notional > limit;
}

static void tell_whale(struct market_alerts *all, const struct market *market,
		       const struct trade *trade)
{
	int32_t price_scale, qty_scale;
	char id[64];
	struct buf scope = buf_over(id, sizeof id);
	struct str base, quote;
	if (!market_id_is_dollar(market_id(market)))
		return;
	market_id_assets(market_id(market), &base, &quote);
	market_scales(market, &price_scale, &qty_scale);
	i128 notional = (i128)trade->price * trade->qty;
	double value = decimal_to_double(notional, price_scale + qty_scale);
	for (int32_t scale = price_scale + qty_scale; scale > 0; scale--)
		notional /= 10;
	market_id_print(&scope, market_id(market));
	struct buf *note = market_alerts_note(all, market);
	buf_printf(note, "%.*s whale %s ", STR_ARG(buf_str(&scope)),
		   trade->side == SIDE_BUY ? "bought" : "sold");
	decimal_print_trim(note, trade->qty, qty_scale);
	buf_printf(note, " %.*s at ", STR_ARG(base));
	decimal_print_trim(note, trade->price, price_scale);
	buf_printf(note, ": ");
	market_alerts_print_whole(note, notional);
	buf_printf(note, " USD");
	alert_event(all->alerts, ALERT_whale_trade, buf_str(&scope), value, buf_str(note));
}

void market_alerts_trade(struct market_alerts *all, const struct market *market,
			 const struct trade *trade)
{
	const struct alert_settings *settings = alerts_settings(all->alerts, ALERT_whale_trade);
	int32_t price_scale, qty_scale;
	market_scales(market, &price_scale, &qty_scale);
	int32_t scale = price_scale + qty_scale;
	/* doubles are near enough to leave nearly every trade out */
	double near = (double)trade->price * (double)trade->qty * 1.000001;
	if (near <= settings->fire * power_of_ten(scale))
		return;
	if (settings->on && is_more((i128)trade->price * trade->qty, scale, settings->fire))
		tell_whale(all, market, trade);
}

void market_alerts_cascade(void *ctx, const struct cascade *cascade)
{
	struct market_alerts *all = ctx;
	struct liquidation_sums sums;
	struct market *named[1];
	if (!cascade->active || cascade->risk <= alerts_settings(all->alerts, ALERT_cascade)->fire)
		return;
	struct str asset = str_of(cascade->asset);
	size_t n = markets_named(all->markets, asset, named, 1);
	liquidations_sum(markets_liquidations(all->markets), asset, 2, cascade->last_ms, &sums);
	struct buf *note = market_alerts_note(all, n ? named[0] : NULL);
	buf_printf(note, "%s liquidation cascade: %s%u within %.10g s, ", cascade->asset,
		   sums.at_least ? "at least " : "", cascade->n,
		   (double)all->config.cascade_window_ms / 1000);
	market_alerts_print_whole(note, (cascade->long_e8 + cascade->short_e8) / 100000000);
	buf_printf(note, " USD (%u long, %u short) on %u venue%s, risk %.2f %s", cascade->n_long,
		   cascade->n_short, cascade->venues, cascade->venues == 1 ? "" : "s",
		   cascade->risk, cascade_risk_text(cascade->band));
	alert_event(all->alerts, ALERT_cascade, asset, cascade->risk, buf_str(note));
}
