/* The parts of the sink for PostgreSQL that need no server: numbers on the wire, what codes
 * mean, what is made of what stands there, which rows are too old. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "archive/postgres_encode.h"
#include "archive/postgres_sql.h"
#include "archive/postgres_verdict.h"
#include "base/check.h"
#include "base/rng.h"

/* ---- numeric ---- */

static int word_at(const char *at)
{
	return (int16_t)((uint16_t)(unsigned char)at[0] << 8 | (unsigned char)at[1]);
}

/* The value of a numeric in 10^-16, read as numeric_recv reads it. */
static i128 numeric_e16(const char *bytes, size_t len)
{
	int groups = word_at(bytes + 4), weight = word_at(bytes + 6), sign = word_at(bytes + 8);
	i128 value = 0;
	assert_int_equal(len, 4 + 8 + 2 * groups);
	assert_int_equal(word_at(bytes + 2), 8 + 2 * groups);
	for (int i = 0; i < groups; i++) {
		int digit = word_at(bytes + 12 + 2 * i);
		i128 unit = 1;
		assert_in_range(digit, 0, 9999);
		assert_true(weight - i >= -4);
		for (int n = 0; n < (weight - i + 4) * 4; n++)
			unit *= 10;
		value += digit * unit;
	}
	assert_true(groups == 0 || (word_at(bytes + 12) && word_at(bytes + 10 + 2 * groups)));
	assert_true(sign == 0 || sign == 0x4000);
	return sign ? -value : value;
}

static void check_numeric(i128 value, int places)
{
	char bytes[64];
	char *end = postgres_put_numeric(bytes, value, places);
	i128 scale = places == 8 ? 100000000 : 1;
	assert_true(end - bytes <= POSTGRES_CELL_BYTES);
	assert_true(numeric_e16(bytes, (size_t)(end - bytes)) == value * scale);
	assert_int_equal(word_at(bytes + 10), places);
}

static void numbers_are_what_numeric_recv_reads(void **state)
{
	struct rng rng;
	(void)state;
	rng_init(&rng, 1);
	const i128 most = (i128)1000000000000000000 * 1000000000000000000 * 100 - 1;
	check_numeric(0, 8);
	check_numeric(most, 16);
	check_numeric(-most, 16);
	for (int i = 0; i < 100000; i++) {
		i128 value = (i128)((u128)rng_next(&rng) << 64 | rng_next(&rng)) % most;
		for (uint64_t n = rng_below(&rng, 39); n > 0; n--)
			value /= 10;
		for (uint64_t n = rng_below(&rng, 10);
		     n > 0 && value < most / 10 && value > -most / 10; n--)
			value *= 10;
		check_numeric(value, 16);
		check_numeric(value % 1000000000000000000, 8);
	}
}

/* ---- codes ---- */

static enum sink_outcome verdict(enum pg_end end, const char *sqlstate, bool committing)
{
	struct pg_answer answer = { .end = end };
	memcpy(answer.sqlstate, sqlstate, strlen(sqlstate) + 1);
	return postgres_verdict(&answer, committing);
}

static void codes_mean_what_they_mean(void **state)
{
	static const struct {
		enum pg_end end;
		const char *sqlstate;
		bool committing;
		enum sink_outcome outcome;
	} cases[] = {
		{ PG_DONE, "", false, SINK_DONE },
		{ PG_REFUSED, "22003", false, SINK_POISON }, /* numeric value out of range */
		{ PG_REFUSED, "22P05", false, SINK_POISON }, /* untranslatable character */
		{ PG_REFUSED, "54000", false, SINK_POISON }, /* index row too large */
		{ PG_REFUSED, "42P01", false, SINK_HELD },   /* no such table */
		{ PG_REFUSED, "42501", false, SINK_HELD },   /* no privilege */
		{ PG_REFUSED, "23502", false, SINK_HELD },   /* their column must not be NULL */
		{ PG_REFUSED, "0A000", false, SINK_HELD },
		{ PG_REFUSED, "53100", false, SINK_AWAY }, /* disk full */
		{ PG_REFUSED, "53200", true, SINK_AWAY },
		{ PG_REFUSED, "40P01", false, SINK_AWAY },   /* deadlock */
		{ PG_REFUSED, "25006", false, SINK_AWAY },   /* a standby */
		{ PG_REFUSED, "57014", false, SINK_AWAY },   /* cancelled */
		{ PG_UNREACHED, "28P01", false, SINK_HELD }, /* password */
		{ PG_UNREACHED, "3D000", false, SINK_HELD }, /* no such database */
		{ PG_UNREACHED, "53300", false, SINK_AWAY }, /* too many connections */
		{ PG_UNREACHED, "57P03", false, SINK_AWAY }, /* it is starting up */
		{ PG_UNREACHED, "", false, SINK_AWAY },
		{ PG_LOST, "", false, SINK_AWAY },
		{ PG_LOST, "57P01", false, SINK_AWAY }, /* an administrator's shutdown */
		{ PG_LOST, "57P01", true, SINK_UNKNOWN },
		{ PG_LOST, "", true, SINK_UNKNOWN },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(verdict(cases[i].end, cases[i].sqlstate, cases[i].committing),
				 cases[i].outcome);
}

/* ---- what stands there ---- */

static const char *mend_set(const struct postgres_seen *seen, enum archive_set set)
{
	static char text[64 << 10];
	struct buf out = buf_over(text, sizeof text - 1);
	postgres_put_mend(&out, seen, set);
	assert_false(out.overflow);
	text[out.len] = 0;
	return text;
}

static const char *mend(const struct postgres_seen *seen) { return mend_set(seen, ARCHIVE_OWN); }

static enum status see_of(struct postgres_seen *seen, enum archive_set set, const char *table,
			  const char *column, const char *type, const char *in_key)
{
	const struct str cells[] = { str_of(table), str_of(column), str_of(type), str_of(in_key) };
	return postgres_see(seen, set, cells, NULL);
}

static enum status see(struct postgres_seen *seen, const char *table, const char *column,
		       const char *type, const char *in_key)
{
	return see_of(seen, ARCHIVE_OWN, table, column, type, in_key);
}

static void what_is_missing_is_made_and_what_is_there_is_left(void **state)
{
	static const char *const types[] = {
		"text",
		"text",
		"bigint",
		"numeric(18,8)",
		"numeric(38,16)",
		"double precision",
		"timestamp with time zone",
		"numeric",
	};
	struct postgres_seen seen = { 0 };
	(void)state;
	assert_non_null(strstr(mend(&seen), "CREATE TABLE \"bars_1m\" (\"market\" text NOT NULL,"));
	for (unsigned i = 0; i < COLUMN_COUNT; i++) {
		enum archive_column column = (enum archive_column)i;
		const struct archive_column_row *row = archive_column_row(column);
		const char *table = archive_table_row(row->table)->name;
		assert_false(archive_is_key(column) && row->optional);
		enum archive_set set = archive_is_moved(row->table) ? ARCHIVE_MOVED : ARCHIVE_OWN;
		assert_int_equal(see_of(&seen, set, table, row->name, types[row->type],
					archive_is_key(column) ? "t" : "f"),
				 STATUS_OK);
		assert_int_equal(see_of(&seen, set, table, "batch_id", "bigint", "f"), STATUS_OK);
	}
	assert_int_equal(see(&seen, "theirs", "x", "json", "t"), STATUS_OK);
	assert_int_equal(see(&seen, "trades", "theirs", "json", "f"), STATUS_OK);
	assert_string_equal(mend(&seen), "");
	assert_string_equal(mend_set(&seen, ARCHIVE_MOVED), "");
	assert_int_equal(see(&seen, "trades", "theirs", "json", "t"), STATUS_INVALID);
	assert_int_equal(see(&seen, "trades", "pnl", "double precision", "f"), STATUS_INVALID);
	assert_int_equal(see(&seen, "trades", "trade_id", "text", "f"), STATUS_INVALID);
	seen.columns[TABLE_trades] &= ~UINT64_C(2);
	assert_string_equal(mend(&seen), "ALTER TABLE \"trades\" ADD COLUMN \"instance\" text;\n");
}

/* ---- age ---- */

static void whole_months_that_are_too_old_go(void **state)
{
	const int64_t day_us = INT64_C(86400000000);
	/* days since 1970: 2026-11-21 is 20778, 2024-11-01 is 20028, 2024-02-01 is 19754 */
	(void)state;
	assert_int_equal(postgres_kept_from(730, 20778 * day_us + 5), 20028 * day_us);
	assert_int_equal(postgres_kept_from(20778 - 20028, 20778 * day_us), 20028 * day_us);
	assert_int_equal(postgres_kept_from(20778 - 19782, 20778 * day_us), 19754 * day_us);
	assert_int_equal(postgres_kept_from(0, 59 * day_us), 59 * day_us);
	assert_int_equal(postgres_kept_from(0, 58 * day_us), 31 * day_us);
	assert_int_equal(postgres_kept_from(0, -1), -31 * day_us);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_what_numeric_recv_reads),
		cmocka_unit_test(codes_mean_what_they_mean),
		cmocka_unit_test(what_is_missing_is_made_and_what_is_there_is_left),
		cmocka_unit_test(whole_months_that_are_too_old_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
