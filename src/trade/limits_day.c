/* The day's closed profit of each account, and the deals that it is made of. */
#include "base/check.h"
#include "trade/limits_impl.h"

enum { DAY_MS = 86400000, DEALS_MASK = 2 * LIMITS_DEALS_MAX - 1 };

static int64_t day_of(int64_t ms) { return ms / DAY_MS - (ms % DAY_MS < 0); }

/* ---- deals ---- */

static size_t deal_place(const struct limits *limits, uint64_t hash)
{
	size_t at = hash & DEALS_MASK;
	while (limits->deals_table[at] && limits->deals_table[at] != hash)
		at = (at + 1) & DEALS_MASK;
	return at;
}

static void deal_out(struct limits *limits, uint64_t hash)
{
	size_t hole = deal_place(limits, hash), at = hole;
	while (limits->deals_table[at = (at + 1) & DEALS_MASK]) {
		size_t home = limits->deals_table[at] & DEALS_MASK;
		if (((at - home) & DEALS_MASK) < ((at - hole) & DEALS_MASK))
			continue;
		limits->deals_table[hole] = limits->deals_table[at];
		hole = at;
	}
	limits->deals_table[hole] = 0;
}

/* False: it counts already. */
static bool deal_add(struct limits *limits, uint64_t hash)
{
	hash = hash ? hash : 1; /* 0 is an empty place */
	if (limits->deals_table[deal_place(limits, hash)])
		return false;
	if (limits->deals_count == LIMITS_DEALS_MAX)
		deal_out(limits, limits->deals[limits->deals_at]);
	else
		limits->deals_count++;
	limits->deals[limits->deals_at] = hash;
	limits->deals_at = (limits->deals_at + 1) % LIMITS_DEALS_MAX;
	limits->deals_table[deal_place(limits, hash)] = hash;
	return true;
}

static uint64_t deal_hash(struct str server, int64_t login, uint64_t deal)
{
	char storage[LIMITS_NAME_MAX + 64];
	struct buf text = buf_over(storage, sizeof storage);
	buf_u64(&text, deal);
	buf_char(&text, ':');
	buf_i64(&text, login);
	buf_char(&text, ':');
	buf_str_put(&text, server);
	return str_hash(buf_str(&text));
}

/* ---- accounts ---- */

struct limits_account *limits_account_place(const struct limits *limits, struct str server,
					    int64_t login)
{
	size_t at = (size_t)(str_hash(server) + (uint64_t)login * UINT64_C(0x9E3779B97F4A7C15)) &
		    limits->accounts_mask;
	struct limits_account *account = &limits->accounts[at];
	while (account->used &&
	       !(account->login == login && str_eq(str_of(account->server), server))) {
		at = (at + 1) & limits->accounts_mask;
		account = &limits->accounts[at];
	}
	return account;
}

static struct limits_account *account_of(struct limits *limits, struct str server, int64_t login)
{
	struct limits_account *account = limits_account_place(limits, server, login);
	if (account->used)
		return account;
	if (limits->counts.accounts > limits->accounts_mask / 2 ||
	    str_copy(server, account->server, sizeof account->server)) {
		limits->counts.accounts_lost++;
		return NULL;
	}
	account->login = login;
	account->used = true;
	limits->counts.accounts++;
	return account;
}

/* A new day begins with nothing; a clock that was set back leaves the day as it is. */
void limits_day_begin(struct limits *limits)
{
	int64_t day = day_of(limits->now_ms);
	if (day <= limits->day)
		return;
	limits->day = day;
	limits->counts.accounts = 0;
	limits->deals_at = limits->deals_count = 0;
	memset(limits->accounts, 0, (limits->accounts_mask + 1) * sizeof limits->accounts[0]);
	memset(limits->deals_table, 0, 2 * LIMITS_DEALS_MAX * sizeof limits->deals_table[0]);
}

void limits_deal(struct limits *limits, struct str server, int64_t login, uint64_t deal,
		 int64_t at_ms, int64_t profit)
{
	if (day_of(at_ms) < limits->day)
		return;
	if (deal && !deal_add(limits, deal_hash(server, login, deal))) {
		limits->counts.deals_repeated++;
		return;
	}
	struct limits_account *account = account_of(limits, server, login);
	if (account && __builtin_add_overflow(account->profit, profit, &account->profit))
		account->profit = profit < 0 ? INT64_MIN / 2 : INT64_MAX / 2;
}

int64_t limits_day(const struct limits *limits, struct str server, int64_t login)
{
	const struct limits_account *account = limits_account_place(limits, server, login);
	return account->used ? account->profit : 0;
}
