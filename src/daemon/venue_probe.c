#include "daemon/venue_probe.h"

#include <stdio.h>

#include "base/check.h"
#include "daemon/venue_net.h"

enum { SOURCES = VENUE_COUNT * KIND_COUNT, TIMERS = 64, BODY_MAX = 4096 };

static const int64_t closing_ns = 10000000000; /* handles of ours close in a turn or two */

struct probe {
	struct loop *loop;
	size_t waiting;
	bool done, found, closed;
	char why[160]; /* of the first that failed */
};

static enum rest_endpoint time_endpoint(size_t source)
{
	static const enum rest_endpoint endpoints[SOURCES] = {
		REST_binance_spot_time,
		REST_binance_perp_time,
		REST_bybit_spot_time,
		REST_bybit_perp_time,
	};
	return endpoints[source];
}

static void on_answer(void *ctx, enum status status, const struct http_answer *answer,
		      const char *why)
{
	struct probe *probe = ctx;
	if (!status && answer->code == 200)
		probe->found = true;
	else if (!probe->why[0] && !status)
		snprintf(probe->why, sizeof probe->why, "HTTP %d", answer->code);
	else if (!probe->why[0])
		snprintf(probe->why, sizeof probe->why, "%s", why);
	probe->waiting--;
	probe->done = probe->found || probe->waiting == 0;
}

static void ask(struct probe *probe, const struct live_venue *venue, size_t source,
		int64_t patience_ns)
{
	char storage[512];
	struct buf url = buf_over(storage, sizeof storage);
	const struct rest_row *row = rest_row(time_endpoint(source));
	buf_printf(&url, "%s%s", venue->rest_url, row->path);
	const struct http_request request = {
		.method = "GET",
		.url = buf_str(&url),
		.deadline_ns = patience_ns,
		.body_bytes_max = BODY_MAX,
	};
	if (!url.overflow && !http_request(venue->http, &request, on_answer, probe))
		probe->waiting++;
}

static void on_closed(void *ctx) { ((struct probe *)ctx)->closed = true; }

enum status venue_probe(const struct config *config, int64_t patience_ns, struct err *err)
{
	struct probe probe = { 0 };
	struct venue_net *net = NULL;
	enum status status = loop_create(TIMERS, &probe.loop, err);
	if (status)
		return status;
	status = venue_net_create(probe.loop, config, false, &net, err);
	for (size_t i = 0; i < SOURCES && !status; i++) {
		struct live_venue venue =
		    venue_net_venue(net, (enum venue)(i / KIND_COUNT), (enum kind)(i % KIND_COUNT));
		if (venue.on)
			ask(&probe, &venue, i, patience_ns);
	}
	if (!status && probe.waiting > 0)
		loop_turn_until(probe.loop, &probe.done, patience_ns);
	if (net) {
		venue_net_close(net, on_closed, &probe);
		CHECK(loop_turn_until(probe.loop, &probe.closed, closing_ns));
	}
	loop_destroy(probe.loop);
	if (status || probe.found)
		return status;
	return err_set(err, STATUS_UNAVAILABLE, "no venue answered within %lld ms%s%s",
		       (long long)(patience_ns / 1000000), probe.why[0] ? ": " : "", probe.why);
}
