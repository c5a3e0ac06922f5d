#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/decoder.h"
#include "codec/recording.h"

static struct recording *recording;

static int create(void **state)
{
	(void)state;
	recording = recording_create();
	return recording ? 0 : -1;
}

static int destroy(void **state)
{
	(void)state;
	recording_destroy(recording);
	return 0;
}

static char line_text[1 << 16];

static enum status parse(const char *line, struct recording_line *out, const char **why)
{
	memset(line_text, 'x', sizeof line_text);
	size_t len = strlen(line);
	assert_true(len + DECODE_PADDING <= sizeof line_text);
	memcpy(line_text, line, len);
	return recording_parse(recording, str_make(line_text, len), out, why);
}

static struct recording_line parse_good(const char *line)
{
	struct recording_line out;
	const char *why = "";
	if (parse(line, &out, &why) != STATUS_OK)
		fail_msg("%s: %s", why, line);
	return out;
}

static void assert_frame(const struct recording_line *line, const char *frame)
{
	if (!str_eq(line->frame, str_of(frame)))
		fail_msg("'%.*s' is not '%s'", STR_ARG(line->frame), frame);
}

static void a_receive_time_stands_before_the_frame(void **state)
{
	(void)state;
	struct recording_line line = parse_good("1723161255088156767 {\"e\":\"trade\"}\r");
	assert_int_equal(line.receive_ns, 1723161255088156767);
	assert_false(line.named);
	assert_frame(&line, "{\"e\":\"trade\"}");
}

static void a_raw_frame_stands_alone(void **state)
{
	(void)state;
	struct recording_line line = parse_good("  {\"e\":\"trade\"} ");
	assert_int_equal(line.receive_ns, 0);
	assert_false(line.named);
	assert_frame(&line, "{\"e\":\"trade\"}");
}

static void what_is_no_frame_is_left_to_the_decoder(void **state)
{
	(void)state;
	struct recording_line line = parse_good("hello");
	assert_frame(&line, "hello");
	line = parse_good("{\"message\":\"and no exchange\"}");
	assert_false(line.named);
	assert_frame(&line, "{\"message\":\"and no exchange\"}");
	line = parse_good("{\"exchange\":\"binance\",\"message\":{\"cut");
	assert_false(line.named);
}

static void an_object_names_its_exchange(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum venue venue;
		enum kind kind;
	} rows[] = {
		{ "binance", VENUE_BINANCE, KIND_SPOT },
		{ "binance-futures", VENUE_BINANCE, KIND_PERP },
		{ "bybit", VENUE_BYBIT, KIND_PERP },
		{ "bybit-spot", VENUE_BYBIT, KIND_SPOT },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[128];
		snprintf(text, sizeof text, "{\"exchange\":\"%s\",\"message\":{\"a\":1}}",
			 rows[i].name);
		struct recording_line line = parse_good(text);
		assert_true(line.named);
		assert_int_equal(line.venue, rows[i].venue);
		assert_int_equal(line.kind, rows[i].kind);
		assert_int_equal(line.receive_ns, 0);
	}
}

static void a_message_may_be_json_or_text_that_holds_json(void **state)
{
	(void)state;
	struct recording_line line = parse_good(
	    "{\"exchange\":\"binance\",\"message\" : {\"e\":[1,{\"b\":\"}\"}]} ,\"local\":1}");
	assert_frame(&line, "{\"e\":[1,{\"b\":\"}\"}]}");
	line = parse_good("{\"message\":[{\"e\":1}],\"exchange\":\"binance\"}");
	assert_frame(&line, "[{\"e\":1}]");
	line =
	    parse_good("{\"exchange\":\"bybit\",\"message\":\"{\\\"topic\\\":\\\"\\u0061\\\"}\"}");
	assert_frame(&line, "{\"topic\":\"a\"}");
}

static void the_receive_time_may_be_any_unit_or_iso(void **state)
{
	(void)state;
	static const struct {
		const char *local;
		int64_t ns;
	} rows[] = {
		{ "\"local\":1723161255088156767", 1723161255088156767 },
		{ "\"local\":1723161255088156", 1723161255088156000 },
		{ "\"local\":1723161255088", 1723161255088000000 },
		{ "\"local\":1723161255", 1723161255000000000 },
		{ "\"local\":\"1723161255088156767\"", 1723161255088156767 },
		{ "\"timestamp\":1723161255088", 1723161255088000000 },
		{ "\"local\":\"2024-08-08T23:54:15.088156Z\"", 1723161255088156000 },
		{ "\"local\":\"2024-08-08T23:54:15.088156767Z\"", 1723161255088156767 },
		{ "\"local\":\"2024-08-08T23:54:15Z\"", 1723161255000000000 },
		{ "\"local\":\"2000-02-29T00:00:00.5Z\"", 951782400500000000 },
		{ "\"local\":\"1970-01-01T00:00:00Z\"", 0 },
		{ "\"local\":\"2024-13-08T23:54:15Z\"", 0 },
		{ "\"local\":\"2024-08-08T23:54:15.Z\"", 0 },
		{ "\"local\":\"2024-08-08T23:54:15.0123456789Z\"", 0 },
		{ "\"local\":\"yesterday\"", 0 },
		{ "\"local\":-5", 0 },
		{ "\"local\":9723161255", 0 },
		{ "\"local\":9223372036", 9223372036000000000 },
		{ "\"local\":null", 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[256];
		snprintf(text, sizeof text, "{\"exchange\":\"binance\",%s,\"message\":{}}",
			 rows[i].local);
		assert_int_equal(parse_good(text).receive_ns, rows[i].ns);
	}
}

static void lines_without_a_frame_say_why(void **state)
{
	(void)state;
	struct recording_line line;
	const char *why = NULL;
	assert_int_equal(parse("   \r", &line, &why), STATUS_NOT_FOUND);
	assert_int_equal(parse("", &line, &why), STATUS_NOT_FOUND);
	assert_int_equal(parse("1723161255088156767", &line, &why), STATUS_FORMAT);
	assert_non_null(why);
	assert_int_equal(parse("17231612550881567670 {}", &line, &why), STATUS_FORMAT);
	assert_int_equal(parse("12x {}", &line, &why), STATUS_FORMAT);
	assert_int_equal(parse("{\"exchange\":\"kraken\",\"message\":{}}", &line, &why),
			 STATUS_FORMAT);
	assert_non_null(strstr(why, "exchange"));
	assert_int_equal(parse("{\"exchange\":\"bybit\",\"message\":5}", &line, &why),
			 STATUS_FORMAT);
	assert_non_null(strstr(why, "message"));
}

static void a_frame_from_an_object_decodes_in_place(void **state)
{
	(void)state;
	static struct event events[EVENTS_PER_FRAME];
	struct decoder *decoder = decoder_create(VENUE_BINANCE, KIND_SPOT, DECODE_AUTO);
	assert_non_null(decoder);
	struct recording_line line = parse_good(
	    "{\"exchange\":\"binance\",\"message\":\"{\\\"u\\\":7,\\\"s\\\":\\\"A\\\",\\\"b\\\":"
	    "\\\"1\\\",\\\"B\\\":\\\"2\\\",\\\"a\\\":\\\"3\\\",\\\"A\\\":\\\"4\\\"}\"}");
	assert_int_equal(decoder_decode(decoder, line.frame, events), 1);
	assert_int_equal(events[0].type, EVENT_BOOK);
	assert_int_equal(events[0].book.update_id, 7);
	decoder_destroy(decoder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_receive_time_stands_before_the_frame),
		cmocka_unit_test(a_raw_frame_stands_alone),
		cmocka_unit_test(what_is_no_frame_is_left_to_the_decoder),
		cmocka_unit_test(an_object_names_its_exchange),
		cmocka_unit_test(a_message_may_be_json_or_text_that_holds_json),
		cmocka_unit_test(the_receive_time_may_be_any_unit_or_iso),
		cmocka_unit_test(lines_without_a_frame_say_why),
		cmocka_unit_test(a_frame_from_an_object_decodes_in_place),
	};
	return cmocka_run_group_tests(tests, create, destroy);
}
