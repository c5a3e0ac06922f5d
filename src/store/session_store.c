#include "store/session_store.h"

#include <stdlib.h>

#include "def/keys.h"
#include "store/command_pipe.h"
#include "store/long_text.h"

struct session_store {
	struct command_pipe pipe;
	const struct clock_port *clock;
	size_t keys_max;
	bool refuses_new;
	size_t coming; /* new keys that are being written */
	struct session_store_counts counts;
};

/* A call under way. */
struct errand {
	struct session_store *store;
	enum session_kind kind;
	session_get_fn got;
	session_done_fn done;
	void *ctx;
	bool is_new; /* a put of a key that was not there, counted in `coming` */
	bool exists; /* what EXISTS said */
	struct session_fields fields;
	struct key key;
	struct str name, user; /* the key's, and its part */
	struct buf text;       /* of the fields */
};

struct session_store *session_store_create(struct redis_port *rss, const struct clock_port *clock,
					   size_t keys_max)
{
	struct session_store *store = calloc(1, sizeof *store);
	if (!store)
		return NULL;
	store->pipe.redis = rss;
	store->clock = clock;
	store->keys_max = keys_max ? keys_max : SESSION_STORE_MAX;
	return store;
}

void session_store_destroy(struct session_store *store) { free(store); }

struct session_store_counts session_store_counts(const struct session_store *store)
{
	return store->counts;
}

/* ---- what may be put ---- */

bool session_user_is_good(struct str user)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-@";
	for (size_t i = 0; i < user.len; i++)
		if (!user.ptr[i] || !strchr(allowed, user.ptr[i]))
			return false;
	return user.len >= 1 && user.len <= SESSION_USER_MAX;
}

static enum key_id key_of(enum session_kind kind)
{
	return kind == SESSION_SESSION ? KEY_session : KEY_preference;
}

/* NULL: there is no such field. */
static const struct key_field *field_of(enum session_kind kind, struct str name)
{
	const struct key_field *field;
	for (size_t i = 0; (field = key_field(i)); i++)
		if (field->key == key_of(kind) && str_eq(str_of(field->name), name))
			return field;
	return NULL;
}

static bool is_text(struct str value)
{
	if (value.len > SESSION_VALUE_MAX)
		return false;
	while (value.len) {
		size_t n = str_utf8_len(value);
		if (!n || (unsigned char)value.ptr[0] < 0x20 || value.ptr[0] == 0x7F)
			return false;
		value = str_skip(value, n);
	}
	return true;
}

static bool is_good_value(const struct key_field *field, struct str value)
{
	uint64_t number;
	if (strcmp(field->unit, "ms") == 0)
		return str_to_u64(value, &number) == STATUS_OK && number <= INT64_MAX;
	return is_text(value);
}

static bool stands_before(const struct session_fields *fields, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (str_eq(fields->names[i], fields->names[index]))
			return true;
	return false;
}

bool session_fields_are_good(enum session_kind kind, struct str user,
			     const struct session_fields *fields, struct str *fault)
{
	*fault = STR("user");
	if (!session_user_is_good(user))
		return false;
	for (size_t i = 0; i < fields->count; i++) {
		const struct key_field *field = field_of(kind, fields->names[i]);
		*fault = fields->names[i];
		if (!field || !is_good_value(field, fields->values[i]) || stands_before(fields, i))
			return false;
	}
	return true;
}

/* ---- a call under way ---- */

static struct errand *begin(struct session_store *store, enum session_kind kind, struct str user,
			    void *ctx)
{
	struct errand *errand = calloc(1, sizeof *errand);
	if (!errand)
		return NULL;
	errand->store = store;
	errand->kind = kind;
	errand->ctx = ctx;
	errand->name = kind == SESSION_SESSION ? key_session(&errand->key, user)
					       : key_preference(&errand->key, user);
	errand->user = str_skip(errand->name, errand->name.len - user.len);
	buf_init(&errand->text, SESSION_FIELDS_MAX * (SESSION_VALUE_MAX + 16));
	return errand;
}

static void end(struct errand *errand, enum status status)
{
	struct session_store *store = errand->store;
	store->coming -= errand->is_new;
	store->counts.refused += status == STATUS_FULL;
	store->counts.failed += status && status != STATUS_FULL && status != STATUS_NOT_FOUND;
	if (errand->got)
		errand->got(errand->ctx, status, NULL);
	else if (errand->done)
		errand->done(errand->ctx, status);
	buf_deinit(&errand->text);
	free(errand);
}

/* Of a call that could not be begun: nobody is told. */
static enum status give_up(struct errand *errand, enum status status)
{
	errand->got = NULL;
	errand->done = NULL;
	end(errand, status);
	return status;
}

/* ---- values that are keys of their own ---- */

/* The next field of the kind that may be long, from *index on; NULL: no more. */
static const struct key_field *next_text(enum session_kind kind, size_t *index)
{
	const struct key_field *field;
	while ((field = key_field((*index)++)))
		if (field->key == key_of(kind) && strcmp(field->unit, "ms") != 0)
			return field;
	return NULL;
}

static void put_text_key(struct errand *errand, const char *field)
{
	struct key key;
	command_copy(&errand->store->pipe.text,
		     errand->kind == SESSION_SESSION
			 ? key_session_text(&key, errand->user, str_of(field))
			 : key_preference_text(&key, errand->user, str_of(field)));
}

static size_t texts_of(enum session_kind kind)
{
	size_t count = 0;
	for (size_t i = 0; next_text(kind, &i);)
		count++;
	return count;
}

/* The hash, and all that there may be of it. */
static void put_unlink(struct errand *errand)
{
	const struct key_field *field;
	command_begin(&errand->store->pipe.text, STR("UNLINK"));
	command_word(&errand->store->pipe.text, errand->name);
	for (size_t i = 0; (field = next_text(errand->kind, &i));)
		put_text_key(errand, field->name);
}

/* ---- get ---- */

/* texts: the replies to read_all's GETs. */
static struct str whole_value(const struct errand *errand, const char *name, struct str held,
			      const struct redis_reply *texts)
{
	const struct key_field *field;
	if (!long_text_is_mark(held))
		return held;
	for (size_t i = 0; (field = next_text(errand->kind, &i)); texts++)
		if (strcmp(field->name, name) == 0 && texts->type == REDIS_BULK)
			return texts->text;
	return (struct str){ 0 };
}

static void put_field(const struct errand *errand, struct session_fields *out,
		      const struct redis_reply *reply, const char *name)
{
	const struct redis_reply *hash = &reply->items[0];
	for (size_t i = 0; i + 1 < hash->count; i += 2) {
		if (!str_eq(hash->items[i].text, str_of(name)))
			continue;
		struct str value =
		    whole_value(errand, name, hash->items[i + 1].text, &reply->items[1]);
		if (!value.ptr)
			continue; /* somebody removed it */
		out->names[out->count] = str_of(name);
		out->values[out->count++] = value;
	}
}

static void on_got(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct errand *errand = ctx;
	struct session_fields fields = { .count = 0 };
	const struct key_field *field;
	command_pipe_answered(&errand->store->pipe);
	status = command_pipe_exec(status, reply);
	if (!status &&
	    (reply->count != 1 + texts_of(errand->kind) || reply->items[0].type != REDIS_ARRAY))
		status = STATUS_REDIS_PROTOCOL;
	if (!status && !reply->items[0].count)
		status = STATUS_NOT_FOUND;
	for (size_t i = 0; !status && (field = key_field(i)); i++)
		if (field->key == key_of(errand->kind) && fields.count < SESSION_FIELDS_MAX)
			put_field(errand, &fields, reply, field->name);
	if (!status) {
		errand->got(errand->ctx, STATUS_OK, &fields);
		errand->got = NULL;
	}
	end(errand, status);
}

/* The hash and its long values as they are at one moment. */
static enum status read_all(struct errand *errand)
{
	struct command_pipe *pipe = &errand->store->pipe;
	const struct key_field *field;
	enum status status = command_pipe_begin(pipe);
	if (status)
		return status;
	command_begin(&pipe->text, STR("HGETALL"));
	command_word(&pipe->text, errand->name);
	command_pipe_add(pipe);
	for (size_t i = 0; (field = next_text(errand->kind, &i));) {
		command_begin(&pipe->text, STR("GET"));
		put_text_key(errand, field->name);
		command_pipe_add(pipe);
	}
	return command_pipe_end(pipe, on_got, errand);
}

enum status session_store_get(struct session_store *store, enum session_kind kind, struct str user,
			      session_get_fn done, void *ctx)
{
	if (!session_user_is_good(user))
		return STATUS_INVALID;
	struct errand *errand = begin(store, kind, user, ctx);
	if (!errand)
		return STATUS_NO_MEMORY;
	errand->got = done;
	store->counts.reads++;
	enum status status = read_all(errand);
	return status ? give_up(errand, status) : STATUS_OK;
}

/* ---- put ---- */

static void on_written(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct errand *errand = ctx;
	command_pipe_answered(&errand->store->pipe);
	end(errand, command_pipe_exec(status, reply));
}

static void put_text(struct errand *errand, const char *name, struct str value)
{
	size_t from = errand->text.len;
	buf_str_put(&errand->text, value);
	errand->fields.names[errand->fields.count] = str_of(name);
	errand->fields.values[errand->fields.count++] =
	    str_make(errand->text.ptr + from, value.len);
}

/* Their names are the table's, so that they outlive the call; so does the text, which does
 * not move once it has its room. */
static bool keep_fields(struct errand *errand, const struct session_fields *fields)
{
	bool is_session = errand->kind == SESSION_SESSION, has_time = false, has_st = !is_session;
	const char *time = is_session ? "seen" : "ut";
	char storage[24];
	struct buf now = buf_over(storage, sizeof storage);
	if (!buf_reserve(&errand->text, errand->text.limit))
		return false;
	for (size_t i = 0; i < fields->count; i++) {
		const char *name = field_of(errand->kind, fields->names[i])->name;
		put_text(errand, name, fields->values[i]);
		has_time = has_time || strcmp(name, time) == 0;
		has_st = has_st || strcmp(name, "st") == 0;
	}
	buf_i64(&now, clock_wall_ns(errand->store->clock) / 1000000);
	if (!has_time)
		put_text(errand, time, buf_str(&now));
	if (!has_st)
		put_text(errand, "st", STR("active"));
	return true;
}

static void add_long_value(struct errand *errand, size_t index)
{
	struct command_pipe *pipe = &errand->store->pipe;
	struct str value = errand->fields.values[index];
	if (!long_text_is_outside(value))
		return;
	command_begin(&pipe->text, STR("SET"));
	put_text_key(errand, errand->fields.names[index].ptr);
	command_word(&pipe->text, value);
	command_pipe_add(pipe);
}

static enum status write_all(struct errand *errand)
{
	struct command_pipe *pipe = &errand->store->pipe;
	enum status status = command_pipe_begin(pipe);
	if (status)
		return status;
	put_unlink(errand);
	command_pipe_add(pipe);
	command_begin(&pipe->text, STR("HSET"));
	command_word(&pipe->text, errand->name);
	for (size_t i = 0; i < errand->fields.count; i++)
		command_pair(&pipe->text, errand->fields.names[i],
			     long_text_inside(errand->fields.values[i]));
	command_pipe_add(pipe);
	for (size_t i = 0; i < errand->fields.count; i++)
		add_long_value(errand, i);
	return command_pipe_end(pipe, on_written, errand);
}

void session_store_refuse_new(struct session_store *store, bool refuse)
{
	store->refuses_new = refuse;
}

/* Counted are the keys the server has and those on their way to it, which it may have
 * already: sooner refused by one than taken beyond the bound. */
static void on_counted(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct errand *errand = ctx;
	struct session_store *store = errand->store;
	command_pipe_answered(&store->pipe);
	if (!status && reply->type != REDIS_INTEGER)
		status = STATUS_REDIS_PROTOCOL;
	if (!status && !errand->exists && store->refuses_new && errand->kind == SESSION_SESSION)
		status = STATUS_REFUSED;
	if (!status && !errand->exists) {
		if ((uint64_t)reply->integer + store->coming >= store->keys_max)
			status = STATUS_FULL;
		else
			errand->is_new = true;
		store->coming += errand->is_new;
	}
	if (!status)
		status = write_all(errand);
	if (status)
		end(errand, status);
}

static void on_looked(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct errand *errand = ctx;
	struct command_pipe *pipe = &errand->store->pipe;
	command_pipe_answered(pipe);
	if (!status) {
		errand->exists = reply->type == REDIS_INTEGER && reply->integer > 0;
		command_begin(&pipe->text, STR("DBSIZE"));
		status = command_pipe_send(pipe, on_counted, errand);
	}
	if (status)
		end(errand, status);
}

enum status session_store_put(struct session_store *store, enum session_kind kind, struct str user,
			      const struct session_fields *fields, session_done_fn done, void *ctx)
{
	struct str fault;
	if (!session_fields_are_good(kind, user, fields, &fault))
		return STATUS_INVALID;
	struct errand *errand = begin(store, kind, user, ctx);
	if (!errand)
		return STATUS_NO_MEMORY;
	if (!keep_fields(errand, fields))
		return give_up(errand, STATUS_NO_MEMORY);
	errand->done = done;
	store->counts.puts++;
	command_begin(&store->pipe.text, STR("EXISTS"));
	command_word(&store->pipe.text, errand->name);
	enum status status = command_pipe_send(&store->pipe, on_looked, errand);
	return status ? give_up(errand, status) : STATUS_OK;
}

/* ---- end ---- */

static void on_unlinked(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct errand *errand = ctx;
	command_pipe_answered(&errand->store->pipe);
	if (!status && (reply->type != REDIS_INTEGER || !reply->integer))
		status = STATUS_NOT_FOUND;
	end(errand, status);
}

enum status session_store_end(struct session_store *store, struct str user, session_done_fn done,
			      void *ctx)
{
	if (!session_user_is_good(user))
		return STATUS_INVALID;
	struct errand *errand = begin(store, SESSION_SESSION, user, ctx);
	if (!errand)
		return STATUS_NO_MEMORY;
	errand->done = done;
	store->counts.ends++;
	put_unlink(errand);
	enum status status = command_pipe_send(&store->pipe, on_unlinked, errand);
	return status ? give_up(errand, status) : STATUS_OK;
}
