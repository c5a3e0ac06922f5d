/* instance:{id} and instance:state:STATE.
 *
 * A row remembers what it has written. As long as that is believed, a second is one HSET
 * of what has changed and one EXPIRE, and a move is one transaction with the two sets; when
 * a reply is missing, is an error, or says that fields or the key had gone, the row is
 * `wrong` and the next second writes everything, from an empty hash. */
#include "base/check.h"
#include "store/instance_store_impl.h"

/* Facts below have the same names, and say the same. */
static const uint64_t facts_too = UINT64_C(1) << SAMPLE_rcn | UINT64_C(1) << SAMPLE_att;

static void failed(struct instance_row *row) { row->wrong = true; }

/* ---- replies ---- */

/* Of all HSETs together: how many fields they made is what they were to make. */
static void take_made(struct instance_row *row, enum status status, int64_t made)
{
	row->hashes_due--;
	row->fields_due -= status ? 0 : made;
	if (row->hashes_due)
		return;
	row->wrong |= row->fields_due != 0;
	row->fields_due = 0;
}

static void answered(struct instance_row *row, enum status status)
{
	row->replies_due--;
	instance_note(row->store, status);
	if (status)
		failed(row);
	instance_settle(row->store);
}

static void on_hash(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct instance_row *row = ctx;
	take_made(row, status, status ? 0 : reply->integer);
	answered(row, status);
}

static void on_expire(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct instance_row *row = ctx;
	row->wrong |= !status && reply->integer != 1;
	answered(row, status);
}

/* A move's SREM and SADD find it where it was thought to be; else it may be anywhere. */
static bool has_moved(const struct redis_reply *reply)
{
	enum { SREM, SADD, HSET, EXPIRE, COMMANDS };
	return reply->count != COMMANDS ||
	       (reply->items[SREM].integer == 1 && reply->items[SADD].integer == 1);
}

/* The hash is the last but one of a transaction, its TTL the last. */
static void on_all(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct instance_row *row = ctx;
	status = command_pipe_exec(status, reply);
	if (!status && reply->count < 2)
		status = STATUS_REDIS_PROTOCOL;
	if (status == STATUS_REDIS_WRONGTYPE)
		row->store->sweep = true; /* a set that is none is removed by that */
	row->wrong |= !status && !has_moved(reply);
	take_made(row, status, status ? 0 : reply->items[reply->count - 2].integer);
	answered(row, status);
}

/* ---- the hash ---- */

static void put_facts(struct command_text *command, const struct instance *instance)
{
	char storage[96];
	struct buf flags = buf_over(storage, sizeof storage);
	instance_flags_put(&flags, instance->flags);
	command_pair(command, STR("st"), str_of(instance_state_text(instance->state)));
	command_word(command, STR("fl"));
	command_copy(command, buf_str(&flags));
	command_pair_i64(command, STR("since"), instance->since_ms);
	command_pair(command, STR("hl"), str_of(instance_health_text(instance->health)));
	command_pair(command, STR("host"), str_of(instance->identity.host));
	command_pair(command, STR("srv"), str_of(instance->server));
	command_pair_i64(command, STR("login"), instance->login);
	command_pair(command, STR("cur"), str_of(instance->currency));
	command_pair_i64(command, STR("ep"), instance->epoch_ms);
	command_pair(command, STR("mode"),
		     instance->flags & INSTANCE_HELD ? STR("manual") : STR("auto"));
	command_pair_i64(command, STR("rst"), instance->restarts);
	command_pair_i64(command, STR("rcn"), instance->reconnects);
	command_pair_i64(command, STR("att"), instance->attempts);
	command_pair(command, STR("err"), str_of(instance->reason));
	command_pair(command, STR("sock"), instance->connected ? STR("1") : STR("0"));
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
}

/* Of everything put_facts writes, without writing it. */
static uint64_t facts_hash(const struct instance *instance)
{
	const uint64_t values[] = {
		instance->state,           instance->flags,
		instance->health,          (uint64_t)instance->since_ms,
		(uint64_t)instance->login, (uint64_t)instance->epoch_ms,
		instance->restarts,        instance->reconnects,
		instance->attempts,        instance->connected,
	};
	uint64_t hash = str_hash(str_of(instance->identity.host));
	hash = mix(hash, str_hash(str_of(instance->server)));
	hash = mix(hash, str_hash(str_of(instance->currency)));
	hash = mix(hash, str_hash(str_of(instance->reason)));
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		hash = mix(hash, values[i]);
	return hash;
}

static uint64_t changed_numbers(const struct instance_row *row, const struct instance *instance)
{
	uint64_t changed = ~row->known;
	for (uint32_t i = 0; i < SAMPLE_COUNT; i++) {
		const struct number *value = &instance->latest.values[i];
		uint64_t differs =
		    (value->mantissa != row->mantissas[i]) | (value->digits != row->digits[i]);
		changed |= differs << i;
	}
	return changed & instance->latest.known & ~facts_too;
}

static void put_numbers(struct instance_row *row, const struct instance *instance)
{
	struct command_text *command = &row->store->pipe.text;
	uint64_t changed = changed_numbers(row, instance);
	for (uint64_t rest = changed; rest; rest &= rest - 1) {
		uint32_t sample = (uint32_t)__builtin_ctzll(rest);
		struct number value = instance->latest.values[sample];
		command_word(command, str_of(sample_row((enum sample)sample)->name));
		command_number(command, value);
		row->mantissas[sample] = value.mantissa;
		row->digits[sample] = value.digits;
	}
	row->known |= changed;
}

/* HSET of what has changed; false when there is nothing. What it makes is noted. */
static bool put_hash(struct instance_row *row, const struct instance *instance)
{
	struct command_text *command = &row->store->pipe.text;
	struct key key;
	uint64_t facts = facts_hash(instance), known = row->wrong ? 0 : row->known;
	command_begin(command, STR("HSET"));
	command_copy(command, key_instance(&key, str_of(instance->identity.id)));
	row->known = known;
	if (row->wrong || row->state != instance->state || facts != row->facts)
		put_facts(command, instance);
	if (row->wrong || instance->heard_ms != row->heard_ms)
		command_pair_i64(command, STR("t"), instance->heard_ms);
	size_t texts = (command->count - 2) / 2;
	put_numbers(row, instance);
	row->facts = facts;
	row->heard_ms = instance->heard_ms;
	if (command->count == 2)
		return false;
	row->hashes_due++;
	row->fields_due +=
	    __builtin_popcountll(row->known & ~known) + (row->wrong ? (int64_t)texts : 0);
	return true;
}

static void put_expire(struct instance_row *row, const struct instance *instance)
{
	struct command_text *command = &row->store->pipe.text;
	struct key key;
	command_begin(command, STR("EXPIRE"));
	command_copy(command, key_instance(&key, str_of(instance->identity.id)));
	command_i64(command, INSTANCE_TTL_S);
}

static bool send(struct instance_row *row, redis_reply_fn fn)
{
	enum status status = command_pipe_send(&row->store->pipe, fn, row);
	row->replies_due += !status;
	if (!status)
		return true;
	instance_note(row->store, status);
	failed(row);
	return false;
}

/* False: it could not be sent. */
static bool send_news(struct instance_row *row, const struct instance *instance)
{
	if (!put_hash(row, instance) || send(row, on_hash))
		return true;
	take_made(row, STATUS_CLOSED, 0);
	return false;
}

/* ---- the sets ---- */

static void add_member(struct instance_row *row, const struct instance *instance, struct str verb,
		       enum instance_state state)
{
	struct command_pipe *pipe = &row->store->pipe;
	struct key key;
	command_begin(&pipe->text, verb);
	command_copy(&pipe->text, key_instance_state(&key, str_of(instance_state_text(state))));
	command_word(&pipe->text, str_of(instance->identity.id));
	command_pipe_add(pipe);
}

/* Out of every other set where it is not known in which it is. */
static void add_sets(struct instance_row *row, const struct instance *instance)
{
	for (enum instance_state state = 0; state < INSTANCE_STATES; state++)
		if (state != instance->state && (row->wrong || state == row->state))
			add_member(row, instance, STR("SREM"), state);
	if (row->wrong || row->state != instance->state)
		add_member(row, instance, STR("SADD"), instance->state);
}

static void add_unlink(struct instance_row *row, const struct instance *instance)
{
	struct command_pipe *pipe = &row->store->pipe;
	struct key key;
	command_begin(&pipe->text, STR("UNLINK"));
	command_copy(&pipe->text, key_instance(&key, str_of(instance->identity.id)));
	command_pipe_add(pipe);
}

/* Sets, hash and TTL in one transaction. */
static void send_all(struct instance_row *row, const struct instance *instance)
{
	struct command_pipe *pipe = &row->store->pipe;
	enum status status = command_pipe_begin(pipe);
	if (!status) {
		add_sets(row, instance);
		if (row->wrong)
			add_unlink(row, instance);
		CHECK(put_hash(row, instance)); /* at least the state */
		command_pipe_add(pipe);
		put_expire(row, instance);
		command_pipe_add(pipe);
		row->wrong = false; /* set again when it fails */
		row->state = instance->state;
		status = command_pipe_end(pipe, on_all, row);
		row->replies_due += !status;
		if (status)
			take_made(row, status, 0);
	}
	if (!status)
		return;
	instance_note(row->store, status);
	failed(row);
}

static bool wants_all(struct instance_row *row, const struct instance *instance)
{
	if (row->known & ~instance->latest.known)
		row->wrong = true; /* a number that is not known any more */
	return row->wrong || row->state != instance->state;
}

void instance_hash_moved(struct instance_row *row, const struct instance *instance)
{
	if (wants_all(row, instance))
		send_all(row, instance);
	else
		send_news(row, instance);
}

void instance_hash_second(struct instance_row *row, const struct instance *instance)
{
	if (wants_all(row, instance)) {
		send_all(row, instance);
	} else if (send_news(row, instance)) {
		put_expire(row, instance);
		send(row, on_expire);
	}
}
