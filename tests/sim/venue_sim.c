#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "venue_sim_impl.h"

enum { STEP_MS = 50, UNREACHABLE_MS = 3000 };

static const char *const symbols[VENUE_SIM_SYMBOLS] = { "BTCUSDT", "ETHUSDT", "DOGEUSDT" };

static const char *const trouble_texts[TROUBLE_COUNT] = {
	"break", "break-all", "refuse",  "hang", "stale", "mute",    "shutdown", "storm",  "429",
	"ban",   "5xx",       "timeout", "half", "html",  "no-rest", "old",      "unplug", "halt",
};

const char *venue_trouble_text(enum venue_trouble trouble) { return trouble_texts[trouble]; }
const char *venue_sim_symbol(size_t index) { return symbols[index]; }

const char *venue_sim_ws_url(enum venue venue, enum kind kind)
{
	if (venue == VENUE_BYBIT)
		return "wss://stream.bybit.com";
	return kind == KIND_SPOT ? "wss://stream.binance.com:9443" : "wss://fstream.binance.com";
}

const char *venue_sim_rest_url(enum venue venue, enum kind kind)
{
	if (venue == VENUE_BYBIT)
		return "https://api.bybit.com";
	return kind == KIND_SPOT ? "https://api.binance.com" : "https://fapi.binance.com";
}

int64_t venue_sim_now_ms(const struct venue_sim *sim)
{
	return sim->config.start_ms + sim_now_ns(sim) / MS_NS;
}

void site_breach(struct site *site, const char *format, ...)
{
	struct venue_sim_counts *counts = &site->sim->counts;
	if (counts->breaches++)
		return;
	int n = snprintf(counts->breach, sizeof counts->breach,
			 "%s:%s at %.3f s: ", venue_text(site->venue), kind_text(site->kind),
			 (double)sim_now_ns(site->sim) / 1e9);
	va_list args;
	va_start(args, format);
	vsnprintf(counts->breach + n, sizeof counts->breach - (size_t)n, format, args);
	va_end(args);
}

/* ---- troubles ---- */

static struct site *site_of(const struct venue_sim *sim, enum venue venue, enum kind kind)
{
	return (struct site *)&sim->sites[venue * KIND_COUNT + kind];
}

/* The doors, as the troubles that are on want them. */
static void set_doors(struct site *site)
{
	bool away = in_trouble(site, TROUBLE_UNPLUG);
	if (away) {
		fake_ws_crowd_refuse(site->crowd, 1006, "no route to the host");
	} else if (in_trouble(site, TROUBLE_REFUSE)) {
		snprintf(site->refusal, sizeof site->refusal,
			 "the server refused the upgrade: HTTP %d",
			 (int)site->args[TROUBLE_REFUSE]);
		fake_ws_crowd_refuse(site->crowd, 1006, site->refusal);
	} else {
		fake_ws_crowd_refuse(site->crowd, 0, NULL);
	}
	fake_ws_crowd_hang(site->crowd, in_trouble(site, TROUBLE_HANG));
	fake_http_refuse(site->http, away || in_trouble(site, TROUBLE_REST_REFUSE));
}

static void begin(struct site *site, enum venue_trouble trouble)
{
	static const char goodbye[] = "{\"e\":\"serverShutdown\",\"E\":1770123456789}";
	switch (trouble) {
	case TROUBLE_BREAK: site_end_one(site, (int)site->args[trouble]); break;
	case TROUBLE_BREAK_ALL: site_end_all(site, (int)site->args[trouble]); break;
	case TROUBLE_STALE: site_stale_all(site); break;
	case TROUBLE_SHUTDOWN: site_say_everybody(site, str_of(goodbye)); break;
	case TROUBLE_UNPLUG:
		site_end_all(site, 1006);
		fake_http_break(site->http);
		break;
	case TROUBLE_HALT: truth_halt(&site->markets[site->args[trouble]].truth, true); break;
	default: break; /* looked at where it matters */
	}
}

static void end(struct site *site, enum venue_trouble trouble)
{
	site->until_ns[trouble] = 0;
	if (trouble == TROUBLE_SHUTDOWN)
		site_end_all(site, 1001);
	if (trouble == TROUBLE_HALT)
		truth_halt(&site->markets[site->args[trouble]].truth, false);
}

void venue_sim_trouble(struct venue_sim *sim, enum venue venue, enum kind kind,
		       enum venue_trouble trouble, int64_t arg, int64_t for_ns)
{
	struct site *site = site_of(sim, venue, kind);
	int64_t until_ns = sim_now_ns(sim) + for_ns;
	CHECK((unsigned)trouble < TROUBLE_COUNT);
	if (trouble == TROUBLE_HALT && in_trouble(site, trouble))
		return; /* one symbol at a time */
	site->args[trouble] = arg;
	if (for_ns && until_ns > site->until_ns[trouble])
		site->until_ns[trouble] = until_ns;
	begin(site, trouble);
	set_doors(site);
}

static void end_troubles(struct site *site, int64_t now_ns)
{
	bool any = false;
	for (int i = 0; i < TROUBLE_COUNT; i++) {
		if (!site->until_ns[i] || now_ns < site->until_ns[i])
			continue;
		end(site, (enum venue_trouble)i);
		any = true;
	}
	if (any)
		set_doors(site);
}

void venue_sim_set_odds(struct venue_sim *sim, const struct venue_sim_odds *odds)
{
	sim->config.odds = *odds;
}

void venue_sim_halt_all(struct venue_sim *sim)
{
	for (size_t i = 0; i < VENUE_SIM_SITES; i++)
		for (size_t j = 0; j < VENUE_SIM_SYMBOLS; j++)
			truth_halt(&sim->sites[i].markets[j].truth, true);
}

/* ---- time ---- */

static void step_market(struct market_sim *market, int64_t now_ms)
{
	truth_advance(&market->truth, now_ms);
	market_tell_trades(market);
}

static void on_timer(void *ctx)
{
	struct venue_sim *sim = ctx;
	int64_t now_ns = sim_now_ns(sim), now_ms = venue_sim_now_ms(sim);
	bool second = now_ms / SECOND_MS != sim->second;
	sim->second = now_ms / SECOND_MS;
	for (size_t i = 0; i < VENUE_SIM_SITES; i++) {
		struct site *site = &sim->sites[i];
		end_troubles(site, now_ns);
		site_ws_step(site, now_ns);
		for (size_t j = 0; j < VENUE_SIM_SYMBOLS; j++) {
			step_market(&site->markets[j], now_ms);
			if (second)
				market_tell_second(&site->markets[j], sim->second);
		}
	}
	timers_arm(sim->config.timers, &sim->timer, now_ns + STEP_MS * MS_NS);
}

/* ---- life ---- */

static void market_init(struct site *site, size_t index)
{
	static const struct {
		int64_t price;
		uint8_t places_price, places_qty[VENUE_SIM_SITES];
	} steps[VENUE_SIM_SYMBOLS] = {
		{ 6512345, 2, { 5, 3, 6, 3 } },
		{ 268012, 2, { 4, 3, 5, 2 } },
		{ 15321, 5, { 0, 0, 1, 0 } },
	};
	const struct venue_sim_config *config = &site->sim->config;
	size_t number = (size_t)(site - site->sim->sites);
	struct market_sim *market = &site->markets[index];
	struct truth_config truth = {
		.places_price = steps[index].places_price,
		.places_qty = steps[index].places_qty[number],
		.price = steps[index].price,
		.gap_ms = config->gap_ms[index],
		.start_ms = config->start_ms,
		.span_ms = config->span_ms,
		.blocks_ppm = site->venue == VENUE_BYBIT ? config->blocks_ppm : 0,
		.seed = sim_hash(config->seed, number, index),
	};
	CHECK(market_id_make(site->venue, site->kind, str_of(symbols[index]), &truth.id) ==
	      STATUS_OK);
	*market = (struct market_sim){ .site = site, .index = index, .update_id = 1000 };
	truth_init(&market->truth, &truth);
	market->minute_ms = config->start_ms;
}

struct venue_sim *venue_sim_create(const struct venue_sim_config *config)
{
	struct venue_sim *sim = calloc(1, sizeof *sim);
	CHECK(sim);
	sim->config = *config;
	sim->timer = (struct timer){ .fn = on_timer, .ctx = sim };
	for (size_t i = 0; i < VENUE_SIM_SITES; i++) {
		struct site *site = &sim->sites[i];
		site->sim = sim;
		site->venue = (enum venue)(i / KIND_COUNT);
		site->kind = (enum kind)(i % KIND_COUNT);
		rng_init(&site->rng, sim_hash(config->seed, 99, i));
		for (size_t j = 0; j < VENUE_SIM_SYMBOLS; j++)
			market_init(site, j);
		site_ws_init(site);
		site_rest_init(site);
	}
	timers_arm(config->timers, &sim->timer, sim_now_ns(sim));
	return sim;
}

void venue_sim_destroy(struct venue_sim *sim)
{
	timers_cancel(sim->config.timers, &sim->timer);
	for (size_t i = 0; i < VENUE_SIM_SITES; i++) {
		site_ws_deinit(&sim->sites[i]);
		site_rest_deinit(&sim->sites[i]);
		for (size_t j = 0; j < VENUE_SIM_SYMBOLS; j++)
			truth_deinit(&sim->sites[i].markets[j].truth);
	}
	free(sim);
}

struct ws_maker venue_sim_ws(struct venue_sim *sim, enum venue venue, enum kind kind)
{
	return fake_ws_crowd_maker(site_of(sim, venue, kind)->crowd);
}

struct http_client *venue_sim_http(struct venue_sim *sim, enum venue venue, enum kind kind)
{
	return fake_http_client(site_of(sim, venue, kind)->http);
}

const struct truth *venue_sim_truth(const struct venue_sim *sim, const struct market_id *id)
{
	const struct site *site = site_of(sim, (enum venue)id->venue, (enum kind)id->kind);
	for (size_t i = 0; i < VENUE_SIM_SYMBOLS; i++)
		if (market_id_eq(&site->markets[i].truth.config.id, id))
			return &site->markets[i].truth;
	return NULL;
}

const struct venue_sim_counts *venue_sim_counts(const struct venue_sim *sim)
{
	return &sim->counts;
}

size_t venue_sim_kept_bytes(const struct venue_sim *sim)
{
	size_t bytes = 0;
	for (size_t i = 0; i < VENUE_SIM_SITES; i++)
		bytes += site_kept_bytes(&sim->sites[i]);
	return bytes;
}

bool venue_sim_is_idle(const struct venue_sim *sim)
{
	size_t under_way = 0;
	for (size_t i = 0; i < VENUE_SIM_SITES; i++)
		under_way += fake_http_under_way(sim->sites[i].http);
	return under_way == 0;
}
