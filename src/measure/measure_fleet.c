/* The terminals of the load, and what they say. */
#include <stdio.h>

#include "base/check.h"
#include "base/rng.h"
#include "measure/measure_impl.h"
#include "sim/prices.h"

#define SIDS_BEGIN_MS INT64_C(1577836800000) /* signal_store.h */

enum { LOGIN = 90000000, LEVERAGE = 500, BUILD = 4885, OFFSET_S = 10800, TICKETS = 573338240 };

static struct number cents(int64_t value) { return (struct number){ value, 2 }; }

/* The line that was written, read back as weir reads a terminal's. */
static void read_line(struct measure_line *line, const struct buf *text)
{
	struct mfp_fault fault;
	CHECK(!text->overflow);
	struct str whole = str_make(text->ptr, text->len - 1);
	CHECK(mfp_read(whole, MFP_PEER, &line->frame, &fault) == STATUS_OK);
}

static struct mfp_writer begin_line(struct measure_line *line, struct buf *text, enum mfp_verb verb,
				    uint64_t seq)
{
	struct mfp_writer writer;
	*text = buf_over(line->text, sizeof line->text);
	mfp_begin(&writer, text, verb, seq);
	return writer;
}

/* ---- who they are ---- */

static void say_hello(struct measure *m, uint32_t slot, const char *id, struct measure_line *line)
{
	struct buf text;
	struct mfp_writer writer = begin_line(line, &text, MFP_VERB_hello, 0);
	bool snapshot;
	mfp_put_i64(&writer, MFP_hello_v, 1);
	mfp_put_text(&writer, MFP_hello_id, str_of(id));
	mfp_put_i64(&writer, MFP_hello_ep, measure_wall_ms(m) - 86400000 - slot);
	mfp_put_text(&writer, MFP_hello_mac, STR("0123456789abcdef0123456789abcdef"));
	mfp_put_i64(&writer, MFP_hello_login, LOGIN + slot);
	mfp_put_text(&writer, MFP_hello_srv, STR("FPMarketsSC-Live"));
	mfp_put_text(&writer, MFP_hello_cur, STR("USD"));
	mfp_put_i64(&writer, MFP_hello_lev, LEVERAGE);
	mfp_put_i64(&writer, MFP_hello_bld, BUILD);
	mfp_put_i64(&writer, MFP_hello_off, OFFSET_S);
	mfp_end(&writer);
	read_line(line, &text);
	fleet_hello(m->fleet, slot, &line->frame, &snapshot);
}

static void say_state(struct measure *m, uint32_t slot, struct measure_line *line)
{
	static const enum mfp_field bits[] = { MFP_state_con, MFP_state_ta, MFP_state_ma,
					       MFP_state_aa, MFP_state_ae };
	struct buf text;
	struct mfp_writer writer = begin_line(line, &text, MFP_VERB_state, 0);
	mfp_put_i64(&writer, MFP_state_t, measure_wall_ms(m));
	for (size_t i = 0; i < ARRAY_LEN(bits); i++)
		mfp_put_i64(&writer, bits[i], 1);
	mfp_end(&writer);
	read_line(line, &text);
	fleet_state_frame(m->fleet, slot, &line->frame);
}

static void say_account(struct measure *m, uint32_t slot, struct measure_line *line)
{
	struct buf text;
	struct mfp_writer writer = begin_line(line, &text, MFP_VERB_account, 0);
	int64_t balance = 334616 + 977 * (int64_t)slot;
	mfp_put_i64(&writer, MFP_account_t, measure_wall_ms(m));
	mfp_put_number(&writer, MFP_account_bal, cents(balance));
	mfp_put_number(&writer, MFP_account_eq, cents(balance - 7429));
	mfp_put_number(&writer, MFP_account_mar, cents(16453));
	mfp_put_number(&writer, MFP_account_fm, cents(balance - 7429 - 16453));
	mfp_put_number(&writer, MFP_account_ml, cents((balance - 7429) * 10000 / 16453));
	mfp_put_number(&writer, MFP_account_cr, cents(0));
	mfp_put_number(&writer, MFP_account_pl, cents(-7429));
	mfp_end(&writer);
	read_line(line, &text);
	if (fleet_account_frame(m->fleet, slot, &line->frame))
		measure_fail(m, STATUS_FORMAT, "an account frame was refused");
}

static void add_terminal(struct measure *m, uint32_t number)
{
	struct instance_identity identity = { .host = "host-1" };
	struct measure_line line;
	uint32_t slot;
	snprintf(identity.id, sizeof identity.id, "mt5-%04u", number);
	enum status status = fleet_add(m->fleet, &identity, &slot);
	if (status) {
		measure_fail(m, status, "terminal %s: %s", identity.id, status_text(status));
		return;
	}
	say_hello(m, slot, identity.id, &line);
	say_state(m, slot, &line);
	say_account(m, slot, &line);
}

bool measure_make_fleet(struct measure *m)
{
	const struct fleet_settings settings = fleet_settings_default();
	if (!measure_good(m))
		return false;
	m->alerts = alerts_create(&(struct alert_hooks){ 0 });
	m->fleet = m->alerts ? fleet_create((uint32_t)m->load->instances, &settings, m->alerts,
					    m->config->seed, &(struct fleet_hooks){ 0 })
			     : NULL;
	if (!m->fleet)
		measure_fail(m, STATUS_NO_MEMORY, "out of memory");
	else
		fleet_step(m->fleet, m->now_ns, measure_wall_ms(m));
	for (uint32_t i = 0; measure_good(m) && i < m->load->instances; i++)
		add_terminal(m, i);
	return measure_good(m);
}

void measure_drop_fleet(struct measure *m)
{
	if (m->fleet)
		fleet_destroy(m->fleet);
	alerts_destroy(m->alerts);
	m->fleet = NULL;
	m->alerts = NULL;
}

/* ---- what they trade ---- */

struct measure_trade measure_trade_of(const struct measure *m, uint32_t terminal, uint64_t number,
				      int64_t at_ms)
{
	static const int64_t volumes[] = { 1, 1, 2, 2, 5, 10, 10, 20, 25, 50, 100 };
	struct rng rng;
	rng_init(&rng, m->config->seed * 1000003 + ((uint64_t)terminal << 40) + number);
	struct measure_trade trade = { .symbol = (int)rng_below(&rng, SIM_SYMBOLS),
				       .sell = rng_below(&rng, 2),
				       .at_ms = at_ms };
	const struct symbol_row *symbol = symbol_row(trade.symbol);
	int64_t way = symbol->start / 500 + 1, sign = trade.sell ? -1 : 1;
	/* A broker numbers all its orders together; a terminal has every so many of them. */
	trade.order = TICKETS + number * 64 + rng_below(&rng, 48); /* no ticket twice */
	trade.deal = trade.order + 1009 + rng_below(&rng, 16);
	trade.position = trade.order;
	trade.lots_e2 = volumes[rng_below(&rng, ARRAY_LEN(volumes))];
	trade.asked = symbol->start + (int64_t)rng_below(&rng, (uint64_t)way * 8) - way * 4;
	trade.price = trade.asked + (int64_t)rng_below(&rng, 5) - 1;
	trade.stop = trade.price - sign * (way + (int64_t)rng_below(&rng, (uint64_t)way));
	trade.take = trade.price + sign * (way + (int64_t)rng_below(&rng, (uint64_t)way * 2));
	trade.close = trade.price + (int64_t)rng_below(&rng, (uint64_t)way * 2) - way;
	trade.latency_ms = 40 + (int64_t)rng_below(&rng, 300);
	trade.sid =
	    ((uint64_t)(at_ms - trade.latency_ms - SIDS_BEGIN_MS) << 21) + rng_below(&rng, 2);
	trade.key = number * 1000 + terminal % 1000;
	trade.lasts_ms = 60000 + (int64_t)rng_below(&rng, 14400000);
	return trade;
}

void measure_result_frame(struct measure_line *line, const struct measure_trade *trade,
			  uint64_t seq)
{
	enum { DONE, BUY = 0, SELL = 1, CODE_DONE = 10009 };
	struct buf text;
	struct mfp_writer writer = begin_line(line, &text, MFP_VERB_result, seq);
	const struct symbol_row *symbol = symbol_row(trade->symbol);
	int64_t commission = symbol->commission_cents * trade->lots_e2 / 100;
	mfp_put_i64(&writer, MFP_result_sid, (int64_t)trade->sid);
	mfp_put_word(&writer, MFP_result_st, DONE);
	mfp_put_i64(&writer, MFP_result_rc, CODE_DONE);
	mfp_put_i64(&writer, MFP_result_ord, (int64_t)trade->order);
	mfp_put_i64(&writer, MFP_result_deal, (int64_t)trade->deal);
	mfp_put_i64(&writer, MFP_result_pos, (int64_t)trade->position);
	mfp_put_text(&writer, MFP_result_sym, str_of(symbol->name));
	mfp_put_word(&writer, MFP_result_sd, trade->sell ? SELL : BUY);
	mfp_put_number(&writer, MFP_result_vol, cents(trade->lots_e2));
	mfp_put_number(&writer, MFP_result_rq, symbol_price(trade->symbol, trade->asked));
	mfp_put_number(&writer, MFP_result_px, symbol_price(trade->symbol, trade->price));
	mfp_put_i64(&writer, MFP_result_slp, trade->price - trade->asked);
	mfp_put_number(&writer, MFP_result_com, cents(commission));
	mfp_put_number(&writer, MFP_result_pl, cents(0));
	mfp_put_i64(&writer, MFP_result_ex, trade->latency_ms);
	mfp_put_i64(&writer, MFP_result_sv, trade->at_ms + OFFSET_S * 1000 - 35);
	mfp_put_i64(&writer, MFP_result_try, 1);
	mfp_end(&writer);
	read_line(line, &text);
}

void measure_quote_frame(struct measure_line *line, const char *symbol, int digits, int64_t points)
{
	struct buf text;
	struct mfp_writer writer = begin_line(line, &text, MFP_VERB_quote, 0);
	mfp_put_text(&writer, MFP_quote_sym, str_of(symbol));
	mfp_put_number(&writer, MFP_quote_bid, (struct number){ points, (uint8_t)digits });
	mfp_put_number(&writer, MFP_quote_ask, (struct number){ points + 12, (uint8_t)digits });
	mfp_put_i64(&writer, MFP_quote_spr, 12);
	mfp_put_i64(&writer, MFP_quote_dg, digits);
	mfp_put_word(&writer, MFP_quote_st, 0);
	mfp_end(&writer);
	read_line(line, &text);
}

void measure_result(const struct instance *instance, const struct measure_line *line,
		    const struct measure_trade *trade, char *id, int64_t now_ms,
		    struct result *result)
{
	CHECK(instance);
	const struct result_owner owner = { str_of(instance->identity.id), str_of(instance->server),
					    instance->login };
	int n = snprintf(id, 32, "sig-%llu", (unsigned long long)trade->key);
	CHECK(result_of_frame(result, &line->frame, &owner, now_ms) == STATUS_OK);
	result->fields[RESULT_id] = str_make(id, (size_t)n);
}
