/* Packed entries: chunks that are cut, changed, foreign or made up do no harm, and the format
 * does not drift: bytes that were written once are read as they were meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/pack_frame.h"
#include "entries_desk.h"
#include "entries_golden.h"

enum { ROWS = 12, FIELDS = ENTRIES_FIELDS_MAX, CODECS = 3 };

static struct entries_packer *packer;
static struct entries_reader *reader;
static struct str values[ROWS * FIELDS];

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

static void set(size_t row, const char *name, const char *text)
{
	size_t fields;
	entries_fields(ENTRIES_RESULTS, &fields);
	values[row * fields + entries_field_find(ENTRIES_RESULTS, str_of(name))] = str_of(text);
}

static const char *const fill[] = {
	"rid",  "456719458304000001-mt5-001-391774213",
	"id",   "trend-000123",
	"sid",  "456719458304000001",
	"ins",  "mt5-001",
	"st",   "done",
	"rc",   "10009",
	"ord",  "573338240",
	"deal", "391774213",
	"pos",  "573338240",
	"sym",  "EURUSD",
	"sd",   "buy",
	"vol",  "0.10",
	"rq",   "1.08512",
	"px",   "1.08514",
	"slp",  "20.0",
	"com",  "-0.35",
	"swp",  "0.00",
	"fee",  "0.00",
	"pnl",  "0.00",
	"ex",   "316",
	"sv",   "1795628567000",
	"t",    "1795617767040",
	"try",  "1",
};
static const char *const stop[] = {
	"rid",  "deal:FPMarketsSC-Live:90000001:391774230",
	"ins",  "mt5-001",
	"st",   "done",
	"deal", "391774230",
	"ord",  "573338262",
	"pos",  "573338240",
	"sym",  "EURUSD",
	"sd",   "sell",
	"vol",  "0.10",
	"rq",   "1.08400",
	"px",   "1.08399",
	"slp",  "10.0",
	"com",  "-0.35",
	"swp",  "-0.12",
	"fee",  "0.00",
	"pnl",  "-11.50",
	"sv",   "1795629567000",
	"t",    "1795618767051",
	"en",   "out",
	"rs",   "sl",
	"mg",   "0",
	"cm",   "[sl 1.08400]",
};
static const char *const own[] = {
	"rid", "456719458304000002--0",
	"id",  "odd \xff id",
	"sid", "456719458304000002",
	"st",  "refused",
	"why", "sym",
	"t",   "1795618767060",
	"try", "0",
	"vol", "1e5",
};

static void put(size_t row, const char *const *pairs, size_t count)
{
	for (size_t i = 0; i + 1 < count; i += 2)
		set(row, pairs[i], pairs[i + 1]);
}

/* Three rows; the last one's text is packed by the codec. */
static void make_rows(int codec)
{
	static char repeats[400];
	static const char words[] =
	    "the quick brown fox jumps over the lazy dog while seven wizards make toxic brew for "
	    "the evil queen and jack; how vexingly quick daft zebras jump over sphinxes of black "
	    "quartz, judging my vow; five boxing wizards jump quickly past a waltz of bad nymphs "
	    "that vex for quick jigs; amazingly few discotheques provide jukeboxes";
	memset(values, 0, sizeof values);
	memset(repeats, 'r', sizeof repeats - 1);
	put(0, fill, ARRAY_LEN(fill));
	put(1, stop, ARRAY_LEN(stop));
	put(2, own, ARRAY_LEN(own));
	if (codec == 2)
		set(2, "why", repeats);
	if (codec == 3)
		set(2, "why", words);
}

static struct str pack(int codec, char *bytes)
{
	struct buf out = buf_over(bytes, ENTRIES_CHUNK_BYTES);
	make_rows(codec);
	assert_int_equal(entries_pack(packer, ENTRIES_RESULTS, values, 3, &out), STATUS_OK);
	assert_int_equal(bytes[0], codec);
	return buf_str(&out);
}

static void assert_rows_are_ours(struct str chunk)
{
	size_t count, fields;
	entries_fields(ENTRIES_RESULTS, &fields);
	assert_int_equal(entries_read(reader, ENTRIES_RESULTS, chunk, &count), STATUS_OK);
	assert_int_equal(count, 3);
	for (size_t i = 0; i < 3 * fields; i++) {
		struct str read = entries_row(reader, i / fields)[i % fields];
		assert_int_equal(read.ptr != NULL, values[i].ptr != NULL);
		assert_true(str_eq(read, values[i]));
	}
}

/* ---- damage ---- */

/* From storage of its very length, so that a sanitizer sees what is read beyond it. */
static enum status read_copy(enum entries_table table, const char *bytes, size_t len)
{
	char *copy = malloc(len ? len : 1);
	size_t rows = 12345, count = 12345;
	assert_non_null(copy);
	memcpy(copy, bytes, len);
	enum status told = entries_count(table, str_make(copy, len), &count);
	enum status status = entries_read(reader, table, str_make(copy, len), &rows);
	assert_true(status != STATUS_OK || (told == STATUS_OK && count == rows));
	assert_int_equal(status == STATUS_OK, rows != 12345);
	free(copy);
	return status;
}

static void every_prefix_is_refused(void **state)
{
	(void)state;
	static char bytes[ENTRIES_CHUNK_BYTES + 1];
	for (int codec = 1; codec <= CODECS; codec++) {
		struct str chunk = pack(codec, bytes);
		for (size_t len = 0; len < chunk.len; len++)
			assert_int_equal(read_copy(ENTRIES_RESULTS, bytes, len), STATUS_TRUNCATED);
		bytes[chunk.len] = 0;
		assert_int_equal(read_copy(ENTRIES_RESULTS, bytes, chunk.len + 1), STATUS_FORMAT);
		assert_int_equal(read_copy(ENTRIES_RESULTS, bytes, chunk.len), STATUS_OK);
	}
}

static void every_change_of_a_byte_is_refused(void **state)
{
	(void)state;
	static char bytes[ENTRIES_CHUNK_BYTES];
	for (int codec = 1; codec <= CODECS; codec++) {
		struct str chunk = pack(codec, bytes);
		for (size_t at = 0; at < chunk.len; at++) {
			char was = bytes[at];
			for (int change = 1; change < 256; change += at < 16 ? 1 : 37) {
				bytes[at] = (char)(was ^ change);
				assert_int_not_equal(read_copy(ENTRIES_RESULTS, bytes, chunk.len),
						     STATUS_OK);
			}
			bytes[at] = was;
		}
	}
}

static void a_codec_or_version_that_is_not_known_is_told(void **state)
{
	(void)state;
	static char bytes[ENTRIES_CHUNK_BYTES];
	struct str chunk = pack(1, bytes);
	size_t count;
	bytes[0] = 4;
	assert_int_equal(read_copy(ENTRIES_RESULTS, bytes, chunk.len), STATUS_VERSION);
	assert_int_equal(entries_count(ENTRIES_RESULTS, chunk, &count), STATUS_VERSION);
	bytes[0] = 0;
	assert_int_equal(read_copy(ENTRIES_RESULTS, bytes, chunk.len), STATUS_VERSION);
	bytes[0] = 1;
	bytes[3] += 16;
	assert_int_equal(read_copy(ENTRIES_RESULTS, bytes, chunk.len), STATUS_VERSION);
	assert_int_equal(entries_count(ENTRIES_RESULTS, chunk, &count), STATUS_VERSION);
}

static void the_other_tables_chunks_are_refused(void **state)
{
	(void)state;
	static char bytes[ENTRIES_CHUNK_BYTES];
	struct str chunk = pack(1, bytes);
	size_t count;
	assert_int_equal(read_copy(ENTRIES_SIGNALS, bytes, chunk.len), STATUS_FORMAT);
	assert_int_equal(entries_count(ENTRIES_SIGNALS, chunk, &count), STATUS_FORMAT);
}

static void the_count_is_read_from_the_head_alone(void **state)
{
	(void)state;
	static char bytes[ENTRIES_CHUNK_BYTES];
	size_t count = 0;
	(void)pack(2, bytes);
	assert_int_equal(entries_count(ENTRIES_RESULTS, str_make(bytes, 11), &count), STATUS_OK);
	assert_int_equal(count, 3);
	assert_int_equal(entries_count(ENTRIES_RESULTS, str_make(bytes, 10), &count),
			 STATUS_TRUNCATED);
	bytes[10] = 0;
	assert_int_equal(entries_count(ENTRIES_RESULTS, str_make(bytes, 11), &count),
			 STATUS_FORMAT);
}

/* Bodies that are changed, under a head that is right: what they hold is anything, but they
 * are read to their end or refused. */
static void what_nobody_wrote_does_no_harm(void **state)
{
	(void)state;
	static char bytes[ENTRIES_CHUNK_BYTES];
	struct rng rng;
	size_t refused = 0, changed = 0;
	rng_init(&rng, 6);
	for (int i = 0; i < 6000; i++) {
		int codec = 1 + i % CODECS;
		struct str chunk = pack(codec, bytes);
		const struct pack_frame frame = { { 'w', 'R' }, (uint8_t)(16 + codec), 15000 };
		for (uint64_t n = 1 + rng_below(&rng, 4); n > 0; n--)
			bytes[10 + rng_below(&rng, chunk.len - 10)] = (char)rng_next(&rng);
		pack_frame_seal(&frame, (uint8_t *)bytes + 1, chunk.len - 1);
		refused += read_copy(ENTRIES_RESULTS, bytes, chunk.len) != STATUS_OK;
		changed++;
	}
	assert_true(refused > 0 && refused < changed);
}

/* ---- the format ---- */

static void chunks_that_were_written_once_are_read_for_ever(void **state)
{
	(void)state;
	for (int codec = 1; codec <= CODECS; codec++) {
		const struct golden *golden = &goldens[codec - 1];
		make_rows(codec);
		assert_int_equal(golden->bytes[0], codec);
		assert_rows_are_ours(str_make((const char *)golden->bytes, golden->len));
	}
}

/* Of those that a library packs the bytes are the library's matter. */
static void a_chunk_with_raw_texts_is_written_the_same_for_ever(void **state)
{
	(void)state;
	static char bytes[ENTRIES_CHUNK_BYTES];
	struct str chunk = pack(1, bytes);
	assert_int_equal(chunk.len, goldens[0].len);
	assert_memory_equal(chunk.ptr, goldens[0].bytes, chunk.len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(every_change_of_a_byte_is_refused),
		cmocka_unit_test(a_codec_or_version_that_is_not_known_is_told),
		cmocka_unit_test(the_other_tables_chunks_are_refused),
		cmocka_unit_test(the_count_is_read_from_the_head_alone),
		cmocka_unit_test(what_nobody_wrote_does_no_harm),
		cmocka_unit_test(chunks_that_were_written_once_are_read_for_ever),
		cmocka_unit_test(a_chunk_with_raw_texts_is_written_the_same_for_ever),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
