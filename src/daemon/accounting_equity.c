/* What accounts are worth, every five minutes: taken only of answers and rates that are
 * fresh, kept in segment RSS. */
#include "base/log.h"
#include "daemon/accounting_impl.h"

enum { ANSWER_POLLS = 3 }; /* an answer older than so many polls is not fresh */

/* ---- rates ---- */

struct rating {
	struct ask_rates rates;
	bool stale; /* one that is needed is */
};

/* A rate that is stale does not become zero: the sample is not taken. */
static bool rate_of(void *ctx, struct str asset, struct account_rate *rate)
{
	struct rating *rating = ctx;
	if (!ask_account_rate(&rating->rates, asset, rate))
		return false;
	if (rate->t_ms && rating->rates.now_ms - rate->t_ms > rating->rates.stale_ms)
		rating->stale = true;
	return true;
}

static struct rating rating_at(const struct accounting *accounting, int64_t wall_ms)
{
	return (struct rating){ .rates = { .markets = accounting->config.markets,
					   .now_ms = wall_ms,
					   .stale_ms = accounting->config.stale_ms } };
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
	struct rating rating = rating_at(accounting, wall_ms);
	struct account_total total;
	account_total(account, rate_of, &rating, &total);
	int64_t fresh_ms = wall_ms - ANSWER_POLLS * accounting->list[slot].poll_ms;
	if (rating.stale || !total.oldest_ms || total.oldest_ms < fresh_ms)
		accounting->skipped++;
	else
		put(accounting, str_of(account->name), wall_ms, total.usd_e8);
}

static void sample_fleet(struct accounting *accounting, int64_t wall_ms)
{
	struct rating rating = rating_at(accounting, wall_ms);
	uint32_t unpriced;
	i128 usd_e8;
	if (!accounting->fleet ||
	    !ask_fleet_usd(accounting->fleet, rate_of, &rating, &usd_e8, &unpriced))
		return;
	if (rating.stale)
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

static void on_got(void *ctx, enum status status, struct str name, struct str bytes)
{
	struct accounting *accounting = ctx;
	enum status read = STATUS_OK;
	accounting->restoring--;
	if (!status && bytes.len)
		read = equity_unpack(accounting->equity, name, bytes);
	if (status || read)
		log_line(LOG_WARN, "accounts", "equity of %.*s was not read back: %s",
			 STR_ARG(name), status_text(status ? status : read));
	if (!accounting->restoring)
		accounting->restored = true;
}

static void get(struct accounting *accounting, struct str name)
{
	accounting->restoring++;
	enum status status = equity_store_get(accounting->store, name, on_got, accounting);
	if (status)
		on_got(accounting, status, name, STR(""));
}

/* No sample is taken before: it would replace what is kept. */
void accounting_restore_equity(struct accounting *accounting)
{
	if (!accounting->store) {
		accounting->restored = true;
		return;
	}
	accounting->restoring++; /* ours: an answer may come before the last question */
	for (uint32_t slot = 0; slot < accounting->count; slot++)
		get(accounting, str_of(accounting->list[slot].name));
	if (accounting->fleet)
		get(accounting, STR(EQUITY_FLEET));
	accounting->restoring--;
	accounting->restored = accounting->restored || !accounting->restoring;
}
