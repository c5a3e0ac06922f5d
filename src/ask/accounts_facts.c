/* Whose accounts, and at what rates. */
#include "ask/accounts_facts.h"

#include "base/check.h"

/* ---- rates ---- */

static struct account_rate held_at_one(void)
{
	struct account_rate rate = { .price = { 1, 0 } };
	static const char source[] = "held at 1.00";
	memcpy(rate.source, source, sizeof source);
	return rate;
}

/* Judged by the market id's own list of coins: it takes a market that is quoted in it. */
static bool is_dollar(struct str asset)
{
	char symbol[SYMBOL_MAX + 1];
	struct buf text = buf_over(symbol, sizeof symbol);
	struct market_id id;
	buf_str_put(&text, STR("X"));
	buf_str_put(&text, asset);
	return str_eq(asset, STR("USD")) ||
	       (!text.overflow &&
		market_id_make(VENUE_BINANCE, KIND_SPOT, buf_str(&text), &id) == STATUS_OK &&
		market_id_is_dollar(&id));
}

static bool is_stale(const struct ask_rates *rates, int64_t t_ms)
{
	return rates->now_ms && rates->now_ms - t_ms > rates->stale_ms;
}

static bool quotes(const struct market *market, struct str asset)
{
	struct str base, quote;
	market_id_assets(market_id(market), &base, &quote);
	return str_eq(base, asset) && market_id_is_dollar(market_id(market)) &&
	       market_newest_ms(market) > 0 && !market_simulated(market);
}

static bool is_better(const struct ask_rates *rates, const struct market *a, const struct market *b)
{
	bool a_stale = is_stale(rates, market_newest_ms(a));
	bool b_stale = is_stale(rates, market_newest_ms(b));
	if (a_stale != b_stale)
		return b_stale;
	return market_id(a)->kind < market_id(b)->kind;
}

bool ask_account_rate(void *ctx, struct str asset, struct account_rate *rate)
{
	const struct ask_rates *rates = ctx;
	const struct market *best = NULL;
	struct window newest;
	if (is_dollar(asset)) {
		*rate = held_at_one();
		return true;
	}
	for (size_t i = 0; i < markets_count(rates->markets); i++) {
		const struct market *market = markets_at(rates->markets, i);
		if (quotes(market, asset) && (!best || is_better(rates, market, best)))
			best = market;
	}
	if (!best || (rates->fresh_only && is_stale(rates, market_newest_ms(best))))
		return false;
	int32_t price_scale, qty_scale;
	market_window(best, 1, &newest);
	market_scales(best, &price_scale, &qty_scale);
	if (newest.close <= 0)
		return false;
	*rate = (struct account_rate){ .price = { newest.close, price_scale },
				       .t_ms = market_newest_ms(best) };
	struct buf source = buf_over(rate->source, sizeof rate->source - 1);
	market_id_print(&source, market_id(best));
	return true;
}

bool accounts_value(struct accounts_facts *facts, const char *asset, i128 amount_e18, i128 *usd_e8)
{
	struct rate_noted fresh = { .known = false }, *noted = NULL;
	for (uint32_t i = 0; i < facts->noted_count && !noted; i++)
		if (strcmp(facts->noted[i].asset, asset) == 0)
			noted = &facts->noted[i];
	if (!noted) {
		noted =
		    facts->noted_count < RATES_NOTED ? &facts->noted[facts->noted_count++] : &fresh;
		struct buf name = buf_over(noted->asset, sizeof noted->asset - 1);
		buf_str_put(&name, str_of(asset));
		noted->known = ask_account_rate(&facts->rates, str_of(asset), &noted->rate);
		noted->stale =
		    noted->known && noted->rate.t_ms && is_stale(&facts->rates, noted->rate.t_ms);
	}
	return noted->known && account_usd(amount_e18, &noted->rate, usd_e8) == STATUS_OK;
}

/* ---- terminals ---- */

i128 accounts_number(struct number number)
{
	return (i128)number.mantissa * decimal_pow10(ACCOUNT_PLACES - number.digits);
}

bool accounts_sample(const struct instance *instance, enum sample sample, i128 *e18)
{
	bool known = instance->latest.known >> sample & 1;
	*e18 = known ? accounts_number(instance->latest.values[sample]) : 0;
	return known;
}

static bool has_account(const struct instance *instance)
{
	return instance && instance->login > 0 && instance->server[0] && instance->currency[0] &&
	       instance->latest.known >> SAMPLE_eq & 1;
}

static bool same_account(const struct instance *a, const struct instance *b)
{
	return a->login == b->login && strcmp(a->server, b->server) == 0;
}

/* The first of the fleet that is logged in to it speaks for the account, unless another one
 * has been heard of later. */
static bool speaks(const struct fleet *fleet, const struct instance *instance)
{
	for (uint32_t slot = 0; slot < fleet_room(fleet); slot++) {
		const struct instance *other = fleet_at(fleet, slot);
		if (other == instance || !has_account(other) || !same_account(other, instance))
			continue;
		if (other->heard_ms > instance->heard_ms ||
		    (other->heard_ms == instance->heard_ms && other->slot < instance->slot))
			return false;
	}
	return true;
}

bool ask_fleet_usd(const struct fleet *fleet, account_rate_fn rate, void *ctx, i128 *usd_e8,
		   uint32_t *unpriced)
{
	struct account_rate used;
	bool any = false;
	i128 equity, value;
	*usd_e8 = 0;
	*unpriced = 0;
	for (uint32_t slot = 0; slot < fleet_room(fleet); slot++) {
		const struct instance *instance = fleet_at(fleet, slot);
		if (!has_account(instance) || !speaks(fleet, instance))
			continue;
		any = true;
		accounts_sample(instance, SAMPLE_eq, &equity);
		if (rate(ctx, str_of(instance->currency), &used) &&
		    account_usd(equity, &used, &value) == STATUS_OK)
			*usd_e8 += value;
		else
			(*unpriced)++;
	}
	return any;
}

/* ---- whose ---- */

static bool is_terminal_named(const struct instance *instance, struct str name)
{
	char storage[INSTANCE_NAME_MAX + MFP_TEXT_MAX + 32];
	struct buf text = buf_over(storage, sizeof storage);
	if (!name.len || str_eq_nocase(str_of(instance->identity.id), name))
		return true;
	buf_printf(&text, "%lld@%s", (long long)instance->login, instance->server);
	return str_eq_nocase(buf_str(&text), name);
}

static void add_terminals(struct accounts_facts *facts, struct str name)
{
	const struct fleet *fleet = facts->world->fleet;
	for (uint32_t slot = 0; fleet && slot < fleet_room(fleet); slot++) {
		const struct instance *instance = fleet_at(fleet, slot);
		if (!has_account(instance) || !is_terminal_named(instance, name))
			continue;
		if (!speaks(fleet, instance) &&
		    !(name.len && str_eq_nocase(str_of(instance->identity.id), name)))
			continue;
		if (facts->terminal_count < TERMINALS_LOOKED_AT)
			facts->terminals[facts->terminal_count++] = instance;
		else
			facts->terminals_left_out++;
	}
}

static void add_exchanges(struct accounts_facts *facts, struct str name)
{
	const struct accounts *accounts = facts->world->accounts;
	for (uint32_t i = 0; accounts && i < accounts_count(accounts); i++) {
		const struct account *account = accounts_at(accounts, i);
		if (!name.len || str_eq_nocase(str_of(account->name), name))
			facts->exchanges[facts->exchange_count++] = account;
	}
}

static void add_all(struct accounts_facts *facts, struct str name)
{
	add_exchanges(facts, name);
	add_terminals(facts, name);
}

enum fault accounts_facts_init(struct accounts_facts *facts, const struct ask_world *world,
			       const struct ask_request *request, const struct asked *asked,
			       bool symbols)
{
	struct str name = str_of(asked->account);
	*facts = (struct accounts_facts){ .world = world,
					  .request = request,
					  .asked = asked,
					  .simulated = world->options.fleet_simulated };
	facts->rates = (struct ask_rates){ .markets = world->markets,
					   .now_ms = request->now_ms,
					   .stale_ms = world->options.stale_ms };
	bool exchanges = world->accounts && accounts_count(world->accounts) > 0;
	if (!exchanges && !(world->fleet && fleet_count(world->fleet) > 0))
		return FAULT_NO_DATA;
	add_all(facts, name);
	if (facts->exchange_count + facts->terminal_count || !name.len)
		return FAULT_NONE;
	if (!symbols)
		return FAULT_UNKNOWN_ACCOUNT;
	facts->symbol = asked->account;
	add_all(facts, STR(""));
	return FAULT_NONE;
}
