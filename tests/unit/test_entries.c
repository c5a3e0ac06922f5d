/* Packed entries: what goes in comes out, whatever it is. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/entries_table.h"
#include "codec/priors.h"
#include "entries_desk.h"

enum { MANY = ENTRIES_ROWS_MAX, FIELDS = ENTRIES_FIELDS_MAX };

static struct entries_packer *packer;
static struct entries_reader *reader;
static struct desk desk;
static struct desk_row rows[MANY];
static struct str values[MANY * FIELDS];
static char bytes[ENTRIES_CHUNK_BYTES];

static int setup(void **state)
{
	(void)state;
	packer = entries_packer_create();
	reader = entries_reader_create();
	return packer && reader ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	entries_packer_destroy(packer);
	entries_reader_destroy(reader);
	return 0;
}

static size_t fields_of(enum entries_table table)
{
	size_t count;
	entries_fields(table, &count);
	return count;
}

static void clear(void) { memset(values, 0, sizeof values); }

static struct str *value_of(enum entries_table table, size_t row, const char *name)
{
	size_t at = entries_field_find(table, str_of(name));
	assert_true(at < fields_of(table));
	return &values[row * fields_of(table) + at];
}

static void set(size_t row, const char *name, const char *text)
{
	*value_of(ENTRIES_RESULTS, row, name) = str_of(text);
}

static void assert_same(const struct str *a, const struct str *b, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(a[i].ptr != NULL, b[i].ptr != NULL);
		assert_int_equal(a[i].len, b[i].len);
		if (a[i].len)
			assert_memory_equal(a[i].ptr, b[i].ptr, a[i].len);
	}
}

static void assert_reads_back(enum entries_table table, struct str chunk, size_t count)
{
	size_t told = 0, read = 0;
	assert_int_equal(entries_count(table, chunk, &told), STATUS_OK);
	assert_int_equal(told, count);
	assert_int_equal(entries_read(reader, table, chunk, &read), STATUS_OK);
	assert_int_equal(read, count);
	for (size_t i = 0; i < count; i++)
		assert_same(&values[i * fields_of(table)], entries_row(reader, i),
			    fields_of(table));
}

/* Bytes of the chunk; 0 when it needs more than one. */
static size_t round_trip(enum entries_table table, size_t count)
{
	struct buf out = buf_over(bytes, sizeof bytes);
	enum status status = entries_pack(packer, table, values, count, &out);
	if (status == STATUS_FULL) {
		assert_int_equal(out.len, 0);
		assert_false(out.overflow);
		return 0;
	}
	assert_int_equal(status, STATUS_OK);
	assert_reads_back(table, buf_str(&out), count);
	return out.len;
}

static void make_load(enum entries_table table, uint64_t seed, uint32_t terminals, size_t count)
{
	desk_start(&desk, seed, terminals);
	for (size_t i = 0; i < count; i++) {
		if (table == ENTRIES_RESULTS)
			desk_result(&desk, &rows[i]);
		else
			desk_order_signal(&desk, &rows[i]);
		memcpy(&values[i * fields_of(table)], rows[i].values,
		       fields_of(table) * sizeof *values);
	}
}

/* ---- what comes back ---- */

static void the_table_is_well_formed(void **state)
{
	(void)state;
	pack_table_check(&entries_table);
	assert_int_equal(ARRAY_LEN(priors_results_1), ENTRIES_SLOTS);
	assert_int_equal(ARRAY_LEN(priors_signals_1), ENTRIES_SLOTS);
}

static void fields_are_those_of_the_tables(void **state)
{
	(void)state;
	size_t count;
	const struct str *names = entries_fields(ENTRIES_RESULTS, &count);
	assert_int_equal(count, 28);
	assert_true(str_eq(names[0], STR("rid")) && str_eq(names[27], STR("cm")));
	names = entries_fields(ENTRIES_SIGNALS, &count);
	assert_int_equal(count, 18);
	assert_true(str_eq(names[0], STR("id")) && str_eq(names[17], STR("cm")));
	assert_int_equal(entries_field_find(ENTRIES_SIGNALS, STR("drain")), 2);
	assert_int_equal(entries_field_find(ENTRIES_SIGNALS, STR("rid")), count);
}

static void what_terminals_send_comes_back(void **state)
{
	(void)state;
	const size_t counts[] = { 1, 2, 7, 10, 32, 100, MANY };
	for (uint64_t seed = 1; seed <= 12; seed++) {
		for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
			make_load(ENTRIES_RESULTS, seed, seed % 3 ? 100 : 1, counts[i]);
			assert_true(round_trip(ENTRIES_RESULTS, counts[i]) > 0);
			make_load(ENTRIES_SIGNALS, seed, 20, counts[i]);
			assert_true(round_trip(ENTRIES_SIGNALS, counts[i]) > 0);
		}
	}
}

static const char *const nasty[] = {
	"",
	"0",
	"-0",
	"00",
	"-",
	"+1",
	"1e5",
	"1.",
	".5",
	"-.5",
	"0.0",
	"-0.0",
	"-0.00",
	"0.10",
	"00.1",
	"1.08500",
	"1.085",
	"-1.5",
	"--1",
	"1..5",
	"1.5.",
	"9223372036854775807",
	"-9223372036854775808",
	"9223372036854775808",
	"-9223372036854775809",
	"18446744073709551615",
	"18446744073709551616",
	"99999999999999999999",
	"1000000000000000000",
	"0.000000000000000001",
	"0.0000000000000000001",
	"-0.000000000000000001",
	"9.223372036854775807",
	"9.223372036854775808",
	"-9.223372036854775808",
	"922337203685477580.7",
	"1.000000000000000000",
	" 1",
	"1 ",
	"0x10",
	"nan",
	"\xff\xfe",
	"\xc3\x28",
	"a",
	"-1",
	"007",
	"a007",
	"a008",
	"a009",
	"a010",
	"a99",
	"a100",
	"x999999999999999999",
	"x1000000000000000000",
	"done",
	"unk",
	"part",
	"sell",
	"deal:S:1:2",
	"deal::",
	"deal:0",
	"5-a-0",
	"5-a-u",
	"[sl 1.0]",
	"1795000000000",
	"456600000000000000",
	"-1795000000000",
	"-",
	"--0",
	"10009",
};

static struct str draw_text(struct rng *rng, char *room, size_t *used)
{
	size_t len = (size_t)rng_below(rng, rng_below(rng, 40) ? 12 : ENTRIES_VALUE_BYTES + 1);
	char *at = room + *used;
	for (size_t i = 0; i < len; i++)
		at[i] = (char)(rng_below(rng, 3) ? '0' + rng_below(rng, 10) : rng_next(rng));
	*used += len;
	return str_make(at, len);
}

static struct str draw_number(struct rng *rng, char *room, size_t *used)
{
	char *at = room + *used;
	int64_t number = (int64_t)(rng_next(rng) >> rng_below(rng, 64));
	int len = snprintf(at, 32, rng_below(rng, 2) ? "%" PRId64 : "%" PRId64 ".%02u", number,
			   (unsigned)rng_below(rng, 100));
	*used += (size_t)len;
	return str_make(at, (size_t)len);
}

/* Any row: absent, nasty, random, or as the row before has it. */
static void draw_rows(struct rng *rng, enum entries_table table, size_t count)
{
	static char room[MANY * 4 * ENTRIES_VALUE_BYTES];
	size_t used = 0, fields = fields_of(table);
	uint64_t absent = rng_below(rng, 4), spread = 2 + rng_below(rng, 6);
	for (size_t i = 0; i < count * fields; i++) {
		uint64_t draw = rng_below(rng, 4 + spread);
		values[i] = (struct str){ 0 };
		if (rng_below(rng, 4) < absent || used > sizeof room - 2 * ENTRIES_VALUE_BYTES)
			continue;
		if (draw == 0)
			values[i] = draw_text(rng, room, &used);
		else if (draw == 1)
			values[i] = draw_number(rng, room, &used);
		else if (draw < 4)
			values[i] = str_of(nasty[rng_below(rng, ARRAY_LEN(nasty))]);
		else if (i >= fields)
			values[i] = values[i - fields];
	}
}

static void any_values_come_back(void **state)
{
	(void)state;
	struct rng rng;
	size_t packed = 0;
	rng_init(&rng, 20261121);
	for (int i = 0; i < 3000; i++) {
		enum entries_table table = i % 2 ? ENTRIES_RESULTS : ENTRIES_SIGNALS;
		size_t count = 1 + (size_t)rng_below(&rng, i % 50 ? 6 : 60);
		draw_rows(&rng, table, count);
		packed += round_trip(table, count) > 0;
	}
	assert_true(packed > 2500);
}

/* Each odd spelling in each field, beside rows that are as usual. */
static void every_spelling_in_every_field_comes_back(void **state)
{
	(void)state;
	for (int t = 0; t < ENTRIES_TABLES; t++) {
		enum entries_table table = (enum entries_table)t;
		size_t fields = fields_of(table);
		for (size_t i = 0; i < fields * ARRAY_LEN(nasty); i++) {
			make_load(table, 5 + i, 3, 3);
			values[fields + i % fields] = str_of(nasty[i / fields]);
			assert_true(round_trip(table, 3) > 0);
		}
	}
}

static void an_absent_value_is_not_an_empty_one(void **state)
{
	(void)state;
	clear();
	set(0, "rid", "1-a-0");
	set(0, "why", "");
	set(0, "px", "");
	assert_true(round_trip(ENTRIES_RESULTS, 2) > 0);
	const struct str *row = entries_row(reader, 0);
	assert_non_null(row[entries_field_find(ENTRIES_RESULTS, STR("why"))].ptr);
	assert_null(row[entries_field_find(ENTRIES_RESULTS, STR("cm"))].ptr);
	assert_null(entries_row(reader, 1)[0].ptr);
}

static void rows_outlive_the_chunk(void **state)
{
	(void)state;
	size_t count;
	make_load(ENTRIES_RESULTS, 9, 4, 8);
	assert_true(round_trip(ENTRIES_RESULTS, 8) > 0);
	struct buf out = buf_over(bytes, sizeof bytes);
	assert_int_equal(entries_pack(packer, ENTRIES_RESULTS, values, 8, &out), STATUS_OK);
	assert_int_equal(entries_read(reader, ENTRIES_RESULTS, buf_str(&out), &count), STATUS_OK);
	memset(bytes, 'x', sizeof bytes);
	for (size_t i = 0; i < count; i++)
		assert_same(&values[i * fields_of(ENTRIES_RESULTS)], entries_row(reader, i),
			    fields_of(ENTRIES_RESULTS));
}

/* A chunk stands by itself: what was packed before it makes no difference. */
static void a_chunk_does_not_depend_on_those_before(void **state)
{
	(void)state;
	static char first[ENTRIES_CHUNK_BYTES];
	struct buf out = buf_over(first, sizeof first);
	make_load(ENTRIES_RESULTS, 3, 100, 40);
	assert_int_equal(entries_pack(packer, ENTRIES_RESULTS, values, 40, &out), STATUS_OK);
	make_load(ENTRIES_SIGNALS, 4, 100, 200);
	assert_true(round_trip(ENTRIES_SIGNALS, 200) > 0);
	make_load(ENTRIES_RESULTS, 5, 100, 200);
	assert_true(round_trip(ENTRIES_RESULTS, 200) > 0);
	make_load(ENTRIES_RESULTS, 3, 100, 40);
	assert_int_equal(round_trip(ENTRIES_RESULTS, 40), out.len);
	assert_memory_equal(bytes, first, out.len);
	struct entries_reader *fresh = entries_reader_create();
	size_t count;
	assert_int_equal(entries_read(fresh, ENTRIES_RESULTS, buf_str(&out), &count), STATUS_OK);
	assert_same(values, entries_row(fresh, 0), fields_of(ENTRIES_RESULTS));
	entries_reader_destroy(fresh);
}

/* ---- bounds ---- */

static void what_does_not_fit_leaves_out_as_it_was(void **state)
{
	(void)state;
	static char noise[28][ENTRIES_VALUE_BYTES + 1], small[64];
	struct rng rng;
	struct buf out = buf_over(bytes, sizeof bytes);
	rng_init(&rng, 1);
	clear();
	for (size_t i = 0; i < 28; i++) {
		for (size_t k = 0; k <= ENTRIES_VALUE_BYTES; k++)
			noise[i][k] = (char)rng_next(&rng);
		values[i] = str_make(noise[i], ENTRIES_VALUE_BYTES);
	}
	buf_str_put(&out, STR("before"));
	assert_int_equal(entries_pack(packer, ENTRIES_RESULTS, values, 1, &out), STATUS_FULL);
	values[3].len++;
	assert_int_equal(entries_pack(packer, ENTRIES_RESULTS, values, 1, &out), STATUS_INVALID);
	assert_true(str_eq(buf_str(&out), STR("before")) && !out.overflow);
	make_load(ENTRIES_RESULTS, 1, 4, 20);
	struct buf no_room = buf_over(small, sizeof small);
	assert_int_equal(entries_pack(packer, ENTRIES_RESULTS, values, 20, &no_room), STATUS_FULL);
	assert_true(no_room.len == 0 && !no_room.overflow);
}

static void more_rows_than_a_chunk_has_are_too_many(void **state)
{
	(void)state;
	static struct str none[(ENTRIES_ROWS_MAX + 1) * FIELDS];
	struct buf out = buf_over(bytes, sizeof bytes);
	assert_int_equal(entries_pack(packer, ENTRIES_RESULTS, none, ENTRIES_ROWS_MAX + 1, &out),
			 STATUS_FULL);
	assert_int_equal(entries_pack(packer, ENTRIES_RESULTS, none, ENTRIES_ROWS_MAX, &out),
			 STATUS_OK);
	assert_true(out.len < 40);
}

static void long_texts_that_repeat_cost_little(void **state)
{
	(void)state;
	static char text[ENTRIES_VALUE_BYTES + 1];
	for (size_t i = 0; i < ENTRIES_VALUE_BYTES; i++)
		text[i] = (char)('a' + i * i % 23);
	clear();
	for (size_t i = 0; i < MANY; i++) {
		*value_of(ENTRIES_RESULTS, i, "why") = str_of(text);
		*value_of(ENTRIES_RESULTS, i, "cm") = str_make(text, 1000);
	}
	size_t len = round_trip(ENTRIES_RESULTS, MANY);
	assert_in_range(len, 1, 1200);
}

/* Zeros pack to nothing, and must not unpack to more than a reader has room for. */
static void what_unpacks_to_more_than_a_reader_holds_is_refused(void **state)
{
	(void)state;
	static char text[MANY][ENTRIES_VALUE_BYTES];
	clear();
	memset(text, 'z', sizeof text);
	for (size_t i = 0; i < MANY; i++) {
		memcpy(text[i], &i, sizeof i);
		*value_of(ENTRIES_RESULTS, i, "why") = str_make(text[i], ENTRIES_VALUE_BYTES);
	}
	assert_int_equal(round_trip(ENTRIES_RESULTS, MANY), 0);
	assert_true(round_trip(ENTRIES_RESULTS, 60) > 0);
}

/* ---- sizes, as counted bounds ---- */

struct size_case {
	enum entries_table table;
	uint32_t terminals;
	size_t batch, batches;
	double bytes_most, ratio_least;
};

static void assert_size(const struct size_case *test)
{
	size_t bytes_all = 0, plain = 0, n = test->batch * test->batches;
	for (size_t i = 0; i < test->batches; i++) {
		make_load(test->table, 1000 + i, test->terminals, test->batch);
		size_t len = round_trip(test->table, test->batch);
		assert_true(len > 0);
		bytes_all += len;
		for (size_t k = 0; k < test->batch; k++)
			plain += desk_plain_bytes(&rows[k]);
	}
	print_message("%zu rows of %u: %.1f bytes a row, %.1f times\n", test->batch,
		      test->terminals, (double)bytes_all / (double)n,
		      (double)plain / (double)bytes_all);
	assert_true((double)bytes_all <= test->bytes_most * (double)n);
	assert_true((double)plain >= test->ratio_least * (double)bytes_all);
}

static void rows_take_no_more_than_their_bounds(void **state)
{
	(void)state;
	static const struct size_case cases[] = {
		{ ENTRIES_RESULTS, 100, 1, 60, 65, 3.5 },  { ENTRIES_RESULTS, 100, 8, 30, 25, 9 },
		{ ENTRIES_RESULTS, 100, 16, 20, 20, 12 },  { ENTRIES_RESULTS, 100, 32, 20, 16, 15 },
		{ ENTRIES_RESULTS, 100, 100, 10, 13, 18 }, { ENTRIES_RESULTS, 1, 8, 30, 20, 12 },
		{ ENTRIES_RESULTS, 1, 32, 20, 12, 20 },    { ENTRIES_SIGNALS, 100, 1, 60, 60, 1.4 },
		{ ENTRIES_SIGNALS, 100, 32, 20, 10, 8 },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_size(&cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_well_formed),
		cmocka_unit_test(fields_are_those_of_the_tables),
		cmocka_unit_test(what_terminals_send_comes_back),
		cmocka_unit_test(any_values_come_back),
		cmocka_unit_test(every_spelling_in_every_field_comes_back),
		cmocka_unit_test(an_absent_value_is_not_an_empty_one),
		cmocka_unit_test(rows_outlive_the_chunk),
		cmocka_unit_test(a_chunk_does_not_depend_on_those_before),
		cmocka_unit_test(what_does_not_fit_leaves_out_as_it_was),
		cmocka_unit_test(more_rows_than_a_chunk_has_are_too_many),
		cmocka_unit_test(long_texts_that_repeat_cost_little),
		cmocka_unit_test(what_unpacks_to_more_than_a_reader_holds_is_refused),
		cmocka_unit_test(rows_take_no_more_than_their_bounds),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
