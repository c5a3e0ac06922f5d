#include <stdlib.h>

#include "sim/broker_impl.h"

static const int64_t never_ns = INT64_MAX;

int64_t broker_half_ping_ns(const struct broker *broker) { return broker->settings->ping / 2; }

int64_t broker_price(struct broker *broker, int symbol, enum broker_side side, int64_t now_ns)
{
	int64_t bid = prices_bid(broker->prices, symbol, now_ns / BROKER_SECOND_NS);
	return side == BROKER_BUY ? bid + symbol_row(symbol)->spread : bid;
}

int64_t broker_bid(struct broker *broker, int symbol, int64_t now_ns)
{
	return broker_price(broker, symbol, BROKER_SELL, now_ns);
}

int64_t broker_ask(struct broker *broker, int symbol, int64_t now_ns)
{
	return broker_price(broker, symbol, BROKER_BUY, now_ns);
}

int64_t broker_server_ms(const struct broker *broker, int64_t now_ns)
{
	return now_ns / BROKER_NS_PER_MS + broker->settings->utc_offset * 1000;
}

int64_t broker_gain(const struct broker_position *position, int64_t price)
{
	return position->side == BROKER_BUY ? price - position->open : position->open - price;
}

int64_t broker_money(int symbol, int64_t points, int64_t volume)
{
	return points * symbol_row(symbol)->value_milli * volume / 1000;
}

int64_t broker_margin(struct broker *broker, int symbol, int64_t volume, int64_t now_ns)
{
	return broker_money(symbol, broker_bid(broker, symbol, now_ns), volume) /
	       broker->settings->leverage;
}

int64_t broker_position_profit(struct broker *broker, const struct broker_position *position,
			       int64_t now_ns)
{
	enum broker_side closing = position->side == BROKER_BUY ? BROKER_SELL : BROKER_BUY;
	int64_t price = broker_price(broker, position->symbol, closing, now_ns);
	return broker_money(position->symbol, broker_gain(position, price), position->volume);
}

void broker_figures(struct broker *broker, int64_t now_ns, struct broker_figures *figures)
{
	*figures = (struct broker_figures){ .balance = broker->balance };
	for (size_t i = 0; i < broker->position_count; i++) {
		const struct broker_position *position = &broker->positions[i];
		figures->profit +=
		    broker_position_profit(broker, position, now_ns) + position->swap;
		figures->margin +=
		    broker_margin(broker, position->symbol, position->volume, now_ns);
	}
	figures->equity = figures->balance + figures->profit;
	figures->free = figures->equity - figures->margin;
	if (figures->margin > 0)
		figures->level = (int64_t)((i128)figures->equity * 10000 / figures->margin);
}

bool broker_connected(const struct broker *broker) { return broker->connected; }
void broker_set_trading(struct broker *broker, bool on) { broker->trading = on; }
struct broker_counts broker_counts(const struct broker *broker) { return broker->counts; }

/* ---- time ---- */

static void change_link(struct broker *broker, int64_t at_ns)
{
	if (broker->connected) {
		broker->connected = false;
		broker->counts.link_drops++;
		broker->down_ns = at_ns;
		/* A real link is back after about a second, or much later. */
		double factor = 0.5 + rng_unit(&broker->own_rng);
		broker->up_ns = at_ns + (int64_t)((double)broker->settings->link_down * factor);
	} else {
		broker->connected = true;
		broker->drop_ns =
		    chance_after_ns(&broker->own_rng, at_ns, broker->settings->link_drop);
	}
}

static int64_t link_next_ns(const struct broker *broker)
{
	return broker->connected ? broker->drop_ns : broker->up_ns;
}

static void own_trade(struct broker *broker, int64_t at_ns)
{
	broker->own_ns = chance_after_ns(&broker->own_rng, at_ns, broker->settings->own_rate);
	if (broker->trading && broker->connected)
		broker_own_trade(broker, at_ns);
}

static void balance_operation(struct broker *broker, int64_t at_ns)
{
	broker->balance_op_ns =
	    chance_after_ns(&broker->own_rng, at_ns, broker->settings->balance_operations);
	broker_balance_operation(broker, at_ns);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Does whatever is first; false: nothing is due. */
static bool run_first(struct broker *broker, int64_t now_ns)
{
	int64_t slots_ns = broker_slots_next_ns(broker), link_ns = link_next_ns(broker);
	int64_t at_ns =
	    least(least(least(slots_ns, link_ns), broker->own_ns),
		  least(least(broker->second_ns, broker->rollover_ns), broker->balance_op_ns));
	if (at_ns > now_ns)
		return false;
	if (at_ns == link_ns)
		change_link(broker, at_ns);
	else if (at_ns == slots_ns)
		broker_run_slots(broker, at_ns);
	else if (at_ns == broker->rollover_ns) {
		broker->rollover_ns += broker->settings->rollover;
		broker_roll_over(broker);
	} else if (at_ns == broker->second_ns) {
		broker->second_ns += BROKER_SECOND_NS;
		broker_look_at_prices(broker, at_ns);
	} else if (at_ns == broker->own_ns)
		own_trade(broker, at_ns);
	else
		balance_operation(broker, at_ns);
	return true;
}

static const struct broker_deal *first_unseen(const struct broker *broker)
{
	if (broker->deal_seen == broker->deal_end)
		return NULL;
	return broker_deal(broker, broker->deal_seen);
}

void broker_step(struct broker *broker, int64_t now_ns)
{
	const struct broker_deal *deal;
	CHECK(now_ns >= broker->now_ns);
	/* Nothing to look at: the seconds of a long sleep are not walked through. */
	if (!broker->position_count && !broker->pending_count)
		broker->second_ns = (now_ns / BROKER_SECOND_NS + 1) * BROKER_SECOND_NS;
	while (run_first(broker, now_ns))
		;
	broker->now_ns = now_ns;
	while (broker->connected && (deal = first_unseen(broker)) &&
	       deal->at_ns + broker_half_ping_ns(broker) <= now_ns)
		broker->deal_seen++;
}

int64_t broker_next_ns(const struct broker *broker)
{
	int64_t half_ns = broker_half_ping_ns(broker);
	int64_t next_ns = least(link_next_ns(broker), broker_replies_next_ns(broker));
	const struct broker_deal *deal = first_unseen(broker);
	if (!broker->connected)
		return next_ns;
	if (broker->own_ns < never_ns - half_ns && broker->trading)
		next_ns = least(next_ns, broker->own_ns + half_ns);
	if (deal)
		next_ns = least(next_ns, deal->at_ns + half_ns);
	return next_ns;
}

/* ---- life ---- */

static void set_times(struct broker *broker, int64_t start_ns)
{
	const struct sim_settings *settings = broker->settings;
	int64_t server_ns = start_ns + settings->utc_offset * BROKER_SECOND_NS;
	broker->now_ns = start_ns;
	broker->up_ns = broker->down_ns = start_ns;
	broker->drop_ns = chance_after_ns(&broker->own_rng, start_ns, settings->link_drop);
	broker->own_ns = chance_after_ns(&broker->own_rng, start_ns, settings->own_rate);
	broker->balance_op_ns =
	    chance_after_ns(&broker->own_rng, start_ns, settings->balance_operations);
	broker->second_ns = (start_ns / BROKER_SECOND_NS + 1) * BROKER_SECOND_NS;
	broker->rollover_ns = start_ns + settings->rollover - server_ns % settings->rollover;
}

/* Tickets of a later start are above those of an earlier one, so that whoever remembers
 * the account's deals does not take the new ones for them. */
static uint64_t first_ticket(int64_t start_ns)
{
	int64_t second = start_ns / BROKER_SECOND_NS - 1700000000;
	return second > 0 ? (uint64_t)second * 64 : 1000;
}

enum status broker_create(const struct broker_config *config, struct broker **out, struct err *err)
{
	struct broker *broker = calloc(1, sizeof *broker);
	if (!broker)
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	broker->settings = config->settings;
	broker->prices = config->prices;
	broker->on_fact = config->on_fact;
	broker->ctx = config->ctx;
	broker->connected = true;
	rng_init(&broker->rng, config->seed);
	rng_init(&broker->own_rng, config->seed ^ 0x6F776E);
	broker->next_order = broker->next_deal = first_ticket(config->start_ns);
	enum status status = broker_parse_codes(broker, err);
	if (status) {
		broker_destroy(broker);
		return status;
	}
	set_times(broker, config->start_ns);
	broker_deposit(broker, config->start_ns, config->settings->balance * 100);
	*out = broker;
	return STATUS_OK;
}

void broker_destroy(struct broker *broker)
{
	if (!broker)
		return;
	free(broker->positions);
	free(broker->pending);
	free(broker->slots);
	free(broker->deals);
	free(broker);
}
