/* How a liquidation is taken: is it one, is it new, is there room, and what does it make
 * of the sums and the cascades. */
#include "market/liquidations.h"

#include <stdlib.h>

#include "base/check.h"
#include "market/event_time.h"
#include "market/liquidations_impl.h"

/* A thousand million millions of quote units: no event is so large, and a day of such
 * events is far below 128 bits. */
#define QUOTE_E8_MAX ((i128)1000000000000000 * 100000000)

struct liquidations_config liquidations_config_default(void)
{
	return (struct liquidations_config){
		.count = 5,
		.quote_min = 100000,
		.window_ms = 60000,
		.cooldown_ms = 120000,
		.band = { 0.7, 0.8, 0.9 },
		.size_large = 100000,
		.size_institutional = 500000,
		.size_whale = 1000000,
	};
}

struct liquidations *liquidations_create(const struct liquidations_config *config)
{
	struct liquidations *all = calloc(1, sizeof *all);
	if (!all)
		return NULL;
	liquidations_set_config(all, config);
	return all;
}

void liquidations_destroy(struct liquidations *all) { free(all); }

void liquidations_set_config(struct liquidations *all, const struct liquidations_config *config)
{
	CHECK(config->count > 0 && config->window_ms > 0 && config->cooldown_ms >= 0 &&
	      config->quote_min >= 0);
	all->config = *config;
}

void liquidations_set_hooks(struct liquidations *all, const struct liquidations_hooks *hooks)
{
	all->hooks = *hooks;
}

void liquidations_begin_frame(struct liquidations *all)
{
	if (++all->frame == 0)
		all->frame = 1;
}

/* ---- whose it is ---- */

struct liquidation_asset *liquidations_find(const struct liquidations *all, struct str name)
{
	for (size_t i = 0; i < all->n_assets; i++)
		if (str_eq_nocase(name, str_of(all->sorted[i]->name)))
			return all->sorted[i];
	return NULL;
}

static struct liquidation_asset *find_or_add_asset(struct liquidations *all, struct str name)
{
	struct liquidation_asset *asset = liquidations_find(all, name);
	if (asset || all->n_assets == LIQUIDATIONS_ASSETS)
		return asset;
	asset = &all->assets[all->n_assets];
	memcpy(asset->name, name.ptr, name.len);
	memcpy(asset->watch.state.asset, name.ptr, name.len);
	size_t at = all->n_assets++;
	for (; at > 0 && strcmp(all->sorted[at - 1]->name, asset->name) > 0; at--)
		all->sorted[at] = all->sorted[at - 1];
	all->sorted[at] = asset;
	return asset;
}

/* The place of the market, or the empty one where it would go. */
static uint16_t *place_of(struct liquidations *all, const struct market_id *id)
{
	size_t at = str_hash(str_make((const char *)id, sizeof *id)) % LIQUIDATIONS_PLACES;
	while (all->places[at] && !market_id_eq(&all->markets[all->places[at] - 1].id, id))
		at = (at + 1) % LIQUIDATIONS_PLACES;
	return &all->places[at];
}

/* NULL: no room, which is counted, or no dollars: quote units are added up over markets. */
static struct liquidation_market *find_or_add_market(struct liquidations *all,
						     const struct market_id *id)
{
	struct str base, quote;
	uint16_t *place = place_of(all, id);
	if (*place)
		return &all->markets[*place - 1];
	if (!market_id_is_dollar(id))
		return NULL;
	market_id_assets(id, &base, &quote);
	struct liquidation_asset *asset = NULL;
	if (all->n_markets < LIQUIDATIONS_MARKETS)
		asset = find_or_add_asset(all, base);
	if (!asset) {
		all->left_out++;
		return NULL;
	}
	struct liquidation_market *market = &all->markets[all->n_markets++];
	market->id = *id;
	market->asset = asset;
	*place = (uint16_t)all->n_markets;
	return market;
}

/* ---- what it comes to ---- */

/* price × qty × 10^8, cut; false: no figures of a liquidation. */
static bool quote_of(const struct event_liquidation *event, i128 *quote_e8)
{
	i128 value = (i128)event->price.mantissa * event->qty.mantissa;
	int32_t scale = event->price.scale + event->qty.scale;
	if (event->price.mantissa <= 0 || event->qty.mantissa <= 0 || event->position > SIDE_SELL)
		return false;
	for (; scale < 8 && value <= QUOTE_E8_MAX; scale++)
		value *= 10;
	while (scale > 8) {
		int32_t places = scale - 8 < DECIMAL_SCALE_MAX ? scale - 8 : DECIMAL_SCALE_MAX;
		value /= decimal_pow10(places);
		scale -= places;
	}
	*quote_e8 = value;
	return value <= QUOTE_E8_MAX;
}

static void ledger_list(struct ledger *ledger, const struct liquidation *liquidation)
{
	uint32_t at = ledger->n_last;
	while (at > 0 && ledger->last[at - 1].t_ms > liquidation->t_ms)
		at--;
	if (ledger->n_last < LIQUIDATIONS_KEPT) {
		memmove(ledger->last + at + 1, ledger->last + at,
			(ledger->n_last - at) * sizeof ledger->last[0]);
		ledger->n_last++;
		ledger->last[at] = *liquidation;
	} else if (at > 0) { /* the oldest leaves */
		memmove(ledger->last, ledger->last + 1, (at - 1) * sizeof ledger->last[0]);
		ledger->last[at - 1] = *liquidation;
	}
}

static void ledger_take(struct ledger *ledger, const struct liquidation *liquidation)
{
	int64_t number = liquidation->t_ms / LIQUIDATION_MINUTE_MS;
	struct liquidation_minute *minute = &ledger->minutes[number % LIQUIDATIONS_MINUTES];
	bool is_long = liquidation->position == SIDE_BUY;
	if (minute->number != number)
		*minute = (struct liquidation_minute){ .number = number };
	*(is_long ? &minute->long_e8 : &minute->short_e8) += liquidation->quote_e8;
	*(is_long ? &minute->n_long : &minute->n_short) += 1;
	minute->sampled |= liquidation->sampled;
	ledger_list(ledger, liquidation);
}

/* ---- cascades ---- */

static void tell_cascade(struct liquidations *all, const struct cascade *cascade)
{
	if (all->hooks.on_cascade)
		all->hooks.on_cascade(all->hooks.ctx, cascade);
}

static void expire(struct liquidations *all, struct liquidation_asset *asset, int64_t now_ms)
{
	if (!cascade_expire(&asset->watch, now_ms))
		return;
	all->n_active--;
	all->finished[all->next_finished] = asset->watch.state;
	all->next_finished = (all->next_finished + 1) % CASCADES_KEPT;
	if (all->n_finished < CASCADES_KEPT)
		all->n_finished++;
	tell_cascade(all, &asset->watch.state);
}

static void watch_cascade(struct liquidations *all, struct liquidation_asset *asset,
			  const struct liquidation *liquidation)
{
	struct cascade_event event = {
		.t_ms = liquidation->t_ms,
		.quote_e8 = liquidation->quote_e8,
		.price = decimal_to_double(liquidation->price.mantissa, liquidation->price.scale),
		.venue = liquidation->market.venue,
		.position = liquidation->position,
	};
	expire(all, asset, event.t_ms);
	if (!cascade_take(&asset->watch, &all->config, &event))
		return;
	all->n_active++;
	tell_cascade(all, &asset->watch.state);
}

void liquidations_step(struct liquidations *all, int64_t now_ms)
{
	all->now_ms = now_ms;
	for (size_t i = 0; i < all->n_assets && all->n_active > 0; i++)
		expire(all, &all->assets[i], now_ms - CASCADE_LATE_MS);
}

/* ---- taking ---- */

static bool is_too_old(const struct liquidations *all, int64_t t_ms)
{
	return t_ms / LIQUIDATION_MINUTE_MS <=
	       all->newest_ms / LIQUIDATION_MINUTE_MS - LIQUIDATIONS_MINUTES;
}

/* Counted in the sums and lists, where it is new; NULL: it is not, or cannot be. */
static struct liquidation_asset *take(struct liquidations *all, const struct market_id *id,
				      const struct event_liquidation *event, bool stored,
				      struct liquidation *liquidation)
{
	if (is_too_old(all, liquidation->t_ms) || !quote_of(event, &liquidation->quote_e8))
		return NULL;
	struct liquidation_market *market = find_or_add_market(all, id);
	if (!market || !liquidations_seen_take(&market->seen, event, liquidation->t_ms,
					       stored ? 0 : all->frame, stored))
		return NULL;
	liquidation->market = *id;
	liquidation->price = event->price;
	liquidation->qty = event->qty;
	liquidation->position = event->position;
	liquidation->sampled = id->venue == VENUE_BINANCE;
	if (liquidation->t_ms > all->newest_ms)
		all->newest_ms = liquidation->t_ms;
	ledger_take(&all->total, liquidation);
	ledger_take(&market->asset->ledger, liquidation);
	return market->asset;
}

bool liquidations_take(struct liquidations *all, const struct market_id *market,
		       const struct event_liquidation *event, int64_t t_ms)
{
	struct liquidation liquidation = { .t_ms = t_ms };
	int64_t known_ms = all->newest_ms > all->now_ms ? all->newest_ms : all->now_ms;
	if (!event_time_believed(known_ms, t_ms, &all->ahead_ms))
		return false;
	struct liquidation_asset *asset = take(all, market, event, false, &liquidation);
	if (!asset)
		return false;
	if (all->hooks.on_liquidation)
		all->hooks.on_liquidation(all->hooks.ctx, &liquidation);
	watch_cascade(all, asset, &liquidation);
	return true;
}

bool liquidations_restore(struct liquidations *all, const struct market_id *market,
			  const struct event_liquidation *event, int64_t t_ms)
{
	struct liquidation liquidation = { .t_ms = t_ms };
	return event_time_sane(t_ms) && take(all, market, event, true, &liquidation) != NULL;
}
