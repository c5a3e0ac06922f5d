#include "survey/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "survey/dump_impl.h"

enum { SOON_KEYS = 16 };

_Static_assert(RDB_MEMORY_MAX + RING_BATCHES * sizeof(struct dump_batch) + sizeof(struct dump) <=
		   DUMP_MEMORY_MAX,
	       "the reader fits, the samples and the ring");

/* ---- the file ---- */

static enum status fill(void *ctx, char *at, size_t size, size_t *got)
{
	struct dump *dump = ctx;
	ssize_t n;
	do
		n = read(dump->fd, at, size);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		dump->errnum = errno;
		return STATUS_IO;
	}
	*got = (size_t)n;
	dump->read += n;
	return STATUS_OK;
}

static enum status open_file(struct dump *dump, struct err *err)
{
	struct stat about;
	dump->fd = open(dump->config->path, O_RDONLY | O_CLOEXEC);
	if (dump->fd < 0 || fstat(dump->fd, &about) != 0)
		return err_errno(err, errno, "%s", dump->config->path);
	if (S_ISDIR(about.st_mode))
		return err_errno(err, EISDIR, "%s", dump->config->path);
	dump->totals->bytes_total = about.st_size;
	return STATUS_OK;
}

/* ---- what the file says of itself ---- */

static void number_of(struct str text, int64_t factor, int64_t *out)
{
	int64_t value;
	if (str_to_i64(text, &value) == STATUS_OK &&
	    !__builtin_mul_overflow(value, factor, &value) && value >= 0)
		*out = value;
}

static enum status on_aux(void *ctx, struct str name, struct str value)
{
	struct dump_totals *totals = ((struct dump *)ctx)->totals;
	if (str_eq(name, STR("valkey-ver")) ||
	    (str_eq(name, STR("redis-ver")) && !totals->server_version[0]))
		snprintf(totals->server_version, sizeof totals->server_version, "%.*s",
			 (int)(value.len < 31 ? value.len : 31), value.ptr);
	else if (str_eq(name, STR("ctime")))
		number_of(value, 1000, &totals->created_ms);
	else if (str_eq(name, STR("used-mem")))
		number_of(value, 1, &totals->used_memory);
	else if (str_eq(name, STR("aof-base")) || str_eq(name, STR("aof-preamble")))
		totals->is_aof_base = str_eq(value, STR("1"));
	return STATUS_OK;
}

static enum status on_db(void *ctx, int64_t db)
{
	(void)db;
	((struct dump *)ctx)->totals->dbs++;
	return STATUS_OK;
}

/* ---- a key ---- */

static enum audit_type type_of(enum rdb_kind kind)
{
	static const enum audit_type types[] = {
		[RDB_STRING] = AUDIT_STRING, [RDB_LIST] = AUDIT_LIST, [RDB_SET] = AUDIT_SET,
		[RDB_ZSET] = AUDIT_ZSET,     [RDB_HASH] = AUDIT_HASH, [RDB_STREAM] = AUDIT_STREAM,
		[RDB_MODULE] = AUDIT_MODULE,
	};
	return types[kind];
}

static struct str keep(struct dump_batch *batch, struct str text)
{
	struct str kept = str_make(batch->bytes + batch->used, text.len);
	if (text.len)
		memcpy(batch->bytes + batch->used, text.ptr, text.len);
	batch->used += text.len;
	return kept;
}

/* Longer names are cut, as the rest of an audit has them (audit/key.h). */
static struct str name_of(struct dump *dump, const struct rdb_text *name)
{
	bool is_long = name->len > AUDIT_NAME_MAX;
	dump->long_names += is_long;
	return keep(dump->batch,
		    str_make(name->head.ptr, is_long ? AUDIT_NAME_MAX : name->head.len));
}

/* One by one: of a literal, compilers clear all of it first, which takes longer than this. */
static void make_key(struct dump *dump, const struct rdb_key *from)
{
	static const struct audit_stream none = { .added = -1 };
	struct audit_key *key = dump->key;
	key->db = (int)from->db;
	key->name = name_of(dump, &from->name);
	key->type = type_of(from->kind);
	key->encoding = AUDIT_ENC_UNKNOWN;
	key->length = 0;
	key->expires_ms = from->expires_ms;
	key->bytes = 0;
	key->idle_s = from->idle_s;
	key->longest = 0;
	key->digest = 0;
	key->value = STR("");
	key->elements = dump->batch->elements + dump->batch->n_elements;
	key->count = 0;
	key->stream = none;
	key->look = NULL;
}

static enum status on_key(void *ctx, const struct rdb_key *from)
{
	struct dump *dump = ctx;
	enum status status = dump_ring_begin(dump->ring, &dump->batch);
	if (status)
		return status;
	dump->form = from->form;
	dump->claimed = from->claimed;
	dump->is_weighed = false;
	dump->key = &dump->batch->keys[dump->batch->n];
	make_key(dump, from);
	dump_samples_begin(&dump->samples, from->kind == RDB_LIST,
			   dump->batch->elements + dump->batch->n_elements,
			   dump->batch->bytes + dump->batch->used);
	if (from->kind != RDB_STRING)
		audit_cost_begin(&dump->cost, dump->key->type, AUDIT_ENC_UNKNOWN,
				 (int64_t)from->name.len, from->expires_ms >= 0);
	dump->name_bytes = (int64_t)from->name.len;
	return STATUS_OK;
}

/* Of several pieces the first is kept. */
static enum status on_string(void *ctx, struct str piece, uint64_t whole)
{
	struct dump *dump = ctx;
	struct audit_key *key = dump->key;
	key->length = key->longest = (int64_t)whole;
	if (piece.len == whole)
		key->digest = audit_digest(piece);
	if (!key->value.len)
		key->value = keep(
		    dump->batch,
		    str_make(piece.ptr, piece.len < AUDIT_VALUE_MAX ? piece.len : AUDIT_VALUE_MAX));
	return STATUS_OK;
}

static void note_length(struct audit_key *key, uint64_t bytes)
{
	if (bytes > (uint64_t)key->longest)
		key->longest = (int64_t)bytes;
}

/* Does a server that loads this listpack leave it one? Then its bytes are its cost. */
static bool stays_packed(const struct dump *dump)
{
	enum audit_type type = dump->key->type;
	uint64_t most = type == AUDIT_HASH ? AUDIT_HASH_ENTRIES : AUDIT_ZSET_ENTRIES;
	return (type == AUDIT_HASH || type == AUDIT_ZSET) && dump->claimed && dump->claimed <= most;
}

static enum status on_node(void *ctx, enum rdb_form form, uint64_t bytes)
{
	struct dump *dump = ctx;
	if (dump->key->type == AUDIT_LIST && dump->form == RDB_LISTPACK) {
		audit_cost_node(&dump->cost, (int64_t)bytes);
		dump->is_weighed = true;
	} else if (form == RDB_LISTPACK) {
		audit_cost_packed(&dump->cost, (int64_t)bytes);
		dump->is_weighed = stays_packed(dump);
	}
	return STATUS_OK;
}

static enum status on_element(void *ctx, const struct rdb_element *element)
{
	struct dump *dump = ctx;
	note_length(dump->key, element->value.len);
	note_length(dump->key, element->field.len);
	dump_samples_add(&dump->samples, element->field.head, element->value.head, element->score);
	bool is_cut = element->value.len > element->value.head.len ||
		      element->field.len > element->field.head.len;
	if (dump->is_weighed)
		return STATUS_OK;
	if (is_cut)
		audit_cost_element_bytes(&dump->cost, (int64_t)element->field.len,
					 (int64_t)element->value.len);
	else
		audit_cost_element(&dump->cost, element->field.head, element->value.head);
	return STATUS_OK;
}

/* ---- streams ---- */

static enum status on_stream_node(void *ctx, struct rdb_stream_id first, uint64_t bytes)
{
	struct dump *dump = ctx;
	audit_cost_stream_node(&dump->cost, first.ms, first.seq, (int64_t)bytes);
	return STATUS_OK;
}

static enum status on_stream_entry(void *ctx, struct rdb_stream_id id, uint64_t fields)
{
	struct dump *dump = ctx;
	char storage[48];
	struct buf text = buf_over(storage, sizeof storage);
	(void)fields;
	buf_u64(&text, id.ms);
	buf_char(&text, '-');
	buf_u64(&text, id.seq);
	if (!dump->key->stream.first_ms)
		dump->key->stream.first_ms = (int64_t)id.ms;
	dump_samples_add(&dump->samples, buf_str(&text), STR(""), 0);
	return STATUS_OK;
}

static enum status on_stream_field(void *ctx, struct str name, struct str value)
{
	struct dump *dump = ctx;
	note_length(dump->key, name.len);
	note_length(dump->key, value.len);
	dump_samples_field(&dump->samples, name, value);
	return STATUS_OK;
}

static enum status on_stream(void *ctx, const struct rdb_stream *from)
{
	struct dump *dump = ctx;
	struct audit_stream *stream = &dump->key->stream;
	dump->key->length = from->length > INT64_MAX ? INT64_MAX : (int64_t)from->length;
	stream->groups = from->groups > INT64_MAX ? INT64_MAX : (int64_t)from->groups;
	stream->added = from->added;
	stream->last_ms = (int64_t)from->last.ms;
	return STATUS_OK;
}

static enum status on_group(void *ctx, const struct rdb_group *group)
{
	struct dump *dump = ctx;
	(void)group;
	audit_cost_stream_group(&dump->cost);
	return STATUS_OK;
}

static enum status on_consumer(void *ctx, const struct rdb_consumer *consumer)
{
	struct dump *dump = ctx;
	struct audit_stream *stream = &dump->key->stream;
	int64_t idle_ms;
	stream->consumers++;
	if (consumer->pending &&
	    !__builtin_sub_overflow(dump->config->now_ms, consumer->seen_ms, &idle_ms) &&
	    idle_ms > dump->config->stale_ms)
		stream->stale_consumers++;
	audit_cost_stream_consumer(&dump->cost, (int64_t)consumer->name.len);
	return STATUS_OK;
}

static enum status on_pending(void *ctx, const struct rdb_pending *pending)
{
	struct dump *dump = ctx;
	dump->key->stream.pending += !pending->of_consumer;
	audit_cost_stream_pending(&dump->cost, pending->id.ms, pending->id.seq,
				  pending->of_consumer);
	return STATUS_OK;
}

/* ---- its end ---- */

static void weigh(struct dump *dump)
{
	struct audit_key *key = dump->key;
	bool has_ttl = key->expires_ms >= 0;
	if (key->type == AUDIT_STRING) {
		key->encoding = audit_string_encoding(key->value, key->length);
		key->bytes =
		    audit_cost_string(dump->name_bytes, key->length, key->encoding, has_ttl);
		return;
	}
	if (key->type == AUDIT_MODULE) {
		key->bytes = -1;
		return;
	}
	dump->cost.elements = key->length;
	dump->cost.encoding = audit_cost_encoding(&dump->cost, dump->form != RDB_PLAIN);
	key->encoding = dump->cost.encoding;
	key->bytes = audit_cost_end(&dump->cost);
}

static enum status on_key_end(void *ctx, uint64_t elements, bool unread)
{
	struct dump *dump = ctx;
	struct audit_key *key = dump->key;
	if (key->type != AUDIT_STRING && key->type != AUDIT_STREAM)
		key->length =
		    (int64_t)(unread && dump->claimed > elements ? dump->claimed : elements);
	key->count = dump_samples_end(&dump->samples);
	dump->batch->used += dump->samples.used;
	weigh(dump);
	dump_ring_put(dump->ring, dump->read);
	return STATUS_OK;
}

static const struct rdb_events events = {
	.aux = on_aux,
	.db = on_db,
	.key = on_key,
	.string = on_string,
	.node = on_node,
	.element = on_element,
	.stream_node = on_stream_node,
	.stream_entry = on_stream_entry,
	.stream_field = on_stream_field,
	.stream = on_stream,
	.group = on_group,
	.consumer = on_consumer,
	.pending = on_pending,
	.key_end = on_key_end,
};

/* ---- the reader's thread ---- */

static void *work(void *ctx)
{
	struct dump *dump = ctx;
	dump->status = rdb_read(dump->rdb, &events, dump, &dump->end);
	dump_ring_end(dump->ring);
	return NULL;
}

/* Signals are the caller's. */
static int start_thread(struct dump *dump, pthread_t *thread)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int code = pthread_create(thread, NULL, work, dump);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

/* ---- the caller's ---- */

static void count(const struct dump *dump, const struct audit_key *key)
{
	struct dump_totals *totals = dump->totals;
	totals->keys++;
	totals->by_type[key->type]++;
	totals->with_idle += key->idle_s >= 0;
	totals->expired += key->expires_ms >= 0 && key->expires_ms <= dump->config->now_ms;
}

static void tell_soon(const struct dump_config *config, const struct dump_batch *batch, size_t at)
{
	if (at < batch->n && config->soon && config->look)
		config->soon(config->look_ctx, batch->keys[at].look);
}

static enum status tell(const struct dump *dump, const struct dump_batch *batch)
{
	const struct dump_config *config = dump->config;
	enum status status = STATUS_OK;
	for (size_t i = 0; i < SOON_KEYS; i++)
		tell_soon(config, batch, i);
	for (size_t i = 0; i < batch->n && !status; i++) {
		tell_soon(config, batch, i + SOON_KEYS);
		count(dump, &batch->keys[i]);
		status = config->on_key(config->ctx, &batch->keys[i]);
	}
	return status;
}

static void tell_progress(const struct dump *dump, int64_t read, int64_t *told)
{
	if (read > *told && dump->config->on_progress)
		dump->config->on_progress(dump->config->ctx, read, dump->totals->bytes_total);
	*told = read;
}

static enum status tell_all(struct dump *dump, struct err *err)
{
	pthread_t thread;
	const struct dump_batch *batch;
	enum status status = STATUS_OK;
	int64_t told = 0;
	int code = start_thread(dump, &thread);
	if (code)
		return err_errno(err, code, "%s: a thread", dump->config->path);
	while (!status && (batch = dump_ring_take(dump->ring))) {
		status = tell(dump, batch);
		tell_progress(dump, batch->read, &told);
	}
	dump_ring_stop(dump->ring);
	pthread_join(thread, NULL);
	tell_progress(dump, dump->read, &told);
	if (!status)
		return dump->status;
	/* How the file goes on is of no interest. */
	dump->end.why = "";
	dump->errnum = 0;
	return status;
}

/* ---- the whole ---- */

static void take_end(struct dump *dump)
{
	struct dump_totals *totals = dump->totals;
	const struct rdb_end *end = &dump->end;
	totals->version = end->version;
	totals->is_valkey = end->is_valkey;
	totals->functions = (int64_t)end->counts.functions;
	totals->module_parts = (int64_t)end->counts.module_parts;
	totals->unread = (int64_t)end->counts.unread;
	totals->cut = (int64_t)end->counts.cut;
	totals->long_names = dump->long_names;
	totals->offset = totals->bytes = (int64_t)end->offset;
	totals->has_checksum = end->verdict != RDB_NO_CHECKSUM;
	snprintf(totals->why, sizeof totals->why, "%s", end->why);
}

static enum status read_all(struct dump *dump, struct err *err)
{
	if (rdb_create(fill, dump, &dump->rdb) || dump_ring_create(dump->config, &dump->ring))
		return err_set(err, STATUS_NO_MEMORY, "%s: out of memory", dump->config->path);
	dump->end.why = "";
	enum status status = tell_all(dump, err);
	take_end(dump);
	if (status == STATUS_IO && dump->errnum)
		return err_errno(err, dump->errnum, "%s", dump->config->path);
	if (status && dump->end.why[0])
		return err_set(err, status, "%s: offset %lld: %s (%lld keys were read)",
			       dump->config->path, (long long)dump->totals->offset, dump->end.why,
			       (long long)dump->totals->keys);
	return status;
}

enum status dump_read(const struct dump_config *config, struct dump_totals *totals, struct err *err)
{
	*totals = (struct dump_totals){ .created_ms = -1, .used_memory = -1 };
	struct dump *dump = calloc(1, sizeof *dump);
	if (!dump)
		return err_set(err, STATUS_NO_MEMORY, "%s: out of memory", config->path);
	dump->config = config;
	dump->totals = totals;
	enum status status = open_file(dump, err);
	if (!status)
		status = read_all(dump, err);
	rdb_destroy(dump->rdb);
	dump_ring_destroy(dump->ring);
	if (dump->fd >= 0)
		close(dump->fd);
	free(dump);
	return status;
}
