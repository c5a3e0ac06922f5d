/* The live feed against simulated venues: whatever happens, a minute that weir calls
 * complete is the venue's.
 *
 * LIVE_SEED and LIVE_HOURS in the environment tell the day of trouble another story. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "sim/heap_bytes.h"
#include "sim/live_trouble.h"

enum { HEAP_GROWTH_MAX = 1024, RESIDENT_GROWTH_MAX = 4 << 20 };

static const int64_t second_ns = 1000000000, minute_ns = 60000000000, hour_ns = 3600000000000;
static const int64_t start_ms = 1723161600000; /* 2024-08-09 00:00:00 UTC */

static const struct venue_sim_odds bad_odds = {
	.lost = 300,
	.twice = 5000,
	.late = 2000,
	.bad_time = 60,
	.bad_id = 60,
	.junk = 500,
	.rest = 5000,
};

static struct live_script script;

static int64_t from_environment(const char *name, int64_t otherwise)
{
	const char *text = getenv(name);
	return text ? strtoll(text, NULL, 10) : otherwise;
}

static struct live_world_config config_of(uint64_t seed, int64_t span_ns)
{
	return (struct live_world_config){
		.venues = { .seed = seed,
			    .start_ms = start_ms,
			    .span_ms = span_ns / 1000000,
			    .gap_ms = { 700, 1500, 40000 },
			    .blocks_ppm = 2000 },
		.depth = true,
	};
}

/* ---- what must hold at any time ---- */

static void fail_with(struct live_world *world, const char *what, const char *text)
{
	fprintf(stderr, "\n%s: %s\n", what, text);
	live_world_print_notes(world);
	live_script_print(&script, live_world_now_ns(world), hour_ns);
	fail_msg("%s: %s", what, text);
}

static void judge(struct live_world *world)
{
	struct err err;
	const struct venue_sim_counts *counts = venue_sim_counts(live_world_venues(world));
	if (live_world_judge(world, &err))
		fail_with(world, "minutes", err.text);
	if (live_world_judge_tape(world, &err))
		fail_with(world, "tape", err.text);
	if (counts->breaches)
		fail_with(world, "limits", counts->breach);
}

static void judge_sums(struct live_world *world, size_t least)
{
	struct err err;
	size_t compared;
	if (live_world_judge_cvd(world, &compared, &err))
		fail_with(world, "cvd", err.text);
	assert_in_range(compared, least, VENUE_SIM_SITES * VENUE_SIM_SYMBOLS);
}

static void expect_live(struct live_world *world)
{
	const struct live *live = live_world_live(world);
	for (size_t i = 0; i < live_sessions(live); i++)
		if (session_state(live_session(live, i)) != SESSION_LIVE)
			fail_with(world, session_plan(live_session(live, i))->name,
				  session_why(live_session(live, i)));
}

/* Not complete: partial or missing. */
static uint64_t incomplete(const struct live_world *world, enum venue venue)
{
	struct live_world_minutes minutes;
	live_world_count(world, venue, &minutes);
	return minutes.judged - minutes.complete;
}

static void print_minutes(const struct live_world *world)
{
	for (enum venue v = 0; v < VENUE_COUNT; v++) {
		struct live_world_minutes m;
		live_world_count(world, v, &m);
		print_message("  %s: %llu minutes, %llu partial, %llu missing, %llu from klines, "
			      "%llu repaired\n",
			      venue_text(v), (unsigned long long)m.judged,
			      (unsigned long long)m.partial, (unsigned long long)m.missing,
			      (unsigned long long)m.klines, (unsigned long long)m.repaired);
	}
}

/* ---- memory ---- */

struct memory {
	size_t heap, resident;
};

/* What weir holds, between requests. */
static struct memory memory_of(struct live_world *world)
{
	struct memory memory = { 0 };
	unsigned long pages = 0, resident = 0;
	while (!venue_sim_is_idle(live_world_venues(world)))
		live_world_run_to(world, live_world_now_ns(world) + second_ns / 20);
	memory.heap = heap_bytes - venue_sim_kept_bytes(live_world_venues(world));
	FILE *file = fopen("/proc/self/statm", "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu %lu", &pages, &resident), 2);
	fclose(file);
	memory.resident = resident * (size_t)sysconf(_SC_PAGESIZE);
	return memory;
}

static void expect_flat(const struct memory *before, const struct memory *after)
{
#ifndef HEAP_UNCOUNTED
	print_message("  heap %+lld bytes, resident %+lld KB since the first hour\n",
		      (long long)after->heap - (long long)before->heap,
		      ((long long)after->resident - (long long)before->resident) / 1024);
	assert_in_range(after->heap, 0, before->heap + HEAP_GROWTH_MAX);
	assert_in_range(after->resident, 0, before->resident + RESIDENT_GROWTH_MAX);
#else
	(void)before;
	(void)after;
#endif
}

/* ---- tests ---- */

static void a_quiet_hour_is_complete(void **state)
{
	(void)state;
	struct live_world_config config = config_of(1, hour_ns + minute_ns);
	struct live_world *world = live_world_create(&config);
	script.count = 0;
	live_world_run_to(world, 20 * second_ns);
	expect_live(world);
	live_world_run_to(world, hour_ns);
	judge(world);
	expect_live(world);
	assert_int_equal(incomplete(world, VENUE_BINANCE), 0);
	/* Nothing tells of the first minutes of a market that was not traded yet. */
	assert_in_range(incomplete(world, VENUE_BYBIT), 0, 4);
	live_world_destroy(world);
}

/* All of it happened, or the day proves nothing. */
static void expect_trouble(const struct live_world *world, struct venue_sim *venues)
{
	const struct venue_sim_counts *counts = venue_sim_counts(venues);
	(void)world;
	const uint64_t happened[] = { counts->lost,    counts->twice,
				      counts->late,    counts->bad_times,
				      counts->bad_ids, counts->junk,
				      counts->refused, counts->requests_troubled };
	for (size_t i = 0; i < ARRAY_LEN(happened); i++)
		assert_true(happened[i] > 0);
	print_message("  %llu frames, %llu lost, %llu twice, %llu late, %llu of bad time, %llu of "
		      "bad id, %llu junk; %llu handshakes, %llu refused; %llu requests, %llu in "
		      "trouble\n",
		      (unsigned long long)counts->frames, (unsigned long long)counts->lost,
		      (unsigned long long)counts->twice, (unsigned long long)counts->late,
		      (unsigned long long)counts->bad_times, (unsigned long long)counts->bad_ids,
		      (unsigned long long)counts->junk, (unsigned long long)counts->handshakes,
		      (unsigned long long)counts->refused, (unsigned long long)counts->requests,
		      (unsigned long long)counts->requests_troubled);
}

/* The last words arrive, and nothing is traded any more. */
static void fall_silent(struct live_world *world)
{
	static const struct venue_sim_odds no_odds;
	venue_sim_set_odds(live_world_venues(world), &no_odds);
	live_world_run_to(world, live_world_now_ns(world) + 15 * second_ns);
	venue_sim_halt_all(live_world_venues(world));
	live_world_run_to(world, live_world_now_ns(world) + 20 * second_ns);
}

static void bad_time(struct live_world *world, uint64_t seed, int64_t hours)
{
	size_t line = 0;
	struct memory first = { 0 }, last;
	venue_sim_set_odds(live_world_venues(world), &bad_odds);
	live_script_make(&script, seed, 0, hours * hour_ns);
	for (int64_t at = 1; at <= 6 * hours; at++) {
		live_script_run(&script, &line, world, at * 10 * minute_ns);
		judge(world);
		if (at == 6)
			first = memory_of(world);
	}
	live_world_run_to(world, hours * hour_ns + 2 * minute_ns);
	expect_live(world);
	live_world_run_to(world, hours * hour_ns + 30 * minute_ns);
	judge(world);
	last = memory_of(world);
	expect_flat(&first, &last);
}

static void a_day_of_trouble_leaves_no_wrong_minute_unmarked(void **state)
{
	(void)state;
	uint64_t seed = (uint64_t)from_environment("LIVE_SEED", 1);
	int64_t hours = from_environment("LIVE_HOURS", 24);
	struct live_world_minutes bybit;
	struct live_world_config config = config_of(seed, (hours + 1) * hour_ns);
	struct live_world *world = live_world_create(&config);
	bad_time(world, seed, hours);
	print_minutes(world);
	expect_trouble(world, live_world_venues(world));
	/* What Binance's ids do not bring back its klines do. */
	assert_int_equal(incomplete(world, VENUE_BINANCE), 0);
	live_world_count(world, VENUE_BYBIT, &bybit);
	assert_in_range(bybit.judged - bybit.complete, 0, bybit.judged / 12);
	fall_silent(world);
	judge(world);
	judge_sums(world, hours < 24 ? 0 : KIND_COUNT * VENUE_SIM_SYMBOLS);
	live_world_destroy(world);
}

/* Then Bybit's volume proves nothing where there was one. */
static void klines_that_hold_block_trades_make_minutes_partial_never_wrong(void **state)
{
	(void)state;
	struct live_world_config config = config_of(77, 5 * hour_ns);
	config.venues.klines_hold_blocks = true;
	config.venues.blocks_ppm = 10000;
	struct live_world *world = live_world_create(&config);
	bad_time(world, 77, 4);
	print_minutes(world);
	assert_int_equal(incomplete(world, VENUE_BINANCE), 0);
	assert_true(incomplete(world, VENUE_BYBIT) > 0);
	live_world_destroy(world);
}

static void a_calm_day_replaces_connections_before_their_end_and_loses_nothing(void **state)
{
	(void)state;
	struct live_world_config config = config_of(5, 26 * hour_ns);
	for (size_t i = 0; i < VENUE_SIM_SYMBOLS; i++)
		config.venues.gap_ms[i] = 5000;
	config.venues.blocks_ppm = 0;
	struct live_world *world = live_world_create(&config);
	const struct live *live = live_world_live(world);
	script.count = 0;
	live_world_run_to(world, 25 * hour_ns);
	judge(world);
	assert_int_equal(venue_sim_counts(live_world_venues(world))->ended_by_age, 0);
	for (size_t i = 0; i < live_sessions(live); i++) {
		const struct session_counts *counts = session_counts(live_session(live, i));
		assert_int_equal(counts->replaced, 1);
		assert_int_equal(counts->interruptions, 0);
	}
	assert_int_equal(incomplete(world, VENUE_BINANCE), 0);
	assert_int_equal(incomplete(world, VENUE_BYBIT), 0);
	fall_silent(world);
	judge(world);
	judge_sums(world, VENUE_SIM_SITES * VENUE_SIM_SYMBOLS);
	live_world_destroy(world);
}

static void unplug_everything(struct live_world *world, int64_t for_ns)
{
	for (enum venue v = 0; v < VENUE_COUNT; v++)
		for (enum kind k = 0; k < KIND_COUNT; k++)
			venue_sim_trouble(live_world_venues(world), v, k, TROUBLE_UNPLUG, 0,
					  for_ns);
}

static void expect_said(struct live_world *world, const char *question, const char *words,
			bool wanted)
{
	const char *answer = live_world_ask(world, question);
	if ((strstr(answer, words) != NULL) != wanted)
		fail_msg("%s: %s'%s' in:\n%s", question, wanted ? "no " : "", words, answer);
}

static void unplugged_answers_say_stale_with_the_age_until_all_is_mended(void **state)
{
	(void)state;
	struct live_world_config config = config_of(3, hour_ns);
	struct live_world *world = live_world_create(&config);
	script.count = 0;
	live_world_run_to(world, 20 * minute_ns);
	expect_said(world, "/price BTC", "STALE", false);
	unplug_everything(world, 10 * minute_ns);
	live_world_run_to(world, 25 * minute_ns + 3 * second_ns);
	expect_said(world, "/price BTC", "STALE: the newest data is 5 min ", true);
	expect_said(world, "/cvd ETH", "STALE: the newest data is 5 min ", true);
	judge(world);
	live_world_run_to(world, 32 * minute_ns);
	expect_live(world);
	expect_said(world, "/price BTC", "STALE", false);
	live_world_run_to(world, 40 * minute_ns);
	judge(world);
	assert_int_equal(incomplete(world, VENUE_BINANCE), 0);
	live_world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quiet_hour_is_complete),
		cmocka_unit_test(unplugged_answers_say_stale_with_the_age_until_all_is_mended),
		cmocka_unit_test(klines_that_hold_block_trades_make_minutes_partial_never_wrong),
		cmocka_unit_test(
		    a_calm_day_replaces_connections_before_their_end_and_loses_nothing),
		cmocka_unit_test(a_day_of_trouble_leaves_no_wrong_minute_unmarked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
