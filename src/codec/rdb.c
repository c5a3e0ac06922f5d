#include "codec/rdb.h"

#include <stdlib.h>

#include "base/check.h"
#include "codec/rdb_impl.h"

enum opcode {
	OP_SLOT_IMPORT = 243, /* Valkey's */
	OP_SLOT_INFO = 244,
	OP_FUNCTION = 245,
	OP_FUNCTION_PRE_GA = 246,
	OP_MODULE_AUX = 247,
	OP_IDLE = 248,
	OP_FREQ = 249,
	OP_AUX = 250,
	OP_RESIZE = 251,
	OP_EXPIRES_MS = 252,
	OP_EXPIRES_S = 253,
	OP_DB = 254,
	OP_END = 255,
};

enum { HEAD_BYTES = 9, VERSION_WITH_CHECKSUM = 5 };

enum status rdb_create(rdb_fill_fn fill, void *fill_ctx, struct rdb **out)
{
	struct rdb *rdb = calloc(1, sizeof *rdb);
	if (rdb) {
		rdb->fill = fill;
		rdb->fill_ctx = fill_ctx;
		rdb->window = malloc(RDB_WINDOW);
		rdb->plain = malloc(RDB_WINDOW);
	}
	if (!rdb || !rdb->window || !rdb->plain) {
		rdb_destroy(rdb);
		return STATUS_NO_MEMORY;
	}
	*out = rdb;
	return STATUS_OK;
}

void rdb_destroy(struct rdb *rdb)
{
	if (!rdb)
		return;
	free(rdb->window);
	free(rdb->plain);
	free(rdb->name.ptr);
	free(rdb->field.ptr);
	free(rdb->blob.ptr);
	free(rdb);
}

uint64_t rdb_offset(const struct rdb *rdb) { return rdb->base + rdb->pos; }

/* ---- the head ---- */

static int digits(const uint8_t *at, size_t n)
{
	int value = 0;
	for (size_t i = 0; i < n; i++) {
		if (at[i] < '0' || at[i] > '9')
			return -1;
		value = value * 10 + (at[i] - '0');
	}
	return value;
}

static enum status read_head(struct rdb *rdb)
{
	enum status status = rdb_need(rdb, HEAD_BYTES);
	if (status)
		return status;
	const uint8_t *at = rdb_at(rdb);
	rdb->is_valkey = memcmp(at, "VALKEY", 6) == 0;
	if (!rdb->is_valkey && memcmp(at, "REDIS", 5) != 0)
		return rdb_fail(rdb, STATUS_FORMAT, "this is no dump of Redis or Valkey");
	rdb->version = rdb->is_valkey ? digits(at + 6, 3) : digits(at + 5, 4);
	if (rdb->version < 1)
		return rdb_fail(rdb, STATUS_FORMAT, "a version that is no number");
	rdb->pos += HEAD_BYTES;
	rdb_types(rdb->is_valkey, rdb->types);
	return STATUS_OK;
}

/* ---- opcodes ---- */

static enum status read_aux(struct rdb *rdb)
{
	struct rdb_text name, value;
	enum status status = rdb_text(rdb, &rdb->field, &name);
	if (!status)
		status = rdb_text(rdb, NULL, &value);
	if (!status && rdb->events->aux)
		status = rdb->events->aux(rdb->ctx, name.head, value.head);
	return status;
}

static enum status read_db(struct rdb *rdb)
{
	uint64_t db;
	enum status status = rdb_length(rdb, &db);
	if (status)
		return status;
	if (db > INT32_MAX)
		return rdb_fail(rdb, STATUS_FORMAT, "a database's number is impossible");
	rdb->key.db = (int64_t)db;
	return rdb->events->db ? rdb->events->db(rdb->ctx, rdb->key.db) : STATUS_OK;
}

static enum status read_resize(struct rdb *rdb)
{
	uint64_t keys, expires;
	enum status status = rdb_length(rdb, &keys);
	if (!status)
		status = rdb_length(rdb, &expires);
	if (!status && rdb->events->resize)
		status = rdb->events->resize(rdb->ctx, keys, expires);
	return status;
}

static enum status tell_function(struct rdb *rdb, struct str name)
{
	struct rdb_text code;
	enum status status = rdb_text(rdb, &rdb->blob, &code);
	if (status)
		return status;
	rdb->counts.functions++;
	return rdb->events->function ? rdb->events->function(rdb->ctx, name, code) : STATUS_OK;
}

/* Name, engine, whether a description follows, that, the code. */
static enum status read_old_function(struct rdb *rdb)
{
	struct rdb_text name, text;
	uint64_t described = 0;
	enum status status = rdb_text(rdb, &rdb->field, &name);
	if (!status)
		status = rdb_text(rdb, NULL, &text);
	if (!status)
		status = rdb_length(rdb, &described);
	if (!status && described)
		status = rdb_text(rdb, NULL, &text);
	return status ? status : tell_function(rdb, name.head);
}

static enum status read_module_part(struct rdb *rdb)
{
	uint64_t id, unused;
	char module[10];
	enum status status = rdb_length(rdb, &id);
	if (!status)
		status = rdb_length(rdb, &unused);
	if (!status)
		status = rdb_length(rdb, &unused);
	if (!status)
		status = rdb_skip_module(rdb);
	if (status)
		return status;
	rdb->counts.module_parts++;
	rdb_module_name(id, module);
	return rdb->events->module_part ? rdb->events->module_part(rdb->ctx, module) : STATUS_OK;
}

static enum status skip_lengths(struct rdb *rdb, uint64_t n)
{
	enum status status = STATUS_OK;
	uint64_t unused;
	while (!status && n--)
		status = rdb_length(rdb, &unused);
	return status;
}

/* A job's name and ranges of slots. */
static enum status read_slot_import(struct rdb *rdb)
{
	struct rdb_text name;
	uint64_t ranges;
	enum status status = rdb_text(rdb, NULL, &name);
	if (!status)
		status = rdb_length(rdb, &ranges);
	while (!status && ranges--)
		status = skip_lengths(rdb, 2);
	return status;
}

static enum status read_expires_ms(struct rdb *rdb)
{
	uint64_t ms;
	enum status status = rdb_u64(rdb, &ms);
	if (!status)
		rdb->key.expires_ms = (int64_t)ms;
	return status;
}

static enum status read_expires_s(struct rdb *rdb)
{
	uint32_t s;
	enum status status = rdb_u32(rdb, &s);
	if (!status)
		rdb->key.expires_ms = (int64_t)(int32_t)s * 1000;
	return status;
}

static enum status read_idle(struct rdb *rdb)
{
	uint64_t idle;
	enum status status = rdb_length(rdb, &idle);
	if (!status)
		rdb->key.idle_s = idle > INT64_MAX ? INT64_MAX : (int64_t)idle;
	return status;
}

static enum status read_freq(struct rdb *rdb)
{
	uint8_t freq;
	enum status status = rdb_byte(rdb, &freq);
	if (!status)
		rdb->key.freq = freq;
	return status;
}

static enum status read_opcode(struct rdb *rdb, uint8_t opcode)
{
	switch (opcode) {
	case OP_EXPIRES_MS: return read_expires_ms(rdb);
	case OP_EXPIRES_S: return read_expires_s(rdb);
	case OP_IDLE: return read_idle(rdb);
	case OP_FREQ: return read_freq(rdb);
	case OP_DB: return read_db(rdb);
	case OP_RESIZE: return read_resize(rdb);
	case OP_AUX: return read_aux(rdb);
	case OP_FUNCTION: return tell_function(rdb, STR(""));
	case OP_FUNCTION_PRE_GA: return read_old_function(rdb);
	case OP_MODULE_AUX: return read_module_part(rdb);
	case OP_SLOT_INFO: return skip_lengths(rdb, 3);
	case OP_SLOT_IMPORT:
		if (rdb->is_valkey)
			return read_slot_import(rdb);
		break;
	default: break;
	}
	rdb->pos--;
	if (rdb->version > (rdb->is_valkey ? RDB_VERSION_VALKEY : RDB_VERSION_NEWEST))
		return rdb_fail(rdb, STATUS_VERSION,
				"a type of a version that is newer than known");
	return rdb_fail(rdb, STATUS_FORMAT, "a type that is not known");
}

/* ---- keys ---- */

static void forget_key(struct rdb *rdb)
{
	rdb->key.expires_ms = rdb->key.idle_s = -1;
	rdb->key.freq = -1;
}

static enum status read_key(struct rdb *rdb, const struct rdb_type *type)
{
	enum status status = rdb_text(rdb, &rdb->name, &rdb->key.name);
	if (status)
		return status;
	rdb->key.kind = type->kind;
	rdb->key.form = type->form;
	rdb->key.type = type->number;
	rdb->key.type_name = type->name;
	status = type->read(rdb);
	if (status)
		return status;
	rdb->counts.keys++;
	if (rdb->events->key_end)
		status = rdb->events->key_end(rdb->ctx, rdb->elements, rdb->key_unread);
	forget_key(rdb);
	return status;
}

static enum status read_parts(struct rdb *rdb)
{
	for (;;) {
		uint8_t first;
		enum status status = rdb_byte(rdb, &first);
		if (status)
			return status;
		if (first == OP_END)
			return STATUS_OK;
		if (first < RDB_TYPE_NUMBERS && rdb->types[first])
			status = read_key(rdb, rdb->types[first]);
		else
			status = read_opcode(rdb, first);
		if (status)
			return status;
	}
}

/* Eight bytes behind the end; 0 where the server was told to leave it out. */
static enum status check_sum(struct rdb *rdb, enum rdb_verdict *verdict)
{
	uint64_t said, crc = rdb_crc(rdb);
	*verdict = RDB_NO_CHECKSUM;
	if (rdb->version < VERSION_WITH_CHECKSUM)
		return STATUS_OK;
	enum status status = rdb_u64(rdb, &said);
	if (status || !said)
		return status;
	*verdict = said == crc ? RDB_MATCHES : RDB_DIFFERS;
	if (said == crc)
		return STATUS_OK;
	return rdb_fail(rdb, STATUS_CHECKSUM, "the checksum at its end does not match");
}

enum status rdb_read(struct rdb *rdb, const struct rdb_events *events, void *ctx,
		     struct rdb_end *end)
{
	CHECK(!rdb->events);
	rdb->events = events;
	rdb->ctx = ctx;
	forget_key(rdb);
	*end = (struct rdb_end){ .verdict = RDB_NO_CHECKSUM };
	enum status status = read_head(rdb);
	if (!status)
		status = read_parts(rdb);
	if (!status)
		status = check_sum(rdb, &end->verdict);
	end->version = rdb->version;
	end->is_valkey = rdb->is_valkey;
	end->offset = rdb_offset(rdb);
	end->why = rdb->why ? rdb->why : "";
	end->counts = rdb->counts;
	return status;
}
