/* Out of quarantine: removed for good when its days are over, or back under its name. */
#include <stdlib.h>

#include "base/check.h"
#include "base/crc32c.h"
#include "migrate/clean_impl.h"

enum { OLD_S = 60 }; /* from here on idle times tell */

/* What the server has of one that is held. */
struct seen {
	struct buf aside;      /* its name there */
	int64_t there, taken;  /* EXISTS of that name, and of its own */
	int64_t bytes, idle_s; /* idle -1: not told */
	uint32_t crc;          /* of what is asked for by ask_crc */
	int64_t done;
};

static void on_number(void *ctx, enum status status, const struct redis_reply *reply)
{
	if (!status && reply->type == REDIS_INTEGER)
		*(int64_t *)ctx = reply->integer;
}

static void on_crc(void *ctx, enum status status, const struct redis_reply *reply)
{
	if (!status && reply->type == REDIS_BULK)
		*(uint32_t *)ctx = crc32c(0, reply->text.ptr, reply->text.len);
}

static void put_2(struct clean *clean, struct str command, struct str name, redis_reply_fn fn,
		  void *ctx)
{
	const struct str argv[] = { command, name };
	migrate_server_put(clean->server, argv, 2, fn, ctx);
}

static enum status look(struct clean *clean, const struct clean_record *record, struct seen *seen,
			struct err *err)
{
	const struct str usage[] = { STR("MEMORY"), STR("USAGE"), buf_str(&seen->aside) };
	const struct str idle[] = { STR("OBJECT"), STR("IDLETIME"), buf_str(&seen->aside) };
	enum status status = clean_reach(clean, record->db, err);
	if (status)
		return status;
	put_2(clean, STR("WATCH"), buf_str(&seen->aside), NULL, NULL);
	put_2(clean, STR("EXISTS"), buf_str(&seen->aside), on_number, &seen->there);
	put_2(clean, STR("EXISTS"), record->name, on_number, &seen->taken);
	migrate_server_put(clean->server, usage, ARRAY_LEN(usage), on_number, &seen->bytes);
	migrate_server_put(clean->server, idle, ARRAY_LEN(idle), on_number, &seen->idle_s);
	return migrate_server_settle(clean->server, err);
}

static enum status ask_crc(struct clean *clean, struct str name, struct seen *seen, struct err *err)
{
	put_2(clean, STR("DUMP"), name, on_crc, &seen->crc);
	return migrate_server_settle(clean->server, err);
}

/* Unused since it was put there; or, where the server cannot tell (it was started anew) or not
 * finely enough, of the same bytes. A table's DUMP may differ without a change, so the bytes alone
 * are not asked. */
static enum status as_it_was(struct clean *clean, const struct clean_record *record,
			     struct seen *seen, bool *same, struct err *err)
{
	int64_t age_s = (migrate_server_now_ms(clean->server) - record->at_ms) / clean_ms_per_s;
	*same = age_s > OLD_S && seen->idle_s >= age_s - CLEAN_SLACK_S;
	if (*same)
		return STATUS_OK;
	enum status status = ask_crc(clean, buf_str(&seen->aside), seen, err);
	*same = !status && seen->crc == record->crc;
	return status;
}

/* Not in quarantine: its time came, it was never moved, or the server lost it. */
static bool has_expired(struct clean *clean, const struct clean_record *record)
{
	return record->expires_ms >= 0 &&
	       record->expires_ms <= migrate_server_now_ms(clean->server);
}

static void on_unlinked(void *ctx, enum status status, const struct redis_reply *reply)
{
	if (!status && reply->type == REDIS_ARRAY && reply->count == 1)
		*(int64_t *)ctx = reply->items[0].integer;
}

/* ---- purge ---- */

static enum status unlink_it(struct clean *clean, size_t index, struct seen *seen, struct err *err)
{
	const struct str multi[] = { STR("MULTI") }, exec[] = { STR("EXEC") };
	migrate_server_put(clean->server, multi, 1, NULL, NULL);
	put_2(clean, STR("UNLINK"), buf_str(&seen->aside), NULL, NULL);
	migrate_server_put(clean->server, exec, 1, on_unlinked, &seen->done);
	enum status status = migrate_server_settle(clean->server, err);
	if (status)
		return status;
	if (!seen->done) {
		clean->counts.touched++;
		return STATUS_OK;
	}
	clean->counts.purged++;
	clean->counts.purged_bytes += seen->bytes;
	return clean_file_mark(clean, index, CLEAN_OVER, err);
}

static enum status unwatch(struct clean *clean, struct err *err)
{
	const struct str argv[] = { STR("UNWATCH") };
	migrate_server_put(clean->server, argv, 1, NULL, NULL);
	return migrate_server_settle(clean->server, err);
}

static enum status purge_one(struct clean *clean, size_t index, struct clean_record *record,
			     struct seen *seen, struct err *err)
{
	bool same = false;
	enum status status = look(clean, record, seen, err);
	if (!status && seen->there)
		status = as_it_was(clean, record, seen, &same, err);
	if (!status && same)
		return unlink_it(clean, index, seen, err);
	if (!status)
		status = unwatch(clean, err);
	if (status)
		return status;
	if (seen->there) {
		clean->counts.touched++;
		return STATUS_OK;
	}
	clean->counts.expired += has_expired(clean, record);
	return clean_file_mark(clean, index, CLEAN_OVER, err);
}

/* ---- restore ---- */

static enum status rename_back(struct clean *clean, const struct clean_record *record,
			       struct seen *seen, struct err *err)
{
	const struct str argv[] = { STR("RENAMENX"), buf_str(&seen->aside), record->name };
	migrate_server_put(clean->server, argv, ARRAY_LEN(argv), on_number, &seen->done);
	return migrate_server_settle(clean->server, err);
}

static void on_restored(void *ctx, enum status status, const struct redis_reply *reply)
{
	(void)reply;
	if (!status)
		*(int64_t *)ctx = 1;
}

/* Without REPLACE: a key that came meanwhile stays. */
static enum status restore_bytes(struct clean *clean, const struct clean_record *record,
				 struct seen *seen, struct err *err)
{
	char number[24];
	struct buf ttl = buf_over(number, sizeof number);
	buf_i64(&ttl, record->expires_ms >= 0 ? record->expires_ms : 0);
	const struct str argv[] = { STR("RESTORE"), record->name, buf_str(&ttl), record->dump,
				    STR("ABSTTL") };
	migrate_server_put(clean->server, argv, ARRAY_LEN(argv), on_restored, &seen->done);
	return migrate_server_settle(clean->server, err);
}

static enum status put_back(struct clean *clean, size_t index, const struct clean_record *record,
			    struct seen *seen, struct err *err)
{
	enum status status = seen->there ? rename_back(clean, record, seen, err)
					 : restore_bytes(clean, record, seen, err);
	if (status)
		return status;
	if (seen->done) {
		clean->counts.restored++;
		return clean_file_mark(clean, index, CLEAN_OVER, err);
	}
	clean->counts.in_the_way++;
	return STATUS_OK;
}

static void say_in_the_way(struct clean *clean, const struct clean_record *record)
{
	struct buf name;
	buf_init(&name, 4 * AUDIT_NAME_MAX + 1);
	audit_name_print(&name, record->name);
	clean_say(clean, "%.*s is there again: it stays, and the old one in quarantine",
		  (int)(name.len < 200 ? name.len : 200), name.ptr);
	buf_deinit(&name);
}

static enum status restore_one(struct clean *clean, size_t index, struct clean_record *record,
			       struct seen *seen, struct err *err)
{
	enum status status = look(clean, record, seen, err);
	if (!status)
		status = unwatch(clean, err);
	if (status)
		return status;
	if (!seen->there && has_expired(clean, record)) {
		clean->counts.expired++;
		return clean_file_mark(clean, index, CLEAN_OVER, err);
	}
	if (!seen->taken)
		return put_back(clean, index, record, seen, err);
	clean->counts.in_the_way++;
	say_in_the_way(clean, record);
	return STATUS_OK;
}

/* ---- all of them ---- */

typedef enum status (*each_fn)(struct clean *, size_t, struct clean_record *, struct seen *,
			       struct err *);

static enum status each(struct clean *clean, enum clean_state state, int64_t before_ms,
			const char *what, each_fn fn, struct err *err)
{
	struct clean_record record = { 0 };
	enum status status = STATUS_OK;
	buf_init(&record.record, JOURNAL_RECORD_MAX);
	for (size_t i = 0; i < clean->n_held && !status; i++) {
		struct seen seen = { .idle_s = -1 };
		if (clean->held[i].state != state || clean->held[i].at_ms > before_ms)
			continue;
		if (clean_stopped(clean)) {
			status = err_set(err, STATUS_CANCELLED, "stopped");
			break;
		}
		buf_init(&seen.aside, AUDIT_NAME_MAX + 64);
		status = clean_file_read(clean, i, &record, err);
		clean_aside(&seen.aside, record.at_ms, record.name);
		if (!status)
			status = fn(clean, i, &record, &seen, err);
		buf_deinit(&seen.aside);
		if (clean->config.on_progress)
			clean->config.on_progress(clean->config.ctx, what, (int64_t)i,
						  (int64_t)clean->n_held);
	}
	buf_deinit(&record.record);
	enum status synced = journal_sync(&clean->file, status ? NULL : err);
	return status ? status : synced;
}

/* A run that ended between the file and the server: the name tells which of them has the key. With
 * both gone the file has it. */
static enum status resume_one(struct clean *clean, size_t index, struct clean_record *record,
			      struct seen *seen, struct err *err)
{
	enum status status = look(clean, record, seen, err);
	if (!status)
		status = unwatch(clean, err);
	if (status)
		return status;
	bool moved = seen->there || (!seen->taken && !has_expired(clean, record));
	return clean_file_mark(clean, index, moved ? CLEAN_HELD : CLEAN_OVER, err);
}

enum status clean_resume(struct clean *clean, struct err *err)
{
	return each(clean, CLEAN_WRITTEN, INT64_MAX, "going on", resume_one, err);
}

enum status clean_purge(struct clean *clean, struct err *err)
{
	enum status status = clean_resume(clean, err);
	if (!status)
		status = clean_reach(clean, 0, err);
	if (status)
		return status;
	int64_t before_ms = migrate_server_now_ms(clean->server) - clean->config.quarantine_ms;
	return each(clean, CLEAN_HELD, before_ms, "removing", purge_one, err);
}

enum status clean_restore(struct clean *clean, struct err *err)
{
	enum status status = clean_resume(clean, err);
	return status ? status
		      : each(clean, CLEAN_HELD, INT64_MAX, "putting back", restore_one, err);
}
