/* A series as bytes: what goes in comes out, digit for digit; and nothing else does. */
#include "series_bars.h"

#include "codec/kline_table.h"
#include "codec/pack_frame.h"

static char packed[SERIES_PACKED_MAX];

static struct str pack(const struct series *from)
{
	struct buf out = buf_over(packed, sizeof packed);
	series_pack(from, &out);
	assert_false(out.overflow);
	return buf_str(&out);
}

/* The chunk's length. */
static size_t assert_comes_back(void)
{
	struct str bytes = pack(series);
	struct series *again = series_create(M15);
	assert_int_equal(series_unpack(again, bytes), STATUS_OK);
	assert_int_equal(series_count(again), series_count(series));
	for (size_t i = 0; i < series_count(series); i++)
		assert_bar(series_at(again, i), series_at(series, i));
	series_destroy(again);
	return bytes.len;
}

static void the_table_is_well_formed(void **state)
{
	(void)state;
	pack_table_check(&kline_table);
}

static void bars_come_back_in_under_12_bytes(void **state)
{
	(void)state;
	for (int trimmed = 0; trimmed < 2; trimmed++)
		for (size_t count = 0; count <= SERIES_BARS; count += 7) {
			series_clear(series);
			put_walk(series, count, 10 + count, trimmed);
			size_t bytes = assert_comes_back();
			if (count == SERIES_BARS)
				assert_true(bytes < 12 * SERIES_BARS);
		}
}

static void recorded_bars_come_back_in_under_12_bytes(void **state)
{
	(void)state;
	FILE *file = fopen(TEST_SHARED_DIR "/ta/default.csv", "r");
	char line[256], text[5][32];
	int64_t n = 0;
	if (!file) {
		printf("no bars in " TEST_SHARED_DIR "/ta: skipped\n");
		skip();
	}
	while (fgets(line, sizeof line, file)) {
		struct series_bar bar = { .open_ms = start_ms + n * STEP_MS };
		struct decimal *numbers[] = { &bar.open, &bar.high, &bar.low, &bar.close,
					      &bar.volume };
		if (sscanf(line, "%*[^,],%31[^,],%31[^,],%31[^,],%31[^,],%31[0-9.]", text[0],
			   text[1], text[2], text[3], text[4]) != 5 ||
		    decimal_parse(str_of(text[0]), &bar.open) != STATUS_OK)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
			assert_int_equal(decimal_parse(str_of(text[i]), numbers[i]), STATUS_OK);
		assert_int_equal(series_take(series, &bar), SERIES_TAKEN);
		n++;
	}
	fclose(file);
	assert_int_equal(n, 502);
	assert_true(assert_comes_back() < 12 * SERIES_BARS);
}

static void bars_without_trades_cost_next_to_nothing(void **state)
{
	(void)state;
	for (int64_t n = 0; n < SERIES_BARS; n++) {
		struct series_bar bar = bar_at(n, 10000);
		bar.high = bar.low = bar.close = bar.open;
		bar.volume.mantissa = 0;
		assert_int_equal(series_take(series, &bar), SERIES_TAKEN);
	}
	assert_true(assert_comes_back() < 60);
}

/* Bars of the venue, then bars of the market's minutes at its scales, which rise. */
static void mixed_scales_come_back_and_cost_little(void **state)
{
	(void)state;
	struct series *venue = series_create(M15);
	put_walk(venue, SERIES_BARS, 30, true);
	for (size_t i = 0; i < SERIES_BARS; i++) {
		struct series_bar bar = *series_at(venue, i);
		struct decimal *numbers[] = { &bar.open, &bar.high, &bar.low, &bar.close,
					      &bar.volume };
		int32_t scales[] = { i < 120 ? 2 : 4, i < 150 ? 3 : 5 };
		for (size_t k = 0; i >= 70 && k < ARRAY_LEN(numbers); k++) {
			struct decimal *d = numbers[k];
			assert_int_equal(decimal_rescale(*d, scales[k == 4], &d->mantissa),
					 STATUS_OK);
			d->scale = scales[k == 4];
		}
		assert_int_equal(series_take(series, &bar), SERIES_TAKEN);
	}
	series_destroy(venue);
	assert_true(assert_comes_back() < 12 * SERIES_BARS);
}

static void arbitrary_bars_come_back_and_fit(void **state)
{
	(void)state;
	struct rng rng;
	size_t longest = 0;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		rng_init(&rng, seed);
		series_clear(series);
		for (int64_t n = 0; n < SERIES_BARS; n++) {
			struct series_bar bar = bar_at(n, 10000);
			uint64_t shift = 1 + rng_below(&rng, 60);
			int32_t scale = (int32_t)rng_below(&rng, 19);
			bar.open = (struct decimal){ (int64_t)(rng_next(&rng) >> shift), scale };
			bar.low = bar.close = bar.open;
			bar.low.mantissa >>= rng_below(&rng, 3);
			bar.low.mantissa += bar.low.mantissa == 0;
			if (bar.open.mantissa == 0)
				bar.open = bar.close = bar.low;
			bar.high = bar.open;
			if (rng_below(&rng, 2))
				bar.high =
				    (struct decimal){ INT64_MAX - (int64_t)rng_below(&rng, 9), 0 };
			bar.volume.mantissa = (int64_t)(rng_next(&rng) >> 1);
			bar.volume.scale = (int32_t)rng_below(&rng, 19);
			assert_int_equal(series_take(series, &bar), SERIES_TAKEN);
		}
		size_t bytes = assert_comes_back();
		longest = bytes > longest ? bytes : longest;
	}
	assert_in_range(longest, 45 * SERIES_BARS, 45 * SERIES_BARS + 40); /* as they are */
}

static void an_unpacked_series_replaces_what_was_held(void **state)
{
	(void)state;
	struct series *other = series_create(M15);
	for (int64_t n = 100; n < 300; n++) {
		struct series_bar bar = bar_at(n, 10000 + n);
		series_take(other, &bar);
	}
	series_set_convention(series, TA_TALIB);
	take(0, 10000);
	assert_int_equal(series_unpack(series, pack(other)), STATUS_OK);
	assert_holds(100, 299);
	assert_int_equal(series_convention(series), TA_TALIB);
	series_clear(other);
	assert_int_equal(series_unpack(series, pack(other)), STATUS_OK);
	assert_int_equal(series_count(series), 0);
	series_destroy(other);
}

static void bars_of_other_minutes_are_refused(void **state)
{
	(void)state;
	struct series *hours = series_create(60);
	take(0, 10000);
	assert_int_equal(series_unpack(hours, pack(series)), STATUS_INVALID);
	assert_int_equal(series_count(hours), 0);
	series_destroy(hours);
}

static struct str small_chunk(void)
{
	series_clear(series);
	put_walk(series, 9, 3, true);
	for (int64_t n = 9; n < 12; n++)
		take(n, 6725000 + 100 * n); /* not trimmed: another form */
	struct str bytes = pack(series);
	series_clear(series);
	for (int64_t n = 0; n < 3; n++)
		take(n, 10000 + n);
	return bytes;
}

/* These bytes may not change while format 1 exists. */
static void format_is_what_it_was(void **state)
{
	(void)state;
	static const char golden[] =
	    "774b018800ed4bda5d0f0c80dce90100000202030392f6b4063950cc5db523d900396a661d257b42"
	    "8b812742aa4c3a8f3e23766980fee18a0b0205f3e7b486663fb49427030050d5e15e5e47fe553f5d"
	    "fc1aa1b2444afbe93a5325b200a5423d128d4cd5551b75743eea8c90ca0777e432ef716db89f2874"
	    "b472e5efa101cdb7b69fbe3208abef80";
	struct str chunk = small_chunk();
	char hex[2 * 256 + 1];
	assert_true(chunk.len <= 256);
	for (size_t i = 0; i < chunk.len; i++)
		snprintf(hex + 2 * i, 3, "%02x", (uint8_t)chunk.ptr[i]);
	assert_string_equal(hex, golden);
}

static bool is_read_error(enum status status)
{
	return status == STATUS_CHECKSUM || status == STATUS_FORMAT || status == STATUS_VERSION ||
	       status == STATUS_TRUNCATED || status == STATUS_INVALID;
}

static void a_chunk_cut_anywhere_is_refused_and_changes_nothing(void **state)
{
	(void)state;
	struct str chunk = small_chunk();
	for (size_t len = 0; len < chunk.len; len++) {
		char *exact = malloc(len + 1);
		memcpy(exact, chunk.ptr, len);
		assert_int_equal(series_unpack(series, str_make(exact, len)), STATUS_TRUNCATED);
		assert_holds(0, 2);
		free(exact);
	}
}

static void every_flipped_bit_is_found(void **state)
{
	(void)state;
	struct str chunk = small_chunk();
	char copy[SERIES_PACKED_MAX];
	for (size_t bit = 0; bit < chunk.len * 8; bit++) {
		memcpy(copy, chunk.ptr, chunk.len);
		copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
		assert_true(is_read_error(series_unpack(series, str_make(copy, chunk.len))));
		assert_holds(0, 2);
	}
}

static enum status unpack_body(const uint8_t *body, size_t len)
{
	static uint8_t chunk[SERIES_PACKED_MAX];
	const struct pack_frame frame = { { 'w', 'K' }, 1, SERIES_PACKED_MAX };
	memcpy(chunk + PACK_FRAME_HEAD, body, len);
	pack_frame_seal(&frame, chunk, PACK_FRAME_HEAD + len);
	return series_unpack(series, str_make((char *)chunk, PACK_FRAME_HEAD + len));
}

static void bytes_behind_the_bars_are_refused(void **state)
{
	(void)state;
	struct str chunk = small_chunk();
	uint8_t body[SERIES_PACKED_MAX] = { 0 };
	size_t len = chunk.len - PACK_FRAME_HEAD;
	memcpy(body, chunk.ptr + PACK_FRAME_HEAD, len);
	assert_int_equal(unpack_body(body, len + 16), STATUS_FORMAT);
	assert_holds(0, 2);
	assert_int_equal(unpack_body(body, len), STATUS_OK);
	assert_int_equal(series_count(series), 12);
}

/* One bar as it is: open 5, high 7, low 3, close 4, volume 1. */
static void bars_that_cannot_be_are_refused(void **state)
{
	(void)state;
	enum { AT_MODE = 3, AT_HIGH = AT_MODE + 1 + 9, AT_LOW = AT_HIGH + 9 };
	uint8_t body[4 + 5 * 9] = { M15, 1, 20, 1 };
	static const uint8_t mantissas[] = { 5, 7, 3, 4, 1 };
	take(0, 10000);
	for (size_t i = 0; i < 5; i++)
		body[4 + 9 * i] = mantissas[i];
	body[AT_HIGH] = 4; /* below the open */
	assert_int_equal(unpack_body(body, sizeof body), STATUS_FORMAT);
	body[AT_HIGH] = 7;
	body[AT_LOW] = 0;
	assert_int_equal(unpack_body(body, sizeof body), STATUS_FORMAT);
	body[AT_LOW] = 3;
	body[AT_LOW + 8] = 19; /* its scale */
	assert_int_equal(unpack_body(body, sizeof body), STATUS_FORMAT);
	body[AT_LOW + 8] = 0;
	body[2] = 0; /* its time */
	assert_int_equal(unpack_body(body, sizeof body), STATUS_FORMAT);
	assert_holds(0, 0);
	body[2] = 20;
	assert_int_equal(unpack_body(body, sizeof body), STATUS_OK);
	assert_int_equal(series_newest_ms(series), 10 * STEP_MS);
	assert_int_equal(unpack_body(body, sizeof body - 1), STATUS_FORMAT);
	body[AT_MODE] = 2;
	assert_int_equal(unpack_body(body, sizeof body), STATUS_FORMAT);
}

static void forged_chunks_are_survived(void **state)
{
	(void)state;
	struct str chunk = small_chunk();
	uint8_t copy[SERIES_PACKED_MAX];
	struct rng rng;
	int refused = 0;
	const struct pack_frame frame = { { 'w', 'K' }, 1, SERIES_PACKED_MAX };
	rng_init(&rng, 8);
	for (int round = 0; round < 20000; round++) {
		size_t len = PACK_FRAME_HEAD + rng_below(&rng, chunk.len - PACK_FRAME_HEAD) + 1;
		memcpy(copy, chunk.ptr, chunk.len);
		for (uint64_t i = 1 + rng_below(&rng, 3); i-- > 0;)
			copy[PACK_FRAME_HEAD + rng_below(&rng, len - PACK_FRAME_HEAD)] =
			    (uint8_t)rng_next(&rng);
		pack_frame_seal(&frame, copy, len);
		enum status status = series_unpack(series, str_make((char *)copy, len));
		assert_true(status == STATUS_OK || is_read_error(status));
		refused += status != STATUS_OK;
	}
	assert_true(refused > 10000);
}

#define WITH_SERIES(test) cmocka_unit_test_setup_teardown(test, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_well_formed),
		WITH_SERIES(bars_come_back_in_under_12_bytes),
		WITH_SERIES(recorded_bars_come_back_in_under_12_bytes),
		WITH_SERIES(bars_without_trades_cost_next_to_nothing),
		WITH_SERIES(mixed_scales_come_back_and_cost_little),
		WITH_SERIES(arbitrary_bars_come_back_and_fit),
		WITH_SERIES(an_unpacked_series_replaces_what_was_held),
		WITH_SERIES(bars_of_other_minutes_are_refused),
		WITH_SERIES(format_is_what_it_was),
		WITH_SERIES(a_chunk_cut_anywhere_is_refused_and_changes_nothing),
		WITH_SERIES(every_flipped_bit_is_found),
		WITH_SERIES(bytes_behind_the_bars_are_refused),
		WITH_SERIES(bars_that_cannot_be_are_refused),
		WITH_SERIES(forged_chunks_are_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
