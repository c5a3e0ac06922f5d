/* The journal's file: cut and flipped tails, damage in the middle; and what the book makes of it;
 * and what is decided of a key. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
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

/* ---- records of more than a megabyte ---- */

enum { LARGE_BYTES = 3 << 19, LARGE = 4 };

static void write_large_records(void)
{
	struct journal journal;
	struct err err;
	struct rng rng;
	uint64_t cut;
	char *bytes = malloc(LARGE_BYTES);
	assert_non_null(bytes);
	unlink(path);
	rng_init(&rng, 5);
	for (size_t i = 0; i < LARGE_BYTES; i++)
		bytes[i] = (char)rng_below(&rng, 256);
	assert_int_equal(journal_open(&journal, path, JOURNAL_DONE, 7, NULL, NULL, &cut, &err),
			 STATUS_OK);
	for (int i = 0; i < LARGE; i++)
		assert_int_equal(journal_put(&journal, str_make(bytes, LARGE_BYTES), NULL, &err),
				 STATUS_OK);
	journal_close(&journal);
	free(bytes);
}

static uint64_t size_of_file(void)
{
	struct stat facts;
	assert_int_equal(stat(path, &facts), 0);
	return (uint64_t)facts.st_size;
}

static void flip(off_t at, int bit)
{
	char byte;
	int fd = open(path, O_RDWR);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= (char)(1 << bit);
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static enum status open_large(bool reads, uint64_t *cut)
{
	struct journal journal;
	struct err err;
	enum status status = (reads ? journal_open_to_read : journal_open)(
	    &journal, path, JOURNAL_DONE, 7, NULL, NULL, cut, &err);
	if (!status && reads)
		assert_int_equal(journal_put(&journal, STR("x"), NULL, &err), STATUS_UNSUPPORTED);
	if (!status)
		journal_close(&journal);
	return status;
}

/* In its length, its checksum, its bytes: what is behind it is never cut off. */
static void a_flipped_bit_in_a_large_record_cuts_nothing(void **state)
{
	static const struct {
		off_t at;
		int bit;
	} flips[] = { { 24, 0 }, { 25, 7 }, { 26, 4 }, { 26, 7 },    { 27, 1 },
		      { 27, 7 }, { 28, 3 }, { 32, 0 }, { 500000, 5 } };
	uint64_t cut;
	(void)state;
	write_large_records();
	uint64_t whole = size_of_file();
	for (size_t i = 0; i < sizeof flips / sizeof flips[0]; i++) {
		flip(flips[i].at, flips[i].bit);
		assert_int_equal(open_large(false, &cut), STATUS_CHECKSUM);
		assert_int_equal(size_of_file(), whole);
		flip(flips[i].at, flips[i].bit);
	}
	assert_int_equal(open_large(false, &cut), STATUS_OK);
	assert_int_equal(cut, 0);
}

static void who_only_reads_cuts_nothing_off(void **state)
{
	uint64_t cut;
	(void)state;
	write_large_records();
	uint64_t whole = size_of_file(), torn = whole - 1000;
	assert_int_equal(truncate(path, (off_t)torn), 0);
	assert_int_equal(open_large(true, &cut), STATUS_OK);
	assert_int_equal(cut, LARGE_BYTES + 8 - 1000);
	assert_int_equal(size_of_file(), torn);
	assert_int_equal(open_large(false, &cut), STATUS_OK);
	assert_int_equal(size_of_file(), whole - LARGE_BYTES - 8);
}

/* The disk takes a part of a record: the file ends with a whole one, and nothing more is put. */
static void a_write_that_fails_is_taken_back(void **state)
{
	struct rlimit before, small;
	struct journal journal;
	struct seen seen;
	struct err err;
	uint64_t cut;
	char own[400];
	(void)state;
	write_records(5);
	uint64_t whole = size_of_file();
	assert_int_equal(journal_open(&journal, path, JOURNAL_DONE, 7, NULL, NULL, &cut, &err),
			 STATUS_OK);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = whole + 20;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(journal_put(&journal, record_of(5, own), NULL, &err), STATUS_OK);
	enum status failed = journal_flush(&journal, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_not_equal(failed, STATUS_OK);
	assert_int_equal(size_of_file(), whole);
	assert_int_equal(journal_put(&journal, record_of(5, own), NULL, &err), STATUS_IO);
	assert_int_equal(journal_sync(&journal, &err), STATUS_IO);
	journal_close(&journal);
	assert_int_equal(reopen(&seen, &cut), STATUS_OK);
	assert_int_equal(seen.count, 5);
	assert_int_equal(cut, 0);
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
	assert_int_equal(decided(o, 0, A, A, false), DECIDE_CONFLICT); /* the same, yet not ours */
	assert_int_equal(decided(o, 0, A, B, false), DECIDE_CONFLICT);
	assert_int_equal(decided(o, 0, A, B, true), DECIDE_CONFLICT); /* somebody's: never ours */
	assert_int_equal(decided(o, 1, A, A, false), DECIDE_NOTHING);
	assert_int_equal(decided(o, 1, B, A, false), DECIDE_REPLACE);
	assert_int_equal(decided(o, 1, A, B, false), DECIDE_CONFLICT);
	assert_int_equal(decided(o, 1, B, C, false), DECIDE_CONFLICT);
	assert_int_equal(decided(o, 1, B, C, true), DECIDE_REPLACE);
	assert_int_equal(decided(o, 1, B, B, false), DECIDE_ADOPT);
	assert_int_equal(decided(o, 1, A, none, false), DECIDE_COPY);
	assert_int_equal(decided(o, 1, none, A, false), DECIDE_CONFLICT);
	assert_int_equal(decided(o, 1, none, A, true), DECIDE_UNMAKE);
	assert_int_equal(decided(o, 1, none, B, false), DECIDE_CONFLICT);
	assert_int_equal(decided(o, 1, none, none, false), DECIDE_LOST);
	assert_int_equal(decided(o, 1, none, none, true), DECIDE_GONE);
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

static struct keybook_entry entry_in(enum keybook_state is)
{
	return (struct keybook_entry){ .source = A,
				       .target = A,
				       .expires_ms = -1,
				       .new_expires_ms = -1,
				       .state = (uint8_t)is };
}

static void only_a_deletion_that_was_told_takes_the_new_key_along(void **state)
{
	const struct migrate_family family = { .lead = MIGRATE_LEAD_OLD };
	struct keybook_entry entry = entry_in(BOOK_copied);
	struct decide_view view = { .family = &family, .entry = &entry, .now_ms = 1000 };
	(void)state;
	view.new_side = (struct decide_side){ true, A, -1 };
	assert_int_equal(decide(&view), DECIDE_CONFLICT);
	view.told_gone = true;
	assert_int_equal(decide(&view), DECIDE_UNMAKE);
	view.new_side.digest = B; /* and somebody changed it */
	assert_int_equal(decide(&view), DECIDE_CONFLICT);
	view.new_side.there = false;
	assert_int_equal(decide(&view), DECIDE_GONE);
	view.told_gone = false;
	assert_int_equal(decide(&view), DECIDE_LOST);
	entry = entry_in(BOOK_deleting); /* told, journaled, and then killed */
	assert_int_equal(decide(&view), DECIDE_GONE);
	view.new_side = (struct decide_side){ true, A, -1 };
	assert_int_equal(decide(&view), DECIDE_UNMAKE);
	entry = entry_in(BOOK_expired); /* it stays so in the counts */
	assert_int_equal(decide(&view), DECIDE_EXPIRED);
	entry = entry_in(BOOK_copied); /* by the server's clock it is over, by ours nearly */
	entry.expires_ms = entry.new_expires_ms = 1010;
	assert_int_equal(decide(&view), DECIDE_EXPIRED);
	entry = entry_in(BOOK_deleted); /* what is there now is not what was made */
	assert_int_equal(decide(&view), DECIDE_GONE);
}

static void what_was_written_and_not_journaled_is_ours(void **state)
{
	const struct migrate_family family = { .lead = MIGRATE_LEAD_OLD };
	struct keybook_entry entry = {
		.intent = A, .expires_ms = -1, .new_expires_ms = -1, .state = BOOK_intent
	};
	struct decide_view view = { .family = &family, .entry = &entry, .made = A, .now_ms = 1000 };
	(void)state;
	view.new_side = (struct decide_side){ true, A, -1 };
	assert_int_equal(decide(&view),
			 DECIDE_CONFLICT); /* its old key went: it stays, and is said */
	view.told_gone = true;
	assert_int_equal(decide(&view), DECIDE_UNMAKE);
	view.old_side = (struct decide_side){ true, A, -1 };
	assert_int_equal(decide(&view), DECIDE_ADOPT);
	entry.intent = B;
	assert_int_equal(decide(&view), DECIDE_CONFLICT);
}

static void a_removal_that_did_not_happen_leaves_the_key_copied(void **state)
{
	const struct migrate_family family = { .lead = MIGRATE_LEAD_OLD };
	struct keybook_entry entry = entry_in(BOOK_removing);
	struct decide_view view = { .family = &family, .entry = &entry, .now_ms = 1000 };
	(void)state;
	view.old_side = view.new_side = (struct decide_side){ true, A, -1 };
	view.made = A;
	assert_int_equal(decide(&view), DECIDE_NOTHING);
	view.old_side.digest = view.made = B;
	assert_int_equal(decide(&view), DECIDE_REPLACE);
	view.old_side.there = false;
	assert_int_equal(decide(&view), DECIDE_DONE);
}

static void an_expiry_that_was_taken_away_is_not_in_step(void **state)
{
	const struct migrate_family keeps = { .lead = MIGRATE_LEAD_OLD }, gives = { .ttl_s = 60 };
	struct keybook_entry entry = entry_in(BOOK_copied);
	struct decide_view view = { .family = &keeps, .entry = &entry, .now_ms = 1000 };
	(void)state;
	view.old_side = (struct decide_side){ true, A, -1 };
	view.new_side = (struct decide_side){ true, A, 5000 };
	assert_false(decide_expiry_in_step(&view));
	view.family = &gives; /* its own runs on */
	assert_true(decide_expiry_in_step(&view));
	entry.expires_ms = 5000; /* but this one was the old key's */
	assert_false(decide_expiry_in_step(&view));
}

static void an_intent_to_copy_anew_leaves_what_was_copied(void **state)
{
	static const enum keybook_state before[] = { BOOK_copied, BOOK_removing, BOOK_deleting };
	(void)state;
	for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
		struct keybook *book;
		size_t index;
		struct keybook_record record = { .state = BOOK_copied,
						 .source = A,
						 .target = A,
						 .old_name = STR("old"),
						 .new_name = STR("new") };
		assert_int_equal(keybook_create(&book), STATUS_OK);
		assert_int_equal(keybook_take(book, &record, 1, &index), STATUS_OK);
		record.state = before[i];
		record.source = record.target = none;
		if (before[i] != BOOK_copied)
			assert_int_equal(keybook_take(book, &record, 2, &index), STATUS_OK);
		record.state = BOOK_intent;
		record.target = B;
		assert_int_equal(keybook_take(book, &record, 3, &index), STATUS_OK);
		assert_int_equal(keybook_at(book, index)->state, BOOK_copied);
		assert_true(digest_eq(keybook_at(book, index)->target, A));
		assert_true(digest_eq(keybook_at(book, index)->intent, B));
		keybook_destroy(book);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_read_again),
		cmocka_unit_test(a_cut_tail_costs_only_its_record),
		cmocka_unit_test(a_flipped_tail_is_cut_and_damage_in_the_middle_is_told),
		cmocka_unit_test(a_flipped_bit_in_a_large_record_cuts_nothing),
		cmocka_unit_test(who_only_reads_cuts_nothing_off),
		cmocka_unit_test(a_write_that_fails_is_taken_back),
		cmocka_unit_test(another_plan_and_other_files_are_refused),
		cmocka_unit_test(the_book_knows_keys_and_targets),
		cmocka_unit_test(one_side_that_changed_is_carried_over_and_two_are_a_conflict),
		cmocka_unit_test(what_finish_removed_is_told_apart),
		cmocka_unit_test(only_a_deletion_that_was_told_takes_the_new_key_along),
		cmocka_unit_test(what_was_written_and_not_journaled_is_ours),
		cmocka_unit_test(a_removal_that_did_not_happen_leaves_the_key_copied),
		cmocka_unit_test(an_expiry_that_was_taken_away_is_not_in_step),
		cmocka_unit_test(an_intent_to_copy_anew_leaves_what_was_copied),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
