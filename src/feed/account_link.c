/* The turns of a link: what is due, when it may be asked, what an answer means. */
#include "feed/account_link.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "feed/account_link_impl.h"

static const int64_t second_ns = 1000000000, deadline_ns = 10000000000, client_full_ns = 50000000,
		     clock_life_ns = 3600000000000;

/* The feed spends at most four fifths of a limit (budget.h) and does not know of us: a fifth
 * of as much is ours, and ours beside the feed's is below the limit. */
enum { SHARE_PERCENT = 20, HEARD_PERCENT = 90, JSON_BYTES = ACCOUNT_BODY_MAX, TIME_WEIGHT = 1 };

/* No venue is as old as this, 2020-01-01; and its clock is never set back so far. */
static const int64_t oldest_time_ms = INT64_C(1577836800000), set_back_ms = 60000;

/* ---- what is shared ---- */

struct account_reading *account_reading_create(void)
{
	struct account_reading *reading = calloc(1, sizeof *reading);
	if (!reading)
		return NULL;
	reading->reader = account_reader_create();
	reading->json = json_create(JSON_BYTES);
	if (reading->reader && reading->json)
		return reading;
	account_reading_destroy(reading);
	return NULL;
}

void account_reading_destroy(struct account_reading *reading)
{
	if (!reading)
		return;
	account_reader_destroy(reading->reader);
	json_destroy(reading->json);
	free(reading);
}

/* ---- time ---- */

static int64_t now_of(const struct account_link *link)
{
	return clock_monotonic_ns(link->config.clock);
}

static int64_t wall_ms_of(const struct account_link *link)
{
	return clock_wall_ns(link->config.clock) / 1000000;
}

/* By the venue's clock. */
static int64_t venue_ms_of(const struct account_link *link, enum kind host)
{
	return (now_of(link) + link->hosts[host].ahead_ns) / 1000000;
}

static void wake_at(struct account_link *link, int64_t at_ns)
{
	timers_arm(link->config.timers, &link->timer, at_ns);
}

static enum kind host_of(const struct account_link *link, enum account_answer answer)
{
	return account_ask_row(link->venue, answer)->host;
}

/* ---- the beginning of a request ---- */

static void on_answer(void *ctx, enum status status, const struct http_answer *answer,
		      const char *why);

static void fault(struct account_link *link, enum account_state state, const char *why,
		  int64_t until_ms)
{
	char text[ACCOUNT_WHY_MAX];
	struct buf line = buf_over(text, sizeof text - 1);
	size_t len = strlen(why);
	buf_put(&line, why, len < line.cap ? len : line.cap);
	text[line.len] = 0;
	account_key_redact(link->config.key, text);
	accounts_fault(link->config.accounts, link->config.slot, state, text, until_ms,
		       wall_ms_of(link));
	link->faulted = true;
	link->counts.failures++;
}

static void drop(struct account_link *link)
{
	link->due &= ~(1u << link->answer);
	link->paging = false;
}

static enum status build(struct account_link *link, struct account_signed *out)
{
	char storage[ACCOUNT_QUERY_MAX];
	struct buf query = buf_over(storage, sizeof storage);
	const struct account_ask *row = account_ask_row(link->venue, link->answer);
	struct account_unsigned in = { .venue = link->venue,
				       .base_url = str_of(link->config.base_urls[link->host]) };
	if (link->asks_time) {
		in.path = str_of(account_time_path(link->venue, link->host));
		return account_ask_plain(&in, out);
	}
	in.timestamp_ms = venue_ms_of(link, link->host);
	account_link_query(link, row, in.timestamp_ms, &query);
	if (query.overflow)
		return STATUS_RANGE;
	in.path = str_of(row->path);
	in.query = buf_str(&query);
	return account_sign(&in, link->config.key, out);
}

static void send_one(struct account_link *link, int64_t now_ns)
{
	struct account_signed ask;
	enum status status = build(link, &ask);
	if (!status) {
		ask.request.deadline_ns = deadline_ns;
		ask.request.body_bytes_max = ACCOUNT_BODY_MAX;
		status = http_request(link->config.http, &ask.request, on_answer, link);
	}
	account_signed_wipe(&ask);
	if (!status) {
		link->under_way = true;
		link->sent_ns = now_ns;
		link->counts.requests++;
		return;
	}
	budget_give_back(link->config.budgets[link->host], &link->ticket);
	link->paging = false;
	if (status == STATUS_FULL || status == STATUS_NO_MEMORY)
		return wake_at(link, now_ns + client_full_ns);
	fault(link, ACCOUNT_AWAY, status_text(status), 0);
	drop(link);
	wake_at(link, now_ns);
}

/* The first that is due and whose host does not rest; ACCOUNT_ANSWERS: none before
 * *ready_ns. What has more pages goes on. */
static enum account_answer next_answer(const struct account_link *link, int64_t now_ns,
				       int64_t *ready_ns)
{
	if (link->paging)
		return link->answer;
	for (enum account_answer answer = 0; answer < ACCOUNT_ANSWERS; answer++) {
		if (!(link->due >> answer & 1))
			continue;
		int64_t rest_ns = link->hosts[host_of(link, answer)].rest_until_ns;
		if (rest_ns <= now_ns)
			return answer;
		if (rest_ns < *ready_ns)
			*ready_ns = rest_ns;
	}
	return ACCOUNT_ANSWERS;
}

static void begin_poll(struct account_link *link, int64_t now_ns)
{
	uint32_t answers = accounts_at(link->config.accounts, link->config.slot)->answers;
	if (link->polls++ % ACCOUNT_INCOME_EVERY)
		answers &= ~(1u << ACCOUNT_SAID_INCOME);
	link->due |= answers;
	link->faulted = false;
	link->next_poll_ns = now_ns + link->config.poll_ns;
}

/* Everything goes out of the timer. */
static void on_timer(void *ctx)
{
	struct account_link *link = ctx;
	int64_t now_ns = now_of(link);
	if (link->under_way)
		return;
	if (now_ns >= link->next_poll_ns)
		begin_poll(link, now_ns);
	int64_t ready_ns = link->next_poll_ns;
	enum account_answer answer = next_answer(link, now_ns, &ready_ns);
	if (answer == ACCOUNT_ANSWERS)
		return wake_at(link, ready_ns);
	link->answer = answer;
	link->host = host_of(link, answer);
	const struct account_host *host = &link->hosts[link->host];
	link->asks_time = !host->clock_known || now_ns - host->measured_ns > clock_life_ns;
	struct budget_ask ask = { 0, SHARE_PERCENT,
				  link->asks_time ? TIME_WEIGHT
						  : account_ask_row(link->venue, answer)->weight };
	struct budget *budget = link->config.budgets[link->host];
	if (!budget_take(budget, &ask, now_ns, &link->ticket))
		return wake_at(link, budget_ready_ns(budget, &ask, now_ns));
	send_one(link, now_ns);
}

/* ---- the end of a request ---- */

static void rest(struct account_link *link, int64_t wait_ns)
{
	struct account_host *host = &link->hosts[link->host];
	int64_t until_ns = now_of(link) + wait_ns;
	host->rest_until_ns = until_ns > host->rest_until_ns ? until_ns : host->rest_until_ns;
}

/* NULL: it is a time that the venue's clock may show. */
static const char *read_time(struct account_link *link, struct str body, int64_t *unix_ms)
{
	const struct account_host *host = &link->hosts[link->host];
	struct account_reader *reader = link->config.reading->reader;
	if (account_read_time(reader, link->venue, body, unix_ms))
		return account_reader_why(reader);
	if (*unix_ms < oldest_time_ms)
		return "time: before 2020";
	if (host->measured_ns && *unix_ms < venue_ms_of(link, link->host) - set_back_ms)
		return "time: more than a minute before the one that was told last";
	return NULL;
}

/* What was known of the clock goes too: a venue that says the same again is believed. */
static void refuse_time(struct account_link *link, const char *why)
{
	struct account_host *host = &link->hosts[link->host];
	host->clock_known = false;
	host->measured_ns = 0;
	link->paging = false;
	fault(link, ACCOUNT_BAD_ANSWER, why, 0);
	rest(link, backoff_next_ns(&link->backoff, &link->rng));
}

static void take_time(struct account_link *link, struct str body)
{
	struct account_host *host = &link->hosts[link->host];
	int64_t unix_ms, now_ns = now_of(link);
	const char *why = read_time(link, body, &unix_ms);
	if (why)
		return refuse_time(link, why);
	host->clock_known = true;
	host->measured_ns = now_ns;
	host->ahead_ns = unix_ms * 1000000 - (link->sent_ns + (now_ns - link->sent_ns) / 2);
	host->skew_ms = venue_ms_of(link, link->host) - wall_ms_of(link);
	link->skew_known = true;
	link->skew_ms = host->skew_ms;
	link->counts.clocks++;
	backoff_reset(&link->backoff);
}

static void take(struct account_link *link, struct str body)
{
	const char *why = "";
	if (link->asks_time)
		return take_time(link, body);
	link->hosts[link->host].strikes = 0;
	if (account_link_take(link, body, venue_ms_of(link, link->host), &why)) {
		fault(link, ACCOUNT_BAD_ANSWER, why, 0);
		return drop(link);
	}
	link->counts.answers++;
	backoff_reset(&link->backoff);
	if (!link->due && !link->faulted)
		accounts_well(link->config.accounts, link->config.slot);
}

static bool is_listed(int64_t code, const int64_t *codes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (codes[i] == code)
			return true;
	return false;
}

/* Key, secret, permissions, the address' list: codes of the venues' error pages. */
static bool is_key_refused(int http_code, int64_t code)
{
	static const int64_t codes[] = { -1002, -1022, -2008, -2014, -2015, 10003,
					 10004, 10005, 10007, 10010, 33004 };
	return http_code == 401 || is_listed(code, codes, ARRAY_LEN(codes));
}

static bool is_clock_refused(int64_t code) { return code == -1021 || code == 10002; }

static void refuse_key(struct account_link *link, int http_code, int64_t code)
{
	char why[ACCOUNT_WHY_MAX];
	bool signature = code == -1022 || code == 10004;
	snprintf(why, sizeof why, "%s %s refuses the %s (%s %lld): %s", venue_title(link->venue),
		 account_answer_text(link->answer), signature ? "signature" : "key",
		 code ? "code" : "HTTP", code ? (long long)code : (long long)http_code,
		 signature ? "is the secret the key's?"
			   : "is it valid, may it read, is this address on its list?");
	fault(link, ACCOUNT_KEY_REFUSED, why, 0);
	rest(link, ACCOUNT_KEY_REST_NS);
	drop(link);
}

/* Measured anew and asked again, until that has not helped CLOCK_STRIKES times. */
static void refuse_clock(struct account_link *link)
{
	struct account_host *host = &link->hosts[link->host];
	char why[ACCOUNT_WHY_MAX];
	int64_t off_ms = host->skew_ms < 0 ? -host->skew_ms : host->skew_ms;
	host->clock_known = false;
	link->paging = false;
	if (++host->strikes < CLOCK_STRIKES)
		return;
	snprintf(why, sizeof why,
		 "clock off by %lld.%lld s, and the venue's own time was refused too",
		 (long long)(off_ms / 1000), (long long)(off_ms % 1000 / 100));
	fault(link, ACCOUNT_CLOCK, why, 0);
	rest(link, backoff_next_ns(&link->backoff, &link->rng));
}

static void hold(struct account_link *link, const struct rest_verdict *verdict)
{
	bool banned = verdict->fate == REST_FATE_BANNED;
	struct budget *budget = link->config.budgets[link->host];
	int64_t until_ns = now_of(link) + verdict->wait_ns;
	if (banned)
		budget_ban(budget, until_ns);
	else
		budget_back_off(budget, until_ns);
	fault(link, banned ? ACCOUNT_BANNED : ACCOUNT_LIMITED, verdict->why,
	      wall_ms_of(link) + verdict->wait_ns / 1000000);
	rest(link, verdict->wait_ns);
	link->paging = false;
}

static void judge(struct account_link *link, int http_code, const struct rest_verdict *verdict)
{
	if (is_clock_refused(verdict->code))
		return refuse_clock(link);
	if (is_key_refused(http_code, verdict->code))
		return refuse_key(link, http_code, verdict->code);
	if (verdict->fate == REST_FATE_LIMITED || verdict->fate == REST_FATE_BANNED)
		return hold(link, verdict);
	bool again = verdict->fate == REST_FATE_AGAIN;
	fault(link, again && verdict->status != STATUS_FORMAT ? ACCOUNT_AWAY : ACCOUNT_BAD_ANSWER,
	      verdict->why, 0);
	link->paging = false;
	if (!again && !link->asks_time)
		drop(link);
	else
		rest(link, backoff_next_ns(&link->backoff, &link->rng));
}

static void learn(struct account_link *link, const struct rest_verdict *verdict)
{
	struct budget *budget = link->config.budgets[link->host];
	int64_t now_ns = now_of(link);
	budget_settle(budget, &link->ticket, now_ns);
	/* Our share is counted by us alone: with what all others use in it, a feed that reads
	 * history would leave nothing. Near the limit everybody waits. */
	if (verdict->used >= (int64_t)budget->windows[0].limit * HEARD_PERCENT / 100)
		budget_back_off(budget, now_ns + verdict->resets_ns);
	if (verdict->fate == REST_FATE_TAKEN && verdict->wait_ns)
		budget_back_off(budget, now_ns + verdict->wait_ns);
}

static void on_answer(void *ctx, enum status status, const struct http_answer *answer,
		      const char *why)
{
	struct account_link *link = ctx;
	struct rest_verdict verdict;
	int64_t wall_ms =
	    link->hosts[link->host].clock_known ? venue_ms_of(link, link->host) : wall_ms_of(link);
	link->under_way = false;
	if (status == STATUS_OK)
		rest_judge(link->config.reading->json, link->venue, answer, wall_ms, &verdict);
	else
		rest_judge_failure(status, why, &verdict);
	learn(link, &verdict);
	if (verdict.fate == REST_FATE_TAKEN)
		take(link, answer->body);
	else
		judge(link, status == STATUS_OK ? answer->code : 0, &verdict);
	wake_at(link, now_of(link));
}

/* ---- life ---- */

const struct account_link_counts *account_link_counts(const struct account_link *link)
{
	return &link->counts;
}

bool account_link_skew_ms(const struct account_link *link, int64_t *ms)
{
	if (link->skew_known)
		*ms = link->skew_ms;
	return link->skew_known;
}

struct account_link *account_link_create(const struct account_link_config *config)
{
	struct account_link *link = calloc(1, sizeof *link);
	if (!link)
		return NULL;
	link->config = *config;
	link->venue = accounts_at(config->accounts, config->slot)->venue;
	link->timer = (struct timer){ .fn = on_timer, .ctx = link };
	link->backoff = (struct backoff){ second_ns, 60 * second_ns, 0 };
	rng_init(&link->rng, config->seed);
	link->next_poll_ns = now_of(link);
	wake_at(link, link->next_poll_ns);
	return link;
}

void account_link_destroy(struct account_link *link)
{
	if (!link)
		return;
	if (link->under_way) {
		http_cancel(link->config.http, link);
		budget_settle(link->config.budgets[link->host], &link->ticket, now_of(link));
	}
	timers_cancel(link->config.timers, &link->timer);
	free(link);
}
