/* A result as a deal of the day: read by itself, for what is no row of the archive for one of its
 * texts has amounts all the same. */
#include "base/check.h"
#include "base/decimal.h"
#include "daemon/day_loss_impl.h"
#include "trade/result.h"

static const int64_t time_max_ms = 253402300799999; /* the end of the year 9999 */

static int64_t money_of(struct str text)
{
	const i128 most = INT64_MAX / 1024; /* sums of them must not overflow */
	struct decimal decimal;
	if (decimal_parse(text, &decimal))
		return 0;
	i128 value = decimal.mantissa;
	for (int32_t places = decimal.scale; places < 8; places++)
		value *= 10;
	for (int32_t places = decimal.scale; places > 8; places--)
		value /= 10;
	return (int64_t)(value > most ? most : value < -most ? -most : value);
}

static int64_t ms_of(struct str text, int64_t absent)
{
	int64_t ms;
	return text.len && !str_to_i64(text, &ms) && ms >= 0 && ms <= time_max_ms ? ms : absent;
}

/* deal:SERVER:LOGIN:TICKET. A server's name may have colons in it, a login has not. */
static void take_account(struct str rid, struct day_deal *deal)
{
	struct str rest = str_skip(rid, 5);
	size_t ends[2], at = rest.len;
	if (!str_starts(rid, STR("deal:")))
		return;
	for (size_t i = 0; i < 2; i++) {
		while (at > 0 && rest.ptr[at - 1] != ':')
			at--;
		if (at == 0)
			return;
		ends[i] = --at;
	}
	if (!str_to_i64(str_make(rest.ptr + ends[1] + 1, ends[0] - ends[1] - 1), &deal->login))
		deal->server = str_make(rest.ptr, ends[1]);
}

bool day_loss_deal(const struct str *values, int64_t received_ms, struct day_deal *deal,
		   int64_t *server_ms)
{
	static const enum result_field parts[] = { RESULT_pnl, RESULT_com, RESULT_swp, RESULT_fee };
	struct str side = values[RESULT_sd];
	*deal = (struct day_deal){ .instance = values[RESULT_ins] };
	if (str_to_u64(values[RESULT_deal], &deal->deal) || !deal->deal ||
	    (side.len && !str_eq(side, STR("buy")) && !str_eq(side, STR("sell"))))
		return false;
	take_account(values[RESULT_rid], deal);
	deal->at_us = ms_of(values[RESULT_t], received_ms) * 1000;
	*server_ms = ms_of(values[RESULT_sv], 0);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		deal->profit += money_of(values[parts[i]]);
	return true;
}

void day_loss_gather(const struct redis_reply *fields, size_t count, struct str *values)
{
	static const struct str names[RESULT_FIELDS] = {
#define RESULT(id, unit, meaning) { #id, sizeof #id - 1 },
#include "def/results.def"
	};
	for (size_t i = 0; i + 1 < count; i += 2)
		for (size_t field = 0; field < RESULT_FIELDS; field++)
			if (str_eq(fields[i].text, names[field]) && !values[field].ptr)
				values[field] = fields[i + 1].text;
}
