/* The scanner's pieces against plain ones, and the scanner as a whole against
 * simdjson on recorded and on spoilt frames. */
#include "decode_case.h"

#include <zlib.h>

#include "base/check.h"
#include "base/rng.h"
#include "codec/scan.h"

/* ---- numbers ---- */

/* Mostly digits, a point or two, seldom something else. */
static size_t random_number(struct rng *rng, char *text, size_t n_max)
{
	static const char others[] = "-+eE ,x\"\0/:";
	size_t n = rng_below(rng, n_max + 1);
	for (size_t i = 0; i < n; i++) {
		uint64_t pick = rng_below(rng, 40);
		text[i] = (char)('0' + rng_below(rng, 10));
		if (pick < 14)
			text[i] = '0';
		if (pick < 3)
			text[i] = '.';
		if (pick == 3 && rng_below(rng, 8) == 0)
			text[i] = others[rng_below(rng, sizeof others)];
	}
	return n;
}

static void decimals_are_those_of_decimal_parse(void **state)
{
	(void)state;
	struct rng rng;
	size_t taken = 0;
	rng_init(&rng, 1);
	for (int round = 0; round < 300000; round++) {
		char bytes[SCAN_BEFORE_BYTES + 40 + DECODE_PADDING];
		char *text = bytes + SCAN_BEFORE_BYTES;
		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = "0123456789.\""[rng_below(&rng, 12)];
		size_t n = random_number(&rng, text, round % 2 ? 20 : 39);
		text[n] = '"';
		n = str_find_char(str_make(text, n + 1), '"');
		struct scan scan = { text, text + n + 1 };
		struct decimal want, got;
		bool good = decimal_parse(str_make(text, n), &want) == STATUS_OK && text[0] != '-';
		assert_int_equal(scan_decimal(&scan, &got), good);
		if (!good)
			continue;
		taken++;
		assert_true(decimal_same(got, want));
		assert_ptr_equal(scan.p, text + n);
	}
	assert_true(taken > 50000);
}

static void decimals_need_their_quote_within_the_frame(void **state)
{
	(void)state;
	const char bytes[DECODE_PADDING * 2] = "{\"before\":1,\"p\":\"12345678.125\"";
	const char *text = bytes + 17;
	struct decimal out;
	struct scan scan = { text, text };
	assert_false(scan_decimal(&scan, &out));
	scan = (struct scan){ text, text + 13 };
	assert_true(scan_decimal(&scan, &out));
	assert_int_equal(out.mantissa, 12345678125);
	assert_int_equal(out.scale, 3);
}

static void integers_are_json_integers(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 2);
	for (int round = 0; round < 100000; round++) {
		char bytes[SCAN_BEFORE_BYTES + 24 + DECODE_PADDING];
		char *text = bytes + SCAN_BEFORE_BYTES;
		memset(bytes, '7', sizeof bytes);
		size_t n = random_number(&rng, text, 17);
		text[n] = ',';
		size_t digits = 0;
		while (text[digits] >= '0' && text[digits] <= '9')
			digits++;
		struct scan scan = { text, text + n + 1 };
		int64_t got;
		uint64_t want;
		bool good = digits >= 1 && digits <= 15 && (text[0] != '0' || digits == 1);
		assert_int_equal(scan_integer(&scan, &got), good);
		if (!good)
			continue;
		assert_int_equal(str_to_u64(str_make(text, digits), &want), STATUS_OK);
		assert_int_equal(got, want);
		assert_ptr_equal(scan.p, text + digits);
	}
}

static void times_are_thirteen_digits_up_to_the_bound(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{ "1723161256303,", true },  { "4102444799999,", true },
		{ "4102444800000,", false }, { "0723161256303,", false },
		{ "172316125630,", false },  { "17231612563x3,", false },
		{ "1000000000000,", true },  { "x723161256303,", false },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char bytes[SCAN_BEFORE_BYTES + DECODE_PADDING * 2] = "1234567890123456";
		char *text = bytes + SCAN_BEFORE_BYTES;
		strcpy(text, rows[i].text);
		struct scan scan = { text, text + strlen(text) };
		int64_t got;
		assert_int_equal(scan_time(&scan, &got), rows[i].good);
		if (rows[i].good)
			assert_int_equal(got, strtoll(text, NULL, 10));
	}
}

static void words_of_any_length_are_compared_whole(void **state)
{
	(void)state;
	const char text[DECODE_PADDING * 2] = "abcdefghijklmnopqrstuvwxyz";
	for (size_t len = 1; len <= 24; len++) {
		char word[40] = { 0 };
		memcpy(word, text, len);
		struct scan scan = { text, text + 26 };
		assert_true(scan_text(&scan, word, len));
		assert_ptr_equal(scan.p, text + len);
		for (size_t i = 0; i < len; i++) {
			word[i] ^= 1;
			scan.p = text;
			assert_false(scan_text(&scan, word, len));
			assert_ptr_equal(scan.p, text);
			word[i] ^= 1;
		}
	}
}

/* ---- levels ---- */

static void put_number(struct rng *rng, struct buf *out)
{
	size_t whole = 1 + rng_below(rng, 8), places = rng_below(rng, 10);
	for (size_t i = 0; i < whole; i++)
		buf_char(out, (char)('0' + rng_below(rng, 10)));
	if (places)
		buf_char(out, '.');
	for (size_t i = 0; i < places; i++)
		buf_char(out, (char)('0' + rng_below(rng, 10)));
}

static void put_levels(struct rng *rng, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "%s[\"", i ? "," : "");
		put_number(rng, out);
		buf_put(out, "\",\"", 3);
		put_number(rng, out);
		buf_put(out, "\"]", 2);
	}
	buf_char(out, ']');
}

/* The shape a byte at a time, with the numbers by decimal_parse. */
static const char *plain_number(const char *p, const char *end)
{
	struct decimal value;
	size_t n = str_find_char(str_make(p, (size_t)(end - p)), '"');
	bool good = n < (size_t)(end - p) && *p != '-' &&
		    decimal_parse(str_make(p, n), &value) == STATUS_OK;
	return good ? p + n : NULL;
}

static const char *plain_levels(const char *p, const char *end, uint32_t *n)
{
	for (*n = 0;;) {
		if (end - p < 2 || p[0] != '[' || p[1] != '"' || !(p = plain_number(p + 2, end)))
			return NULL;
		if (end - p < 3 || memcmp(p, "\",\"", 3) != 0 || !(p = plain_number(p + 3, end)))
			return NULL;
		if (end - p < 3 || p[1] != ']')
			return NULL;
		++*n;
		p += 2;
		if (*p == ']')
			return p;
		if (*p++ != ',')
			return NULL;
	}
}

static void check_ways(const char *p, const char *end, bool must_take)
{
	scan_levels_fn *ways[3];
	uint32_t want_n = 0;
	const char *want = plain_levels(p, end, &want_n);
	assert_true(want || !must_take);
	size_t n_ways = scan_levels_ways(ways), agree = 0;
	for (size_t i = 0; i < n_ways; i++) {
		uint32_t n = 0;
		const char *got = ways[i](p, end, &n);
		/* What lies behind the end decides nothing in a whole frame. */
		if (got && got >= end)
			got = NULL;
		agree += got != NULL;
		assert_true(got ? got == want && n == want_n : !must_take);
	}
	assert_true(agree == 0 || agree == n_ways);
}

/* A byte replaced, something put in, or something taken out. */
static void spoil_list(struct rng *rng, struct str list, struct buf *out)
{
	static const char *const tokens[] = {
		"[",        "]",   "\"", ",",  ".",  "0",     "x",       " ",       ",\"3\"",
		"[\"1\"],", "[],", "]]", "5.", "-1", "\",\"", "\"],[\"", "[[\"1\"", ",\"3\",\"4\""
	};
	size_t at = rng_below(rng, list.len), kind = rng_below(rng, 3);
	const char *token = tokens[rng_below(rng, ARRAY_LEN(tokens))];
	buf_put(out, list.ptr, at);
	if (kind != 2)
		buf_printf(out, "%s", token);
	size_t skip = kind == 0 ? 1 : kind == 1 ? 0 : 1 + rng_below(rng, 12);
	buf_str_put(out, str_skip(list, at + skip));
}

static void every_way_of_walking_levels_agrees_with_the_plain_one(void **state)
{
	(void)state;
	static char text[1 << 14], spoilt_text[1 << 14];
	struct rng rng;
	rng_init(&rng, 3);
	for (int round = 0; round < 3000; round++) {
		struct buf list = buf_over(text, sizeof text - DECODE_PADDING);
		put_levels(&rng, 1 + rng_below(&rng, 40), &list);
		memset(text + list.len, "]\",[\"1"[rng_below(&rng, 6)], DECODE_PADDING);
		check_ways(text, text + list.len, true);
		for (int spoil = 0; spoil < 60; spoil++) {
			struct buf out = buf_over(spoilt_text, sizeof spoilt_text);
			spoil_list(&rng, str_make(text, list.len + DECODE_PADDING), &out);
			assert_true(out.len > DECODE_PADDING);
			check_ways(out.ptr, out.ptr + (out.len - DECODE_PADDING), false);
			check_ways(text, text + rng_below(&rng, list.len), false);
		}
	}
}

static void numbers_too_long_for_63_bits_are_left_to_simdjson(void **state)
{
	(void)state;
	for (size_t digits = 1; digits < 60; digits++) {
		char text[4 * DECODE_PADDING] = { 0 };
		struct buf list = buf_over(text, 2 * DECODE_PADDING);
		buf_put(&list, "[\"", 2);
		for (size_t i = 0; i < digits; i++)
			buf_char(&list, '9');
		buf_put(&list, "\",\"1\"]]", 7);
		check_ways(text, text + list.len, digits <= 18);
	}
}

/* ---- whole frames ---- */

/* The scanner, where it takes the frame, says what simdjson says. */
static bool check_same(struct decoder *scanner, struct decoder *parser, struct str frame)
{
	size_t n = decoder_decode(scanner, frame, case_events);
	if (!n)
		return false;
	assert_int_equal(decoder_decode(parser, frame, case_again), n);
	for (size_t i = 0; i < n; i++)
		assert_true(event_same(&case_events[i], &case_again[i]));
	return true;
}

static void spoil(const struct cases *cases, struct rng *rng, size_t *taken)
{
	struct decoder *scanner = case_decoder(cases, DECODE_SCANNER);
	struct decoder *parser = case_decoder(cases, DECODE_SIMDJSON);
	for (size_t i = 0; i < cases->n; i++) {
		char *copy = calloc(1, cases->frames[i].len + DECODE_PADDING);
		assert_non_null(copy);
		memcpy(copy, cases->frames[i].ptr, cases->frames[i].len);
		struct str frame = str_make(copy, cases->frames[i].len);
		*taken += check_same(scanner, parser, frame);
		for (int round = 0; round < 3000; round++) {
			size_t at = rng_below(rng, frame.len), other = rng_below(rng, frame.len);
			char was = copy[at];
			copy[at] = round % 2 ? copy[other] : (char)rng_next(rng);
			check_same(scanner, parser, frame);
			copy[at] = was;
		}
		free(copy);
	}
	decoder_destroy(scanner);
	decoder_destroy(parser);
}

static void a_spoilt_byte_never_makes_scanner_and_simdjson_differ(void **state)
{
	(void)state;
	static struct cases cases;
	struct rng rng;
	rng_init(&rng, 4);
	for (int venue = 0; venue < VENUE_COUNT; venue++) {
		for (int kind = 0; kind < KIND_COUNT; kind++) {
			size_t taken = 0;
			cases_load(&cases, (enum venue)venue, (enum kind)kind);
			spoil(&cases, &rng, &taken);
			assert_in_range(taken, 3, cases.n - 1);
		}
	}
}

static void check_recording(const char *name, enum kind kind)
{
	char path[512];
	static char line[FRAME_BYTES_MAX + DECODE_PADDING];
	snprintf(path, sizeof path, TEST_SHARED_DIR "/market/%s", name);
	gzFile file = gzopen(path, "rb");
	if (!file) {
		print_message("skipped: no recording at %s\n", path);
		skip();
	}
	struct cases source = { .venue = VENUE_BINANCE, .kind = kind };
	struct decoder *scanner = case_decoder(&source, DECODE_SCANNER);
	struct decoder *parser = case_decoder(&source, DECODE_SIMDJSON);
	size_t frames = 0, taken = 0;
	while (gzgets(file, line, FRAME_BYTES_MAX)) {
		struct str text = str_trim(str_of(line));
		frames++;
		taken += check_same(scanner, parser, str_skip(text, str_find_char(text, ' ') + 1));
	}
	gzclose(file);
	decoder_destroy(scanner);
	decoder_destroy(parser);
	assert_true(frames > 30000);
	assert_true(taken + 1 >= frames); /* all but the REST snapshot at the start */
}

static void recorded_frames_are_all_taken_and_say_the_same(void **state)
{
	(void)state;
	check_recording("usdm_ethusdt_20240808.gz", KIND_PERP);
	check_recording("spot_ethusdt_20240808.gz", KIND_SPOT);
	check_recording("spot_ethusdt_20240809.gz", KIND_SPOT);
}

static void streams_that_share_a_slot_do_not_mix(void **state)
{
	(void)state;
	struct cases source = { .venue = VENUE_BINANCE, .kind = KIND_SPOT };
	struct decoder *scanner = case_decoder(&source, DECODE_SCANNER);
	struct decoder *parser = case_decoder(&source, DECODE_SIMDJSON);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 2000; i++) { /* more streams than slots */
			char text[512 + DECODE_PADDING] = { 0 };
			struct buf frame = buf_over(text, 512);
			buf_printf(
			    &frame,
			    "{\"stream\":\"coin%dusdt@trade\",\"data\":{\"e\":\"trade\",\"E\":"
			    "1723161255612,\"s\":\"COIN%dUSDT\",\"t\":%d,\"p\":\"2683.8%d\",\"q\":"
			    "\"0.5\",\"T\":1723161255611,\"m\":true,\"M\":true}}",
			    i, i, i, i);
			assert_true(check_same(scanner, parser, buf_str(&frame)));
			assert_int_equal(case_events[0].trade.ordered_id, i);
		}
	}
	decoder_destroy(scanner);
	decoder_destroy(parser);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decimals_are_those_of_decimal_parse),
		cmocka_unit_test(decimals_need_their_quote_within_the_frame),
		cmocka_unit_test(integers_are_json_integers),
		cmocka_unit_test(times_are_thirteen_digits_up_to_the_bound),
		cmocka_unit_test(words_of_any_length_are_compared_whole),
		cmocka_unit_test(every_way_of_walking_levels_agrees_with_the_plain_one),
		cmocka_unit_test(numbers_too_long_for_63_bits_are_left_to_simdjson),
		cmocka_unit_test(a_spoilt_byte_never_makes_scanner_and_simdjson_differ),
		cmocka_unit_test(recorded_frames_are_all_taken_and_say_the_same),
		cmocka_unit_test(streams_that_share_a_slot_do_not_mix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
