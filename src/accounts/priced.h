/* priced.h - which assets of an account have a rate, from one sample of its equity to the
 * next, so that one whose rate is on its way is not drawn as a loss.
 *
 * The rule (samples are the owner's; it tells every asset at each):
 *   - an asset that had a rate must have one: without it no sample is taken;
 *   - one that never had is waited for while a market is there that may tell it, for
 *     PRICED_WAIT_MS from when it was seen first;
 *   - any other (dust that nobody trades) is in no sample, until it has a rate: from then
 *     on it must have one.
 * An asset that has left the account is forgotten.
 *
 * Bound: PRICED_MAX assets; what comes beyond is not waited for. Plain data, zeros to
 * begin with. Core: time is told. */
#pragma once

#include "accounts/accounts.h"

enum { PRICED_MAX = 2 * ACCOUNT_BALANCES_MAX, PRICED_WAIT_MS = 1800000 };

struct priced_asset {
	char name[ACCOUNT_ASSET_MAX + 1];
	bool had_rate;
	int64_t first_ms; /* seen */
	uint64_t round;   /* seen last */
};

struct priced {
	struct priced_asset assets[PRICED_MAX];
	uint32_t count;
	uint64_t round;
};

enum priced_rate { PRICED_RATE, PRICED_NO_RATE_YET, PRICED_NO_MARKET };

/* A sample begins: what was not told for the one before is forgotten. */
void priced_begin(struct priced *priced);
/* True: the sample may be taken as far as this asset goes. */
bool priced_told(struct priced *priced, struct str asset, enum priced_rate rate, int64_t now_ms);
