#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/rng.h"
#include "codec/crc64.h"

enum { BYTES = 5000 };

static void the_known_check_value(void **state)
{
	(void)state;
	assert_true(crc64(0, "123456789", 9) == UINT64_C(0xe9c6d914c4b8d9ca));
	assert_true(crc64(0, "", 0) == 0);
}

/* One bit at a time, as the polynomial is written. */
static uint64_t slow(uint64_t crc, const unsigned char *p, size_t len)
{
	while (len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? (crc >> 1) ^ UINT64_C(0x95ac9329ac4bc9b5) : crc >> 1;
	}
	return crc;
}

static void all_ways_agree_at_every_length_and_place(void **state)
{
	static unsigned char bytes[BYTES];
	struct rng rng;
	(void)state;
	rng_init(&rng, 5);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)rng_next(&rng);
	for (size_t len = 0; len < 1500; len++) {
		size_t at = (size_t)rng_below(&rng, BYTES - 1500);
		uint64_t start = rng_next(&rng), expected = slow(start, bytes + at, len);
		assert_true(crc64(start, bytes + at, len) == expected);
		assert_true(crc64_portable(start, bytes + at, len) == expected);
	}
}

static void parts_chain(void **state)
{
	static unsigned char bytes[BYTES];
	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(i * 7 >> 2);
	uint64_t whole = crc64(0, bytes, BYTES);
	for (size_t cut = 0; cut <= BYTES; cut += 77)
		assert_true(crc64(crc64(0, bytes, cut), bytes + cut, BYTES - cut) == whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_known_check_value),
		cmocka_unit_test(all_ways_agree_at_every_length_and_place),
		cmocka_unit_test(parts_chain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
