#include "notify/alertmanager.h"

#include <stdio.h>
#include <stdlib.h>

#include "notify/payload.h"

enum { URL_BYTES = 1024, NAME_BYTES = 128, BODY_BYTES = 2 << 20, ANSWER_BYTES = 64 << 10 };
static const int64_t gather_ns = 100000000, ms_ns = 1000000;

/* An alert that Alertmanager knows, or is to know. */
struct posted {
	struct alert_view view;
	bool seen;   /* fires still */
	bool ending; /* its end is not taken yet */
	bool in_post;
};

struct alertmanager {
	struct channel_net net;
	const struct alerts *alerts;
	struct rng rng;
	struct timer timer;
	char url[URL_BYTES + 16], name[NAME_BYTES];
	int64_t timeout_ns;
	enum alert_severity least;
	bool under_way, poked;
	uint32_t failures;
	struct posted posted[ALERTMANAGER_ALERTS];
	size_t n;
	struct alert_view listed[ALERTMANAGER_ALERTS];
	struct buf body;
	struct channel_facts facts;
};

static void post(struct alertmanager *manager);

static void on_timer(void *ctx) { post(ctx); }

struct alertmanager *alertmanager_create(const struct channel_net *net, const struct alerts *alerts,
					 uint64_t seed)
{
	struct alertmanager *manager = calloc(1, sizeof *manager);
	if (!manager)
		return NULL;
	manager->net = *net;
	manager->alerts = alerts;
	rng_init(&manager->rng, seed);
	buf_init(&manager->body, BODY_BYTES);
	manager->timer = (struct timer){ .fn = on_timer, .ctx = manager };
	return manager;
}

static void stop(struct alertmanager *manager)
{
	timers_cancel(manager->net.timers, &manager->timer);
	if (manager->under_way)
		http_cancel(manager->net.http, manager);
	manager->under_way = false;
	manager->failures = 0;
}

void alertmanager_destroy(struct alertmanager *manager)
{
	if (!manager)
		return;
	stop(manager);
	buf_deinit(&manager->body);
	free(manager);
}

static int64_t now_ns(const struct alertmanager *manager)
{
	return clock_monotonic_ns(manager->net.clock);
}

static void post_in(struct alertmanager *manager, int64_t delay_ns)
{
	timers_arm(manager->net.timers, &manager->timer, now_ns(manager) + delay_ns);
}

enum status alertmanager_set(struct alertmanager *manager,
			     const struct alertmanager_settings *settings)
{
	struct str url = settings->url;
	while (url.len && url.ptr[url.len - 1] == '/')
		url.len--;
	if (url.len >= URL_BYTES || settings->name.len >= NAME_BYTES)
		return STATUS_RANGE;
	stop(manager);
	snprintf(manager->url, sizeof manager->url, "%.*s%s", STR_ARG(url),
		 url.len ? "/api/v2/alerts" : "");
	snprintf(manager->name, sizeof manager->name, "%.*s", STR_ARG(settings->name));
	manager->timeout_ns = settings->timeout_ns;
	manager->least = settings->least;
	manager->facts.on = url.len > 0;
	if (url.len)
		post_in(manager, gather_ns);
	else
		manager->n = 0;
	return STATUS_OK;
}

/* What waits for a try after a failure goes on waiting. */
void alertmanager_poke(struct alertmanager *manager)
{
	if (!manager->url[0])
		return;
	manager->poked = manager->under_way;
	bool soon =
	    manager->timer.slot && manager->timer.deadline_ns <= now_ns(manager) + gather_ns;
	if (!manager->under_way && !manager->failures && !soon)
		post_in(manager, gather_ns);
}

const struct channel_facts *alertmanager_facts(struct alertmanager *manager)
{
	manager->facts.waiting = 0;
	for (size_t i = 0; i < manager->n; i++)
		manager->facts.waiting += manager->posted[i].ending;
	return &manager->facts;
}

/* ---- what is so now ---- */

static struct posted *find(struct alertmanager *manager, const struct alert_view *view)
{
	for (size_t i = 0; i < manager->n; i++)
		if (manager->posted[i].view.rule == view->rule &&
		    strcmp(manager->posted[i].view.scope, view->scope) == 0)
			return &manager->posted[i];
	return NULL;
}

static bool is_wanted(const struct alertmanager *manager, const struct alert_view *view)
{
	bool active = view->state == ALERT_FIRING || view->state == ALERT_CLEARING;
	return active && view->told && channel_wants(manager->least, view->rule);
}

static void see(struct alertmanager *manager, const struct alert_view *view)
{
	struct posted *posted = find(manager, view);
	if (!posted && view->muted)
		return;
	if (!posted && manager->n == ALERTMANAGER_ALERTS) {
		manager->facts.counts.dropped++;
		return;
	}
	if (!posted)
		posted = &manager->posted[manager->n++];
	*posted = (struct posted){ .view = *view, .seen = true };
}

static void look(struct alertmanager *manager)
{
	for (size_t i = 0; i < manager->n; i++)
		manager->posted[i].seen = false;
	size_t count = alerts_list(manager->alerts, manager->listed, ALERTMANAGER_ALERTS);
	for (size_t i = 0; i < count; i++)
		if (is_wanted(manager, &manager->listed[i]))
			see(manager, &manager->listed[i]);
	bool all = count < ALERTMANAGER_ALERTS;
	for (size_t i = 0; i < manager->n; i++) {
		struct posted *posted = &manager->posted[i];
		if (posted->seen || posted->ending)
			continue;
		if (!all &&
		    alert_fires(manager->alerts, posted->view.rule, str_of(posted->view.scope)))
			continue; /* only the list was too short for it */
		posted->ending = true;
		posted->view.resolved_ms = clock_wall_ns(manager->net.clock) / ms_ns;
	}
}

/* ---- telling it ---- */

static void put_alerts(struct alertmanager *manager)
{
	int64_t ends_ms = (clock_wall_ns(manager->net.clock) + manager->timeout_ns) / ms_ns;
	struct str name = str_of(manager->name);
	buf_clear(&manager->body);
	buf_char(&manager->body, '[');
	for (size_t i = 0; i < manager->n; i++) {
		struct posted *posted = &manager->posted[i];
		payload_alertmanager(&manager->body, name, &posted->view,
				     posted->ending ? posted->view.resolved_ms : ends_ms, i == 0);
		posted->in_post = true;
	}
	buf_char(&manager->body, ']');
}

static void forget_ended(struct alertmanager *manager)
{
	for (size_t i = manager->n; i > 0; i--) {
		struct posted *posted = &manager->posted[i - 1];
		if (posted->ending && posted->in_post)
			*posted = manager->posted[--manager->n];
	}
}

/* Of what is refused only the ends are given up: what fires is posted again in any case. */
static void on_answer(void *ctx, enum status status, const struct http_answer *answer,
		      const char *why)
{
	struct alertmanager *manager = ctx;
	struct channel_counts *counts = &manager->facts.counts;
	enum channel_verdict verdict = channel_judge(status, answer);
	manager->under_way = false;
	channel_note(&manager->facts, status, answer, why);
	if (verdict == CHANNEL_AGAIN) {
		counts->retried++;
		post_in(manager, channel_backoff_ns(manager->failures++, &manager->rng));
		return;
	}
	*(verdict == CHANNEL_TAKEN ? &counts->delivered : &counts->given_up) += 1;
	forget_ended(manager);
	manager->failures = 0;
	post_in(manager, manager->poked ? gather_ns : manager->timeout_ns / 3);
}

static void post(struct alertmanager *manager)
{
	look(manager);
	manager->poked = false;
	if (!manager->n) {
		post_in(manager, manager->timeout_ns / 3);
		return;
	}
	put_alerts(manager);
	struct http_request request = {
		.method = "POST",
		.url = str_of(manager->url),
		.headers = { { STR("Content-Type"), STR("application/json") } },
		.n_headers = 1,
		.body = buf_str(&manager->body),
		.deadline_ns = manager->net.deadline_ns,
		.body_bytes_max = ANSWER_BYTES,
	};
	enum status status = manager->body.overflow
				 ? STATUS_NO_MEMORY
				 : http_request(manager->net.http, &request, on_answer, manager);
	manager->under_way = !status;
	if (status)
		on_answer(manager, status, NULL, status_text(status));
}
