/* The journal's file: cut and flipped tails, damage in the middle; and what the book makes of it;
 * and what is decided of a key. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "migrate/decide.h"
#include "migrate/journal.h"
#include "redis_fixture.h"

static char *folder;
static char path[300];

static int setup(void **state)
{
	(void)state;
	folder = fixture_folder();
	snprintf(path, sizeof path, "%s/journal", folder);
	return folder == NULL;
}

static int teardown(void **state)
{
	(void)state;
	fixture_remove(folder);
	return 0;
}

struct seen {
	size_t count;
	bool wrong;
};

static struct str record_of(size_t i, char *out)
{
	size_t len = 1 + i * 37 % 300;
	memset(out, (int)('a' + i % 26), len);
	return str_make(out, len);
}

static enum status on_record(void *ctx, uint64_t offset, struct str record, struct err *err)
{
	struct seen *seen = ctx;
	char own[400];
	(void)offset;
	(void)err;
	seen->wrong |= !str_eq(record, record_of(seen->count++, own));
	return STATUS_OK;
}

static void write_records(size_t count)
{
	struct journal journal;
	struct err err;
	uint64_t cut;
	char own[400];
	unlink(path);
	assert_int_equal(journal_open(&journal, path, JOURNAL_DONE, 7, NULL, NULL, &cut, &err),
			 STATUS_OK);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(journal_put(&journal, record_of(i, own), NULL, &err), STATUS_OK);
	assert_int_equal(journal_sync(&journal, &err), STATUS_OK);
	journal_close(&journal);
}

static size_t read_file(char *bytes, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, bytes, size);
	close(fd);
	assert_true(n > 0);
	return (size_t)n;
}

static void write_file(const char *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static enum status reopen(struct seen *seen, uint64_t *cut)
{
	struct journal journal;
	struct err err;
	*seen = (struct seen){ 0 };
	enum status status =
	    journal_open(&journal, path, JOURNAL_DONE, 7, on_record, seen, cut, &err);
	if (!status)
		journal_close(&journal);
	return status;
}

static void what_was_put_is_read_again(void **state)
{
	struct seen seen;
	uint64_t cut;
	(void)state;
	write_records(500);
	assert_int_equal(reopen(&seen, &cut), STATUS_OK);
	assert_int_equal(seen.count, 500);
	assert_false(seen.wrong);
	assert_int_equal(cut, 0);
}

static void a_cut_tail_costs_only_its_record(void **state)
{
	static char bytes[20000];
	char own[400];
	struct seen seen;
	uint64_t cut;
	(void)state;
	write_records(12);
	size_t len = read_file(bytes, sizeof bytes);
	size_t whole = len - record_of(11, own).len - 8;
	for (size_t at = whole; at < len; at++) {
		write_file(bytes, at);
		assert_int_equal(reopen(&seen, &cut), STATUS_OK);
		assert_int_equal(seen.count, 11);
		assert_int_equal(cut, at - whole);
		assert_false(seen.wrong);
		assert_int_equal(reopen(&seen, &cut), STATUS_OK); /* cut once */
		assert_int_equal(cut, 0);
	}
}

static void a_flipped_tail_is_cut_and_damage_in_the_middle_is_told(void **state)
{
	static char bytes[20000], damaged[20000];
	char own[400];
	struct seen seen;
	struct rng rng;
	uint64_t cut;
	(void)state;
	rng_init(&rng, 3);
	write_records(12);
	size_t len = read_file(bytes, sizeof bytes);
	size_t whole = len - record_of(11, own).len - 8;
	for (size_t at = 24; at < len; at++) {
		memcpy(damaged, bytes, len);
		damaged[at] ^= (char)(1 << rng_below(&rng, 8));
		write_file(damaged, len);
		enum status status = reopen(&seen, &cut);
		assert_false(seen.wrong);
		assert_int_equal(status, at >= whole ? STATUS_OK : STATUS_CHECKSUM);
		if (at >= whole)
			assert_int_equal(seen.count, 11);
	}
}

static void another_plan_and_other_files_are_refused(void **state)
{
	struct journal journal;
	struct err err;
	uint64_t cut;
	(void)state;
	write_records(3);
	assert_int_equal(journal_open(&journal, path, JOURNAL_DONE, 8, NULL, NULL, &cut, &err),
			 STATUS_VERSION);
	assert_int_equal(journal_open(&journal, path, JOURNAL_BACKUP, 7, NULL, NULL, &cut, &err),
			 STATUS_FORMAT);
	write_file("something else, longer than a head", 34);
	assert_int_equal(journal_open(&journal, path, JOURNAL_DONE, 7, NULL, NULL, &cut, &err),
			 STATUS_FORMAT);
}

/* ---- the book ---- */

static void the_book_knows_keys_and_targets(void **state)
{
	struct keybook *book;
	size_t index;
	(void)state;
	assert_int_equal(keybook_create(&book), STATUS_OK);
	for (int i = 0; i < 5000; i++) {
		char old_name[32], new_name[32];
		struct keybook_record record = { .state = BOOK_copied,
						 .db = i % 2,
						 .expires_ms = -1 };
		struct buf bytes;
		struct keybook_record again;
		snprintf(old_name, sizeof old_name, "old:%d", i / 2);
		snprintf(new_name, sizeof new_name, "new:%d", i / 2);
		record.old_name = str_of(old_name);
		record.new_name = str_of(new_name);
		record.source = digest_of(record.old_name);
		buf_init(&bytes, 4096);
		keybook_record_put(&bytes, &record);
		assert_int_equal(keybook_record_take(buf_str(&bytes), &again), STATUS_OK);
		assert_true(str_eq(again.new_name, record.new_name));
		assert_int_equal(keybook_take(book, &again, (uint64_t)i, &index), STATUS_OK);
		assert_int_equal(index, i);
		for (size_t cut = 0; cut < bytes.len; cut++)
			if (cut < 80)
				assert_int_equal(
				    keybook_record_take(str_make(bytes.ptr, cut), &again),
				    STATUS_FORMAT);
		buf_deinit(&bytes);
	}
	assert_int_equal(keybook_count(book), 5000);
	assert_int_equal(keybook_find(book, 1, STR("old:7")), 15);
	assert_int_equal(keybook_find_target(book, 0, STR("new:7")), 14);
	assert_int_equal(keybook_find(book, 2, STR("old:7")), SIZE_MAX);
	keybook_destroy(book);
}

/* ---- deciding ---- */

static const struct digest A = { 1, 1 }, B = { 2, 2 }, C = { 3, 3 }, none = { 0, 0 };

static enum decide_action decided(enum migrate_lead lead, int known, struct digest old_is,
				  struct digest new_is, bool force)
{
	const struct migrate_family family = { .lead = lead };
	const struct keybook_entry entry = { .source = A,
					     .target = A,
					     .expires_ms = -1,
					     .new_expires_ms = -1,
					     .state = BOOK_copied };
	const struct decide_view view = {
		.family = &family,
		.entry = known ? &entry : NULL,
		.old_side = { !digest_none(old_is), old_is, -1 },
		.new_side = { !digest_none(new_is), new_is, -1 },
		.made = old_is,
		.force = force,
	};
	return decide(&view);
}

static void one_side_that_changed_is_carried_over_and_two_are_a_conflict(void **state)
{
	const enum migrate_lead o = MIGRATE_LEAD_OLD, n = MIGRATE_LEAD_NEW;
	(void)state;
	assert_int_equal(decided(o, 0, A, none, false), DECIDE_COPY);
	assert_int_equal(decided(o, 0, A, A, false), DECIDE_ADOPT);
	assert_int_equal(decided(o, 0, A, B, false), DECIDE_CONFLICT);
	assert_int_equal(decided(o, 0, A, B, true), DECIDE_CONFLICT); /* somebody's: never ours */
	assert_int_equal(decided(o, 1, A, A, false), DECIDE_NOTHING);
	assert_int_equal(decided(o, 1, B, A, false), DECIDE_REPLACE);
	assert_int_equal(decided(o, 1, A, B, false), DECIDE_CONFLICT);
	assert_int_equal(decided(o, 1, B, C, false), DECIDE_CONFLICT);
	assert_int_equal(decided(o, 1, B, C, true), DECIDE_REPLACE);
	assert_int_equal(decided(o, 1, B, B, false), DECIDE_ADOPT);
	assert_int_equal(decided(o, 1, A, none, false), DECIDE_COPY);
	assert_int_equal(decided(o, 1, none, A, false), DECIDE_UNMAKE);
	assert_int_equal(decided(o, 1, none, B, false), DECIDE_CONFLICT);
	assert_int_equal(decided(o, 1, none, none, false), DECIDE_GONE);
	assert_int_equal(decided(n, 1, A, B, false), DECIDE_REVERSE);
	assert_int_equal(decided(n, 1, B, A, false), DECIDE_CONFLICT);
	assert_int_equal(decided(n, 1, B, C, false), DECIDE_CONFLICT);
	assert_int_equal(decided(n, 1, B, C, true), DECIDE_REVERSE);
	assert_int_equal(decided(n, 1, A, none, false), DECIDE_CONFLICT);
	assert_int_equal(decided(n, 1, none, A, false), DECIDE_REVERSE);
}

static void what_finish_removed_is_told_apart(void **state)
{
	const struct migrate_family family = { .lead = MIGRATE_LEAD_OLD };
	struct keybook_entry entry = { .source = A,
				       .target = A,
				       .expires_ms = -1,
				       .new_expires_ms = -1,
				       .state = BOOK_removed };
	struct decide_view view = { .family = &family, .entry = &entry, .now_ms = 1000 };
	(void)state;
	view.new_side = (struct decide_side){ true, A, -1 };
	assert_int_equal(decide(&view), DECIDE_DONE);
	view.old_side = (struct decide_side){ true, B, -1 };
	assert_int_equal(decide(&view), DECIDE_RETURNED);
	view.old_side.there = view.new_side.there = false;
	assert_int_equal(decide(&view), DECIDE_LOST);
	entry.new_expires_ms = 900;
	assert_int_equal(decide(&view), DECIDE_EXPIRED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_read_again),
		cmocka_unit_test(a_cut_tail_costs_only_its_record),
		cmocka_unit_test(a_flipped_tail_is_cut_and_damage_in_the_middle_is_told),
		cmocka_unit_test(another_plan_and_other_files_are_refused),
		cmocka_unit_test(the_book_knows_keys_and_targets),
		cmocka_unit_test(one_side_that_changed_is_carried_over_and_two_are_a_conflict),
		cmocka_unit_test(what_finish_removed_is_told_apart),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
