/* What accounts are worth, every five minutes: taken only of answers and rates that are
 * fresh, kept in segment RSS. */
#include "base/log.h"
#include "daemon/accounting_impl.h"

enum {
	ANSWER_POLLS = 3,    /* an answer older than so many polls is not fresh */
	RESTORE_AGAIN_S = 2, /* after no answer of the store */
};

/* ---- rates ---- */

struct rating {
	struct ask_rates rates;
	struct priced *priced;
	bool lacks; /* a rate that is stale, or not there yet: it does not become zero */
};

/* A market of weir's whose next trade would be a rate. */
static bool has_market(const struct markets *markets, struct str asset)
{
	struct str base, quote;
	for (size_t i = 0; i < markets_count(markets); i++) {
		const struct market *market = markets_at(markets, i);
		market_id_assets(market_id(market), &base, &quote);
		if (str_eq(base, asset) && market_id_is_dollar(market_id(market)) &&
		    !market_simulated(market))
			return true;
	}
	return false;
}

static bool rate_of(void *ctx, struct str asset, struct account_rate *rate)
{
	struct rating *rating = ctx;
	const struct ask_rates *rates = &rating->rates;
	bool known = ask_account_rate(&rating->rates, asset, rate);
	enum priced_rate told = known                               ? PRICED_RATE
				: has_market(rates->markets, asset) ? PRICED_NO_RATE_YET
								    : PRICED_NO_MARKET;
	bool stale = known && rate->t_ms && rates->now_ms - rate->t_ms > rates->stale_ms;
	if (!priced_told(rating->priced, asset, told, rates->now_ms) || stale)
		rating->lacks = true;
	return known;
}

static struct rating rating_at(const struct accounting *accounting, struct priced *priced,
			       int64_t wall_ms)
{
	priced_begin(priced);
	return (struct rating){ .rates = { .markets = accounting->config.markets,
					   .now_ms = wall_ms,
					   .stale_ms = accounting->config.stale_ms },
				.priced = priced };
}

/* ---- samples ---- */

static void put(struct accounting *accounting, struct str name, int64_t wall_ms, i128 usd_e8)
{
	char storage[EQUITY_BYTES_MAX];
	struct buf bytes = buf_over(storage, sizeof storage);
	bool fits = usd_e8 <= INT64_MAX && usd_e8 >= INT64_MIN;
	if (!fits || equity_put(accounting->equity, name, wall_ms, (int64_t)usd_e8)) {
		accounting->skipped++;
		return;
	}
	accounting->samples++;
	for (uint32_t i = 0; i < equity_count(accounting->equity); i++)
		if (str_eq(equity_name(accounting->equity, i), name))
			equity_pack(accounting->equity, i, &bytes);
	if (accounting->store && equity_store_put(accounting->store, name, buf_str(&bytes)))
		log_line(LOG_DEBUG, "accounts", "a sample of equity was not kept; the next one is");
}

static void sample_account(struct accounting *accounting, uint32_t slot, int64_t wall_ms)
{
	const struct account *account = accounts_at(accounting->accounts, slot);
	struct rating rating = rating_at(accounting, &accounting->list[slot].priced, wall_ms);
	struct account_total total;
	account_total(account, rate_of, &rating, &total);
	int64_t fresh_ms = wall_ms - ANSWER_POLLS * accounting->list[slot].poll_ms;
	if (rating.lacks || !total.oldest_ms || total.oldest_ms < fresh_ms)
		accounting->skipped++;
	else
		put(accounting, str_of(account->name), wall_ms, total.usd_e8);
}

static void sample_fleet(struct accounting *accounting, int64_t wall_ms)
{
	struct rating rating = rating_at(accounting, &accounting->fleet_priced, wall_ms);
	uint32_t unpriced;
	i128 usd_e8;
	if (!accounting->fleet ||
	    !ask_fleet_usd(accounting->fleet, rate_of, &rating, &usd_e8, &unpriced))
		return;
	if (rating.lacks)
		accounting->skipped++;
	else
		put(accounting, STR(EQUITY_FLEET), wall_ms, usd_e8);
}

/* Half a minute into a step, so that every account has answered in it. */
void accounting_sample_equity(struct accounting *accounting, int64_t wall_ms)
{
	int64_t step = (wall_ms - EQUITY_STEP_MS / 10) / EQUITY_STEP_MS;
	if (!accounting->restored || step <= accounting->sampled_step)
		return;
	accounting->sampled_step = step;
	for (uint32_t slot = 0; slot < accounting->count; slot++)
		sample_account(accounting, slot, wall_ms);
	sample_fleet(accounting, wall_ms);
}

/* ---- back from the store ---- */

/* What there was is known, or known to be none of ours; otherwise it is asked for again. */
static bool is_answer(enum status status)
{
	return status == STATUS_OK || status == STATUS_REDIS_WRONGTYPE || status == STATUS_INVALID;
}

static void set_restored(struct accounting *accounting, struct str name)
{
	if (str_eq(name, STR(EQUITY_FLEET)))
		accounting->fleet_restored = true;
	for (uint32_t slot = 0; slot < accounting->count; slot++)
		if (str_eq(name, str_of(accounting->list[slot].name)))
			accounting->list[slot].restored = true;
}

static void ask_later(struct accounting *accounting, struct str name, enum status status)
{
	accounting->restore_wait_s = RESTORE_AGAIN_S;
	if (!accounting->restore_said)
		log_line(
		    LOG_WARN, "accounts",
		    "equity of %.*s: the store does not answer (%s); no samples before it does",
		    STR_ARG(name), status_text(status));
	accounting->restore_said = true;
}

static void on_got(void *ctx, enum status status, struct str name, struct str bytes)
{
	struct accounting *accounting = ctx;
	enum status read = status;
	accounting->restoring--;
	if (status == STATUS_OK && bytes.len)
		read = equity_unpack(accounting->equity, name, bytes);
	if (!is_answer(status) || read == STATUS_NO_MEMORY) {
		ask_later(accounting, name, read);
		return;
	}
	if (read)
		log_line(LOG_WARN, "accounts", "equity of %.*s was not read back: %s",
			 STR_ARG(name), status_text(read));
	set_restored(accounting, name);
}

static void get(struct accounting *accounting, struct str name)
{
	accounting->restoring++;
	enum status status = equity_store_get(accounting->store, name, on_got, accounting);
	if (status)
		on_got(accounting, status, name, STR(""));
}

/* Asks for those that were not answered. False: there is none. */
static bool get_missing(struct accounting *accounting)
{
	bool fleet = accounting->fleet && !accounting->fleet_restored;
	bool any = fleet;
	for (uint32_t slot = 0; slot < accounting->count; slot++) {
		if (accounting->list[slot].restored)
			continue;
		any = true;
		get(accounting, str_of(accounting->list[slot].name));
	}
	if (fleet)
		get(accounting, STR(EQUITY_FLEET));
	return any;
}

/* No sample is taken before: it would replace what is kept. */
void accounting_restore_equity(struct accounting *accounting)
{
	if (accounting->restored || accounting->restoring)
		return;
	if (accounting->restore_wait_s && --accounting->restore_wait_s)
		return;
	accounting->restored = !accounting->store || !get_missing(accounting);
}
