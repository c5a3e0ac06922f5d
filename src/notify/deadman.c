#include "notify/deadman.h"

#include <stdio.h>
#include <stdlib.h>

enum { URL_BYTES = 1024, ANSWER_BYTES = 64 << 10 };

struct deadman {
	struct channel_net net;
	struct timer timer;
	char url[URL_BYTES];
	bool posts, under_way;
	int64_t interval_ns;
	struct channel_facts facts;
};

static void on_answer(void *ctx, enum status status, const struct http_answer *answer,
		      const char *why)
{
	struct deadman *deadman = ctx;
	deadman->under_way = false;
	channel_note(&deadman->facts, status, answer, why);
	if (deadman->facts.bad)
		deadman->facts.counts.given_up++;
	else
		deadman->facts.counts.delivered++;
}

static void ping(struct deadman *deadman)
{
	const struct http_request request = {
		.method = deadman->posts ? "POST" : "GET",
		.url = str_of(deadman->url),
		.body = STR(""),
		.deadline_ns = deadman->net.deadline_ns,
		.body_bytes_max = ANSWER_BYTES,
	};
	if (deadman->under_way) {
		deadman->facts.counts.dropped++;
		return;
	}
	enum status status = http_request(deadman->net.http, &request, on_answer, deadman);
	deadman->under_way = !status;
	if (status)
		on_answer(deadman, status, NULL, status_text(status));
}

static void on_timer(void *ctx)
{
	struct deadman *deadman = ctx;
	timers_arm(deadman->net.timers, &deadman->timer,
		   clock_monotonic_ns(deadman->net.clock) + deadman->interval_ns);
	ping(deadman);
}

struct deadman *deadman_create(const struct channel_net *net)
{
	struct deadman *deadman = calloc(1, sizeof *deadman);
	if (!deadman)
		return NULL;
	deadman->net = *net;
	deadman->timer = (struct timer){ .fn = on_timer, .ctx = deadman };
	return deadman;
}

static void stop(struct deadman *deadman)
{
	timers_cancel(deadman->net.timers, &deadman->timer);
	if (deadman->under_way)
		http_cancel(deadman->net.http, deadman);
	deadman->under_way = false;
}

void deadman_destroy(struct deadman *deadman)
{
	if (deadman)
		stop(deadman);
	free(deadman);
}

enum status deadman_set(struct deadman *deadman, struct str url, bool posts, int64_t interval_ns)
{
	if (url.len >= URL_BYTES)
		return STATUS_RANGE;
	if (str_eq(url, str_of(deadman->url)) && posts == deadman->posts &&
	    interval_ns == deadman->interval_ns)
		return STATUS_OK;
	stop(deadman);
	snprintf(deadman->url, sizeof deadman->url, "%.*s", STR_ARG(url));
	deadman->posts = posts;
	deadman->interval_ns = interval_ns;
	deadman->facts.on = url.len > 0;
	if (url.len)
		timers_arm(deadman->net.timers, &deadman->timer,
			   clock_monotonic_ns(deadman->net.clock));
	return STATUS_OK;
}

const struct channel_facts *deadman_facts(const struct deadman *deadman) { return &deadman->facts; }
