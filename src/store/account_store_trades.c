/* What the deals of a position add up to, and how it was opened: fields of its trade_state.
 *
 * rq lat slp   of the deal that opened it (or added to it last)
 * fp           lots that its side's deals brought
 * com fee      of all its deals; rs rp: swap and profit that they realised, which become
 *              swp and pnl when the trade is closed
 * cv cp        lots that were closed, at which mean price
 * ld dt        the newest deal, and when it was taken */
#include "base/check.h"
#include "store/account_store_impl.h"

/* ---- the pool ---- */

static uint64_t hash_of(struct str instance, uint64_t position)
{
	uint64_t hash = str_hash(instance) ^ position * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ hash >> 32;
}

static uint64_t trade_hash(const struct account_trade *trade)
{
	return hash_of(str_of(trade->instance), trade->position);
}

/* Where it is, or the free place where it would go. */
static uint32_t *place_of(const struct account_store *store, struct str instance, uint64_t position)
{
	uint32_t at = hash_of(instance, position) % ACCOUNT_TRADE_PLACES;
	for (; store->trade_index[at]; at = (at + 1) % ACCOUNT_TRADE_PLACES) {
		const struct account_trade *trade = &store->trades[store->trade_index[at] - 1];
		if (trade->position == position && str_eq(str_of(trade->instance), instance))
			break;
	}
	return &store->trade_index[at];
}

struct account_trade *account_trade_find(const struct account_store *store, struct str instance,
					 uint64_t position)
{
	uint32_t place = *place_of(store, instance, position);
	return place ? &store->trades[place - 1] : NULL;
}

static uint32_t take_slot(struct account_store *store)
{
	uint32_t at = store->trades_free;
	if (!at)
		return store->trades_end++;
	store->trades_free = (uint32_t)store->trades[at - 1].below;
	return at - 1;
}

struct account_trade *account_trade_add(struct account_store *store, struct str instance,
					uint64_t position)
{
	uint32_t *place = place_of(store, instance, position);
	CHECK(store->trades && !*place);
	if (store->trades_used == ACCOUNT_STORE_TRADES) {
		store->counts.trades_refused++;
		return NULL;
	}
	uint32_t at = take_slot(store);
	struct account_trade *trade = &store->trades[at];
	*trade = (struct account_trade){ .used = true, .position = position };
	CHECK(str_copy(instance, trade->instance, sizeof trade->instance) == STATUS_OK);
	trade->made_ms = account_wall_ms(store);
	*place = at + 1;
	store->trades_used++;
	return trade;
}

/* Those behind it move up, so that no search ends at the hole too early. */
static void index_remove(struct account_store *store, const struct account_trade *trade)
{
	uint32_t hole = (uint32_t)(place_of(store, str_of(trade->instance), trade->position) -
				   store->trade_index);
	uint32_t at = hole, other;
	while ((other = store->trade_index[at = (at + 1) % ACCOUNT_TRADE_PLACES])) {
		uint32_t home =
		    (uint32_t)(trade_hash(&store->trades[other - 1]) % ACCOUNT_TRADE_PLACES);
		if ((at - home) % ACCOUNT_TRADE_PLACES >= (at - hole) % ACCOUNT_TRADE_PLACES) {
			store->trade_index[hole] = other;
			hole = at;
		}
	}
	store->trade_index[hole] = 0;
}

void account_trade_remove(struct account_store *store, struct account_trade *trade)
{
	CHECK(trade->used);
	index_remove(store, trade);
	trade->used = false;
	trade->below = store->trades_free;
	store->trades_free = (uint32_t)(trade - store->trades) + 1;
	store->trades_used--;
}

void account_trades_forget(struct account_store *store, struct str instance)
{
	for (uint32_t i = 0; i < store->trades_end; i++) {
		struct account_trade *trade = &store->trades[i];
		if (trade->used && !trade->closed && str_eq(str_of(trade->instance), instance))
			account_trade_remove(store, trade);
	}
}

/* ---- whether the terminal tells of it ---- */

void account_trade_is_held(struct account_row *row, struct account_trade *trade)
{
	if (trade->unheld && row->unheld)
		row->unheld--;
	trade->unheld = false;
}

bool account_trade_is_young(const struct account_store *store, const struct account_trade *trade)
{
	return trade->unheld && !trade->closed &&
	       account_wall_ms(store) - trade->made_ms < ACCOUNT_UNHELD_MS;
}

/* ---- a deal ---- */

struct deal {
	uint64_t position, ticket;
	bool has_side, sell, opens, partly, has_requested, has_slippage, has_latency;
	int64_t volume, price, commission, swap, fee, profit;
	struct number requested, slippage;
	int64_t latency_ms, ms;
};

/* 0 where there is none, or none that fits. */
static int64_t take_e8(struct str text)
{
	struct decimal value;
	int64_t e8;
	if (!text.len || decimal_parse(text, &value) || decimal_rescale(value, 8, &e8))
		return 0;
	return e8;
}

static uint64_t take_u64(struct str text)
{
	uint64_t value;
	return text.len && !str_to_u64(text, &value) ? value : 0;
}

/* A position's identifier is the ticket of the order that opened it. */
static bool opens(const struct result *result)
{
	struct str entry = result->fields[RESULT_en];
	return entry.len ? str_eq(entry, STR("in"))
			 : str_eq(result->fields[RESULT_ord], result->fields[RESULT_pos]);
}

static bool read_deal(const struct result *result, struct deal *deal)
{
	const struct str *fields = result->fields;
	struct str side = fields[RESULT_sd];
	*deal = (struct deal){
		.position = take_u64(fields[RESULT_pos]),
		.ticket = result->deal,
		.sell = str_eq(side, STR("sell")),
		.opens = opens(result),
		.partly = str_eq(fields[RESULT_st], STR("part")),
		.volume = take_e8(fields[RESULT_vol]),
		.price = take_e8(fields[RESULT_px]),
		.commission = take_e8(fields[RESULT_com]),
		.swap = take_e8(fields[RESULT_swp]),
		.fee = take_e8(fields[RESULT_fee]),
		.profit = take_e8(fields[RESULT_pnl]),
		.latency_ms = (int64_t)take_u64(fields[RESULT_ex]),
		.ms = (int64_t)take_u64(fields[RESULT_t]),
	};
	deal->has_side = deal->volume > 0 && (deal->sell || str_eq(side, STR("buy")));
	deal->has_latency = fields[RESULT_ex].len > 0;
	deal->has_requested =
	    fields[RESULT_rq].len && number_parse(fields[RESULT_rq], &deal->requested) == STATUS_OK;
	deal->has_slippage = fields[RESULT_slp].len &&
			     number_parse(fields[RESULT_slp], &deal->slippage) == STATUS_OK;
	return deal->position && deal->ticket;
}

static bool is_known(const struct account_trade *trade, uint64_t ticket)
{
	for (uint32_t i = 0; i < trade->known_count; i++)
		if (trade->known[i] == ticket)
			return true;
	return ticket <= trade->below;
}

/* The lowest makes room, and everything up to it counts as known. */
static void note_ticket(struct account_trade *trade, uint64_t ticket)
{
	trade->newest = ticket > trade->newest ? ticket : trade->newest;
	if (trade->known_count < ACCOUNT_DEALS_KNOWN) {
		trade->known[trade->known_count++] = ticket;
		return;
	}
	uint32_t lowest = 0;
	for (uint32_t i = 1; i < ACCOUNT_DEALS_KNOWN; i++)
		lowest = trade->known[i] < trade->known[lowest] ? i : lowest;
	trade->below = trade->known[lowest];
	trade->known[lowest] = ticket;
}

/* What does not fit 63 bits stays as it was. */
static void add(int64_t *sum, int64_t value)
{
	int64_t next;
	if (!__builtin_add_overflow(*sum, value, &next))
		*sum = next;
}

static void add_volume(struct account_trade *trade, const struct deal *deal)
{
	bool in = deal->sell == trade->sell;
	i128 *value = in ? &trade->value_in : &trade->value_out, next;
	if (!__builtin_add_overflow(*value, (i128)deal->volume * deal->price, &next))
		*value = next;
	add(in ? &trade->volume_in : &trade->volume_out, deal->volume);
	if (!in)
		return;
	trade->partly = deal->partly;
	trade->has_requested = deal->has_requested;
	trade->requested = deal->requested;
	trade->has_slippage = deal->has_slippage;
	trade->slippage = deal->slippage;
	trade->has_latency = deal->has_latency;
	trade->latency_ms = deal->latency_ms;
}

static void take(struct account_trade *trade, const struct deal *deal)
{
	note_ticket(trade, deal->ticket);
	trade->deal_ms = deal->ms > trade->deal_ms ? deal->ms : trade->deal_ms;
	add(&trade->commission, deal->commission);
	add(&trade->fee, deal->fee);
	add(&trade->swap, deal->swap);
	add(&trade->profit, deal->profit);
	if (deal->has_side)
		add_volume(trade, deal);
}

/* Of a position that is neither open nor was, only what opens it begins a trade. */
static struct account_trade *begin(struct account_store *store, const struct instance *instance,
				   const struct deal *deal, struct str symbol)
{
	struct account_row *row = &store->rows[instance->slot];
	const struct position *position = account_held(instance, deal->position);
	struct account_trade *trade = NULL;
	if (position || (deal->opens && deal->has_side))
		trade = account_trade_add(store, str_of(instance->identity.id), deal->position);
	if (!trade)
		return NULL;
	trade->sell = position ? position->side : deal->sell;
	trade->unheld = !position;
	if (str_copy(position ? str_of(position->symbol) : symbol, trade->symbol,
		     sizeof trade->symbol) != STATUS_OK)
		trade->symbol[0] = 0;
	if (trade->unheld) {
		row->unheld++;
		row->unheld_ms = trade->made_ms;
	}
	return trade;
}

void account_store_result(struct account_store *store, const struct instance *instance,
			  const struct result *result)
{
	struct deal deal;
	if (!read_deal(result, &deal))
		return;
	struct account_trade *trade =
	    account_trade_find(store, str_of(instance->identity.id), deal.position);
	if (!trade)
		trade = begin(store, instance, &deal, result->fields[RESULT_sym]);
	if (!trade)
		return;
	if (is_known(trade, deal.ticket)) {
		store->counts.results_known++;
		return;
	}
	take(trade, &deal);
	store->counts.results++;
	account_write_trade(&store->rows[instance->slot], instance, trade);
}

/* ---- fields ---- */

static void put_e8(struct command_text *command, struct str field, i128 value)
{
	char storage[48];
	struct buf text = buf_over(storage, sizeof storage);
	decimal_print_trim(&text, value, 8);
	command_word(command, field);
	command_copy(command, buf_str(&text));
}

static void put_number(struct command_text *command, struct str field, struct number value)
{
	command_word(command, field);
	command_number(command, value);
}

void account_trade_put(struct command_text *command, const struct account_trade *trade)
{
	if (!trade || !trade->newest)
		return;
	if (trade->has_requested)
		put_number(command, STR("rq"), trade->requested);
	if (trade->has_slippage)
		put_number(command, STR("slp"), trade->slippage);
	if (trade->has_latency)
		command_pair_i64(command, STR("lat"), trade->latency_ms);
	if (trade->volume_in)
		put_e8(command, STR("fp"), trade->volume_in);
	put_e8(command, STR("com"), trade->commission);
	put_e8(command, STR("fee"), trade->fee);
	put_e8(command, STR("rs"), trade->swap);
	put_e8(command, STR("rp"), trade->profit);
	if (trade->volume_out) {
		put_e8(command, STR("cv"), trade->volume_out);
		put_e8(command, STR("cp"), trade_mean_price(trade->value_out, trade->volume_out));
	}
	command_word(command, STR("ld"));
	command_u64(command, trade->newest);
	command_pair_i64(command, STR("dt"), trade->deal_ms);
}

void account_trade_put_opening(struct command_text *command, const struct account_trade *trade)
{
	put_e8(command, STR("vol"), trade->volume_in);
	put_e8(command, STR("px"), trade_mean_price(trade->value_in, trade->volume_in));
}

void account_trade_put_late(struct command_text *command, const struct account_trade *trade)
{
	account_trade_put(command, trade);
	put_e8(command, STR("swp"), trade->swap);
	put_e8(command, STR("pnl"), trade->profit);
}

void account_trade_put_end(struct account_store *store, const struct account_trade *trade)
{
	struct command_text *command = &store->pipe.text;
	command_pair(command, STR("st"), STR("closed"));
	command_pair_i64(command, STR("ut"), account_wall_ms(store));
	if (trade && trade->newest)
		account_trade_put_late(command, trade);
}

/* ---- and back ---- */

static bool read_e8(struct str value, int64_t *out)
{
	struct decimal decimal;
	return decimal_parse(value, &decimal) == STATUS_OK &&
	       decimal_rescale(decimal, 8, out) == STATUS_OK;
}

static bool read_sum(struct account_trade *trade, struct str name, struct str value, bool *taken)
{
	int64_t mean = 0;
	const struct {
		struct str name;
		int64_t *sum;
	} sums[] = {
		{ STR("fp"), &trade->volume_in },
		{ STR("com"), &trade->commission },
		{ STR("fee"), &trade->fee },
		{ STR("rs"), &trade->swap },
		{ STR("rp"), &trade->profit },
		{ STR("cv"), &trade->volume_out },
		{ STR("cp"), &mean },
	};
	for (size_t i = 0; i < ARRAY_LEN(sums); i++) {
		if (!str_eq(name, sums[i].name))
			continue;
		*taken = true;
		bool good = read_e8(value, sums[i].sum);
		if (mean) /* until all is read: its volume may come behind it */
			trade->value_out = mean;
		return good;
	}
	return true;
}

bool account_trade_take(struct account_trade *trade, struct str name, struct str value, bool *taken)
{
	*taken = false;
	bool good = read_sum(trade, name, value, taken);
	if (*taken)
		return good;
	*taken = true;
	if (str_eq(name, STR("rq")))
		return trade->has_requested = number_parse(value, &trade->requested) == STATUS_OK;
	if (str_eq(name, STR("slp")))
		return trade->has_slippage = number_parse(value, &trade->slippage) == STATUS_OK;
	if (str_eq(name, STR("lat")))
		return trade->has_latency = str_to_i64(value, &trade->latency_ms) == STATUS_OK;
	if (str_eq(name, STR("ld")))
		return str_to_u64(value, &trade->newest) == STATUS_OK;
	if (str_eq(name, STR("dt")))
		return str_to_i64(value, &trade->deal_ms) == STATUS_OK;
	if (str_eq(name, STR("st")))
		trade->partly = str_eq(value, STR("executing"));
	else
		*taken = false;
	return true;
}
