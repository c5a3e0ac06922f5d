/* What is known of liquidations: lists, sums, cascades, and the words for them. */
#include "base/check.h"
#include "market/liquidations_impl.h"

size_t liquidations_assets(const struct liquidations *all) { return all->n_assets; }

struct str liquidations_asset(const struct liquidations *all, size_t index)
{
	CHECK(index < all->n_assets);
	return str_of(all->sorted[index]->name);
}

/* NULL: no such asset. */
static const struct ledger *ledger_of(const struct liquidations *all, struct str asset)
{
	if (!asset.len)
		return &all->total;
	const struct liquidation_asset *found = liquidations_find(all, asset);
	return found ? &found->ledger : NULL;
}

size_t liquidations_last(const struct liquidations *all, struct str asset, struct liquidation *out,
			 size_t cap)
{
	const struct ledger *ledger = ledger_of(all, asset);
	size_t n = ledger ? ledger->n_last : 0;
	if (n > cap)
		n = cap;
	for (size_t i = 0; i < n; i++)
		out[i] = ledger->last[ledger->n_last - 1 - i];
	return n;
}

void liquidations_sum(const struct liquidations *all, struct str asset, int32_t minutes,
		      int64_t now_ms, struct liquidation_sums *out)
{
	CHECK(minutes >= 1 && minutes <= LIQUIDATIONS_MINUTES);
	const struct ledger *ledger = ledger_of(all, asset);
	int64_t last = now_ms / LIQUIDATION_MINUTE_MS;
	*out = (struct liquidation_sums){ 0 };
	if (!ledger || last <= 0)
		return;
	for (int64_t number = last > minutes ? last - minutes + 1 : 1; number <= last; number++) {
		const struct liquidation_minute *minute =
		    &ledger->minutes[number % LIQUIDATIONS_MINUTES];
		if (minute->number != number)
			continue;
		out->long_e8 += minute->long_e8;
		out->short_e8 += minute->short_e8;
		out->n_long += minute->n_long;
		out->n_short += minute->n_short;
		out->at_least |= minute->sampled;
	}
}

bool liquidations_cascade(const struct liquidations *all, struct str asset, struct cascade *out)
{
	const struct liquidation_asset *found = liquidations_find(all, asset);
	if (!found || !found->watch.state.active)
		return false;
	*out = found->watch.state;
	return true;
}

/* Newest first: by their begin, those that began together by name. */
static size_t put_in_order(struct cascade *list, size_t n, const struct cascade *cascade)
{
	size_t at = n;
	for (; at > 0 && (list[at - 1].began_ms < cascade->began_ms ||
			  (list[at - 1].began_ms == cascade->began_ms &&
			   strcmp(list[at - 1].asset, cascade->asset) > 0));
	     at--)
		list[at] = list[at - 1];
	list[at] = *cascade;
	return n + 1;
}

size_t liquidations_cascades(const struct liquidations *all, struct cascade *out, size_t cap)
{
	struct cascade list[LIQUIDATIONS_ASSETS + CASCADES_KEPT];
	size_t n = 0;
	for (size_t i = 0; i < all->n_finished; i++)
		n = put_in_order(list, n, &all->finished[i]);
	for (size_t i = 0; i < all->n_assets; i++)
		if (all->assets[i].watch.state.active)
			n = put_in_order(list, n, &all->assets[i].watch.state);
	if (n > cap)
		n = cap;
	memcpy(out, list, n * sizeof *out);
	return n;
}

int64_t liquidations_newest_ms(const struct liquidations *all) { return all->newest_ms; }
uint64_t liquidations_left_out(const struct liquidations *all) { return all->left_out; }

enum liquidation_size liquidation_size_of(const struct liquidations *all, i128 quote_e8)
{
	const struct liquidations_config *config = &all->config;
	i128 unit = decimal_pow10(8);
	if (quote_e8 >= config->size_whale * unit)
		return SIZE_WHALE;
	if (quote_e8 >= config->size_institutional * unit)
		return SIZE_INSTITUTIONAL;
	return quote_e8 >= config->size_large * unit ? SIZE_LARGE : SIZE_NORMAL;
}

const char *liquidation_size_text(enum liquidation_size size)
{
	static const char *const texts[] = { "NORMAL", "LARGE", "INSTITUTIONAL", "WHALE" };
	CHECK((size_t)size < ARRAY_LEN(texts));
	return texts[size];
}

const char *cascade_risk_text(enum cascade_risk risk)
{
	static const char *const texts[] = { "n/a", "LOW", "MODERATE", "HIGH", "EXTREME" };
	CHECK((size_t)risk < ARRAY_LEN(texts));
	return texts[risk];
}
