/* The book: accounts, their balances and positions, what failed. */
#include "accounts/accounts_impl.h"

#include <stdlib.h>

#include "base/check.h"

const char *account_state_text(enum account_state state)
{
	static const char *const texts[ACCOUNT_STATES] = {
		[ACCOUNT_UNASKED] = "not asked yet",
		[ACCOUNT_UP] = "up",
		[ACCOUNT_KEY_REFUSED] = "key refused",
		[ACCOUNT_CLOCK] = "clock off",
		[ACCOUNT_LIMITED] = "limited",
		[ACCOUNT_BANNED] = "banned",
		[ACCOUNT_AWAY] = "does not answer",
		[ACCOUNT_BAD_ANSWER] = "answer not understood",
	};
	CHECK(state < ACCOUNT_STATES);
	return texts[state];
}

const char *account_answer_text(enum account_answer answer)
{
	static const char *const texts[ACCOUNT_ANSWERS] = {
		[ACCOUNT_SAID_SPOT] = "spot",       [ACCOUNT_SAID_PERP] = "perp",
		[ACCOUNT_SAID_UNIFIED] = "unified", [ACCOUNT_SAID_POSITIONS] = "positions",
		[ACCOUNT_SAID_INCOME] = "income",
	};
	CHECK(answer < ACCOUNT_ANSWERS);
	return texts[answer];
}

/* ---- life ---- */

struct accounts *accounts_create(void) { return calloc(1, sizeof(struct accounts)); }

void accounts_destroy(struct accounts *accounts)
{
	if (!accounts)
		return;
	for (uint32_t i = 0; i < accounts->count; i++) {
		struct account_slot *slot = accounts->slots[i];
		for (uint32_t asset = 0; asset < ACCOUNT_PNL_ASSETS_MAX; asset++) {
			free(slot->account.pnl[asset]);
			free(slot->telling.pnl[asset]);
		}
		free(slot);
	}
	free(accounts);
}

bool account_name_is_good(struct str name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '_' || c == '-';
		if (!good)
			return false;
	}
	return name.len > 0 && name.len <= ACCOUNT_NAME_MAX;
}

enum status accounts_add(struct accounts *accounts, struct str name, enum venue venue,
			 uint32_t answers, uint32_t *slot)
{
	CHECK(venue < VENUE_COUNT);
	if (!account_name_is_good(name))
		return STATUS_INVALID;
	if (accounts_find(accounts, name) != ACCOUNT_NONE)
		return STATUS_EXISTS;
	if (accounts->count == ACCOUNTS_MAX)
		return STATUS_FULL;
	struct account_slot *made = calloc(1, sizeof *made);
	if (!made)
		return STATUS_NO_MEMORY;
	memcpy(made->account.name, name.ptr, name.len);
	made->account.venue = venue;
	made->account.answers = answers;
	*slot = accounts->count;
	accounts->slots[accounts->count++] = made;
	return STATUS_OK;
}

uint32_t accounts_count(const struct accounts *accounts) { return accounts->count; }

struct account_slot *accounts_slot(struct accounts *accounts, uint32_t slot)
{
	CHECK(slot < accounts->count);
	return accounts->slots[slot];
}

const struct account *accounts_at(const struct accounts *accounts, uint32_t slot)
{
	CHECK(slot < accounts->count);
	return &accounts->slots[slot]->account;
}

uint32_t accounts_find(const struct accounts *accounts, struct str name)
{
	for (uint32_t i = 0; i < accounts->count; i++)
		if (str_eq_nocase(str_of(accounts->slots[i]->account.name), name))
			return i;
	return ACCOUNT_NONE;
}

/* ---- balances and positions ---- */

void accounts_begin(struct accounts *accounts, uint32_t slot, enum account_answer answer)
{
	struct telling *telling = &accounts_slot(accounts, slot)->telling;
	CHECK(answer < ACCOUNT_SAID_INCOME);
	telling->open = true;
	telling->answer = answer;
	telling->incomplete = false;
	telling->count = 0;
}

/* NULL: there is no room, which is counted. */
static struct telling *room_for(struct account_slot *slot, uint32_t most)
{
	if (slot->telling.count < most)
		return &slot->telling;
	slot->account.left_out++;
	slot->telling.incomplete = true;
	return NULL;
}

void accounts_add_balance(struct accounts *accounts, uint32_t slot,
			  const struct account_balance *row)
{
	struct account_slot *of = accounts_slot(accounts, slot);
	CHECK(of->telling.open && (uint32_t)of->telling.answer == row->part);
	struct telling *telling = room_for(of, ACCOUNT_BALANCES_MAX);
	if (telling)
		telling->balances[telling->count++] = *row;
}

void accounts_add_position(struct accounts *accounts, uint32_t slot,
			   const struct account_position *row)
{
	struct account_slot *of = accounts_slot(accounts, slot);
	CHECK(of->telling.open && of->telling.answer == ACCOUNT_SAID_POSITIONS);
	CHECK(row->qty_e18 > 0);
	struct telling *telling = room_for(of, ACCOUNT_POSITIONS_MAX);
	if (telling)
		telling->positions[telling->count++] = *row;
}

void accounts_add_missing(struct accounts *accounts, uint32_t slot)
{
	struct account_slot *of = accounts_slot(accounts, slot);
	of->account.left_out++;
	of->telling.incomplete = true;
}

/* The other parts' balances stay, in their order: by part. */
static void commit_balances(struct account_slot *slot)
{
	struct account *account = &slot->account;
	struct telling *telling = &slot->telling;
	struct account_balance kept[ACCOUNT_BALANCES_MAX];
	uint32_t old = account->balance_count, count = 0, at = 0;
	memcpy(kept, account->balances, old * sizeof *kept);
	for (uint32_t part = 0; part < ACCOUNT_PARTS; part++) {
		const struct account_balance *rows = kept;
		uint32_t n = old;
		if (part == (uint32_t)telling->answer) {
			rows = telling->balances;
			n = telling->count;
		}
		for (at = 0; at < n; at++) {
			if (rows[at].part != part)
				continue;
			if (count < ACCOUNT_BALANCES_MAX) {
				account->balances[count++] = rows[at];
			} else {
				account->left_out++;
				account->incomplete[part] = true;
			}
		}
	}
	account->balance_count = count;
}

/* What positions would bring, and what they hold, of one asset. */
static void add_positions(const struct account *account, struct account_balance *balance)
{
	balance->unrealised_e18 = 0;
	balance->locked_e18 = 0;
	for (uint32_t i = 0; i < account->position_count; i++) {
		const struct account_position *position = &account->positions[i];
		if (strcmp(position->asset, balance->asset) != 0)
			continue;
		balance->unrealised_e18 += position->unrealised_e18;
		balance->locked_e18 += position->margin_e18;
	}
	balance->locked_known = true;
	balance->equity_e18 = balance->wallet_e18 + balance->unrealised_e18;
}

static void value_perp(struct account *account)
{
	if (!account->said_ms[ACCOUNT_SAID_POSITIONS])
		return;
	for (uint32_t i = 0; i < account->balance_count; i++)
		if (account->balances[i].part == ACCOUNT_PERP)
			add_positions(account, &account->balances[i]);
}

void accounts_commit(struct accounts *accounts, uint32_t slot, int64_t now_ms)
{
	struct account_slot *of = accounts_slot(accounts, slot);
	struct account *account = &of->account;
	struct telling *telling = &of->telling;
	CHECK(telling->open);
	telling->open = false;
	account->incomplete[telling->answer] = telling->incomplete;
	if (telling->answer == ACCOUNT_SAID_INCOME) {
		accounts_commit_income(of);
	} else if (telling->answer == ACCOUNT_SAID_POSITIONS) {
		memcpy(account->positions, telling->positions,
		       telling->count * sizeof *telling->positions);
		account->position_count = telling->count;
	} else {
		commit_balances(of);
	}
	account->said_ms[telling->answer] = now_ms;
	value_perp(account);
}

/* ---- what became of the asking ---- */

void accounts_well(struct accounts *accounts, uint32_t slot)
{
	struct account *account = &accounts_slot(accounts, slot)->account;
	account->state = ACCOUNT_UP;
	account->why[0] = 0;
	account->until_ms = 0;
}

void accounts_fault(struct accounts *accounts, uint32_t slot, enum account_state state,
		    const char *why, int64_t until_ms, int64_t now_ms)
{
	struct account *account = &accounts_slot(accounts, slot)->account;
	CHECK(state > ACCOUNT_UP && state < ACCOUNT_STATES);
	size_t len = strlen(why);
	len = len < sizeof account->why ? len : sizeof account->why - 1;
	while (len && ((unsigned char)why[len] & 0xc0) == 0x80)
		len--; /* never half a character */
	memcpy(account->why, why, len);
	account->why[len] = 0;
	account->state = state;
	account->until_ms = until_ms;
	account->failed_ms = now_ms;
	account->faults[state]++;
}
