/* Bytes by family of keys: a walk that is bounded each second, and what it makes of a server
 * that changes, is slow, refuses, or goes away meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/rng.h"
#include "store/memory_families.h"

enum { KEYS_MAX = 20000, PENDING_MAX = 4096 };

struct fake_key {
	char name[64];
	int64_t bytes;
	bool gone; /* SCAN has it still, MEMORY USAGE not */
};

struct asked {
	bool scan;
	size_t at; /* SCAN: the cursor; else the key */
	size_t count;
	redis_reply_fn fn;
	void *ctx;
};

/* A server whose cursor is the place in its list, and who answers when it is told to. */
struct server {
	struct redis_port port;
	struct fake_key keys[KEYS_MAX];
	size_t count;
	struct asked pending[PENDING_MAX];
	size_t n_pending;
	size_t scans, usages; /* since they were last looked at */
	size_t last;          /* key asked for */
	bool of_others;       /* no key is of the segment's rows */
	size_t full_in;       /* so many commands from now one is refused */
	enum status fails;    /* MEMORY USAGE is answered with it */
};

static struct server server;
static struct memory_families *families;
static int64_t now_ms;

/* They come in the order in which SCAN told them, nearly. */
static size_t key_at(struct str name)
{
	for (size_t i = 0; i < server.count; i++) {
		size_t at = (server.last + i) % server.count;
		if (str_eq(name, str_of(server.keys[at].name)))
			return server.last = at;
	}
	fail_msg("%.*s was never told", STR_ARG(name));
	return 0;
}

static enum status command(struct redis_port *port, const struct str *argv, size_t argc,
			   redis_reply_fn fn, void *ctx)
{
	uint64_t number;
	struct asked *asked = &server.pending[server.n_pending];
	assert_ptr_equal(port, &server.port);
	if (server.full_in && --server.full_in == 0)
		return STATUS_FULL;
	assert_true(server.n_pending < PENDING_MAX);
	*asked = (struct asked){ .fn = fn, .ctx = ctx, .scan = str_eq(argv[0], STR("SCAN")) };
	if (asked->scan) {
		assert_int_equal(argc, 4);
		assert_int_equal(str_to_u64(argv[1], &number), STATUS_OK);
		asked->at = (size_t)number;
		assert_int_equal(str_to_u64(argv[3], &number), STATUS_OK);
		asked->count = (size_t)number;
		assert_in_range(number, MEMORY_SCAN_MIN, MEMORY_SCAN_MAX);
		server.scans++;
	} else {
		assert_int_equal(argc, 5);
		assert_true(str_eq(argv[0], STR("MEMORY")) && str_eq(argv[1], STR("USAGE")));
		asked->at = key_at(argv[2]);
		bool ours = server.keys[asked->at].name[0] != 'x' && !server.of_others;
		assert_true(str_eq(argv[4], ours ? STR("0") : STR("5")));
		server.usages++;
	}
	server.n_pending++;
	return STATUS_OK;
}

static size_t pending_bytes(const struct redis_port *port)
{
	(void)port;
	return 0;
}

static void answer_scan(const struct asked *asked)
{
	static struct redis_reply items[KEYS_MAX];
	char storage[24];
	struct buf cursor = buf_over(storage, sizeof storage);
	size_t n = 0, at = asked->at;
	for (; n < asked->count && at < server.count; n++, at++)
		items[n] = (struct redis_reply){ .type = REDIS_BULK,
						 .text = str_of(server.keys[at].name) };
	buf_u64(&cursor, at < server.count ? at : 0);
	const struct redis_reply page[] = {
		{ .type = REDIS_BULK, .text = buf_str(&cursor) },
		{ .type = REDIS_ARRAY, .count = n, .items = items },
	};
	asked->fn(asked->ctx, STATUS_OK,
		  &(struct redis_reply){ .type = REDIS_ARRAY, .count = 2, .items = page });
}

static void answer_usage(const struct asked *asked)
{
	const struct fake_key *key = &server.keys[asked->at];
	struct redis_reply reply = { .type = REDIS_INTEGER, .integer = key->bytes };
	if (key->gone)
		reply = (struct redis_reply){ .type = REDIS_NIL };
	asked->fn(asked->ctx, server.fails, server.fails ? NULL : &reply);
}

static void answer_all(void)
{
	for (size_t i = 0; i < server.n_pending; i++) { /* answers ask for more */
		const struct asked asked = server.pending[i];
		if (asked.scan)
			answer_scan(&asked);
		else
			answer_usage(&asked);
	}
	server.n_pending = 0;
}

static void step(enum segment segment)
{
	now_ms += 1000;
	memory_families_step(families, segment, &server.port, server.count, now_ms);
}

static void second(enum segment segment)
{
	server.scans = server.usages = 0;
	step(segment);
	answer_all();
}

static void add_named(int64_t bytes, const char *name)
{
	struct fake_key *key = &server.keys[server.count++];
	*key = (struct fake_key){ .bytes = bytes };
	assert_int_equal(str_copy(str_of(name), key->name, sizeof key->name), STATUS_OK);
}

static void add(int64_t bytes, const char *prefix, size_t number)
{
	char name[64];
	snprintf(name, sizeof name, "%s%zu", prefix, number);
	add_named(bytes, name);
}

static int set_up(void **state)
{
	static const struct redis_ops ops = { command, pending_bytes };
	(void)state;
	memset(&server, 0, sizeof server);
	server.port.ops = &ops;
	now_ms = 1000000;
	families = memory_families_create();
	assert_non_null(families);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	memory_families_destroy(families);
	return 0;
}

static const struct memory_family *of(enum segment segment, size_t family)
{
	return &memory_families_round(families, segment)->families[family];
}

static void until_done(enum segment segment, int seconds)
{
	int64_t before = memory_families_round(families, segment)->done_ms;
	for (int i = 0; i < seconds; i++) {
		second(segment);
		if (memory_families_round(families, segment)->done_ms != before)
			return;
	}
	fail_msg("no round within %d s", seconds);
}

static void each_family_has_its_keys_and_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < 30; i++) {
		add(1000, "instance:mt5-", i);
		add(4000, "instance_history:mt5-", i);
	}
	add_named(300, "instance:state:RUNNING");
	add_named(9000, "instance_events");
	add(70, "xanybody", 1);
	add(71, "xtrades_state:", 1);
	until_done(SEGMENT_RIS, 10);
	assert_int_equal(of(SEGMENT_RIS, KEY_instance)->keys, 30);
	assert_int_equal(memory_family_bytes(of(SEGMENT_RIS, KEY_instance)), 30000);
	assert_int_equal(memory_family_bytes(of(SEGMENT_RIS, KEY_instance_history)), 120000);
	assert_int_equal(memory_family_bytes(of(SEGMENT_RIS, KEY_instance_state)), 300);
	assert_int_equal(memory_family_bytes(of(SEGMENT_RIS, KEY_instance_events)), 9000);
	assert_int_equal(of(SEGMENT_RIS, MEMORY_UNKNOWN)->keys, 2);
	assert_int_equal(memory_family_bytes(of(SEGMENT_RIS, MEMORY_UNKNOWN)), 141);
	assert_int_equal(of(SEGMENT_RTS, KEY_trade_state)->keys, 0);
	assert_string_equal(memory_family_name(KEY_instance), "instance");
	assert_string_equal(memory_family_name(MEMORY_UNKNOWN), "unknown");
}

/* A row's key in a segment that is not the row's is nobody's there. */
static void a_key_in_the_wrong_segment_is_unknown(void **state)
{
	(void)state;
	add_named(500, "trade_signals");
	server.of_others = true;
	until_done(SEGMENT_RTRS, 3);
	assert_int_equal(of(SEGMENT_RTRS, MEMORY_UNKNOWN)->keys, 1);
	assert_int_equal(of(SEGMENT_RTRS, KEY_trade_signals)->keys, 0);
}

static void a_second_asks_no_more_than_its_bound(void **state)
{
	(void)state;
	for (size_t i = 0; i < 6000; i++) {
		add(800, "trade_state:mt5-", i);
		add(60, "trades:open:mt5-", i);
		add(90, "x", i);
	}
	for (int i = 0; i < 200; i++) {
		second(SEGMENT_RTS);
		assert_true(server.scans <= 1);
		assert_true(server.usages <= 3 * MEMORY_ASKED);
	}
	assert_true(memory_families_counts(families).rounds >= 2);
}

/* Sizes differ, keys come in any order: the estimate is near, and says of how many it is. */
static void a_large_family_is_estimated_from_those_measured(void **state)
{
	struct rng rng;
	uint64_t sum = 0;
	(void)state;
	rng_init(&rng, 7);
	for (size_t i = 0; i < 15000; i++) {
		int64_t bytes = 500 + (int64_t)rng_below(&rng, 1000);
		add(bytes, "trade_state:mt5-", i);
		sum += (uint64_t)bytes;
	}
	add(123456, "trades:open:mt5-", 1); /* one among many is measured all the same */
	until_done(SEGMENT_RTS, 2 * MEMORY_ROUND_S);
	const struct memory_family *family = of(SEGMENT_RTS, KEY_trade_state);
	assert_int_equal(family->keys, 15000);
	assert_in_range(family->measured, 5500, 6200);
	assert_in_range(memory_family_bytes(family), sum / 100 * 97, sum / 100 * 103);
	assert_int_equal(memory_family_bytes(of(SEGMENT_RTS, KEY_trades_open)), 123456);
}

static void a_key_that_goes_meanwhile_is_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < 10; i++)
		add(100, "session:u", i);
	server.keys[3].gone = server.keys[4].gone = true;
	until_done(SEGMENT_RSS, 3);
	assert_int_equal(of(SEGMENT_RSS, KEY_session)->keys, 8);
	assert_int_equal(memory_family_bytes(of(SEGMENT_RSS, KEY_session)), 800);
}

static void while_an_answer_is_awaited_nothing_is_asked(void **state)
{
	(void)state;
	add(100, "session:u", 1);
	for (int i = 0; i < 100; i++)
		step(SEGMENT_RSS);
	assert_int_equal(server.scans, 1);
	answer_all();
	assert_int_equal(memory_families_round(families, SEGMENT_RSS)->families[KEY_session].keys,
			 1);
}

static void rounds_are_five_seconds_apart(void **state)
{
	(void)state;
	add(100, "session:u", 1);
	for (int i = 0; i < 100; i++)
		second(SEGMENT_RSS);
	assert_int_equal(memory_families_counts(families).rounds, 20);
}

static void what_fails_gives_the_round_up_and_leaves_the_last_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < 10; i++)
		add(100, "session:u", i);
	until_done(SEGMENT_RSS, 3);
	int64_t done_ms = memory_families_round(families, SEGMENT_RSS)->done_ms;
	server.fails = STATUS_REDIS_NOPERM;
	size_t scans = 0;
	for (int i = 0; i < 200; i++) {
		second(SEGMENT_RSS);
		scans += server.scans;
	}
	assert_in_range(scans, 3, 4); /* a pause of a minute each time */
	assert_int_equal(memory_families_counts(families).given_up, scans);
	assert_int_equal(memory_families_round(families, SEGMENT_RSS)->done_ms, done_ms);
	assert_int_equal(of(SEGMENT_RSS, KEY_session)->keys, 10);
	server.fails = STATUS_OK;
	until_done(SEGMENT_RSS, 70);
	assert_int_equal(memory_family_bytes(of(SEGMENT_RSS, KEY_session)), 1000);
}

static void a_port_that_is_full_anywhere_does_no_harm(void **state)
{
	(void)state;
	for (size_t i = 0; i < 20; i++)
		add(100, "session:u", i);
	for (size_t at = 1; at < 23; at++) {
		server.full_in = at;
		for (int i = 0; i < 62; i++)
			second(SEGMENT_RSS);
		server.full_in = 0;
		until_done(SEGMENT_RSS, 80);
		assert_int_equal(memory_family_bytes(of(SEGMENT_RSS, KEY_session)), 2000);
	}
	assert_in_range(memory_families_counts(families).given_up, 20, 22);
}

/* What comes is no page: nothing is believed, nothing breaks. */
static void an_answer_of_another_shape_gives_the_round_up(void **state)
{
	static const struct redis_reply cursor = { .type = REDIS_BULK, .text = { "0", 1 } };
	static const struct redis_reply odd[] = {
		{ .type = REDIS_NIL },
		{ .type = REDIS_ARRAY, .count = 1, .items = &cursor },
		{ .type = REDIS_BULK, .text = { "x", 1 } },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		now_ms += MEMORY_PAUSE_MS;
		step(SEGMENT_RSS);
		assert_int_equal(server.n_pending, 1);
		server.n_pending = 0;
		server.pending[0].fn(server.pending[0].ctx, STATUS_OK, &odd[i]);
	}
	assert_int_equal(memory_families_counts(families).given_up, ARRAY_LEN(odd));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(each_family_has_its_keys_and_bytes),
		TEST(a_key_in_the_wrong_segment_is_unknown),
		TEST(a_second_asks_no_more_than_its_bound),
		TEST(a_large_family_is_estimated_from_those_measured),
		TEST(a_key_that_goes_meanwhile_is_none),
		TEST(while_an_answer_is_awaited_nothing_is_asked),
		TEST(rounds_are_five_seconds_apart),
		TEST(what_fails_gives_the_round_up_and_leaves_the_last_one),
		TEST(a_port_that_is_full_anywhere_does_no_harm),
		TEST(an_answer_of_another_shape_gives_the_round_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
