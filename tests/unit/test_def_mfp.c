/* Every verb and field of MFP/1: what the codec and the page of the reference rest on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdint.h>
#include <string.h>

#include "codec/mfp.h"

static void fields_stand_together_in_the_order_of_the_verbs(void **state)
{
	(void)state;
	enum mfp_field next = 0;
	for (enum mfp_verb verb = 0; verb < MFP_VERBS; verb++) {
		const struct mfp_verb_row *row = mfp_verb_row(verb);
		assert_int_equal(row->first, next);
		assert_true(row->end > row->first);
		assert_true(row->end - row->first <= MFP_FIELDS_MAX);
		for (next = row->first; next < row->end; next++)
			assert_int_equal(mfp_field_row(next)->verb, verb);
	}
	assert_int_equal(next, MFP_FIELDS);
	assert_true(MFP_FIELDS_MAX <= 64); /* the bits of mfp_frame.given */
}

static void verbs_are_single_letters_of_their_own(void **state)
{
	(void)state;
	for (enum mfp_verb verb = 0; verb < MFP_VERBS; verb++) {
		const struct mfp_verb_row *row = mfp_verb_row(verb);
		assert_true((row->letter >= 'A' && row->letter <= 'Z') ||
			    (row->letter >= 'a' && row->letter <= 'z'));
		assert_true(strlen(row->name) > 2 && strlen(row->meaning) > 3);
		for (enum mfp_verb other = 0; other < verb; other++) {
			assert_int_not_equal(row->letter, mfp_verb_row(other)->letter);
			assert_string_not_equal(row->name, mfp_verb_row(other)->name);
		}
	}
}

static void numbered_frames_have_one_direction(void **state)
{
	(void)state;
	for (enum mfp_verb verb = 0; verb < MFP_VERBS; verb++) {
		const struct mfp_verb_row *row = mfp_verb_row(verb);
		if (row->reliable == MFP_RELIABLE_UP)
			assert_int_equal(row->from, MFP_PEER);
		if (row->reliable == MFP_RELIABLE_DOWN)
			assert_int_equal(row->from, MFP_WEIR);
	}
}

static void keys_are_short_words_of_their_own(void **state)
{
	(void)state;
	for (enum mfp_field field = 0; field < MFP_FIELDS; field++) {
		const struct mfp_field_row *row = mfp_field_row(field);
		size_t len = strlen(row->key);
		assert_true(len >= 1 && len <= 8);
		assert_int_equal(strspn(row->key, "abcdefghijklmnopqrstuvwxyz0123456789_"), len);
		assert_true(strlen(row->meaning) > 1);
		assert_null(strchr(row->meaning, '\n'));
		for (enum mfp_field other = mfp_verb_row(row->verb)->first; other < field; other++)
			assert_string_not_equal(row->key, mfp_field_row(other)->key);
	}
}

/* Choices go into a value as they are, and are found again by their place. */
static void words_and_nothing_else_have_choices(void **state)
{
	(void)state;
	for (enum mfp_field field = 0; field < MFP_FIELDS; field++) {
		const struct mfp_field_row *row = mfp_field_row(field);
		struct str choices = str_of(row->choices), seen = choices, word, other;
		if (row->type != MFP_WORD) {
			assert_string_equal(row->choices, "");
			continue;
		}
		while (str_split(&choices, ' ', &word)) {
			assert_true(word.len > 0);
			for (size_t i = 0; i < word.len; i++)
				assert_true((word.ptr[i] >= 'a' && word.ptr[i] <= 'z') ||
					    word.ptr[i] == '_');
			int times = 0;
			for (struct str all = seen; str_split(&all, ' ', &other);)
				times += str_eq(word, other);
			assert_int_equal(times, 1);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_stand_together_in_the_order_of_the_verbs),
		cmocka_unit_test(verbs_are_single_letters_of_their_own),
		cmocka_unit_test(numbered_frames_have_one_direction),
		cmocka_unit_test(keys_are_short_words_of_their_own),
		cmocka_unit_test(words_and_nothing_else_have_choices),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
