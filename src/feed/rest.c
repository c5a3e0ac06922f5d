#include "feed/rest.h"

#include <stdlib.h>

#include "base/check.h"
#include "feed/rest_queue.h"
#include "feed/rest_verdict.h"
#include "os/backoff.h"

static const int64_t deadline_ns = 10000000000, backoff_first_ns = 500000000,
		     backoff_longest_ns = 30000000000, client_full_ns = 50000000;

enum { ERROR_BODY_BYTES = 64 * 1024 };

static const uint8_t shares[REST_PRIORITIES] = {
	[REST_REPAIR] = 100, [REST_LIVE] = 90, [REST_HISTORY] = 75
};

struct rest_call { /* a request under way */
	struct rest *rest;
	struct rest_entry *entry; /* NULL: none */
	struct budget_ticket ticket;
	int64_t sent_ns;
};

struct rest {
	struct rest_config config;
	struct budget *budget; /* the configuration's, or own_budget */
	struct budget own_budget;
	struct timer timer; /* when the next one may go */
	struct rng rng;
	struct backoff backoff;
	int64_t back_off_until_ns; /* of the back-off alone; limits are the budget's */
	int64_t starved_until_ns;  /* the budget lets nothing of the queue go before */
	bool doubts;               /* the last answer was none: one at a time */
	size_t under_way;
	int64_t clock_offset_ms;
	struct json *json;
	struct buf url;
	size_t base_len; /* of the URL's beginning that stays */
	struct rest_counts counts;
	struct rest_call calls[REST_UNDER_WAY];
	struct rest_queue queue;
};

static int64_t now_of(const struct rest *rest) { return clock_monotonic_ns(rest->config.clock); }

static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

/* Everything goes out of the timer: never from inside a call of the owner. */
static void wake_at(struct rest *rest, int64_t at_ns)
{
	if (rest->queue.waiting)
		timers_arm(rest->config.timers, &rest->timer, at_ns);
	else
		timers_cancel(rest->config.timers, &rest->timer);
}

/* ---- the end of a request ---- */

/* The owner's function comes last: it may destroy the rest. */
static void finish(struct rest *rest, struct rest_entry *entry, enum status status, struct str body,
		   const char *why)
{
	rest_answer_fn fn = entry->fn;
	void *ctx = entry->ctx;
	if (status == STATUS_OK)
		rest->counts.answers++;
	else
		rest->counts.failures++;
	rest_queue_release(&rest->queue, entry);
	wake_at(rest, now_of(rest));
	fn(ctx, status, status == STATUS_OK ? body : STR(""), why);
}

static void ask_again(struct rest *rest, struct rest_entry *entry,
		      const struct rest_verdict *verdict)
{
	rest->doubts = true;
	if (entry->tries >= REST_TRIES)
		return finish(rest, entry, verdict->status, STR(""), verdict->why);
	rest_queue_put(&rest->queue, entry);
	wake_at(rest, now_of(rest));
}

/* Those that fail together are one failure: only the first one lengthens the wait. */
static void back_off(struct rest *rest, int64_t now_ns)
{
	if (now_ns >= rest->back_off_until_ns)
		rest->back_off_until_ns = now_ns + backoff_next_ns(&rest->backoff, &rest->rng);
}

static void learn_time(struct rest *rest, const struct rest_call *call, int64_t date_ms,
		       int64_t now_ns)
{
	int64_t wall_ns = clock_wall_ns(rest->config.clock) - (now_ns - call->sent_ns) / 2;
	if (date_ms >= 0) /* cut to the second: half of it is the best guess */
		rest->clock_offset_ms = date_ms + 500 - wall_ns / 1000000;
}

static void learn(struct rest *rest, const struct rest_call *call,
		  const struct rest_verdict *verdict, int64_t now_ns)
{
	budget_settle(rest->budget, &call->ticket, now_ns);
	if (verdict->used >= 0 && call->ticket.window == REST_WINDOW_WEIGHT)
		budget_heard(rest->budget, &call->ticket, verdict->used, now_ns,
			     verdict->resets_ns);
	learn_time(rest, call, verdict->date_ms, now_ns);
	rest->counts.limited += verdict->fate == REST_FATE_LIMITED;
	rest->counts.bans += verdict->fate == REST_FATE_BANNED;
	if (verdict->fate == REST_FATE_BANNED)
		budget_ban(rest->budget, now_ns + verdict->wait_ns);
	else if (verdict->wait_ns)
		budget_back_off(rest->budget, now_ns + verdict->wait_ns);
	if (verdict->fate == REST_FATE_AGAIN)
		back_off(rest, now_ns);
}

static void on_answer(void *ctx, enum status status, const struct http_answer *answer,
		      const char *why)
{
	struct rest_call *call = ctx;
	struct rest *rest = call->rest;
	struct rest_entry *entry = call->entry;
	struct rest_verdict verdict;
	int64_t wall_ms = clock_wall_ns(rest->config.clock) / 1000000 + rest->clock_offset_ms;
	if (status == STATUS_OK)
		rest_judge(rest->json, rest->config.venue, answer, wall_ms, &verdict);
	else
		rest_judge_failure(status, why, &verdict);
	rest->counts.connection_failures += status != STATUS_OK;
	learn(rest, call, &verdict, now_of(rest));
	call->entry = NULL;
	rest->under_way--;
	if (verdict.fate != REST_FATE_TAKEN && verdict.fate != REST_FATE_FAILED)
		return ask_again(rest, entry, &verdict);
	if (status == STATUS_OK) {
		rest->doubts = false;
		backoff_reset(&rest->backoff);
	}
	finish(rest, entry, verdict.status, status == STATUS_OK ? answer->body : STR(""),
	       verdict.why);
}

/* ---- the beginning ---- */

static struct str url_of(struct rest *rest, const struct rest_entry *entry)
{
	rest->url.len = rest->base_len;
	buf_str_put(&rest->url, str_of(rest_row(entry->endpoint)->path));
	if (entry->query_len) {
		buf_char(&rest->url, '?');
		buf_put(&rest->url, entry->query, entry->query_len);
	}
	CHECK(!rest->url.overflow);
	return buf_str(&rest->url);
}

static struct budget_ask ask_of(const struct rest_entry *entry)
{
	return (struct budget_ask){ (uint8_t)rest_row(entry->endpoint)->window,
				    shares[entry->priority], entry->weight };
}

static struct rest_call *idle_call(struct rest *rest)
{
	if (rest->under_way >= (rest->doubts ? 1 : REST_UNDER_WAY))
		return NULL;
	for (size_t i = 0; i < REST_UNDER_WAY; i++)
		if (!rest->calls[i].entry)
			return &rest->calls[i];
	return NULL;
}

static void begin(struct rest *rest, struct rest_call *call, struct rest_entry *entry,
		  int64_t now_ns)
{
	call->entry = entry;
	call->sent_ns = now_ns;
	rest->under_way++;
	rest->counts.requests++;
	rest->counts.retries += entry->tries > 0;
	rest->counts.weight += (uint64_t)entry->weight;
	entry->tries++;
}

/* False: nothing more now. A client with too much to do is asked again soon; one that
 * does not take the request for itself never will. */
static bool send_one(struct rest *rest, struct rest_call *call, struct rest_entry *entry,
		     int64_t now_ns)
{
	struct http_request request = { .method = "GET",
					.url = url_of(rest, entry),
					.deadline_ns = deadline_ns,
					.body_bytes_max =
					    rest_row(entry->endpoint)->body_bytes_max };
	enum status status = http_request(rest->config.http, &request, on_answer, call);
	rest_queue_pop(&rest->queue, entry);
	if (status == STATUS_OK) {
		begin(rest, call, entry, now_ns);
		return true;
	}
	budget_give_back(rest->budget, &call->ticket);
	if (status == STATUS_FULL || status == STATUS_NO_MEMORY) {
		rest_queue_put(&rest->queue, entry);
		wake_at(rest, now_ns + client_full_ns);
	} else {
		finish(rest, entry, status, STR(""), status_text(status));
	}
	return false;
}

/* The first one of the windows that has room for its first; NULL: none before *ready_ns.
 * Within a window nothing overtakes: a small request of history would starve a large
 * repair. */
static struct rest_entry *next_entry(struct rest *rest, struct budget_ticket *ticket,
				     int64_t now_ns, int64_t *ready_ns)
{
	struct rest_entry *best = NULL;
	*ready_ns = INT64_MAX;
	for (int window = 0; window < REST_WINDOWS; window++) {
		struct rest_entry *entry = rest_queue_first(&rest->queue, window);
		if (!entry)
			continue;
		struct budget_ask ask = ask_of(entry);
		int64_t entry_ns = budget_ready_ns(rest->budget, &ask, now_ns);
		if (entry_ns < *ready_ns)
			*ready_ns = entry_ns;
		if (entry_ns <= now_ns && (!best || rest_queue_before(entry, best)))
			best = entry;
	}
	if (best) {
		struct budget_ask ask = ask_of(best);
		CHECK(budget_take(rest->budget, &ask, now_ns, ticket));
	}
	return best;
}

/* Sends what may go. With no call free an answer wakes the rest; else time does. */
static void on_timer(void *ctx)
{
	struct rest *rest = ctx;
	int64_t now_ns = now_of(rest), ready_ns;
	struct rest_call *call;
	rest->starved_until_ns = 0;
	if (now_ns < rest->back_off_until_ns)
		return wake_at(rest, rest->back_off_until_ns);
	while (rest->queue.waiting && (call = idle_call(rest))) {
		struct rest_entry *entry = next_entry(rest, &call->ticket, now_ns, &ready_ns);
		if (!entry) {
			rest->starved_until_ns = ready_ns;
			return wake_at(rest, ready_ns);
		}
		if (!send_one(rest, call, entry, now_ns))
			return;
	}
}

static bool is_query(struct str query)
{
	for (size_t i = 0; i < query.len; i++)
		if ((unsigned char)query.ptr[i] <= ' ' || query.ptr[i] == 0x7f)
			return false;
	return true;
}

enum status rest_get(struct rest *rest, enum rest_endpoint endpoint, enum rest_priority priority,
		     struct str query, int32_t weight, rest_answer_fn fn, void *ctx)
{
	const struct rest_row *row = rest_row(endpoint);
	CHECK(row->venue == rest->config.venue && row->kind == rest->config.kind);
	CHECK(priority < REST_PRIORITIES && weight >= 0);
	weight = weight ? weight : row->weight;
	if (!is_query(query))
		return STATUS_INVALID;
	if (query.len > REST_QUERY_MAX ||
	    weight > budget_weight_max(rest->budget, (uint8_t)row->window, shares[priority]))
		return STATUS_RANGE;
	struct rest_entry *entry = rest_queue_make(&rest->queue);
	if (!entry) {
		rest->counts.refused++;
		return STATUS_FULL;
	}
	entry->endpoint = endpoint;
	entry->priority = priority;
	entry->weight = weight;
	entry->fn = fn;
	entry->ctx = ctx;
	entry->query_len = query.len;
	if (query.len)
		memcpy(entry->query, query.ptr, query.len);
	rest_queue_put(&rest->queue, entry);
	wake_at(rest, now_of(rest));
	return STATUS_OK;
}

/* What was sent counts, whatever becomes of it. */
static void drop_call(struct rest *rest, struct rest_call *call)
{
	http_cancel(rest->config.http, call);
	budget_settle(rest->budget, &call->ticket, now_of(rest));
	rest_queue_release(&rest->queue, call->entry);
	call->entry = NULL;
	rest->under_way--;
}

void rest_cancel(struct rest *rest, void *ctx)
{
	rest_queue_cancel(&rest->queue, ctx);
	for (size_t i = 0; i < REST_UNDER_WAY; i++)
		if (rest->calls[i].entry && rest->calls[i].entry->ctx == ctx)
			drop_call(rest, &rest->calls[i]);
	wake_at(rest, now_of(rest));
}

/* ---- what is to be seen ---- */

size_t rest_waiting(const struct rest *rest) { return rest->queue.waiting + rest->under_way; }
const struct rest_counts *rest_counts(const struct rest *rest) { return &rest->counts; }
int64_t rest_clock_offset_ms(const struct rest *rest) { return rest->clock_offset_ms; }

enum rest_state rest_state(const struct rest *rest)
{
	int64_t now_ns = now_of(rest);
	if (now_ns < rest->budget->banned_until_ns)
		return REST_BANNED;
	if (now_ns < max_of(rest->budget->back_off_until_ns, rest->back_off_until_ns))
		return REST_BACKOFF;
	return now_ns < rest->starved_until_ns && rest->queue.waiting ? REST_WAITING : REST_OPEN;
}

int64_t rest_open_again_ns(const struct rest *rest)
{
	int64_t held_ns = max_of(rest->budget->back_off_until_ns, rest->budget->banned_until_ns);
	switch (rest_state(rest)) {
	case REST_OPEN: return 0;
	case REST_WAITING: return rest->starved_until_ns;
	default: return max_of(held_ns, rest->back_off_until_ns);
	}
}

double rest_used(const struct rest *rest)
{
	return budget_used(rest->budget, REST_WINDOW_WEIGHT, now_of(rest));
}

/* ---- life ---- */

/* Binance's answers are not parsed here, only its errors; Bybit's say in their body
 * whether they are errors. */
static size_t parsed_bytes_max(const struct rest_config *config)
{
	size_t bytes = ERROR_BODY_BYTES;
	for (int i = 0; i < REST_COUNT; i++) {
		const struct rest_row *row = rest_row((enum rest_endpoint)i);
		if (config->venue == VENUE_BYBIT && row->venue == VENUE_BYBIT &&
		    row->kind == config->kind && row->body_bytes_max > bytes)
			bytes = row->body_bytes_max;
	}
	return bytes;
}

static bool make_url(struct rest *rest)
{
	struct str base = str_of(rest->config.base_url);
	size_t longest = 0;
	for (int i = 0; i < REST_COUNT; i++) {
		size_t len = strlen(rest_row((enum rest_endpoint)i)->path);
		longest = len > longest ? len : longest;
	}
	size_t bytes = base.len + longest + 1 + REST_QUERY_MAX;
	buf_init(&rest->url, bytes);
	buf_str_put(&rest->url, base);
	rest->base_len = base.len;
	return buf_reserve(&rest->url, bytes - base.len) != NULL;
}

struct rest *rest_create(const struct rest_config *config)
{
	struct rest *rest = calloc(1, sizeof *rest);
	if (!rest)
		return NULL;
	rest->config = *config;
	rest->budget = config->budget ? config->budget : &rest->own_budget;
	rest_budget_init(&rest->own_budget, config->venue, config->kind);
	rest->timer = (struct timer){ .fn = on_timer, .ctx = rest };
	rest->backoff = (struct backoff){ backoff_first_ns, backoff_longest_ns, 0 };
	rng_init(&rest->rng, config->seed);
	rest_queue_init(&rest->queue);
	for (size_t i = 0; i < REST_UNDER_WAY; i++)
		rest->calls[i].rest = rest;
	rest->json = json_create(parsed_bytes_max(config));
	if (!rest->json || !make_url(rest)) {
		rest_destroy(rest);
		return NULL;
	}
	rest->config.base_url = NULL; /* the caller's; ours is in the URL */
	return rest;
}

void rest_destroy(struct rest *rest)
{
	if (!rest)
		return;
	for (size_t i = 0; i < REST_UNDER_WAY; i++)
		if (rest->calls[i].entry)
			drop_call(rest, &rest->calls[i]);
	timers_cancel(rest->config.timers, &rest->timer);
	json_destroy(rest->json);
	buf_deinit(&rest->url);
	free(rest);
}
