/* Closed trades that are to move: who asked for them, and what they are, of the archive or,
 * where there is none, of their hashes. */
#include "base/check.h"
#include "store/account_store_impl.h"

bool account_is_open(const struct account_store *store, struct str instance, uint64_t position)
{
	uint32_t slot = fleet_find(store->fleet, instance);
	return slot != FLEET_NONE && account_held(fleet_at(store->fleet, slot), position);
}

static bool is_of(const struct account_move *move, struct str instance, uint64_t position)
{
	return move->state && (uint64_t)move->trade.position == position &&
	       str_eq(str_of(move->instance), instance);
}

static struct account_move *find_move(struct account_store *store, struct str instance,
				      uint64_t position, struct account_move **room)
{
	*room = NULL;
	for (uint32_t i = 0; i < ACCOUNT_STORE_MOVES; i++) {
		struct account_move *move = &store->moves[i];
		if (is_of(move, instance, position))
			return move;
		if (!move->state && !*room)
			*room = move;
	}
	return NULL;
}

/* One that is there is told again, unless it is on the wire: then that one counts. NULL: it
 * is, or there is no room. */
static struct account_move *begin_move(struct account_store *store, struct str instance,
				       uint64_t position)
{
	struct account_move *room, *move = find_move(store, instance, position, &room);
	if (move && (move->state == MOVE_READING || move->state == MOVE_SENT))
		return NULL;
	if (!move && !room) {
		store->moves_left_out = true;
		store->counts.moves_refused++;
		return NULL;
	}
	store->moves_used += !move;
	move = move ? move : room;
	*move = (struct account_move){ .store = store, .trade.position = (int64_t)position };
	CHECK(str_copy(instance, move->instance, sizeof move->instance) == STATUS_OK);
	return move;
}

void account_move_end(struct account_move *move)
{
	move->state = MOVE_NONE;
	move->store->moves_used--;
}

static void move_hash(struct account_store *store, struct str instance, uint64_t position,
		      bool found)
{
	struct account_move *move = begin_move(store, instance, position);
	int64_t grace_ns = found ? 0 : INT64_C(1000000) * ACCOUNT_STORE_GRACE_MS;
	if (!move)
		return;
	move->state = MOVE_WAITS;
	move->due_ns = clock_monotonic_ns(store->clock) + grace_ns;
}

void account_closed(struct account_store *store, struct str instance, uint64_t position, bool found)
{
	store->counts.closed += !found;
	store->counts.found += found;
	if (instance.len > INSTANCE_NAME_MAX || position > INT64_MAX)
		return; /* of no terminal that was ever there */
	if (store->on_closed_found)
		store->on_closed_found(store->closed_ctx, instance, position);
	else if (store->without_archive)
		move_hash(store, instance, position, found);
}

void account_store_with_archive(struct account_store *store,
				void (*on_closed_found)(void *ctx, struct str instance,
							uint64_t position),
				void *ctx)
{
	store->on_closed_found = on_closed_found;
	store->closed_ctx = ctx;
	store->without_archive = false;
}

void account_store_without_archive(struct account_store *store)
{
	store->on_closed_found = NULL;
	store->without_archive = true;
}

void account_store_archived(struct account_store *store, struct str instance, uint64_t position,
			    const struct trade_sum *trade)
{
	if (instance.len > INSTANCE_NAME_MAX || position > INT64_MAX ||
	    account_is_open(store, instance, position))
		return;
	struct account_move *move = begin_move(store, instance, position);
	if (!move)
		return;
	account_move_of_sum(move, trade);
	move->trade.position = (int64_t)position;
	move->state = MOVE_READY;
}

/* ---- without an archive: what the hash says ---- */

void account_move_begin_state(struct account_store *store, struct str verb,
			      const struct account_move *move)
{
	struct key key;
	command_begin(&store->pipe.text, verb);
	command_copy(&store->pipe.text,
		     key_trade_state(&key, str_of(move->instance), (uint64_t)move->trade.position));
}

/* Nothing can be made of it, now or later. */
static void drop_hash(struct account_store *store, struct account_move *move)
{
	store->counts.moves_lost++;
	account_move_begin_state(store, STR("UNLINK"), move);
	account_note(store, command_pipe_send(&store->pipe, NULL, NULL));
}

static void on_hash(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct account_move *move = ctx;
	struct account_store *store = move->store;
	enum status read = STATUS_OK;
	account_note(store, status == STATUS_REDIS_WRONGTYPE ? STATUS_OK : status);
	if (!status)
		read = account_hash_read(store, reply, move);
	if (status && status != STATUS_REDIS_WRONGTYPE) {
		move->state = MOVE_WAITS;
	} else if (status || read) {
		if (read == STATUS_FORMAT)
			drop_hash(store, move);
		account_move_end(move);
	} else {
		move->state = MOVE_READY;
		account_moves_write(store);
	}
	account_settle(store);
}

static void read_hashes(struct account_store *store)
{
	int64_t now_ns = clock_monotonic_ns(store->clock);
	uint32_t left = store->moves_used;
	for (uint32_t i = 0; i < ACCOUNT_STORE_MOVES && left; i++) {
		struct account_move *move = &store->moves[i];
		left -= move->state != MOVE_NONE;
		if (move->state != MOVE_WAITS || move->due_ns > now_ns ||
		    command_pipe_is_full(&store->pipe))
			continue;
		account_move_begin_state(store, STR("HGETALL"), move);
		enum status status = command_pipe_send(&store->pipe, on_hash, move);
		account_note(store, status);
		if (!status)
			move->state = MOVE_READING;
	}
}

/* ---- each second ---- */

void account_moves_step(struct account_store *store)
{
	if (store->moves_left_out && !store->moves_used) {
		store->moves_left_out = false;
		store->sweep = true;
	}
	if (!account_moves_may_go(store))
		return;
	read_hashes(store);
	account_moves_write(store);
}
