/* Into quarantine, a batch of keys at a time. */
#include <stdlib.h>

#include "base/check.h"
#include "migrate/clean_impl.h"

/* What the server says of a key that was found, under WATCH. */
struct look {
	const struct clean_found *found;
	struct str name;
	int64_t idle_s, ttl_ms, bytes; /* idle -1: not told; ttl -1 none, -2 no key */
	struct buf dump;
	bool moved;
	size_t held; /* its index once it is in the file */
};

struct batch {
	struct clean *clean;
	struct look looks[CLEAN_BATCH];
	size_t count;
	bool aborted;
	bool beyond;    /* a DUMP was larger than a reply may be */
	size_t replies; /* of EXEC */
};

static void on_number(void *ctx, enum status status, const struct redis_reply *reply)
{
	if (!status && reply->type == REDIS_INTEGER)
		*(int64_t *)ctx = reply->integer;
}

static void on_dump(void *ctx, enum status status, const struct redis_reply *reply)
{
	if (!status && reply->type == REDIS_BULK)
		buf_str_put(ctx, reply->text);
}

/* ---- looking ---- */

static void watch(struct batch *batch)
{
	struct str argv[1 + CLEAN_BATCH] = { STR("WATCH") };
	for (size_t i = 0; i < batch->count; i++)
		argv[1 + i] = batch->looks[i].name;
	migrate_server_put(batch->clean->server, argv, 1 + batch->count, NULL, NULL);
}

/* None of these counts as use. */
static void ask(struct clean *clean, struct look *look)
{
	const struct str idle[] = { STR("OBJECT"), STR("IDLETIME"), look->name };
	const struct str ttl[] = { STR("PTTL"), look->name };
	const struct str bytes[] = { STR("MEMORY"), STR("USAGE"), look->name };
	look->idle_s = -1;
	look->ttl_ms = -2;
	look->bytes = 0;
	migrate_server_put(clean->server, idle, ARRAY_LEN(idle), on_number, &look->idle_s);
	migrate_server_put(clean->server, ttl, ARRAY_LEN(ttl), on_number, &look->ttl_ms);
	migrate_server_put(clean->server, bytes, ARRAY_LEN(bytes), on_number, &look->bytes);
}

/* Still what the rule found, and unused since before the looking began, for certain? Where not, it
 * is counted. */
static bool still_so(struct clean *clean, const struct look *look)
{
	struct clean_counts *counts = &clean->counts;
	int64_t since_s =
	    (migrate_server_now_ms(clean->server) - clean->found_at_ms) / clean_ms_per_s;
	int64_t wanted_s = since_s + CLEAN_SLACK_S;
	if (look->found->rule == FINDING_dead)
		wanted_s = clean->config.limits.dead_days * 86400;
	if (look->ttl_ms == -2)
		counts->gone++;
	else if (look->idle_s < 0)
		counts->untold++;
	else if (look->idle_s < wanted_s)
		counts->used++;
	else if (look->found->rule != FINDING_dead && look->ttl_ms != -1)
		counts->changed++;
	else if (look->bytes > CLEAN_KEY_BYTES_MAX)
		counts->large++;
	else
		return true;
	return false;
}

/* Leaves those in the batch that are to be taken, as many as its bytes allow; *used is how many
 * were decided on. */
static void choose(struct batch *batch, size_t *used)
{
	size_t kept = 0;
	int64_t bytes = 0;
	for (*used = 0; *used < batch->count; ++*used) {
		struct look *look = &batch->looks[*used];
		if (bytes && bytes + look->bytes > CLEAN_BATCH_BYTES)
			break;
		if (!still_so(batch->clean, look))
			continue;
		bytes += look->bytes;
		batch->looks[kept++] = *look;
	}
	batch->count = kept;
}

/* ---- moving ---- */

static enum status write_down(struct batch *batch, int64_t now_ms, struct err *err)
{
	struct clean *clean = batch->clean;
	enum status status = STATUS_OK;
	for (size_t i = 0; i < batch->count && !status; i++) {
		struct look *look = &batch->looks[i];
		struct clean_record record = {
			.db = look->found->db,
			.at_ms = now_ms,
			.expires_ms = look->ttl_ms >= 0 ? now_ms + look->ttl_ms : -1,
			.name = look->name,
			.dump = buf_str(&look->dump),
		};
		look->held = clean->n_held;
		status = clean_file_hold(clean, &record, err);
	}
	return status ? status : journal_sync(&clean->file, err);
}

static void on_exec(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct batch *batch = ctx;
	batch->aborted = status || reply->type != REDIS_ARRAY || reply->count != batch->count;
	for (size_t i = 0; !batch->aborted && i < batch->count; i++)
		batch->looks[i].moved =
		    reply->items[i].type == REDIS_INTEGER && reply->items[i].integer == 1;
}

static void put_renames(struct batch *batch, int64_t now_ms)
{
	struct migrate_server *server = batch->clean->server;
	const struct str multi[] = { STR("MULTI") }, exec[] = { STR("EXEC") };
	migrate_server_put(server, multi, 1, NULL, NULL);
	for (size_t i = 0; i < batch->count; i++) {
		struct buf aside;
		buf_init(&aside, AUDIT_NAME_MAX + 64);
		clean_aside(&aside, now_ms, batch->looks[i].name);
		const struct str argv[] = { STR("RENAMENX"), batch->looks[i].name,
					    buf_str(&aside) };
		migrate_server_put(server, argv, ARRAY_LEN(argv), NULL, NULL);
		buf_deinit(&aside);
	}
	migrate_server_put(server, exec, 1, on_exec, batch);
}

static enum status count_moved(struct batch *batch, struct err *err)
{
	struct clean *clean = batch->clean;
	enum status status = STATUS_OK;
	for (size_t i = 0; i < batch->count && !status; i++) {
		const struct look *look = &batch->looks[i];
		if (look->moved) {
			clean->counts.taken++;
			clean->counts.taken_bytes += look->bytes;
		} else {
			clean->counts.changed += !batch->aborted || batch->count == 1;
		}
		status =
		    clean_file_mark(clean, look->held, look->moved ? CLEAN_HELD : CLEAN_OVER, err);
	}
	return status;
}

static enum status dump_all(struct batch *batch, struct err *err)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct look *look = &batch->looks[i];
		const struct str argv[] = { STR("DUMP"), look->name };
		buf_init(&look->dump, JOURNAL_RECORD_MAX);
		look->moved = false;
		migrate_server_put(batch->clean->server, argv, ARRAY_LEN(argv), on_dump,
				   &look->dump);
	}
	enum status status = migrate_server_settle(batch->clean->server, err);
	batch->beyond = status && migrate_server_again(batch->clean->server, err) == STATUS_OK;
	return batch->beyond ? STATUS_OK : status;
}

static bool all_dumped(const struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		if (!batch->looks[i].dump.len || batch->looks[i].dump.overflow)
			return false;
	return true;
}

/* In the file, synced, before it is moved. A key that changed since WATCH undoes all of it. */
static enum status move(struct batch *batch, struct err *err)
{
	int64_t now_ms = migrate_server_now_ms(batch->clean->server);
	enum status status = dump_all(batch, err);
	batch->aborted = batch->beyond || !all_dumped(batch);
	if (!status && !batch->aborted) {
		status = write_down(batch, now_ms, err);
		if (!status) {
			put_renames(batch, now_ms);
			status = migrate_server_settle(batch->clean->server, err);
		}
		if (!status)
			status = count_moved(batch, err);
	} else if (!status) {
		batch->clean->counts.changed += batch->count == 1 && !batch->beyond;
		batch->clean->counts.large += batch->count == 1 && batch->beyond;
	}
	for (size_t i = 0; i < batch->count; i++)
		buf_deinit(&batch->looks[i].dump);
	return status;
}

/* ---- a batch ---- */

static enum status look_at(struct batch *batch, const struct clean_found *found, size_t count,
			   struct err *err)
{
	struct clean *clean = batch->clean;
	batch->count = count;
	for (size_t i = 0; i < count; i++)
		batch->looks[i] = (struct look){
			.found = &found[i],
			.name = str_make(clean->names.ptr + found[i].at, found[i].len),
		};
	watch(batch);
	for (size_t i = 0; i < count; i++)
		ask(clean, &batch->looks[i]);
	return migrate_server_settle(clean->server, err);
}

static enum status unwatch(struct clean *clean, struct err *err)
{
	const struct str argv[] = { STR("UNWATCH") };
	migrate_server_put(clean->server, argv, 1, NULL, NULL);
	return migrate_server_settle(clean->server, err);
}

/* All of one database; *used is how many were dealt with. */
static enum status take_batch(struct clean *clean, const struct clean_found *found, size_t count,
			      size_t *used, struct err *err)
{
	struct batch batch = { .clean = clean };
	struct clean_counts before = clean->counts;
	enum status status = look_at(&batch, found, count, err);
	if (status)
		return status;
	choose(&batch, used);
	if (!batch.count)
		return unwatch(clean, err);
	status = move(&batch, err);
	if (status || !batch.aborted || count == 1)
		return status;
	/* One of them changed: each by itself. */
	size_t decided = *used;
	clean->counts = before;
	for (size_t i = 0; i < decided && !status; i++)
		status = take_batch(clean, &found[i], 1, used, err);
	*used = decided;
	return status;
}

enum status clean_take(struct clean *clean, struct err *err)
{
	enum status status = clean_resume(clean, err);
	for (size_t i = 0, used = 0; i < clean->n_found && !status; i += used) {
		size_t count = 1;
		if (clean_stopped(clean))
			return err_set(err, STATUS_CANCELLED, "stopped");
		while (count < CLEAN_BATCH && i + count < clean->n_found &&
		       clean->found[i + count].db == clean->found[i].db)
			count++;
		status = clean_reach(clean, clean->found[i].db, err);
		if (!status)
			status = take_batch(clean, &clean->found[i], count, &used, err);
		if (clean->config.on_progress)
			clean->config.on_progress(clean->config.ctx, "taking keys aside",
						  (int64_t)(i + used), (int64_t)clean->n_found);
	}
	enum status synced = journal_sync(&clean->file, status ? NULL : err);
	return status ? status : synced;
}
