#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/rng.h"
#include "market/seen.h"

static struct seen_range change, dropped;

static enum seen_verdict take(struct seen_ordered *seen, int64_t id)
{
	return seen_ordered_take(seen, id, id * 10, false, &change, &dropped);
}

static void consecutive_ids_are_new(void **state)
{
	(void)state;
	struct seen_ordered seen = { 0 };
	for (int64_t id = 7; id < 50; id++)
		assert_int_equal(take(&seen, id), SEEN_NEW);
	assert_int_equal(seen.first, 7);
	assert_int_equal(seen.last, 49);
	assert_int_equal(seen.gaps, 0);
	for (int64_t id = 7; id < 50; id++)
		assert_int_equal(take(&seen, id), SEEN_DUPLICATE);
}

static void jump_opens_a_range_with_its_time(void **state)
{
	(void)state;
	struct seen_ordered seen = { 0 };
	take(&seen, 10);
	assert_int_equal(take(&seen, 14), SEEN_GAP);
	assert_int_equal(change.first, 11);
	assert_int_equal(change.last, 13);
	assert_int_equal(change.ms_first, 100);
	assert_int_equal(change.ms_last, 140);
	assert_int_equal(seen.gaps, 1);
	assert_true(seen_ordered_is_new(&seen, 12));
	assert_false(seen_ordered_is_new(&seen, 10));
}

static void range_closes_from_the_middle_out(void **state)
{
	(void)state;
	struct seen_ordered seen = { 0 };
	take(&seen, 10);
	take(&seen, 14);
	assert_int_equal(take(&seen, 12), SEEN_FILL);
	assert_int_equal(seen.n_ranges, 2);
	assert_int_equal(take(&seen, 12), SEEN_DUPLICATE);
	assert_int_equal(take(&seen, 11), SEEN_CLOSED);
	assert_int_equal(change.ms_last, 140); /* the whole gap's time, not the piece's */
	assert_int_equal(seen_ordered_take(&seen, 13, 130, true, &change, &dropped), SEEN_CLOSED);
	assert_true(change.repaired);
	assert_int_equal(seen.n_ranges, 0);
	assert_int_equal(take(&seen, 15), SEEN_NEW);
}

static void below_the_first_is_new(void **state)
{
	(void)state;
	struct seen_ordered seen = { 0 };
	take(&seen, 100);
	assert_int_equal(take(&seen, 99), SEEN_BELOW);
	assert_true(change.first > change.last);
	assert_int_equal(take(&seen, 90), SEEN_BELOW);
	assert_int_equal(change.first, 91);
	assert_int_equal(change.last, 98);
	assert_int_equal(take(&seen, 98), SEEN_FILL);
	assert_int_equal(take(&seen, 101), SEEN_NEW);
	assert_int_equal(seen.gaps, 0);
}

static void full_list_gives_up_the_oldest(void **state)
{
	(void)state;
	struct seen_ordered seen = { 0 };
	take(&seen, 0);
	for (int64_t id = 2; id <= 2 * SEEN_RANGES; id += 2)
		assert_int_equal(take(&seen, id), SEEN_GAP);
	assert_int_equal(seen.n_ranges, SEEN_RANGES);
	assert_int_equal(seen.given_up, 0);
	take(&seen, 2 * SEEN_RANGES + 2);
	assert_int_equal(seen.given_up, 1);
	assert_int_equal(dropped.first, 1);
	assert_int_equal(take(&seen, 1), SEEN_DUPLICATE);
	assert_int_equal(take(&seen, 3), SEEN_CLOSED);
}

/* Against a bitmap, with every kind of order. */
static void any_order_equals_a_bitmap(void **state)
{
	(void)state;
	enum { IDS = 3000 };
	static bool taken[IDS];
	struct rng rng;
	rng_init(&rng, 5);
	for (int round = 0; round < 20; round++) {
		struct seen_ordered seen = { 0 };
		memset(taken, 0, sizeof taken);
		int64_t front = (int64_t)rng_below(&rng, 1000) + 50;
		for (int i = 0; i < 20000 && seen.given_up == 0; i++) {
			int64_t id = front + 30 - (int64_t)rng_below(&rng, 50);
			if (id < 0 || id >= IDS)
				break;
			front = rng_below(&rng, 3) == 0 && front < IDS - 31 ? front + 1 : front;
			assert_int_equal(seen_ordered_is_new(&seen, id), !taken[id]);
			assert_int_equal(take(&seen, id) != SEEN_DUPLICATE, !taken[id]);
			taken[id] = true;
		}
		for (uint32_t i = 0; i < seen.n_ranges; i++) {
			assert_true(seen.ranges[i].first <= seen.ranges[i].last);
			assert_true(i == 0 || seen.ranges[i - 1].last + 1 < seen.ranges[i].first);
			for (int64_t id = seen.ranges[i].first; id <= seen.ranges[i].last; id++)
				assert_false(taken[id]);
		}
	}
}

/* ---- unordered ---- */

static uint64_t hash_of(uint64_t i)
{
	char text[40];
	int len = snprintf(text, sizeof text, "%08x-4c1f-5a4e-9d5c-%012x",
			   (unsigned)(i * 2654435761u), (unsigned)i);
	return seen_id_hash(str_make(text, (size_t)len));
}

static void set_holds_the_last_ids(void **state)
{
	(void)state;
	struct seen_ids *seen = seen_ids_create();
	for (uint64_t i = 0; i < 5 * SEEN_IDS; i++) {
		assert_true(seen_ids_take(seen, hash_of(i), (int64_t)i));
		assert_false(seen_ids_take(seen, hash_of(i), (int64_t)i));
		uint64_t oldest = i < SEEN_IDS ? 0 : i - SEEN_IDS + 1;
		assert_int_equal(seen_ids_look(seen, hash_of(oldest)), SEEN_DUPLICATE);
		if (oldest > 0)
			assert_int_equal(seen_ids_look(seen, hash_of(oldest - 1)), SEEN_NEW);
		assert_int_equal(seen_ids_floor_ms(seen), oldest > 0 ? oldest - 1 : 0);
	}
	uint64_t hash = 0;
	int64_t t_ms = 0;
	assert_true(seen_ids_newest(seen, 0, &hash, &t_ms));
	assert_int_equal(t_ms, 5 * SEEN_IDS - 1);
	assert_true(seen_ids_newest(seen, SEEN_IDS - 1, &hash, &t_ms));
	assert_false(seen_ids_newest(seen, SEEN_IDS, &hash, &t_ms));
	seen_ids_destroy(seen);
}

/* Hashes that all want the same few slots: holes must close without losing any. */
static void crowded_slots_lose_nothing(void **state)
{
	(void)state;
	enum { N = 3 * SEEN_IDS };
	static uint64_t hashes[N];
	struct rng rng;
	rng_init(&rng, 9);
	struct seen_ids *seen = seen_ids_create();
	for (size_t i = 0; i < N; i++) {
		uint64_t crowd = rng_below(&rng, 40) << 48;
		hashes[i] = (i % 4 ? rng_next(&rng) : crowd | i);
		assert_true(seen_ids_take(seen, hashes[i], (int64_t)i));
		size_t back = (size_t)rng_below(&rng, SEEN_IDS);
		if (back <= i)
			assert_int_equal(seen_ids_look(seen, hashes[i - back]), SEEN_DUPLICATE);
		if (i >= SEEN_IDS)
			assert_int_equal(seen_ids_look(seen, hashes[i - SEEN_IDS]), SEEN_NEW);
	}
	seen_ids_destroy(seen);
}

static void id_hash_depends_on_every_byte_and_the_length(void **state)
{
	(void)state;
	char text[48];
	memset(text, 'a', sizeof text);
	for (size_t len = 0; len <= 40; len++) {
		uint64_t hash = seen_id_hash(str_make(text, len));
		assert_true(hash != seen_id_hash(str_make(text, len + 1)));
		for (size_t i = 0; i < len; i++) {
			text[i] = 'b';
			assert_true(seen_id_hash(str_make(text, len)) != hash);
			text[i] = 'a';
		}
	}
	/* stored with the state: it may never change */
	assert_true(seen_id_hash(STR("2290000000068683805")) == UINT64_C(0xc92d1155147a5382));
	assert_true(seen_id_hash(STR("fa2d1b3c-1111-5222-8333-0123456789ab")) ==
		    UINT64_C(0xd8f729e3e911063f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(consecutive_ids_are_new),
		cmocka_unit_test(jump_opens_a_range_with_its_time),
		cmocka_unit_test(range_closes_from_the_middle_out),
		cmocka_unit_test(below_the_first_is_new),
		cmocka_unit_test(full_list_gives_up_the_oldest),
		cmocka_unit_test(any_order_equals_a_bitmap),
		cmocka_unit_test(set_holds_the_last_ids),
		cmocka_unit_test(crowded_slots_lose_nothing),
		cmocka_unit_test(id_hash_depends_on_every_byte_and_the_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
