/* Income by UTC hours: what was told of a span replaces the hours of that span. */
#include <stdlib.h>

#include "accounts/accounts_impl.h"
#include "base/check.h"

void accounts_begin_income(struct accounts *accounts, uint32_t slot, int64_t from_ms, int64_t to_ms)
{
	struct telling *telling = &accounts_slot(accounts, slot)->telling;
	CHECK(from_ms > 0 && from_ms % HOUR_MS == 0 && to_ms > from_ms);
	telling->open = true;
	telling->answer = ACCOUNT_SAID_INCOME;
	telling->incomplete = false;
	telling->from_hour = from_ms / HOUR_MS;
	telling->to_hour = (to_ms + HOUR_MS - 1) / HOUR_MS;
	CHECK(telling->to_hour - telling->from_hour <= ACCOUNT_PNL_HOURS);
	for (uint32_t i = 0; i < ACCOUNT_PNL_ASSETS_MAX; i++)
		if (telling->pnl[i])
			memset(telling->pnl[i]->hours, 0, sizeof telling->pnl[i]->hours);
}

/* Where the asset's hours are told; made when it first earns. NULL: no room. */
static struct account_pnl *pnl_for(struct account_slot *slot, const char *asset)
{
	struct account *account = &slot->account;
	struct telling *telling = &slot->telling;
	for (uint32_t i = 0; i < account->pnl_count; i++)
		if (strcmp(account->pnl[i]->asset, asset) == 0)
			return telling->pnl[i];
	uint32_t at = account->pnl_count;
	if (at == ACCOUNT_PNL_ASSETS_MAX)
		return NULL;
	struct account_pnl *held = calloc(1, sizeof *held), *told = calloc(1, sizeof *told);
	if (!held || !told) {
		free(held);
		free(told);
		return NULL;
	}
	memcpy(held->asset, asset, sizeof held->asset);
	memcpy(told->asset, asset, sizeof told->asset);
	account->pnl[at] = held;
	telling->pnl[at] = told;
	account->pnl_count++;
	return told;
}

/* False: no account earns so much, and sums of more hours could not hold it. */
static bool add_row(struct account_pnl_hour *at, int64_t hour, const struct account_income *row)
{
	const i128 most = (i128)decimal_pow10(17) * decimal_pow10(17);
	i128 sum = at->sums_e18[row->kind] + row->amount_e18;
	if (sum > most || sum < -most)
		return false;
	at->hour = hour;
	at->rows += row->kind == ACCOUNT_REALISED;
	at->sums_e18[row->kind] = sum;
	return true;
}

void accounts_add_income(struct accounts *accounts, uint32_t slot, const struct account_income *row)
{
	struct account_slot *of = accounts_slot(accounts, slot);
	struct telling *telling = &of->telling;
	int64_t hour = row->t_ms / HOUR_MS;
	CHECK(telling->open && telling->answer == ACCOUNT_SAID_INCOME);
	CHECK(row->kind < ACCOUNT_INCOMES);
	if (hour < telling->from_hour || hour >= telling->to_hour)
		return;
	struct account_pnl *pnl = pnl_for(of, row->asset);
	if (!pnl || !add_row(&pnl->hours[hour % ACCOUNT_PNL_HOURS], hour, row))
		accounts_add_missing(accounts, slot);
}

/* Hours that are not known without a hole are none: a venue whose clock was years ahead
 * would have the newest ones for ever. */
static void forget_hours(struct account *account)
{
	for (uint32_t i = 0; i < account->pnl_count; i++)
		memset(account->pnl[i]->hours, 0, sizeof account->pnl[i]->hours);
}

static void cover(struct account *account, int64_t from_ms, int64_t to_ms)
{
	bool meets =
	    account->pnl_from_ms && from_ms <= account->pnl_to_ms && to_ms >= account->pnl_from_ms;
	if (!meets)
		forget_hours(account);
	if (!meets || from_ms < account->pnl_from_ms)
		account->pnl_from_ms = from_ms;
	if (!meets || to_ms > account->pnl_to_ms)
		account->pnl_to_ms = to_ms;
}

void accounts_commit_income(struct account_slot *slot)
{
	struct account *account = &slot->account;
	struct telling *telling = &slot->telling;
	cover(account, telling->from_hour * HOUR_MS, telling->to_hour * HOUR_MS);
	for (uint32_t i = 0; i < account->pnl_count; i++) {
		struct account_pnl_hour *held = account->pnl[i]->hours;
		const struct account_pnl_hour *told = telling->pnl[i]->hours;
		for (int64_t hour = telling->from_hour; hour < telling->to_hour; hour++) {
			size_t at = (size_t)(hour % ACCOUNT_PNL_HOURS);
			/* An older span does not push out newer hours. */
			if (held[at].hour <= hour)
				held[at] = told[at];
		}
	}
}

const char *account_window_text(enum account_window window)
{
	static const char *const texts[ACCOUNT_WINDOWS] = {
		[ACCOUNT_1D] = "1d", [ACCOUNT_7D] = "7d", [ACCOUNT_30D] = "30d"
	};
	CHECK(window < ACCOUNT_WINDOWS);
	return texts[window];
}

void account_earned(const struct account *account, uint32_t index, enum account_window window,
		    int64_t now_ms, struct account_earned *out)
{
	static const int64_t hours[ACCOUNT_WINDOWS] = {
		[ACCOUNT_1D] = 24, [ACCOUNT_7D] = 7 * 24, [ACCOUNT_30D] = 30 * 24
	};
	CHECK(window < ACCOUNT_WINDOWS && index < account->pnl_count);
	int64_t last = now_ms / HOUR_MS, first = last - hours[window];
	*out = (struct account_earned){ .from_ms = first * HOUR_MS };
	out->known = account->pnl_from_ms && account->pnl_from_ms <= out->from_ms;
	for (int64_t hour = first; hour <= last; hour++) {
		const struct account_pnl_hour *at =
		    &account->pnl[index]->hours[hour % ACCOUNT_PNL_HOURS];
		if (hour <= 0 || at->hour != hour)
			continue;
		out->rows += at->rows;
		for (int kind = 0; kind < ACCOUNT_INCOMES; kind++) {
			out->sums_e18[kind] += at->sums_e18[kind];
			out->all_e18 += at->sums_e18[kind];
		}
	}
}
