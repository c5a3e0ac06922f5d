/* Keys that nothing in the fleet stands for: of terminals that left the tokens file while
 * weir or the server was away, of brokers that no terminal is at any more. Read once after
 * the start and whenever something could not be removed when it should have been.
 *
 * A trade_state that is no open position is looked into first: one that says closed waits for
 * its archive, whosever it is, and is told; the others go with their terminal, and what is
 * no hash goes at once. */
#include "base/check.h"
#include "store/account_store_impl.h"

static void scan(struct account_store *store, struct str cursor);

static bool is_known(const struct account_store *store, struct str id)
{
	return fleet_find(store->fleet, id) != FLEET_NONE;
}

/* BROKER:SYMBOL; either may have a colon in it. */
static bool is_quote_of_any(const struct account_store *store, struct str rest)
{
	for (size_t at = 0; at < rest.len; at++)
		if (rest.ptr[at] == ':' && account_broker_is_used(store, str_make(rest.ptr, at)))
			return true;
	return false;
}

static bool cut_prefix(struct str key, struct str prefix, struct str *rest)
{
	*rest = str_skip(key, prefix.len);
	return str_starts(key, prefix);
}

static bool is_wanted(const struct account_store *store, struct str key)
{
	struct str rest;
	if (cut_prefix(key, key_account_state_prefix(), &rest) ||
	    cut_prefix(key, key_trades_open_prefix(), &rest))
		return is_known(store, rest);
	if (cut_prefix(key, key_broker_state_prefix(), &rest))
		return is_quote_of_any(store, rest);
	return true;
}

/* INSTANCE-POSITION; other keys under the prefix are not ours to judge. */
static bool read_trade_key(struct str key, struct str *instance, uint64_t *position)
{
	struct str rest;
	if (!cut_prefix(key, key_trade_state_prefix(), &rest))
		return false;
	size_t dash = rest.len;
	while (dash > 0 && rest.ptr[dash - 1] != '-')
		dash--;
	*instance = str_make(rest.ptr, dash ? dash - 1 : 0);
	return dash && instance->len <= INSTANCE_NAME_MAX &&
	       str_to_u64(str_skip(rest, dash), position) == STATUS_OK;
}

/* Nothing is marked done before it is: a failure has it read again. */
static void failed(struct account_store *store, enum status status)
{
	account_note(store, status);
	store->sweep |= status != STATUS_OK;
}

static void on_removed(void *ctx, enum status status, const struct redis_reply *reply)
{
	(void)reply;
	failed(ctx, status);
	account_settle(ctx);
}

/* ---- a trade that is no open position ---- */

static void remove_trade(struct account_store *store, const struct account_asked *asked)
{
	struct key key;
	command_begin(&store->pipe.text, STR("UNLINK"));
	command_word(&store->pipe.text,
		     key_trade_state(&key, str_of(asked->instance), asked->position));
	failed(store, command_pipe_send(&store->pipe, on_removed, store));
}

static void on_state(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct account_asked *asked = ctx;
	struct account_store *store = asked->store;
	struct str instance = str_of(asked->instance);
	bool other = status == STATUS_REDIS_WRONGTYPE;
	asked->store = NULL;
	if (!other)
		failed(store, status);
	bool looked = (!status || other) && !account_is_open(store, instance, asked->position);
	if (looked && !other && str_eq(reply->text, STR("closed")))
		account_closed(store, instance, asked->position, true);
	else if (looked && (other || !is_known(store, instance)))
		remove_trade(store, asked);
	account_settle(store);
}

static struct account_asked *free_place(struct account_store *store)
{
	for (uint32_t i = 0; i < ACCOUNT_ASKED; i++)
		if (!store->asked[i].store)
			return &store->asked[i];
	return NULL;
}

/* FULL: a page had more of them than there are places for; they are found again. */
static enum status ask_trade(struct account_store *store, struct str instance, uint64_t position)
{
	struct account_asked *asked = free_place(store);
	struct key key;
	if (!asked)
		return STATUS_FULL;
	command_begin(&store->pipe.text, STR("HGET"));
	command_word(&store->pipe.text, key_trade_state(&key, instance, position));
	command_word(&store->pipe.text, STR("st"));
	enum status status = command_pipe_send(&store->pipe, on_state, asked);
	if (status)
		return status;
	*asked = (struct account_asked){ .store = store, .position = position };
	CHECK(str_copy(instance, asked->instance, sizeof asked->instance) == STATUS_OK);
	return STATUS_OK;
}

static void ask_trades(struct account_store *store, const struct redis_reply *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		struct str instance;
		uint64_t position;
		if (read_trade_key(keys->items[i].text, &instance, &position) &&
		    !account_is_open(store, instance, position))
			failed(store, ask_trade(store, instance, position));
	}
}

/* ---- pages of keys ---- */

static void remove_unwanted(struct account_store *store, const struct redis_reply *keys)
{
	struct command_text *command = &store->pipe.text;
	command_begin(command, STR("UNLINK"));
	for (size_t i = 0; i < keys->count; i++) {
		if (is_wanted(store, keys->items[i].text))
			continue;
		command_word(command, keys->items[i].text);
		if (command->count < COMMAND_WORDS_MAX)
			continue;
		failed(store, command_pipe_send(&store->pipe, on_removed, store));
		command_begin(command, STR("UNLINK"));
	}
	if (command->count > 1)
		failed(store, command_pipe_send(&store->pipe, on_removed, store));
}

static void on_keys(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct account_store *store = ctx;
	if (!status && (reply->type != REDIS_ARRAY || reply->count != 2))
		status = STATUS_REDIS_PROTOCOL;
	failed(store, status);
	store->sweeping = false;
	if (!status) {
		remove_unwanted(store, &reply->items[1]);
		ask_trades(store, &reply->items[1]);
		if (!str_eq(reply->items[0].text, STR("0")))
			scan(store, reply->items[0].text);
	}
	account_settle(store);
}

static void scan(struct account_store *store, struct str cursor)
{
	struct command_text *command = &store->pipe.text;
	command_begin(command, STR("SCAN"));
	command_word(command, cursor);
	command_pair(command, STR("COUNT"), STR("512"));
	enum status status = command_pipe_send(&store->pipe, on_keys, store);
	failed(store, status);
	store->sweeping = status == STATUS_OK;
}

void account_sweep(struct account_store *store)
{
	if (store->sweeping)
		return;
	store->sweep = false; /* set again when it fails */
	scan(store, STR("0"));
}
