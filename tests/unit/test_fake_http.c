/* The simulated HTTP servers keep what port/http_client.h promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/check.h"
#include "sim/fake_http.h"

enum { LATENCY_NS = 1000 };

struct world {
	int64_t now_ns;
	struct clock_port clock;
	struct timers *timers;
	struct fake_http *http;
	int arrived;
	int64_t delay_ns;
	size_t body_bytes;
};

struct told {
	struct world *world;
	int calls, code;
	enum status status;
	int64_t at_ns;
	size_t bytes;
};

static int64_t clock_now(void *ctx) { return ((struct world *)ctx)->now_ns; }
static int64_t clock_wall(void *ctx) { return clock_now(ctx) + 1700000000000000000; }

static void handle(void *ctx, const struct fake_http_request *request,
		   struct fake_http_reply *reply)
{
	struct world *world = ctx;
	world->arrived++;
	assert_true(str_eq(request->method, STR("POST")));
	assert_true(str_eq(request->host, STR("api.venue.test:8443")));
	assert_true(str_eq(request->path, STR("/v1/things")));
	assert_true(str_eq(request->query, STR("symbol=BTC&limit=50&flag&odd=x=y")));
	assert_true(str_eq(request->body, STR("words")));
	assert_true(str_eq(request->headers[0].value, STR("me")));
	assert_true(str_eq(fake_http_param(request, "symbol"), STR("BTC")));
	assert_true(str_eq(fake_http_param(request, "odd"), STR("x=y")));
	assert_true(str_eq(fake_http_param(request, "flag"), STR("")));
	assert_int_equal(fake_http_param_i64(request, "limit", 7), 50);
	assert_int_equal(fake_http_param_i64(request, "symbol", 7), 7);
	assert_int_equal(fake_http_param_i64(request, "none", 7), 7);
	reply->code = 201;
	reply->delay_ns = world->delay_ns;
	fake_http_date(reply, 784111777000000000);
	fake_http_header(reply, "x-number", "%d", 42);
	for (size_t i = 0; i < world->body_bytes; i++)
		buf_char(&reply->body, 'b');
}

static void on_answer(void *ctx, enum status status, const struct http_answer *answer,
		      const char *why)
{
	struct told *told = ctx;
	told->calls++;
	told->status = status;
	told->at_ns = told->world->now_ns;
	assert_true((status == STATUS_OK) == (answer != NULL));
	assert_true((status == STATUS_OK) == (why[0] == 0));
	if (!answer)
		return;
	told->code = answer->code;
	told->bytes = answer->body.len;
	assert_true(str_eq(http_answer_header(answer, STR("x-number")), STR("42")));
	assert_true(
	    str_eq(http_answer_header(answer, STR("date")), STR("Sun, 06 Nov 1994 08:49:37 GMT")));
	assert_null(http_answer_header(answer, STR("none")).ptr);
	for (size_t i = 0; i < HTTP_PADDING; i++)
		assert_int_equal(answer->body.ptr[answer->body.len + i], '}');
}

static void begin(struct world *world)
{
	*world = (struct world){ .body_bytes = 10 };
	world->clock = (struct clock_port){ clock_now, clock_wall, world };
	world->timers = timers_create(1);
	struct fake_http_config config = { .handler = handle,
					   .ctx = world,
					   .latency_ns = LATENCY_NS,
					   .requests_max = 3,
					   .timers = world->timers,
					   .clock = &world->clock };
	world->http = fake_http_create(&config);
}

static void end(struct world *world)
{
	fake_http_destroy(world->http);
	assert_int_equal(timers_next_ns(world->timers), INT64_MAX);
	timers_destroy(world->timers);
}

static void run(struct world *world, int64_t for_ns)
{
	int64_t until_ns = world->now_ns + for_ns;
	while (timers_next_ns(world->timers) <= until_ns) {
		world->now_ns = timers_next_ns(world->timers);
		timers_run(world->timers, world->now_ns, 1);
	}
	world->now_ns = until_ns;
}

static enum status ask(struct world *world, struct told *told)
{
	char url[] = "https://api.venue.test:8443/v1/things?symbol=BTC&limit=50&flag&odd=x=y";
	struct http_request request = { .method = "POST",
					.url = str_of(url),
					.headers = { { STR("X-Who"), STR("me") } },
					.n_headers = 1,
					.body = STR("words"),
					.deadline_ns = 100 * LATENCY_NS,
					.body_bytes_max = 10 };
	*told = (struct told){ .world = world };
	enum status status = http_request(fake_http_client(world->http), &request, on_answer, told);
	memset(url, 'x', sizeof url - 1); /* it was copied */
	assert_int_equal(told->calls, 0);
	return status;
}

static void must_ask(struct world *world, struct told *told)
{
	assert_int_equal(ask(world, told), STATUS_OK);
}

static void an_answer_comes_two_ways_later(void **state)
{
	(void)state;
	struct world world;
	struct told told;
	begin(&world);
	must_ask(&world, &told);
	run(&world, LATENCY_NS - 1);
	assert_int_equal(world.arrived, 0);
	run(&world, 100 * LATENCY_NS);
	assert_int_equal(world.arrived, 1);
	assert_int_equal(told.calls, 1);
	assert_int_equal(told.code, 201);
	assert_int_equal(told.bytes, 10);
	assert_int_equal(told.at_ns, 2 * LATENCY_NS);
	end(&world);
}

static void a_longer_body_and_a_later_answer_are_none(void **state)
{
	(void)state;
	struct world world;
	struct told told;
	begin(&world);
	world.body_bytes = 11;
	must_ask(&world, &told);
	run(&world, 100 * LATENCY_NS);
	assert_int_equal(told.status, STATUS_RANGE);
	world.body_bytes = 10;
	world.delay_ns = 99 * LATENCY_NS;
	int64_t asked_ns = world.now_ns;
	must_ask(&world, &told);
	run(&world, 200 * LATENCY_NS);
	assert_int_equal(told.status, STATUS_TIMEOUT);
	assert_int_equal(told.at_ns, asked_ns + 100 * LATENCY_NS);
	end(&world);
}

static void no_more_are_under_way_than_allowed(void **state)
{
	(void)state;
	struct world world;
	struct told told[4];
	begin(&world);
	for (int i = 0; i < 3; i++)
		must_ask(&world, &told[i]);
	assert_int_equal(ask(&world, &told[3]), STATUS_FULL);
	run(&world, 100 * LATENCY_NS);
	assert_int_equal(told[2].calls, 1);
	must_ask(&world, &told[3]);
	assert_int_equal(fake_http_under_way(world.http), 1);
	end(&world);
}

static void what_is_cancelled_ends_in_silence(void **state)
{
	(void)state;
	struct world world;
	struct told early, late;
	begin(&world);
	must_ask(&world, &late);
	run(&world, LATENCY_NS);
	must_ask(&world, &early);
	http_cancel(fake_http_client(world.http), &late); /* there already */
	http_cancel(fake_http_client(world.http), &early);
	assert_int_equal(fake_http_under_way(world.http), 0);
	run(&world, 100 * LATENCY_NS);
	assert_int_equal(world.arrived, 1);
	assert_int_equal(early.calls + late.calls, 0);
	end(&world);
}

static void faults_are_what_they_say(void **state)
{
	(void)state;
	struct world world;
	struct told told, other;
	begin(&world);
	fake_http_refuse(world.http, true);
	must_ask(&world, &told);
	run(&world, 100 * LATENCY_NS);
	assert_int_equal(told.status, STATUS_CLOSED);
	assert_int_equal(world.arrived, 0);
	fake_http_refuse(world.http, false);
	fake_http_hang(world.http, true);
	must_ask(&world, &told);
	run(&world, 99 * LATENCY_NS);
	assert_int_equal(world.arrived, 1);
	assert_int_equal(told.calls, 0);
	run(&world, LATENCY_NS);
	assert_int_equal(told.status, STATUS_TIMEOUT);
	fake_http_hang(world.http, false);
	must_ask(&world, &told);
	run(&world, LATENCY_NS);
	must_ask(&world, &other);
	fake_http_break(world.http);
	assert_int_equal(told.calls, 0); /* never from inside a call */
	run(&world, 0);
	assert_int_equal(told.status, STATUS_CLOSED);
	assert_int_equal(other.status, STATUS_CLOSED);
	run(&world, 100 * LATENCY_NS);
	assert_int_equal(world.arrived, 2);
	assert_int_equal(told.calls + other.calls, 2);
	end(&world);
}

static void the_dead_are_not_told_but_what_they_sent_arrives(void **state)
{
	(void)state;
	struct world world;
	struct told coming, going, next;
	begin(&world);
	must_ask(&world, &coming);
	run(&world, LATENCY_NS);
	must_ask(&world, &going);
	fake_http_abandon(world.http);
	for (int i = 0; i < 3; i++) /* the next life has all the room */
		must_ask(&world, &next);
	http_cancel(fake_http_client(world.http), &next);
	run(&world, 100 * LATENCY_NS);
	assert_int_equal(world.arrived, 2);
	assert_int_equal(coming.calls + going.calls, 0);
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_comes_two_ways_later),
		cmocka_unit_test(a_longer_body_and_a_later_answer_are_none),
		cmocka_unit_test(no_more_are_under_way_than_allowed),
		cmocka_unit_test(what_is_cancelled_ends_in_silence),
		cmocka_unit_test(faults_are_what_they_say),
		cmocka_unit_test(the_dead_are_not_told_but_what_they_sent_arrives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
