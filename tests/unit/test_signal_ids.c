/* The map of producers' keys: its hash by the vectors of its paper, its age, and a model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "trade/signal_ids.h"

static const uint64_t secret[2] = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };

/* Key 00 01 … 0f, text 00 01 …: the authors' vectors of 128 bits. */
static void the_hash_is_siphash_of_128_bits(void **state)
{
	(void)state;
	static const unsigned char empty[16] = { 0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
						 0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93 };
	static const unsigned char one[16] = { 0xda, 0x87, 0xc1, 0xd8, 0x6b, 0x99, 0xaf, 0x44,
					       0x34, 0x76, 0x59, 0x11, 0x9b, 0x22, 0xfc, 0x45 };
	uint64_t hash[2];
	signal_ids_hash(secret, STR(""), hash);
	assert_memory_equal(hash, empty, 16);
	signal_ids_hash(secret, str_make("\0", 1), hash);
	assert_memory_equal(hash, one, 16);
}

static struct str id_of(uint64_t number, char text[64])
{
	snprintf(text, 64, "order-%llu-of-strategy-7", (unsigned long long)number);
	return str_of(text);
}

static void the_newest_are_known_with_their_first_sid(void **state)
{
	(void)state;
	char text[64];
	uint64_t sid = 0;
	struct signal_ids *ids = signal_ids_create(secret);
	assert_non_null(ids);
	const uint64_t many = SIGNAL_IDS_MAX + 5000;
	for (uint64_t i = 1; i <= many; i++)
		assert_true(signal_ids_add(ids, id_of(i, text), i));
	assert_false(signal_ids_add(ids, id_of(many, text), 99));
	for (uint64_t i = 1; i <= many; i++) {
		bool known = signal_ids_find(ids, id_of(i, text), &sid);
		assert_int_equal(known, i > 5000);
		assert_true(!known || sid == i);
	}
	assert_true(signal_ids_add(ids, id_of(1, text), 77)); /* too long ago */
	assert_true(signal_ids_find(ids, id_of(1, text), &sid));
	assert_int_equal(sid, 77);
	signal_ids_destroy(ids);
}

/* Around its ring more than once, in any order of old and new keys. */
static void it_is_a_map_of_the_newest(void **state)
{
	(void)state;
	enum { KEYS = 700000, ADDS = 1500000 };
	struct rng rng;
	char text[64];
	struct signal_ids *ids = signal_ids_create(secret);
	uint64_t *added = calloc(KEYS, sizeof *added), count = 0; /* which add it was, 0 none */
	rng_init(&rng, 7);
	assert_true(ids && added);
	for (int i = 0; i < ADDS; i++) {
		uint64_t key = rng_below(&rng, KEYS), sid = 0;
		bool held = added[key] && count - added[key] < SIGNAL_IDS_MAX;
		struct str id = id_of(key, text);
		if (i % 16 == 0) {
			assert_int_equal(signal_ids_find(ids, id, &sid), held);
			assert_true(!held || sid == added[key]);
		}
		assert_int_equal(signal_ids_add(ids, id, count + 1), !held);
		if (!held)
			added[key] = ++count;
	}
	assert_true(count > 2 * SIGNAL_IDS_MAX);
	signal_ids_destroy(ids);
	free(added);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hash_is_siphash_of_128_bits),
		cmocka_unit_test(the_newest_are_known_with_their_first_sid),
		cmocka_unit_test(it_is_a_map_of_the_newest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
