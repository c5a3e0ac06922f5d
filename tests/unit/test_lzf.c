#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/lzf.h"

static enum status unpack(struct str in, char *out, size_t size, size_t *len)
{
	struct lzf lzf = { (const uint8_t *)in.ptr, in.len, out, 0, size };
	enum status status = lzf_unpack(&lzf, true);
	*len = lzf.out_len;
	return status;
}

static void literals_and_copies(void **state)
{
	char out[300];
	size_t len;
	(void)state;
	/* "abc", then 3 from 3 back, then 9 + 4 from 1 back */
	struct str in = STR("\x02"
			    "abc"
			    "\x20\x02"
			    "\xe0\x04\x00");
	assert_int_equal(unpack(in, out, sizeof out, &len), STATUS_OK);
	assert_int_equal(len, 19);
	assert_memory_equal(out, "abcabcccccccccccccc", 19);
}

static void a_copy_from_before_the_beginning_is_refused(void **state)
{
	char out[300];
	size_t len;
	(void)state;
	assert_int_equal(unpack(STR("\x00"
				    "a"
				    "\x20\x01"),
				out, sizeof out, &len),
			 STATUS_FORMAT);
}

static void a_cut_step_is_refused_at_the_end_and_awaited_before(void **state)
{
	static const struct str steps[] = { { "\x05"
					      "abc",
					      4 },
					    { "\x00"
					      "a\x20",
					      3 },
					    { "\x00"
					      "a\xe0\x01",
					      4 } };
	char out[300];
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (int last = 0; last < 2; last++) {
			struct lzf lzf = { (const uint8_t *)steps[i].ptr, steps[i].len, out, 0,
					   sizeof out };
			assert_int_equal(lzf_unpack(&lzf, last), last ? STATUS_FORMAT : STATUS_OK);
			assert_in_range(lzf.in_size, 1, steps[i].len);
		}
	}
}

/* Never a byte beyond the room: what does not fit waits for more. */
static void room_ends_it_before_a_step(void **state)
{
	struct str in = STR("\x02"
			    "abc"
			    "\xe0\xff\x02");
	(void)state;
	for (size_t room = 0; room < 3 + 264; room++) {
		char *out = malloc(room ? room : 1);
		struct lzf lzf = { (const uint8_t *)in.ptr, in.len, out, 0, room };
		assert_int_equal(lzf_unpack(&lzf, true), STATUS_OK);
		assert_int_equal(lzf.out_len, room < 3 ? 0 : 3);
		assert_int_equal(lzf.in_size, room < 3 ? in.len : 3);
		free(out);
	}
}

/* Whatever way bytes are moved: the same as one by one, and none beyond the room. */
static void copies_of_every_distance_and_length_are_exact(void **state)
{
	enum { LITERALS = 32, LENGTH_MAX = 264, SPARE_MAX = 40 };
	(void)state;
	for (size_t distance = 1; distance <= LITERALS; distance++) {
		for (size_t len = 3; len <= LENGTH_MAX; len += len < 40 ? 1 : 37) {
			uint8_t in[40] = { LITERALS - 1 };
			char expected[LITERALS + LENGTH_MAX];
			for (size_t i = 0; i < LITERALS; i++)
				expected[i] = (char)(in[1 + i] = (uint8_t)('A' + i));
			for (size_t i = LITERALS; i < LITERALS + len; i++)
				expected[i] = expected[i - distance];
			size_t n = 1 + LITERALS;
			if (len < 9) {
				in[n++] = (uint8_t)((len - 2) << 5);
			} else {
				in[n++] = 7 << 5;
				in[n++] = (uint8_t)(len - 9);
			}
			in[n++] = (uint8_t)(distance - 1);
			for (size_t spare = 0; spare < SPARE_MAX; spare += 13) {
				size_t room = LITERALS + len + spare, got;
				char *out = malloc(room);
				assert_non_null(out);
				struct str text = str_make((const char *)in, n);
				assert_int_equal(unpack(text, out, room, &got), STATUS_OK);
				assert_int_equal(got, LITERALS + len);
				assert_memory_equal(out, expected, got);
				free(out);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_and_copies),
		cmocka_unit_test(a_copy_from_before_the_beginning_is_refused),
		cmocka_unit_test(a_cut_step_is_refused_at_the_end_and_awaited_before),
		cmocka_unit_test(room_ends_it_before_a_step),
		cmocka_unit_test(copies_of_every_distance_and_length_are_exact),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
