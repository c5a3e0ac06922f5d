#include "accounts/priced.h"

void priced_begin(struct priced *priced)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < priced->count; i++)
		if (priced->assets[i].round == priced->round)
			priced->assets[kept++] = priced->assets[i];
	priced->count = kept;
	priced->round++;
}

/* NULL: there is no room. */
static struct priced_asset *asset_of(struct priced *priced, struct str name, int64_t now_ms)
{
	for (uint32_t i = 0; i < priced->count; i++)
		if (str_eq(str_of(priced->assets[i].name), name))
			return &priced->assets[i];
	struct priced_asset made = { .first_ms = now_ms };
	if (priced->count == PRICED_MAX || str_copy(name, made.name, sizeof made.name))
		return NULL;
	priced->assets[priced->count] = made;
	return &priced->assets[priced->count++];
}

bool priced_told(struct priced *priced, struct str name, enum priced_rate rate, int64_t now_ms)
{
	struct priced_asset *asset = asset_of(priced, name, now_ms);
	if (!asset)
		return true;
	asset->round = priced->round;
	asset->had_rate = asset->had_rate || rate == PRICED_RATE;
	if (rate == PRICED_RATE)
		return true;
	bool waits = rate == PRICED_NO_RATE_YET && now_ms - asset->first_ms < PRICED_WAIT_MS;
	return !asset->had_rate && !waits;
}
