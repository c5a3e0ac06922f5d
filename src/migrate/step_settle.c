/* step_settle.c: what is to be done with a key, and what became of it: journal and counts. */
#include "migrate/migrate_impl.h"
#include "migrate/notify.h"

/* ---- deciding ---- */

static struct decide_side side_of(const struct source_key *key)
{
	return (struct decide_side){ key->there, key->digest, key->expires_ms };
}

/* What old would become. A digest that was seen before needs no content. */
static void make(struct step *step, struct step_key *key, const struct keybook_entry *entry)
{
	struct migrate *migrate = step->migrate;
	const struct migrate_family *family = migrate_family_of(migrate, key);
	struct form_made made;
	key->made = (struct digest){ 0 };
	if (key->reason == FORM_name || !key->old_key.there)
		return;
	key->reason = key->old_key.type == AUDIT_MODULE   ? FORM_module
		      : key->old_key.type != family->from ? FORM_type
							  : FORM_ok;
	if (key->reason)
		return;
	if (key->old_key.big) {
		key->reason = step_big_made(migrate, key);
	} else if (family->form == MIGRATE_SAME) {
		key->made = key->old_key.digest;
	} else if (!migrate->checking && entry && entry->state == BOOK_copied &&
		   digest_eq(entry->source, key->old_key.digest)) {
		key->made = entry->target;
	} else {
		form_room_clear(migrate->room);
		key->reason = form_make(migrate->room, family->form, &key->old_key, &made);
		if (!key->reason)
			key->made = made.digest;
	}
}

int64_t step_tolerance_ms(const struct migrate *migrate)
{
	return migrate_server_version(migrate->server) >= 70000 ? 0 : EXPIRY_TOLERANCE_MS;
}

static bool told_gone(struct migrate *migrate, const struct step_key *key)
{
	return !key->old_key.there && migrate->notify &&
	       notify_deleted(migrate->notify, migrate_server_database(migrate->server),
			      key->old_name, loop_precise_ns());
}

void step_decide_one(struct step *step, struct step_key *key)
{
	struct migrate *migrate = step->migrate;
	int db = migrate_server_database(migrate->server);
	const struct keybook_entry *entry =
	    key->entry == SIZE_MAX ? NULL : keybook_at(migrate->book, key->entry);
	size_t holder =
	    key->new_name.len ? keybook_find_target(migrate->book, db, key->new_name) : SIZE_MAX;
	make(step, key, entry);
	const struct decide_view view = {
		.family = migrate_family_of(migrate, key),
		.entry = entry,
		.old_side = side_of(&key->old_key),
		.new_side = side_of(&key->new_key),
		.reason = key->reason,
		.made = key->made,
		.now_ms = migrate_server_now_ms(migrate->server),
		.tolerance_ms = step_tolerance_ms(migrate),
		.told_gone = told_gone(migrate, key),
		.taken = holder != SIZE_MAX && holder != key->entry,
		.force = migrate->config.force,
	};
	key->new_expires_ms = decide_new_expiry(&view);
	key->action = decide(&view);
}

void step_decide(struct step *step)
{
	for (size_t i = 0; i < step->count; i++)
		if (!step_is_big(&step->keys[i]))
			step_decide_one(step, &step->keys[i]);
}

/* ---- journal and counts ---- */

enum status step_journal(struct migrate *migrate, struct step_key *key, enum keybook_state state,
			 struct digest source, struct digest target, struct err *err)
{
	const struct keybook_record record = {
		.state = state,
		.db = migrate_server_database(migrate->server),
		.family = (uint32_t)key->family,
		.reason = key->reason,
		.expires_ms = key->old_key.expires_ms,
		.new_expires_ms = key->new_expires_ms,
		.source = source,
		.target = target,
		.old_name = key->old_name,
		.new_name = key->new_name,
	};
	enum status status = migrate_put(migrate, &record, err);
	if (!status)
		key->entry = keybook_find(migrate->book, record.db, key->old_name);
	if (!status && key->entry != SIZE_MAX)
		keybook_at(migrate->book, key->entry)->seen = migrate->pass;
	return status;
}

void step_conflict(struct migrate *migrate, const struct step_key *key)
{
	const struct keybook_entry *entry =
	    key->entry == SIZE_MAX ? NULL : keybook_at(migrate->book, key->entry);
	char storage[400];
	struct buf target = buf_over(storage, sizeof storage);
	audit_name_print(
	    &target, str_make(key->new_name.ptr, key->new_name.len < 90 ? key->new_name.len : 90));
	if (!key->old_key.there)
		migrate_line(migrate,
			     "conflict: %.*s is gone, and nobody told that its writer deleted it; "
			     "%.*s is kept (--force: it goes, too)",
			     STR_ARG(key->printed), STR_ARG(buf_str(&target)));
	else if (entry && entry->state == BOOK_copied && key->reason)
		migrate_line(migrate, "conflict: %.*s: what it holds now does not convert (%s)",
			     STR_ARG(key->printed), form_reason_text(key->reason));
	else if (entry && entry->state == BOOK_copied)
		migrate_line(migrate,
			     "conflict: %.*s and %.*s: the side that does not lead was changed; "
			     "neither is overwritten (--force: the leading one counts)",
			     STR_ARG(key->printed), STR_ARG(buf_str(&target)));
	else
		migrate_line(migrate, "conflict: %.*s cannot become %.*s: the name is taken",
			     STR_ARG(key->printed), STR_ARG(buf_str(&target)));
}

void step_count(struct step *step, const struct step_key *key)
{
	struct migrate_counts *counts = migrate_counts_of(step->migrate, key);
	bool gone = key->action == DECIDE_GONE;
	counts->source += !gone;
	counts->deleted += gone;
	switch (key->action) {
	case DECIDE_NOTHING:
	case DECIDE_ADOPT:
	case DECIDE_COPY:
	case DECIDE_REPLACE:
	case DECIDE_EXPIRY:
	case DECIDE_REVERSE: counts->copied++; break;
	case DECIDE_UNMAKE:
		counts->source--;
		counts->deleted++;
		break;
	case DECIDE_EXPIRED: counts->expired++; break;
	case DECIDE_SKIP: counts->skipped[key->reason]++; break;
	case DECIDE_CONFLICT: counts->conflicts++; break;
	case DECIDE_RETURNED: counts->returned++; break;
	case DECIDE_DONE:
		counts->copied++;
		counts->removed++;
		break;
	case DECIDE_LOST: counts->missing++; break;
	case DECIDE_GONE:
	case DECIDE_ACTIONS: break;
	}
}

void step_count_behind(struct step *step, const struct step_key *key)
{
	struct migrate_counts *counts = migrate_counts_of(step->migrate, key);
	counts->source++;
	counts->behind++;
}

/* ---- what became of it ---- */

static enum status journal_copy(struct step *step, struct step_key *key, struct err *err)
{
	struct migrate *migrate = step->migrate;
	bool reverse = key->action == DECIDE_REVERSE;
	if (key->n_replies) {
		bool again = key->entry != SIZE_MAX &&
			     keybook_at(migrate->book, key->entry)->state == BOOK_copied;
		migrate_counts_of(migrate, key)->written++;
		migrate_counts_of(migrate, key)->again += again;
	}
	if (key->action == DECIDE_ADOPT || reverse)
		key->new_expires_ms = key->new_key.expires_ms;
	if (reverse)
		key->old_key.expires_ms = step_old_expiry(migrate, key);
	return step_journal(migrate, key, BOOK_copied, reverse ? key->made : key->old_key.digest,
			    reverse ? key->new_key.digest : key->made, err);
}

static enum status journal_skip(struct step *step, struct step_key *key, struct err *err)
{
	const struct keybook_entry *entry =
	    key->entry == SIZE_MAX ? NULL : keybook_at(step->migrate->book, key->entry);
	if (entry && entry->state == BOOK_skipped && entry->reason == key->reason &&
	    digest_eq(entry->source, key->old_key.digest))
		return STATUS_OK;
	return step_journal(step->migrate, key, BOOK_skipped, key->old_key.digest,
			    (struct digest){ 0 }, err);
}

static enum status journal_conflict(struct step *step, struct step_key *key, struct err *err)
{
	const struct keybook_entry *entry =
	    key->entry == SIZE_MAX ? NULL : keybook_at(step->migrate->book, key->entry);
	if (entry && entry->conflict)
		return STATUS_OK; /* said before */
	step_conflict(step->migrate, key);
	struct step_key nameless = *key;
	nameless.new_name = STR(""); /* a name that is taken is not made this key's */
	return step_journal(step->migrate, &nameless, BOOK_conflict, key->old_key.digest,
			    key->new_key.digest, err);
}

static enum status journal_state(struct step *step, struct step_key *key, enum keybook_state state,
				 struct err *err)
{
	if (key->entry == SIZE_MAX || keybook_at(step->migrate->book, key->entry)->state == state)
		return STATUS_OK;
	return step_journal(step->migrate, key, state, (struct digest){ 0 }, (struct digest){ 0 },
			    err);
}

enum status step_settle_key(struct step *step, struct step_key *key, struct err *err)
{
	if (key->n_replies && key->outcome == BOOK_conflict)
		key->action = DECIDE_CONFLICT;
	if (key->n_replies && key->outcome == BOOK_none) {
		step_count_behind(step, key);
		return STATUS_OK; /* not what was meant: the next pass looks again */
	}
	step_count(step, key);
	switch (key->action) {
	case DECIDE_ADOPT:
	case DECIDE_COPY:
	case DECIDE_REPLACE:
	case DECIDE_EXPIRY:
	case DECIDE_REVERSE: return journal_copy(step, key, err);
	case DECIDE_SKIP: return journal_skip(step, key, err);
	case DECIDE_CONFLICT: return journal_conflict(step, key, err);
	case DECIDE_UNMAKE:
	case DECIDE_GONE: return journal_state(step, key, BOOK_deleted, err);
	case DECIDE_EXPIRED: return journal_state(step, key, BOOK_expired, err);
	default: return STATUS_OK;
	}
}
