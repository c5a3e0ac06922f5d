#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/decimal.h"
#include "base/rng.h"
#include "market/levels.h"

enum { PRICES = 400, TEXT_MAX = 1 << 16 };

static struct levels levels;

/* A text of its own size, so that a sanitizer sees a byte read past the padding. */
static double apply(const char *text, bool below)
{
	size_t len = strlen(text);
	char *copy = malloc(len + LEVELS_PADDING);
	assert_non_null(copy);
	memset(copy, '"', len + LEVELS_PADDING);
	memcpy(copy, text, len);
	double deepest = levels_apply(&levels, str_make(copy, len), below);
	free(copy);
	return deepest;
}

static double qty_at(double price) { return levels_sum(&levels, price, price); }

/* Price and quantity as often as it takes for their form to be the usual one. */
static void check_number(const char *price, const char *qty)
{
	struct decimal p, q;
	char text[256];
	assert_int_equal(decimal_parse(str_of(price), &p), STATUS_OK);
	assert_int_equal(decimal_parse(str_of(qty), &q), STATUS_OK);
	double wanted = decimal_to_double(q.mantissa, q.scale);
	levels_init(&levels, false);
	snprintf(text, sizeof text, "[\"%s\",\"%s\"],[\"%s\",\"%s\"],[\"%s\",\"%s\"]", price, qty,
		 price, qty, price, qty);
	apply(text, false);
	assert_int_equal(levels.used, 1);
	assert_int_equal(levels.dropped, 0);
	assert_true(qty_at(decimal_to_double(p.mantissa, p.scale)) == wanted);
}

static void put_number(struct rng *rng, char *out, int digits, int places)
{
	size_t len = 0;
	out[len++] = (char)('1' + rng_below(rng, 9));
	for (int i = 1; i < digits + places; i++) {
		if (i == digits)
			out[len++] = '.';
		out[len++] = (char)('0' + rng_below(rng, 10));
	}
	out[len] = 0;
}

static void numbers_of_every_form_are_read_exactly(void **state)
{
	(void)state;
	struct rng rng;
	char price[32], qty[32];
	rng_init(&rng, 5);
	for (int digits = 1; digits <= 10; digits++)
		for (int places = 0; places <= 7; places++)
			for (int i = 0; i < 100; i++) {
				put_number(&rng, price, digits, places);
				put_number(&rng, qty, 1 + (int)rng_below(&rng, 9),
					   (int)rng_below(&rng, 9));
				check_number(price, qty);
			}
}

/* `1","1.25` is as long as a price that was usual, with the point in its place. */
static void a_shorter_price_is_not_taken_with_its_quantity(void **state)
{
	(void)state;
	levels_init(&levels, false);
	apply("[\"11111.25\",\"1.25\"],[\"1\",\"1.25\"],[\"2\",\"3.25\"],[\"11111.50\",\"2.50\"]",
	      false);
	assert_int_equal(levels.used, 4);
	assert_true(qty_at(1) == 1.25);
	assert_true(qty_at(2) == 3.25);
	assert_true(qty_at(11111.25) == 1.25);
	assert_true(qty_at(11111.5) == 2.5);
}

static void a_price_of_zero_is_dropped(void **state)
{
	(void)state;
	levels_init(&levels, true);
	assert_true(apply("[\"1.25\",\"1.0\"],[\"0.00\",\"1.0\"],[\"1.50\",\"2.0\"]", false) ==
		    1.25);
	assert_int_equal(levels.dropped, 1);
	assert_int_equal(levels.used, 2);
}

/* The forms change from level to level; each price is written in several ways. */
static void levels_of_mixed_forms_equal_a_plain_book(void **state)
{
	(void)state;
	static char text[TEXT_MAX];
	static double model[PRICES];
	struct rng rng;
	rng_init(&rng, 8);
	for (int bids = 0; bids < 2; bids++) {
		memset(model, 0, sizeof model);
		levels_init(&levels, bids);
		for (int round = 0; round < 200; round++) {
			int usual = (int)rng_below(&rng, 4);
			size_t len = 0;
			for (int i = 0; i < 60; i++) {
				int form = rng_below(&rng, 4) ? usual : (int)rng_below(&rng, 4);
				size_t at = rng_below(&rng, PRICES);
				uint64_t qty = rng_below(&rng, 3) ? rng_below(&rng, 2000000) : 0;
				len += (size_t)snprintf(text + len, TEXT_MAX - len,
							"%s[\"%zu.%02zu%s\",\"%llu.%03llu%s\"]",
							i ? "," : "", 98 + at / 100, at % 100,
							form == 1   ? "0"
							: form == 3 ? "000000"
								    : "",
							(unsigned long long)qty / 1000,
							(unsigned long long)qty % 1000,
							form >= 2 ? "00000" : "");
				model[at] = (double)qty / 1000;
			}
			apply(text, false);
		}
		for (size_t at = 0; at < PRICES; at++)
			assert_true(fabs(qty_at(98 + (double)at / 100) - model[at]) < 1e-9);
		assert_int_equal(levels.dropped, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_every_form_are_read_exactly),
		cmocka_unit_test(a_shorter_price_is_not_taken_with_its_quantity),
		cmocka_unit_test(a_price_of_zero_is_dropped),
		cmocka_unit_test(levels_of_mixed_forms_equal_a_plain_book),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
