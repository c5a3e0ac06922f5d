/* Old keys go: each only while it is as it was copied, and the backup has it to the byte. */
#include "base/crash.h"
#include "migrate/migrate_impl.h"

static bool is_moved(const struct migrate *migrate, const struct step_key *key)
{
	return migrate_family_of(migrate, key)->sink != MIGRATE_REDIS;
}

/* Whoever set another expiry since, or took it away, has it carried over first. */
static bool expiry_in_step(struct migrate *migrate, const struct step_key *key,
			   const struct keybook_entry *entry)
{
	const struct source_key *old_key = &key->old_key, *new_key = &key->new_key;
	const struct decide_view view = {
		.family = migrate_family_of(migrate, key),
		.entry = entry,
		.old_side = { old_key->there, old_key->digest, old_key->expires_ms },
		.new_side = { new_key->there, new_key->digest, new_key->expires_ms },
		.tolerance_ms = step_tolerance_ms(migrate),
	};
	return decide_expiry_in_step(&view);
}

/* In step now, not only when it was copied. */
static bool removable(struct migrate *migrate, const struct step_key *key)
{
	const struct keybook_entry *entry = keybook_at(migrate->book, key->entry);
	if (is_moved(migrate, key))
		return step_sink_is_as_moved(migrate, key);
	return key->old_key.there && digest_eq(key->old_key.digest, entry->source) &&
	       key->new_key.there && digest_eq(key->new_key.digest, entry->target) &&
	       expiry_in_step(migrate, key, entry);
}

static enum status journal_as(struct migrate *migrate, struct step_key *key,
			      enum keybook_state state, struct err *err)
{
	const struct keybook_entry *entry = keybook_at(migrate->book, key->entry);
	key->new_expires_ms = entry->new_expires_ms;
	return step_journal(migrate, key, state, entry->source, entry->target, err);
}

static enum status keep_pieces(void *ctx, const struct audit_element *elements, size_t count,
			       struct err *err)
{
	return backup_piece(ctx, elements, count, err);
}

static enum status backup_again(struct migrate *migrate, struct step_key *key, struct err *err)
{
	struct digest digest;
	uint64_t at;
	if (!key->old_key.big)
		return backup_key(migrate, key, err);
	if (backup_is_current(migrate, keybook_at(migrate->book, key->entry), &key->old_key))
		return STATUS_OK;
	enum status status = backup_begin(migrate, key, &at, err);
	if (!status)
		status = source_walk(migrate->server, key->old_name, key->old_key.type, keep_pieces,
				     migrate, &digest, err);
	return status ? status : backup_end(migrate, key, at, digest, err);
}

static void on_exec(void *ctx, enum status status, const struct redis_reply *reply)
{
	*(bool *)ctx = !status && reply->type == REDIS_ARRAY;
}

static enum status remove_all(struct step *step, bool *done, struct err *err)
{
	struct migrate *migrate = step->migrate;
	const struct str multi[] = { STR("MULTI") }, exec[] = { STR("EXEC") };
	struct str unlink[1 + STEP_KEYS] = { STR("UNLINK") };
	for (size_t i = 0; i < step->count; i++)
		unlink[1 + i] = step->keys[i].old_name;
	migrate_server_put(migrate->server, multi, 1, NULL, NULL);
	migrate_server_put(migrate->server, unlink, 1 + step->count, NULL, NULL);
	migrate_server_put(migrate->server, exec, 1, on_exec, done);
	return migrate_server_settle(migrate->server, err);
}

/* It was about to be removed and stays: it is as it was before. */
static enum status journal_kept(struct migrate *migrate, struct step_key *key, struct err *err)
{
	const struct keybook_entry *entry = keybook_at(migrate->book, key->entry);
	struct step_key before = *key;
	if (entry->state != BOOK_removing)
		return STATUS_OK;
	before.old_key.expires_ms = entry->expires_ms;
	return journal_as(migrate, &before, is_moved(migrate, key) ? BOOK_moved : BOOK_copied, err);
}

/* Takes out what cannot be removed: it is counted, and stays. */
static enum status sort_out(struct step *step, struct err *err)
{
	struct migrate *migrate = step->migrate;
	size_t kept = 0;
	enum status status = STATUS_OK;
	for (size_t i = 0; !status && i < step->count; i++) {
		struct step_key *key = &step->keys[i];
		const struct keybook_entry *entry = keybook_at(migrate->book, key->entry);
		if (removable(migrate, key)) {
			step->keys[kept++] = *key;
		} else if (!key->old_key.there && entry->state == BOOK_removing) {
			status = journal_as(migrate, key, BOOK_removed, err);
		} else if (key->old_key.there) {
			migrate_counts_of(migrate, key)->behind++;
			migrate_line(migrate, "kept: %.*s was changed while it was removed",
				     STR_ARG(key->printed));
			status = journal_kept(migrate, key, err);
		} /* else it expired, or its writer deleted it: the next pass sees */
	}
	step->count = kept;
	return status;
}

static enum status remove_batch(struct step *step, struct err *err);

static enum status halve(struct step *step, struct err *err)
{
	struct step half = *step;
	if (step->count == 1) {
		half.tries++;
		if (half.tries < STEP_TRIES)
			return remove_batch(&half, err);
		migrate_counts_of(step->migrate, &step->keys[0])->behind++;
		return journal_kept(step->migrate, &step->keys[0], err);
	}
	half.count = step->count / 2;
	enum status status = remove_batch(&half, err);
	half.keys += half.count;
	half.count = step->count - half.count;
	return status ? status : remove_batch(&half, err);
}

static enum status prepare(struct step *step, struct err *err)
{
	struct migrate *migrate = step->migrate;
	enum status status = STATUS_OK;
	for (size_t i = 0; !status && i < step->count; i++) {
		status = backup_again(migrate, &step->keys[i], err);
		if (!status)
			status = journal_as(migrate, &step->keys[i], BOOK_removing, err);
	}
	if (!status)
		status = journal_sync(&migrate->backup, err);
	if (!status)
		status = journal_sync(&migrate->journal, err);
	crash_point(CRASH_migrate_removing);
	return status;
}

static enum status remove_batch(struct step *step, struct err *err)
{
	struct migrate *migrate = step->migrate;
	bool done = false;
	enum status status = step_watch(step, err);
	if (!status)
		status = step_read(step, SOURCE_DUMP, 0, err);
	for (size_t i = 0; !status && i < step->count; i++)
		if (step_is_big(&step->keys[i]))
			status = step_big_read(migrate, &step->keys[i], err);
	if (!status)
		status = sort_out(step, err);
	if (status || !step->count)
		return status ? status : step_unwatch(migrate, err);
	status = prepare(step, err);
	if (!status)
		status = remove_all(step, &done, err);
	if (status)
		return status;
	if (!done)
		return halve(step, err);
	crash_point(CRASH_migrate_removed);
	for (size_t i = 0; !status && i < step->count; i++) {
		status = journal_as(migrate, &step->keys[i], BOOK_removed, err);
		migrate_counts_of(migrate, &step->keys[i])->removed++;
	}
	return status;
}

/* Large keys go alone: reading one gives the texts of the others back. */
static enum status finish_batch(struct migrate *migrate, struct step *step, struct err *err)
{
	size_t kept = 0;
	for (size_t i = 0; i < step->count; i++) {
		const struct step_key *key = &step->keys[i];
		enum keybook_state state =
		    key->entry == SIZE_MAX
			? BOOK_none
			: (enum keybook_state)keybook_at(migrate->book, key->entry)->state;
		if (state == BOOK_copied || state == BOOK_moved || state == BOOK_removing)
			step->keys[kept++] = *key;
	}
	step->count = kept;
	enum status status = step_confirm(step, err);
	if (!status && step->count)
		status = step_read(step, 0, 0, err);
	struct step small = *step;
	small.count = 0;
	for (size_t i = 0; !status && i < step->count; i++) {
		struct step one = *step;
		one.keys = &step->keys[i];
		one.count = 1;
		if (step_is_big(one.keys))
			status = remove_batch(&one, err);
		else
			step->keys[small.count++] = step->keys[i];
	}
	return status || !small.count ? status : remove_batch(&small, err);
}

enum status migrate_finish(struct migrate *migrate, struct err *err)
{
	enum status status = migrate_apply(migrate, err);
	if (!status)
		status = verify_pass(migrate, err);
	if (status || !migrate_holds(migrate))
		return status;
	status = migrate_pass(migrate, "finish", false, finish_batch, err);
	enum status kept = journal_sync(&migrate->journal, status ? NULL : err);
	if (status || kept)
		return status ? status : kept;
	return verify_pass(migrate, err);
}
