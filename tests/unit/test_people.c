/* Who may talk to weir: pairing, roles, the settings, confirming, rates, packing. */
#include <stdio.h>

#include "people_stage.h"

static struct people_stage stage;

static int begin(void **state)
{
	(void)state;
	people_stage_begin(&stage);
	return 0;
}

static int end(void **state)
{
	(void)state;
	people_stage_end(&stage);
	return 0;
}

static void an_empty_list_knows_nobody(void **state)
{
	(void)state;
	assert_null(people_find(stage.people, 7));
	assert_false(people_has_admin(stage.people));
	people_apply_settings(stage.people, STR(""), STR(""), WALL_MS);
	assert_int_equal(people_count(stage.people), 0);
	assert_false(people_allow_group(stage.people, -100));
}

static void the_first_is_an_admin_and_the_next_ones_wait(void **state)
{
	(void)state;
	const struct person *first = people_stage_pair(&stage, 7, "Ada");
	const struct person *second = people_stage_pair(&stage, 8, "Ben");
	assert_int_equal(first->role, ROLE_ADMIN);
	assert_int_equal(first->state, PERSON_ACTIVE);
	assert_int_equal(second->role, ROLE_NONE);
	assert_int_equal(second->state, PERSON_WAITING);
	assert_int_equal(people_approve(stage.people, 8, WALL_MS + 1), STATUS_OK);
	assert_int_equal(second->role, ROLE_READER);
	assert_int_equal(second->since_ms, WALL_MS + 1);
	assert_int_equal(people_approve(stage.people, 8, WALL_MS + 2), STATUS_REFUSED);
	assert_int_equal(people_approve(stage.people, 9, WALL_MS), STATUS_NOT_FOUND);
}

static enum status pair(int64_t id, const char *code, int64_t now_ns)
{
	const struct person *person;
	return people_pair(stage.people, id, STR("X"), str_of(code), now_ns, WALL_MS, &person);
}

static void a_code_holds_once_and_ten_minutes(void **state)
{
	char code[PEOPLE_CODE_BYTES + 1], other[PEOPLE_CODE_BYTES + 1];
	(void)state;
	assert_int_equal(people_make_code(stage.people, SECOND, code), STATUS_OK);
	assert_int_equal(people_make_code(stage.people, SECOND, other), STATUS_OK);
	assert_string_not_equal(code, other);
	assert_int_equal(strlen(code), PEOPLE_CODE_BYTES);
	assert_int_equal(pair(7, code, 600 * SECOND), STATUS_OK);
	assert_int_equal(pair(8, code, 600 * SECOND), STATUS_TIMEOUT);
	assert_int_equal(pair(8, other, 601 * SECOND), STATUS_TIMEOUT);
	assert_null(people_find(stage.people, 8));
}

static void a_wrong_code_lets_nobody_in(void **state)
{
	char code[PEOPLE_CODE_BYTES + 1];
	(void)state;
	assert_int_equal(pair(7, "00000000000000000000000000000000", SECOND), STATUS_REFUSED);
	assert_int_equal(people_make_code(stage.people, SECOND, code), STATUS_OK);
	code[31] = code[31] == '0' ? '1' : '0';
	assert_int_equal(pair(7, code, SECOND), STATUS_REFUSED);
	assert_int_equal(pair(7, "", SECOND), STATUS_REFUSED);
	code[31] = 0;
	assert_int_equal(pair(7, code, SECOND), STATUS_REFUSED);
	assert_int_equal(people_counts(stage.people).wrong_codes, 4);
	assert_int_equal(people_count(stage.people), 0);
}

static void who_is_in_already_leaves_the_code_good(void **state)
{
	char code[PEOPLE_CODE_BYTES + 1];
	(void)state;
	people_stage_pair(&stage, 7, "Ada");
	assert_int_equal(people_make_code(stage.people, SECOND, code), STATUS_OK);
	assert_int_equal(pair(7, code, SECOND), STATUS_EXISTS);
	assert_int_equal(pair(8, code, SECOND), STATUS_OK);
}

static void who_is_rejected_stays_out(void **state)
{
	char code[PEOPLE_CODE_BYTES + 1];
	(void)state;
	people_stage_pair(&stage, 7, "Ada");
	people_stage_pair(&stage, 8, "Ben");
	assert_int_equal(people_reject(stage.people, 8, WALL_MS), STATUS_OK);
	assert_int_equal(people_find(stage.people, 8)->state, PERSON_BLOCKED);
	assert_int_equal(people_make_code(stage.people, SECOND, code), STATUS_OK);
	assert_int_equal(pair(8, code, SECOND), STATUS_REFUSED);
}

static void no_code_is_made_without_random_bytes(void **state)
{
	char code[PEOPLE_CODE_BYTES + 1] = "";
	(void)state;
	stage.random_status = STATUS_IO;
	assert_int_equal(people_make_code(stage.people, SECOND, code), STATUS_IO);
	const struct person *person;
	assert_int_equal(
	    people_pair(stage.people, 7, STR("X"), str_of(code), SECOND, WALL_MS, &person),
	    STATUS_REFUSED);
}

static void a_person_waits_and_is_told_once(void **state)
{
	(void)state;
	people_stage_pair(&stage, 7, "Ada");
	assert_int_equal(people_unpack(stage.people, STR("9"), STR("1 none waiting 5 Cy")),
			 STATUS_OK);
	uint32_t slot = people_stage_pair(&stage, 8, "Ben")->slot;
	assert_false(people_tell_waiting(stage.people, slot)); /* the answer to his code said so */
	assert_false(people_tell_waiting(stage.people, people_find(stage.people, 9)->slot));
}

static void roles_are_given_and_taken(void **state)
{
	(void)state;
	people_stage_pair(&stage, 7, "Ada");
	assert_int_equal(people_set_role(stage.people, 9, ROLE_TRADER, WALL_MS), STATUS_OK);
	assert_int_equal(people_find(stage.people, 9)->role, ROLE_TRADER);
	assert_int_equal(people_set_role(stage.people, 9, ROLE_NONE, WALL_MS), STATUS_OK);
	assert_int_equal(people_find(stage.people, 9)->state, PERSON_BLOCKED);
	assert_int_equal(people_set_role(stage.people, 10, ROLE_NONE, WALL_MS), STATUS_NOT_FOUND);
	assert_int_equal(people_set_role(stage.people, -10, ROLE_READER, WALL_MS), STATUS_INVALID);
}

static void the_last_admin_stays_one(void **state)
{
	(void)state;
	people_stage_pair(&stage, 7, "Ada");
	assert_int_equal(people_set_role(stage.people, 7, ROLE_NONE, WALL_MS), STATUS_REFUSED);
	assert_int_equal(people_set_role(stage.people, 8, ROLE_ADMIN, WALL_MS), STATUS_OK);
	assert_int_equal(people_set_role(stage.people, 7, ROLE_READER, WALL_MS), STATUS_OK);
	assert_int_equal(people_find(stage.people, 7)->role, ROLE_READER);
}

static void the_settings_allow_people_and_groups(void **state)
{
	(void)state;
	people_apply_settings(stage.people, STR("7,x,-3"), STR("8,-100,7"), WALL_MS);
	assert_int_equal(people_find(stage.people, 7)->role, ROLE_ADMIN);
	assert_int_equal(people_find(stage.people, 8)->role, ROLE_READER);
	assert_true(people_allow_group(stage.people, -100));
	assert_false(people_allow_group(stage.people, -3));
	assert_int_equal(people_counts(stage.people).bad_settings, 2);
	assert_int_equal(people_set_role(stage.people, 8, ROLE_NONE, WALL_MS), STATUS_REFUSED);
	assert_int_equal(stage.changes, 0); /* nothing of it is stored */
	people_apply_settings(stage.people, STR("7"), STR(""), WALL_MS);
	assert_null(people_find(stage.people, 8));
	assert_false(people_allow_group(stage.people, -100));
}

static void what_is_stored_comes_back_when_the_settings_are_silent(void **state)
{
	(void)state;
	people_stage_pair(&stage, 7, "Ada");
	people_stage_pair(&stage, 8, "Ben");
	people_apply_settings(stage.people, STR("8"), STR(""), WALL_MS);
	assert_int_equal(people_find(stage.people, 8)->role, ROLE_ADMIN);
	assert_int_equal(people_find(stage.people, 8)->stored_state, PERSON_WAITING);
	people_apply_settings(stage.people, STR(""), STR(""), WALL_MS);
	assert_int_equal(people_find(stage.people, 8)->state, PERSON_WAITING);
	assert_int_equal(people_find(stage.people, 7)->role, ROLE_ADMIN);
}

static void who_is_named_no_more_is_told_as_gone(void **state)
{
	(void)state;
	people_stage_pair(&stage, 9, "Cy");
	people_apply_settings(stage.people, STR("7"), STR("8"), WALL_MS);
	size_t before = stage.changes;
	people_apply_settings(stage.people, STR("7"), STR("8"), WALL_MS);
	assert_int_equal(stage.changes, before); /* nobody has changed */
	people_apply_settings(stage.people, STR("7"), STR(""), WALL_MS);
	assert_int_equal(stage.changes, before + 1);
	assert_int_equal(stage.changed[before], 8);
	assert_true(stage.gone[before]);
	assert_null(people_find(stage.people, 8));
	people_apply_settings(stage.people, STR(""), STR("7"), WALL_MS);
	assert_int_equal(stage.changes, before + 2); /* an admin that is a reader now */
	assert_int_equal(stage.changed[before + 1], 7);
	assert_false(stage.gone[before + 1]);
}

static void a_blocked_one_whom_the_settings_let_go_is_told(void **state)
{
	(void)state;
	people_stage_pair(&stage, 7, "Ada");
	people_stage_pair(&stage, 8, "Ben");
	assert_int_equal(people_reject(stage.people, 8, WALL_MS), STATUS_OK);
	people_apply_settings(stage.people, STR(""), STR("8"), WALL_MS);
	assert_int_equal(people_find(stage.people, 8)->state, PERSON_ACTIVE);
	size_t before = stage.changes;
	people_apply_settings(stage.people, STR(""), STR(""), WALL_MS);
	assert_int_equal(stage.changes, before + 1);
	assert_int_equal(stage.changed[before], 8);
	assert_false(stage.gone[before]);
	assert_int_equal(people_find(stage.people, 8)->state, PERSON_BLOCKED);
}

/* All seats are taken: one newly named finds room only by somebody who is not named. */
static void nobody_who_is_named_makes_room_at_a_reload(void **state)
{
	(void)state;
	people_apply_settings(stage.people, STR("1"), STR("2,3"), WALL_MS);
	for (int64_t id = 100; people_count(stage.people) < PEOPLE_MAX; id++)
		assert_int_equal(people_set_role(stage.people, id, ROLE_READER, WALL_MS + 1),
				 STATUS_OK);
	size_t before = stage.changes;
	people_apply_settings(stage.people, STR("9,1"), STR("2,3"), WALL_MS + 2);
	assert_int_equal(stage.changes, before);
	assert_null(people_find(stage.people, 9));
	for (int64_t id = 1; id <= 3; id++)
		assert_non_null(people_find(stage.people, id));
	/* Who is named no more leaves his seat to the new one. */
	people_apply_settings(stage.people, STR("9,1"), STR("3"), WALL_MS + 3);
	assert_int_equal(stage.changes, before + 1);
	assert_null(people_find(stage.people, 2));
	assert_int_equal(people_find(stage.people, 9)->role, ROLE_ADMIN);
}

/* ---- confirming ---- */

static enum status confirm(uint32_t slot, const char *code, int64_t now_ns, struct str *command,
			   uint32_t *left)
{
	return people_confirm(stage.people, slot, str_of(code), now_ns, command, left);
}

static void a_confirmation_is_of_a_person_and_a_command(void **state)
{
	char code[PEOPLE_CONFIRM_DIGITS + 1];
	struct str command;
	uint32_t left;
	(void)state;
	uint32_t ada = people_stage_pair(&stage, 7, "Ada")->slot;
	uint32_t ben = people_stage_pair(&stage, 8, "Ben")->slot;
	assert_int_equal(people_ask_confirm(stage.people, ada, STR("all flat"), SECOND, code),
			 STATUS_OK);
	assert_int_equal(strlen(code), PEOPLE_CONFIRM_DIGITS);
	assert_true(people_awaits_confirm(stage.people, ada, 60 * SECOND));
	assert_int_equal(confirm(ben, code, 2 * SECOND, &command, &left), STATUS_NOT_FOUND);
	assert_int_equal(confirm(ada, code, 60 * SECOND, &command, &left), STATUS_OK);
	assert_true(str_eq(command, STR("all flat")));
	assert_int_equal(confirm(ada, code, 60 * SECOND, &command, &left), STATUS_NOT_FOUND);
}

static void a_confirmation_ends_with_its_minute(void **state)
{
	char code[PEOPLE_CONFIRM_DIGITS + 1];
	struct str command;
	uint32_t left;
	(void)state;
	uint32_t ada = people_stage_pair(&stage, 7, "Ada")->slot;
	assert_int_equal(people_ask_confirm(stage.people, ada, STR("all"), SECOND, code),
			 STATUS_OK);
	assert_int_equal(confirm(ada, code, 61 * SECOND, &command, &left), STATUS_TIMEOUT);
	assert_int_equal(confirm(ada, code, 61 * SECOND, &command, &left), STATUS_NOT_FOUND);
}

static void three_wrong_tries_end_a_confirmation(void **state)
{
	char code[PEOPLE_CONFIRM_DIGITS + 1], wrong[PEOPLE_CONFIRM_DIGITS + 1];
	struct str command;
	uint32_t left;
	(void)state;
	uint32_t ada = people_stage_pair(&stage, 7, "Ada")->slot;
	assert_int_equal(people_ask_confirm(stage.people, ada, STR("all"), SECOND, code),
			 STATUS_OK);
	memcpy(wrong, code, sizeof wrong);
	wrong[5] = wrong[5] == '0' ? '1' : '0';
	for (uint32_t expected = 2; expected < 3; expected--) {
		assert_int_equal(confirm(ada, wrong, SECOND, &command, &left), STATUS_REFUSED);
		assert_int_equal(left, expected);
	}
	assert_int_equal(confirm(ada, code, SECOND, &command, &left), STATUS_NOT_FOUND);
	assert_int_equal(people_counts(stage.people).wrong_confirms, 3);
}

static void a_new_confirmation_replaces_the_old_one(void **state)
{
	char first[PEOPLE_CONFIRM_DIGITS + 1], second[PEOPLE_CONFIRM_DIGITS + 1];
	struct str command;
	uint32_t left;
	char longer[PEOPLE_COMMAND_MAX + 2];
	(void)state;
	uint32_t ada = people_stage_pair(&stage, 7, "Ada")->slot;
	assert_int_equal(people_ask_confirm(stage.people, ada, STR("all"), SECOND, first),
			 STATUS_OK);
	assert_int_equal(people_ask_confirm(stage.people, ada, STR("off"), SECOND, second),
			 STATUS_OK);
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = 0;
	assert_int_equal(people_ask_confirm(stage.people, ada, str_of(longer), SECOND, first),
			 STATUS_FULL);
	assert_int_equal(confirm(ada, second, SECOND, &command, &left), STATUS_OK);
	assert_true(str_eq(command, STR("off")));
}

/* ---- rates ---- */

static void twenty_at_once_pass_then_two_a_second(void **state)
{
	(void)state;
	uint32_t ada = people_stage_pair(&stage, 7, "Ada")->slot;
	for (int i = 0; i < PEOPLE_BURST; i++)
		assert_int_equal(people_pass(stage.people, ada, SECOND), PEOPLE_PASS);
	assert_int_equal(people_pass(stage.people, ada, SECOND), PEOPLE_SLOW);
	assert_int_equal(people_pass(stage.people, ada, SECOND), PEOPLE_SILENT);
	assert_int_equal(people_pass(stage.people, ada, 2 * SECOND), PEOPLE_PASS);
	assert_int_equal(people_pass(stage.people, ada, 2 * SECOND), PEOPLE_PASS);
	assert_int_equal(people_pass(stage.people, ada, 2 * SECOND), PEOPLE_SILENT);
	assert_int_equal(people_pass(stage.people, ada, 60 * SECOND), PEOPLE_PASS);
}

static void being_slowed_is_said_anew_after_a_pause(void **state)
{
	(void)state;
	uint32_t ada = people_stage_pair(&stage, 7, "Ada")->slot;
	for (int round = 1; round < 3; round++) {
		for (int i = 0; i < PEOPLE_BURST; i++)
			assert_int_equal(people_pass(stage.people, ada, round * 60 * SECOND),
					 PEOPLE_PASS);
		assert_int_equal(people_pass(stage.people, ada, round * 60 * SECOND), PEOPLE_SLOW);
	}
}

/* ---- what is stored ---- */

static void packed_people_come_back_as_they_were(void **state)
{
	static const enum role roles[] = { ROLE_READER, ROLE_TRADER, ROLE_ADMIN, ROLE_NONE };
	struct people_stage again;
	(void)state;
	people_stage_pair(&stage, 1, "Ada  Lovelace");
	for (int i = 0; i < 4; i++) {
		people_stage_pair(&stage, 100 + i, "Zoë 🚀");
		assert_int_equal(people_set_role(stage.people, 100 + i, roles[i], WALL_MS + i),
				 STATUS_OK);
	}
	people_stage_pair(&stage, 200, "");
	people_stage_begin(&again);
	uint32_t slot = 0;
	const struct person *person;
	while ((person = people_next(stage.people, &slot))) {
		char id[32], text[PEOPLE_PACKED_MAX];
		struct buf packed = buf_over(text, sizeof text);
		snprintf(id, sizeof id, "%lld", (long long)person->id);
		people_pack(person, &packed);
		assert_false(packed.overflow);
		assert_int_equal(people_unpack(again.people, str_of(id), buf_str(&packed)),
				 STATUS_OK);
		const struct person *back = people_find(again.people, person->id);
		assert_string_equal(back->name, person->name);
		assert_int_equal(back->role, person->role);
		assert_int_equal(back->state, person->state);
		assert_int_equal(back->since_ms, person->since_ms);
	}
	assert_int_equal(again.changes, 0);
	people_stage_end(&again);
}

static void damaged_text_is_not_taken(void **state)
{
	static const char *const texts[] = {
		"",
		"1",
		"1 admin",
		"1 admin active",
		"2 admin active 5 Ada",
		"1 king active 5 Ada",
		"1 admin here 5",
		"1 admin active -5 Ada",
		"1 admin active x Ada",
		"1 none active 5 Ada",
	};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_int_equal(people_unpack(stage.people, STR("7"), str_of(texts[i])),
				 STATUS_FORMAT);
	assert_int_equal(people_unpack(stage.people, STR("x"), STR("1 admin active 5 Ada")),
			 STATUS_FORMAT);
	assert_int_equal(people_unpack(stage.people, STR("-7"), STR("1 admin active 5 Ada")),
			 STATUS_FORMAT);
	assert_int_equal(people_count(stage.people), 0);
}

static void names_are_cut_at_a_character_and_kept_clean(void **state)
{
	char longer[200];
	(void)state;
	for (size_t i = 0; i + 1 < sizeof longer; i += 2)
		memcpy(longer + i, "ü", 2);
	longer[198] = 0;
	people_stage_pair(&stage, 7, longer);
	assert_int_equal(strlen(people_find(stage.people, 7)->name), PEOPLE_NAME_MAX);
	people_rename(stage.people, 7, STR("a\nb\xffz"));
	assert_string_equal(people_find(stage.people, 7)->name, "a?b?z");
	size_t before = stage.changes;
	people_rename(stage.people, 7, STR("a?b?z"));
	assert_int_equal(stage.changes, before);
}

static void the_longest_blocked_makes_room(void **state)
{
	(void)state;
	people_stage_pair(&stage, 1, "Ada");
	for (int64_t id = 2; id <= PEOPLE_MAX; id++)
		assert_int_equal(people_set_role(stage.people, id, ROLE_READER, WALL_MS),
				 STATUS_OK);
	assert_int_equal(people_set_role(stage.people, 9999, ROLE_READER, WALL_MS), STATUS_FULL);
	assert_int_equal(people_counts(stage.people).refused, 1);
	assert_int_equal(people_set_role(stage.people, 50, ROLE_NONE, WALL_MS + 2), STATUS_OK);
	assert_int_equal(people_set_role(stage.people, 40, ROLE_NONE, WALL_MS + 1), STATUS_OK);
	assert_int_equal(people_set_role(stage.people, 9999, ROLE_READER, WALL_MS), STATUS_OK);
	assert_null(people_find(stage.people, 40));
	assert_non_null(people_find(stage.people, 50));
	assert_int_equal(people_count(stage.people), PEOPLE_MAX);
}

static void a_slot_stays_while_its_person_does(void **state)
{
	(void)state;
	people_stage_pair(&stage, 1, "Ada");
	uint32_t slot = people_find(stage.people, 1)->slot;
	for (int64_t id = 500; id > 400; id--)
		assert_int_equal(people_set_role(stage.people, id, ROLE_READER, WALL_MS),
				 STATUS_OK);
	assert_int_equal(people_find(stage.people, 1)->slot, slot);
	assert_ptr_equal(people_at(stage.people, slot), people_find(stage.people, 1));
	for (int64_t id = 401; id <= 500; id++)
		assert_int_equal(people_find(stage.people, id)->id, id);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_list_knows_nobody),
		TEST(the_first_is_an_admin_and_the_next_ones_wait),
		TEST(a_code_holds_once_and_ten_minutes),
		TEST(a_wrong_code_lets_nobody_in),
		TEST(who_is_in_already_leaves_the_code_good),
		TEST(who_is_rejected_stays_out),
		TEST(no_code_is_made_without_random_bytes),
		TEST(a_person_waits_and_is_told_once),
		TEST(roles_are_given_and_taken),
		TEST(the_last_admin_stays_one),
		TEST(the_settings_allow_people_and_groups),
		TEST(what_is_stored_comes_back_when_the_settings_are_silent),
		TEST(who_is_named_no_more_is_told_as_gone),
		TEST(a_blocked_one_whom_the_settings_let_go_is_told),
		TEST(nobody_who_is_named_makes_room_at_a_reload),
		TEST(a_confirmation_is_of_a_person_and_a_command),
		TEST(a_confirmation_ends_with_its_minute),
		TEST(three_wrong_tries_end_a_confirmation),
		TEST(a_new_confirmation_replaces_the_old_one),
		TEST(twenty_at_once_pass_then_two_a_second),
		TEST(being_slowed_is_said_anew_after_a_pause),
		TEST(packed_people_come_back_as_they_were),
		TEST(damaged_text_is_not_taken),
		TEST(names_are_cut_at_a_character_and_kept_clean),
		TEST(the_longest_blocked_makes_room),
		TEST(a_slot_stays_while_its_person_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
