/* The channels against HTTP servers in simulated time: tried again, given up, bounded; a state at
 * Alertmanager; pings; the word of the day. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "notify/alertmanager.h"
#include "notify/deadman.h"
#include "notify/notifier.h"
#include "notify/webhook.h"
#include "sim/fake_http.h"

enum { BODIES_MAX = 200, BODY_BYTES = 900 };
#define SEC INT64_C(1000000000)
#define T0  INT64_C(1784044800000000000) /* 16:00:00 UTC */

struct world {
	int64_t now_ns;
	struct clock_port clock;
	struct timers *timers;
	struct fake_http *http;
	struct channel_net net;
	struct alerts *alerts;
	int code; /* what is answered */
	const char *retry_after;
	size_t n; /* requests that arrived */
	int64_t at_ns[BODIES_MAX];
	char bodies[BODIES_MAX][BODY_BYTES];
	char paths[BODIES_MAX][64];
	char deliveries[BODIES_MAX][48];
	char signature[80], timestamp[24], method[8];
	char daily[200];
	int dailies, troubles;
};

static int64_t clock_now(void *ctx) { return ((struct world *)ctx)->now_ns; }
static int64_t clock_wall(void *ctx) { return T0 + clock_now(ctx); }

static void keep(char *out, size_t size, struct str text)
{
	snprintf(out, size, "%.*s", STR_ARG(text));
}

static void handle(void *ctx, const struct fake_http_request *request,
		   struct fake_http_reply *reply)
{
	struct world *world = ctx;
	assert_true(world->n < BODIES_MAX);
	size_t at = world->n++;
	world->at_ns[at] = world->now_ns;
	keep(world->bodies[at], BODY_BYTES, request->body);
	keep(world->paths[at], sizeof world->paths[at], request->path);
	keep(world->method, sizeof world->method, request->method);
	for (size_t i = 0; i < request->n_headers; i++) {
		const struct http_header *header = &request->headers[i];
		if (str_eq(header->name, STR("X-Weir-Delivery")))
			keep(world->deliveries[at], sizeof world->deliveries[at], header->value);
		if (str_eq(header->name, STR("X-Weir-Signature")))
			keep(world->signature, sizeof world->signature, header->value);
		if (str_eq(header->name, STR("X-Weir-Timestamp")))
			keep(world->timestamp, sizeof world->timestamp, header->value);
	}
	reply->code = world->code;
	if (world->retry_after)
		fake_http_header(reply, "retry-after", "%s", world->retry_after);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	*state = world;
	world->code = 200;
	world->clock = (struct clock_port){ clock_now, clock_wall, world };
	world->timers = timers_create(64);
	const struct fake_http_config config = { .handler = handle,
						 .ctx = world,
						 .latency_ns = 1000000,
						 .requests_max = 8,
						 .timers = world->timers,
						 .clock = &world->clock };
	world->http = fake_http_create(&config);
	world->alerts = alerts_create(&(struct alert_hooks){ 0 });
	world->net = (struct channel_net){ fake_http_client(world->http), world->timers,
					   &world->clock, 10 * SEC };
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	alerts_destroy(world->alerts);
	fake_http_destroy(world->http);
	assert_int_equal(timers_next_ns(world->timers), INT64_MAX); /* nobody left one */
	timers_destroy(world->timers);
	free(world);
	return 0;
}

static void run(struct world *world, int64_t for_ns)
{
	int64_t until_ns = world->now_ns + for_ns;
	while (timers_next_ns(world->timers) <= until_ns) {
		int64_t next_ns = timers_next_ns(world->timers);
		world->now_ns = next_ns > world->now_ns ? next_ns : world->now_ns;
		alerts_step(world->alerts, world->now_ns, clock_wall(world) / 1000000);
		timers_run(world->timers, world->now_ns, 1);
	}
	world->now_ns = until_ns;
	alerts_step(world->alerts, world->now_ns, clock_wall(world) / 1000000);
}

/* ---- the webhook ---- */

static struct webhook *open_webhook(struct world *world, const char *secret)
{
	struct webhook *webhook = webhook_create(&world->net, 7);
	assert_int_equal(webhook_set(webhook, STR("https://hooks.test/in/abc"), str_of(secret)),
			 STATUS_OK);
	return webhook;
}

static void a_message_is_tried_again_until_it_is_taken_and_the_next_waits(void **state)
{
	struct world *world = *state;
	struct webhook *webhook = open_webhook(world, "s3cret");
	world->code = 500;
	webhook_put(webhook, STR("{\"first\":1}"));
	webhook_put(webhook, STR("{\"second\":1}"));
	run(world, 10 * SEC);
	assert_in_range(world->n, 3, 5); /* 0, 1, 3, 7 s, +-20 % */
	assert_string_equal(world->bodies[world->n - 1], "{\"first\":1}");
	assert_string_equal(world->deliveries[0], world->deliveries[1]);
	assert_true(webhook_facts(webhook)->bad);
	assert_string_equal(webhook_facts(webhook)->why, "HTTP 500");
	world->code = 204;
	run(world, 80 * SEC);
	assert_string_equal(world->bodies[world->n - 1], "{\"second\":1}");
	assert_string_not_equal(world->deliveries[world->n - 1], world->deliveries[0]);
	const struct channel_facts *facts = webhook_facts(webhook);
	assert_int_equal(facts->counts.delivered, 2);
	assert_int_equal(facts->counts.retried, world->n - 2);
	assert_int_equal(facts->waiting, 0);
	assert_false(facts->bad);
	webhook_destroy(webhook);
}

static void each_try_is_signed_with_its_own_time(void **state)
{
	struct world *world = *state;
	struct webhook *webhook = open_webhook(world, "s3cret");
	char expected[PAYLOAD_SIGNATURE_BYTES];
	world->code = 503;
	world->retry_after = "30";
	webhook_put(webhook, STR("{}"));
	run(world, SEC);
	assert_string_equal(world->timestamp, "1784044800");
	world->code = 200;
	run(world, 40 * SEC);
	assert_int_equal(world->n, 2); /* Retry-After was obeyed */
	assert_string_equal(world->timestamp, "1784044830");
	assert_int_equal(payload_sign(STR("s3cret"), STR("1784044830"), STR("{}"), expected),
			 STATUS_OK);
	assert_string_equal(world->signature, expected);
	webhook_destroy(webhook);
}

static void what_is_refused_for_good_is_given_up_at_once(void **state)
{
	struct world *world = *state;
	struct webhook *webhook = open_webhook(world, "");
	world->code = 302;
	webhook_put(webhook, STR("{\"first\":1}"));
	run(world, SEC);
	assert_int_equal(world->n, 1);
	assert_int_equal(webhook_facts(webhook)->counts.given_up, 1);
	assert_string_equal(webhook_facts(webhook)->why, "HTTP 302: redirects are not followed");
	assert_string_equal(world->signature, ""); /* no secret, no signature */
	webhook_destroy(webhook);
}

static void an_old_message_is_given_up_and_the_queue_is_bounded(void **state)
{
	struct world *world = *state;
	struct webhook *webhook = open_webhook(world, "");
	char body[40];
	fake_http_refuse(world->http, true);
	for (int i = 0; i < WEBHOOK_MESSAGES + 50; i++) {
		snprintf(body, sizeof body, "{\"n\":%d}", i);
		webhook_put(webhook, str_of(body));
	}
	assert_int_equal(webhook_facts(webhook)->waiting, WEBHOOK_MESSAGES);
	assert_int_equal(webhook_facts(webhook)->counts.dropped, 50);
	run(world, WEBHOOK_PATIENCE_NS + 300 * SEC);
	assert_true(webhook_facts(webhook)->counts.given_up >= 1);
	fake_http_refuse(world->http, false);
	run(world, 120 * SEC);
	assert_int_equal(webhook_facts(webhook)->waiting, 0);
	const struct channel_counts *counts = &webhook_facts(webhook)->counts;
	assert_int_equal(counts->delivered + counts->given_up + counts->dropped,
			 WEBHOOK_MESSAGES + 50);
	webhook_destroy(webhook);
}

static void a_server_that_hangs_holds_nobody_for_longer_than_the_deadline(void **state)
{
	struct world *world = *state;
	struct webhook *webhook = open_webhook(world, "");
	fake_http_hang(world->http, true);
	webhook_put(webhook, STR("{}"));
	run(world, 11 * SEC);
	assert_true(webhook_facts(webhook)->bad);
	fake_http_hang(world->http, false);
	run(world, 15 * SEC); /* the second try may have hung, too */
	assert_int_equal(webhook_facts(webhook)->counts.delivered, 1);
	webhook_destroy(webhook);
}

static void switched_off_it_drops_what_waits(void **state)
{
	struct world *world = *state;
	struct webhook *webhook = open_webhook(world, "");
	webhook_put(webhook, STR("{}"));
	assert_int_equal(webhook_set(webhook, STR(""), STR("")), STATUS_OK);
	webhook_put(webhook, STR("{}"));
	run(world, 60 * SEC);
	assert_int_equal(world->n, 0);
	assert_int_equal(webhook_facts(webhook)->counts.dropped, 1);
	assert_false(webhook_facts(webhook)->on);
	webhook_destroy(webhook);
}

/* ---- Alertmanager ---- */

static struct alertmanager *open_manager(struct world *world)
{
	struct alertmanager *manager = alertmanager_create(&world->net, world->alerts, 3);
	const struct alertmanager_settings settings = { .url = STR("http://am.test:9093/"),
							.name = STR("desk"),
							.timeout_ns = 300 * SEC,
							.least = ALERT_WARN };
	assert_int_equal(alertmanager_set(manager, &settings), STATUS_OK);
	return manager;
}

static void tell(struct world *world, double value)
{
	alert_value(world->alerts, ALERT_sink_held, STR("clickhouse"), value, STR("held"));
}

static bool says(struct world *world, size_t at, const char *text)
{
	return strstr(world->bodies[at], text) != NULL;
}

static void a_firing_alert_is_posted_again_before_it_would_resolve(void **state)
{
	struct world *world = *state;
	struct alertmanager *manager = open_manager(world);
	run(world, SEC);
	assert_int_equal(world->n, 0); /* nothing fires */
	tell(world, 10);
	alertmanager_poke(manager);
	alertmanager_poke(manager);
	run(world, SEC);
	assert_int_equal(world->n, 1);
	assert_string_equal(world->paths[0], "/api/v2/alerts");
	assert_true(says(world, 0, "\"alertname\":\"SinkHeld\""));
	assert_true(says(world, 0, "\"endsAt\":\"2026-07-14T16:05:01.100Z\""));
	run(world, 250 * SEC);
	assert_int_equal(world->n, 3); /* each 100 s */
	assert_true(world->at_ns[2] - world->at_ns[0] < 300 * SEC);
	alertmanager_destroy(manager);
}

static void an_end_is_posted_until_it_is_taken(void **state)
{
	struct world *world = *state;
	struct alertmanager *manager = open_manager(world);
	run(world, SEC);
	tell(world, 10);
	alertmanager_poke(manager);
	run(world, SEC);
	world->code = 500;
	tell(world, 0);
	alertmanager_poke(manager);
	run(world, 5 * SEC);
	size_t tries = world->n - 1;
	assert_in_range(tries, 2, 4);
	assert_true(says(world, 1, "\"endsAt\":\"2026-07-14T16:00:02.1"));
	assert_string_equal(world->bodies[world->n - 1], world->bodies[1]);
	world->code = 200;
	run(world, 200 * SEC);
	assert_int_equal(world->n, tries + 2); /* then there is nothing to say */
	alertmanager_destroy(manager);
}

static void what_is_acknowledged_goes_on_and_what_is_not_severe_is_not_told(void **state)
{
	struct world *world = *state;
	struct alertmanager *manager = open_manager(world);
	run(world, SEC);
	alert_event(world->alerts, ALERT_whale_trade, STR("m"), 1, STR("info")); /* INFO */
	tell(world, 10);
	assert_int_equal(alerts_hush_ack(world->alerts, ALERT_sink_held, STR("")), STATUS_OK);
	alertmanager_poke(manager);
	run(world, SEC);
	assert_int_equal(world->n, 1);
	assert_true(says(world, 0, "SinkHeld"));
	assert_false(says(world, 0, "WhaleTrade"));
	alertmanager_destroy(manager);
}

/* ---- the dead man's switch ---- */

static void pings_go_out_at_once_and_each_interval_and_end(void **state)
{
	struct world *world = *state;
	struct deadman *deadman = deadman_create(&world->net);
	assert_int_equal(deadman_set(deadman, STR("https://ping.test/uuid"), false, 60 * SEC),
			 STATUS_OK);
	run(world, 185 * SEC);
	assert_int_equal(world->n, 4);
	assert_string_equal(world->method, "GET");
	assert_string_equal(world->paths[3], "/uuid");
	world->code = 404;
	assert_int_equal(deadman_set(deadman, STR("https://ping.test/uuid"), true, 60 * SEC),
			 STATUS_OK);
	run(world, SEC);
	assert_string_equal(world->method, "POST");
	assert_int_equal(deadman_facts(deadman)->counts.given_up, 1);
	deadman_destroy(deadman);
	run(world, 600 * SEC);
	assert_int_equal(world->n, 5);
}

/* ---- all of them ---- */

static void on_channel(void *ctx, enum channel channel, bool bad, const char *why)
{
	struct world *world = ctx;
	(void)channel;
	world->troubles += bad;
	assert_null(strstr(why, "abc")); /* never the URL's path */
}

static void on_daily(void *ctx, struct str text, bool silent)
{
	struct world *world = ctx;
	assert_true(silent);
	world->dailies++;
	keep(world->daily, sizeof world->daily, text);
}

static struct notifier *open_notifier(struct world *world, struct notifier_settings settings)
{
	const struct notifier_hooks hooks = { on_channel, on_daily, world };
	struct notifier *notifier = notifier_create(&world->net, world->alerts, &hooks, 5);
	const char *which;
	settings.name = STR("desk");
	settings.alertmanager_timeout_ns = 300 * SEC;
	settings.deadman_interval_ns = 60 * SEC;
	settings.per_minute = 5;
	assert_int_equal(notifier_set(notifier, &settings, &which), STATUS_OK);
	return notifier;
}

static void a_burst_is_five_messages_and_a_digest(void **state)
{
	struct world *world = *state;
	struct notifier *notifier = open_notifier(
	    world, (struct notifier_settings){ .webhook_url = STR("https://hooks.test/in/abc"),
					       .least = ALERT_WARN });
	struct alert_view view = { .rule = ALERT_high_cpu, .state = ALERT_FIRING, .told = 1 };
	for (int i = 0; i < 9; i++) {
		snprintf(view.scope, sizeof view.scope, "t%d", i);
		notifier_alert(notifier, ALERT_FIRED, &view);
	}
	run(world, 59 * SEC);
	assert_int_equal(world->n, 5);
	run(world, 2 * SEC);
	assert_int_equal(world->n, 6);
	assert_true(says(world, 5, "\"type\":\"digest\""));
	assert_true(says(world, 5, "and 4 more"));
	view.rule = ALERT_whale_trade; /* less severe than is wanted */
	notifier_alert(notifier, ALERT_FIRED, &view);
	run(world, 120 * SEC);
	assert_int_equal(world->n, 6);
	view.rule = ALERT_user_rule; /* but somebody's own */
	notifier_alert(notifier, ALERT_FIRED, &view);
	run(world, SEC);
	assert_true(says(world, 6, "UserRule"));
	notifier_destroy(notifier);
}

static void once_a_day_at_its_hour_the_word_is_said(void **state)
{
	struct world *world = *state;
	struct notifier *notifier = open_notifier(
	    world, (struct notifier_settings){ .webhook_url = STR("https://hooks.test/in/abc"),
					       .daily = NOTIFIER_DAILY_SILENT,
					       .daily_hour = 6 });
	run(world, 13 * 3600 * SEC); /* 16:00 to 05:00 */
	assert_int_equal(world->dailies, 0);
	run(world, 3601 * SEC);
	assert_int_equal(world->dailies, 1);
	assert_string_equal(world->daily, "All is clear. Since the last word 0 fired and 0 ended.");
	assert_true(says(world, 0, "\"type\":\"daily\""));
	assert_true(says(world, 0, "\"clear\":true,\"silent\":true"));
	alert_value(world->alerts, ALERT_sink_held, STR("clickhouse"), 10, STR("held"));
	run(world, 24 * 3600 * SEC);
	assert_int_equal(world->dailies, 2);
	assert_string_equal(world->daily,
			    "Not all is clear: 1 alert fires. Since the last word 1 fired and 0 "
			    "ended.");
	notifier_destroy(notifier);
}

static void a_channel_that_fails_is_told_once_and_leaves_the_others_alone(void **state)
{
	struct world *world = *state;
	struct notifier *notifier = open_notifier(
	    world, (struct notifier_settings){ .webhook_url = STR("https://hooks.test/in/abc"),
					       .deadman_url = STR("https://ping.test/abc") });
	struct alert_view view = { .rule = ALERT_high_cpu, .state = ALERT_FIRING, .told = 1 };
	world->code = 500;
	notifier_alert(notifier, ALERT_FIRED, &view);
	run(world, 130 * SEC);
	assert_int_equal(world->troubles, 2);
	assert_int_equal(notifier_facts(notifier, CHANNEL_deadman)->counts.given_up, 3);
	assert_false(notifier_facts(notifier, CHANNEL_alertmanager)->on);
	notifier_destroy(notifier);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_is_tried_again_until_it_is_taken_and_the_next_waits),
		TEST(each_try_is_signed_with_its_own_time),
		TEST(what_is_refused_for_good_is_given_up_at_once),
		TEST(an_old_message_is_given_up_and_the_queue_is_bounded),
		TEST(a_server_that_hangs_holds_nobody_for_longer_than_the_deadline),
		TEST(switched_off_it_drops_what_waits),
		TEST(a_firing_alert_is_posted_again_before_it_would_resolve),
		TEST(an_end_is_posted_until_it_is_taken),
		TEST(what_is_acknowledged_goes_on_and_what_is_not_severe_is_not_told),
		TEST(pings_go_out_at_once_and_each_interval_and_end),
		TEST(a_burst_is_five_messages_and_a_digest),
		TEST(once_a_day_at_its_hour_the_word_is_said),
		TEST(a_channel_that_fails_is_told_once_and_leaves_the_others_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
