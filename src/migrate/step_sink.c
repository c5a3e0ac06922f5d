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
	return migrate_put(migrate, &record, err);
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

static enum status skip(struct step *step, struct step_key *key, enum form_reason reason,
			const char *why, struct err *err)
{
	key->reason = reason;
	key->action = DECIDE_SKIP;
	if (why)
		migrate_line(step->migrate, "skipped: %.*s: %s", STR_ARG(key->printed), why);
	return step_settle_key(step, key, err);
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
	key->action = removed ? DECIDE_DONE : known && expired ? DECIDE_EXPIRED : DECIDE_GONE;
	return step_settle_key(step, key, err);
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
	if (entry && entry->state == BOOK_removed) {
		key->action = DECIDE_RETURNED;
		return step_settle_key(step, key, err);
	}
	if (key->old_key.type != family->from)
		return skip(step, key, key->old_key.type == AUDIT_MODULE ? FORM_module : FORM_type,
			    NULL, err);
	bool same = entry && digest_eq(entry->source, key->old_key.digest);
	if (same && entry->state == BOOK_moved && !has_groups(key)) {
		key->action = DECIDE_NOTHING;
		return step_settle_key(step, key, err);
	}
	if (same && entry->state == BOOK_skipped)
		return skip(step, key, (enum form_reason)entry->reason, NULL, err);
	if (migrate->checking) {
		step_count_behind(step, key);
		return STATUS_OK;
	}
	return step_sink_give(step, key, NULL, err);
}

enum status step_sink(struct step *step, struct err *err)
{
	struct migrate *migrate = step->migrate;
	enum status status =
	    step_read(step, migrate->checking ? 0 : SOURCE_DUMP | SOURCE_CONTENT, 0, err);
	for (size_t i = 0; !status && i < step->count; i++)
		status =
		    step_big_digest(migrate, step->keys[i].old_name, &step->keys[i].old_key, err);
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
