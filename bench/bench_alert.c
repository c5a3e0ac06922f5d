/* What alerts cost: ns of thread CPU for a value of a rule that is quiet, with others
 * active, pending and firing; for a trade that is no whale; and µs for the levels of 40
 * markets with full hours, at once and spread over a second. Medians of repeats; for
 * information, nothing is judged. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "market/market_alerts.h"
#include "report.h"

enum { RUNS = 9, SCOPES = 1000, ROUNDS = 200, MARKETS = 40, MINUTES = 1500, SECONDS = 20 };
#define SEC      INT64_C(1000000000)
#define START_MS INT64_C(1784045700000)

static int64_t cpu_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * SEC + now.tv_nsec;
}

static struct alerts *new_alerts(double fire, int64_t hold_ns)
{
	struct alert_hooks hooks = { 0 };
	struct alert_settings settings = { .on = true, .fire = fire, .hold_ns = hold_ns };
	struct alerts *alerts = alerts_create(&hooks);
	if (!alerts)
		abort();
	alerts_configure(alerts, ALERT_price_move, &settings);
	return alerts;
}

/* ns per value; every tenth scope is beyond when `mixed`. */
static double run_values(double value, int64_t hold_ns, bool mixed)
{
	static char names[SCOPES][32];
	struct alerts *alerts = new_alerts(80, hold_ns);
	struct str message = STR("cpu 85 % for 3 s on host-17, above 80 %");
	int64_t spent = 0;
	for (int i = 0; i < SCOPES; i++)
		snprintf(names[i], sizeof names[i], "binance:perp:A%03dUSDT", i);
	for (int64_t round = 0; round < ROUNDS; round++) {
		alerts_step(alerts, round * SEC, START_MS + round * 1000);
		int64_t start = cpu_ns();
		for (int i = 0; i < SCOPES; i++)
			alert_value(alerts, ALERT_price_move, str_of(names[i]),
				    mixed && i % 10 == 0 ? 85 : value, message);
		spent += cpu_ns() - start;
	}
	alerts_destroy(alerts);
	return (double)spent / ROUNDS / SCOPES;
}

static void report_values(const char *name, double value, int64_t hold_ns, bool mixed)
{
	struct samples samples = { 0 };
	for (int i = 0; i < RUNS; i++)
		samples_add(&samples, run_values(value, hold_ns, mixed));
	report(name, &samples, "ns");
}

/* ---- markets ---- */

static void fill(struct market *market, bool ordered)
{
	struct trade out;
	char id[24];
	for (int64_t i = 0; i < MINUTES; i++) {
		int len = snprintf(id, sizeof id, "t-%" PRId64, i);
		struct event_trade event = { .id = str_make(id, (size_t)len),
					     .ordered_id = ordered ? i : -1,
					     .price = { 268000 + i % 700, 2 },
					     .qty = { 1 + i % 90, 1 },
					     .side = i % 3 == 0 };
		if (market_take_trade(market, &event, START_MS + i * MINUTE_MS, &out))
			abort();
		rates_take_oi(market_rates(market), (struct decimal){ 1000000 + i, 1 }, false,
			      START_MS + i * MINUTE_MS);
	}
	struct event_funding funding = { .rate = { 1, 4 }, .interval_min = 480 };
	rates_take_funding(market_rates(market), &funding, START_MS + MINUTES * MINUTE_MS);
}

static struct markets *new_markets(void)
{
	struct market_config config = { .whale_quote = 500000 };
	struct markets *markets = markets_create(&config);
	for (int i = 0; i < MARKETS; i++) {
		char symbol[24];
		int len = snprintf(symbol, sizeof symbol, "A%02dUSDT", i / 4);
		enum venue venue = i & 1 ? VENUE_BYBIT : VENUE_BINANCE;
		fill(markets_get(markets, venue, i & 2 ? KIND_PERP : KIND_SPOT,
				 str_make(symbol, (size_t)len)),
		     venue == VENUE_BINANCE);
	}
	return markets;
}

struct steps {
	struct samples second_us, worst_us; /* per second; the longest step of it */
};

static void run_steps(struct markets *markets, int64_t every_ns, struct steps *out)
{
	struct alert_hooks hooks = { 0 };
	struct alerts *alerts = alerts_create(&hooks);
	struct market_alerts_config config = { .live = true, .stale_ms = 3600000 };
	struct market_alerts *all = market_alerts_create(alerts, markets, &config);
	int64_t wall_ms = START_MS + MINUTES * MINUTE_MS;
	for (int second = 0; second < SECONDS; second++) {
		double spent = 0, worst = 0;
		for (int64_t at = 0; at < SEC; at += every_ns) {
			int64_t now_ns = (second + 1) * SEC + at;
			alerts_step(alerts, now_ns, wall_ms);
			int64_t start = cpu_ns();
			market_alerts_step(all, now_ns, wall_ms);
			double step = (double)(cpu_ns() - start) / 1000;
			spent += step;
			worst = step > worst ? step : worst;
		}
		if (second == 0)
			continue; /* begins the round only */
		samples_add(&out->second_us, spent);
		samples_add(&out->worst_us, worst);
	}
	market_alerts_destroy(all);
	alerts_destroy(alerts);
}

static double run_trades(struct markets *markets)
{
	enum { TRADES = 1000000 };
	struct alert_hooks hooks = { 0 };
	struct alerts *alerts = alerts_create(&hooks);
	struct market_alerts_config config = { .live = true, .stale_ms = 10000 };
	struct market_alerts *all = market_alerts_create(alerts, markets, &config);
	struct market *market = markets_at(markets, 0);
	int64_t start = cpu_ns();
	for (int64_t i = 0; i < TRADES; i++) {
		struct trade trade = { .t_ms = START_MS, .price = 268000 + i % 700, .qty = i % 90 };
		market_alerts_trade(all, market, &trade);
	}
	double spent = (double)(cpu_ns() - start);
	market_alerts_destroy(all);
	alerts_destroy(alerts);
	return spent / TRADES;
}

int main(void)
{
	struct markets *markets = new_markets();
	struct steps at_once = { 0 }, spread = { 0 };
	struct samples trades = { 0 };
	report_values("value, rule quiet everywhere", 60, 10 * SEC, false);
	report_values("value, rule active in other scopes", 60, 0, true);
	report_values("value, pending", 85, 100000 * SEC, false);
	report_values("value, firing", 85, 0, false);
	for (int i = 0; i < RUNS; i++)
		samples_add(&trades, run_trades(markets));
	report("trade, no whale", &trades, "ns");
	run_steps(markets, SEC, &at_once);
	run_steps(markets, SEC / 100, &spread);
	report("levels of 40 markets, a step a second", &at_once.second_us, "us");
	report("  100 steps a second, all of them", &spread.second_us, "us");
	report("  100 steps a second, the longest", &spread.worst_us, "us");
	markets_destroy(markets);
	return 0;
}
