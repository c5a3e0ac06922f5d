#include "feed/budget.h"

#include "base/check.h"

enum { RING = BUDGET_SLICES + 1 };

static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

void budget_init(struct budget *budget, const struct budget_rule rules[BUDGET_WINDOWS])
{
	*budget = (struct budget){ 0 };
	for (size_t i = 0; i < BUDGET_WINDOWS; i++) {
		struct budget_window *window = &budget->windows[i];
		window->limit = rules[i].limit;
		window->allowed = rules[i].limit - rules[i].limit / BUDGET_HELD_BACK;
		window->span_ns = rules[i].span_ns;
		/* Rounded up: RING slices must reach over the whole span. */
		window->slice_ns = (rules[i].span_ns + BUDGET_SLICES - 1) / BUDGET_SLICES;
	}
}

static struct budget_window *window_of(struct budget *budget, uint8_t window)
{
	CHECK(window < BUDGET_WINDOWS && budget->windows[window].limit > 0);
	return &budget->windows[window];
}

/* Forgets what was settled more than a span ago. A slice is forgotten when its last
 * moment is that old. */
static void advance(struct budget_window *window, int64_t now_ns)
{
	int64_t slice = now_ns / window->slice_ns;
	int64_t steps = slice - window->slice;
	if (steps <= 0)
		return;
	for (int64_t i = 1; i <= steps && i <= RING; i++) {
		int32_t *oldest = &window->spent[(window->slice + i) % RING];
		window->sum -= *oldest;
		*oldest = 0;
	}
	window->slice = slice;
}

static int64_t used_by_us(const struct budget_window *window)
{
	return window->sum + window->under_way;
}

static int64_t used_by_all(const struct budget_window *window, int64_t now_ns)
{
	return now_ns < window->heard_until_ns
		   ? window->offset + window->settled + window->under_way
		   : 0;
}

static int64_t allowed_to(const struct budget_window *window, uint8_t share_percent)
{
	return (int64_t)window->allowed * share_percent / 100;
}

int32_t budget_weight_max(const struct budget *budget, uint8_t window, uint8_t share_percent)
{
	CHECK(window < BUDGET_WINDOWS);
	return (int32_t)allowed_to(&budget->windows[window], share_percent);
}

static int64_t held_until(const struct budget *budget)
{
	return max_of(budget->back_off_until_ns, budget->banned_until_ns);
}

bool budget_take(struct budget *budget, const struct budget_ask *ask, int64_t now_ns,
		 struct budget_ticket *ticket)
{
	struct budget_window *window = window_of(budget, ask->window);
	advance(window, now_ns);
	int64_t used = max_of(used_by_us(window), used_by_all(window, now_ns));
	if (now_ns < held_until(budget) ||
	    used + ask->weight > allowed_to(window, ask->share_percent))
		return false;
	window->under_way += ask->weight;
	*ticket = (struct budget_ticket){ ask->window, ask->weight, window->settled, now_ns };
	return true;
}

void budget_give_back(struct budget *budget, const struct budget_ticket *ticket)
{
	struct budget_window *window = window_of(budget, ticket->window);
	window->under_way -= ticket->weight;
	CHECK(window->under_way >= 0);
}

void budget_settle(struct budget *budget, const struct budget_ticket *ticket, int64_t now_ns)
{
	struct budget_window *window = window_of(budget, ticket->window);
	budget_give_back(budget, ticket);
	advance(window, now_ns);
	window->spent[window->slice % RING] += ticket->weight;
	window->sum += ticket->weight;
	window->settled += ticket->weight;
}

/* The figure belongs to a later window than the one we know: its end is another one,
 * or it is lower although its request was taken after the higher one had been heard. */
static bool is_next_window(const struct budget_window *window, const struct budget_ticket *ticket,
			   int64_t used, int64_t until_ns)
{
	return until_ns - window->heard_until_ns > window->span_ns / 2 ||
	       (ticket->taken_ns >= window->heard_at_ns && used < window->heard_used);
}

void budget_heard(struct budget *budget, const struct budget_ticket *ticket, int64_t used,
		  int64_t now_ns, int64_t resets_ns)
{
	struct budget_window *window = window_of(budget, ticket->window);
	int64_t offset = used - ticket->settled - ticket->weight;
	int64_t until_ns = now_ns + (resets_ns < window->span_ns ? resets_ns : window->span_ns);
	bool is_next =
	    now_ns >= window->heard_until_ns || is_next_window(window, ticket, used, until_ns);
	if (!is_next && window->heard_until_ns - until_ns > window->span_ns / 2)
		return; /* of the window before: overtaken on its way */
	window->offset = is_next ? offset : max_of(window->offset, offset);
	window->heard_used = is_next ? used : max_of(window->heard_used, used);
	window->heard_until_ns = is_next ? until_ns : max_of(window->heard_until_ns, until_ns);
	window->heard_at_ns = now_ns;
}

void budget_back_off(struct budget *budget, int64_t until_ns)
{
	budget->back_off_until_ns = max_of(budget->back_off_until_ns, until_ns);
}

void budget_ban(struct budget *budget, int64_t until_ns)
{
	budget->banned_until_ns = max_of(budget->banned_until_ns, until_ns);
}

/* When enough of ours has been forgotten. What is under way is not forgotten before it
 * is settled: then the next slice is as good a time to ask again as any. */
static int64_t ours_ready_ns(const struct budget_window *window, int64_t excess, int64_t now_ns)
{
	if (excess <= 0)
		return now_ns;
	for (int64_t slice = window->slice - BUDGET_SLICES; slice <= window->slice; slice++) {
		if (slice < 0)
			continue;
		excess -= window->spent[slice % RING];
		if (excess <= 0)
			return (slice + RING) * window->slice_ns;
	}
	return now_ns + window->slice_ns;
}

int64_t budget_ready_ns(struct budget *budget, const struct budget_ask *ask, int64_t now_ns)
{
	struct budget_window *window = window_of(budget, ask->window);
	int64_t allowed = allowed_to(window, ask->share_percent) - ask->weight;
	advance(window, now_ns);
	int64_t ready_ns = ours_ready_ns(window, used_by_us(window) - allowed, now_ns);
	if (used_by_all(window, now_ns) > allowed)
		ready_ns = max_of(ready_ns, window->heard_until_ns);
	return max_of(ready_ns, held_until(budget));
}

double budget_used(struct budget *budget, uint8_t window_number, int64_t now_ns)
{
	struct budget_window *window = window_of(budget, window_number);
	advance(window, now_ns);
	int64_t used = max_of(used_by_us(window), used_by_all(window, now_ns));
	return (double)used / window->limit;
}
