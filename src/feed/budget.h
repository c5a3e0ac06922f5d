/* budget.h - what may be asked of a venue from this address, and when.
 *
 * A venue counts weight (or requests) per window of time. What we spend is kept below
 * `allowed` = the limit less a fifth (of which exchange accounts take at most 16 of 20 %, and
 * the rest is left to other programs of this address), in EVERY window of that length, wherever it
 * begins: a minute of the venue's wall clock is one of them, so no clock needs to be right.
 *
 *   take ----- under way: counted, whenever it arrives there -----> settle
 *   settle --- counted for one span and at most a slice longer ---> forgotten
 *
 * A request reaches the venue between take and settle. Of those that arrive within one
 * span the last was taken while each of the others was under way or had been settled
 * less than a span before: so all of them were counted when it was allowed.
 *
 * What the venue says it counted (the header of an answer) tells what others spend. It
 * covers all that was settled before its request was taken; what was settled since and
 * what is under way is added, which may count something twice, never too little. Until
 * the venue's window ends the highest figure holds.
 *
 * After 429 nothing is taken before the time it names (back_off), and so after a ban.
 * Pure: monotonic time of the caller. One thread; rests of one address may share one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BUDGET_WINDOWS = 2,
	BUDGET_SLICES = 60,   /* of a window's span */
	BUDGET_HELD_BACK = 5, /* one part in so many */
};

struct budget_rule {
	int32_t limit; /* of weight within the span; 0: there is no such window */
	int64_t span_ns;
};

struct budget_window {
	int32_t limit, allowed;
	int64_t span_ns, slice_ns;
	int64_t slice;                    /* the newest, counted from the clock's zero */
	int32_t spent[BUDGET_SLICES + 1]; /* settled in a slice, by its number */
	int64_t sum;                      /* of spent[] */
	int64_t under_way;                /* taken, not settled */
	int64_t settled;                  /* ever */
	/* What the venue said: used = offset + settled + under_way until heard_until_ns. */
	int64_t offset, heard_used, heard_at_ns, heard_until_ns;
};

struct budget {
	struct budget_window windows[BUDGET_WINDOWS];
	int64_t back_off_until_ns, banned_until_ns;
};

struct budget_ask {
	uint8_t window;
	uint8_t share_percent; /* of what is allowed; the rest is for more urgent ones */
	int32_t weight;
};

struct budget_ticket {
	uint8_t window;
	int32_t weight;
	int64_t settled, taken_ns; /* when it was taken */
};

void budget_init(struct budget *budget, const struct budget_rule rules[BUDGET_WINDOWS]);
/* The most one request may ever weigh. */
int32_t budget_weight_max(const struct budget *budget, uint8_t window, uint8_t share_percent);
/* True: it may go now, and is under way until it is settled or given back. */
bool budget_take(struct budget *budget, const struct budget_ask *ask, int64_t now_ns,
		 struct budget_ticket *ticket);
/* Answered, failed or cancelled: it may have arrived up to now. */
void budget_settle(struct budget *budget, const struct budget_ticket *ticket, int64_t now_ns);
/* It was never sent. */
void budget_give_back(struct budget *budget, const struct budget_ticket *ticket);
/* The settled request's answer: the venue counted `used` in its window, which ends in
 * at most resets_ns. */
void budget_heard(struct budget *budget, const struct budget_ticket *ticket, int64_t used,
		  int64_t now_ns, int64_t resets_ns);
void budget_back_off(struct budget *budget, int64_t until_ns); /* the latest holds */
void budget_ban(struct budget *budget, int64_t until_ns);
/* The earliest time at which it may be taken; later when others are taken before. */
int64_t budget_ready_ns(struct budget *budget, const struct budget_ask *ask, int64_t now_ns);
/* Share of the window's limit that is used, by all we know. */
double budget_used(struct budget *budget, uint8_t window, int64_t now_ns);
