/* trade_state:{INSTANCE-POSITION} and trades:open:{instance}.
 *
 * As long as everything told was written, changes go out as they come. When a reply is
 * missing, is an error, or shows that a key had gone, the terminal's positions are `wrong`:
 * its index is read, and one transaction closes what the fleet does not hold and writes what
 * it does. Nothing else is sent of them meanwhile.
 *
 * A deal may come before its position is told: its hash and its index begin then. One that
 * is not told of within ACCOUNT_UNHELD_MS was closed before a word of it: the index is read,
 * and it is closed like any that the fleet does not hold. */
#include "base/check.h"
#include "store/account_store_impl.h"

enum { MEMBERS_AT_ONCE = 200 };

uint64_t position_key(const struct position *position)
{
	return position->id ? position->id : position->ticket;
}

const struct position *account_held(const struct instance *instance, uint64_t id)
{
	const struct position *same = positions_find(instance->positions, id);
	if (same && position_key(same) == id)
		return same;
	for (uint32_t i = 0; i < positions_count(instance->positions); i++)
		if (position_key(positions_at(instance->positions, i)) == id)
			return positions_at(instance->positions, i);
	return NULL;
}

static void forget_quiet(struct account_row *row)
{
	row->quiet_count = 0;
	row->quiet_all = false;
}

/* ---- replies ---- */

static void failed(struct account_row *row, enum status status)
{
	row->positions_wrong = true;
	row->heal |= status == STATUS_REDIS_WRONGTYPE;
}

static void on_written(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct account_row *row = ctx;
	status = command_pipe_exec(status, reply);
	if (status)
		failed(row, status);
	account_watch_answered(row, status);
	account_answered(row, status);
}

/* A field or a member that was made had gone, and so had others. */
static void on_quiet(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct account_row *row = ctx;
	status = command_pipe_exec(status, reply);
	bool whole = !status;
	for (size_t i = 0; whole && i < reply->count; i++)
		whole = reply->items[i].integer == 0;
	if (!whole)
		failed(row, status);
	account_answered(row, status);
}

/* ---- commands ---- */

static void put_number(struct command_text *command, struct str field, struct number value)
{
	command_word(command, field);
	command_number(command, value);
}

static void put_moving(struct account_store *store, const struct position *position)
{
	struct command_text *command = &store->pipe.text;
	put_number(command, STR("pc"), position->price_now);
	put_number(command, STR("swp"), position->swap);
	put_number(command, STR("pnl"), position->profit);
	command_pair_i64(command, STR("ut"), account_wall_ms(store));
}

static void put_owner(struct command_text *command, const struct instance *instance)
{
	command_pair(command, STR("ins"), str_of(instance->identity.id));
	command_pair(command, STR("srv"), str_of(instance->server));
	command_pair_i64(command, STR("login"), instance->login);
}

static void put_lasting(struct command_text *command, const struct instance *instance,
			const struct position *position)
{
	put_owner(command, instance);
	command_pair(command, STR("sym"), str_of(position->symbol));
	command_pair(command, STR("sd"), position->side ? STR("sell") : STR("buy"));
	put_number(command, STR("vol"), position->volume);
	put_number(command, STR("px"), position->price_open);
	put_number(command, STR("sl"), position->sl);
	put_number(command, STR("tp"), position->tp);
	command_word(command, STR("tk"));
	command_u64(command, position->ticket);
	command_word(command, STR("mg"));
	command_u64(command, position->magic);
	command_pair_i64(command, STR("ct"), position->server_ms);
}

static void put_trade(struct command_text *command, const struct account_trade *trade)
{
	bool partly = trade && trade->partly;
	command_pair(command, STR("st"), partly ? STR("executing") : STR("executed"));
	account_trade_put(command, trade);
}

static void begin_state(struct command_text *command, struct str verb,
			const struct instance *instance, uint64_t id)
{
	struct key key;
	command_begin(command, verb);
	command_copy(command, key_trade_state(&key, str_of(instance->identity.id), id));
}

static void begin_index(struct command_text *command, struct str verb,
			const struct instance *instance)
{
	struct key key;
	command_begin(command, verb);
	command_copy(command, key_trades_open(&key, str_of(instance->identity.id)));
}

static void add_state(struct account_row *row, const struct instance *instance,
		      const struct position *position)
{
	struct command_pipe *pipe = &row->store->pipe;
	uint64_t id = position_key(position);
	struct account_trade *trade =
	    account_trade_find(row->store, str_of(instance->identity.id), id);
	if (trade)
		account_trade_is_held(row, trade);
	if (row->heal) {
		begin_state(&pipe->text, STR("UNLINK"), instance, id);
		command_pipe_add(pipe);
	}
	begin_state(&pipe->text, STR("HSET"), instance, id);
	put_lasting(&pipe->text, instance, position);
	put_trade(&pipe->text, trade);
	put_moving(row->store, position);
	command_pipe_add(pipe);
	row->store->counts.updates++;
}

static void add_member(struct account_row *row, const struct instance *instance, struct str verb,
		       uint64_t id)
{
	struct command_pipe *pipe = &row->store->pipe;
	begin_index(&pipe->text, verb, instance);
	command_u64(&pipe->text, id);
	command_pipe_add(pipe);
}

static void end_transaction(struct account_row *row, redis_reply_fn fn)
{
	struct account_store *store = row->store;
	enum status status = command_pipe_end(&store->pipe, fn, row);
	row->replies_due += !status;
	if (!status && fn == on_written)
		account_watch_sent(row);
	if (!status)
		return;
	row->timing.began = row->timing.number != 0;
	account_note(store, status);
	failed(row, status);
}

static bool begin_transaction(struct account_row *row)
{
	enum status status = command_pipe_begin(&row->store->pipe);
	if (!status)
		return true;
	account_note(row->store, status);
	failed(row, status);
	return false;
}

/* ---- one change ---- */

static void write_position(struct account_row *row, const struct instance *instance,
			   const struct position *position)
{
	if (!begin_transaction(row))
		return;
	account_watch_begin(row, instance, position_key(position));
	add_state(row, instance, position);
	add_member(row, instance, STR("SADD"), position_key(position));
	end_transaction(row, on_written);
}

/* Its hash says so, out of the index. */
static void add_end(struct account_row *row, const struct instance *instance, uint64_t id)
{
	struct command_pipe *pipe = &row->store->pipe;
	begin_state(&pipe->text, STR("HSET"), instance, id);
	account_trade_put_end(row->store,
			      account_trade_find(row->store, str_of(instance->identity.id), id));
	command_pipe_add(pipe);
	row->store->counts.updates++;
	add_member(row, instance, STR("SREM"), id);
}

static void note_end(struct account_row *row, const struct instance *instance, uint64_t id,
		     bool found)
{
	struct str name = str_of(instance->identity.id);
	struct account_trade *trade = account_trade_find(row->store, name, id);
	if (trade) {
		account_trade_is_held(row, trade);
		trade->closed = true;
	}
	account_closed(row->store, name, id, found);
}

static void close_position(struct account_row *row, const struct instance *instance, uint64_t id)
{
	if (!begin_transaction(row))
		return;
	account_watch_begin(row, instance, id);
	add_end(row, instance, id);
	end_transaction(row, on_written);
}

/* A ticket that gave way to another one of the same position is not its end. */
static void end_position(struct account_row *row, const struct instance *instance, uint64_t id)
{
	const struct position *goes_on = account_held(instance, id);
	if (!goes_on)
		note_end(row, instance, id, false);
	if (row->positions_wrong)
		return; /* all of it is written, once its index is read */
	if (goes_on)
		write_position(row, instance, goes_on);
	else
		close_position(row, instance, id);
}

/* ---- deals ---- */

/* The terminal has told of no position yet. */
static void add_unheld(struct account_row *row, const struct instance *instance,
		       const struct account_trade *trade)
{
	struct command_text *command = &row->store->pipe.text;
	begin_state(command, STR("HSET"), instance, trade->position);
	put_owner(command, instance);
	command_pair(command, STR("sym"), str_of(trade->symbol));
	command_pair(command, STR("sd"), trade->sell ? STR("sell") : STR("buy"));
	account_trade_put_opening(command, trade);
	put_trade(command, trade);
	command_pair_i64(command, STR("ut"), account_wall_ms(row->store));
	command_pipe_add(&row->store->pipe);
	add_member(row, instance, STR("SADD"), trade->position);
}

/* Its hash stays as it is but for what the deal says, so that its end keeps its time. */
static void add_late(struct account_row *row, const struct instance *instance,
		     const struct account_trade *trade)
{
	struct command_pipe *pipe = &row->store->pipe;
	begin_state(&pipe->text, STR("HSET"), instance, trade->position);
	account_trade_put_late(&pipe->text, trade);
	command_pipe_add(pipe);
}

void account_write_trade(struct account_row *row, const struct instance *instance,
			 struct account_trade *trade)
{
	const struct position *position = account_held(instance, trade->position);
	row->positions_wrong |= !row->store->started;
	if (row->positions_wrong)
		return; /* as above; a closed one's deal is then the archive's alone */
	if (position) {
		write_position(row, instance, position);
		return;
	}
	if (!begin_transaction(row))
		return;
	if (trade->closed)
		add_late(row, instance, trade);
	else
		add_unheld(row, instance, trade);
	end_transaction(row, on_written);
}

static void note_quiet(struct account_row *row, uint64_t id)
{
	for (uint32_t i = 0; i < row->quiet_count && !row->quiet_all; i++)
		if (row->quiet[i] == id)
			return;
	if (row->quiet_count == ACCOUNT_QUIET_MAX)
		row->quiet_all = true;
	else
		row->quiet[row->quiet_count++] = id;
}

void account_store_position(struct account_store *store, const struct instance *instance,
			    enum position_change change, const struct position *position)
{
	struct account_row *row = &store->rows[instance->slot];
	store->counts.positions += change != POSITION_QUIET;
	row->positions_wrong |= !store->started;
	if (change == POSITION_GONE)
		end_position(row, instance, position_key(position));
	else if (row->positions_wrong)
		return; /* all of it is written, once its index is read */
	else if (change == POSITION_QUIET)
		note_quiet(row, position_key(position));
	else
		write_position(row, instance, position);
}

/* ---- a second ---- */

static bool is_noted(const struct account_row *row, uint64_t id)
{
	for (uint32_t i = 0; i < row->quiet_count && !row->quiet_all; i++)
		if (row->quiet[i] == id)
			return true;
	return row->quiet_all;
}

/* SADD of all, or of those that are noted. */
static void add_members(struct account_row *row, const struct instance *instance, bool noted)
{
	struct command_pipe *pipe = &row->store->pipe;
	uint32_t count = positions_count(instance->positions);
	begin_index(&pipe->text, STR("SADD"), instance);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t id = position_key(positions_at(instance->positions, i));
		if (noted && !is_noted(row, id))
			continue;
		command_u64(&pipe->text, id);
		if (pipe->text.count < MEMBERS_AT_ONCE)
			continue;
		command_pipe_add(pipe);
		begin_index(&pipe->text, STR("SADD"), instance);
	}
	if (pipe->text.count > 2)
		command_pipe_add(pipe);
}

static void add_moving(struct account_row *row, const struct instance *instance,
		       const struct position *position)
{
	struct command_pipe *pipe = &row->store->pipe;
	begin_state(&pipe->text, STR("HSET"), instance, position_key(position));
	put_moving(row->store, position);
	command_pipe_add(pipe);
	account_watch_quiet(row, instance, position_key(position));
	row->store->counts.updates++;
}

/* With their index, which they are in: should this reach the server when a position has been
 * removed meanwhile, there is no key without a member that leads to it. */
static void write_quiet(struct account_row *row, const struct instance *instance)
{
	uint32_t count = positions_count(instance->positions);
	if (!begin_transaction(row))
		return;
	for (uint32_t i = 0; i < count; i++)
		if (is_noted(row, position_key(positions_at(instance->positions, i))))
			add_moving(row, instance, positions_at(instance->positions, i));
	add_members(row, instance, true);
	forget_quiet(row);
	end_transaction(row, on_quiet);
}

/* ---- all of them ---- */

/* A member as we write it; what another wrote there has no key of ours. */
static bool read_member(struct str text, uint64_t *id)
{
	char storage[24];
	struct buf again = buf_over(storage, sizeof storage);
	if (str_to_u64(text, id))
		return false;
	buf_u64(&again, *id);
	return str_eq(text, buf_str(&again));
}

/* One that is not held, and will not be: it was closed while nobody looked. */
static void add_stranger(struct account_row *row, const struct instance *instance,
			 struct str member)
{
	struct command_pipe *pipe = &row->store->pipe;
	struct account_trade *trade = NULL;
	uint64_t id;
	bool ours = read_member(member, &id);
	if (ours && account_held(instance, id))
		return;
	if (ours)
		trade = account_trade_find(row->store, str_of(instance->identity.id), id);
	if (trade && account_trade_is_young(row->store, trade))
		return;
	if (ours) {
		note_end(row, instance, id, true);
		add_end(row, instance, id);
		return;
	}
	begin_index(&pipe->text, STR("SREM"), instance);
	command_word(&pipe->text, member);
	command_pipe_add(pipe);
}

static void add_strangers(struct account_row *row, const struct instance *instance,
			  const struct redis_reply *members)
{
	for (size_t i = 0; i < members->count; i++)
		add_stranger(row, instance, members->items[i].text);
}

static void add_index(struct account_row *row, const struct instance *instance)
{
	struct command_pipe *pipe = &row->store->pipe;
	if (row->heal) {
		begin_index(&pipe->text, STR("UNLINK"), instance);
		command_pipe_add(pipe);
	}
	add_members(row, instance, false);
}

static void write_all(struct account_row *row, const struct instance *instance,
		      const struct redis_reply *members)
{
	if (!begin_transaction(row))
		return;
	add_strangers(row, instance, members);
	add_index(row, instance);
	for (uint32_t i = 0; i < positions_count(instance->positions); i++)
		add_state(row, instance, positions_at(instance->positions, i));
	row->positions_wrong = row->heal = false; /* set again when it fails */
	forget_quiet(row);
	end_transaction(row, on_written);
}

static void on_members(void *ctx, enum status status, const struct redis_reply *reply)
{
	static const struct redis_reply none = { .type = REDIS_ARRAY };
	struct account_row *row = ctx;
	const struct instance *instance = fleet_at(row->store->fleet, row->slot);
	bool stale = row->stale;
	row->reading = row->stale = false;
	if (status == STATUS_REDIS_WRONGTYPE) {
		row->heal = true;
		reply = &none;
		status = STATUS_OK;
	} else if (!status && reply->type != REDIS_ARRAY) {
		status = STATUS_REDIS_PROTOCOL;
	}
	if (!status && !stale && instance)
		write_all(row, instance, reply);
	account_answered(row, status);
}

static void read_index(struct account_row *row, const struct instance *instance)
{
	begin_index(&row->store->pipe.text, STR("SMEMBERS"), instance);
	row->reading = account_send(row, on_members) == STATUS_OK;
	row->store->counts.syncs += row->reading;
}

void account_positions_second(struct account_row *row, const struct instance *instance)
{
	if (row->unheld && account_wall_ms(row->store) - row->unheld_ms >= ACCOUNT_UNHELD_MS) {
		row->unheld = 0;
		row->positions_wrong = true;
	}
	if (row->positions_wrong && !row->reading)
		read_index(row, instance);
	else if (!row->positions_wrong && row->quiet_count)
		write_quiet(row, instance);
}

void account_positions_forget(struct account_row *row)
{
	row->stale = row->reading;
	row->positions_wrong = true;
	row->heal = false;
	row->unheld = 0;
	forget_quiet(row);
}
