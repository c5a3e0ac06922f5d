/* decode_spellings.h - what holds for every hand-written frame of a venue, however it
 * is spelled: the tests that test_decoder_binance.c and test_decoder_bybit.c share.
 * Define CASES_VENUE before it; CASES_SPELLING_TESTS goes into the list of tests. */
#pragma once

#include "decode_case.h"

static struct cases spot, perp;

static int load(void **state)
{
	(void)state;
	cases_load(&spot, CASES_VENUE, KIND_SPOT);
	cases_load(&perp, CASES_VENUE, KIND_PERP);
	return 0;
}

static void hand_written_frames_say_what_is_written_beside_them(void **state)
{
	(void)state;
	check_golden(&spot, DECODE_AUTO);
	check_golden(&perp, DECODE_AUTO);
	check_golden(&spot, DECODE_SIMDJSON);
	check_golden(&perp, DECODE_SIMDJSON);
}

static void blanks_do_not_matter(void **state)
{
	(void)state;
	check_respelled(&spot, respell_blanks);
	check_respelled(&perp, respell_blanks);
}

static void unknown_keys_do_not_matter(void **state)
{
	(void)state;
	check_respelled(&spot, respell_keys);
	check_respelled(&perp, respell_keys);
}

static void escaped_letters_do_not_matter(void **state)
{
	(void)state;
	check_respelled(&spot, respell_escapes);
	check_respelled(&perp, respell_escapes);
}

static void order_of_members_does_not_matter(void **state)
{
	(void)state;
	check_respelled(&spot, respell_reversed);
	check_respelled(&perp, respell_reversed);
}

static void a_frame_cut_anywhere_is_malformed(void **state)
{
	(void)state;
	check_cuts(&spot);
	check_cuts(&perp);
}

static void bytes_behind_the_frame_are_malformed(void **state)
{
	(void)state;
	check_trailing(&spot);
	check_trailing(&perp);
}

#define CASES_SPELLING_TESTS                                                                       \
	cmocka_unit_test(hand_written_frames_say_what_is_written_beside_them),                     \
	    cmocka_unit_test(blanks_do_not_matter), cmocka_unit_test(unknown_keys_do_not_matter),  \
	    cmocka_unit_test(escaped_letters_do_not_matter),                                       \
	    cmocka_unit_test(order_of_members_does_not_matter),                                    \
	    cmocka_unit_test(a_frame_cut_anywhere_is_malformed),                                   \
	    cmocka_unit_test(bytes_behind_the_frame_are_malformed)
