/* What goes out: the throttle of each source, the JSON of the channels, the signature. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/check.h"
#include "def/channels.h"
#include "notify/payload.h"
#include "os/secret.h"

#define SEC INT64_C(1000000000)
#define T0  INT64_C(1784046185123)

static struct alert_view view_of(enum alert_rule rule, const char *scope)
{
	struct alert_view view = { .rule = rule,
				   .state = ALERT_FIRING,
				   .value = 91.5,
				   .first_ms = T0 - 12000,
				   .last_ms = T0,
				   .told = 1 };
	snprintf(view.scope, sizeof view.scope, "%s", scope);
	snprintf(view.message, sizeof view.message, "\"%s\" is in trouble", scope);
	return view;
}

static bool take(struct throttle *throttle, enum alert_notice notice, const char *scope,
		 int64_t now_ns)
{
	struct alert_view view = view_of(ALERT_high_cpu, scope);
	return throttle_take(throttle, notice, &view, now_ns);
}

/* ---- the throttle ---- */

static void five_a_minute_go_and_the_rest_is_one_message(void **state)
{
	struct throttle *throttle = throttle_create();
	struct throttle_digest digest;
	char scope[16];
	(void)state;
	for (int i = 0; i < 50; i++) {
		snprintf(scope, sizeof scope, "mt5-%03d", i);
		assert_int_equal(take(throttle, ALERT_FIRED, scope, i * SEC / 10), i < 5);
	}
	assert_int_equal(throttle_next_ns(throttle), 60 * SEC);
	assert_false(throttle_due(throttle, 60 * SEC - 1, &digest));
	assert_true(throttle_due(throttle, 60 * SEC, &digest));
	assert_string_equal(digest.source, "instance");
	assert_int_equal(digest.n, THROTTLE_HELD);
	assert_int_equal(digest.more, 45 - THROTTLE_HELD);
	assert_string_equal(digest.items[0].view.scope, "mt5-005");
	assert_int_equal(throttle_next_ns(throttle), INT64_MAX);
	throttle_destroy(throttle);
}

static void another_source_is_not_held_back(void **state)
{
	struct throttle *throttle = throttle_create();
	struct alert_view memory = view_of(ALERT_memory_full, "rms");
	(void)state;
	for (int i = 0; i < 6; i++)
		take(throttle, ALERT_SAID_AGAIN, "mt5-017", SEC);
	assert_false(take(throttle, ALERT_FIRED, "mt5-018", SEC));
	assert_true(throttle_take(throttle, ALERT_FIRED, &memory, SEC));
	throttle_destroy(throttle);
}

static void what_begins_and_ends_while_it_is_held_is_not_told(void **state)
{
	struct throttle *throttle = throttle_create();
	struct throttle_digest digest;
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(take(throttle, ALERT_FIRED, "loud", SEC));
	assert_false(take(throttle, ALERT_FIRED, "short", 2 * SEC));
	assert_false(take(throttle, ALERT_ENDED, "loud", 2 * SEC));
	assert_false(take(throttle, ALERT_ENDED, "short", 3 * SEC));
	assert_true(throttle_due(throttle, 61 * SEC, &digest));
	assert_int_equal(digest.n, 1);
	assert_string_equal(digest.items[0].view.scope, "loud"); /* the recovery is told */
	assert_int_equal(digest.items[0].notice, ALERT_ENDED);
	assert_int_equal(throttle_counts(throttle).spared, 1);
	throttle_destroy(throttle);
}

static void the_end_of_what_was_told_is_told_however_often_it_came_back(void **state)
{
	struct throttle *throttle = throttle_create();
	struct throttle_digest digest;
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(take(throttle, ALERT_FIRED, "loud", SEC));
	assert_false(take(throttle, ALERT_ENDED, "loud", 2 * SEC));
	assert_false(take(throttle, ALERT_FIRED, "loud", 3 * SEC));
	assert_false(take(throttle, ALERT_ENDED, "loud", 4 * SEC));
	assert_true(throttle_due(throttle, 61 * SEC, &digest));
	assert_int_equal(digest.n, 1);
	assert_int_equal(digest.items[0].notice, ALERT_ENDED);
	throttle_destroy(throttle);
}

static void no_minute_ever_has_more_than_its_share(void **state)
{
	struct throttle *throttle = throttle_create();
	struct throttle_digest digest;
	int64_t sent[2000];
	size_t n = 0;
	(void)state;
	throttle_set(throttle, 3);
	for (int64_t now = 0; now < 600 * SEC; now += SEC / 2) {
		if (throttle_due(throttle, now, &digest))
			sent[n++] = now;
		if (take(throttle, ALERT_SAID_AGAIN, "loud", now))
			sent[n++] = now;
	}
	assert_in_range(n, 28, 30);
	for (size_t i = 3; i < n; i++)
		assert_true(sent[i] - sent[i - 3] >= 60 * SEC);
	throttle_destroy(throttle);
}

static void every_source_of_the_table_has_a_place(void **state)
{
	struct throttle *throttle = throttle_create();
	(void)state;
	for (enum alert_rule rule = 0; rule < ALERT_COUNT; rule++) {
		struct alert_view view = view_of(rule, "x");
		throttle_take(throttle, ALERT_FIRED, &view, SEC); /* CHECKs */
	}
	throttle_destroy(throttle);
}

/* ---- what is sent ---- */

static void assert_text(const struct buf *out, const char *expected)
{
	assert_false(out->overflow);
	assert_int_equal(out->len, strlen(expected));
	assert_memory_equal(out->ptr, expected, out->len);
}

static void an_alert_for_the_webhook(void **state)
{
	char storage[2048];
	struct buf out = buf_over(storage, sizeof storage);
	struct alert_view view = view_of(ALERT_high_cpu, "mt5-017");
	(void)state;
	payload_alert(&out, STR("desk"), ALERT_FIRED, &view, T0);
	assert_text(
	    &out,
	    "{\"version\":1,\"type\":\"alert\",\"name\":\"desk\",\"t_ms\":1784046185123,"
	    "\"status\":\"firing\",\"again\":false,\"alert\":\"HighCpu\",\"rule\":\"high_cpu\","
	    "\"severity\":\"warn\",\"source\":\"instance\",\"scope\":\"mt5-017\","
	    "\"message\":\"\\\"mt5-017\\\" is in trouble\",\"value\":\"91.5\",\"unit\":\"%\","
	    "\"first_ms\":1784046173123,\"resolved_ms\":null,\"told\":1}");
	buf_clear(&out);
	view.resolved_ms = T0;
	payload_alert(&out, STR("desk"), ALERT_ENDED, &view, T0);
	assert_non_null(memmem(out.ptr, out.len, "\"status\":\"resolved\"", 19));
	assert_non_null(memmem(out.ptr, out.len, "\"resolved_ms\":1784046185123", 27));
}

static void a_digest_says_how_many_more(void **state)
{
	char storage[4096];
	struct buf out = buf_over(storage, sizeof storage);
	struct throttle_item item = { ALERT_FIRED, view_of(ALERT_high_cpu, "a"), false };
	struct throttle_digest digest = { "instance", &item, 1, 7 };
	(void)state;
	payload_digest(&out, STR("desk"), &digest, T0);
	assert_non_null(memmem(out.ptr, out.len, "\"more\":7,\"message\":\"and 8 more\"", 31));
	assert_non_null(memmem(out.ptr, out.len, "\"alerts\":[{\"status\":\"firing\"", 28));
}

static void an_alert_for_alertmanager(void **state)
{
	char storage[2048];
	struct buf out = buf_over(storage, sizeof storage);
	struct alert_view view = view_of(ALERT_memory_warn, "rms");
	(void)state;
	payload_alertmanager(&out, STR("desk"), &view, T0 + 300000, true);
	assert_text(
	    &out,
	    "{\"labels\":{\"alertname\":\"MemoryWarn\",\"severity\":\"warning\","
	    "\"source\":\"segment\",\"scope\":\"rms\",\"weir\":\"desk\"},"
	    "\"annotations\":{\"summary\":\"a segment uses 70 % of its memory or more\","
	    "\"description\":\"\\\"rms\\\" is in trouble\"},"
	    "\"startsAt\":\"2026-07-14T16:22:53.123Z\",\"endsAt\":\"2026-07-14T16:28:05.123Z\"}");
}

/* RFC 4231's second vector has the key "Jefe" and the text "what do ya want for nothing?". The
 * text here is TIMESTAMP.BODY, made with Python's hmac: see docs/notify.md. */
static void the_signature_is_the_hmac_of_time_and_body(void **state)
{
	char signature[PAYLOAD_SIGNATURE_BYTES], digits[2 * SECRET_MAC_BYTES + 1];
	uint8_t mac[SECRET_MAC_BYTES];
	(void)state;
	assert_int_equal(secret_mac(STR("Jefe"), STR("what do ya want for nothing?"), mac),
			 STATUS_OK);
	secret_print_hex(mac, sizeof mac, digits);
	assert_string_equal(digits,
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	assert_int_equal(
	    payload_sign(STR("Jefe"), STR("what do ya want for nothing?"), STR(""), signature),
	    STATUS_OK);
	assert_string_equal(
	    signature, "sha256=38c6c848e5a2f57451f5095df6370d5c9b83175b99df46422b34960c28def6ae");
	assert_int_equal(
	    payload_sign(STR("s3cret"), STR("1784046185"), STR("{\"version\":1}"), signature),
	    STATUS_OK);
	assert_string_equal(
	    signature, "sha256=c564e99346de03af86c1eeae701901cc81845a0e86fcea40f4a4f7bc7675685d");
}

static void channels_have_names(void **state)
{
	(void)state;
	for (enum channel channel = 0; channel < CHANNEL_COUNT; channel++) {
		assert_true(channel_name(channel)[0]);
		assert_true(channel_help(channel)[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(five_a_minute_go_and_the_rest_is_one_message),
		cmocka_unit_test(another_source_is_not_held_back),
		cmocka_unit_test(what_begins_and_ends_while_it_is_held_is_not_told),
		cmocka_unit_test(the_end_of_what_was_told_is_told_however_often_it_came_back),
		cmocka_unit_test(no_minute_ever_has_more_than_its_share),
		cmocka_unit_test(every_source_of_the_table_has_a_place),
		cmocka_unit_test(an_alert_for_the_webhook),
		cmocka_unit_test(a_digest_says_how_many_more),
		cmocka_unit_test(an_alert_for_alertmanager),
		cmocka_unit_test(the_signature_is_the_hmac_of_time_and_body),
		cmocka_unit_test(channels_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
