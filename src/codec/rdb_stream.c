#include "codec/rdb_impl.h"

enum { ENTRY_DELETED = 1, ENTRY_SAME_FIELDS = 2, ID_BYTES = 16 };

static const char damaged[] = "a stream is damaged";

static enum status fail(struct rdb *rdb) { return rdb_fail(rdb, STATUS_FORMAT, damaged); }

static struct rdb_stream_id big_endian_id(const uint8_t at[ID_BYTES])
{
	struct rdb_stream_id id = { 0 };
	for (int i = 0; i < 8; i++) {
		id.ms = id.ms << 8 | at[i];
		id.seq = id.seq << 8 | at[8 + i];
	}
	return id;
}

/* ---- a node ----
 *
 * A listpack that begins with its master entry: how many entries it has, how many of them are
 * deleted, how many fields the master has, their names, 0. Each entry: flags, its id's two
 * halves as differences from the node's, and names and values, or the values alone where the
 * names are the master's; then a number to go back by. */

struct node {
	struct rdb_walk walk;
	struct rdb_walk names; /* at the master's first */
	uint64_t n_names;
	struct rdb_stream_id first;
};

static bool read_master(struct node *node)
{
	int64_t live, deleted, fields, zero;
	char number[RDB_NUMBER_BYTES];
	struct str name;
	if (rdb_walk_number(&node->walk, &live) != RDB_STEP ||
	    rdb_walk_number(&node->walk, &deleted) != RDB_STEP ||
	    rdb_walk_number(&node->walk, &fields) != RDB_STEP || live < 0 || deleted < 0 ||
	    fields < 0)
		return false;
	node->names = node->walk;
	node->n_names = (uint64_t)fields;
	for (int64_t i = 0; i < fields; i++)
		if (rdb_walk_next(&node->walk, number, &name) != RDB_STEP)
			return false;
	return rdb_walk_number(&node->walk, &zero) == RDB_STEP && zero == 0;
}

static enum status read_fields(struct rdb *rdb, struct node *node, bool same, uint64_t fields,
			       bool tell)
{
	char numbers[2][RDB_NUMBER_BYTES];
	struct rdb_walk names = node->names;
	struct str name, value;
	tell = tell && rdb->events->stream_field;
	while (fields--) {
		if (rdb_walk_next(same ? &names : &node->walk, numbers[0], &name) != RDB_STEP ||
		    rdb_walk_next(&node->walk, numbers[1], &value) != RDB_STEP)
			return fail(rdb);
		enum status status =
		    tell ? rdb->events->stream_field(rdb->ctx, name, value) : STATUS_OK;
		if (status)
			return status;
	}
	return STATUS_OK;
}

/* Behind its flags. */
static enum status read_entry(struct rdb *rdb, struct node *node, int64_t flags)
{
	int64_t ms, seq, fields = (int64_t)node->n_names, back;
	bool same = flags & ENTRY_SAME_FIELDS, tell = !(flags & ENTRY_DELETED);
	if (rdb_walk_number(&node->walk, &ms) != RDB_STEP ||
	    rdb_walk_number(&node->walk, &seq) != RDB_STEP ||
	    (!same && rdb_walk_number(&node->walk, &fields) != RDB_STEP) || fields < 0)
		return fail(rdb);
	struct rdb_stream_id id = { node->first.ms + (uint64_t)ms,
				    node->first.seq + (uint64_t)seq };
	enum status status = STATUS_OK;
	if (tell) {
		rdb->elements++;
		if (rdb->events->stream_entry)
			status = rdb->events->stream_entry(rdb->ctx, id, (uint64_t)fields);
	}
	if (!status)
		status = read_fields(rdb, node, same, (uint64_t)fields, tell);
	if (!status && rdb_walk_number(&node->walk, &back) != RDB_STEP)
		status = fail(rdb);
	return status;
}

static enum status read_entries(struct rdb *rdb, struct node *node)
{
	int64_t flags;
	enum rdb_step step;
	if (!read_master(node))
		return fail(rdb);
	while ((step = rdb_walk_number(&node->walk, &flags)) == RDB_STEP) {
		enum status status = read_entry(rdb, node, flags);
		if (status)
			return status;
	}
	return step == RDB_STEP_END ? STATUS_OK : fail(rdb);
}

static enum status read_node(struct rdb *rdb)
{
	struct node node = { 0 };
	struct rdb_text key;
	struct str blob;
	uint64_t bytes;
	bool unread;
	enum status status = rdb_text(rdb, NULL, &key);
	if (status)
		return status;
	if (key.len != ID_BYTES)
		return fail(rdb);
	node.first = big_endian_id((const uint8_t *)key.head.ptr);
	status = rdb_blob(rdb, &blob, &bytes, &unread);
	if (!status && rdb->events->stream_node)
		status = rdb->events->stream_node(rdb->ctx, node.first, bytes);
	rdb->key_unread |= unread;
	if (status || unread)
		return status;
	if (!rdb_walk_begin(&node.walk, RDB_LISTPACK, blob))
		return fail(rdb);
	return read_entries(rdb, &node);
}

/* ---- what stands behind the nodes ---- */

static enum status read_id(struct rdb *rdb, struct rdb_stream_id *id)
{
	enum status status = rdb_length(rdb, &id->ms);
	return status ? status : rdb_length(rdb, &id->seq);
}

static enum status read_raw_id(struct rdb *rdb, struct rdb_stream_id *id)
{
	enum status status = rdb_need(rdb, ID_BYTES);
	if (status)
		return status;
	*id = big_endian_id(rdb_at(rdb));
	rdb->pos += ID_BYTES;
	return STATUS_OK;
}

static enum status read_figures(struct rdb *rdb, int version, struct rdb_stream *stream)
{
	uint64_t added = 0;
	enum status status = rdb_length(rdb, &stream->length);
	if (!status)
		status = read_id(rdb, &stream->last);
	if (!status && version >= 2)
		status = read_id(rdb, &stream->first);
	if (!status && version >= 2)
		status = read_id(rdb, &stream->max_deleted);
	if (!status && version >= 2)
		status = rdb_length(rdb, &added);
	if (!status)
		status = rdb_length(rdb, &stream->groups);
	stream->added = version >= 2 && added <= INT64_MAX ? (int64_t)added : -1;
	return status;
}

static enum status read_pending(struct rdb *rdb, uint64_t count, bool of_consumer)
{
	enum status status = STATUS_OK;
	while (!status && count--) {
		struct rdb_pending pending = { .delivered_ms = -1, .of_consumer = of_consumer };
		uint64_t delivered;
		status = read_raw_id(rdb, &pending.id);
		if (!status && !of_consumer) {
			status = rdb_u64(rdb, &delivered);
			if (!status)
				status = rdb_length(rdb, &pending.count);
			pending.delivered_ms = status ? -1 : (int64_t)delivered;
		}
		if (!status && rdb->events->pending)
			status = rdb->events->pending(rdb->ctx, &pending);
	}
	return status;
}

static enum status read_consumer(struct rdb *rdb, int version)
{
	struct rdb_consumer consumer = { .active_ms = -1 };
	uint64_t seen, active = 0;
	enum status status = rdb_text(rdb, &rdb->field, &consumer.name);
	if (!status)
		status = rdb_u64(rdb, &seen);
	if (!status && version >= 3)
		status = rdb_u64(rdb, &active);
	if (!status)
		status = rdb_length(rdb, &consumer.pending);
	if (status)
		return status;
	consumer.seen_ms = (int64_t)seen;
	if (version >= 3)
		consumer.active_ms = (int64_t)active;
	if (rdb->events->consumer)
		status = rdb->events->consumer(rdb->ctx, &consumer);
	return status ? status : read_pending(rdb, consumer.pending, true);
}

static enum status read_group(struct rdb *rdb, int version)
{
	struct rdb_group group = { .read = -1 };
	uint64_t read = UINT64_MAX, pending, consumers;
	enum status status = rdb_text(rdb, &rdb->field, &group.name);
	if (!status)
		status = read_id(rdb, &group.last);
	if (!status && version >= 2)
		status = rdb_length(rdb, &read);
	if (status)
		return status;
	group.read = read <= INT64_MAX ? (int64_t)read : -1;
	if (rdb->events->group)
		status = rdb->events->group(rdb->ctx, &group);
	if (!status)
		status = rdb_length(rdb, &pending);
	if (!status)
		status = read_pending(rdb, pending, false);
	if (!status)
		status = rdb_length(rdb, &consumers);
	while (!status && consumers--)
		status = read_consumer(rdb, version);
	return status;
}

static enum status read_stream(struct rdb *rdb, int version)
{
	struct rdb_stream stream = { 0 };
	uint64_t nodes;
	enum status status = rdb_length(rdb, &nodes);
	if (!status)
		status = rdb_tell_key(rdb, 0);
	while (!status && nodes--)
		status = read_node(rdb);
	if (!status)
		status = read_figures(rdb, version, &stream);
	if (!status && rdb->events->stream)
		status = rdb->events->stream(rdb->ctx, &stream);
	while (!status && stream.groups--)
		status = read_group(rdb, version);
	return status;
}

enum status rdb_read_stream_1(struct rdb *rdb) { return read_stream(rdb, 1); }
enum status rdb_read_stream_2(struct rdb *rdb) { return read_stream(rdb, 2); }
enum status rdb_read_stream_3(struct rdb *rdb) { return read_stream(rdb, 3); }
