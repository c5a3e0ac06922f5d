/* New forms go, old keys are there again: first the old key, written under a temporary name, read
 * back and compared with what was backed up; and only when it has taken its name does the new one
 * go. A run that is killed between the two finds the old key there, and goes on. */
#include <stdio.h>

#include "base/crash.h"
#include "migrate/migrate_impl.h"

enum { TEMPORARY_MS = 3600000 }; /* of one that a killed run left */

enum back {
	BACK_NOTHING, /* old is there, new is not */
	BACK_UNLINK,  /* old is there: the new one goes */
	BACK_RESTORE, /* from the backup, and the new one goes */
	BACK_EXPIRED, /* it would have expired by now */
	BACK_KEEP,    /* changed since */
	BACK_LOST,    /* the backup has it not */
};

struct plan_back {
	enum back back;
	bool unlinks;       /* the new one */
	int64_t expires_ms; /* of the old one */
	struct source_key new_key;
	size_t first_reply, n_replies;
	bool failed;
	const char *why;
};

/* ---- what is to be done ---- */

/* The new form stood in step with the old key once, and was not taken away since. */
static bool has_target(const struct keybook_entry *entry)
{
	return entry->state == BOOK_copied || entry->state == BOOK_removing ||
	       entry->state == BOOK_removed || entry->state == BOOK_deleting;
}

static bool new_is_ours(const struct step_key *key, const struct keybook_entry *entry)
{
	struct digest digest = key->new_key.digest;
	return !digest_none(digest) && (digest_eq(digest, entry->intent) ||
					(has_target(entry) && digest_eq(digest, entry->target)));
}

/* It should have gone with the old one: where it has not, somebody gave it another time. */
static enum back expired(struct migrate *migrate, const struct step_key *key,
			 const struct keybook_entry *entry)
{
	bool ours = new_is_ours(key, entry) &&
		    decide_same_expiry(key->new_key.expires_ms, entry->new_expires_ms,
				       step_tolerance_ms(migrate));
	return !key->new_key.there || ours || migrate->config.force ? BACK_EXPIRED : BACK_KEEP;
}

static bool is_over(struct migrate *migrate, int64_t expires_ms)
{
	return expires_ms >= 0 && expires_ms <= migrate_server_now_ms(migrate->server);
}

static enum back of_removed(struct migrate *migrate, const struct step_key *key,
			    const struct keybook_entry *entry, int64_t expires_ms)
{
	bool sink = migrate_family_of(migrate, key)->sink != MIGRATE_REDIS;
	/* Restored by a run that was killed before it could say so, or the same in effect. */
	if (key->old_key.there && digest_eq(key->old_key.digest, entry->backup_source))
		return key->new_key.there && new_is_ours(key, entry) ? BACK_UNLINK : BACK_NOTHING;
	if (is_over(migrate, expires_ms))
		return expired(migrate, key, entry);
	if (!entry->backup)
		return BACK_LOST;
	if (migrate->config.force)
		return BACK_RESTORE;
	if (key->old_key.there)
		return BACK_KEEP; /* somebody wrote it again */
	if (!sink && !key->new_key.there)
		return is_over(migrate, entry->new_expires_ms) ? BACK_RESTORE : BACK_KEEP;
	return sink || new_is_ours(key, entry) ? BACK_RESTORE : BACK_KEEP;
}

/* Not removed by us, and gone. The backup may be older than what was copied last: what is newer is
 * in the new form alone then. */
static enum back of_vanished(struct migrate *migrate, const struct step_key *key,
			     const struct keybook_entry *entry, int64_t expires_ms)
{
	bool ours = new_is_ours(key, entry), force = migrate->config.force;
	if (entry->state == BOOK_deleting && !force) /* its writer did it, as was told */
		return !key->new_key.there ? BACK_NOTHING : ours ? BACK_UNLINK : BACK_KEEP;
	if (is_over(migrate, expires_ms))
		return expired(migrate, key, entry);
	if (!entry->backup)
		return key->new_key.there ? BACK_KEEP : BACK_LOST;
	if (force)
		return BACK_RESTORE;
	bool newest = entry->state == BOOK_intent || digest_eq(entry->backup_source, entry->source);
	return newest && (!key->new_key.there || ours) ? BACK_RESTORE : BACK_KEEP;
}

static enum back choose(struct migrate *migrate, const struct step_key *key, int64_t expires_ms)
{
	const struct keybook_entry *entry = keybook_at(migrate->book, key->entry);
	bool removing = entry->state == BOOK_removing && !key->old_key.there;
	if (entry->state == BOOK_removed || removing)
		return of_removed(migrate, key, entry, expires_ms);
	if (!key->old_key.there)
		return of_vanished(migrate, key, entry, expires_ms);
	if (!key->new_key.there)
		return BACK_NOTHING;
	if (!has_target(entry) && !new_is_ours(key, entry))
		return BACK_NOTHING; /* it was never written: what is there is somebody's */
	return new_is_ours(key, entry) || migrate->config.force ? BACK_UNLINK : BACK_KEEP;
}

/* As it was copied last, or, where it was not copied or is removed, as it was backed up. */
static enum status find_expiry(struct migrate *migrate, const struct keybook_entry *entry,
			       int64_t *expires_ms, struct err *err)
{
	struct backup_whole whole = { .expires_ms = entry->expires_ms };
	struct buf record;
	uint64_t next;
	enum status status = STATUS_OK;
	buf_init(&record, JOURNAL_RECORD_MAX + 64);
	if (entry->backup && entry->state != BOOK_copied && entry->state != BOOK_deleting)
		status = backup_read(migrate, entry->backup, &record, &whole, &next, err);
	*expires_ms = whole.expires_ms;
	buf_deinit(&record);
	return status;
}

static enum status plan(struct migrate *migrate, const struct step_key *key, struct plan_back *back,
			struct err *err)
{
	const struct keybook_entry *entry = keybook_at(migrate->book, key->entry);
	enum status status = STATUS_OK;
	*back = (struct plan_back){ .expires_ms = entry->expires_ms,
				    .new_key = key->new_key,
				    .why = "it was changed since (--force overwrites)" };
	if (!key->old_key.there || has_target(entry))
		status = find_expiry(migrate, entry, &back->expires_ms, err);
	if (status)
		return status;
	back->back = choose(migrate, key, back->expires_ms);
	bool may = new_is_ours(key, entry) || (migrate->config.force && has_target(entry));
	back->unlinks =
	    key->new_key.there && may &&
	    (back->back == BACK_UNLINK || back->back == BACK_RESTORE || back->back == BACK_EXPIRED);
	return STATUS_OK;
}

/* ---- the old key, under a temporary name ---- */

static void on_restored(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct plan_back *back = ctx;
	(void)reply;
	back->failed |= status != STATUS_OK;
}

static enum status write_temporary(struct migrate *migrate, const struct step_key *key,
				   struct plan_back *back, struct err *err)
{
	const struct keybook_entry *entry = keybook_at(migrate->book, key->entry);
	char storage[64], number[24];
	struct buf temporary = buf_over(storage, sizeof storage), record;
	struct backup_whole whole;
	uint64_t next;
	step_temporary(&temporary, migrate, key);
	snprintf(number, sizeof number, "%d", TEMPORARY_MS);
	buf_init(&record, JOURNAL_RECORD_MAX + 64);
	enum status status = backup_read(migrate, entry->backup, &record, &whole, &next, err);
	const struct str unlink[] = { STR("UNLINK"), buf_str(&temporary) };
	const struct str restore[] = { STR("RESTORE"), buf_str(&temporary), str_of(number),
				       whole.dump };
	if (!status)
		migrate_server_put(migrate->server, unlink, 2, NULL, NULL);
	if (!status && whole.pieces)
		status = backup_write_pieces(migrate, next, buf_str(&temporary), whole.type, err);
	else if (!status)
		migrate_server_put(migrate->server, restore, 4, on_restored, back);
	buf_deinit(&record);
	return status;
}

/* What stands under the temporary name must be what was backed up. A module's has no digest. */
static enum status check_temporary(struct migrate *migrate, const struct step_key *key,
				   struct source_key *copy, struct str name, struct plan_back *back,
				   struct err *err)
{
	const struct keybook_entry *entry = keybook_at(migrate->book, key->entry);
	const struct str unlink[] = { STR("UNLINK"), name };
	enum status status = step_big_digest(migrate, name, copy, err);
	bool same = copy->there &&
		    (copy->type == AUDIT_MODULE || digest_eq(copy->digest, entry->backup_source));
	if (status || (same && !back->failed))
		return status;
	back->failed = true;
	back->why = "the server would not restore it as it was";
	return migrate_server_call(migrate->server, unlink, 2, NULL, NULL, err);
}

static enum status check_temporaries(struct step *step, struct plan_back *plans, struct err *err)
{
	char storage[STEP_KEYS][64];
	struct str names[STEP_KEYS];
	struct source_key copies[STEP_KEYS];
	size_t which[STEP_KEYS], n = 0;
	for (size_t i = 0; i < step->count; i++) {
		struct buf name = buf_over(storage[n], sizeof storage[n]);
		if (plans[i].back != BACK_RESTORE)
			continue;
		step_temporary(&name, step->migrate, &step->keys[i]);
		names[n] = buf_str(&name);
		which[n++] = i;
	}
	enum status status = source_read(step->migrate->reader, names, copies, n, 0, err);
	for (size_t i = 0; !status && i < n; i++)
		status = check_temporary(step->migrate, &step->keys[which[i]], &copies[i], names[i],
					 &plans[which[i]], err);
	return status;
}

/* ---- the names ---- */

static void put_unlink(struct migrate *migrate, struct str name, size_t *replies)
{
	const struct str unlink[] = { STR("UNLINK"), name };
	migrate_server_put(migrate->server, unlink, 2, NULL, NULL);
	++*replies;
}

static void put_rename(struct migrate *migrate, const struct step_key *key,
		       const struct plan_back *back, size_t *replies)
{
	char storage[64];
	struct buf temporary = buf_over(storage, sizeof storage);
	step_temporary(&temporary, migrate, key);
	const struct str rename[] = { STR("RENAME"), buf_str(&temporary), key->old_name };
	step_put_expiry(migrate, buf_str(&temporary), back->expires_ms, NULL, NULL);
	migrate_server_put(migrate->server, rename, 3, NULL, NULL);
	*replies += 2;
}

struct exec {
	struct plan_back *plans;
	size_t count;
	bool done;
};

static void on_exec(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct exec *exec = ctx;
	exec->done = !status && reply->type == REDIS_ARRAY;
	for (size_t i = 0; exec->done && i < exec->count; i++)
		for (size_t j = 0; j < exec->plans[i].n_replies; j++)
			exec->plans[i].failed |=
			    reply->items[exec->plans[i].first_reply + j].type == REDIS_ERROR;
}

/* Old keys take their names; new ones go whose old key is there, or is over. */
static enum status write_all(struct step *step, struct plan_back *plans, bool *done,
			     struct err *err)
{
	struct migrate *migrate = step->migrate;
	const struct str multi[] = { STR("MULTI") }, run[] = { STR("EXEC") };
	struct exec exec = { plans, step->count, false };
	size_t replies = 0;
	migrate_server_put(migrate->server, multi, 1, NULL, NULL);
	for (size_t i = 0; i < step->count; i++) {
		const struct step_key *key = &step->keys[i];
		plans[i].first_reply = replies;
		if (plans[i].back == BACK_RESTORE && !plans[i].failed)
			put_rename(migrate, key, &plans[i], &replies);
		else if (plans[i].back != BACK_RESTORE && plans[i].unlinks)
			put_unlink(migrate, key->new_name, &replies);
		plans[i].n_replies = replies - plans[i].first_reply;
	}
	migrate_server_put(migrate->server, run, 1, on_exec, &exec);
	enum status status = migrate_server_settle(migrate->server, err);
	*done = exec.done;
	return status;
}

static bool is_due(const struct plan_back *back)
{
	return back->back == BACK_RESTORE && !back->failed && back->unlinks;
}

static bool same_key(struct migrate *migrate, const struct source_key *a,
		     const struct source_key *b)
{
	return a->there == b->there && digest_eq(a->digest, b->digest) &&
	       decide_same_expiry(a->expires_ms, b->expires_ms, step_tolerance_ms(migrate));
}

/* The old key is there, and the new one as it was when that was decided. */
static enum status look_again(struct step *step, struct plan_back *plans, struct err *err)
{
	struct migrate *migrate = step->migrate;
	enum status status = step_watch(step, err);
	if (!status)
		status = step_read(step, 0, 0, err);
	for (size_t i = 0; !status && i < step->count; i++) {
		struct step_key *key = &step->keys[i];
		if (!is_due(&plans[i]))
			continue;
		status = step_big_digest(migrate, key->new_name, &key->new_key, err);
		plans[i].failed =
		    !key->old_key.there || !same_key(migrate, &key->new_key, &plans[i].new_key);
		if (plans[i].failed)
			plans[i].why = "it is there again, and the new one was changed meanwhile";
	}
	return status;
}

static enum status unlink_once(struct step *step, struct plan_back *plans, bool *done,
			       struct err *err)
{
	struct migrate *migrate = step->migrate;
	const struct str multi[] = { STR("MULTI") }, run[] = { STR("EXEC") };
	struct exec exec = { plans, 0, false };
	size_t replies = 0;
	enum status status = look_again(step, plans, err);
	if (status)
		return status;
	migrate_server_put(migrate->server, multi, 1, NULL, NULL);
	for (size_t i = 0; i < step->count; i++)
		if (is_due(&plans[i]))
			put_unlink(migrate, step->keys[i].new_name, &replies);
	migrate_server_put(migrate->server, run, 1, on_exec, &exec);
	status = migrate_server_settle(migrate->server, err);
	*done = exec.done;
	return status;
}

/* Of old keys that were restored: the new ones. */
static enum status unlink_restored(struct step *step, struct plan_back *plans, struct err *err)
{
	bool done = true;
	enum status status = STATUS_OK;
	for (size_t i = 0; done && i < step->count; i++)
		done = !is_due(&plans[i]);
	for (int tries = 0; !status && !done && tries < STEP_TRIES; tries++)
		status = unlink_once(step, plans, &done, err);
	for (size_t i = 0; !done && i < step->count; i++)
		if (is_due(&plans[i])) {
			plans[i].failed = true;
			plans[i].why = "it is there again; the new one is, too: run it again";
		}
	return status;
}

/* ---- afterwards ---- */

static enum status settle(struct step *step, struct step_key *key, const struct plan_back *plan,
			  struct err *err)
{
	struct migrate *migrate = step->migrate;
	struct migrate_counts *counts = migrate_counts_of(migrate, key);
	counts->source++;
	if (plan->back == BACK_KEEP || plan->failed) {
		counts->kept++;
		migrate_line(migrate, "kept: %.*s: %s", STR_ARG(key->printed), plan->why);
		return STATUS_OK;
	}
	if (plan->back == BACK_LOST) {
		counts->missing++;
		migrate_line(migrate, "lost: %.*s: the backup has it not", STR_ARG(key->printed));
		return STATUS_OK;
	}
	counts->restored += plan->back == BACK_RESTORE;
	counts->expired += plan->back == BACK_EXPIRED;
	counts->copied += plan->back == BACK_UNLINK || plan->back == BACK_NOTHING;
	return step_journal(migrate, key, BOOK_rolled, (struct digest){ 0 }, (struct digest){ 0 },
			    err);
}

static enum status back_batch(struct step *step, struct err *err);

static enum status halve(struct step *step, struct err *err)
{
	struct step half = *step;
	if (step->count == 1) {
		half.tries++;
		if (half.tries < STEP_TRIES)
			return back_batch(&half, err);
		migrate_counts_of(step->migrate, &step->keys[0])->kept++;
		return STATUS_OK;
	}
	half.count = step->count / 2;
	enum status status = back_batch(&half, err);
	half.keys += half.count;
	half.count = step->count - half.count;
	return status ? status : back_batch(&half, err);
}

static enum status plan_all(struct step *step, struct plan_back *plans, struct err *err)
{
	struct migrate *migrate = step->migrate;
	enum status status = step_watch(step, err);
	if (!status)
		status = step_read(step, 0, 0, err);
	for (size_t i = 0; !status && i < step->count; i++) {
		struct step_key *key = &step->keys[i];
		if (step_is_big(key))
			status = step_big_read(migrate, key, err);
		if (!status)
			status = plan(migrate, key, &plans[i], err);
	}
	for (size_t i = 0; !status && i < step->count; i++)
		if (plans[i].back == BACK_RESTORE)
			status = write_temporary(migrate, &step->keys[i], &plans[i], err);
	enum status settled = migrate_server_settle(migrate->server, status ? NULL : err);
	if (!status)
		status = settled;
	return status ? status : check_temporaries(step, plans, err);
}

static enum status back_batch(struct step *step, struct err *err)
{
	struct plan_back plans[STEP_KEYS] = { 0 };
	bool done = false;
	enum status status = plan_all(step, plans, err);
	if (!status)
		status = write_all(step, plans, &done, err);
	if (status)
		return status;
	if (!done)
		return halve(step, err);
	crash_point(CRASH_migrate_restored);
	status = unlink_restored(step, plans, err);
	for (size_t i = 0; !status && i < step->count; i++)
		status = settle(step, &step->keys[i], &plans[i], err);
	return status;
}

/* What its writer deleted, as was told, stays so. */
static bool is_for_back(struct migrate *migrate, const struct step_key *key)
{
	const struct keybook_entry *entry =
	    key->entry == SIZE_MAX ? NULL : keybook_at(migrate->book, key->entry);
	bool deleted = entry && entry->state == BOOK_deleted && !migrate->config.force;
	migrate_counts_of(migrate, key)->deleted += deleted;
	return entry && !deleted && entry->state != BOOK_expired;
}

static enum status rollback_batch(struct migrate *migrate, struct step *step, struct err *err)
{
	size_t kept = 0;
	for (size_t i = 0; i < step->count; i++)
		if (is_for_back(migrate, &step->keys[i]))
			step->keys[kept++] = step->keys[i];
	step->count = kept;
	return kept ? back_batch(step, err) : STATUS_OK;
}

enum status migrate_rollback(struct migrate *migrate, struct err *err)
{
	migrate_clear_counts(migrate);
	enum status status = migrate_pass(migrate, "rollback", false, rollback_batch, err);
	enum status kept = journal_sync(&migrate->journal, status ? NULL : err);
	return status ? status : kept;
}
