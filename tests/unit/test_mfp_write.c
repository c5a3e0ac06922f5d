/* Writing MFP/1: what is written is read as the same, for the frames of the description
 * and for random ones of every verb and field; what does not fit; escapes; contracts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "mfp_copy.h"
#include "mfp_frames.h"

/* The line in a buffer that ends with LF. */
static struct str line_of(const struct buf *out)
{
	assert_false(out->overflow);
	assert_true(out->len > 0 && out->len <= MFP_LINE_MAX);
	assert_int_equal(out->ptr[out->len - 1], '\n');
	return str_make(out->ptr, out->len - 1);
}

/* ---- the frames of the description ---- */

static void every_frame_of_the_description_is_written_to_the_same_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mfp_examples); i++)
		for (int raw = 0; raw < 2; raw++) {
			char storage[MFP_LINE_MAX];
			struct buf out = buf_over(storage, sizeof storage);
			struct mfp_frame frame = frame_of(str_of(mfp_examples[i].line));
			mfp_write_again(&frame, raw, &out);
			/* Brackets need no escape, so they are given none: the one frame here
			 * that has more escapes than it must. */
			if (frame.verb == MFP_VERB_deal && !raw)
				assert_non_null(strstr(storage, " cm=[sl%2063450.42]\n"));
			else
				assert_str(line_of(&out), mfp_examples[i].line);
		}
}

static void lines_follow_each_other_in_one_buffer(void **state)
{
	(void)state;
	char storage[256];
	struct buf out = buf_over(storage, sizeof storage);
	struct mfp_writer writer;
	for (int i = 0; i < 2; i++) {
		mfp_begin(&writer, &out, MFP_VERB_error, 0);
		mfp_put_word(&writer, MFP_error_code, 5);
		mfp_put_i64(&writer, MFP_error_retry, 5000 + i);
		mfp_end(&writer);
	}
	assert_str(buf_str(&out), "E 0 code=busy retry=5000\nE 0 code=busy retry=5001\n");
}

/* ---- random frames ---- */

static const char name_bytes[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

/* Bytes of every kind, or characters. At most 85 bytes, so that it is a text also when
 * each of them is told as U+FFFD. */
static struct str random_text(struct rng *rng, char text[MFP_TEXT_MAX])
{
	static const char *const pieces[] = {
		"\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x8C\x8A", "%", "=", " ", "plain", "\r\n"
	};
	size_t len = 0, count = rng_below(rng, 20);
	for (size_t i = 0; i < count; i++) {
		if (rng_below(rng, 2)) {
			text[len++] = (char)rng_below(rng, 256);
			continue;
		}
		const char *piece = pieces[rng_below(rng, ARRAY_LEN(pieces))];
		memcpy(text + len, piece, strlen(piece));
		len += strlen(piece);
	}
	return str_make(text, len < 85 ? len : 85);
}

static struct str random_digits(struct rng *rng, const char *digits, size_t n, size_t len,
				char text[MFP_TEXT_MAX])
{
	for (size_t i = 0; i < len; i++)
		text[i] = digits[rng_below(rng, n)];
	return str_make(text, len);
}

static int64_t random_i64(struct rng *rng)
{
	return (int64_t)(rng_next(rng) >> rng_below(rng, 64));
}

/* What was put, to be found again in the frame. */
struct put {
	struct number number;
	char bytes[MFP_TEXT_MAX];
	struct str text;
};

static int random_word(struct rng *rng, enum mfp_field field)
{
	struct str choices = str_of(mfp_field_row(field)->choices), word;
	uint64_t count = 0;
	while (str_split(&choices, ' ', &word))
		count++;
	return (int)rng_below(rng, count);
}

static void put_random(struct rng *rng, struct mfp_writer *writer, enum mfp_field field,
		       struct put *put)
{
	put->text = STR("");
	put->number = number_of(0);
	switch (mfp_field_row(field)->type) {
	case MFP_COUNT:
		put->number = number_of(random_i64(rng) & INT64_MAX);
		mfp_put_i64(writer, field, put->number.mantissa);
		break;
	case MFP_INT:
		put->number = number_of(random_i64(rng));
		mfp_put_i64(writer, field, put->number.mantissa);
		break;
	case MFP_NUMBER:
		put->number = number_of(random_i64(rng) / 2); /* -2^63 is not parsed */
		put->number.digits = (uint8_t)rng_below(rng, DECIMAL_SCALE_MAX + 1);
		mfp_put_number(writer, field, put->number);
		break;
	case MFP_WORD:
		put->number = number_of(random_word(rng, field));
		mfp_put_word(writer, field, (int)put->number.mantissa);
		break;
	case MFP_HASH:
		put->number = number_of((int64_t)rng_next(rng));
		mfp_put_hash(writer, field, (uint64_t)put->number.mantissa);
		break;
	case MFP_TEXT: put->text = random_text(rng, put->bytes); break;
	case MFP_NAME:
		put->text = random_digits(rng, name_bytes, sizeof name_bytes - 1,
					  1 + rng_below(rng, 64), put->bytes);
		break;
	case MFP_HEX: put->text = random_digits(rng, "0123456789abcdef", 16, 32, put->bytes); break;
	}
	enum mfp_type type = mfp_field_row(field)->type;
	if (type == MFP_TEXT || type == MFP_NAME || type == MFP_HEX)
		mfp_put_text(writer, field, put->text);
}

static void assert_found(const struct mfp_frame *frame, enum mfp_field field, const struct put *put)
{
	const struct mfp_value *value = &frame->values[field - mfp_verb_row(frame->verb)->first];
	char storage[MFP_TEXT_MAX];
	struct buf text = buf_over(storage, sizeof storage);
	assert_true(mfp_has(frame, field));
	assert_int_equal(value->number.mantissa, put->number.mantissa);
	assert_int_equal(value->number.digits, put->number.digits);
	assert_int_equal(mfp_unescape(value->text, &text), STATUS_OK);
	if (put->text.len) {
		assert_int_equal(text.len, put->text.len);
		assert_memory_equal(storage, put->text.ptr, text.len);
	}
}

/* All MUST fields and some of the others, shuffled. */
static size_t random_fields(struct rng *rng, enum mfp_verb verb,
			    enum mfp_field fields[MFP_FIELDS_MAX])
{
	const struct mfp_verb_row *row = mfp_verb_row(verb);
	size_t count = 0;
	for (enum mfp_field field = row->first; field < row->end; field++) {
		if (!mfp_field_row(field)->must && rng_below(rng, 2))
			continue;
		size_t at = rng_below(rng, count + 1);
		fields[count++] = fields[at];
		fields[at] = field;
	}
	return count;
}

static void random_frames_are_read_as_they_were_written(void **state)
{
	(void)state;
	static struct put puts[MFP_FIELDS_MAX];
	struct rng rng;
	rng_init(&rng, 0x3F9);
	for (int i = 0; i < 10000; i++) {
		enum mfp_verb verb = (enum mfp_verb)(i % MFP_VERBS);
		bool reliable = mfp_verb_row(verb)->reliable != MFP_RELIABLE_NO;
		uint64_t seq = reliable ? 1 + rng_below(&rng, INT64_MAX) : 0;
		enum mfp_field fields[MFP_FIELDS_MAX];
		size_t count = random_fields(&rng, verb, fields);
		char storage[MFP_LINE_MAX], again[MFP_LINE_MAX];
		struct buf out = buf_over(storage, sizeof storage);
		struct buf copy = buf_over(again, sizeof again);
		struct mfp_writer writer;
		mfp_begin(&writer, &out, verb, seq);
		for (size_t n = 0; n < count; n++)
			put_random(&rng, &writer, fields[n], &puts[n]);
		mfp_end(&writer);
		struct mfp_frame frame = frame_of(line_of(&out));
		assert_int_equal(frame.verb, verb);
		assert_int_equal(frame.seq, seq);
		assert_int_equal(__builtin_popcountll(frame.given), count);
		for (size_t n = 0; n < count; n++)
			assert_found(&frame, fields[n], &puts[n]);
		mfp_write_again(&frame, true, &copy);
		assert_int_equal(copy.len, out.len);
		assert_memory_equal(again, storage, out.len);
	}
}

/* ---- what does not fit ---- */

static void a_line_that_does_not_fit_leaves_nothing(void **state)
{
	(void)state;
	struct mfp_frame frame = frame_of(str_of(mfp_examples[1].line));
	size_t need = strlen(mfp_examples[1].line) + 1;
	for (size_t room = 0; room <= need; room++) {
		char *exact = malloc(room + 5); /* so that asan sees an overrun */
		struct buf out = buf_over(exact, room + 5);
		buf_put(&out, "K 0 x", 5);
		mfp_write_again(&frame, false, &out);
		assert_int_equal(out.overflow, room < need);
		assert_int_equal(out.len, room < need ? 5 : 5 + need);
		assert_memory_equal(exact, "K 0 x", 5);
		free(exact);
	}
}

/* A value of so many bytes that the line has `bytes` with its LF. */
static void write_long(struct buf *out, size_t bytes)
{
	static const char head[] = "K 0 up=";
	static char digits[2 * MFP_LINE_MAX];
	struct mfp_writer writer;
	memset(digits, '0', sizeof digits);
	mfp_begin(&writer, out, MFP_VERB_durable, 0);
	mfp_put_raw(&writer, MFP_durable_up, str_make(digits, bytes - (sizeof head - 1) - 1));
	mfp_end(&writer);
}

static void a_line_is_never_longer_than_the_protocol_allows(void **state)
{
	(void)state;
	static char storage[4 * MFP_LINE_MAX];
	struct buf out = buf_over(storage, sizeof storage);
	write_long(&out, MFP_LINE_MAX);
	assert_int_equal(frame_of(line_of(&out)).verb, MFP_VERB_durable);
	write_long(&out, MFP_LINE_MAX);
	assert_false(out.overflow); /* the limit is of a line, not of the buffer */
	write_long(&out, MFP_LINE_MAX + 1);
	assert_true(out.overflow);
	assert_int_equal(out.len, 2 * MFP_LINE_MAX);
}

static void long_texts_end_behind_the_last_character_that_fits(void **state)
{
	(void)state;
	static const struct {
		const char *unit;
		size_t unit_bytes, told;
	} cases[] = { { "x", 1, 255 },
		      { "\xC3\xA4", 2, 254 },
		      { "\xE2\x82\xAC", 3, 255 },
		      { "\xF0\x9F\x8C\x8A", 4, 252 },
		      { "\xFF", 1, 255 },
		      { "\0", 1, 255 },
		      { "=", 1, 255 } };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char long_text[1024], storage[MFP_LINE_MAX], text[MFP_TEXT_MAX + 3];
		struct buf whole = buf_over(long_text, sizeof long_text);
		struct buf out = buf_over(storage, sizeof storage);
		struct mfp_writer writer;
		while (whole.len + cases[i].unit_bytes <= 600)
			buf_put(&whole, cases[i].unit, cases[i].unit_bytes);
		mfp_begin(&writer, &out, MFP_VERB_error, 0);
		mfp_put_word(&writer, MFP_error_code, 0);
		mfp_put_text(&writer, MFP_error_msg, buf_str(&whole));
		mfp_end(&writer);
		struct mfp_frame frame = frame_of(line_of(&out));
		assert_int_equal(mfp_text(&frame, MFP_error_msg, text).len, cases[i].told);
	}
}

/* ---- escapes ---- */

static bool must_be_escaped(int byte)
{
	return byte <= 0x20 || byte == '%' || byte == '=' || byte == 0x7F || byte >= 0x80;
}

static void every_byte_is_escaped_where_it_must_be(void **state)
{
	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		char storage[8], expected[8], one = (char)byte;
		struct buf out = buf_over(storage, sizeof storage);
		mfp_escape(&out, str_make(&one, 1)); /* alone, 0x80 and above are no UTF-8 */
		snprintf(expected, sizeof expected, must_be_escaped(byte) ? "%%%02X" : "%c", byte);
		assert_str(buf_str(&out), expected);
	}
}

static void characters_are_not_escaped(void **state)
{
	(void)state;
	char storage[64];
	struct buf out = buf_over(storage, sizeof storage);
	mfp_escape(&out, STR("\xC3\xA4\xE2\x82\xAC \xF0\x9F\x8C\x8A\xC3"));
	assert_str(buf_str(&out), "\xC3\xA4\xE2\x82\xAC%20\xF0\x9F\x8C\x8A%C3");
}

static void unescape_is_the_inverse_of_escape_for_any_two_bytes(void **state)
{
	(void)state;
	for (int pair = 0; pair < 65536; pair++) {
		char bytes[2] = { (char)(pair >> 8), (char)pair }, storage[8], back[8];
		struct buf escaped = buf_over(storage, sizeof storage);
		struct buf out = buf_over(back, sizeof back);
		mfp_escape(&escaped, str_make(bytes, 2));
		assert_int_equal(mfp_unescape(buf_str(&escaped), &out), STATUS_OK);
		assert_int_equal(out.len, 2);
		assert_memory_equal(back, bytes, 2);
	}
}

static void bad_escapes_and_too_little_room_are_told(void **state)
{
	(void)state;
	static const char *const bad[] = { "%", "a%", "a%4", "%4x", "%x4", "%%41", "ok%41%" };
	char storage[4] = "x";
	struct buf out = buf_over(storage, sizeof storage);
	out.len = 1;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(mfp_unescape(str_of(bad[i]), &out), STATUS_FORMAT);
		assert_int_equal(out.len, 1);
	}
	assert_int_equal(mfp_unescape(STR("%41b%43"), &out), STATUS_OK);
	assert_str(buf_str(&out), "xAbC");
	assert_int_equal(mfp_unescape(STR("d"), &out), STATUS_RANGE);
	struct buf empty = buf_over(storage, 0);
	assert_int_equal(mfp_unescape(STR(""), &empty), STATUS_OK);
}

/* ---- contracts ---- */

static jmp_buf stopped;

static void stop(const char *expr, const char *file, int line)
{
	(void)expr, (void)file, (void)line;
	longjmp(stopped, 1);
}

/* Does the call fail a CHECK? */
#define STOPS(call)                                                                                \
	(check_set_handler(stop), setjmp(stopped)                                                  \
				      ? (check_set_handler(NULL), true)                            \
				      : ((void)(call), check_set_handler(NULL), false))

static void frames_are_asked_only_for_their_own_fields_and_types(void **state)
{
	(void)state;
	char text[MFP_TEXT_MAX + 3];
	struct mfp_frame frame = frame_of(str_of(mfp_examples[1].line));
	assert_true(STOPS(mfp_has(&frame, MFP_state_t)));
	assert_true(STOPS(mfp_raw(&frame, MFP_banner_v)));
	assert_true(STOPS(mfp_has(&frame, MFP_FIELDS)));
	assert_true(STOPS(mfp_i64(&frame, MFP_hello_srv, 0)));
	assert_true(STOPS(mfp_number(&frame, MFP_hello_mm)));
	assert_true(STOPS(mfp_word(&frame, MFP_hello_lev)));
	assert_true(STOPS(mfp_hash(&frame, MFP_hello_n)));
	assert_true(STOPS(mfp_text(&frame, MFP_hello_n, text)));
	assert_false(STOPS(mfp_number(&frame, MFP_hello_off)));
	struct mfp_frame account = frame_of(STR("A 0 t=1 bal=1.50 eq=2"));
	assert_true(STOPS(mfp_i64(&account, MFP_account_bal, 0))); /* would lose its digits */
	assert_true(STOPS(mfp_verb_row(MFP_VERBS)));
	assert_true(STOPS(mfp_field_row(MFP_FIELDS)));
}

static void writers_write_only_what_can_be_read(void **state)
{
	(void)state;
	char storage[256];
	struct buf out = buf_over(storage, sizeof storage);
	struct mfp_writer writer;
	assert_true(STOPS(mfp_begin(&writer, &out, MFP_VERB_result, 0)));
	assert_true(STOPS(mfp_begin(&writer, &out, MFP_VERB_error, 1)));
	assert_true(STOPS(mfp_begin(&writer, &out, MFP_VERBS, 0)));
	mfp_begin(&writer, &out, MFP_VERB_error, 0);
	assert_true(STOPS(mfp_end(&writer))); /* code is missing */
	assert_true(STOPS(mfp_put_i64(&writer, MFP_durable_up, 1)));
	assert_false(STOPS(mfp_put_word(&writer, MFP_error_code, 7)));
	assert_true(STOPS(mfp_put_word(&writer, MFP_error_code, 7)));
	assert_true(STOPS(mfp_put_text(&writer, MFP_error_retry, STR("1"))));
	assert_false(STOPS(mfp_end(&writer)));
	mfp_begin(&writer, &out, MFP_VERB_error, 0);
	assert_true(STOPS(mfp_put_word(&writer, MFP_error_code, -1)));
	assert_true(STOPS(mfp_put_i64(&writer, MFP_error_msg, 1)));
	assert_true(STOPS(mfp_put_number(&writer, MFP_error_retry, number_of(1))));
	mfp_begin(&writer, &out, MFP_VERB_error, 0);
	assert_true(STOPS(mfp_put_word(&writer, MFP_error_code, 8))); /* there are eight */
	mfp_begin(&writer, &out, MFP_VERB_snapshot, 0);
	assert_true(STOPS(mfp_put_hash(&writer, MFP_snapshot_n, 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_frame_of_the_description_is_written_to_the_same_bytes),
		cmocka_unit_test(lines_follow_each_other_in_one_buffer),
		cmocka_unit_test(random_frames_are_read_as_they_were_written),
		cmocka_unit_test(a_line_that_does_not_fit_leaves_nothing),
		cmocka_unit_test(a_line_is_never_longer_than_the_protocol_allows),
		cmocka_unit_test(long_texts_end_behind_the_last_character_that_fits),
		cmocka_unit_test(every_byte_is_escaped_where_it_must_be),
		cmocka_unit_test(characters_are_not_escaped),
		cmocka_unit_test(unescape_is_the_inverse_of_escape_for_any_two_bytes),
		cmocka_unit_test(bad_escapes_and_too_little_room_are_told),
		cmocka_unit_test(frames_are_asked_only_for_their_own_fields_and_types),
		cmocka_unit_test(writers_write_only_what_can_be_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
