/* Closed trades on their way into trades:closed:{instance}.
 *
 * One stream at a time: its newest entry is read, trades of the same account and day are
 * added to that chunk (or begin one), and one transaction adds the chunk under a higher id,
 * deletes the entry it was made of, and unlinks the trades' hashes. So at every moment a
 * trade is in its hash or in the stream. What a transaction that was not acknowledged did is
 * seen when the entry is read again: a trade that is in it already is replaced.
 *
 * Nothing is written within two seconds of a new connection: until then, what a dead one had
 * said may still reach the server, and could take back what was written since. */
#include "base/check.h"
#include "base/crash.h"
#include "store/account_store_impl.h"

static const int64_t day_ms = 86400000, keep_ms = INT64_C(30) * 86400000;
static const int64_t key_ttl_s = INT64_C(31) * 86400; /* a terminal that has gone */

/* ---- the chunk ---- */

static struct str stream_name(const struct account_chunk *chunk, struct key *key)
{
	return key_trades_closed(key, str_of(chunk->instance));
}

static int64_t closed_ms(const struct account_move *move)
{
	int64_t ms = move->trade.closed_us / 1000;
	return ms > 0 ? ms : 1;
}

/* Of the entry, or of the trade where that is later: late ones go where there is room. */
static int64_t day_of(const struct account_chunk *chunk, const struct account_move *move)
{
	int64_t day = closed_ms(move) / day_ms, held = (int64_t)chunk->entry.ms / day_ms;
	return chunk->replaces && held > day ? held : day;
}

static bool is_of_chunk(const struct account_chunk *chunk, const struct account_move *move)
{
	return move->state == MOVE_READY && strcmp(move->instance, chunk->instance) == 0 &&
	       strcmp(move->account.server, chunk->account.server) == 0 &&
	       move->account.login == chunk->account.login;
}

static void put_trade(struct account_chunk *chunk, struct account_move *move)
{
	for (uint32_t i = 0; i < chunk->count; i++)
		if (chunk->trades[i].position == move->trade.position) {
			chunk->trades[i] = move->trade;
			move->state = MOVE_SENT;
			return;
		}
	if (chunk->count == CLOSED_CHUNK_TRADES)
		return;
	chunk->trades[chunk->count++] = move->trade;
	move->state = MOVE_SENT;
}

static void each_sent(struct account_store *store,
		      void (*fn)(struct account_store *store, struct account_move *move))
{
	for (uint32_t i = 0; i < ACCOUNT_STORE_MOVES; i++)
		if (store->moves[i].state == MOVE_SENT)
			fn(store, &store->moves[i]);
}

static void back_to_ready(struct account_store *store, struct account_move *move)
{
	(void)store;
	move->state = MOVE_READY;
}

/* What is open again is no closed trade. How many were put. */
static uint32_t put_trades(struct account_store *store, uint32_t most)
{
	struct account_chunk *chunk = store->chunk;
	uint32_t put = 0;
	int64_t day = -1;
	for (uint32_t i = 0; i < ACCOUNT_STORE_MOVES && put < most; i++) {
		struct account_move *move = &store->moves[i];
		if (!is_of_chunk(chunk, move))
			continue;
		if (account_is_open(store, str_of(move->instance),
				    (uint64_t)move->trade.position)) {
			account_move_end(move);
			continue;
		}
		day = day < 0 ? day_of(chunk, move) : day;
		if (day_of(chunk, move) != day)
			continue;
		if (!put && chunk->replaces && (int64_t)chunk->entry.ms / day_ms < day) {
			chunk->replaces = false; /* the entry's day is over */
			chunk->count = 0;
		}
		put_trade(chunk, move);
		put += move->state == MOVE_SENT;
	}
	return put;
}

/* Fills chunk->bytes: into the newest entry, or an entry of their own where that is full, or
 * of one alone. False: there is nothing to be written. */
static bool pack(struct account_store *store, struct buf *bytes)
{
	struct account_chunk *chunk = store->chunk;
	bool replaces = chunk->replaces;
	const uint32_t most[] = { ACCOUNT_MOVES_AT_ONCE, ACCOUNT_MOVES_AT_ONCE, 1 };
	for (size_t i = 0; i < ARRAY_LEN(most); i++) {
		chunk->replaces = replaces && i == 0;
		chunk->count = chunk->replaces ? chunk->kept : 0;
		*bytes = buf_over(chunk->bytes, sizeof chunk->bytes);
		if (put_trades(store, most[i]) &&
		    closed_pack(&chunk->account, chunk->trades, chunk->count, bytes) == STATUS_OK)
			return true;
		each_sent(store, back_to_ready);
	}
	return false;
}

/* ---- writing ---- */

static void forget_trade(struct account_store *store, struct account_move *move)
{
	struct account_trade *trade =
	    account_trade_find(store, str_of(move->instance), (uint64_t)move->trade.position);
	if (trade && trade->closed)
		account_trade_remove(store, trade);
	account_move_end(move);
	store->counts.moved++;
}

static void on_moved(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct account_store *store = ctx;
	status = command_pipe_exec(status, reply);
	account_note(store, status);
	store->chunk->busy = false;
	if (status) {
		store->counts.moves_failed++;
		each_sent(store, back_to_ready);
	} else {
		crash_point(CRASH_closed);
		each_sent(store, forget_trade);
		account_moves_write(store);
	}
	account_settle(store);
}

static void add_unlink(struct account_store *store, struct account_move *move)
{
	account_move_begin_state(store, STR("UNLINK"), move);
	command_pipe_add(&store->pipe);
}

static void put_member(struct account_store *store, struct account_move *move)
{
	command_u64(&store->pipe.text, (uint64_t)move->trade.position);
}

/* Mostly they left the index when they closed. */
static void add_leave_index(struct account_store *store)
{
	struct key key;
	command_begin(&store->pipe.text, STR("SREM"));
	command_copy(&store->pipe.text, key_trades_open(&key, str_of(store->chunk->instance)));
	each_sent(store, put_member);
	command_pipe_add(&store->pipe);
}

/* The day's first close, so that an entry's age is its oldest trade's. */
static int64_t first_ms(const struct account_store *store)
{
	const struct account_chunk *chunk = store->chunk;
	int64_t first = INT64_MAX;
	if (chunk->replaces)
		return (int64_t)chunk->entry.ms;
	for (uint32_t i = 0; i < chunk->count; i++) {
		int64_t ms = chunk->trades[i].closed_us / 1000;
		first = ms < first ? ms : first;
	}
	return first > 0 ? first : 1;
}

/* The oldest that is kept; a clock that runs ahead must not end what is young. */
static int64_t oldest_ms(const struct account_store *store, int64_t first)
{
	int64_t now = account_wall_ms(store), from = first < now ? first : now;
	return from > keep_ms ? from - keep_ms : 0;
}

static void add_chunk(struct account_store *store, struct buf *bytes)
{
	struct account_chunk *chunk = store->chunk;
	struct command_pipe *pipe = &store->pipe;
	char storage[2][48];
	struct buf id = buf_over(storage[0], 48), old = buf_over(storage[1], 48);
	struct key key;
	struct str name = stream_name(chunk, &key);
	int64_t first = first_ms(store);
	stream_id_print(&id, stream_id_next(chunk->top, first));
	stream_id_print(&old, chunk->entry);
	if (chunk->heal) {
		command_begin(&pipe->text, STR("UNLINK"));
		command_word(&pipe->text, name);
		command_pipe_add(pipe);
	}
	command_begin(&pipe->text, STR("XADD"));
	command_word(&pipe->text, name);
	command_pair(&pipe->text, STR("MINID"), STR("="));
	command_i64(&pipe->text, oldest_ms(store, first));
	command_word(&pipe->text, buf_str(&id));
	command_pair(&pipe->text, STR("c"), buf_str(bytes));
	command_pipe_add(pipe);
	if (chunk->replaces) {
		command_begin(&pipe->text, STR("XDEL"));
		command_pair(&pipe->text, name, buf_str(&old));
		command_pipe_add(pipe);
	}
	command_begin(&pipe->text, STR("EXPIRE"));
	command_word(&pipe->text, name);
	command_i64(&pipe->text, key_ttl_s);
	command_pipe_add(pipe);
}

static void write_chunk(struct account_store *store)
{
	struct command_pipe *pipe = &store->pipe;
	struct buf bytes;
	if (!pack(store, &bytes))
		return;
	enum status status = command_pipe_begin(pipe);
	if (!status) {
		add_chunk(store, &bytes);
		each_sent(store, add_unlink);
		add_leave_index(store);
		status = command_pipe_end(pipe, on_moved, store);
	}
	store->chunk->busy = status == STATUS_OK;
	if (!status)
		return;
	account_note(store, status);
	store->counts.moves_failed++;
	each_sent(store, back_to_ready);
}

/* ---- reading ---- */

static bool take_top(const struct redis_reply *reply, struct stream_id *top)
{
	for (size_t i = 0; reply->type == REDIS_ARRAY && i + 1 < reply->count; i += 2)
		if (str_eq(reply->items[i].text, STR("last-generated-id")))
			return stream_id_parse(reply->items[i + 1].text, top) == STATUS_OK;
	return false;
}

static void on_top(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct account_store *store = ctx;
	struct account_chunk *chunk = store->chunk;
	bool none = status && reply && reply->type == REDIS_ERROR &&
		    str_starts(reply->text, STR("ERR no such key"));
	chunk->heal = status == STATUS_REDIS_WRONGTYPE;
	chunk->top = (struct stream_id){ 0 };
	chunk->top_is_known = none || chunk->heal || (!status && take_top(reply, &chunk->top));
	account_note(store, none || chunk->heal ? STATUS_OK : status);
	account_settle(store);
}

/* An entry that cannot be read, or is another account's, stays as it is. */
static void take_entry(struct account_chunk *chunk, const struct redis_reply *reply)
{
	struct closed_account account;
	chunk->replaces = false;
	chunk->entry = (struct stream_id){ 0 };
	if (chunk->heal || reply->type != REDIS_ARRAY || reply->count != 1)
		return;
	const struct redis_reply *entry = &reply->items[0];
	if (entry->type != REDIS_ARRAY || entry->count != 2 ||
	    entry->items[1].type != REDIS_ARRAY || entry->items[1].count != 2 ||
	    stream_id_parse(entry->items[0].text, &chunk->entry) != STATUS_OK)
		return;
	chunk->replaces = closed_read(entry->items[1].items[1].text, &account, chunk->trades,
				      &chunk->kept) == STATUS_OK &&
			  account.login == chunk->account.login &&
			  strcmp(account.server, chunk->account.server) == 0;
}

static void on_entry(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct account_store *store = ctx;
	struct account_chunk *chunk = store->chunk;
	bool good = chunk->top_is_known && (!status || chunk->heal);
	account_note(store, chunk->heal ? STATUS_OK : status);
	chunk->busy = false;
	if (good && store->started) {
		take_entry(chunk, reply);
		write_chunk(store);
	}
	account_settle(store);
}

static void read_entry(struct account_store *store, const struct account_move *move)
{
	struct account_chunk *chunk = store->chunk;
	struct command_pipe *pipe = &store->pipe;
	struct key key;
	chunk->account = move->account;
	chunk->top_is_known = false;
	memcpy(chunk->instance, move->instance, sizeof chunk->instance);
	command_begin(&pipe->text, STR("XINFO"));
	command_pair(&pipe->text, STR("STREAM"), stream_name(chunk, &key));
	enum status status = command_pipe_send(pipe, on_top, store);
	if (!status) {
		command_begin(&pipe->text, STR("XREVRANGE"));
		command_word(&pipe->text, stream_name(chunk, &key));
		command_pair(&pipe->text, STR("+"), STR("-"));
		command_pair(&pipe->text, STR("COUNT"), STR("1"));
		status = command_pipe_send(pipe, on_entry, store);
	}
	chunk->busy = status == STATUS_OK;
	account_note(store, status);
}

bool account_moves_may_go(const struct account_store *store)
{
	return store->started && store->again_ns == INT64_MAX && !store->chunk->busy &&
	       !command_pipe_is_full(&store->pipe);
}

void account_moves_write(struct account_store *store)
{
	uint32_t left = store->moves_used;
	for (uint32_t i = 0; i < ACCOUNT_STORE_MOVES && left && account_moves_may_go(store); i++) {
		left -= store->moves[i].state != MOVE_NONE;
		if (store->moves[i].state == MOVE_READY)
			read_entry(store, &store->moves[i]);
	}
}
