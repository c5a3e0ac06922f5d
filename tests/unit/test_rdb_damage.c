/* Damaged and cut dumps, and dumps that claim impossible sizes: the reading ends with an offset
 * and a reason, in bounded memory, never otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sys/resource.h>

#include "rdb_fill.h"
#include "rdb_picture.h"
#include "rdb_writer.h"

enum { SMALL = 4096, SEEDED = 2000 };

/* ---- a reader that touches all it is told ---- */

static uint64_t touched;

static void touch(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		touched += (unsigned char)text.ptr[i];
}

static enum status touch_key(void *ctx, const struct rdb_key *key)
{
	(void)ctx;
	touch(key->name.head);
	assert_true(key->name.head.len <= key->name.len);
	return STATUS_OK;
}

static enum status touch_string(void *ctx, struct str piece, uint64_t whole)
{
	(void)ctx;
	assert_true(piece.len <= whole);
	touch(piece);
	return STATUS_OK;
}

static enum status touch_element(void *ctx, const struct rdb_element *element)
{
	(void)ctx;
	touch(element->field.head);
	touch(element->value.head);
	return STATUS_OK;
}

static enum status touch_field(void *ctx, struct str name, struct str value)
{
	(void)ctx;
	touch(name);
	touch(value);
	return STATUS_OK;
}

static enum status touch_end(void *ctx, uint64_t elements, bool unread)
{
	(void)unread;
	*(uint64_t *)ctx += elements;
	return STATUS_OK;
}

static const struct rdb_events touching = {
	.key = touch_key,
	.string = touch_string,
	.element = touch_element,
	.stream_field = touch_field,
	.key_end = touch_end,
};

/* An exact copy, so that a sanitizer sees what is read beyond it. */
static enum status read_bytes(const char *at, size_t size, struct rdb_end *end)
{
	struct rdb_bytes bytes = { at, size, 0 };
	uint64_t elements = 0;
	struct rdb *rdb;
	assert_int_equal(rdb_create(rdb_bytes_fill, &bytes, &rdb), STATUS_OK);
	enum status status = rdb_read(rdb, &touching, &elements, end);
	rdb_destroy(rdb);
	assert_true(end->offset <= size);
	assert_int_equal(status == STATUS_OK, end->why[0] == 0);
	return status;
}

/* ---- cuts and flips ---- */

static void cut_at(const char *bytes, size_t cut, size_t whole)
{
	struct rdb_end end;
	enum status status = read_bytes(bytes, cut, &end);
	if (cut >= whole)
		assert_int_equal(status, STATUS_OK);
	else
		assert_int_equal(status, STATUS_TRUNCATED);
}

/* Not the version: another one may have no checksum. */
static void flip_at(char *bytes, size_t at, size_t size, int bits, bool checked, size_t whole)
{
	struct rdb_end end;
	bytes[at] = (char)(bytes[at] ^ bits);
	enum status status = read_bytes(bytes, size, &end);
	if (checked && at < whole && (at < 5 || at > 8))
		assert_int_not_equal(status, STATUS_OK);
	bytes[at] = (char)(bytes[at] ^ bits);
}

static void damage_small(char *bytes, size_t size, bool checked, size_t whole)
{
	for (size_t at = 0; at < size; at++) {
		cut_at(bytes, at, whole);
		flip_at(bytes, at, size, 0xff, checked, whole);
		flip_at(bytes, at, size, 0x01, checked, whole);
		flip_at(bytes, at, size, 0x80, checked, whole);
	}
}

static void damage_large(char *bytes, size_t size, bool checked, size_t whole)
{
	struct rng rng;
	rng_init(&rng, size);
	for (int i = 0; i < SEEDED; i++) {
		cut_at(bytes, (size_t)rng_below(&rng, size), whole);
		int bits = 1 << rng_below(&rng, 8);
		flip_at(bytes, (size_t)rng_below(&rng, size), size, bits, checked, whole);
	}
}

static void damage(char *bytes, size_t size)
{
	struct rdb_end end;
	assert_int_equal(read_bytes(bytes, size, &end), STATUS_OK);
	bool checked = end.verdict == RDB_MATCHES;
	if (size <= SMALL)
		damage_small(bytes, size, checked, (size_t)end.offset);
	else
		damage_large(bytes, size, checked, (size_t)end.offset);
}

static void old_dumps_damaged(void **state)
{
	char folder[400], path[700];
	(void)state;
	snprintf(folder, sizeof folder, "%s/rdb", TEST_SHARED_DIR);
	DIR *dir = opendir(folder);
	if (!dir) {
		printf("no dumps in %s: left out\n", folder);
		skip();
	}
	for (struct dirent *entry; (entry = readdir(dir));) {
		size_t size;
		if (!strstr(entry->d_name, ".rdb"))
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		char *bytes = stage_read_file(path, &size);
		damage(bytes, size);
		free(bytes);
	}
	closedir(dir);
}

static void fill_without_large_strings(struct rdb_stage *stage)
{
	struct rng rng;
	rng_init(&rng, 3);
	fill_lists(stage, &rng);
	fill_sets(stage, &rng);
	fill_zsets(stage, &rng);
	fill_hashes(stage, &rng);
	fill_streams(stage);
}

static void own_dumps_damaged(void **state)
{
	static const char *const extra[] = { "--enable-debug-command", "yes", NULL };
	struct rdb_stage stage = { 0 };
	char path[300];
	size_t size;
	(void)state;
	if (!fixture_has_redis())
		skip();
	stage.folder = fixture_folder();
	assert_true(stage_start(&stage, extra));
	fill_without_large_strings(&stage);
	STAGE_RUN(&stage, "SAVE");
	stage_path(&stage, "dump.rdb", path);
	char *bytes = stage_read_file(path, &size);
	assert_true(size > SMALL);
	damage(bytes, size);
	free(bytes);
	stage_stop(&stage);
	fixture_remove(stage.folder);
}

/* ---- impossible sizes ---- */

static long resident_kb(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* The bytes given, then so many more of zeros. */
struct endless {
	struct rdb_bytes head;
	uint64_t zeros;
};

static enum status fill_endless(void *ctx, char *at, size_t size, size_t *got)
{
	struct endless *endless = ctx;
	if (endless->head.left)
		return rdb_bytes_fill(&endless->head, at, size, got);
	*got = endless->zeros < size ? (size_t)endless->zeros : size;
	memset(at, 0, *got);
	endless->zeros -= *got;
	return STATUS_OK;
}

static enum status read_endless(const struct buf *head, uint64_t zeros, struct rdb_end *end)
{
	struct endless endless = { { head->ptr, head->len, 0 }, zeros };
	uint64_t elements = 0;
	struct rdb *rdb;
	assert_int_equal(rdb_create(fill_endless, &endless, &rdb), STATUS_OK);
	enum status status = rdb_read(rdb, &touching, &elements, end);
	rdb_destroy(rdb);
	return status;
}

static void a_claimed_size_takes_no_memory(void **state)
{
	static const int types[] = { 0,  1,  2,  3,  4,  5,  7,  9,  10, 11, 12, 13,
				     14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25 };
	static const uint64_t sizes[] = { 100 << 20, UINT64_C(1) << 40, UINT64_MAX,
					  UINT64_MAX >> 1 };
	struct rdb_end end;
	(void)state;
	long before = resident_kb();
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		for (size_t j = 0; j < sizeof sizes / sizeof *sizes; j++) {
			struct buf dump;
			w_begin(&dump, "REDIS0012");
			w_key(&dump, types[i], "k");
			w_length(&dump, sizes[j]);
			w_length(&dump, sizes[j]);
			assert_int_not_equal(read_endless(&dump, 20 << 20, &end), STATUS_OK);
			buf_deinit(&dump);
		}
	}
#ifndef __SANITIZE_ADDRESS__ /* which keeps what was freed */
	assert_in_range(resident_kb() - before, 0, RDB_MEMORY_MAX >> 10);
#else
	(void)before;
#endif
}

static void a_packed_string_that_cannot_be_so_long_is_refused(void **state)
{
	struct rdb_end end;
	struct buf dump;
	(void)state;
	w_begin(&dump, "REDIS0009");
	w_key(&dump, 0, "k");
	w_byte(&dump, 0xc3);
	w_length(&dump, 10);
	w_length(&dump, UINT64_C(1) << 50);
	assert_int_equal(read_endless(&dump, 1 << 20, &end), STATUS_FORMAT);
	buf_deinit(&dump);
}

/* ---- over the bounds, and the walk goes on ---- */

struct seen {
	uint64_t keys, unread, elements, longest;
	size_t first_piece;
};

static enum status seen_string(void *ctx, struct str piece, uint64_t whole)
{
	struct seen *seen = ctx;
	if (!seen->first_piece)
		seen->first_piece = piece.len;
	seen->longest += piece.len;
	assert_true(seen->longest <= whole);
	return STATUS_OK;
}

static enum status seen_element(void *ctx, const struct rdb_element *element)
{
	struct seen *seen = ctx;
	assert_true(element->value.head.len <= RDB_TEXT_MAX);
	if (element->value.len > seen->longest)
		seen->longest = element->value.len;
	touch(element->value.head);
	return STATUS_OK;
}

static enum status seen_end(void *ctx, uint64_t elements, bool unread)
{
	struct seen *seen = ctx;
	seen->keys++;
	seen->unread += unread;
	seen->elements += elements;
	return STATUS_OK;
}

static const struct rdb_events seeing = {
	.string = seen_string,
	.element = seen_element,
	.key_end = seen_end,
};

static void read_seen(const struct buf *dump, struct seen *seen, struct rdb_end *end)
{
	struct rdb_bytes bytes = { dump->ptr, dump->len, 77777 };
	struct rdb *rdb;
	assert_int_equal(rdb_create(rdb_bytes_fill, &bytes, &rdb), STATUS_OK);
	enum status status = rdb_read(rdb, &seeing, seen, end);
	if (status)
		fail_msg("%s at %llu", end->why, (unsigned long long)end->offset);
	rdb_destroy(rdb);
}

/* As LZF: a literal, then copies of it, 264 bytes each. */
static void w_zeros_packed(struct buf *out, size_t copies)
{
	w_byte(out, 0xc3);
	w_length(out, 2 + 3 * copies);
	w_length(out, 1 + 264 * copies);
	w_byte(out, 0);
	w_byte(out, 0);
	for (size_t i = 0; i < copies; i++) {
		w_byte(out, 0xe0);
		w_byte(out, 255);
		w_byte(out, 0);
	}
}

static void w_zeros(struct buf *out, size_t n)
{
	static const char zeros[4096];
	w_length(out, n);
	for (; n; n -= n < sizeof zeros ? n : sizeof zeros)
		buf_put(out, zeros, n < sizeof zeros ? n : sizeof zeros);
}

static void a_packed_value_over_the_bound_is_passed_over(void **state)
{
	struct rdb_end end;
	struct seen seen = { 0 };
	struct buf dump;
	(void)state;
	w_begin(&dump, "REDIS0010");
	w_key(&dump, 13, "plain");
	w_zeros(&dump, RDB_BLOB_MAX + 1);
	w_key(&dump, 18, "packed");
	w_length(&dump, 1);
	w_length(&dump, 2);
	w_zeros_packed(&dump, RDB_BLOB_MAX / 264 + 1);
	w_key(&dump, 0, "k");
	w_text(&dump, "v");
	w_end(&dump);
	read_seen(&dump, &seen, &end);
	assert_int_equal(seen.keys, 3);
	assert_int_equal(seen.unread, 2);
	assert_int_equal(end.counts.unread, 2);
	assert_int_equal(end.verdict, RDB_MATCHES);
	buf_deinit(&dump);
}

static void an_element_over_the_bound_is_cut(void **state)
{
	struct rdb_end end;
	struct seen seen = { 0 };
	struct buf dump;
	(void)state;
	w_begin(&dump, "REDIS0010");
	w_key(&dump, 1, "list");
	w_length(&dump, 3);
	w_zeros(&dump, 3 * RDB_TEXT_MAX + 5);
	w_zeros_packed(&dump, 3 * RDB_TEXT_MAX / 264);
	w_zeros(&dump, RDB_TEXT_MAX);
	w_end(&dump);
	read_seen(&dump, &seen, &end);
	assert_int_equal(seen.elements, 3);
	assert_int_equal(seen.longest, 3 * RDB_TEXT_MAX + 5);
	assert_int_equal(end.counts.cut, 2);
	buf_deinit(&dump);
}

static void a_long_string_comes_in_pieces_and_a_short_one_whole(void **state)
{
	struct rdb_end end;
	(void)state;
	for (int is_packed = 0; is_packed < 2; is_packed++) {
		for (int is_long = 0; is_long < 2; is_long++) {
			struct seen seen = { 0 };
			struct buf dump;
			size_t copies = (is_long ? 5 * RDB_PIECE_MAX : RDB_PIECE_MAX) / 264;
			w_begin(&dump, "REDIS0010");
			w_key(&dump, 0, "k");
			if (is_packed)
				w_zeros_packed(&dump, copies);
			else
				w_zeros(&dump, 1 + 264 * copies);
			w_end(&dump);
			read_seen(&dump, &seen, &end);
			assert_int_equal(seen.longest, 1 + 264 * copies);
			if (is_long)
				assert_in_range(seen.first_piece, RDB_PIECE_MAX,
						RDB_PIECE_MAX + 4096);
			else
				assert_int_equal(seen.first_piece, 1 + 264 * copies);
			buf_deinit(&dump);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_claimed_size_takes_no_memory),
		cmocka_unit_test(a_packed_string_that_cannot_be_so_long_is_refused),
		cmocka_unit_test(a_packed_value_over_the_bound_is_passed_over),
		cmocka_unit_test(an_element_over_the_bound_is_cut),
		cmocka_unit_test(a_long_string_comes_in_pieces_and_a_short_one_whole),
		cmocka_unit_test(old_dumps_damaged),
		cmocka_unit_test(own_dumps_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
