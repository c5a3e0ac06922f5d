#include "notify/webhook.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/buf.h"
#include "notify/payload.h"

enum { URL_BYTES = 1024, SECRET_BYTES = 256, ANSWER_BYTES = 64 << 10, RETRY_AFTER_MAX_S = 600 };
static const int64_t second_ns = 1000000000;

struct message {
	struct message *next;
	int64_t put_ns;
	uint64_t id;
	size_t len;
	char body[];
};

struct webhook {
	struct channel_net net;
	struct rng rng;
	struct timer timer; /* the next try */
	char url[URL_BYTES], secret[SECRET_BYTES];
	uint64_t run; /* of the ids: no two runs share any */
	uint64_t last_id;
	struct message *first, *last;
	size_t n, bytes;
	bool under_way; /* the first one's */
	uint32_t failures;
	struct channel_facts facts;
};

static void send_next(struct webhook *webhook);

static void on_timer(void *ctx) { send_next(ctx); }

struct webhook *webhook_create(const struct channel_net *net, uint64_t seed)
{
	struct webhook *webhook = calloc(1, sizeof *webhook);
	if (!webhook)
		return NULL;
	webhook->net = *net;
	rng_init(&webhook->rng, seed);
	webhook->run = rng_next(&webhook->rng);
	webhook->timer = (struct timer){ .fn = on_timer, .ctx = webhook };
	return webhook;
}

static void drop_first(struct webhook *webhook)
{
	struct message *message = webhook->first;
	webhook->first = message->next;
	if (!webhook->first)
		webhook->last = NULL;
	webhook->n--;
	webhook->bytes -= message->len;
	free(message);
}

static void stop(struct webhook *webhook)
{
	timers_cancel(webhook->net.timers, &webhook->timer);
	if (webhook->under_way)
		http_cancel(webhook->net.http, webhook);
	webhook->under_way = false;
	webhook->failures = 0;
}

void webhook_destroy(struct webhook *webhook)
{
	if (!webhook)
		return;
	stop(webhook);
	while (webhook->first)
		drop_first(webhook);
	explicit_bzero(webhook->secret, sizeof webhook->secret);
	free(webhook);
}

enum status webhook_set(struct webhook *webhook, struct str url, struct str secret)
{
	if (url.len >= URL_BYTES || secret.len >= SECRET_BYTES)
		return STATUS_RANGE;
	if (str_eq(url, str_of(webhook->url)) && str_eq(secret, str_of(webhook->secret)))
		return STATUS_OK;
	stop(webhook);
	explicit_bzero(webhook->secret, sizeof webhook->secret);
	if (secret.len)
		memcpy(webhook->secret, secret.ptr, secret.len);
	memset(webhook->url, 0, sizeof webhook->url);
	if (url.len)
		memcpy(webhook->url, url.ptr, url.len);
	while (!url.len && webhook->first) {
		webhook->facts.counts.dropped++;
		drop_first(webhook);
	}
	webhook->facts.on = url.len > 0;
	send_next(webhook);
	return STATUS_OK;
}

const struct channel_facts *webhook_facts(struct webhook *webhook)
{
	webhook->facts.waiting = webhook->n;
	return &webhook->facts;
}

/* ---- sending ---- */

static void end_first(struct webhook *webhook)
{
	webhook->failures = 0;
	drop_first(webhook);
	send_next(webhook);
}

static int64_t retry_after_ns(const struct http_answer *answer)
{
	int64_t seconds = 0;
	struct str text = answer ? http_answer_header(answer, STR("retry-after")) : STR("");
	if (!text.len || str_to_i64(text, &seconds) || seconds < 0)
		return 0;
	return (seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S) * second_ns;
}

static void try_again(struct webhook *webhook, const struct http_answer *answer)
{
	int64_t now_ns = clock_monotonic_ns(webhook->net.clock);
	int64_t wait_ns = channel_backoff_ns(webhook->failures++, &webhook->rng);
	int64_t asked_ns = retry_after_ns(answer);
	if (now_ns - webhook->first->put_ns >= WEBHOOK_PATIENCE_NS) {
		webhook->facts.counts.given_up++;
		end_first(webhook);
		return;
	}
	webhook->facts.counts.retried++;
	timers_arm(webhook->net.timers, &webhook->timer,
		   now_ns + (asked_ns > wait_ns ? asked_ns : wait_ns));
}

static void on_answer(void *ctx, enum status status, const struct http_answer *answer,
		      const char *why)
{
	struct webhook *webhook = ctx;
	webhook->under_way = false;
	channel_note(&webhook->facts, status, answer, why);
	switch (channel_judge(status, answer)) {
	case CHANNEL_AGAIN: try_again(webhook, answer); return;
	case CHANNEL_TAKEN: webhook->facts.counts.delivered++; break;
	case CHANNEL_REFUSED: webhook->facts.counts.given_up++; break;
	}
	end_first(webhook);
}

static void add_header(struct http_request *request, struct str name, struct str value)
{
	request->headers[request->n_headers++] = (struct http_header){ name, value };
}

static enum status post(struct webhook *webhook, const struct message *message)
{
	char id[48], timestamp[24], signature[PAYLOAD_SIGNATURE_BYTES];
	struct http_request request = {
		.method = "POST",
		.url = str_of(webhook->url),
		.body = str_make(message->body, message->len),
		.deadline_ns = webhook->net.deadline_ns,
		.body_bytes_max = ANSWER_BYTES,
	};
	snprintf(id, sizeof id, "%016llx-%llu", (unsigned long long)webhook->run,
		 (unsigned long long)message->id);
	snprintf(timestamp, sizeof timestamp, "%lld",
		 (long long)(clock_wall_ns(webhook->net.clock) / second_ns));
	add_header(&request, STR("Content-Type"), STR("application/json"));
	add_header(&request, STR("X-Weir-Delivery"), str_of(id));
	add_header(&request, STR("X-Weir-Timestamp"), str_of(timestamp));
	if (webhook->secret[0]) {
		enum status status = payload_sign(str_of(webhook->secret), str_of(timestamp),
						  request.body, signature);
		if (status)
			return status;
		add_header(&request, STR("X-Weir-Signature"), str_of(signature));
	}
	return http_request(webhook->net.http, &request, on_answer, webhook);
}

static void send_next(struct webhook *webhook)
{
	if (!webhook->first || webhook->under_way || webhook->timer.slot || !webhook->url[0])
		return;
	enum status status = post(webhook, webhook->first);
	webhook->under_way = status == STATUS_OK;
	if (!status)
		return;
	snprintf(webhook->facts.why, sizeof webhook->facts.why, "%s", status_text(status));
	webhook->facts.bad = true;
	try_again(webhook, NULL);
}

/* ---- taking ---- */

/* The oldest but the one under way. */
static void make_room(struct webhook *webhook)
{
	struct message *oldest = webhook->first;
	webhook->facts.counts.dropped++;
	if (!webhook->under_way) {
		webhook->failures = 0;
		drop_first(webhook);
		return;
	}
	CHECK(oldest->next);
	struct message *second = oldest->next;
	oldest->next = second->next;
	if (!oldest->next)
		webhook->last = oldest;
	webhook->n--;
	webhook->bytes -= second->len;
	free(second);
}

void webhook_put(struct webhook *webhook, struct str body)
{
	struct message *message;
	if (!webhook->url[0])
		return;
	if (body.len > WEBHOOK_MESSAGE_MAX || !(message = malloc(sizeof *message + body.len))) {
		webhook->facts.counts.dropped++;
		return;
	}
	while (webhook->n >= WEBHOOK_MESSAGES ||
	       (webhook->n > 1 && webhook->bytes + body.len > WEBHOOK_BYTES))
		make_room(webhook);
	*message = (struct message){ .put_ns = clock_monotonic_ns(webhook->net.clock),
				     .id = ++webhook->last_id,
				     .len = body.len };
	memcpy(message->body, body.ptr, body.len);
	*(webhook->last ? &webhook->last->next : &webhook->first) = message;
	webhook->last = message;
	webhook->n++;
	webhook->bytes += body.len;
	send_next(webhook);
}
