/* Values in USD. */
#include "accounts/accounts.h"
#include "base/check.h"

static const i128 e8 = 100000000;

/* amount = whole + part / 10^18, price = p / 10^s, whole × p = q × 10^s + r:
 * in 10^-8 that is q × 10^8 + (r × 10^18 + part × p) / 10^(10 + s), and nothing of it is
 * wider than 128 bits. */
static enum status value_of(i128 amount_e18, const struct decimal *price, i128 *usd_e8)
{
	const i128 one = decimal_pow10(ACCOUNT_PLACES);
	const i128 scale = decimal_pow10(price->scale);
	i128 whole_price, high;
	if (__builtin_mul_overflow(amount_e18 / one, (i128)price->mantissa, &whole_price))
		return STATUS_RANGE;
	if (whole_price / scale > (i128)one)
		return STATUS_RANGE;
	high = whole_price / scale * e8;
	i128 low = whole_price % scale * one + amount_e18 % one * price->mantissa;
	i128 divisor = scale * decimal_pow10(10);
	*usd_e8 = high + low / divisor + (low % divisor >= divisor - divisor / 2);
	return STATUS_OK;
}

enum status account_usd(i128 amount_e18, const struct account_rate *rate, i128 *usd_e8)
{
	i128 value;
	CHECK(rate->price.mantissa >= 0);
	enum status status =
	    value_of(amount_e18 < 0 ? -amount_e18 : amount_e18, &rate->price, &value);
	if (!status)
		*usd_e8 = amount_e18 < 0 ? -value : value;
	return status;
}

static void add_age(const struct account *account, enum account_answer answer,
		    struct account_total *total, bool *lacks)
{
	if (!(account->answers >> answer & 1))
		return;
	int64_t said_ms = account->said_ms[answer];
	*lacks = *lacks || !said_ms || account->incomplete[answer];
	if (!total->oldest_ms || said_ms < total->oldest_ms)
		total->oldest_ms = said_ms;
}

void account_total(const struct account *account, account_rate_fn rate, void *ctx,
		   struct account_total *total)
{
	struct account_rate used;
	i128 usd_e8;
	bool lacks = false;
	*total = (struct account_total){ .usd_e8 = 0 };
	for (uint32_t i = 0; i < account->balance_count; i++) {
		const struct account_balance *balance = &account->balances[i];
		if (rate(ctx, str_of(balance->asset), &used) &&
		    account_usd(balance->equity_e18, &used, &usd_e8) == STATUS_OK) {
			total->usd_e8 += usd_e8;
			total->priced++;
		} else {
			total->unpriced++;
		}
	}
	for (enum account_answer answer = 0; answer <= ACCOUNT_SAID_POSITIONS; answer++)
		add_age(account, answer, total, &lacks);
	if (lacks)
		total->oldest_ms = 0;
}
