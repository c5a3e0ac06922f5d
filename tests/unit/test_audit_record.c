/* Records of keys, packed: what is appended comes back, from memory and from the spill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "audit/record.h"
#include "base/buf.h"
#include "base/rng.h"

/* A spill in memory, of which reads can be short, fail or lie. */
struct fake_spill {
	struct buf bytes;
	size_t read_most;
	enum status append_fails, read_fails;
	size_t cut; /* bytes that are not given back */
};

static enum status fake_append(void *ctx, struct str bytes)
{
	struct fake_spill *fake = ctx;
	if (fake->append_fails)
		return fake->append_fails;
	buf_str_put(&fake->bytes, bytes);
	return STATUS_OK;
}

static enum status fake_read(void *ctx, uint64_t offset, char *at, size_t size, size_t *got)
{
	struct fake_spill *fake = ctx;
	if (fake->read_fails)
		return fake->read_fails;
	size_t end = fake->bytes.len - fake->cut;
	size_t left = offset < end ? end - (size_t)offset : 0;
	size = size < fake->read_most ? size : fake->read_most;
	*got = size < left ? size : left;
	memcpy(at, fake->bytes.ptr + offset, *got);
	return STATUS_OK;
}

static struct fake_spill *fake_open(struct audit_spill *spill)
{
	struct fake_spill *fake = calloc(1, sizeof *fake);
	buf_init(&fake->bytes, 64 << 20);
	fake->read_most = SIZE_MAX;
	*spill = (struct audit_spill){ fake_append, fake_read, fake };
	return fake;
}

static void fake_close(struct fake_spill *fake)
{
	buf_deinit(&fake->bytes);
	free(fake);
}

static int64_t random_number(struct rng *rng)
{
	int64_t wide = (int64_t)(rng_next(rng) >> rng_below(rng, 64));
	return rng_below(rng, 3) ? wide & INT64_MAX : rng_below(rng, 2) ? -1 : wide;
}

static struct audit_record random_record(struct rng *rng, char *name, size_t most)
{
	struct audit_record record = { .name = str_make(name, (size_t)rng_below(rng, most)) };
	for (size_t i = 0; i < record.name.len; i++)
		name[i] = (char)rng_next(rng);
	record.db = (int)rng_below(rng, 20);
	record.type = (enum audit_type)rng_below(rng, AUDIT_TYPES);
	record.encoding = (enum audit_encoding)rng_below(rng, AUDIT_ENCODINGS);
	record.length = random_number(rng);
	record.expires_ms = random_number(rng);
	record.bytes = random_number(rng);
	record.idle_s = random_number(rng);
	record.longest = random_number(rng);
	record.digest = rng_below(rng, 2) ? rng_next(rng) : 0;
	record.facts = (uint32_t)rng_next(rng);
	record.shape = (uint32_t)rng_below(rng, 1 << 20);
	for (size_t i = 0; i < AUDIT_RECORD_NUMBERS; i++)
		record.number[i] = rng_below(rng, 2) ? random_number(rng) : 0;
	if (record.type == AUDIT_STREAM)
		record.stream = (struct audit_stream){ random_number(rng),
						       random_number(rng),
						       random_number(rng),
						       random_number(rng),
						       -1,
						       INT64_MIN,
						       INT64_MAX };
	return record;
}

static void expect_same(const struct audit_record *a, const struct audit_record *b)
{
	assert_true(str_eq(a->name, b->name));
	assert_int_equal(a->db, b->db);
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->encoding, b->encoding);
	assert_int_equal(a->length, b->length);
	assert_int_equal(a->expires_ms, b->expires_ms);
	assert_int_equal(a->bytes, b->bytes);
	assert_int_equal(a->idle_s, b->idle_s);
	assert_int_equal(a->longest, b->longest);
	assert_int_equal(a->digest, b->digest);
	assert_int_equal(a->facts, b->facts);
	assert_int_equal(a->shape, b->shape);
	assert_memory_equal(a->number, b->number, sizeof a->number);
	assert_memory_equal(&a->stream, &b->stream, sizeof a->stream);
}

static size_t name_most(size_t i) { return i % 500 == 7 ? AUDIT_NAME_MAX + 1 : 60; }

static void append_all(struct journal *journal, uint64_t seed, size_t n)
{
	static char name[AUDIT_NAME_MAX + 1];
	struct rng rng;
	rng_init(&rng, seed);
	for (size_t i = 0; i < n; i++) {
		struct audit_record record = random_record(&rng, name, name_most(i));
		assert_int_equal(journal_append(journal, &record), STATUS_OK);
	}
}

static void read_all(struct journal *journal, uint64_t seed, size_t n)
{
	static char name[AUDIT_NAME_MAX + 1];
	struct rng rng;
	rng_init(&rng, seed);
	assert_int_equal(journal_rewind(journal), STATUS_OK);
	struct audit_record got;
	for (size_t i = 0; i < n; i++) {
		struct audit_record record = random_record(&rng, name, name_most(i));
		assert_int_equal(journal_next(journal, &got), STATUS_OK);
		assert_int_equal(got.index, i);
		expect_same(&record, &got);
	}
	assert_int_equal(journal_next(journal, &got), STATUS_NOT_FOUND);
}

static void records_come_back_from_memory(void **state)
{
	(void)state;
	struct journal journal;
	journal_init(&journal, NULL, 8 << 20);
	append_all(&journal, 3, 6000);
	read_all(&journal, 3, 6000);
	read_all(&journal, 3, 6000);
	journal_deinit(&journal);
}

static void records_behind_the_memory_come_back_from_the_spill(void **state)
{
	(void)state;
	struct audit_spill spill;
	struct fake_spill *fake = fake_open(&spill);
	struct journal journal;
	journal_init(&journal, &spill, 600 << 10);
	append_all(&journal, 4, 9000);
	fake->read_most = 5000;
	read_all(&journal, 4, 9000);
	read_all(&journal, 4, 9000);
	assert_true(fake->bytes.len > 300 << 10);
	assert_true(journal.held <= 600 << 10);
	journal_deinit(&journal);
	fake_close(fake);
}

static void everything_may_go_to_the_spill(void **state)
{
	(void)state;
	struct audit_spill spill;
	struct fake_spill *fake = fake_open(&spill);
	struct journal journal;
	journal_init(&journal, &spill, 0);
	append_all(&journal, 5, 100);
	read_all(&journal, 5, 100);
	journal_deinit(&journal);
	fake_close(fake);
}

static void an_empty_journal_has_nothing_to_tell(void **state)
{
	(void)state;
	struct journal journal;
	journal_init(&journal, NULL, 1 << 20);
	read_all(&journal, 1, 0);
	journal_deinit(&journal);
}

static void without_a_spill_the_memory_is_all_there_is(void **state)
{
	(void)state;
	struct journal journal;
	struct audit_record record = { .name = STR("a name") };
	journal_init(&journal, NULL, JOURNAL_BLOCK_BYTES * 2);
	enum status status = STATUS_OK;
	for (int i = 0; !status && i < 100000; i++)
		status = journal_append(&journal, &record);
	assert_int_equal(status, STATUS_NO_MEMORY);
	journal_deinit(&journal);
}

static void trouble_with_the_spill_is_told(void **state)
{
	(void)state;
	struct audit_spill spill;
	struct fake_spill *fake = fake_open(&spill);
	struct journal journal;
	struct audit_record record;
	journal_init(&journal, &spill, 0);
	append_all(&journal, 6, 50);
	fake->append_fails = STATUS_DISK_FULL;
	assert_int_equal(journal_rewind(&journal), STATUS_DISK_FULL);
	fake->append_fails = STATUS_OK;
	assert_int_equal(journal_rewind(&journal), STATUS_OK);
	fake->read_fails = STATUS_IO;
	assert_int_equal(journal_next(&journal, &record), STATUS_IO);
	fake->read_fails = STATUS_OK;
	fake->cut = 10;
	assert_int_equal(journal_rewind(&journal), STATUS_OK);
	enum status status = STATUS_OK;
	while (!status)
		status = journal_next(&journal, &record);
	assert_int_equal(status, STATUS_TRUNCATED);
	journal_deinit(&journal);
	fake_close(fake);
}

/* Whatever bytes come back: a status, never harm. */
static void bytes_that_were_changed_do_no_harm(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 8);
	for (int round = 0; round < 200; round++) {
		struct audit_spill spill;
		struct fake_spill *fake = fake_open(&spill);
		struct journal journal;
		struct audit_record record;
		journal_init(&journal, &spill, 0);
		append_all(&journal, 7, 5);
		assert_int_equal(journal_rewind(&journal), STATUS_OK);
		for (int i = 0; i < 8; i++)
			fake->bytes.ptr[rng_below(&rng, fake->bytes.len)] = (char)rng_next(&rng);
		enum status status = STATUS_OK;
		for (int i = 0; !status && i < 10; i++)
			status = journal_next(&journal, &record);
		assert_true(status == STATUS_NOT_FOUND || status == STATUS_FORMAT);
		journal_deinit(&journal);
		fake_close(fake);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_back_from_memory),
		cmocka_unit_test(records_behind_the_memory_come_back_from_the_spill),
		cmocka_unit_test(everything_may_go_to_the_spill),
		cmocka_unit_test(an_empty_journal_has_nothing_to_tell),
		cmocka_unit_test(without_a_spill_the_memory_is_all_there_is),
		cmocka_unit_test(trouble_with_the_spill_is_told),
		cmocka_unit_test(bytes_that_were_changed_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
