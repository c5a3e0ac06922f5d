/* A closed trade, as the archive's sums tell it or as its own hash does. */
#include "store/account_store_impl.h"

static void copy_name(char *to, size_t size, struct str name)
{
	if (str_copy(name, to, size) != STATUS_OK)
		to[0] = 0;
}

void account_move_of_sum(struct account_move *move, const struct trade_sum *sum)
{
	struct closed_trade *trade = &move->trade;
	*trade = (struct closed_trade){
		.position = sum->position,
		.sell = sum->side == TRADE_SELL,
		.has_sl = sum->has_sl,
		.has_tp = sum->has_tp,
		.volume = sum->volume_in,
		.price_open = trade_mean_price(sum->value_in, sum->volume_in),
		.price_close = trade_mean_price(sum->value_out, sum->volume_out),
		.sl = sum->has_sl ? sum->sl : 0,
		.tp = sum->has_tp ? sum->tp : 0,
		.commission = sum->commission,
		.swap = sum->swap,
		.fee = sum->fee,
		.pnl = sum->pnl,
		.opened_us = sum->opened_us,
		.closed_us = sum->closed_us,
		.deals = sum->deals,
	};
	copy_name(trade->symbol, sizeof trade->symbol, str_of(sum->symbol));
	copy_name(move->account.server, sizeof move->account.server, str_of(sum->server));
	move->account.login = sum->login;
}

static struct str field_of(const struct redis_reply *hash, const char *name)
{
	for (size_t i = 0; i + 1 < hash->count; i += 2)
		if (str_eq(hash->items[i].text, str_of(name)))
			return hash->items[i + 1].text;
	return STR("");
}

/* False: there is none. Digits beyond 10^-8 are more than a broker has. */
static bool e8_of(const struct redis_reply *hash, const char *name, int64_t *out)
{
	struct str text = field_of(hash, name);
	struct decimal value;
	return text.len && decimal_parse(text, &value) == STATUS_OK &&
	       decimal_rescale(value, 8, out) == STATUS_OK;
}

static int64_t whole_of(const struct redis_reply *hash, const char *name)
{
	int64_t value;
	struct str text = field_of(hash, name);
	return text.len && str_to_i64(text, &value) == STATUS_OK ? value : 0;
}

static int64_t offset_ms(const struct account_store *store, struct str instance)
{
	uint32_t slot = fleet_find(store->fleet, instance);
	return slot == FLEET_NONE ? 0 : fleet_at(store->fleet, slot)->offset_s * 1000;
}

/* Its newest deal is nearer to the close than the moment when that was noticed. */
static void read_times(const struct account_store *store, const struct redis_reply *hash,
		       struct account_move *move)
{
	int64_t opened_ms = whole_of(hash, "ct"), deal_ms = whole_of(hash, "dt");
	int64_t closed_ms = deal_ms ? deal_ms : whole_of(hash, "ut");
	opened_ms = opened_ms ? opened_ms - offset_ms(store, str_of(move->instance)) : closed_ms;
	move->trade.opened_us = (opened_ms < closed_ms ? opened_ms : closed_ms) * 1000;
	move->trade.closed_us = closed_ms * 1000;
}

/* Levels that are 0 are not set. */
static bool read_prices(const struct redis_reply *hash, struct closed_trade *trade)
{
	if (!e8_of(hash, "px", &trade->price_open))
		return false;
	trade->has_sl = e8_of(hash, "sl", &trade->sl) && trade->sl;
	trade->has_tp = e8_of(hash, "tp", &trade->tp) && trade->tp;
	return e8_of(hash, "cp", &trade->price_close) || e8_of(hash, "pc", &trade->price_close);
}

enum status account_hash_read(const struct account_store *store, const struct redis_reply *reply,
			      struct account_move *move)
{
	struct closed_trade *trade = &move->trade;
	int64_t closed_volume;
	if (reply->type != REDIS_ARRAY || !str_eq(field_of(reply, "st"), STR("closed")))
		return STATUS_NOT_FOUND;
	struct str symbol = field_of(reply, "sym");
	copy_name(trade->symbol, sizeof trade->symbol, symbol);
	copy_name(move->account.server, sizeof move->account.server, field_of(reply, "srv"));
	move->account.login = whole_of(reply, "login");
	trade->sell = str_eq(field_of(reply, "sd"), STR("sell"));
	if (!trade->symbol[0] || !e8_of(reply, "vol", &trade->volume) || !read_prices(reply, trade))
		return STATUS_FORMAT;
	/* vol is what was left of it; what was closed is all of it */
	if (e8_of(reply, "cv", &closed_volume) && closed_volume > trade->volume)
		trade->volume = closed_volume;
	const struct {
		const char *name;
		int64_t *value;
	} money[] = {
		{ "com", &trade->commission },
		{ "swp", &trade->swap },
		{ "fee", &trade->fee },
		{ "pnl", &trade->pnl },
	};
	for (size_t i = 0; i < ARRAY_LEN(money); i++)
		if (!e8_of(reply, money[i].name, money[i].value))
			*money[i].value = 0;
	trade->deals = 2; /* at least: the hash does not count them */
	read_times(store, reply, move);
	return STATUS_OK;
}
