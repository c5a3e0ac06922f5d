/* Reading MFP/1: the frames of the description, every type of field, everything a line
 * can have wrong, and that what is wrong is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mfp_frames.h"

static enum status read_as(struct str line, enum mfp_side from, struct mfp_fault *fault)
{
	struct mfp_frame frame;
	*fault = (struct mfp_fault){ "", "" };
	return mfp_read(line, from, &frame, fault);
}

static void assert_number(struct number number, int64_t mantissa, int digits)
{
	assert_int_equal(number.mantissa, mantissa);
	assert_int_equal(number.digits, digits);
}

/* ---- good frames ---- */

static void every_frame_of_the_description_is_read(void **state)
{
	(void)state;
	uint32_t verbs = 0;
	for (size_t i = 0; i < ARRAY_LEN(mfp_examples); i++) {
		struct mfp_frame frame = frame_of(str_of(mfp_examples[i].line));
		assert_int_equal(frame.verb, mfp_examples[i].verb);
		assert_int_equal(frame.seq, strtoull(mfp_examples[i].line + 2, NULL, 10));
		assert_int_equal(__builtin_popcountll(frame.given), mfp_examples[i].fields);
		assert_int_equal(frame.unknown_keys, 0);
		verbs |= 1u << frame.verb;
	}
	assert_int_equal(verbs, (1u << MFP_VERBS) - 1); /* none without an example */
}

static void a_frame_is_read_only_from_the_side_that_sends_it(void **state)
{
	(void)state;
	struct mfp_fault fault;
	for (size_t i = 0; i < ARRAY_LEN(mfp_examples); i++) {
		struct str line = str_of(mfp_examples[i].line);
		enum mfp_side from = mfp_verb_row(mfp_examples[i].verb)->from;
		enum status of_weir = read_as(line, MFP_WEIR, &fault);
		assert_int_equal(of_weir, from == MFP_PEER ? STATUS_UNSUPPORTED : STATUS_OK);
		enum status of_peer = read_as(line, MFP_PEER, &fault);
		assert_int_equal(of_peer, from == MFP_WEIR ? STATUS_UNSUPPORTED : STATUS_OK);
	}
}

static void values_come_as_their_types(void **state)
{
	(void)state;
	char text[MFP_TEXT_MAX + 3];
	struct mfp_frame hello = frame_of(str_of(mfp_examples[1].line));
	assert_int_equal(mfp_i64(&hello, MFP_hello_ep, -1), 1784046185431);
	assert_int_equal(mfp_word(&hello, MFP_hello_mm), 2);
	assert_int_equal(mfp_word(&hello, MFP_hello_tm), 2);
	assert_int_equal(mfp_hash(&hello, MFP_hello_ph), 0x4b2312e8a4f7ba0d);
	assert_str(mfp_raw(&hello, MFP_hello_mac), "35cd832ccd3c88068e3314f439e1ecbd");
	assert_str(mfp_text(&hello, MFP_hello_srv, text), "FPMarketsSC-Live");
	assert_string_equal(text, "FPMarketsSC-Live");
	struct mfp_frame account = frame_of(STR("A 0 t=5 bal=3346.10 eq=-0.050 pl=7"));
	assert_number(mfp_number(&account, MFP_account_bal), 334610, 2);
	assert_number(mfp_number(&account, MFP_account_eq), -50, 3);
	assert_number(mfp_number(&account, MFP_account_pl), 7, 0);
	assert_number(mfp_number(&account, MFP_account_t), 5, 0);
	struct mfp_frame deal = frame_of(STR("D 18 deal=1 cm=%5Bsl%2063450.42%5D"));
	assert_str(mfp_text(&deal, MFP_deal_cm, text), "[sl 63450.42]");
	assert_str(mfp_raw(&deal, MFP_deal_cm), "%5Bsl%2063450.42%5D");
}

static void what_is_absent_says_so(void **state)
{
	(void)state;
	char text[MFP_TEXT_MAX + 3] = "x";
	struct mfp_frame hello =
	    frame_of(STR("H 0 v=1 id=a ep=1 mac=00000000000000000000000000000000"));
	assert_false(mfp_has(&hello, MFP_hello_login));
	assert_true(mfp_has(&hello, MFP_hello_id));
	assert_int_equal(mfp_i64(&hello, MFP_hello_login, -7), -7);
	assert_int_equal(mfp_word(&hello, MFP_hello_role), -1);
	assert_int_equal(mfp_hash(&hello, MFP_hello_ph), 0);
	assert_number(mfp_number(&hello, MFP_hello_lev), 0, 0);
	assert_str(mfp_raw(&hello, MFP_hello_cur), "");
	assert_str(mfp_text(&hello, MFP_hello_cur, text), "");
	assert_string_equal(text, "");
}

static void fields_come_in_any_order(void **state)
{
	(void)state;
	struct mfp_frame frame = frame_of(STR("S 0 x15=4 n=3 ae=1 aa=2 ma=3 ta=4 con=5 t=6 q=7"));
	assert_int_equal(mfp_i64(&frame, MFP_state_t, 0), 6);
	assert_int_equal(mfp_i64(&frame, MFP_state_con, 0), 5);
	assert_int_equal(mfp_i64(&frame, MFP_state_ae, 0), 1);
	assert_number(mfp_number(&frame, MFP_state_x15), 4, 0);
	assert_number(mfp_number(&frame, MFP_state_q), 7, 0);
}

static void unknown_keys_are_counted_and_ignored(void **state)
{
	(void)state;
	struct mfp_frame frame = frame_of(STR("K 0 zz=%20 up=18 a= u=1 upp=2 ________=x"));
	assert_int_equal(frame.unknown_keys, 5);
	assert_int_equal(frame.given, 1);
	assert_int_equal(mfp_i64(&frame, MFP_durable_up, 0), 18);
}

/* As many different keys as a line holds: 2 letters and an empty value each. */
static void a_line_may_be_full_of_unknown_keys(void **state)
{
	(void)state;
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	char line[MFP_LINE_MAX];
	struct buf out = buf_over(line, sizeof line - 1);
	struct mfp_fault fault;
	buf_put(&out, "P 0 t=180", 9);
	for (uint32_t i = 0; out.len + 4 <= MFP_LINE_MAX - 1; i++)
		buf_printf(&out, " %c%c=", letters[i / 37], letters[i % 37]);
	struct mfp_frame frame = frame_of(buf_str(&out));
	assert_int_equal(frame.unknown_keys, (MFP_LINE_MAX - 1 - 9) / 4);
	memcpy(line + out.len - 3, "cd", 2); /* which is there already */
	assert_int_equal(read_as(buf_str(&out), MFP_WEIR, &fault), STATUS_FORMAT);
	assert_string_equal(fault.what, "key twice");
	assert_string_equal(fault.key, "cd");
}

static void a_cr_at_the_end_is_ignored(void **state)
{
	(void)state;
	struct mfp_frame frame = frame_of(STR("P 0 t=17\r"));
	assert_str(mfp_raw(&frame, MFP_probe_t), "17");
}

/* The limit is of the bytes with LF, so a line without it has one less. */
static void a_frame_has_at_most_4096_bytes(void **state)
{
	(void)state;
	char line[MFP_LINE_MAX + 1] = "P 0 t=17 more=";
	struct mfp_fault fault;
	size_t head = strlen(line);
	memset(line + head, 'x', sizeof line - head);
	frame_of(str_make(line, 4095));
	assert_int_equal(read_as(str_make(line, 4096), MFP_ANY, &fault), STATUS_RANGE);
	assert_string_equal(fault.what, "line too long");
	assert_string_equal(fault.key, "");
	line[4094] = '\r';
	frame_of(str_make(line, 4095));
	line[4095] = '\r';
	assert_int_equal(read_as(str_make(line, 4096), MFP_ANY, &fault), STATUS_RANGE);
}

static void texts_have_at_most_255_bytes_unescaped(void **state)
{
	(void)state;
	char line[MFP_LINE_MAX], text[MFP_TEXT_MAX + 3];
	const struct {
		const char *unit;
		int times;
		bool fits;
	} cases[] = { { "x", 255, true },           { "x", 256, false },
		      { "%20", 255, true },         { "%20", 256, false },
		      { "\xC3\xA4", 127, true },    { "\xC3\xA4", 128, false },
		      { "%C3%A4", 127, true },      { "%C3%A4", 128, false },
		      { "%00", 85, true },          { "%00", 86, false },
		      { "%FF", 85, true },          { "%FF", 86, false },
		      { "%c3", 85, true },          { "%E2%82%AC", 85, true },
		      { "%F0%9F%8C%8A", 63, true }, { "\xE2\x82\xAC", 86, false } };
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out = buf_over(line, sizeof line);
		struct mfp_fault fault;
		buf_printf(&out, "E 0 code=busy msg=");
		for (int n = 0; n < cases[i].times; n++)
			buf_printf(&out, "%s", cases[i].unit);
		if (cases[i].fits) {
			struct mfp_frame frame = frame_of(buf_str(&out));
			assert_true(mfp_text(&frame, MFP_error_msg, text).len > 250 - 4);
			continue;
		}
		assert_int_equal(read_as(buf_str(&out), MFP_ANY, &fault), STATUS_RANGE);
		assert_string_equal(fault.what, "text too long");
		assert_string_equal(fault.key, "msg");
	}
}

/* Whatever a peer escapes, people get text. */
static void texts_are_utf8_without_nul(void **state)
{
	(void)state;
	static const struct {
		const char *sent, *read;
	} cases[] = {
		{ "msg=", "" },
		{ "msg=%41%62%7f", "Ab\x7F" },
		{ "msg=a%00b", "a\xEF\xBF\xBD"
			       "b" },
		{ "msg=%C3%A4%c3%a4", "\xC3\xA4\xC3\xA4" },
		{ "msg=%C3", "\xEF\xBF\xBD" },
		{ "msg=%C3x%A4", "\xEF\xBF\xBDx\xEF\xBF\xBD" },
		{ "msg=%E2%82x", "\xEF\xBF\xBD\xEF\xBF\xBDx" },
		{ "msg=%ED%A0%80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },
		{ "msg=%C3\xC3\xA4", "\xEF\xBF\xBD\xC3\xA4" },
		{ "msg=\xF0\x9F\x8C\x8A%25%3D", "\xF0\x9F\x8C\x8A%=" },
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char line[128], text[MFP_TEXT_MAX + 3];
		snprintf(line, sizeof line, "E 0 code=busy %s", cases[i].sent);
		struct mfp_frame frame = frame_of(str_of(line));
		assert_str(mfp_text(&frame, MFP_error_msg, text), cases[i].read);
	}
}

/* ---- bad lines ---- */

struct bad {
	const char *line;
	enum status status;
	const char *what, *key;
};

static void assert_bad(const struct bad *bad, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct mfp_fault fault;
		enum status status = read_as(str_of(bad[i].line), MFP_ANY, &fault);
		if (status != bad[i].status || strcmp(fault.what, bad[i].what) != 0)
			print_error("%s: %s, %s\n", bad[i].line, status_text(status), fault.what);
		assert_int_equal(status, bad[i].status);
		assert_string_equal(fault.what, bad[i].what);
		assert_string_equal(fault.key, bad[i].key);
	}
}

static void lines_without_a_verb_or_number_are_refused(void **state)
{
	(void)state;
	static const struct bad bad[] = {
		{ "", STATUS_FORMAT, "no verb", "" },
		{ "\r", STATUS_FORMAT, "no verb", "" },
		{ "P", STATUS_FORMAT, "no verb", "" },
		{ " ", STATUS_FORMAT, "no verb", "" },
		{ " P 0 t=1", STATUS_FORMAT, "no verb", "" },
		{ "PP 0 t=1", STATUS_FORMAT, "no verb", "" },
		{ "1 0 t=1", STATUS_FORMAT, "no verb", "" },
		{ "\xC3\xA4 0 t=1", STATUS_FORMAT, "no verb", "" },
		{ "P\t0 t=1", STATUS_FORMAT, "no verb", "" },
		{ "GET / HTTP/1.1", STATUS_FORMAT, "no verb", "" },
		{ "P ", STATUS_FORMAT, "bad sequence number", "" },
		{ "P  0 t=1", STATUS_FORMAT, "bad sequence number", "" },
		{ "P t=1", STATUS_FORMAT, "bad sequence number", "" },
		{ "P -1 t=1", STATUS_FORMAT, "bad sequence number", "" },
		{ "P +0 t=1", STATUS_FORMAT, "bad sequence number", "" },
		{ "P 0x0 t=1", STATUS_FORMAT, "bad sequence number", "" },
		{ "Z 1.0 why=1", STATUS_FORMAT, "bad sequence number", "" },
		{ "Z 9223372036854775808 why=1", STATUS_RANGE, "bad sequence number", "" },
		{ "Z 99999999999999999999999 why=1", STATUS_RANGE, "bad sequence number", "" },
	};
	assert_bad(bad, ARRAY_LEN(bad));
	assert_int_equal(frame_of(STR("Z 9223372036854775807 why=1")).seq, INT64_MAX);
}

/* "The sequence number is 0" and "1, 2, 3 …" are said by the verb's row. */
static void numbers_are_of_reliable_frames_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mfp_examples); i++) {
		char line[1024];
		struct mfp_fault fault;
		const char *fields = strchr(mfp_examples[i].line + 2, ' ');
		bool reliable = mfp_verb_row(mfp_examples[i].verb)->reliable != MFP_RELIABLE_NO;
		snprintf(line, sizeof line, "%c %d%s", mfp_examples[i].line[0], !reliable, fields);
		assert_int_equal(read_as(str_of(line), MFP_ANY, &fault), STATUS_FORMAT);
		assert_string_equal(fault.what, "bad sequence number");
	}
}

static void unknown_verbs_are_told_from_garbage(void **state)
{
	(void)state;
	static const struct bad bad[] = {
		{ "V 0", STATUS_UNSUPPORTED, "no such verb", "" },
		{ "x 17", STATUS_UNSUPPORTED, "no such verb", "" },
		{ "V 17 any=thing goes=%20", STATUS_UNSUPPORTED, "no such verb", "" },
		{ "V 17 t=not-a-number\r", STATUS_UNSUPPORTED, "no such verb", "" },
		{ "V x", STATUS_FORMAT, "bad sequence number", "" },
		{ "V 0 ", STATUS_FORMAT, "bad key", "" },
		{ "V 0 a", STATUS_FORMAT, "bad key", "a" },
		{ "V 0 a=1 a=1", STATUS_FORMAT, "key twice", "a" },
		{ "V 0 a=%2", STATUS_FORMAT, "bad escape", "a" },
		{ "V 0 a=\xFF", STATUS_FORMAT, "not UTF-8", "" },
	};
	assert_bad(bad, ARRAY_LEN(bad));
}

static void fields_have_a_key_and_a_value_behind_one_blank(void **state)
{
	(void)state;
	static const struct bad bad[] = {
		{ "K 0 ", STATUS_FORMAT, "bad key", "" },
		{ "K 0  up=1", STATUS_FORMAT, "bad key", "" },
		{ "K 0 up=1  a=1", STATUS_FORMAT, "bad key", "" },
		{ "K 0 up=1 ", STATUS_FORMAT, "bad key", "" },
		{ "K 0 up=1 \r", STATUS_FORMAT, "bad key", "" },
		{ "K 0 up", STATUS_FORMAT, "bad key", "up" },
		{ "K 0 up 1", STATUS_FORMAT, "bad key", "up" },
		{ "K 0 =1", STATUS_FORMAT, "bad key", "" },
		{ "K 0 Up=1", STATUS_FORMAT, "bad key", "" },
		{ "K 0 u-p=1", STATUS_FORMAT, "bad key", "u" },
		{ "K 0 up%=1", STATUS_FORMAT, "bad key", "up" },
		{ "K 0 \x1B[31m=1", STATUS_FORMAT, "bad key", "" },
		{ "K 0 up=1 ninechars=1", STATUS_FORMAT, "bad key", "ninechar" },
		{ "K 0 up=1 up=1", STATUS_FORMAT, "key twice", "up" },
		{ "K 0 up=1 a=1 up=2", STATUS_FORMAT, "key twice", "up" },
		{ "K 0 up=1 a=1 b=1 a=2", STATUS_FORMAT, "key twice", "a" },
		{ "K 0 up=1 eightkey=1 eightkey=", STATUS_FORMAT, "key twice", "eightkey" },
		{ "K 0 up=1=2", STATUS_FORMAT, "a byte that must be escaped", "up" },
		{ "K 0 up=1 a=\t", STATUS_FORMAT, "a byte that must be escaped", "a" },
		{ "K 0 up=1 a=\r", STATUS_OK, "", "" },
		{ "K 0 up=1 a=\r\r", STATUS_FORMAT, "a byte that must be escaped", "a" },
		{ "K 0 up=1 a=\rb", STATUS_FORMAT, "a byte that must be escaped", "a" },
		{ "K 0 up=1\nK 0 up=1", STATUS_FORMAT, "a byte that must be escaped", "up" },
		{ "K 0 up=1 a=\x7F", STATUS_FORMAT, "a byte that must be escaped", "a" },
		{ "K 0 up=1 a=%", STATUS_FORMAT, "bad escape", "a" },
		{ "K 0 up=1 a=%4", STATUS_FORMAT, "bad escape", "a" },
		{ "K 0 up=1 a=%4 b=1", STATUS_FORMAT, "bad escape", "a" },
		{ "K 0 up=1 a=%g0", STATUS_FORMAT, "bad escape", "a" },
		{ "K 0 up=1 a=%0G", STATUS_FORMAT, "bad escape", "a" },
		{ "K 0 up=1 a=%%20", STATUS_FORMAT, "bad escape", "a" },
		{ "K 0 up=1 a=%-1", STATUS_FORMAT, "bad escape", "a" },
	};
	assert_bad(bad, ARRAY_LEN(bad));
}

/* strlen ends at a NUL, so these lines come with their length. */
static void a_nul_byte_is_refused_anywhere(void **state)
{
	(void)state;
	static const char good[] = "K 0 up=1 abc=x%20y";
	char line[sizeof good];
	struct mfp_fault fault;
	for (size_t i = 0; i < sizeof good - 1; i++) {
		memcpy(line, good, sizeof good);
		line[i] = 0;
		assert_int_equal(read_as(str_make(line, sizeof good - 1), MFP_ANY, &fault),
				 STATUS_FORMAT);
	}
	assert_int_equal(read_as(str_make(good, sizeof good), MFP_ANY, &fault), STATUS_FORMAT);
}

static void every_byte_that_must_be_escaped_is_refused_raw(void **state)
{
	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		char line[] = "E 0 code=busy msg=a?b";
		struct mfp_fault fault;
		bool plain = byte > 0x20 && byte < 0x7F && byte != '%' && byte != '=';
		line[sizeof line - 3] = (char)byte;
		enum status status = read_as(str_make(line, sizeof line - 1), MFP_ANY, &fault);
		assert_int_equal(status, plain ? STATUS_OK : STATUS_FORMAT);
	}
}

static void bytes_that_are_not_utf8_are_refused(void **state)
{
	(void)state;
	static const struct bad bad[] = {
		{ "E 0 code=busy msg=\xC3", STATUS_FORMAT, "not UTF-8", "" },
		{ "E 0 code=busy msg=\xA4", STATUS_FORMAT, "not UTF-8", "" },
		{ "E 0 code=busy msg=\xC3 retry=1", STATUS_FORMAT, "not UTF-8", "" },
		{ "E 0 code=busy msg=\xC0\x80", STATUS_FORMAT, "not UTF-8", "" },
		{ "E 0 code=busy msg=\xED\xA0\x80", STATUS_FORMAT, "not UTF-8", "" },
		{ "E 0 code=busy msg=\xF4\x90\x80\x80", STATUS_FORMAT, "not UTF-8", "" },
		{ "E 0 code=busy msg=\xF0\x9F\x8C", STATUS_FORMAT, "not UTF-8", "" },
		{ "E 0 code=busy msg=\xFF", STATUS_FORMAT, "not UTF-8", "" },
		{ "E 0 code=busy msg=\xEF\xBB\xBF\xC3\xA4\xF4\x8F\xBF\xBF", STATUS_OK, "", "" },
	};
	assert_bad(bad, ARRAY_LEN(bad));
}

static void values_must_be_of_their_type(void **state)
{
	(void)state;
	static const struct bad bad[] = {
		{ "K 0 up=", STATUS_FORMAT, "not a whole number", "up" },
		{ "K 0 up=-1", STATUS_FORMAT, "not a whole number", "up" },
		{ "K 0 up=+1", STATUS_FORMAT, "not a whole number", "up" },
		{ "K 0 up=1.0", STATUS_FORMAT, "not a whole number", "up" },
		{ "K 0 up=1e3", STATUS_FORMAT, "not a whole number", "up" },
		{ "K 0 up=%31", STATUS_FORMAT, "not a whole number", "up" },
		{ "K 0 up=9223372036854775808", STATUS_RANGE, "number too large", "up" },
		{ "K 0 up=9223372036854775807", STATUS_OK, "", "" },
		{ "K 0 up=000000000000000000000000000001", STATUS_OK, "", "" },
		{ "M 0 id=a t=1 pid=0 exit=", STATUS_FORMAT, "not a whole number", "exit" },
		{ "M 0 id=a t=1 pid=0 exit=-", STATUS_FORMAT, "not a whole number", "exit" },
		{ "M 0 id=a t=1 pid=0 exit=--1", STATUS_FORMAT, "not a whole number", "exit" },
		{ "M 0 id=a t=1 pid=0 exit=-9223372036854775809", STATUS_RANGE, "number too large",
		  "exit" },
		{ "M 0 id=a t=1 pid=0 exit=-9223372036854775808", STATUS_OK, "", "" },
		{ "M 0 id=a t=1 pid=0 cpu=", STATUS_FORMAT, "not a number", "cpu" },
		{ "M 0 id=a t=1 pid=0 cpu=.5", STATUS_FORMAT, "not a number", "cpu" },
		{ "M 0 id=a t=1 pid=0 cpu=5.", STATUS_FORMAT, "not a number", "cpu" },
		{ "M 0 id=a t=1 pid=0 cpu=1.2.3", STATUS_FORMAT, "not a number", "cpu" },
		{ "M 0 id=a t=1 pid=0 cpu=1e3", STATUS_FORMAT, "not a number", "cpu" },
		{ "M 0 id=a t=1 pid=0 cpu=nan", STATUS_FORMAT, "not a number", "cpu" },
		{ "M 0 id=a t=1 pid=0 cpu=1,5", STATUS_FORMAT, "not a number", "cpu" },
		{ "M 0 id=a t=1 pid=0 cpu=0.0000000000000000001", STATUS_RANGE, "number too large",
		  "cpu" },
		{ "M 0 id=a t=1 pid=0 cpu=-1", STATUS_OK, "", "" },
		{ "M 0 id=a t=1 pid=0 end=", STATUS_FORMAT, "none of its words", "end" },
		{ "M 0 id=a t=1 pid=0 end=cras", STATUS_FORMAT, "none of its words", "end" },
		{ "M 0 id=a t=1 pid=0 end=crashed", STATUS_FORMAT, "none of its words", "end" },
		{ "M 0 id=a t=1 pid=0 end=Crash", STATUS_FORMAT, "none of its words", "end" },
		{ "M 0 id=a t=1 pid=0 end=gone", STATUS_OK, "", "" },
		{ "M 0 id= t=1 pid=0", STATUS_FORMAT, "not a name", "id" },
		{ "M 0 id=a/b t=1 pid=0", STATUS_FORMAT, "not a name", "id" },
		{ "M 0 id=a%20b t=1 pid=0", STATUS_FORMAT, "not a name", "id" },
		{ "M 0 id=\xC3\xA4 t=1 pid=0", STATUS_FORMAT, "not a name", "id" },
		{ "M 0 id=Az09._- t=1 pid=0", STATUS_OK, "", "" },
		{ "M 0 id=1234567890123456789012345678901234567890123456789012345678901234 t=1 "
		  "pid=0",
		  STATUS_OK, "", "" },
		{ "M 0 id=12345678901234567890123456789012345678901234567890123456789012345 t=1 "
		  "pid=0",
		  STATUS_FORMAT, "not a name", "id" },
		{ "O 0 n=0 ph=", STATUS_FORMAT, "not 16 hexadecimal digits", "ph" },
		{ "O 0 n=0 ph=4b2312e8a4f7ba0", STATUS_FORMAT, "not 16 hexadecimal digits", "ph" },
		{ "O 0 n=0 ph=4b2312e8a4f7ba0d0", STATUS_FORMAT, "not 16 hexadecimal digits",
		  "ph" },
		{ "O 0 n=0 ph=4B2312E8A4F7BA0D", STATUS_FORMAT, "not 16 hexadecimal digits", "ph" },
		{ "O 0 n=0 ph=4b2312e8a4f7ba0g", STATUS_FORMAT, "not 16 hexadecimal digits", "ph" },
		{ "O 0 n=0 ph=ffffffffffffffff", STATUS_OK, "", "" },
		{ "H 0 v=1 id=a ep=1 mac=35cd832ccd3c88068e3314f439e1ecb", STATUS_FORMAT,
		  "not 32 hexadecimal digits", "mac" },
		{ "H 0 v=1 id=a ep=1 mac=35cd832ccd3c88068e3314f439e1ecbD", STATUS_FORMAT,
		  "not 32 hexadecimal digits", "mac" },
	};
	assert_bad(bad, ARRAY_LEN(bad));
}

/* Each frame again without one of its fields: refused where the table says MUST. */
static void what_must_be_there_is_missed(void **state)
{
	(void)state;
	uint32_t missed = 0;
	for (size_t i = 0; i < ARRAY_LEN(mfp_examples); i++) {
		struct mfp_frame frame = frame_of(str_of(mfp_examples[i].line));
		const struct mfp_verb_row *verb = mfp_verb_row(frame.verb);
		for (enum mfp_field field = verb->first; field < verb->end; field++) {
			const struct mfp_field_row *row = mfp_field_row(field);
			char line[1024], key[16];
			struct mfp_fault fault;
			if (!mfp_has(&frame, field))
				continue;
			snprintf(line, sizeof line, "%s", mfp_examples[i].line);
			snprintf(key, sizeof key, " %s=", row->key);
			memset(strstr(line, key) + 1, '_', strlen(row->key));
			enum status status = read_as(str_of(line), MFP_ANY, &fault);
			assert_int_equal(status, row->must ? STATUS_FORMAT : STATUS_OK);
			assert_string_equal(fault.what, row->must ? "missing" : "");
			assert_string_equal(fault.key, row->must ? row->key : "");
			missed += row->must;
		}
	}
	assert_true(missed > 50);
}

static void nothing_is_written_for_a_bad_line(void **state)
{
	(void)state;
	static const char *const lines[] = { "K 0 up=x", "V 0", "", "K 0", "K 0 up=1 up=1" };
	struct mfp_frame frame, before;
	struct mfp_fault fault, untouched;
	memset(&frame, 0x5A, sizeof frame);
	before = frame;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		assert_int_not_equal(mfp_read(str_of(lines[i]), MFP_ANY, &frame, &fault),
				     STATUS_OK);
	assert_memory_equal(&frame, &before, sizeof frame);
	memset(&fault, 0x5A, sizeof fault);
	untouched = fault;
	assert_int_equal(mfp_read(STR("K 0 up=1"), MFP_ANY, &frame, &fault), STATUS_OK);
	assert_memory_equal(&fault, &untouched, sizeof fault);
}

/* ---- the position hash ---- */

static uint64_t hash_of(uint64_t ticket, const char *volume, const char *sl, const char *tp)
{
	struct number numbers[3];
	assert_int_equal(number_parse(str_of(volume), &numbers[0]), STATUS_OK);
	assert_int_equal(number_parse(str_of(sl), &numbers[1]), STATUS_OK);
	assert_int_equal(number_parse(str_of(tp), &numbers[2]), STATUS_OK);
	return mfp_position_hash(ticket, numbers[0], numbers[1], numbers[2]);
}

static void positions_hash_as_the_description_says(void **state)
{
	(void)state;
	uint64_t hash = hash_of(237511830, "0.48", "0.00000", "0.46672");
	assert_int_equal(hash, 0x2020682586963ede);
	hash ^= hash_of(242365136, "0.20", "54484.16", "52944.45");
	hash ^= hash_of(227408982, "1.00", "1.08200", "1.08900");
	assert_int_equal(hash, 0x4b2312e8a4f7ba0d);
	assert_int_not_equal(hash_of(1, "0.1", "0", "0"), hash_of(1, "0.10", "0", "0"));
	struct number longest = { INT64_MIN, 18 };
	assert_int_not_equal(mfp_position_hash(UINT64_MAX, longest, longest, longest), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_frame_of_the_description_is_read),
		cmocka_unit_test(a_frame_is_read_only_from_the_side_that_sends_it),
		cmocka_unit_test(values_come_as_their_types),
		cmocka_unit_test(what_is_absent_says_so),
		cmocka_unit_test(fields_come_in_any_order),
		cmocka_unit_test(unknown_keys_are_counted_and_ignored),
		cmocka_unit_test(a_line_may_be_full_of_unknown_keys),
		cmocka_unit_test(a_cr_at_the_end_is_ignored),
		cmocka_unit_test(a_frame_has_at_most_4096_bytes),
		cmocka_unit_test(texts_have_at_most_255_bytes_unescaped),
		cmocka_unit_test(texts_are_utf8_without_nul),
		cmocka_unit_test(lines_without_a_verb_or_number_are_refused),
		cmocka_unit_test(numbers_are_of_reliable_frames_alone),
		cmocka_unit_test(unknown_verbs_are_told_from_garbage),
		cmocka_unit_test(fields_have_a_key_and_a_value_behind_one_blank),
		cmocka_unit_test(a_nul_byte_is_refused_anywhere),
		cmocka_unit_test(every_byte_that_must_be_escaped_is_refused_raw),
		cmocka_unit_test(bytes_that_are_not_utf8_are_refused),
		cmocka_unit_test(values_must_be_of_their_type),
		cmocka_unit_test(what_must_be_there_is_missed),
		cmocka_unit_test(nothing_is_written_for_a_bad_line),
		cmocka_unit_test(positions_hash_as_the_description_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
