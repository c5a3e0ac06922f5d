/* A venue's REST interface in simulated time: order, limits, bans, failures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "feed/rest_verdict.h"
#include "rest_world.h"

static const enum rest_endpoint klines = REST_binance_perp_klines,
				data = REST_binance_perp_oi_history,
				bybit_klines = REST_bybit_perp_klines;

static void an_answer_comes_with_its_body(void **state)
{
	(void)state;
	struct world world;
	struct told told;
	world_begin(&world, VENUE_BINANCE, KIND_PERP);
	must_get(&world, klines, "symbol=BTCUSDT&limit=1500&w=10", &told);
	assert_int_equal(rest_waiting(world.rest), 1);
	world_run(&world, second_ns);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.status, STATUS_OK);
	assert_string_equal(told.body, "[1]");
	assert_string_equal(world.seen[0].path, "/fapi/v1/klines");
	assert_string_equal(world.seen[0].query, "symbol=BTCUSDT&limit=1500&w=10");
	assert_int_equal(rest_waiting(world.rest), 0);
	const struct rest_counts *counts = rest_counts(world.rest);
	assert_int_equal(counts->requests, 1);
	assert_int_equal(counts->answers, 1);
	assert_int_equal(counts->weight, 10);
	assert_int_equal(rest_state(world.rest), REST_OPEN);
	assert_int_equal(rest_open_again_ns(world.rest), 0);
	must_get(&world, klines, "", &told);
	world_run(&world, second_ns);
	assert_string_equal(world.seen[1].query, "");
	world_end(&world);
}

static void the_urgent_go_first_then_those_who_asked_first(void **state)
{
	(void)state;
	struct world world;
	struct told told[60];
	char query[64];
	int last[REST_PRIORITIES] = { -1, -1, -1 }, worst = 0;
	world_begin(&world, VENUE_BINANCE, KIND_PERP);
	for (int i = 0; i < 60; i++) {
		enum rest_priority priority = (enum rest_priority)(2 - i % 3);
		snprintf(query, sizeof query, "p=%d&n=%d", (int)priority, i);
		assert_int_equal(get(&world, i % 2 ? data : klines, priority, query, 1, &told[i]),
				 STATUS_OK);
	}
	world_run(&world, 10 * second_ns);
	assert_int_equal(world.count, 60);
	for (int i = 0; i < 60; i++) {
		int priority, number;
		assert_int_equal(sscanf(world.seen[i].query, "p=%d&n=%d", &priority, &number), 2);
		assert_true(priority >= worst);
		assert_true(number > last[priority]);
		worst = priority;
		last[priority] = number;
	}
	assert_int_equal(fake_http_counts(world.http).under_way_max, REST_UNDER_WAY);
	world_end(&world);
}

/* ---- limits ---- */

static int64_t others_none(struct world *world, int64_t wall_ns)
{
	(void)world, (void)wall_ns;
	return 0;
}

/* A fifth of the limit, evenly: what is held back. */
static int64_t others_steady(struct world *world, int64_t wall_ns)
{
	return world->limit / 5 * (wall_ns % (60 * second_ns)) / (60 * second_ns);
}

/* Most of the limit, in the first ten seconds of every third minute, in bursts of 5 %. */
static int64_t others_greedy(struct world *world, int64_t wall_ns)
{
	int64_t second = wall_ns / second_ns % 60;
	if (wall_ns / (60 * second_ns) % 3)
		return 0;
	return world->limit / 20 * (second < 10 ? second : 10) * 3 / 2;
}

struct load {
	struct told *told;
	size_t count;
};

/* The queue is never empty. */
static void keep_busy(struct world *world, enum rest_endpoint endpoint, int32_t weight,
		      enum rest_priority priority, struct told *told)
{
	char query[32];
	snprintf(query, sizeof query, "w=%d", (int)weight);
	while (rest_waiting(world->rest) < 40) {
		enum status status =
		    rest_get(world->rest, endpoint, priority, str_of(query), weight, on_told, told);
		assert_int_equal(status, STATUS_OK);
	}
}

static int64_t most_seen(const struct world *world, int64_t span_ns, bool of_data)
{
	int64_t most = 0, sum = 0;
	size_t oldest = 0;
	for (size_t i = 0; i < world->count; i++) {
		if (world->seen[i].data != of_data)
			continue;
		sum += world->seen[i].weight;
		for (; world->seen[oldest].at_ns <= world->seen[i].at_ns - span_ns; oldest++)
			if (world->seen[oldest].data == of_data)
				sum -= world->seen[oldest].weight;
		most = sum > most ? sum : most;
	}
	return most;
}

static int64_t all_seen(const struct world *world, bool of_data)
{
	int64_t sum = 0;
	for (size_t i = 0; i < world->count; i++)
		if (world->seen[i].data == of_data)
			sum += world->seen[i].weight;
	return sum;
}

/* An hour of as much as possible, wall clocks jumping all over. */
static void overload_an_hour(struct world *world)
{
	struct rng rng;
	struct told told = { .world = world };
	rng_init(&rng, 11);
	for (int i = 0; i < 3600 * 4; i++) {
		int32_t weight = 1 + (int32_t)rng_below(&rng, 20);
		keep_busy(world, klines, weight, REST_REPAIR, &told);
		fake_http_set_latency(world->http, 1000000 + (int64_t)rng_below(&rng, 400000000));
		if (i % 1000 == 999)
			world->wall_ahead_ns =
			    (int64_t)rng_below(&rng, 7200) * second_ns - 3600 * second_ns;
		world_run(world, second_ns / 4);
	}
}

static void an_hour_of_overload_stays_within_the_limit_whatever_others_do(void **state)
{
	(void)state;
	const struct {
		int64_t (*others)(struct world *world, int64_t wall_ns);
		bool says_date;
		int64_t least;        /* weight an hour */
		uint64_t limited_max; /* others rose by more than what is held back, unheard */
	} cases[] = {
		{ others_none, true, 60 * 1800, 0 },   { others_none, false, 60 * 1500, 0 },
		{ others_steady, true, 60 * 1600, 0 }, { others_steady, false, 60 * 1200, 0 },
		{ others_greedy, true, 60 * 1300, 0 }, { others_greedy, false, 60 * 1000, 8 }
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world world;
		world_begin(&world, VENUE_BINANCE, KIND_PERP);
		world.others = cases[i].others;
		world.says_date = cases[i].says_date;
		world.venue_ahead_ns = 23 * second_ns;
		overload_an_hour(&world);
		assert_true(rest_counts(world.rest)->limited <= cases[i].limited_max);
		if (!cases[i].limited_max)
			assert_true(world.worst_used <= world.limit);
		assert_true(most_seen(&world, 60 * second_ns, false) <= 2400 * 4 / 5);
		print_message(
		    "others %zu: %lld of weight, at most %lld a minute, %lld with others\n", i,
		    (long long)all_seen(&world, false),
		    (long long)most_seen(&world, 60 * second_ns, false),
		    (long long)world.worst_used);
		assert_true(all_seen(&world, false) >= cases[i].least);
		world_end(&world);
	}
}

static void a_repair_finds_something_left_by_history(void **state)
{
	(void)state;
	struct world world;
	struct told history = { .world = &world }, live, repair;
	world_begin(&world, VENUE_BINANCE, KIND_PERP);
	for (int i = 0; i < 40; i++) {
		keep_busy(&world, klines, 20, REST_HISTORY, &history);
		world_run(&world, second_ns / 4);
	}
	/* Those under way when the venue counted are counted twice. */
	assert_in_range(all_seen(&world, false), 1440 - 3 * 20, 1440);
	assert_int_equal(rest_state(world.rest), REST_WAITING);
	assert_true(rest_open_again_ns(world.rest) > world.now_ns);
	assert_true(rest_used(world.rest) > 0.57 && rest_used(world.rest) < 0.61);
	assert_int_equal(get(&world, klines, REST_LIVE, "", 280, &live), STATUS_OK);
	world_run(&world, second_ns);
	assert_int_equal(live.calls, 1);
	assert_int_equal(get(&world, klines, REST_REPAIR, "", 190, &repair), STATUS_OK);
	world_run(&world, second_ns);
	assert_int_equal(repair.calls, 1);
	world_end(&world);
}

static void requests_for_data_have_a_window_of_their_own(void **state)
{
	(void)state;
	struct world world;
	struct told told = { .world = &world }, other;
	world_begin(&world, VENUE_BINANCE, KIND_PERP);
	for (int i = 0; i < 3600; i++) {
		keep_busy(&world, data, 1, REST_HISTORY, &told);
		if (i == 200) /* it is used up by now */
			must_get(&world, klines, "w=10", &other);
		world_run(&world, second_ns / 4);
		if (i == 210)
			assert_int_equal(other.calls, 1);
	}
	assert_int_equal(most_seen(&world, 300 * second_ns, true), 1000 * 4 / 5 * 3 / 4);
	assert_int_equal(all_seen(&world, true), 3 * 600);
	world_end(&world);
}

static void two_rests_of_one_address_share_a_budget(void **state)
{
	(void)state;
	struct world world;
	struct told told = { .world = &world };
	struct budget budget;
	struct rest *spot;
	world_begin(&world, VENUE_BYBIT, KIND_PERP);
	fake_http_set_latency(world.http, 500000);
	rest_destroy(world.rest);
	rest_budget_init(&budget, VENUE_BYBIT, KIND_PERP);
	world.rest = make_rest(&world, VENUE_BYBIT, KIND_PERP, &budget, 1);
	spot = make_rest(&world, VENUE_BYBIT, KIND_SPOT, &budget, 2);
	for (int i = 0; i < 6000; i++) {
		keep_busy(&world, bybit_klines, 1, REST_REPAIR, &told);
		while (rest_waiting(spot) < 40)
			assert_int_equal(rest_get(spot, REST_bybit_spot_klines, REST_REPAIR,
						  STR(""), 0, on_told, &told),
					 STATUS_OK);
		world_run(&world, second_ns / 100);
	}
	assert_true(most_seen(&world, 5 * second_ns, false) <= 480);
	assert_true(all_seen(&world, false) > 480 * 11);
	world_say(&world, (struct say){ .code = 403, .body = "banned" });
	world_run(&world, 10 * second_ns);
	assert_int_equal(rest_state(world.rest), REST_BANNED);
	assert_int_equal(rest_state(spot), REST_BANNED);
	size_t count = world.count;
	world_run(&world, 580 * second_ns);
	assert_int_equal(world.count, count);
	rest_destroy(spot);
	world_end(&world);
}

/* ---- waits ---- */

/* Says `say` to the first of many; returns how long nothing was sent afterwards. */
static int64_t silence_after(struct world *world, enum rest_endpoint endpoint, struct say say,
			     enum rest_state during)
{
	struct told told[20];
	world_say(world, say);
	must_get(world, endpoint, "", &told[0]);
	world_run(world, second_ns / 2);
	assert_int_equal(world->count, 1);
	assert_int_equal(told[0].calls, 0);
	assert_int_equal(rest_state(world->rest), during);
	int64_t heard_ns = world->seen[0].at_ns + 20000000;
	int64_t open_ns = rest_open_again_ns(world->rest);
	for (int i = 1; i < 20; i++)
		assert_int_equal(get(world, endpoint, REST_REPAIR, "", 0, &told[i]), STATUS_OK);
	world_run(world, 4 * 86400 * second_ns);
	for (int i = 0; i < 20; i++)
		assert_int_equal(told[i].status, STATUS_OK);
	assert_int_equal(world->seen[1].at_ns - 20000000, open_ns);
	assert_true(world->seen[2].at_ns >= world->seen[1].at_ns + 40000000); /* one at a time */
	assert_int_equal(rest_state(world->rest), REST_OPEN);
	assert_int_equal(rest_counts(world->rest)->retries, 1);
	assert_int_equal(rest_counts(world->rest)->failures, 0);
	return open_ns - heard_ns;
}

static void limits_and_bans_are_waited_for(void **state)
{
	(void)state;
	const struct {
		enum venue venue;
		struct say say;
		enum rest_state during;
		int64_t seconds;
	} cases[] = {
		{ VENUE_BINANCE, { 429, "retry-after", "17", "{}", 0 }, REST_BACKOFF, 17 },
		{ VENUE_BINANCE, { 429, "retry-after", "0", "{}", 0 }, REST_BACKOFF, 1 },
		{ VENUE_BINANCE,
		  { 429, "retry-after", "99999999999999999999", "", 0 },
		  REST_BACKOFF,
		  60 },
		{ VENUE_BINANCE, { 429, "retry-after", "soon", "", 0 }, REST_BACKOFF, 60 },
		{ VENUE_BINANCE, { 429, NULL, NULL, "{}", 0 }, REST_BACKOFF, 60 },
		{ VENUE_BINANCE,
		  { 400, NULL, NULL, "{\"code\":-1003,\"msg\":\"Too many\"}", 0 },
		  REST_BACKOFF,
		  60 },
		{ VENUE_BINANCE,
		  { 429, "retry-after", "Tue, 14 Nov 2023 22:40:12 GMT", "{}", 0 },
		  REST_BACKOFF,
		  600 },
		{ VENUE_BINANCE, { 418, "retry-after", "7777", "{}", 0 }, REST_BANNED, 7777 },
		{ VENUE_BINANCE,
		  { 418, "retry-after", "999999999", "{}", 0 },
		  REST_BANNED,
		  259200 },
		{ VENUE_BINANCE, { 418, NULL, NULL, "{}", 0 }, REST_BANNED, 7200 },
		{ VENUE_BINANCE, { 403, NULL, NULL, "<html>", 0 }, REST_BANNED, 600 },
		{ VENUE_BYBIT, { 403, NULL, NULL, "access too frequent", 0 }, REST_BANNED, 600 },
		{ VENUE_BYBIT, { 200, NULL, NULL, "{\"retCode\":10006}", 0 }, REST_BACKOFF, 5 },
		{ VENUE_BYBIT, { 200, NULL, NULL, "{\"retCode\":10018}", 0 }, REST_BACKOFF, 5 },
		{ VENUE_BYBIT,
		  { 200, "x-bapi-limit-reset-timestamp", "1700001014000", "{\"retCode\":10006}",
		    0 },
		  REST_BACKOFF,
		  3 }, /* the date is 1700001012 */
		{ VENUE_BYBIT,
		  { 200, "x-bapi-limit-reset-timestamp", "9000000000000000000",
		    "{\"retCode\":10006}", 0 },
		  REST_BACKOFF,
		  60 },
		{ VENUE_BYBIT,
		  { 200, "x-bapi-limit-reset-timestamp", "1", "{\"retCode\":10006}", 0 },
		  REST_BACKOFF,
		  5 },
		{ VENUE_BYBIT, { 200, NULL, NULL, "{\"retCode\":10009}", 0 }, REST_BANNED, 600 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world world;
		world_begin(&world, cases[i].venue, KIND_PERP);
		int64_t silence_ns =
		    silence_after(&world, cases[i].venue == VENUE_BYBIT ? bybit_klines : klines,
				  cases[i].say, cases[i].during);
		assert_int_equal(silence_ns, cases[i].seconds * second_ns);
		bool is_ban = cases[i].during == REST_BANNED;
		assert_int_equal(rest_counts(world.rest)->bans, is_ban);
		assert_int_equal(rest_counts(world.rest)->limited, !is_ban);
		world_end(&world);
	}
}

/* The wall clock says the wait is over, or not yet; it is not asked. */
static void a_jump_of_the_wall_clock_changes_no_wait(void **state)
{
	(void)state;
	const int64_t jumps_s[] = { -7200, 7200 };
	for (size_t i = 0; i < ARRAY_LEN(jumps_s); i++) {
		struct world world;
		struct told told;
		world_begin(&world, VENUE_BINANCE, KIND_PERP);
		world_say(&world, (struct say){ 418, "retry-after", "100", "{}", 0 });
		must_get(&world, klines, "", &told);
		world_run(&world, second_ns);
		world.wall_ahead_ns = jumps_s[i] * second_ns;
		world_run(&world, 98 * second_ns);
		assert_int_equal(world.count, 1);
		world_run(&world, 2 * second_ns);
		assert_int_equal(told.status, STATUS_OK);
		world_end(&world);
	}
}

static void the_last_of_the_limit_is_waited_for(void **state)
{
	(void)state;
	struct world world;
	struct told told[2];
	world_begin(&world, VENUE_BYBIT, KIND_PERP);
	world_say(&world, (struct say){ 200, "x-bapi-limit-status", "0", "{\"retCode\":0}", 0 });
	must_get(&world, bybit_klines, "", &told[0]);
	world_run(&world, second_ns);
	assert_int_equal(told[0].status, STATUS_OK);
	assert_int_equal(told[0].calls, 1);
	must_get(&world, bybit_klines, "", &told[1]);
	world_run(&world, 3 * second_ns);
	assert_int_equal(told[1].calls, 0);
	world_run(&world, 2 * second_ns);
	assert_int_equal(told[1].calls, 1);
	world_end(&world);
}

/* ---- failures ---- */

/* Tries of one request that never succeeds, and the waits between them. */
static size_t try_in_vain(struct world *world, enum rest_endpoint endpoint, struct told *told,
			  int64_t *waits_ns)
{
	must_get(world, endpoint, "", told);
	world_run(world, 600 * second_ns);
	for (size_t i = 1; i < world->count; i++)
		waits_ns[i - 1] = world->seen[i].at_ns - world->seen[i - 1].at_ns - 40000000;
	return world->count;
}

static void a_failing_venue_is_asked_at_growing_distances(void **state)
{
	(void)state;
	const struct {
		struct say say;
		enum status status;
	} cases[] = { { { 503, NULL, NULL, "<html>busy</html>", 0 }, STATUS_UNAVAILABLE },
		      { { 408, NULL, NULL, "{\"code\":-1007}", 0 }, STATUS_UNAVAILABLE },
		      { { 200, NULL, NULL, "<html>sign in</html>", 0 }, STATUS_FORMAT },
		      { { 200, NULL, NULL, "", 0 }, STATUS_FORMAT },
		      { { 0, NULL, NULL, "", STATUS_CLOSED }, STATUS_CLOSED } };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world world;
		struct told told;
		int64_t waits_ns[REST_TRIES] = { 0 };
		world_begin(&world, VENUE_BINANCE, KIND_PERP);
		for (int k = 0; k < REST_TRIES; k++)
			world_say(&world, cases[i].say);
		assert_int_equal(try_in_vain(&world, klines, &told, waits_ns), REST_TRIES);
		assert_int_equal(told.calls, 1);
		assert_int_equal(told.status, cases[i].status);
		for (int k = 0; k < REST_TRIES - 1; k++) {
			int64_t longest_ns = second_ns / 2 << k;
			assert_true(waits_ns[k] >= longest_ns / 2 && waits_ns[k] <= longest_ns);
		}
		const struct rest_counts *counts = rest_counts(world.rest);
		assert_int_equal(counts->retries, REST_TRIES - 1);
		assert_int_equal(counts->failures, 1);
		assert_int_equal(counts->connection_failures,
				 cases[i].status == STATUS_CLOSED ? REST_TRIES : 0);
		world_end(&world);
	}
}

static void bybits_own_troubles_are_asked_again(void **state)
{
	(void)state;
	struct world world;
	struct told told;
	world_begin(&world, VENUE_BYBIT, KIND_PERP);
	world_say(&world,
		  (struct say){ 200, NULL, NULL, "{\"retCode\":10016,\"retMsg\":\"x\"}", 0 });
	world_say(&world, (struct say){ 200, NULL, NULL, "{\"retCode\":10000}", 0 });
	world_say(&world, (struct say){ 200, NULL, NULL, "{\"result\":{}}", 0 });
	must_get(&world, bybit_klines, "", &told);
	world_run(&world, 20 * second_ns);
	assert_int_equal(told.status, STATUS_OK);
	assert_int_equal(world.count, 4);
	world_end(&world);
}

static void two_rests_do_not_come_back_together(void **state)
{
	(void)state;
	int64_t first_waits_ns[2];
	for (uint64_t seed = 0; seed < 2; seed++) {
		struct world world;
		struct told told;
		int64_t waits_ns[REST_TRIES];
		world_begin(&world, VENUE_BINANCE, KIND_PERP);
		rest_destroy(world.rest);
		world.rest = make_rest(&world, VENUE_BINANCE, KIND_PERP, NULL, seed);
		world_say(&world, (struct say){ 500, NULL, NULL, "", 0 });
		assert_int_equal(try_in_vain(&world, klines, &told, waits_ns), 2);
		first_waits_ns[seed] = waits_ns[0];
		world_end(&world);
	}
	assert_int_not_equal(first_waits_ns[0], first_waits_ns[1]);
}

static void nobody_answers_and_it_is_said_why(void **state)
{
	(void)state;
	struct world world;
	struct told told;
	world_begin(&world, VENUE_BINANCE, KIND_PERP);
	fake_http_refuse(world.http, true);
	must_get(&world, klines, "", &told);
	world_run(&world, 60 * second_ns);
	assert_int_equal(told.status, STATUS_CLOSED);
	assert_string_equal(told.why, "connection refused");
	assert_int_equal(world.count, 0);
	fake_http_refuse(world.http, false);
	fake_http_hang(world.http, true);
	must_get(&world, klines, "", &told);
	world_run(&world, 9 * second_ns);
	assert_int_equal(world.count, 1);
	world_run(&world, 200 * second_ns);
	assert_int_equal(told.status, STATUS_TIMEOUT);
	assert_int_equal(world.count, REST_TRIES);
	fake_http_hang(world.http, false);
	must_get(&world, klines, "", &told);
	world_run(&world, second_ns * 40);
	assert_int_equal(told.status, STATUS_OK);
	world_end(&world);
}

static void failures_that_come_together_are_one_and_then_one_asks(void **state)
{
	(void)state;
	struct world world;
	struct told told[8];
	world_begin(&world, VENUE_BINANCE, KIND_PERP);
	for (int i = 0; i < 8; i++)
		must_get(&world, klines, "", &told[i]);
	world_run(&world, 10000000);
	fake_http_break(world.http); /* all four, before they arrived */
	int64_t broken_ns = world.now_ns;
	world_run(&world, 100000000);
	assert_int_equal(rest_counts(world.rest)->connection_failures, REST_UNDER_WAY);
	assert_int_equal(rest_state(world.rest), REST_BACKOFF);
	world_run(&world, 5 * second_ns);
	for (int i = 0; i < 8; i++)
		assert_int_equal(told[i].status, STATUS_OK);
	/* The first step of the ladder, half a second at most, not the fourth. */
	assert_in_range(world.seen[0].at_ns - broken_ns, second_ns / 4, second_ns / 2 + 20000000);
	assert_int_equal(world.seen[1].at_ns - world.seen[0].at_ns, 40000000);
	assert_int_equal(world.seen[2].at_ns, world.seen[1].at_ns);
	world_end(&world);
}

static void an_answer_ends_the_growing(void **state)
{
	(void)state;
	struct world world;
	struct told told;
	int64_t waits_ns[2 * REST_TRIES] = { 0 };
	world_begin(&world, VENUE_BINANCE, KIND_PERP);
	const int codes[] = { 500, 500, 500, 200, 500, 200 };
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		world_say(&world, (struct say){ codes[i], NULL, NULL, "[]", 0 });
	assert_int_equal(try_in_vain(&world, klines, &told, waits_ns), 4);
	assert_true(waits_ns[2] >= second_ns);
	assert_int_equal(try_in_vain(&world, klines, &told, waits_ns), 6);
	assert_true(world.seen[5].at_ns - world.seen[4].at_ns <= second_ns / 2 + 40000000);
	world_end(&world);
}

static void a_request_asked_again_keeps_its_place(void **state)
{
	(void)state;
	struct world world;
	struct told told[12];
	char query[32];
	world_begin(&world, VENUE_BINANCE, KIND_PERP);
	world_say(&world, (struct say){ 500, NULL, NULL, "", 0 });
	for (int i = 0; i < 12; i++) {
		snprintf(query, sizeof query, "n=%d", i);
		must_get(&world, klines, query, &told[i]);
	}
	world_run(&world, 10 * second_ns);
	assert_string_equal(world.seen[0].query, "n=0");
	assert_string_equal(world.seen[4].query, "n=0");
	assert_string_equal(world.seen[5].query, "n=4");
	world_end(&world);
}

static void what_the_venue_refuses_is_told_at_once(void **state)
{
	(void)state;
	const struct {
		enum venue venue;
		int code;
		const char *body;
		enum status status;
		const char *why;
	} cases[] = {
		{ VENUE_BINANCE, 400, "{\"code\":-1121,\"msg\":\"Invalid symbol.\"}",
		  STATUS_NOT_FOUND, "HTTP 400: Invalid symbol." },
		{ VENUE_BINANCE, 400, "{\"code\":-1100,\"msg\":\"Illegal\\nwords\\u0000\"}",
		  STATUS_INVALID, "HTTP 400: Illegal words " },
		{ VENUE_BINANCE, 404, "<html>", STATUS_INVALID, "HTTP 404" },
		{ VENUE_BINANCE, 451, "{}", STATUS_INVALID, "HTTP 451" },
		{ VENUE_BINANCE, 302, "", STATUS_INVALID, "HTTP 302" },
		{ VENUE_BINANCE, 400, "{\"code\":\"-1121\",\"msg\":7}", STATUS_INVALID,
		  "HTTP 400" },
		{ VENUE_BYBIT, 200, "{\"retCode\":10001,\"retMsg\":\"Not supported symbols\"}",
		  STATUS_NOT_FOUND, "retCode 10001: Not supported symbols" },
		{ VENUE_BYBIT, 200,
		  "{\"retCode\":10001,\"retMsg\":\"params error: Symbol Is Invalid\"}",
		  STATUS_NOT_FOUND, "retCode 10001: params error: Symbol Is Invalid" },
		{ VENUE_BYBIT, 200, "{\"retCode\":10001,\"retMsg\":\"params error: interval\"}",
		  STATUS_INVALID, "retCode 10001: params error: interval" },
		{ VENUE_BYBIT, 200, "{\"retCode\":33004,\"retMsg\":\"\"}", STATUS_INVALID,
		  "retCode 33004" },
		{ VENUE_BYBIT, 404, "not here", STATUS_INVALID, "HTTP 404" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world world;
		struct told told;
		world_begin(&world, cases[i].venue, KIND_PERP);
		world_say(&world, (struct say){ cases[i].code, NULL, NULL, cases[i].body, 0 });
		must_get(&world, cases[i].venue == VENUE_BYBIT ? bybit_klines : klines, "", &told);
		world_run(&world, second_ns);
		assert_int_equal(told.calls, 1);
		assert_int_equal(told.status, cases[i].status);
		assert_string_equal(told.why, cases[i].why);
		assert_int_equal(world.count, 1);
		assert_int_equal(rest_state(world.rest), REST_OPEN);
		assert_int_equal(rest_counts(world.rest)->failures, 1);
		world_end(&world);
	}
}

static void an_answer_longer_than_its_row_is_not_asked_for_again(void **state)
{
	(void)state;
	struct world world;
	struct told told;
	char *longer = malloc(5001);
	world_begin(&world, VENUE_BINANCE, KIND_PERP);
	memset(longer, ' ', 5000);
	longer[5000] = 0;
	world.body = longer;
	must_get(&world, REST_binance_perp_time, "", &told);
	world_run(&world, second_ns);
	assert_int_equal(told.status, STATUS_RANGE);
	assert_int_equal(world.count, 1);
	world_end(&world);
	free(longer);
}

/* ---- bounds and ends ---- */

static void a_full_queue_refuses(void **state)
{
	(void)state;
	struct world world;
	static struct told told[REST_QUEUE + 1];
	world_begin(&world, VENUE_BINANCE, KIND_SPOT);
	for (int i = 0; i < REST_QUEUE; i++)
		must_get(&world, REST_binance_spot_klines, "w=2", &told[i]);
	assert_int_equal(
	    get(&world, REST_binance_spot_klines, REST_REPAIR, "", 0, &told[REST_QUEUE]),
	    STATUS_FULL);
	assert_int_equal(rest_counts(world.rest)->refused, 1);
	assert_int_equal(rest_waiting(world.rest), REST_QUEUE);
	world_run(&world, 60 * second_ns);
	for (int i = 0; i < REST_QUEUE; i++)
		assert_int_equal(told[i].calls, 1);
	assert_int_equal(told[REST_QUEUE].calls, 0);
	world_end(&world);
}

static void a_query_that_is_none_is_refused(void **state)
{
	(void)state;
	struct world world;
	struct told told;
	char query[REST_QUERY_MAX + 2];
	world_begin(&world, VENUE_BINANCE, KIND_PERP);
	memset(query, 'a', sizeof query);
	query[REST_QUERY_MAX + 1] = 0;
	assert_int_equal(get(&world, klines, REST_LIVE, query, 0, &told), STATUS_RANGE);
	assert_int_equal(get(&world, klines, REST_LIVE, "a=b c", 0, &told), STATUS_INVALID);
	assert_int_equal(get(&world, klines, REST_LIVE, "a\r\nb", 0, &told), STATUS_INVALID);
	assert_int_equal(get(&world, klines, REST_HISTORY, "", 1441, &told), STATUS_RANGE);
	assert_int_equal(get(&world, klines, REST_HISTORY, "", 1440, &told), STATUS_OK);
	world_run(&world, second_ns);
	assert_int_equal(told.status, STATUS_OK);
	assert_int_equal(world.count, 1);
	world_end(&world);
}

static void a_client_that_is_full_is_asked_again_soon(void **state)
{
	(void)state;
	struct world world;
	struct told told[30], others = { .world = &world };
	struct rest *rests[4];
	world_begin(&world, VENUE_BINANCE, KIND_PERP);
	world.says_used = false;
	for (int i = 0; i < 4; i++) {
		rests[i] = make_rest(&world, VENUE_BINANCE, KIND_SPOT, NULL, 5);
		for (int k = 0; k < 20; k++)
			assert_int_equal(rest_get(rests[i], REST_binance_spot_time, REST_LIVE,
						  STR(""), 0, on_told, &others),
					 STATUS_OK);
	}
	world_run(&world, 1);
	for (int i = 0; i < 30; i++)
		must_get(&world, klines, "", &told[i]);
	world_run(&world, 5 * second_ns);
	assert_true(fake_http_counts(world.http).refused > 0);
	for (int i = 0; i < 30; i++)
		assert_int_equal(told[i].status, STATUS_OK);
	assert_int_equal(others.calls, 80);
	assert_int_equal(rest_counts(world.rest)->requests, 30); /* a refused one is no try */
	assert_int_equal(rest_counts(world.rest)->weight, 300);
	assert_true(rest_used(world.rest) < 300 / 2400. + 0.001); /* and spent nothing */
	for (int i = 0; i < 4; i++)
		rest_destroy(rests[i]);
	world_end(&world);
}

static void a_cancelled_request_ends_in_silence(void **state)
{
	(void)state;
	struct world world;
	struct told gone, stays;
	world_begin(&world, VENUE_BINANCE, KIND_PERP);
	gone = stays = (struct told){ .world = &world };
	for (int i = 0; i < 40; i++)
		assert_int_equal(rest_get(world.rest, i % 3 ? klines : data,
					  (enum rest_priority)(i % 2), STR(""), 0, on_told,
					  i % 4 ? &gone : &stays),
				 STATUS_OK);
	world_run(&world, 30000000); /* four have arrived there */
	assert_int_equal(world.count, 4);
	rest_cancel(world.rest, &gone);
	rest_cancel(world.rest, &gone);
	assert_true(rest_waiting(world.rest) <= 10);
	world_run(&world, 10 * second_ns);
	assert_int_equal(gone.calls, 0);
	assert_int_equal(stays.calls, 10);
	assert_int_equal(rest_waiting(world.rest), 0);
	assert_int_equal(rest_counts(world.rest)->failures, 0);
	world_end(&world);
}

static void what_was_sent_counts_though_it_was_cancelled(void **state)
{
	(void)state;
	struct world world;
	struct told gone, told;
	world_begin(&world, VENUE_BINANCE, KIND_PERP);
	assert_int_equal(get(&world, klines, REST_REPAIR, "", 1900, &gone), STATUS_OK);
	world_run(&world, 30000000);
	rest_cancel(world.rest, &gone);
	assert_int_equal(get(&world, klines, REST_REPAIR, "", 100, &told), STATUS_OK);
	world_run(&world, 60 * second_ns - 30000000);
	assert_int_equal(told.calls, 0);
	world_run(&world, 2 * second_ns);
	assert_int_equal(told.calls, 1);
	world_end(&world);
}

static void a_destroyed_rest_says_nothing_more(void **state)
{
	(void)state;
	struct world world;
	struct told told[10];
	world_begin(&world, VENUE_BINANCE, KIND_PERP);
	for (int i = 0; i < 10; i++)
		must_get(&world, klines, "", &told[i]);
	world_run(&world, 30000000);
	rest_destroy(world.rest);
	world.rest = NULL;
	assert_int_equal(fake_http_under_way(world.http), 0);
	world_run(&world, 60 * second_ns);
	for (int i = 0; i < 10; i++)
		assert_int_equal(told[i].calls, 0);
	world_end(&world);
}

static void an_answer_may_destroy_the_rest(void **state)
{
	(void)state;
	const struct say says[] = { { 200, NULL, NULL, "[]", 0 },
				    { 404, NULL, NULL, "", 0 },
				    { 0, NULL, NULL, "", STATUS_RANGE } };
	for (size_t i = 0; i < ARRAY_LEN(says); i++) {
		struct world world;
		struct told told[10];
		world_begin(&world, VENUE_BINANCE, KIND_PERP);
		world_say(&world, says[i]);
		for (int k = 0; k < 10; k++)
			must_get(&world, klines, "", &told[k]);
		told[0].destroys = true;
		world_run(&world, 60 * second_ns);
		assert_int_equal(told[0].calls, 1);
		assert_null(world.rest);
		for (int k = 1; k < 10; k++)
			assert_int_equal(told[k].calls, 0);
		world_end(&world);
	}
}

/* ---- time ---- */

static void the_venues_clock_is_learned_from_its_answers(void **state)
{
	(void)state;
	struct world world;
	struct told told;
	world_begin(&world, VENUE_BINANCE, KIND_PERP);
	must_get(&world, klines, "", &told);
	world_run(&world, second_ns);
	assert_true(llabs(rest_clock_offset_ms(world.rest)) <= 550);
	world.wall_ahead_ns = -3600 * second_ns;
	must_get(&world, klines, "", &told);
	world_run(&world, second_ns);
	assert_true(llabs(rest_clock_offset_ms(world.rest) - 3600000) <= 550);
	world_end(&world);
}

static void dates_are_read_as_servers_write_them(void **state)
{
	(void)state;
	assert_int_equal(rest_parse_date_ms(STR("Sun, 06 Nov 1994 08:49:37 GMT")), 784111777000);
	assert_int_equal(rest_parse_date_ms(STR("Thu, 01 Jan 1970 00:00:00 GMT")), 0);
	assert_int_equal(rest_parse_date_ms(STR("Thu, 29 Feb 2024 23:59:59 GMT")), 1709251199000);
	assert_int_equal(rest_parse_date_ms(STR("Mon, 31 Dec 2063 00:00:00 GMT")), 2966284800000);
	const char *const wrong[] = { "",
				      "Sun, 06 Nov 1994 08:49:37 CET",
				      "Sun, 6 Nov 1994 08:49:37 GMT",
				      "Sun, 06 Nox 1994 08:49:37 GMT",
				      "Sun, 06 Nov 1994 28:49:37 GMT",
				      "Sun, 00 Nov 1994 08:49:37 GMT",
				      "Sunday, 06-Nov-94 08:49:37 GMT",
				      "Sun, 06 Nov 19x4 08:49:37 GMT" };
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(rest_parse_date_ms(str_of(wrong[i])), -1);
}

/* ---- the table ---- */

static void every_row_can_be_asked_by_every_priority(void **state)
{
	(void)state;
	for (int i = 0; i < REST_COUNT; i++) {
		const struct rest_row *row = rest_row((enum rest_endpoint)i);
		struct budget budget;
		rest_budget_init(&budget, row->venue, row->kind);
		assert_true(row->weight > 0 && row->rows > 0 && row->body_bytes_max >= 4096);
		assert_true(row->weight <= budget_weight_max(&budget, (uint8_t)row->window, 75));
		assert_int_equal(row->path[0], '/');
		assert_true(str_starts(str_of(row->id), str_of(venue_text(row->venue))));
	}
	assert_string_equal(rest_state_text(REST_BANNED), "banned");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_comes_with_its_body),
		cmocka_unit_test(the_urgent_go_first_then_those_who_asked_first),
		cmocka_unit_test(an_hour_of_overload_stays_within_the_limit_whatever_others_do),
		cmocka_unit_test(a_repair_finds_something_left_by_history),
		cmocka_unit_test(requests_for_data_have_a_window_of_their_own),
		cmocka_unit_test(two_rests_of_one_address_share_a_budget),
		cmocka_unit_test(limits_and_bans_are_waited_for),
		cmocka_unit_test(a_jump_of_the_wall_clock_changes_no_wait),
		cmocka_unit_test(the_last_of_the_limit_is_waited_for),
		cmocka_unit_test(a_failing_venue_is_asked_at_growing_distances),
		cmocka_unit_test(bybits_own_troubles_are_asked_again),
		cmocka_unit_test(two_rests_do_not_come_back_together),
		cmocka_unit_test(nobody_answers_and_it_is_said_why),
		cmocka_unit_test(failures_that_come_together_are_one_and_then_one_asks),
		cmocka_unit_test(an_answer_ends_the_growing),
		cmocka_unit_test(a_request_asked_again_keeps_its_place),
		cmocka_unit_test(what_the_venue_refuses_is_told_at_once),
		cmocka_unit_test(an_answer_longer_than_its_row_is_not_asked_for_again),
		cmocka_unit_test(a_full_queue_refuses),
		cmocka_unit_test(a_query_that_is_none_is_refused),
		cmocka_unit_test(a_client_that_is_full_is_asked_again_soon),
		cmocka_unit_test(a_cancelled_request_ends_in_silence),
		cmocka_unit_test(what_was_sent_counts_though_it_was_cancelled),
		cmocka_unit_test(a_destroyed_rest_says_nothing_more),
		cmocka_unit_test(an_answer_may_destroy_the_rest),
		cmocka_unit_test(the_venues_clock_is_learned_from_its_answers),
		cmocka_unit_test(dates_are_read_as_servers_write_them),
		cmocka_unit_test(every_row_can_be_asked_by_every_priority),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
