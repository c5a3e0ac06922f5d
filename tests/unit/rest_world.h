/* rest_world.h - a rest, a venue behind it that counts as venues do, and simulated time. */
#pragma once

#include <stdlib.h>

#include "base/check.h"
#include "feed/rest.h"
#include "sim/fake_http.h"

enum { SEEN_MAX = 1 << 16, SCRIPT_MAX = 16 };

static const int64_t second_ns = 1000000000;
static const int64_t start_wall_ms = 1700000012345; /* 2023-11-14 22:13:32.345 */

struct seen { /* a request as the venue saw it */
	int64_t at_ns, weight;
	bool data; /* of /futures/data */
	char path[64], query[64];
};

struct say { /* what the venue answers next, once */
	int code;
	const char *name, *value; /* a header; NULL: none */
	const char *body;
	enum status status; /* not OK: no answer */
};

struct world {
	int64_t now_ns, wall_ahead_ns; /* of our wall clock */
	struct clock_port clock;
	struct timers *timers;
	struct fake_http *http;
	struct rest *rest;

	/* the venue */
	int64_t venue_ahead_ns; /* of its wall clock over true time */
	bool is_bybit, says_used, says_date, is_limiting;
	int64_t limit, minute, used, own_used, worst_used;
	int64_t (*others)(struct world *world, int64_t venue_wall_ns); /* their part of a minute */
	struct seen *seen;
	size_t count;
	struct say script[SCRIPT_MAX];
	size_t script_at, script_count;
	const char *body; /* of ordinary answers */
};

struct told {
	struct world *world;
	int calls;
	enum status status;
	char body[128], why[256];
	int64_t at_ns;
	bool destroys;
};

static int64_t world_monotonic_ns(void *ctx) { return ((struct world *)ctx)->now_ns; }

static int64_t world_wall_ns(void *ctx)
{
	struct world *world = ctx;
	return start_wall_ms * 1000000 + world->now_ns + world->wall_ahead_ns;
}

static int64_t venue_wall_ns(struct world *world)
{
	return start_wall_ms * 1000000 + world->now_ns + world->venue_ahead_ns;
}

/* A minute of the venue's wall clock, with what others use of it. */
static void venue_count(struct world *world, int64_t weight)
{
	int64_t wall_ns = venue_wall_ns(world), minute = wall_ns / (60 * second_ns);
	if (minute != world->minute)
		world->own_used = 0;
	world->minute = minute;
	world->own_used += weight;
	world->used = world->own_used + (world->others ? world->others(world, wall_ns) : 0);
	if (world->used > world->worst_used)
		world->worst_used = world->used;
}

static void venue_see(struct world *world, const struct fake_http_request *request)
{
	assert_true(world->count < SEEN_MAX);
	struct seen *seen = &world->seen[world->count++];
	seen->at_ns = world->now_ns;
	seen->weight = fake_http_param_i64(request, "w", 1);
	seen->data = str_starts(request->path, STR("/futures/data"));
	assert_int_equal(str_copy(request->path, seen->path, sizeof seen->path), STATUS_OK);
	assert_int_equal(str_copy(request->query, seen->query, sizeof seen->query), STATUS_OK);
	assert_true(str_eq(request->host, STR("venue.test")));
	assert_true(str_eq(request->method, STR("GET")));
	if (!seen->data)
		venue_count(world, seen->weight);
}

static void venue_headers(struct world *world, struct fake_http_reply *reply)
{
	if (world->says_date)
		fake_http_date(reply, venue_wall_ns(world));
	if (world->says_used && !world->seen[world->count - 1].data)
		fake_http_header(reply, "x-mbx-used-weight-1m", "%lld", (long long)world->used);
}

static void venue_handle(void *ctx, const struct fake_http_request *request,
			 struct fake_http_reply *reply)
{
	struct world *world = ctx;
	venue_see(world, request);
	venue_headers(world, reply);
	const char *body = world->body;
	if (world->script_at < world->script_count) {
		const struct say *say = &world->script[world->script_at++];
		reply->code = say->code;
		reply->status = say->status;
		if (say->name)
			fake_http_header(reply, say->name, "%s", say->value);
		body = say->body ? say->body : "";
	} else if (world->is_limiting && world->used > world->limit) {
		reply->code = 429;
		body = "{\"code\":-1003,\"msg\":\"Too much request weight used\"}";
	}
	buf_str_put(&reply->body, str_of(body));
}

static struct rest *make_rest(struct world *world, enum venue venue, enum kind kind,
			      struct budget *budget, uint64_t seed)
{
	char base[] = "https://venue.test"; /* gone after the call */
	struct rest_config config = { .venue = venue,
				      .kind = kind,
				      .base_url = base,
				      .http = fake_http_client(world->http),
				      .timers = world->timers,
				      .clock = &world->clock,
				      .budget = budget,
				      .seed = seed };
	struct rest *rest = rest_create(&config);
	assert_non_null(rest);
	memset(base, 'x', sizeof base - 1);
	return rest;
}

static void world_begin(struct world *world, enum venue venue, enum kind kind)
{
	*world = (struct world){ .is_bybit = venue == VENUE_BYBIT,
				 .says_used = venue == VENUE_BINANCE,
				 .says_date = true };
	world->body = world->is_bybit ? "{\"retCode\":0,\"retMsg\":\"OK\",\"result\":{}}" : "[1]";
	world->limit = venue == VENUE_BYBIT ? INT64_MAX : kind == KIND_PERP ? 2400 : 6000;
	world->is_limiting = true;
	world->clock = (struct clock_port){ world_monotonic_ns, world_wall_ns, world };
	world->now_ns = 1000 * second_ns + 777;
	world->timers = timers_create(8);
	world->seen = malloc(SEEN_MAX * sizeof *world->seen);
	struct fake_http_config http = { .handler = venue_handle,
					 .ctx = world,
					 .latency_ns = 20000000,
					 .requests_max = 16,
					 .timers = world->timers,
					 .clock = &world->clock };
	world->http = fake_http_create(&http);
	world->rest = make_rest(world, venue, kind, NULL, 1);
}

static void world_end(struct world *world)
{
	rest_destroy(world->rest);
	assert_int_equal(fake_http_under_way(world->http), 0);
	fake_http_destroy(world->http);
	assert_int_equal(timers_next_ns(world->timers), INT64_MAX);
	timers_destroy(world->timers);
	free(world->seen);
}

static void world_run_to(struct world *world, int64_t until_ns)
{
	while (timers_next_ns(world->timers) <= until_ns) {
		int64_t next_ns = timers_next_ns(world->timers);
		world->now_ns = next_ns > world->now_ns ? next_ns : world->now_ns;
		timers_run(world->timers, world->now_ns, 1);
	}
	world->now_ns = until_ns;
}

static void world_run(struct world *world, int64_t for_ns)
{
	world_run_to(world, world->now_ns + for_ns);
}

static void world_say(struct world *world, struct say say)
{
	assert_true(world->script_count < SCRIPT_MAX);
	world->script[world->script_count++] = say;
}

static void on_told(void *ctx, enum status status, struct str body, const char *why)
{
	struct told *told = ctx;
	told->calls++;
	told->status = status;
	told->at_ns = told->world->now_ns;
	assert_int_equal(str_copy(body, told->body, sizeof told->body), STATUS_OK);
	assert_int_equal(str_copy(str_of(why), told->why, sizeof told->why), STATUS_OK);
	assert_true((status == STATUS_OK) == (why[0] == 0));
	assert_true(status == STATUS_OK || body.len == 0);
	for (size_t i = 0; status == STATUS_OK && i < HTTP_PADDING; i++)
		assert_int_equal(body.ptr[body.len + i], '}');
	if (told->destroys) {
		rest_destroy(told->world->rest);
		told->world->rest = NULL;
	}
}

static enum status get(struct world *world, enum rest_endpoint endpoint,
		       enum rest_priority priority, const char *query, int32_t weight,
		       struct told *told)
{
	*told = (struct told){ .world = world };
	enum status status =
	    rest_get(world->rest, endpoint, priority, str_of(query), weight, on_told, told);
	assert_int_equal(told->calls, 0); /* never from inside */
	return status;
}

static void must_get(struct world *world, enum rest_endpoint endpoint, const char *query,
		     struct told *told)
{
	assert_int_equal(get(world, endpoint, REST_LIVE, query, 0, told), STATUS_OK);
}
