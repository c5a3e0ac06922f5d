/* A large key, in pieces: through it once while its pieces are written to the backup and to a
 * temporary name, through it again under WATCH, through the copy; where all three are the same, the
 * copy takes its name in MULTI. What changes meanwhile is begun anew. */
#include <stdio.h>

#include "base/check.h"
#include "base/crash.h"
#include "migrate/migrate_impl.h"

enum { ID_BYTES = 48 };

static void on_count(void *ctx, enum status status, const struct redis_reply *reply)
{
	*(int64_t *)ctx = !status && reply->type == REDIS_ARRAY ? (int64_t)reply->count : 0;
}

/* ---- digests ---- */

enum status step_big_digest(struct migrate *migrate, struct str name, struct source_key *key,
			    struct err *err)
{
	const struct str groups[] = { STR("XINFO"), STR("GROUPS"), name };
	if (!key->there || !key->big)
		return STATUS_OK;
	enum status status =
	    source_walk(migrate->server, name, key->type, NULL, NULL, &key->digest, err);
	if (status || key->type != AUDIT_STREAM)
		return status;
	migrate_server_put(migrate->server, groups, 3, on_count, &key->groups);
	source_stream_ask(migrate->server, name, &key->stream); /* not older than its entries */
	return migrate_server_settle(migrate->server, err);
}

struct becoming {
	struct digesting sum;
	struct buf texts;
	int64_t index;
};

static enum status on_become(void *ctx, const struct audit_element *elements, size_t count,
			     struct err *err)
{
	struct becoming *becoming = ctx;
	(void)err;
	for (size_t i = 0; i < count; i++) {
		struct audit_element entry;
		buf_clear(&becoming->texts);
		buf_reserve(&becoming->texts, elements[i].value.len + ID_BYTES);
		form_stream_entry(&entry, &becoming->texts, elements[i].value, becoming->index++);
		digest_element(&becoming->sum, entry.field, entry.value);
	}
	return becoming->texts.overflow ? err_set(err, STATUS_NO_MEMORY, "no memory") : STATUS_OK;
}

/* A list's digest as the stream that it becomes. */
static enum status digest_as_stream(struct migrate *migrate, struct step_key *key, struct err *err)
{
	struct becoming becoming = { .index = 0 };
	struct digest again;
	digest_begin(&becoming.sum, AUDIT_STREAM);
	buf_init(&becoming.texts, JOURNAL_RECORD_MAX);
	enum status status = source_walk(migrate->server, key->old_name, AUDIT_LIST, on_become,
					 &becoming, &again, err);
	buf_deinit(&becoming.texts);
	key->big_made = digest_end(&becoming.sum);
	if (!status && !digest_eq(again, key->old_key.digest))
		key->big_made = (struct digest){ 0 }; /* it was written to */
	return status;
}

enum form_reason step_big_made(struct migrate *migrate, struct step_key *key)
{
	const struct migrate_family *family = migrate_family_of(migrate, key);
	if (key->untold)
		return FORM_large;
	if (family->form == MIGRATE_STREAM) {
		key->made = key->big_made;
		return FORM_ok;
	}
	if (family->form != MIGRATE_SAME)
		return FORM_large;
	key->made = key->old_key.digest;
	return key->old_key.type == AUDIT_STREAM && key->old_key.groups ? FORM_groups : FORM_ok;
}

enum status step_big_look(struct migrate *migrate, struct step_key *key, struct str name,
			  struct source_key *side, struct err *err)
{
	enum status status = step_big_digest(migrate, name, side, err);
	if (status != STATUS_CLOSED && status != STATUS_REDIS_PROTOCOL)
		return status;
	status = migrate_server_again(migrate->server, err);
	key->untold |= !status;
	return status;
}

enum status step_big_read(struct migrate *migrate, struct step_key *key, struct err *err)
{
	const struct str names[] = { key->old_name,
				     key->new_name.len ? key->new_name : key->old_name };
	struct source_key keys[2];
	const struct migrate_family *family = migrate_family_of(migrate, key);
	source_reader_clear(migrate->reader);
	enum status status =
	    source_read(migrate->reader, names, keys, 2, SOURCE_DUMP | SOURCE_CONTENT, err);
	if (status)
		return status;
	key->old_key = keys[0];
	key->new_key = key->new_name.len ? keys[1] : (struct source_key){ .expires_ms = -1 };
	key->untold = false;
	status = step_big_look(migrate, key, key->old_name, &key->old_key, err);
	if (!status && key->new_name.len)
		status = step_big_look(migrate, key, key->new_name, &key->new_key, err);
	if (!status && !key->untold && family->form == MIGRATE_STREAM && key->old_key.big &&
	    key->old_key.type == AUDIT_LIST)
		status = digest_as_stream(migrate, key, err);
	return status;
}

/* ---- pieces ---- */

struct copying {
	struct migrate *migrate;
	struct str temporary;
	enum audit_type type; /* of the copy */
	bool keep;            /* into the backup, too */
	struct buf texts;
	int64_t index;
};

static enum status put_converted(struct copying *copying, const struct audit_element *elements,
				 size_t count, size_t *replies)
{
	for (size_t i = 0; i < count; i++) {
		struct audit_element entry;
		buf_clear(&copying->texts);
		if (!buf_reserve(&copying->texts, elements[i].value.len + ID_BYTES))
			return STATUS_NO_MEMORY;
		form_stream_entry(&entry, &copying->texts, elements[i].value, copying->index++);
		step_put_elements(copying->migrate, copying->temporary, AUDIT_STREAM, &entry, 1,
				  NULL, NULL, replies);
	}
	return STATUS_OK;
}

static enum status on_piece(void *ctx, const struct audit_element *elements, size_t count,
			    struct err *err)
{
	struct copying *copying = ctx;
	struct migrate *migrate = copying->migrate;
	size_t replies = 0;
	enum status status =
	    copying->keep ? backup_piece(migrate, elements, count, err) : STATUS_OK;
	if (status)
		return status;
	if (copying->type == AUDIT_TYPES) /* a list that becomes a stream */
		status = put_converted(copying, elements, count, &replies);
	else
		step_put_elements(migrate, copying->temporary, copying->type, elements, count, NULL,
				  NULL, &replies);
	if (!status)
		status = migrate_server_settle(migrate->server, err);
	crash_point(CRASH_migrate_piece);
	return status;
}

/* Into the temporary name; *same: what was gone through is what was decided upon. */
static enum status copy_pieces(struct migrate *migrate, struct step_key *key, struct str temporary,
			       bool *same, struct err *err)
{
	bool reverse = key->action == DECIDE_REVERSE;
	const struct source_key *source = reverse ? &key->new_key : &key->old_key;
	struct str from = reverse ? key->new_name : key->old_name;
	bool stream = migrate_family_of(migrate, key)->form == MIGRATE_STREAM;
	bool keep = !reverse && !step_was_backed_up(migrate, key);
	struct copying copying = { .migrate = migrate,
				   .temporary = temporary,
				   .type = stream ? AUDIT_TYPES : source->type,
				   .keep = keep };
	const struct str unlink[] = { STR("UNLINK"), temporary };
	struct digest digest = { 0 };
	uint64_t at = 0;
	buf_init(&copying.texts, JOURNAL_RECORD_MAX);
	enum status status = migrate_server_call(migrate->server, unlink, 2, NULL, NULL, err);
	if (!status && keep)
		status = backup_begin(migrate, key, &at, err);
	if (!status)
		status = source_walk(migrate->server, from, source->type, on_piece, &copying,
				     &digest, err);
	*same = !status && digest_eq(digest, source->digest);
	if (*same && source->type == AUDIT_STREAM) {
		source_stream_put(migrate->server, temporary, &source->stream);
		status = migrate_server_settle(migrate->server, err);
	}
	if (!status && *same && keep)
		status = backup_end(migrate, key, at, digest, err);
	buf_deinit(&copying.texts);
	return status;
}

/* ---- the end of it ---- */

static void on_exec(void *ctx, enum status status, const struct redis_reply *reply)
{
	bool *done = ctx;
	*done = !status && reply->type == REDIS_ARRAY;
	for (size_t i = 0; *done && i < reply->count; i++)
		*done = reply->items[i].type != REDIS_ERROR;
	const struct redis_reply *last =
	    *done && reply->count ? &reply->items[reply->count - 1] : NULL;
	if (last && last->type == REDIS_INTEGER && last->integer == 0)
		*done = false; /* RENAMENX found the name taken: looked at anew */
}

static enum status rename_it(struct migrate *migrate, struct step_key *key, struct str temporary,
			     bool *done, struct err *err)
{
	bool reverse = key->action == DECIDE_REVERSE;
	const struct str multi[] = { STR("MULTI") }, exec[] = { STR("EXEC") };
	const struct str rename[] = { key->action == DECIDE_COPY ? STR("RENAMENX") : STR("RENAME"),
				      temporary, reverse ? key->old_name : key->new_name };
	int64_t expires_ms = reverse ? step_old_expiry(migrate, key) : key->new_expires_ms;
	migrate_server_put(migrate->server, multi, 1, NULL, NULL);
	if (expires_ms >= 0)
		step_put_expiry(migrate, temporary, expires_ms, NULL, NULL);
	migrate_server_put(migrate->server, rename, 3, NULL, NULL);
	migrate_server_put(migrate->server, exec, 1, on_exec, done);
	return migrate_server_settle(migrate->server, err);
}

static enum status write_it(struct migrate *migrate, struct step_key *key, bool *done,
			    struct err *err)
{
	const struct str multi[] = { STR("MULTI") }, exec[] = { STR("EXEC") };
	size_t replies = 0;
	migrate_server_put(migrate->server, multi, 1, NULL, NULL);
	enum status status = step_put_writes(migrate, key, &replies, err);
	migrate_server_put(migrate->server, exec, 1, on_exec, done);
	enum status settled = migrate_server_settle(migrate->server, err);
	return status ? status : settled;
}

static bool same_expiry(struct migrate *migrate, const struct source_key *a,
			const struct source_key *b)
{
	bool exact = migrate_server_version(migrate->server) >= 70000;
	int64_t apart = a->expires_ms - b->expires_ms;
	if (exact || a->expires_ms < 0 || b->expires_ms < 0)
		return !apart;
	return apart <= EXPIRY_TOLERANCE_MS && -apart <= EXPIRY_TOLERANCE_MS;
}

static bool same_sides(struct migrate *migrate, const struct step_key *a, const struct step_key *b)
{
	return a->old_key.there == b->old_key.there && a->new_key.there == b->new_key.there &&
	       digest_eq(a->old_key.digest, b->old_key.digest) &&
	       digest_eq(a->new_key.digest, b->new_key.digest) &&
	       source_stream_eq(&a->old_key.stream, &b->old_key.stream) &&
	       source_stream_eq(&a->new_key.stream, &b->new_key.stream) &&
	       same_expiry(migrate, &a->old_key, &b->old_key) &&
	       same_expiry(migrate, &a->new_key, &b->new_key) && !a->untold && !b->untold;
}

/* What was decided upon was read in seconds: it is read again under WATCH. */
static enum status write_plain(struct step *step, struct step_key *key, bool *done, struct err *err)
{
	struct migrate *migrate = step->migrate;
	struct step one = { .migrate = migrate, .keys = key, .count = 1, .texts = step->texts };
	struct step_key again = *key;
	enum status status = step_watch(&one, err);
	if (!status)
		status = step_big_read(migrate, &again, err);
	if (status)
		return status;
	if (!same_sides(migrate, &again, key))
		return step_unwatch(migrate, err);
	if (key->action == DECIDE_UNMAKE)
		status = step_journal(migrate, key, BOOK_deleting, (struct digest){ 0 },
				      (struct digest){ 0 }, err);
	if (!status)
		status = journal_sync(&migrate->journal, err);
	if (status)
		return status;
	crash_point(CRASH_migrate_intent);
	return write_it(migrate, key, done, err);
}

/* Under WATCH: is everything still as it was decided upon, and the copy what it should be? */
static enum status still_same(struct migrate *migrate, const struct step_key *key,
			      struct str temporary, bool *same, struct err *err)
{
	struct step_key again = *key;
	struct source_key copy;
	enum status status = step_big_read(migrate, &again, err);
	if (!status)
		status = source_read(migrate->reader, &temporary, &copy, 1, 0, err);
	if (!status)
		status = step_big_digest(migrate, temporary, &copy, err);
	struct digest meant = key->action == DECIDE_REVERSE ? key->new_key.digest : key->made;
	*same = !status && same_sides(migrate, &again, key) && digest_eq(copy.digest, meant);
	return status;
}

static enum status copy_it(struct migrate *migrate, struct step *step, struct step_key *key,
			   bool *done, struct err *err)
{
	char storage[64];
	struct buf temporary = buf_over(storage, sizeof storage);
	bool same = false;
	step_temporary(&temporary, migrate, key);
	const struct str watch[] = { STR("WATCH"), buf_str(&temporary) };
	enum status status = copy_pieces(migrate, key, buf_str(&temporary), &same, err);
	if (status || !same)
		return status;
	if (key->action != DECIDE_REVERSE)
		status =
		    step_journal(migrate, key, BOOK_intent, key->old_key.digest, key->made, err);
	if (!status)
		status = journal_sync(&migrate->backup, err);
	if (!status)
		status = journal_sync(&migrate->journal, err);
	crash_point(CRASH_migrate_intent);
	struct step one = { .migrate = migrate, .keys = key, .count = 1, .texts = step->texts };
	if (!status)
		status = migrate_server_call(migrate->server, watch, 2, NULL, NULL, err);
	if (!status)
		status = step_watch(&one, err);
	if (!status)
		status = still_same(migrate, key, buf_str(&temporary), &same, err);
	if (!status && same)
		status = rename_it(migrate, key, buf_str(&temporary), done, err);
	else if (!status)
		status = step_unwatch(migrate, err);
	crash_point(CRASH_migrate_written);
	return status;
}

static bool copies(const struct step_key *key)
{
	return key->action == DECIDE_COPY || key->action == DECIDE_REPLACE ||
	       key->action == DECIDE_REVERSE;
}

static enum status try_once(struct migrate *migrate, struct step *step, struct step_key *key,
			    bool *done, struct err *err)
{
	enum status status = step_big_read(migrate, key, err);
	if (status)
		return status;
	step_decide_one(step, key);
	bool by_pieces = key->old_key.big || key->new_key.big;
	key->n_replies = 0;
	if (key->action == DECIDE_REVERSE &&
	    migrate_family_of(migrate, key)->form != MIGRATE_SAME) {
		key->action = DECIDE_CONFLICT;
		key->reason = FORM_large;
	}
	if (copies(key) && by_pieces) {
		key->n_replies = 1;
		key->outcome = BOOK_copied;
		if (key->action == DECIDE_REVERSE)
			key->made = key->new_key.digest;
		return copy_it(migrate, step, key, done, err);
	}
	if (key->action == DECIDE_UNMAKE || key->action == DECIDE_EXPIRY)
		return write_plain(step, key, done, err);
	*done = !copies(key); /* no longer large: the next pass takes it */
	return STATUS_OK;
}

static void remove_temporary(struct migrate *migrate, const struct step_key *key)
{
	char storage[64];
	struct buf temporary = buf_over(storage, sizeof storage);
	step_temporary(&temporary, migrate, key);
	const struct str unlink[] = { STR("UNLINK"), buf_str(&temporary) };
	migrate_server_put(migrate->server, unlink, 2, NULL, NULL);
}

enum status step_big(struct migrate *migrate, struct step *step, struct step_key *key,
		     struct err *err)
{
	bool done = false;
	enum status status = STATUS_OK;
	for (int tries = 0; !status && !done && tries < BIG_TRIES; tries++)
		status = try_once(migrate, step, key, &done, err);
	if (status)
		return status;
	if (!done) {
		remove_temporary(migrate, key);
		migrate_line(migrate, "behind: %.*s changes faster than it can be copied",
			     STR_ARG(key->printed));
		step_count_behind(step, key);
		return migrate_server_settle(migrate->server, err);
	}
	return step_settle_key(step, key, err);
}
