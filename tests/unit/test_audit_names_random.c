/* Names of keys at random: families do not depend on the order, memory has a bound, and no
 * bytes do harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "audit/names.h"
#include "audit/names_store.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/rng.h"

enum { NAMES_MAX = 4000, TEXT_MAX = 96 };

struct list {
	char text[NAMES_MAX][TEXT_MAX];
	int64_t bytes[NAMES_MAX];
	size_t n;
};

static const char *const symbols[] = { "BTC", "ETH", "SOL", "LINK", "DOT", "QQZ", "ZZTOP", "USDT" };
static const char *const tfs[] = { "1m", "5m", "1h", "4h", "1d" };
static const char *const figures[] = { "RSI14", "EMA50", "StochRSI_K", "latest_close", "GAP3" };
static const char *const people[] = { "alice", "bob", "carol", "dave", "erin", "frank", "grace" };

#define PICK(rng, list) list[rng_below(rng, ARRAY_LEN(list))]

static void random_name(struct rng *rng, char *out)
{
	unsigned number = (unsigned)rng_below(rng, 100000);
	unsigned long long wide = rng_next(rng);
	switch (rng_below(rng, 10)) {
	case 0: snprintf(out, TEXT_MAX, "%s_%s", PICK(rng, symbols), PICK(rng, tfs)); break;
	case 1:
		snprintf(out, TEXT_MAX, "%s_%s_%s", PICK(rng, symbols), PICK(rng, tfs),
			 PICK(rng, figures));
		break;
	case 2:
		snprintf(out, TEXT_MAX, "klines:%sUSDT:%u", PICK(rng, symbols), number % 300);
		break;
	case 3: snprintf(out, TEXT_MAX, "user:%s:profile", PICK(rng, people)); break;
	case 4: snprintf(out, TEXT_MAX, "user:%u:profile", number); break;
	case 5: snprintf(out, TEXT_MAX, "session:%08x", (unsigned)wide); break;
	case 6: snprintf(out, TEXT_MAX, "seat%u/%s", number % 3, PICK(rng, people)); break;
	case 7:
		snprintf(out, TEXT_MAX, "tick:%llu",
			 wide % 3 ? 1700000000 + wide % 9999 : wide % 99);
		break;
	case 8: snprintf(out, TEXT_MAX, "%s.%s", PICK(rng, people), PICK(rng, people)); break;
	default: snprintf(out, TEXT_MAX, "%s_state", PICK(rng, symbols)); break;
	}
}

static struct list *random_list(uint64_t seed, size_t n)
{
	struct list *list = calloc(1, sizeof *list);
	struct rng rng;
	assert_non_null(list);
	rng_init(&rng, seed);
	for (list->n = 0; list->n < n; list->n++) {
		random_name(&rng, list->text[list->n]);
		list->bytes[list->n] = (int64_t)rng_below(&rng, 1000);
	}
	return list;
}

static void shuffle(struct list *list, struct rng *rng)
{
	for (size_t i = list->n - 1; i > 0; i--) {
		size_t j = (size_t)rng_below(rng, i + 1);
		char text[TEXT_MAX];
		int64_t bytes = list->bytes[i];
		memcpy(text, list->text[i], TEXT_MAX);
		memcpy(list->text[i], list->text[j], TEXT_MAX);
		memcpy(list->text[j], text, TEXT_MAX);
		list->bytes[i] = list->bytes[j];
		list->bytes[j] = bytes;
	}
}

static struct names *learn(const struct list *list)
{
	struct names *names;
	assert_int_equal(names_create(STR(":_-./|"), &names), STATUS_OK);
	for (size_t i = 0; i < list->n; i++) {
		uint32_t shape;
		assert_int_equal(
		    names_learn(names, str_of(list->text[i]), AUDIT_STRING, list->bytes[i], &shape),
		    STATUS_OK);
	}
	assert_int_equal(names_settle(names, AUDIT_FAMILIES_MAX), STATUS_OK);
	return names;
}

static void families_do_not_depend_on_the_order_of_the_keys(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct list *list = random_list(seed, 40 * seed * seed % NAMES_MAX + 20);
		struct names *first = learn(list);
		struct rng rng;
		rng_init(&rng, seed * 77);
		for (int round = 0; round < 3; round++) {
			shuffle(list, &rng);
			struct names *again = learn(list);
			assert_int_equal(names_families(first), names_families(again));
			for (size_t i = 0; i < names_families(first); i++) {
				assert_string_equal(names_family(first, i)->pattern,
						    names_family(again, i)->pattern);
				assert_int_equal(names_family(first, i)->keys,
						 names_family(again, i)->keys);
			}
			names_destroy(again);
		}
		names_destroy(first);
		free(list);
	}
}

static void each_key_is_in_the_family_that_its_name_finds(void **state)
{
	(void)state;
	struct list *list = random_list(99, 3000);
	uint32_t *shapes = calloc(list->n, sizeof *shapes);
	uint64_t keys = 0;
	struct names *names;
	assert_int_equal(names_create(STR(":_-./|"), &names), STATUS_OK);
	for (size_t i = 0; i < list->n; i++)
		assert_int_equal(
		    names_learn(names, str_of(list->text[i]), AUDIT_HASH, 1, &shapes[i]),
		    STATUS_OK);
	assert_int_equal(names_settle(names, AUDIT_FAMILIES_MAX), STATUS_OK);
	for (size_t i = 0; i < list->n; i++)
		assert_int_equal(names_family_of(names, shapes[i]),
				 names_find(names, str_of(list->text[i])));
	for (size_t i = 0; i < names_families(names); i++)
		keys += names_family(names, i)->keys;
	assert_int_equal(keys, list->n);
	names_destroy(names);
	free(shapes);
	free(list);
}

static void random_word(struct rng *rng, char *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (char)('a' + rng_below(rng, 26));
	out[n] = 0;
}

/* More skeletons than there is room for: they are pressed together, and none is lost. */
static void unique_names_end_in_few_families(void **state)
{
	(void)state;
	struct rng rng;
	struct names *names;
	uint32_t *shapes = calloc(200000, sizeof *shapes);
	char a[16], b[16], name[64];
	rng_init(&rng, 5);
	assert_non_null(shapes);
	assert_int_equal(names_create(STR(":_-./|"), &names), STATUS_OK);
	for (size_t i = 0; i < 200000; i++) {
		random_word(&rng, a, 7);
		random_word(&rng, b, 9);
		snprintf(name, sizeof name, i % 3 ? "user:%s:profile" : "%s.%s", a, b);
		assert_int_equal(names_learn(names, str_of(name), AUDIT_STRING, 10, &shapes[i]),
				 STATUS_OK);
		assert_true(names_shapes(names) < NAMES_SHAPES_MAX);
	}
	assert_int_equal(names_settle(names, AUDIT_FAMILIES_MAX), STATUS_OK);
	assert_true(names_families(names) < 60);
	assert_string_equal(names_family(names, 0)->pattern, "user:{word}:profile");
	assert_true(names_family(names, 0)->keys > 133000);
	uint64_t keys = 0;
	for (size_t i = 0; i < names_families(names); i++)
		keys += names_family(names, i)->keys;
	assert_int_equal(keys, 200000);
	for (size_t i = 0; i < 200000; i++)
		assert_true(names_family_of(names, shapes[i]) < names_families(names));
	names_destroy(names);
	free(shapes);
}

static void any_bytes_are_a_name(void **state)
{
	(void)state;
	static const char alphabet[] = "abcXYZ019:_-./|{}@\\ \x01\xc3\xa4\xff";
	struct rng rng;
	struct names *names;
	struct list *list = calloc(1, sizeof *list);
	size_t lens[NAMES_MAX];
	rng_init(&rng, 31);
	assert_int_equal(names_create(STR(":_-./|"), &names), STATUS_OK);
	for (size_t i = 0; i < NAMES_MAX; i++) {
		uint32_t shape;
		lens[i] = (size_t)rng_below(&rng, TEXT_MAX);
		for (size_t j = 0; j < lens[i]; j++)
			list->text[i][j] = rng_below(&rng, 4)
					       ? alphabet[rng_below(&rng, sizeof alphabet)]
					       : (char)rng_below(&rng, 256);
		assert_int_equal(
		    names_learn(names, str_make(list->text[i], lens[i]), AUDIT_SET, -1, &shape),
		    STATUS_OK);
	}
	assert_int_equal(names_settle(names, 50), STATUS_OK);
	assert_true(names_families(names) <= 51);
	for (size_t i = 0; i < NAMES_MAX; i++)
		assert_true(names_find(names, str_make(list->text[i], lens[i])) >= 0);
	names_destroy(names);
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_do_not_depend_on_the_order_of_the_keys),
		cmocka_unit_test(each_key_is_in_the_family_that_its_name_finds),
		cmocka_unit_test(unique_names_end_in_few_families),
		cmocka_unit_test(any_bytes_are_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
