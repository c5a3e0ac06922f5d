/* Dumps made by hand: versions 11 and 12, Valkey's, release candidates', and everything that a
 * Redis 7.0 would not write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rdb_picture.h"
#include "rdb_writer.h"

static struct rdb_end last;

/* Reads what was written; its keys as the picture has them, in the file's order. */
static struct picture *read_whole(struct buf *dump, enum status expected)
{
	struct picture *picture = picture_new();
	enum status status = picture_read(picture, dump->ptr, dump->len, 0, &last);
	if (status != expected)
		fail_msg("%s at %llu: %s", status_name(status), (unsigned long long)last.offset,
			 last.why);
	buf_deinit(dump);
	return picture;
}

static void assert_key(const struct picture *picture, size_t index, const char *expected)
{
	assert_true(index < picture->n_keys);
	struct str text = str_make(picture->keys[index].text, picture->keys[index].len);
	if (!str_eq(text, str_of(expected)))
		fail_msg("'%.*s' is not '%s'", STR_ARG(text), expected);
}

static void put_listpack(struct buf *dump, size_t n, const char *const *texts)
{
	struct buf entries;
	buf_init(&entries, WRITER_BYTES_MAX);
	for (size_t i = 0; i < n; i++)
		w_lp_text(&entries, texts[i]);
	w_listpack(dump, &entries, (unsigned)n);
	buf_deinit(&entries);
}

/* ---- version 11: 7.2 ---- */

static void a_set_of_7_2_is_a_listpack(void **state)
{
	static const char *const members[] = { "one", "three", "two" };
	struct buf dump;
	(void)state;
	w_begin(&dump, "REDIS0011");
	w_aux(&dump, "redis-ver", "7.2.4");
	w_db(&dump, 0);
	w_key(&dump, 20, "set");
	put_listpack(&dump, 3, members);
	w_end(&dump);
	struct picture *picture = read_whole(&dump, STATUS_OK);
	assert_int_equal(last.version, 11);
	assert_int_equal(last.verdict, RDB_MATCHES);
	assert_key(picture, 0, "db 0 3:set set expires -1 = 3:one | 3:two | 5:three | ");
	picture_free(picture);
}

static void put_stream(struct buf *dump, int type)
{
	struct buf node;
	buf_init(&node, WRITER_BYTES_MAX);
	w_lp_number(&node, 1);
	w_lp_number(&node, 1);
	w_lp_number(&node, 1);
	w_lp_text(&node, "f");
	w_lp_number(&node, 0);
	/* the master's names, one deleted, one with names of its own */
	const int64_t entries[2][3] = { { 2, 0, 0 }, { 3, 5, 1 } };
	for (int i = 0; i < 2; i++) {
		for (int j = 0; j < 3; j++)
			w_lp_number(&node, entries[i][j]);
		w_lp_text(&node, i ? "gone" : "v");
		w_lp_number(&node, 4);
	}
	w_lp_number(&node, 0);
	w_lp_number(&node, 7);
	w_lp_number(&node, -2);
	w_lp_number(&node, 2);
	w_lp_text(&node, "a");
	w_lp_text(&node, "1");
	w_lp_text(&node, "b");
	w_lp_text(&node, "2");
	w_lp_number(&node, 8);
	w_key(dump, type, "stream");
	w_length(dump, 1);
	w_length(dump, 16);
	w_big_endian(dump, 1000, 8);
	w_big_endian(dump, 5, 8);
	w_listpack(dump, &node, 5 + 2 * 5 + 4 + 4 + 1);
	buf_deinit(&node);
}

static void put_stream_figures(struct buf *dump)
{
	const uint64_t figures[] = { 2, 1007, 3, 1000, 5, 1005, 6, 3, 1 };
	for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
		w_length(dump, figures[i]);
}

static void a_stream_of_7_2_knows_when_a_consumer_was_active(void **state)
{
	struct buf dump;
	(void)state;
	w_begin(&dump, "REDIS0011");
	w_db(&dump, 2);
	put_stream(&dump, 21);
	put_stream_figures(&dump);
	w_text(&dump, "g");
	w_length(&dump, 1000);
	w_length(&dump, 5);
	w_length(&dump, 1);
	w_length(&dump, 1); /* pending */
	w_big_endian(&dump, 1000, 8);
	w_big_endian(&dump, 5, 8);
	w_low_first(&dump, 1700000000123, 8);
	w_length(&dump, 4);
	w_length(&dump, 1);
	w_text(&dump, "c");
	w_low_first(&dump, 1700000000456, 8);
	w_low_first(&dump, 1700000000400, 8);
	w_length(&dump, 1);
	w_big_endian(&dump, 1000, 8);
	w_big_endian(&dump, 5, 8);
	w_end(&dump);
	struct picture *picture = read_whole(&dump, STATUS_OK);
	assert_key(picture, 0,
		   "db 2 6:stream stream expires -1 = 1000-5 1:f 1:v | 1007-3 1:a 1:1 1:b 1:2 | "
		   "length 2 last 1007-3 first 1000-5 deleted 1005-6 added 3 | group 1:g 1000-5 "
		   "read 1 | pending 1000-5 at 1700000000123 times 4 | consumer 1:c seen "
		   "1700000000456 | pending 1000-5 | ");
	picture_free(picture);
}

/* ---- version 12: 7.4 ---- */

static void slots_of_a_cluster_are_passed_over(void **state)
{
	struct buf dump;
	(void)state;
	w_begin(&dump, "REDIS0012");
	w_db(&dump, 0);
	w_byte(&dump, 244);
	w_length(&dump, 16383);
	w_length(&dump, 70000);
	w_length(&dump, 5000000000);
	w_key(&dump, 0, "k");
	w_text(&dump, "v");
	w_end(&dump);
	struct picture *picture = read_whole(&dump, STATUS_OK);
	assert_key(picture, 0, "db 0 1:k string expires -1 = 1:v | ");
	picture_free(picture);
}

static void put_ttl_listpack(struct buf *dump)
{
	struct buf entries;
	buf_init(&entries, WRITER_BYTES_MAX);
	w_lp_text(&entries, "late");
	w_lp_text(&entries, "1");
	w_lp_number(&entries, 4102444800123);
	w_lp_text(&entries, "never");
	w_lp_number(&entries, -7);
	w_lp_number(&entries, 0);
	w_listpack(dump, &entries, 6);
	buf_deinit(&entries);
}

static void put_ttl_fields(struct buf *dump, uint64_t late)
{
	w_length(dump, 2);
	w_length(dump, late);
	w_text(dump, "late");
	w_text(dump, "1");
	w_length(dump, 0);
	w_text(dump, "never");
	w_text(dump, "-7");
}

static void fields_of_hashes_expire_in_7_4(void **state)
{
	static const uint64_t least = 4102444800000;
	static const int types[] = { 22, 23, 24, 25 };
	struct buf dump;
	(void)state;
	w_begin(&dump, "REDIS0012");
	w_db(&dump, 0);
	for (size_t i = 0; i < 4; i++) {
		w_key(&dump, types[i], "h");
		if (types[i] >= 24)
			w_low_first(&dump, least, 8);
		if (types[i] & 1)
			put_ttl_listpack(&dump);
		else
			put_ttl_fields(&dump, types[i] == 24 ? 123 + 1 : least + 123);
	}
	w_end(&dump);
	struct picture *picture = read_whole(&dump, STATUS_OK);
	assert_int_equal(picture->n_keys, 4);
	for (size_t i = 0; i < 4; i++)
		assert_key(picture, i,
			   "db 0 1:h hash expires -1 = 4:late until 4102444800123 1:1 | 5:never "
			   "2:-7 | ");
	picture_free(picture);
}

/* ---- Valkey ---- */

static void valkey_9_has_its_own_magic_and_hashes(void **state)
{
	struct buf dump;
	(void)state;
	w_begin(&dump, "VALKEY080");
	w_aux(&dump, "valkey-ver", "9.0.0");
	w_byte(&dump, 243);
	w_text(&dump, "0123456789012345678901234567890123456789");
	w_length(&dump, 2);
	for (uint64_t slot = 0; slot < 4; slot++)
		w_length(&dump, slot * 100);
	w_db(&dump, 0);
	w_key(&dump, 22, "h");
	w_length(&dump, 2);
	w_text(&dump, "late");
	w_text(&dump, "1");
	w_low_first(&dump, 4102444800123, 8);
	w_text(&dump, "never");
	w_text(&dump, "-7");
	w_low_first(&dump, UINT64_MAX, 8);
	w_end(&dump);
	struct picture *picture = read_whole(&dump, STATUS_OK);
	assert_int_equal(last.version, 80);
	assert_true(last.is_valkey);
	assert_key(picture, 0,
		   "db 0 1:h hash expires -1 = 4:late until 4102444800123 1:1 | 5:never 2:-7 | ");
	picture_free(picture);
}

static void what_one_of_them_writes_the_other_does_not_know(void **state)
{
	struct buf dump;
	(void)state;
	for (int i = 0; i < 3; i++) {
		w_begin(&dump, i == 2 ? "REDIS0012" : "VALKEY080");
		w_db(&dump, 0);
		w_key(&dump, 0, "k");
		w_text(&dump, "v");
		size_t at = dump.len;
		w_byte(&dump, i == 0 ? 24 : i == 1 ? 25 : 243);
		w_end(&dump);
		picture_free(read_whole(&dump, STATUS_FORMAT));
		assert_int_equal(last.offset, at);
		assert_int_equal(last.counts.keys, 1);
	}
}

/* ---- release candidates, modules, what is rare ---- */

static void newer_versions_are_read_as_far_as_they_are_known(void **state)
{
	struct buf dump;
	(void)state;
	for (int is_valkey = 0; is_valkey < 2; is_valkey++) {
		w_begin(&dump, is_valkey ? "VALKEY081" : "REDIS0015");
		w_db(&dump, 0);
		w_key(&dump, 0, "k");
		w_text(&dump, "v");
		w_byte(&dump, 28);
		w_end(&dump);
		picture_free(read_whole(&dump, STATUS_VERSION));
		assert_int_equal(last.counts.keys, 1);
		assert_non_null(strstr(last.why, "newer"));
	}
}

static void modules_are_passed_over(void **state)
{
	struct buf dump;
	(void)state;
	w_begin(&dump, "REDIS0010");
	w_byte(&dump, 247);
	for (int i = 0; i < 2; i++) {
		w_byte(&dump, 0x81);
		w_big_endian(&dump, UINT64_C(0x4ad3f8cb8d4e8801), 8);
		if (i == 0) {
			w_length(&dump, 2);
			w_length(&dump, 1);
		}
		w_length(&dump, 1);
		w_length(&dump, 70);
		w_length(&dump, 2);
		w_length(&dump, 5000000000);
		w_length(&dump, 3);
		w_low_first(&dump, 0, 4);
		w_length(&dump, 4);
		w_low_first(&dump, 0, 8);
		w_length(&dump, 5);
		w_text(&dump, "\xff\xfe");
		w_length(&dump, 0);
		if (i == 0) {
			w_db(&dump, 0);
			w_key(&dump, 7, "m");
		}
	}
	w_key(&dump, 0, "k");
	w_text(&dump, "v");
	w_end(&dump);
	struct picture *picture = read_whole(&dump, STATUS_OK);
	assert_int_equal(last.counts.module_parts, 1);
	assert_int_equal(last.counts.module_values, 1);
	assert_key(picture, 0, "db 0 1:m module expires -1 = ");
	assert_key(picture, 1, "db 0 1:k string expires -1 = 1:v | ");
	picture_free(picture);
}

static enum status note_function(void *ctx, struct str name, struct rdb_text code)
{
	struct buf *buf = ctx;
	buf_printf(buf, "%.*s=%.*s;", STR_ARG(name), STR_ARG(code.head));
	return STATUS_OK;
}

static void functions_of_all_forms_are_told(void **state)
{
	static const struct rdb_events events = { .function = note_function };
	char storage[200];
	struct buf dump, told = buf_over(storage, sizeof storage);
	struct rdb *rdb;
	(void)state;
	w_begin(&dump, "REDIS0010");
	w_byte(&dump, 245);
	w_text(&dump, "#!lua name=a");
	for (int described = 0; described < 2; described++) {
		w_byte(&dump, 246);
		w_text(&dump, described ? "two" : "one");
		w_text(&dump, "LUA");
		w_length(&dump, (uint64_t)described);
		if (described)
			w_text(&dump, "what it does");
		w_text(&dump, "return 1");
	}
	w_end(&dump);
	struct rdb_bytes bytes = { dump.ptr, dump.len, 3 };
	assert_int_equal(rdb_create(rdb_bytes_fill, &bytes, &rdb), STATUS_OK);
	assert_int_equal(rdb_read(rdb, &events, &told, &last), STATUS_OK);
	rdb_destroy(rdb);
	buf_deinit(&dump);
	assert_int_equal(last.counts.functions, 3);
	assert_string_equal((buf_char(&told, 0), storage),
			    "=#!lua name=a;one=return 1;two=return 1;");
}

/* ---- lengths, scores, expiries ---- */

static void lengths_have_four_forms(void **state)
{
	static const int marks[] = { 0x40, 0x80, 0x81 };
	static const int sizes[] = { 2, 4, 8 };
	struct buf dump;
	(void)state;
	w_begin(&dump, "REDIS0009");
	w_db(&dump, 0);
	for (int i = 0; i < 3; i++) {
		w_key(&dump, 0, "k");
		if (marks[i] != 0x40)
			w_byte(&dump, marks[i]);
		w_big_endian(&dump, (marks[i] == 0x40 ? 0x4000 : 0) | 5, sizes[i]);
		buf_str_put(&dump, STR("bytes"));
	}
	w_end(&dump);
	struct picture *picture = read_whole(&dump, STATUS_OK);
	for (size_t i = 0; i < 3; i++)
		assert_key(picture, i, "db 0 1:k string expires -1 = 5:bytes | ");
	picture_free(picture);
}

static void scores_of_the_first_form_are_text(void **state)
{
	struct buf dump;
	(void)state;
	w_begin(&dump, "REDIS0002");
	w_db(&dump, 0);
	w_byte(&dump, 253);
	w_low_first(&dump, 4102444800, 4);
	w_key(&dump, 3, "z");
	w_length(&dump, 4);
	w_text(&dump, "a");
	w_text(&dump, "-12.5");
	w_text(&dump, "b");
	w_byte(&dump, 254);
	w_text(&dump, "c");
	w_byte(&dump, 255);
	w_text(&dump, "d");
	w_text(&dump, "17");
	w_byte(&dump, 255);
	struct picture *picture = read_whole(&dump, STATUS_OK);
	assert_int_equal(last.verdict, RDB_NO_CHECKSUM);
	/* 4102444800 is beyond 31 bits: seconds were signed */
	assert_key(picture, 0,
		   "db 0 1:z zset expires -192522496000 = 1:a -12.5 | 1:b inf | 1:c -inf | 1:d 17 "
		   "| ");
	picture_free(picture);
}

static void a_score_that_is_no_number_is_refused(void **state)
{
	static const char *const scores[] = { "", "x", "1x", "nan", "1.5.5" };
	struct buf dump;
	(void)state;
	for (size_t i = 0; i < sizeof scores / sizeof *scores; i++) {
		w_begin(&dump, "REDIS0003");
		w_db(&dump, 0);
		w_key(&dump, 3, "z");
		w_length(&dump, 1);
		w_text(&dump, "a");
		w_text(&dump, scores[i]);
		w_byte(&dump, 255);
		picture_free(read_whole(&dump, STATUS_FORMAT));
	}
}

static void a_wrong_checksum_is_told_when_all_was_read(void **state)
{
	struct buf dump;
	(void)state;
	w_begin(&dump, "REDIS0011");
	w_db(&dump, 0);
	w_key(&dump, 0, "k");
	w_text(&dump, "v");
	w_end(&dump);
	dump.ptr[dump.len - 1] ^= 1;
	picture_free(read_whole(&dump, STATUS_CHECKSUM));
	assert_int_equal(last.verdict, RDB_DIFFERS);
	assert_int_equal(last.counts.keys, 1);
}

static enum status refuse(void *ctx, const struct rdb_key *key)
{
	(void)ctx;
	(void)key;
	return STATUS_CANCELLED;
}

static void who_is_told_can_end_it(void **state)
{
	static const struct rdb_events events = { .key = refuse };
	struct buf dump;
	struct rdb *rdb;
	(void)state;
	w_begin(&dump, "REDIS0011");
	w_db(&dump, 0);
	w_key(&dump, 0, "k");
	w_text(&dump, "v");
	w_end(&dump);
	struct rdb_bytes bytes = { dump.ptr, dump.len, 0 };
	assert_int_equal(rdb_create(rdb_bytes_fill, &bytes, &rdb), STATUS_OK);
	assert_int_equal(rdb_read(rdb, &events, NULL, &last), STATUS_CANCELLED);
	assert_string_equal(last.why, "");
	rdb_destroy(rdb);
	buf_deinit(&dump);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_of_7_2_is_a_listpack),
		cmocka_unit_test(a_stream_of_7_2_knows_when_a_consumer_was_active),
		cmocka_unit_test(slots_of_a_cluster_are_passed_over),
		cmocka_unit_test(fields_of_hashes_expire_in_7_4),
		cmocka_unit_test(valkey_9_has_its_own_magic_and_hashes),
		cmocka_unit_test(what_one_of_them_writes_the_other_does_not_know),
		cmocka_unit_test(newer_versions_are_read_as_far_as_they_are_known),
		cmocka_unit_test(modules_are_passed_over),
		cmocka_unit_test(functions_of_all_forms_are_told),
		cmocka_unit_test(lengths_have_four_forms),
		cmocka_unit_test(scores_of_the_first_form_are_text),
		cmocka_unit_test(a_score_that_is_no_number_is_refused),
		cmocka_unit_test(a_wrong_checksum_is_told_when_all_was_read),
		cmocka_unit_test(who_is_told_can_end_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
