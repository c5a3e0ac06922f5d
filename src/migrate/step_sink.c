/* Keys whose place is a database: backed up, given to move.h, journaled when it says that their
 * rows are there. */
#include <stdlib.h>

#include "base/check.h"
#include "migrate/migrate_impl.h"

enum { PENDINGS_MAX = 1 << 16 };

struct move_pending {
	bool used;
	int db;
	int64_t family, expires_ms;
	struct digest source;
	char *name;
	size_t name_bytes;
	bool *confirmed; /* of one that is given once more before it goes; else NULL */
};

/* ---- what move says ---- */

static enum status journal_end(struct migrate *migrate, const struct move_pending *pending,
			       const struct move_end *end, struct err *err)
{
	bool moved = end->outcome == MOVE_CONFIRMED;
	const struct keybook_record record = {
		.state = moved ? BOOK_moved : BOOK_skipped,
		.db = pending->db,
		.family = (uint32_t)pending->family,
		.reason = moved ? FORM_ok : FORM_sink,
		.expires_ms = pending->expires_ms,
		.new_expires_ms = -1,
		.source = pending->source,
		.target = { end->rows, end->checksum },
		.old_name = str_make(pending->name, pending->name_bytes),
	};
	enum status status = migrate_put(migrate, &record, err);
	size_t index = keybook_find(migrate->book, record.db, record.old_name);
	if (!status && index != SIZE_MAX) /* the pass has met it: its end may come long after */
		keybook_at(migrate->book, index)->seen = migrate->pass;
	return status;
}

static void tell_end(struct migrate *migrate, const struct move_pending *pending, const char *what,
		     const char *why)
{
	char storage[300];
	struct buf printed = buf_over(storage, sizeof storage);
	size_t bytes = pending->name_bytes < 70 ? pending->name_bytes : 70;
	audit_name_print(&printed, str_make(pending->name, bytes));
	migrate_line(migrate, "%s: %.*s: %s", what, STR_ARG(buf_str(&printed)), why);
}

static void on_key(void *ctx, const struct move_end *end)
{
	struct migrate *migrate = ctx;
	CHECK(end->token < migrate->n_pendings && migrate->pendings[end->token].used);
	struct move_pending *pending = &migrate->pendings[end->token];
	struct migrate_counts *counts = &migrate->counts[pending->family];
	counts->source++;
	if (pending->confirmed)
		*pending->confirmed = end->outcome == MOVE_CONFIRMED;
	if (end->outcome == MOVE_FAILED) {
		counts->behind++;
		tell_end(migrate, pending, "behind", end->why);
	} else {
		bool moved = end->outcome == MOVE_CONFIRMED;
		counts->copied += moved;
		counts->written += moved && !pending->confirmed;
		counts->skipped[FORM_sink] += !moved;
		if (!moved)
			tell_end(migrate, pending, "skipped", end->why);
		if (!migrate->move_err.status)
			(void)!journal_end(migrate, pending, end, &migrate->move_err);
	}
	free(pending->name);
	*pending = (struct move_pending){ 0 };
}

static void on_trouble(void *ctx, enum migrate_sink sink, const char *why)
{
	migrate_line(ctx, "%s: %s", migrate_sink_text(sink), why);
}

/* ---- open, settle, close ---- */

enum status step_sink_open(struct migrate *migrate, struct err *err)
{
	struct move_config config = { .on_key = on_key, .on_trouble = on_trouble, .ctx = migrate };
	bool any = false;
	enum status status = STATUS_OK;
	if (migrate->move)
		return STATUS_OK;
	for (size_t i = 0; !status && i < migrate->plan->n_families; i++) {
		const struct migrate_family *family = &migrate->plan->families[i];
		if (family->sink == MIGRATE_REDIS || family->form == MIGRATE_SKIP)
			continue;
		any = true;
		config.urls[family->sink] = migrate->plan->sink_urls[family->sink];
		status = move_check(family, err);
		if (status)
			status =
			    err_wrap(err, STATUS_USAGE, "family %zu %.100s", i + 1, family->match);
	}
	return status || !any ? status : move_open(&config, &migrate->move, err);
}

enum status step_sink_settle(struct migrate *migrate, struct err *err)
{
	if (!migrate->move)
		return STATUS_OK;
	move_settle(migrate->move);
	migrate->n_pendings = 0; /* all have ended */
	if (migrate->move_err.status)
		return err_set(err, migrate->move_err.status, "%s", migrate->move_err.text);
	return STATUS_OK;
}

void step_sink_close(struct migrate *migrate)
{
	move_close(migrate->move);
	migrate->move = NULL;
	free(migrate->pendings);
	migrate->pendings = NULL;
	migrate->n_pendings = migrate->pendings_room = 0;
}

/* ---- giving ---- */

static enum status add_pending(struct migrate *migrate, const struct step_key *key, bool *confirmed,
			       uint64_t *token, struct err *err)
{
	if (migrate->n_pendings == PENDINGS_MAX) {
		enum status status = step_sink_settle(migrate, err);
		if (status)
			return status;
	}
	if (migrate->n_pendings == migrate->pendings_room) {
		size_t room = migrate->pendings_room ? migrate->pendings_room * 2 : 256;
		struct move_pending *grown = realloc(migrate->pendings, room * sizeof *grown);
		if (!grown)
			return err_set(err, STATUS_NO_MEMORY, "no memory");
		migrate->pendings = grown;
		migrate->pendings_room = room;
	}
	char *name = malloc(key->old_name.len + 1);
	if (!name)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	memcpy(name, key->old_name.ptr, key->old_name.len);
	*token = migrate->n_pendings++;
	migrate->pendings[*token] = (struct move_pending){
		.used = true,
		.db = migrate_server_database(migrate->server),
		.family = key->family,
		.expires_ms = key->old_key.expires_ms,
		.source = key->old_key.digest,
		.name = name,
		.name_bytes = key->old_name.len,
		.confirmed = confirmed,
	};
	return STATUS_OK;
}

static void take_back(struct migrate *migrate, uint64_t token)
{
	free(migrate->pendings[token].name);
	migrate->pendings[token] = (struct move_pending){ 0 };
}

/* verify counts alone. */
static enum status settle(struct step *step, struct step_key *key, enum decide_action action,
			  struct err *err)
{
	key->action = action;
	if (!step->migrate->checking)
		return step_settle_key(step, key, err);
	step_count(step, key);
	return STATUS_OK;
}

static enum status skip(struct step *step, struct step_key *key, enum form_reason reason,
			const char *why, struct err *err)
{
	key->reason = reason;
	if (why)
		migrate_line(step->migrate, "skipped: %.*s: %s", STR_ARG(key->printed), why);
	return settle(step, key, DECIDE_SKIP, err);
}

/* Said once, as long as it stays so. */
static enum status skip_untold(struct step *step, struct step_key *key, struct err *err)
{
	const struct keybook_entry *entry =
	    key->entry == SIZE_MAX ? NULL : keybook_at(step->migrate->book, key->entry);
	bool said = entry && entry->state == BOOK_skipped && entry->reason == FORM_large;
	key->old_key.digest = (struct digest){ 0 };
	return skip(step, key, FORM_large,
		    said ? NULL : "an element is larger than a reply may be (16 MB)", err);
}

struct giving {
	struct step *step;
	struct step_key *key;
	bool *confirmed;
	bool refused; /* its rows cannot be made: not what else may fail */
};

static enum status on_piece(void *ctx, const struct audit_element *elements, size_t count,
			    struct err *err)
{
	struct giving *giving = ctx;
	struct migrate *migrate = giving->step->migrate;
	enum status status =
	    giving->confirmed ? STATUS_OK : backup_piece(migrate, elements, count, err);
	if (status)
		return status;
	status = move_piece(migrate->move, elements, count, err);
	giving->refused = status != STATUS_OK;
	return status;
}

static enum status begin_move(struct giving *giving, struct err *err)
{
	struct migrate *migrate = giving->step->migrate;
	const struct step_key *key = giving->key;
	enum status status =
	    move_begin(migrate->move, migrate_family_of(migrate, key), key->printed, &key->match,
		       key->old_key.type, key->old_key.expires_ms, err);
	giving->refused = status != STATUS_OK;
	return status;
}

static enum status end_move(struct giving *giving, uint64_t token, struct err *err)
{
	struct migrate *migrate = giving->step->migrate;
	enum status status = move_end(migrate->move, token, err);
	giving->refused = status != STATUS_OK;
	if (status)
		take_back(migrate, token);
	return status;
}

static enum status backup_ends(struct giving *giving, uint64_t at, struct digest digest,
			       struct err *err)
{
	struct migrate *migrate = giving->step->migrate;
	if (giving->confirmed)
		return STATUS_OK;
	enum status status = backup_end(migrate, giving->key, at, digest, err);
	return status ? status : journal_sync(&migrate->backup, err);
}

static enum status move_big(struct giving *giving, struct err *err)
{
	struct migrate *migrate = giving->step->migrate;
	struct step_key *key = giving->key;
	struct digest digest;
	uint64_t at = 0, token;
	enum status status = giving->confirmed ? STATUS_OK : backup_begin(migrate, key, &at, err);
	if (!status)
		status = begin_move(giving, err);
	if (status)
		return status;
	status = source_walk(migrate->server, key->old_name, key->old_key.type, on_piece, giving,
			     &digest, err);
	bool changed = !status && !digest_eq(digest, key->old_key.digest);
	if (!status && !changed)
		status = backup_ends(giving, at, digest, err);
	if (!status && !changed)
		status = add_pending(migrate, key, giving->confirmed, &token, err);
	if (!status && !changed)
		return end_move(giving, token, err);
	move_cancel(migrate->move);
	if (changed) { /* midway */
		key->old_key.digest = digest;
		step_count_behind(giving->step, key);
	}
	return status;
}

static enum status move_small(struct giving *giving, struct err *err)
{
	struct migrate *migrate = giving->step->migrate;
	struct step_key *key = giving->key;
	uint64_t token;
	enum status status = add_pending(migrate, key, giving->confirmed, &token, err);
	if (status)
		return status;
	status = move_key(migrate->move, migrate_family_of(migrate, key), key->printed, &key->match,
			  &key->old_key, token, err);
	giving->refused = status != STATUS_OK;
	if (status)
		take_back(migrate, token);
	return status;
}

/* A piece of a stream's backup has no groups: what could not be brought back stays. */
static bool has_groups(const struct step_key *key)
{
	return key->old_key.big && key->old_key.type == AUDIT_STREAM && key->old_key.groups;
}

enum status step_sink_give(struct step *step, struct step_key *key, bool *confirmed,
			   struct err *err)
{
	struct migrate *migrate = step->migrate;
	struct giving giving = { .step = step, .key = key, .confirmed = confirmed };
	struct err why = { 0 };
	if (has_groups(key))
		return skip(step, key, FORM_groups, NULL, err);
	move_database(migrate->move, migrate_server_database(migrate->server));
	enum status status = key->old_key.big ? move_big(&giving, &why) : move_small(&giving, &why);
	if (giving.refused &&
	    (status == STATUS_INVALID || status == STATUS_FORMAT || status == STATUS_FULL))
		return skip(step, key, FORM_sink, why.text, err);
	if (key->old_key.big && (status == STATUS_CLOSED || status == STATUS_REDIS_PROTOCOL) &&
	    !migrate_server_again(migrate->server, &why))
		return skip_untold(step, key, err); /* one that has grown since */
	return status ? err_set(err, status, "%s", why.text) : STATUS_OK;
}

/* ---- what is to be done ---- */

static enum status gone(struct step *step, struct step_key *key, const struct keybook_entry *entry,
			struct err *err)
{
	bool expired = entry && entry->expires_ms >= 0 &&
		       entry->expires_ms <= migrate_server_now_ms(step->migrate->server);
	bool removed = entry && (entry->state == BOOK_removed || entry->state == BOOK_removing);
	bool known = entry && (entry->state == BOOK_moved || entry->state == BOOK_expired);
	enum decide_action action = known && expired ? DECIDE_EXPIRED : DECIDE_GONE;
	return settle(step, key, removed ? DECIDE_DONE : action, err);
}

bool step_sink_is_as_moved(struct migrate *migrate, const struct step_key *key)
{
	const struct keybook_entry *entry =
	    key->entry == SIZE_MAX ? NULL : keybook_at(migrate->book, key->entry);
	return entry && key->old_key.there && !key->untold &&
	       digest_eq(key->old_key.digest, entry->source) &&
	       decide_same_expiry(key->old_key.expires_ms, entry->expires_ms,
				  step_tolerance_ms(migrate));
}

static enum status behind(struct step *step, struct step_key *key,
			  const struct keybook_entry *entry)
{
	bool moved = entry && entry->state == BOOK_moved;
	migrate_line(step->migrate, "%.*s: %s", STR_ARG(key->printed),
		     moved ? "it was changed, or expires at another time, since it was moved"
			   : "its rows are not in the sink");
	step_count_behind(step, key);
	return STATUS_OK;
}

static enum status one(struct step *step, struct step_key *key, struct err *err)
{
	struct migrate *migrate = step->migrate;
	const struct migrate_family *family = migrate_family_of(migrate, key);
	const struct keybook_entry *entry =
	    key->entry == SIZE_MAX ? NULL : keybook_at(migrate->book, key->entry);
	key->n_replies = 0;
	if (!key->old_key.there)
		return gone(step, key, entry, err);
	if (entry && entry->state == BOOK_removed)
		return settle(step, key, DECIDE_RETURNED, err);
	if (key->old_key.type != family->from)
		return skip(step, key, key->old_key.type == AUDIT_MODULE ? FORM_module : FORM_type,
			    NULL, err);
	if (key->untold)
		return skip_untold(step, key, err);
	if (entry && entry->state == BOOK_moved && !has_groups(key) &&
	    step_sink_is_as_moved(migrate, key))
		return settle(step, key, DECIDE_NOTHING, err);
	if (entry && entry->state == BOOK_skipped && digest_eq(entry->source, key->old_key.digest))
		return skip(step, key, (enum form_reason)entry->reason, NULL, err);
	return migrate->checking ? behind(step, key, entry) : step_sink_give(step, key, NULL, err);
}

/* Leaves in step->count how many it dealt with. */
static enum status do_part(struct step *step, struct err *err)
{
	struct migrate *migrate = step->migrate;
	const int wants = SOURCE_DUMP | SOURCE_CONTENT | SOURCE_BOUNDED;
	enum status status = step_read(step, migrate->checking ? 0 : wants, 0, err);
	if (status)
		return status;
	step->count = step_count_read(step);
	for (size_t i = 0; !status && i < step->count; i++)
		status = step_big_look(migrate, &step->keys[i], step->keys[i].old_name,
				       &step->keys[i].old_key, err);
	for (size_t i = 0; !status && !migrate->checking && i < step->count; i++) {
		struct step_key *key = &step->keys[i];
		if (key->old_key.there && !key->old_key.big && key->old_key.type != AUDIT_MODULE)
			status = backup_key(migrate, key, err);
	}
	if (!status && !migrate->checking)
		status = journal_sync(&migrate->backup, err);
	for (size_t i = 0; !status && i < step->count; i++)
		status = one(step, &step->keys[i], err);
	return status;
}

/* As much at a time as memory is meant for. */
enum status step_sink(struct step *step, struct err *err)
{
	struct step part = *step;
	enum status status = STATUS_OK;
	while (!status && part.count) {
		size_t left = part.count;
		status = do_part(&part, err);
		part.keys += part.count;
		part.count = left - part.count;
	}
	return status;
}
