/* Positions back into the fleet at the start. A few terminals at a time: each may have
 * POSITIONS_MAX. */
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "store/account_store_impl.h"

static void settle(struct account_store *store, enum status status, const char *why)
{
	if (status && !store->status) {
		store->status = status;
		store->why = why;
	}
	CHECK(store->waited > 0 && store->restored);
	if (--store->waited)
		return;
	void (*done)(void *ctx, enum status status, const char *why) = store->restored;
	store->restored = NULL;
	done(store->ctx, store->status, store->why);
}

static void answered(struct account_store *store, enum status status, const char *why)
{
	account_restore_more(store);
	settle(store, status, why);
	account_settle(store);
}

/* ---- a position ---- */

struct position_read {
	struct account_row *row;
	uint64_t id;
	int64_t sent_ns;
};

static bool take_u64(struct str value, uint64_t *out)
{
	return str_to_u64(value, out) == STATUS_OK;
}

/* False: it is damaged. */
static bool take_number(struct position *position, struct str name, struct str value, bool *taken)
{
	const struct {
		struct str name;
		struct number *number;
	} numbers[] = {
		{ STR("vol"), &position->volume },   { STR("px"), &position->price_open },
		{ STR("pc"), &position->price_now }, { STR("sl"), &position->sl },
		{ STR("tp"), &position->tp },        { STR("swp"), &position->swap },
		{ STR("pnl"), &position->profit },
	};
	*taken = false;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (str_eq(name, numbers[i].name)) {
			*taken = true;
			return number_parse(value, numbers[i].number) == STATUS_OK;
		}
	return true;
}

static bool take_field(struct position *position, struct account_trade *trade, struct str name,
		       struct str value)
{
	bool taken, good = take_number(position, name, value, &taken);
	if (!taken)
		good = account_trade_take(trade, name, value, &taken);
	if (taken)
		return good;
	if (str_eq(name, STR("sym")))
		return !str_copy(value, position->symbol, sizeof position->symbol);
	if (str_eq(name, STR("sd"))) {
		position->side = str_eq(value, STR("sell"));
		return position->side || str_eq(value, STR("buy"));
	}
	if (str_eq(name, STR("tk")))
		return take_u64(value, &position->ticket);
	if (str_eq(name, STR("mg")))
		return take_u64(value, &position->magic);
	if (str_eq(name, STR("ct")))
		return !str_to_i64(value, &position->server_ms);
	return true; /* another's */
}

/* What its deals added up to goes on. */
static void keep_trade(struct account_store *store, const struct instance *instance,
		       const struct position *position, const struct account_trade *read)
{
	struct str name = str_of(instance->identity.id);
	struct account_trade *trade = account_trade_find(store, name, position->id);
	if (!read->newest || trade || !(trade = account_trade_add(store, name, position->id)))
		return;
	struct account_trade made = *trade;
	*trade = *read;
	trade->used = true;
	trade->position = position->id;
	trade->made_ms = made.made_ms;
	trade->sell = position->side;
	trade->below = read->newest;
	trade->value_out = read->value_out * read->volume_out; /* it was the mean */
	memcpy(trade->instance, made.instance, sizeof made.instance);
	memcpy(trade->symbol, position->symbol, sizeof position->symbol);
}

static bool take_position(struct account_store *store, const struct instance *instance, uint64_t id,
			  const struct redis_reply *reply)
{
	struct position position = { .id = id };
	struct account_trade trade = { .used = false };
	bool good = reply->type == REDIS_ARRAY;
	for (size_t i = 0; good && i + 1 < reply->count; i += 2)
		good =
		    take_field(&position, &trade, reply->items[i].text, reply->items[i + 1].text);
	if (!good || !instance || !position.ticket || !position.symbol[0] ||
	    positions_put(instance->positions, &position) != STATUS_OK)
		return false;
	keep_trade(store, instance, &position, &trade);
	return true;
}

/* The fleet then differs from the terminal, and a snapshot comes. */
static void left_out(struct account_row *row)
{
	const struct instance *instance = fleet_at(row->store->fleet, row->slot);
	row->positions_wrong = true;
	if (instance)
		log_line(LOG_WARN, "store", "an open position of terminal %s could not be read",
			 instance->identity.id);
}

static void on_position(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct position_read read = *(struct position_read *)ctx;
	struct account_row *row = read.row;
	const struct instance *instance = fleet_at(row->store->fleet, row->slot);
	bool good = !status && take_position(row->store, instance, read.id, reply);
	free(ctx);
	if (!status)
		account_watch_read(row, read.id, read.sent_ns);
	if (status == STATUS_REDIS_WRONGTYPE) {
		row->heal = true;
		status = STATUS_OK;
	}
	if (!status && !good)
		left_out(row);
	answered(row->store, status, key_row(KEY_trade_state)->pattern);
}

static enum status read_position(struct account_row *row, const struct instance *instance,
				 uint64_t id)
{
	struct command_pipe *pipe = &row->store->pipe;
	struct position_read *read = malloc(sizeof *read);
	struct key key;
	if (!read)
		return STATUS_NO_MEMORY;
	*read = (struct position_read){ row, id, account_precise_ns(row->store) };
	command_begin(&pipe->text, STR("HGETALL"));
	command_word(&pipe->text, key_trade_state(&key, str_of(instance->identity.id), id));
	enum status status = command_pipe_send(pipe, on_position, read);
	if (status)
		free(read);
	return status;
}

/* ---- an index ---- */

static void take_index(struct account_row *row, const struct redis_reply *reply)
{
	struct account_store *store = row->store;
	const struct instance *instance = fleet_at(store->fleet, row->slot);
	for (size_t i = 0; instance && i < reply->count; i++) {
		uint64_t id;
		if (i >= POSITIONS_MAX || str_to_u64(reply->items[i].text, &id)) {
			left_out(row);
			continue;
		}
		store->waited++;
		enum status status = read_position(row, instance, id);
		if (status)
			settle(store, status, key_row(KEY_trade_state)->pattern);
	}
}

static void on_index(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct account_row *row = ctx;
	row->store->reads--;
	if (status == STATUS_REDIS_WRONGTYPE) {
		row->heal = true;
		left_out(row);
		status = STATUS_OK;
	} else if (!status && reply->type != REDIS_ARRAY) {
		status = STATUS_REDIS_PROTOCOL;
	} else if (!status) {
		take_index(row, reply);
	}
	answered(row->store, status, key_row(KEY_trades_open)->pattern);
}

static void read_index(struct account_row *row, const struct instance *instance)
{
	struct account_store *store = row->store;
	struct key key;
	command_begin(&store->pipe.text, STR("SMEMBERS"));
	command_word(&store->pipe.text, key_trades_open(&key, str_of(instance->identity.id)));
	enum status status = command_pipe_send(&store->pipe, on_index, row);
	store->waited++;
	if (status)
		settle(store, status, key_row(KEY_trades_open)->pattern);
	else
		store->reads++;
}

void account_restore_more(struct account_store *store)
{
	for (; store->restored && store->next_slot < store->room && store->reads < ACCOUNT_READS &&
	       (!command_pipe_is_full(&store->pipe) || !store->reads);
	     store->next_slot++) {
		const struct instance *instance = fleet_at(store->fleet, store->next_slot);
		if (instance)
			read_index(&store->rows[store->next_slot], instance);
	}
}

void account_store_restore(struct account_store *store,
			   void (*done)(void *ctx, enum status status, const char *why), void *ctx)
{
	store->restored = done;
	store->ctx = ctx;
	store->status = STATUS_OK;
	store->why = "";
	store->next_slot = 0;
	store->waited = 1; /* this call's own */
	account_restore_more(store);
	settle(store, STATUS_OK, "");
}
