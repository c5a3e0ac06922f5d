/* New forms go, old keys are there again. */
#include "base/crash.h"
#include "migrate/migrate_impl.h"

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
	size_t first_reply, n_replies;
	bool failed;
};

static bool new_is_ours(const struct step_key *key, const struct keybook_entry *entry)
{
	return digest_eq(key->new_key.digest, entry->target) ||
	       digest_eq(key->new_key.digest, entry->intent);
}

static enum back of_removed(struct migrate *migrate, const struct step_key *key,
			    const struct keybook_entry *entry)
{
	bool sink = migrate_family_of(migrate, key)->sink != MIGRATE_REDIS;
	int64_t now_ms = migrate_server_now_ms(migrate->server);
	/* Restored by a run that was killed before it could say so, or the same in effect. */
	if (key->old_key.there && digest_eq(key->old_key.digest, entry->backup_source))
		return key->new_key.there && new_is_ours(key, entry) ? BACK_UNLINK : BACK_NOTHING;
	if (entry->expires_ms >= 0 && entry->expires_ms <= now_ms)
		return BACK_EXPIRED;
	if (!entry->backup)
		return BACK_LOST;
	if (migrate->config.force)
		return BACK_RESTORE;
	if (key->old_key.there)
		return BACK_KEEP; /* somebody wrote it again */
	bool ended = entry->new_expires_ms >= 0 && entry->new_expires_ms <= now_ms;
	if (!sink && !key->new_key.there)
		return ended ? BACK_RESTORE : BACK_KEEP;
	return sink || new_is_ours(key, entry) ? BACK_RESTORE : BACK_KEEP;
}

static enum back choose(struct migrate *migrate, const struct step_key *key)
{
	const struct keybook_entry *entry = keybook_at(migrate->book, key->entry);
	bool removing = entry->state == BOOK_removing && !key->old_key.there;
	if (entry->state == BOOK_removed || removing)
		return of_removed(migrate, key, entry);
	if (!key->new_key.there)
		return BACK_NOTHING;
	if (entry->state == BOOK_intent && digest_none(entry->target) && !new_is_ours(key, entry))
		return BACK_NOTHING; /* it was never written: what is there is somebody's */
	return new_is_ours(key, entry) || migrate->config.force ? BACK_UNLINK : BACK_KEEP;
}

/* ---- writing ---- */

static void put_unlink(struct migrate *migrate, struct str name, size_t *replies)
{
	const struct str unlink[] = { STR("UNLINK"), name };
	migrate_server_put(migrate->server, unlink, 2, NULL, NULL);
	++*replies;
}

/* Under the temporary name first, so that it is there with its expiry or not at all. */
static enum status put_restore(struct migrate *migrate, const struct step_key *key, size_t *replies,
			       struct err *err)
{
	const struct keybook_entry *entry = keybook_at(migrate->book, key->entry);
	char storage[64];
	struct buf temporary = buf_over(storage, sizeof storage), record;
	struct backup_whole whole;
	uint64_t next;
	step_temporary(&temporary, key);
	buf_init(&record, JOURNAL_RECORD_MAX + 64);
	enum status status = backup_read(migrate, entry->backup, &record, &whole, &next, err);
	const struct str restore[] = { STR("RESTORE"), buf_str(&temporary), STR("0"), whole.dump,
				       STR("REPLACE") };
	const struct str rename[] = { STR("RENAME"), buf_str(&temporary), key->old_name };
	if (!status && !whole.pieces) {
		migrate_server_put(migrate->server, restore, 5, NULL, NULL);
		++*replies;
	}
	if (!status && whole.expires_ms >= 0) {
		step_put_expiry(migrate, buf_str(&temporary), whole.expires_ms, NULL, NULL);
		++*replies;
	}
	if (!status) {
		migrate_server_put(migrate->server, rename, 3, NULL, NULL);
		++*replies;
	}
	buf_deinit(&record);
	return status;
}

static enum status write_pieces_first(struct migrate *migrate, const struct step_key *key,
				      struct err *err)
{
	const struct keybook_entry *entry = keybook_at(migrate->book, key->entry);
	char storage[64];
	struct buf temporary = buf_over(storage, sizeof storage), record;
	struct backup_whole whole;
	uint64_t next;
	step_temporary(&temporary, key);
	const struct str unlink[] = { STR("UNLINK"), buf_str(&temporary) };
	buf_init(&record, JOURNAL_RECORD_MAX + 64);
	enum status status = backup_read(migrate, entry->backup, &record, &whole, &next, err);
	if (!status && whole.pieces)
		status = migrate_server_call(migrate->server, unlink, 2, NULL, NULL, err);
	if (!status && whole.pieces)
		status = backup_write_pieces(migrate, next, buf_str(&temporary), whole.type, err);
	buf_deinit(&record);
	return status;
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

static enum status write_all(struct step *step, struct plan_back *plans, bool *done,
			     struct err *err)
{
	struct migrate *migrate = step->migrate;
	const struct str multi[] = { STR("MULTI") }, run[] = { STR("EXEC") };
	struct exec exec = { plans, step->count, false };
	size_t replies = 0;
	enum status status = STATUS_OK;
	migrate_server_put(migrate->server, multi, 1, NULL, NULL);
	for (size_t i = 0; !status && i < step->count; i++) {
		const struct step_key *key = &step->keys[i];
		plans[i].first_reply = replies;
		if (plans[i].back == BACK_RESTORE)
			status = put_restore(migrate, key, &replies, err);
		bool unlinks = plans[i].back == BACK_UNLINK || plans[i].back == BACK_RESTORE ||
			       plans[i].back == BACK_EXPIRED;
		if (unlinks && key->new_key.there)
			put_unlink(migrate, key->new_name, &replies);
		plans[i].n_replies = replies - plans[i].first_reply;
	}
	if (status)
		return status;
	migrate_server_put(migrate->server, run, 1, on_exec, &exec);
	status = migrate_server_settle(migrate->server, err);
	*done = exec.done;
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
		migrate_line(migrate, "kept: %.*s: %s", STR_ARG(key->printed),
			     plan->failed ? "the server would not restore it"
					  : "it was changed since (--force overwrites)");
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

/* What was restored is read again: it must be what was backed up. */
static enum status read_again(struct step *step, struct plan_back *plans, struct err *err)
{
	struct migrate *migrate = step->migrate;
	enum status status = step_read(step, 0, 0, err);
	for (size_t i = 0; !status && i < step->count; i++) {
		struct step_key *key = &step->keys[i];
		if (plans[i].back != BACK_RESTORE || plans[i].failed)
			continue;
		const struct keybook_entry *entry = keybook_at(migrate->book, key->entry);
		status = step_big_digest(migrate, key->old_name, &key->old_key, err);
		if (!status && key->old_key.there &&
		    !digest_eq(key->old_key.digest, entry->backup_source))
			migrate_line(migrate, "%.*s: a writer changed it at once",
				     STR_ARG(key->printed));
	}
	return status;
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

static enum status back_batch(struct step *step, struct err *err)
{
	struct migrate *migrate = step->migrate;
	struct plan_back plans[STEP_KEYS] = { 0 };
	bool done = false;
	enum status status = step_watch(step, err);
	if (!status)
		status = step_read(step, 0, 0, err);
	for (size_t i = 0; !status && i < step->count; i++) {
		struct step_key *key = &step->keys[i];
		if (step_is_big(key))
			status = step_big_read(migrate, key, err);
		if (!status)
			plans[i].back = choose(migrate, key);
		if (!status && plans[i].back == BACK_RESTORE)
			status = write_pieces_first(migrate, key, err);
	}
	if (!status)
		status = write_all(step, plans, &done, err);
	if (status)
		return status;
	if (!done)
		return halve(step, err);
	crash_point(CRASH_migrate_restored);
	status = read_again(step, plans, err);
	for (size_t i = 0; !status && i < step->count; i++)
		status = settle(step, &step->keys[i], &plans[i], err);
	return status;
}

static enum status rollback_batch(struct migrate *migrate, struct step *step, struct err *err)
{
	size_t kept = 0;
	for (size_t i = 0; i < step->count; i++) {
		const struct step_key *key = &step->keys[i];
		if (key->entry != SIZE_MAX &&
		    keybook_at(migrate->book, key->entry)->state != BOOK_expired)
			step->keys[kept++] = *key;
	}
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
