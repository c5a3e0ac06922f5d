/* The simulated account: money that adds up, positions, stops, swap, history. */
#include <math.h>

#include "sim_stage.h"

static struct sim_scenario *scenario;
static struct sim_settings settings;
static struct prices *prices;
static struct broker *broker;
static int64_t now;

static void open_account(const char *text, uint64_t seed)
{
	struct err err = { 0 };
	if (sim_scenario_parse(str_of(text), "test", &scenario, &err))
		fail_msg("%s", err.text);
	sim_scenario_settings(scenario, seed, 0, 1, STR("x"), &settings);
	prices = prices_create(seed, settings.volatility);
	struct broker_config config = {
		.settings = &settings, .prices = prices, .seed = seed, .start_ns = START
	};
	now = START;
	if (broker_create(&config, &broker, &err))
		fail_msg("%s", err.text);
	broker_set_trading(broker, true);
}

static void close_account(void)
{
	broker_destroy(broker);
	prices_destroy(prices);
	sim_scenario_destroy(scenario);
}

static void pass(int64_t length_ns)
{
	now += length_ns;
	broker_step(broker, now);
}

static struct broker_reply send(const struct broker_request *request)
{
	struct broker_reply reply = { 0 };
	uint64_t id = broker_send(broker, request, now);
	assert_true(id > 0);
	for (int i = 0; i < 200 && reply.request != id; i++) {
		pass(100 * MS);
		while (reply.request != id && broker_take_reply(broker, &reply))
			;
	}
	assert_int_equal(reply.request, id);
	return reply;
}

static struct broker_reply trade(enum broker_side side, int symbol, int64_t volume)
{
	struct broker_request request = { .action = BROKER_OPEN,
					  .side = side,
					  .symbol = symbol,
					  .volume = volume,
					  .magic = 99,
					  .deviation = -1 };
	return send(&request);
}

static int64_t sum_of_deals(void)
{
	int64_t sum = 0;
	pass(SECOND);
	for (uint64_t i = broker_deals_first(broker); i < broker_deals_end(broker); i++) {
		const struct broker_deal *deal = broker_deal(broker, i);
		sum += deal->commission + deal->swap + deal->profit;
	}
	return sum;
}

static int64_t balance(void)
{
	struct broker_figures figures;
	broker_figures(broker, now, &figures);
	assert_int_equal(figures.equity, figures.balance + figures.profit);
	assert_int_equal(figures.free, figures.equity - figures.margin);
	return figures.balance;
}

static const struct broker_deal *last_deal(void)
{
	pass(SECOND);
	return broker_deal(broker, broker_deals_end(broker) - 1);
}

static void the_balance_is_the_sum_of_all_deals(void **state)
{
	(void)state;
	for (int netting = 0; netting < 2; netting++) {
		open_account(netting
				 ? "[terminal]\nown_rate = 2/s\n[broker]\nmargin_mode = netting\n"
				   "balance_operations = 20/h\nrollover = 60s\n"
				 : "[terminal]\nown_rate = 2/s\n[broker]\nvolatility = 20\n"
				   "balance_operations = 20/h\nrollover = 60s\n",
			     3);
		settings.own_positions = 5;
		for (int i = 0; i < 400; i++) {
			pass(SECOND);
			broker_set_trading(broker, false); /* until all deals are seen */
			int64_t sum = sum_of_deals();
			assert_int_equal(sum, balance());
			broker_set_trading(broker, true);
		}
		assert_true(broker_deals_end(broker) > 500);
		close_account();
	}
}

static void a_hedging_account_keeps_positions_apart(void **state)
{
	(void)state;
	open_account("[terminal]\nown_rate = 0\n", 1);
	struct broker_reply buy = trade(BROKER_BUY, 0, 10), sell = trade(BROKER_SELL, 0, 20);
	assert_int_equal(broker_position_count(broker), 2);
	assert_true(buy.position != sell.position && buy.position == buy.order);
	assert_int_equal(last_deal()->entry, DEAL_IN);
	close_account();
}

static void a_netting_account_reduces_and_reverses(void **state)
{
	(void)state;
	open_account("[terminal]\nown_rate = 0\n[broker]\nmargin_mode = netting\n", 1);
	struct broker_reply first = trade(BROKER_BUY, 0, 30);
	assert_int_equal(last_deal()->entry, DEAL_IN);
	trade(BROKER_BUY, 0, 10);
	const struct broker_position *position = broker_position_at(broker, 0);
	assert_int_equal(position->volume, 40);
	trade(BROKER_SELL, 0, 15);
	assert_int_equal(last_deal()->entry, DEAL_OUT);
	assert_int_equal(position->volume, 25);
	assert_int_equal(position->side, BROKER_BUY);
	struct broker_reply turned = trade(BROKER_SELL, 0, 40);
	assert_int_equal(last_deal()->entry, DEAL_INOUT);
	assert_int_equal(broker_position_count(broker), 1);
	assert_int_equal(position->volume, 15);
	assert_int_equal(position->side, BROKER_SELL);
	/* The identifier stays, the ticket is the reversing order's. */
	assert_int_equal(position->id, first.position);
	assert_int_equal(position->ticket, turned.order);
	assert_int_equal(turned.position, first.position);
	trade(BROKER_BUY, 0, 15);
	assert_int_equal(broker_position_count(broker), 0);
	close_account();
}

static void a_stop_that_is_hit_says_so_at_its_level(void **state)
{
	int hits[8] = { 0 };
	(void)state;
	open_account("[terminal]\nown_rate = 0\n", 5);
	for (int i = 0; i < 40; i++) {
		int64_t ask = broker_ask(broker, 0, now);
		struct broker_request request = { .action = BROKER_OPEN,
						  .volume = 10,
						  .magic = 7,
						  .sl = ask - 30,
						  .tp = ask + 30,
						  .deviation = -1 };
		if (send(&request).code != 10009)
			continue;
		for (int s = 0; s < 20000 && broker_position_count(broker); s++)
			pass(SECOND);
		assert_int_equal(broker_position_count(broker), 0);
		const struct broker_deal *deal = last_deal();
		assert_int_equal(deal->entry, DEAL_OUT);
		bool sl = deal->reason == DEAL_SL;
		assert_true(sl || deal->reason == DEAL_TP);
		assert_int_equal(deal->level, sl ? ask - 30 : ask + 30);
		assert_true(sl ? deal->price <= deal->level : deal->price >= deal->level);
		assert_int_equal(deal->magic, 7);
		assert_true((deal->profit < 0) == sl);
		hits[deal->reason]++;
	}
	assert_true(hits[DEAL_SL] > 5 && hits[DEAL_TP] > 5);
	close_account();
}

static void a_pending_order_becomes_a_position_when_it_is_reached(void **state)
{
	(void)state;
	open_account("[terminal]\nown_rate = 0\n", 6);
	struct broker_request request = { .action = BROKER_PEND,
					  .type = BROKER_STOP_LIMIT,
					  .side = BROKER_BUY,
					  .volume = 10,
					  .magic = 8,
					  .deviation = -1 };
	request.price = broker_ask(broker, 0, now) + 20;
	request.limit = request.price - 10;
	struct broker_reply reply = send(&request);
	assert_int_equal(reply.code, 10009);
	assert_true(broker_has_pending(broker, reply.order));
	for (int s = 0; s < 40000 && !broker_position_count(broker); s++)
		pass(SECOND);
	assert_int_equal(broker_position_count(broker), 1);
	assert_int_equal(broker_position_at(broker, 0)->ticket, reply.order);
	assert_int_equal(broker_position_at(broker, 0)->magic, 8);
	assert_true(broker_position_at(broker, 0)->open <= request.limit);
	assert_false(broker_has_pending(broker, reply.order));
	close_account();
}

static void swap_is_booked_each_night_and_three_times_on_one(void **state)
{
	int64_t before = 0, nights = 0;
	int threefold = 0;
	(void)state;
	open_account("[terminal]\nown_rate = 0\n", 7);
	trade(BROKER_BUY, 0, 100);
	for (int day = 0; day < 14; day++) {
		pass(24 * 3600 * SECOND);
		if (!broker_position_count(broker))
			break; /* stopped out: prices moved for two weeks */
		int64_t swap = broker_position_at(broker, 0)->swap;
		threefold += swap - before == 3 * -660;
		assert_true(swap - before == -660 || swap - before == 3 * -660);
		before = swap;
		nights++;
	}
	assert_int_equal(nights, 14);
	assert_int_equal(threefold, 2);
	struct broker_request request = { .action = BROKER_CLOSE,
					  .position = broker_position_at(broker, 0)->id,
					  .deviation = -1 };
	send(&request);
	assert_int_equal(last_deal()->swap, before);
	close_account();
}

static void an_account_that_loses_too_much_is_stopped_out(void **state)
{
	(void)state;
	open_account("[terminal]\nown_rate = 0\n[broker]\nbalance = 300\nvolatility = 50\n", 8);
	trade(BROKER_BUY, 3, 30);
	assert_int_equal(broker_position_count(broker), 1);
	for (int s = 0; s < 100000 && broker_position_count(broker); s++)
		pass(SECOND);
	if (broker_position_count(broker))
		fail_msg("it never lost");
	assert_int_equal(last_deal()->reason, DEAL_SO);
	close_account();
}

static void a_request_is_executed_within_the_bound_or_never(void **state)
{
	(void)state;
	open_account("[terminal]\nown_rate = 0\n[broker]\nlatency = 7s\nlatency_spread = 2\n"
		     "timeout = 30%\nsilence = 30%\nplaced = 20%\n",
		     9);
	for (int i = 0; i < 300; i++) {
		struct broker_request request = { .action = BROKER_OPEN,
						  .volume = 1,
						  .magic = 1000 + (uint64_t)i,
						  .deviation = -1 };
		int64_t sent = now;
		struct broker_reply found;
		assert_true(broker_send(broker, &request, now) > 0);
		pass(BROKER_LATENCY_NS_MAX);
		bool there = broker_find_magic(broker, request.magic, sent, &found);
		pass(60 * SECOND);
		assert_int_equal(broker_find_magic(broker, request.magic, sent, &found), there);
		struct broker_reply reply;
		while (broker_take_reply(broker, &reply))
			;
		struct broker_request all = { .action = BROKER_CLOSE_ALL, .deviation = -1 };
		(void)broker_send(broker, &all, now);
		pass(60 * SECOND);
		while (broker_take_reply(broker, &reply))
			;
	}
	close_account();
}

static void a_link_that_is_down_takes_no_requests_and_shows_no_deals(void **state)
{
	(void)state;
	open_account("[terminal]\nown_rate = 0\n[broker]\nlink_drop = 1/s\nlink_down = 10s\n", 10);
	while (broker_connected(broker))
		pass(50 * MS);
	struct broker_request request = { .action = BROKER_OPEN, .volume = 1, .deviation = -1 };
	assert_int_equal(broker_send(broker, &request, now), 0);
	settings.link_drop = 0;
	pass(16 * SECOND);
	assert_true(broker_connected(broker));
	assert_true(broker_send(broker, &request, now) > 0);
	close_account();
}

static void a_request_that_met_a_dead_link_never_arrives(void **state)
{
	int lost = 0;
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		open_account("[terminal]\nown_rate = 0\n[broker]\nping = 2s\nlatency = 4s\n"
			     "link_drop = 1/s\nlink_down = 3s\n",
			     seed);
		struct broker_request request = {
			.action = BROKER_OPEN, .volume = 1, .magic = 3, .deviation = -1
		};
		struct broker_reply found;
		int64_t sent = now;
		if (!broker_send(broker, &request, now))
			fail_msg("not connected at the start");
		pass(990 * MS);
		bool met = !broker_connected(broker); /* it takes a second to arrive */
		settings.link_drop = 0;
		pass(60 * SECOND);
		assert_int_equal(broker_find_magic(broker, 3, sent, &found), !met);
		assert_true(!met || !broker_take_reply(broker, &found));
		lost += met;
		close_account();
	}
	assert_in_range(lost, 6, 19);
}

static void history_that_nobody_acknowledged_is_kept_to_its_bound(void **state)
{
	(void)state;
	open_account("[terminal]\nown_rate = 60/s\n", 11);
	while (broker_deals_end(broker) < 5000)
		pass(SECOND);
	assert_int_equal(broker_deals_first(broker), 0);
	broker_deals_known(broker, 4000);
	pass(60 * SECOND);
	assert_true(broker_deals_end(broker) - broker_deals_first(broker) >= BROKER_HISTORY_KEPT);
	while (broker_deals_end(broker) < 90000)
		pass(SECOND);
	uint64_t held = broker_deals_end(broker) - broker_deals_first(broker);
	assert_in_range(held, BROKER_HISTORY_MAX - 64, BROKER_HISTORY_MAX);
	assert_true(broker_counts(broker).deals_lost > 0);
	/* Every one of them can be found by its time and ticket. */
	for (uint64_t i = broker_deals_first(broker); i < broker_deals_end(broker); i += 997) {
		const struct broker_deal *deal = broker_deal(broker, i);
		assert_int_equal(broker_deals_after(broker, deal->server_ms, deal->ticket), i + 1);
	}
	close_account();
}

/* ---- prices ---- */

static void prices_walk_as_the_table_says_whoever_asks(void **state)
{
	(void)state;
	struct prices *a = prices_create(3, 1), *b = prices_create(3, 1);
	int64_t start = START / SECOND;
	for (int symbol = 0; symbol < SIM_SYMBOLS; symbol++)
		for (int64_t length = 1; length <= 1024; length *= 32) {
			double sum = 0;
			for (int64_t i = 0; i < 3000; i++) {
				double step =
				    (double)(prices_bid(a, symbol, start + i * 11 + length) -
					     prices_bid(a, symbol, start + i * 11));
				sum += step * step;
			}
			double ratio =
			    sqrt(sum / 3000) / (symbol_row(symbol)->move * sqrt((double)length));
			if (ratio < 0.5 || ratio > 1.6)
				fail_msg("%s over %d s: %.2f", symbol_row(symbol)->name,
					 (int)length, ratio);
		}
	for (int64_t i = 2000; i-- > 0;)
		assert_int_equal(prices_bid(b, 2, start + i * 7), prices_bid(a, 2, start + i * 7));
	prices_destroy(a);
	prices_destroy(b);
}

static void bars_are_followed(void **state)
{
	static const char csv[] =
	    "Date,open,high,low,close,tick_volume\n"
	    "2012-11-26 20:00:00,129613.0,130053.0,129587.00000000001,129934.0,6871\n"
	    "2012-11-27 00:00:00,129931.0,130077.0,129694.0,129815.00000000001,8172\n";
	struct err err;
	(void)state;
	prices = prices_create(4, 1);
	assert_int_equal(prices_follow(prices, str_of(csv), 100, &err), STATUS_OK);
	for (int64_t second = 20000; second < 20200; second++) {
		bool first = second < 20100;
		int64_t low = first ? 129587 : 129694, high = first ? 130053 : 130077;
		assert_in_range(prices_bid(prices, SIM_SYMBOL_EURUSD, second), low - 40, high + 40);
	}
	assert_in_range(prices_bid(prices, SIM_SYMBOL_EURUSD, 20000), 129613 - 40, 129613 + 40);
	assert_int_equal(prices_follow(prices, STR("Date\n1,2,3\n"), 1, &err), STATUS_FORMAT);
	assert_int_equal(prices_follow(prices, STR(""), 1, &err), STATUS_FORMAT);
	assert_int_equal(prices_follow(prices, STR("h\nd,5,4,3,5\n"), 1, &err), STATUS_FORMAT);
	assert_in_range(prices_bid(prices, SIM_SYMBOL_EURUSD, 20000), 129613 - 40, 129613 + 40);
	prices_destroy(prices);
}

static void text_and_points_agree(void **state)
{
	(void)state;
	assert_int_equal(symbol_points(0, (struct number){ 11428, 4 }), 114280);
	assert_int_equal(symbol_points(0, (struct number){ 1, 0 }), 100000);
	assert_int_equal(symbol_points(0, (struct number){ 11428099, 7 }), 114280);
	assert_int_equal(symbol_points(4, (struct number){ 6334348, 2 }), 6334348);
	assert_int_equal(symbol_points(0, (struct number){ INT64_MAX, 0 }), 0);
	assert_int_equal(symbol_find(STR("USDJPY")), 2);
	assert_int_equal(symbol_find(STR("usdjpy")), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_balance_is_the_sum_of_all_deals),
		cmocka_unit_test(a_hedging_account_keeps_positions_apart),
		cmocka_unit_test(a_netting_account_reduces_and_reverses),
		cmocka_unit_test(a_stop_that_is_hit_says_so_at_its_level),
		cmocka_unit_test(a_pending_order_becomes_a_position_when_it_is_reached),
		cmocka_unit_test(swap_is_booked_each_night_and_three_times_on_one),
		cmocka_unit_test(an_account_that_loses_too_much_is_stopped_out),
		cmocka_unit_test(a_request_is_executed_within_the_bound_or_never),
		cmocka_unit_test(a_link_that_is_down_takes_no_requests_and_shows_no_deals),
		cmocka_unit_test(a_request_that_met_a_dead_link_never_arrives),
		cmocka_unit_test(history_that_nobody_acknowledged_is_kept_to_its_bound),
		cmocka_unit_test(prices_walk_as_the_table_says_whoever_asks),
		cmocka_unit_test(bars_are_followed),
		cmocka_unit_test(text_and_points_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
