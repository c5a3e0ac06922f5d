#include "migrate/migrate_impl.h"

#include "base/check.h"
#include "base/crash.h"

/* ---- the names ---- */

/* A key that makes no name has its own in the second place: reading it twice harms nothing. */
static struct str new_name_of(const struct step_key *key)
{
	return key->new_name.len ? key->new_name : key->old_name;
}

enum status step_read(struct step *step, int wants_old, int wants_new, struct err *err)
{
	struct migrate *migrate = step->migrate;
	struct str names[2 * STEP_KEYS];
	struct source_key keys[STEP_KEYS];
	for (size_t i = 0; i < step->count; i++) {
		names[i] = step->keys[i].old_name;
		names[STEP_KEYS + i] = new_name_of(&step->keys[i]);
	}
	source_reader_clear(migrate->reader);
	enum status status = source_read(migrate->reader, names, keys, step->count, wants_old, err);
	for (size_t i = 0; !status && i < step->count; i++)
		step->keys[i].old_key = keys[i];
	if (!status)
		status = source_read(migrate->reader, names + STEP_KEYS, keys, step->count,
				     wants_new, err);
	for (size_t i = 0; !status && i < step->count; i++) {
		step->keys[i].new_key = keys[i];
		if (!step->keys[i].new_name.len)
			step->keys[i].new_key = (struct source_key){ .expires_ms = -1 };
	}
	return status;
}

enum status step_watch(struct step *step, struct err *err)
{
	struct str argv[1 + 2 * STEP_KEYS] = { STR("WATCH") };
	size_t n = 1;
	for (size_t i = 0; i < step->count; i++) {
		argv[n++] = step->keys[i].old_name;
		argv[n++] = new_name_of(&step->keys[i]);
	}
	return migrate_server_call(step->migrate->server, argv, n, NULL, NULL, err);
}

enum status step_unwatch(struct migrate *migrate, struct err *err)
{
	const struct str argv[] = { STR("UNWATCH") };
	return migrate_server_call(migrate->server, argv, 1, NULL, NULL, err);
}

/* ---- writing ---- */

static bool writes(const struct step_key *key)
{
	return key->action == DECIDE_COPY || key->action == DECIDE_REPLACE ||
	       key->action == DECIDE_REVERSE || key->action == DECIDE_UNMAKE ||
	       key->action == DECIDE_EXPIRY;
}

static bool makes_form(const struct step_key *key)
{
	return key->action == DECIDE_COPY || key->action == DECIDE_REPLACE;
}

/* As what it is in this life of it: of one that was copied, and has gone since, the backup is of
 * another. */
bool step_was_backed_up(struct migrate *migrate, const struct step_key *key)
{
	const struct keybook_entry *entry =
	    key->entry == SIZE_MAX ? NULL : keybook_at(migrate->book, key->entry);
	return entry && entry->backup &&
	       (entry->state == BOOK_copied || entry->state == BOOK_removing ||
		entry->state == BOOK_deleting);
}

/* An intent that was carried out and not journaled is made good before another one takes its place:
 * else what is ours would be nobody's. */
static enum status settle_intent(struct migrate *migrate, struct step_key *key, struct err *err)
{
	if (key->entry == SIZE_MAX)
		return STATUS_OK;
	const struct keybook_entry *entry = keybook_at(migrate->book, key->entry);
	if (digest_none(entry->intent) || !digest_eq(entry->intent, key->new_key.digest))
		return STATUS_OK;
	return step_journal(migrate, key, BOOK_copied, (struct digest){ 0 }, key->new_key.digest,
			    err);
}

/* Everything that must be on disk before something is written. */
static enum status prepare(struct step *step, size_t *n_writes, struct err *err)
{
	struct migrate *migrate = step->migrate;
	enum status status = STATUS_OK;
	bool old_written = false; /* from its only other copy */
	*n_writes = 0;
	for (size_t i = 0; !status && i < step->count; i++) {
		struct step_key *key = &step->keys[i];
		if (step_is_big(key) || !writes(key))
			continue;
		++*n_writes;
		old_written |= key->action == DECIDE_REVERSE;
		if (key->old_key.there && key->action != DECIDE_EXPIRY &&
		    !step_was_backed_up(migrate, key))
			status = backup_key(migrate, key, err);
		if (!status && key->action == DECIDE_UNMAKE)
			status = step_journal(migrate, key, BOOK_deleting, (struct digest){ 0 },
					      (struct digest){ 0 }, err);
		if (!status && makes_form(key))
			status = settle_intent(migrate, key, err);
		if (!status && makes_form(key))
			status = step_journal(migrate, key, BOOK_intent, key->old_key.digest,
					      key->made, err);
	}
	bool hurry = step->tries >= STEP_HURRY && !old_written;
	if (!status && *n_writes)
		status = hurry ? journal_flush(&migrate->backup, err)
			       : journal_sync(&migrate->backup, err);
	if (!status && *n_writes)
		status = hurry ? journal_flush(&migrate->journal, err)
			       : journal_sync(&migrate->journal, err);
	return status;
}

struct exec {
	struct step *step;
	bool aborted;
	enum status status;
};

/* RENAMENX that says 0 found a name that is not free; an error in the middle is a key that expired
 * while it was written. */
static void take_replies(struct step_key *key, const struct redis_reply *items)
{
	key->outcome = BOOK_copied;
	for (size_t i = 0; i < key->n_replies; i++)
		if (items[i].type == REDIS_ERROR)
			key->outcome = BOOK_none;
	const struct redis_reply *last = &items[key->n_replies - 1];
	if (key->action == DECIDE_COPY && last->type == REDIS_INTEGER && last->integer == 0)
		key->outcome = BOOK_conflict;
}

static void on_exec(void *ctx, enum status status, const struct redis_reply *reply)
{
	struct exec *exec = ctx;
	exec->status = status;
	if (status)
		return;
	exec->aborted = reply->type != REDIS_ARRAY;
	for (size_t i = 0; !exec->aborted && i < exec->step->count; i++) {
		struct step_key *key = &exec->step->keys[i];
		if (!key->n_replies)
			continue;
		if (key->first_reply + key->n_replies > reply->count)
			exec->status = STATUS_REDIS_PROTOCOL;
		else
			take_replies(key, reply->items + key->first_reply);
	}
}

static enum status execute(struct step *step, bool *aborted, struct err *err)
{
	struct migrate *migrate = step->migrate;
	const struct str multi[] = { STR("MULTI") }, run[] = { STR("EXEC") };
	struct exec exec = { .step = step };
	size_t replies = 0;
	enum status status = STATUS_OK;
	migrate_server_put(migrate->server, multi, 1, NULL, NULL);
	for (size_t i = 0; !status && i < step->count; i++) {
		struct step_key *key = &step->keys[i];
		key->first_reply = replies;
		if (!step_is_big(key) && writes(key))
			status = step_put_writes(migrate, key, &replies, err);
		key->n_replies = replies - key->first_reply;
	}
	if (status)
		return status; /* EXEC is not sent: nothing is done */
	migrate_server_put(migrate->server, run, 1, on_exec, &exec);
	status = migrate_server_settle(migrate->server, err);
	if (!status && exec.status)
		status = err_set(err, exec.status, "EXEC: %s", status_text(exec.status));
	*aborted = exec.aborted;
	return status;
}

/* ---- afterwards ---- */

/* A key that changes all the time leaves no time to wait for the disk before EXEC. */
static enum status catch_up(struct step *step, struct err *err)
{
	struct migrate *migrate = step->migrate;
	if (step->tries < STEP_HURRY)
		return STATUS_OK;
	enum status status = journal_sync(&migrate->backup, err);
	return status ? status : journal_sync(&migrate->journal, err);
}

/* Reads back what was written: what is there must be what was meant. */
static enum status read_back(struct step *step, struct err *err)
{
	struct migrate *migrate = step->migrate;
	struct str names[STEP_KEYS];
	struct source_key keys[STEP_KEYS];
	size_t which[STEP_KEYS], n = 0;
	for (size_t i = 0; i < step->count; i++) {
		struct step_key *key = &step->keys[i];
		if (!key->n_replies || key->outcome != BOOK_copied ||
		    key->action == DECIDE_UNMAKE || key->action == DECIDE_EXPIRY)
			continue;
		which[n] = i;
		names[n++] = key->action == DECIDE_REVERSE ? key->old_name : key->new_name;
	}
	enum status status = n ? source_read(migrate->reader, names, keys, n, 0, err) : STATUS_OK;
	for (size_t i = 0; !status && i < n; i++) {
		struct step_key *key = &step->keys[which[i]];
		bool expires = key->new_expires_ms >= 0 &&
			       key->new_expires_ms <= migrate_server_now_ms(migrate->server) + 1;
		if (!keys[i].big && !digest_eq(keys[i].digest, key->made) &&
		    !(!keys[i].there && expires))
			key->outcome = BOOK_none;
	}
	return status;
}

/* ---- a batch ---- */

static enum status attempt(struct step *step, struct err *err);

static enum status halve(struct step *step, struct err *err)
{
	struct step half = *step;
	if (step->count == 1) {
		half.tries++;
		if (half.tries < STEP_TRIES)
			return attempt(&half, err);
		step_count_behind(step, &step->keys[0]);
		return STATUS_OK;
	}
	half.count = step->count / 2;
	enum status status = attempt(&half, err);
	half.keys += half.count;
	half.count = step->count - half.count;
	return status ? status : attempt(&half, err);
}

/* A side that leads and cannot be made into the other's form is a person's to look at. */
static void check_reverse(struct step *step)
{
	struct migrate *migrate = step->migrate;
	for (size_t i = 0; i < step->count; i++) {
		struct step_key *key = &step->keys[i];
		struct form_made made;
		if (step_is_big(key) || key->action != DECIDE_REVERSE)
			continue;
		form_room_clear(migrate->room);
		key->reason = form_unmake(migrate->room, migrate_family_of(migrate, key)->form,
					  &key->new_key, &made);
		if (key->reason)
			key->action = DECIDE_CONFLICT;
		else
			key->made = made.digest;
	}
}

static enum status settle_all(struct step *step, struct err *err)
{
	enum status status = STATUS_OK;
	for (size_t i = 0; !status && i < step->count; i++)
		if (!step_is_big(&step->keys[i]))
			status = step_settle_key(step, &step->keys[i], err);
	for (size_t i = 0; !status && i < step->count; i++)
		if (step_is_big(&step->keys[i]))
			status = step_big(step->migrate, step, &step->keys[i], err);
	return status;
}

size_t step_count_read(const struct step *step)
{
	size_t n = 0;
	while (n < step->count && !step->keys[n].old_key.late && !step->keys[n].new_key.late)
		n++;
	return n;
}

/* Leaves in step->count how many it dealt with. */
static enum status attempt_part(struct step *step, struct err *err)
{
	struct migrate *migrate = step->migrate;
	const int wants = SOURCE_DUMP | SOURCE_CONTENT | SOURCE_BOUNDED;
	bool aborted = false;
	size_t n_writes;
	enum status status = step_watch(step, err);
	if (!status)
		status = step_read(step, wants, wants, err);
	if (status)
		return status;
	step->count = step_count_read(step);
	step_decide(step);
	check_reverse(step);
	status = prepare(step, &n_writes, err);
	crash_point(CRASH_migrate_intent);
	for (size_t i = 0; i < step->count; i++)
		step->keys[i].n_replies = 0;
	if (!status && n_writes)
		status = execute(step, &aborted, err);
	else if (!status)
		status = step_unwatch(migrate, err);
	if (status)
		return status;
	if (aborted)
		return halve(step, err);
	crash_point(CRASH_migrate_written);
	if (n_writes)
		status = catch_up(step, err);
	if (!status && n_writes)
		status = read_back(step, err);
	return status ? status : settle_all(step, err);
}

/* As much at a time as memory is meant for. */
static enum status attempt(struct step *step, struct err *err)
{
	struct step part = *step;
	enum status status = STATUS_OK;
	while (!status && part.count) {
		size_t left = part.count;
		status = attempt_part(&part, err);
		part.keys += part.count;
		part.count = left - part.count;
	}
	return status;
}

/* Keys that are as they were when they were met last need no WATCH. */
static bool as_before(struct step *step, struct step_key *key)
{
	struct migrate *migrate = step->migrate;
	const struct keybook_entry *entry = keybook_at(migrate->book, key->entry);
	if (step_is_big(key) || !key->old_key.there)
		return false;
	if (entry->state == BOOK_skipped) {
		key->reason = (enum form_reason)entry->reason;
		key->action = DECIDE_SKIP;
		return key->reason != FORM_type && digest_eq(entry->source, key->old_key.digest);
	}
	if (entry->state != BOOK_copied || !digest_eq(entry->source, key->old_key.digest))
		return false;
	step_decide_one(step, key);
	return key->action == DECIDE_NOTHING;
}

/* Takes out of the batch what is settled at a look. */
static enum status look(struct step *step, struct err *err)
{
	size_t kept = 0, known = 0;
	for (size_t i = 0; i < step->count; i++)
		known += step->keys[i].entry != SIZE_MAX;
	if (!known)
		return STATUS_OK;
	enum status status = step_read(step, 0, 0, err);
	for (size_t i = 0; !status && i < step->count; i++) {
		struct step_key *key = &step->keys[i];
		if (key->entry != SIZE_MAX && as_before(step, key))
			step_count(step, key);
		else
			step->keys[kept++] = *key;
	}
	step->count = status ? step->count : kept;
	return status;
}

/* Families that are left alone, and those whose place is a database: what stays is Redis'. */
enum status step_sort_out(struct step *step, struct err *err)
{
	struct step sinks = *step;
	size_t kept = 0;
	sinks.keys = arena_take(step->texts, step->count * sizeof *sinks.keys + 1);
	sinks.count = 0;
	if (!sinks.keys)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	for (size_t i = 0; i < step->count; i++) {
		struct step_key *key = &step->keys[i];
		const struct migrate_family *family = migrate_family_of(step->migrate, key);
		if (family->form == MIGRATE_SKIP) {
			key->reason = FORM_plan;
			key->action = DECIDE_SKIP;
			step_count(step, key);
		} else if (family->sink != MIGRATE_REDIS) {
			sinks.keys[sinks.count++] = *key;
		} else {
			step->keys[kept++] = *key;
		}
	}
	step->count = kept;
	return sinks.count ? step_sink(&sinks, err) : STATUS_OK;
}

enum status step_run(struct migrate *migrate, struct step *step, struct err *err)
{
	(void)migrate;
	enum status status = step_sort_out(step, err);
	if (!status && step->count)
		status = look(step, err);
	if (!status && step->count)
		status = attempt(step, err);
	crash_point(CRASH_migrate_done);
	return status;
}
