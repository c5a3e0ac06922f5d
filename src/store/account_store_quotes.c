/* broker_state:BROKER:SYMBOL: one line of a table each, the newest quote of all terminals
 * at that broker, written at its own part of the second when it has changed. */
#include "base/check.h"
#include "store/account_store_impl.h"

static uint32_t place_of(struct str broker, struct str symbol)
{
	return (uint32_t)((str_hash(broker) * 31 + str_hash(symbol)) % ACCOUNT_QUOTE_SLOTS);
}

static bool is_of(const struct account_quote *quote, struct str broker, struct str symbol)
{
	return str_eq(str_of(quote->broker), broker) && str_eq(str_of(quote->symbol), symbol);
}

/* Where its number stands, or would. The index is at most half full. */
static uint16_t *find(struct account_store *store, struct str broker, struct str symbol)
{
	for (uint32_t at = place_of(broker, symbol);; at = (at + 1) % ACCOUNT_QUOTE_SLOTS) {
		uint16_t *place = &store->quote_index[at];
		if (!*place || is_of(&store->quotes[*place - 1], broker, symbol))
			return place;
	}
}

static uint32_t free_quote(const struct account_store *store)
{
	uint32_t i = 0;
	if (store->quotes_used == store->quotes_end)
		return store->quotes_end;
	while (store->quotes[i].used)
		i++;
	return i;
}

/* NULL: no room, or names longer than any. */
static struct account_quote *add(struct account_store *store, uint16_t *place, struct str broker,
				 struct str symbol)
{
	if (store->quotes_used == ACCOUNT_STORE_QUOTES || broker.len > ACCOUNT_BROKER_MAX ||
	    symbol.len > POSITION_SYMBOL_MAX)
		return NULL;
	uint32_t at = free_quote(store);
	struct account_quote *quote = &store->quotes[at];
	*quote = (struct account_quote){ .store = store, .used = true, .flying = quote->flying };
	memcpy(quote->broker, broker.ptr, broker.len);
	memcpy(quote->symbol, symbol.ptr, symbol.len);
	*place = (uint16_t)(at + 1);
	store->quotes_used++;
	if (at == store->quotes_end)
		store->quotes_end++;
	return quote;
}

static void take(struct account_quote *quote, const struct mfp_frame *frame)
{
	quote->bid = mfp_number(frame, MFP_quote_bid);
	quote->ask = mfp_number(frame, MFP_quote_ask);
	if (mfp_has(frame, MFP_quote_spr)) {
		quote->spread = mfp_number(frame, MFP_quote_spr);
		quote->has_spread = true;
	}
	if (mfp_has(frame, MFP_quote_dg)) {
		quote->digits = mfp_i64(frame, MFP_quote_dg, 0);
		quote->has_digits = true;
	}
	if (mfp_has(frame, MFP_quote_st) &&
	    str_copy(mfp_raw(frame, MFP_quote_st), quote->state, sizeof quote->state))
		quote->state[0] = 0;
	quote->ms = account_wall_ms(quote->store);
	quote->dirty = true;
}

void account_store_quote(struct account_store *store, const struct instance *instance,
			 const struct mfp_frame *frame)
{
	char text[MFP_TEXT_MAX + 3];
	struct str symbol = mfp_text(frame, MFP_quote_sym, text);
	struct str broker = str_of(instance->server);
	if (!symbol.len || !broker.len)
		return;
	uint16_t *place = find(store, broker, symbol);
	struct account_quote *quote =
	    *place ? &store->quotes[*place - 1] : add(store, place, broker, symbol);
	if (quote)
		take(quote, frame);
	else
		store->counts.quotes_refused++;
}

/* ---- writing ---- */

static void failed(struct account_quote *quote, enum status status)
{
	account_note(quote->store, status);
	quote->dirty = true;
	quote->heal |= status == STATUS_REDIS_WRONGTYPE;
}

static void on_written(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct account_quote *quote = ctx;
	struct account_store *store = quote->store;
	(void)reply;
	quote->flying = false;
	if (status)
		failed(quote, status);
	account_settle(store);
}

static void begin(const struct account_quote *quote, struct str verb)
{
	struct key key;
	command_begin(&quote->store->pipe.text, verb);
	command_copy(&quote->store->pipe.text,
		     key_broker_state(&key, str_of(quote->broker), str_of(quote->symbol)));
}

static void put(const struct account_quote *quote)
{
	struct command_text *command = &quote->store->pipe.text;
	command_word(command, STR("bid"));
	command_number(command, quote->bid);
	command_word(command, STR("ask"));
	command_number(command, quote->ask);
	if (quote->has_spread) {
		command_word(command, STR("spr"));
		command_number(command, quote->spread);
	}
	if (quote->has_digits)
		command_pair_i64(command, STR("dg"), quote->digits);
	if (quote->state[0])
		command_pair(command, STR("st"), str_of(quote->state));
	command_pair_i64(command, STR("t"), quote->ms);
}

static void write(struct account_quote *quote)
{
	struct command_pipe *pipe = &quote->store->pipe;
	enum status status = STATUS_OK;
	if (quote->heal) {
		begin(quote, STR("UNLINK"));
		status = command_pipe_send(pipe, NULL, NULL);
	}
	if (!status) {
		begin(quote, STR("HSET"));
		put(quote);
		status = command_pipe_send(pipe, on_written, quote);
	}
	if (status) {
		failed(quote, status);
		return;
	}
	quote->dirty = quote->heal = false; /* set again when it fails */
	quote->flying = true;
	quote->store->counts.quotes++;
}

void account_quotes_write(struct account_store *store, uint32_t from, uint32_t step)
{
	for (uint32_t i = from; i < store->quotes_end; i += step) {
		struct account_quote *quote = &store->quotes[i];
		if (quote->used && quote->dirty && !quote->flying &&
		    !command_pipe_is_full(&store->pipe))
			write(quote);
	}
}

void account_quotes_doubt(struct account_store *store)
{
	for (uint32_t i = 0; i < store->quotes_end; i++)
		store->quotes[i].dirty = store->quotes[i].used;
}

/* ---- brokers that nobody has any more ---- */

bool account_broker_is_used(const struct account_store *store, struct str broker)
{
	for (uint32_t slot = 0; slot < store->room; slot++) {
		const struct instance *instance = fleet_at(store->fleet, slot);
		if (instance && str_eq(str_of(instance->server), broker))
			return true;
	}
	return false;
}

static void on_dropped(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct account_store *store = ctx;
	(void)reply;
	if (status) {
		account_note(store, status);
		store->sweep = true;
	}
	account_settle(store);
}

static void drop(struct account_quote *quote)
{
	struct account_store *store = quote->store;
	begin(quote, STR("UNLINK"));
	enum status status = command_pipe_send(&store->pipe, on_dropped, store);
	if (status) {
		account_note(store, status);
		store->sweep = true;
	}
	quote->used = quote->dirty = false;
	store->quotes_used--;
}

/* An entry cannot leave an open-addressing table alone: those behind it would be lost. */
static void index_again(struct account_store *store)
{
	memset(store->quote_index, 0, ACCOUNT_QUOTE_SLOTS * sizeof store->quote_index[0]);
	for (uint32_t i = 0; i < store->quotes_end; i++) {
		const struct account_quote *quote = &store->quotes[i];
		if (quote->used)
			*find(store, str_of(quote->broker), str_of(quote->symbol)) =
			    (uint16_t)(i + 1);
	}
}

void account_quotes_drop_unused(struct account_store *store)
{
	const struct account_quote *kept = NULL; /* mostly of the same broker as the next */
	uint32_t before = store->quotes_used;
	store->quotes_unused = false;
	for (uint32_t i = 0; i < store->quotes_end; i++) {
		struct account_quote *quote = &store->quotes[i];
		if (!quote->used || (kept && strcmp(kept->broker, quote->broker) == 0))
			continue;
		if (account_broker_is_used(store, str_of(quote->broker)))
			kept = quote;
		else
			drop(quote);
	}
	if (store->quotes_used != before)
		index_again(store);
}
