#include "migrate/decide.h"

static bool past(int64_t expires_ms, const struct decide_view *view)
{
	return expires_ms >= 0 && expires_ms <= view->now_ms;
}

static bool same_expiry(int64_t a, int64_t b, int64_t tolerance_ms)
{
	if (a < 0 || b < 0)
		return a < 0 && b < 0;
	return (a < b ? b - a : a - b) <= tolerance_ms;
}

int64_t decide_new_expiry(const struct decide_view *view)
{
	if (view->old_side.expires_ms >= 0 || !view->family->ttl_s)
		return view->old_side.expires_ms;
	return view->now_ms + view->family->ttl_s * 1000;
}

/* Its own ttl was given when it was copied and runs on. */
static bool expiry_in_step(const struct decide_view *view)
{
	if (view->old_side.expires_ms < 0 && view->family->ttl_s)
		return true;
	return same_expiry(view->old_side.expires_ms, view->new_side.expires_ms,
			   view->tolerance_ms);
}

static bool was_copied(const struct keybook_entry *entry)
{
	return entry && entry->state == BOOK_copied;
}

/* Is what the new name holds something that this migration put there? */
static bool new_is_ours(const struct decide_view *view)
{
	const struct keybook_entry *entry = view->entry;
	return entry && !digest_none(view->new_side.digest) &&
	       ((was_copied(entry) && digest_eq(view->new_side.digest, entry->target)) ||
		digest_eq(view->new_side.digest, entry->intent));
}

static enum decide_action either_conflict(const struct decide_view *view, enum decide_action forced)
{
	return view->force ? forced : DECIDE_CONFLICT;
}

/* ---- the old key is not there ---- */

static enum decide_action old_gone(const struct decide_view *view)
{
	const struct keybook_entry *entry = view->entry;
	if (!was_copied(entry))
		return DECIDE_GONE;
	if (past(entry->expires_ms, view))
		return DECIDE_EXPIRED;
	if (!view->new_side.there)
		return past(entry->new_expires_ms, view) ? DECIDE_EXPIRED : DECIDE_GONE;
	if (view->family->lead == MIGRATE_LEAD_NEW)
		return DECIDE_REVERSE;
	return new_is_ours(view) ? DECIDE_UNMAKE : either_conflict(view, DECIDE_UNMAKE);
}

/* ---- both were in step once ---- */

static enum decide_action new_gone(const struct decide_view *view, bool old_same)
{
	if (old_same && past(view->entry->new_expires_ms, view))
		return DECIDE_EXPIRED;
	if (view->reason)
		return DECIDE_SKIP;
	if (view->family->lead == MIGRATE_LEAD_NEW)
		return either_conflict(view, DECIDE_COPY);
	return DECIDE_COPY;
}

static enum decide_action by_lead(const struct decide_view *view, bool old_same, bool new_same)
{
	bool new_leads = view->family->lead == MIGRATE_LEAD_NEW;
	if (!new_leads && view->reason)
		return DECIDE_CONFLICT; /* what old holds now cannot be carried over */
	if (new_leads)
		return old_same ? DECIDE_REVERSE : either_conflict(view, DECIDE_REVERSE);
	return new_same ? DECIDE_REPLACE : either_conflict(view, DECIDE_REPLACE);
}

static enum decide_action in_step_once(const struct decide_view *view)
{
	bool old_same = digest_eq(view->old_side.digest, view->entry->source);
	bool new_same = new_is_ours(view);
	if (!view->new_side.there)
		return new_gone(view, old_same);
	if (!digest_none(view->made) && digest_eq(view->made, view->new_side.digest) &&
	    !(old_same && new_same))
		return DECIDE_ADOPT;
	if (old_same && new_same && expiry_in_step(view))
		return DECIDE_NOTHING;
	if (old_same && new_same)
		return view->family->lead == MIGRATE_LEAD_NEW ? DECIDE_REVERSE : DECIDE_EXPIRY;
	return by_lead(view, old_same, new_same);
}

/* ---- never, or not for certain ---- */

static enum decide_action first_time(const struct decide_view *view)
{
	if (view->reason)
		return DECIDE_SKIP;
	if (view->taken)
		return DECIDE_CONFLICT;
	if (!view->new_side.there)
		return DECIDE_COPY;
	if (digest_eq(view->made, view->new_side.digest))
		return DECIDE_ADOPT;
	return new_is_ours(view) ? DECIDE_REPLACE : DECIDE_CONFLICT;
}

/* ---- */

static enum decide_action removed_before(const struct decide_view *view)
{
	const struct keybook_entry *entry = view->entry;
	if (view->old_side.there)
		return DECIDE_RETURNED;
	if (view->new_side.there)
		return DECIDE_DONE;
	return past(entry->new_expires_ms, view) || past(entry->expires_ms, view) ? DECIDE_EXPIRED
										  : DECIDE_LOST;
}

enum decide_action decide(const struct decide_view *view)
{
	const struct keybook_entry *entry = view->entry;
	if (entry && entry->state == BOOK_removed)
		return removed_before(view);
	if (entry && entry->state == BOOK_removing && !view->old_side.there)
		return removed_before(view);
	if (!view->old_side.there)
		return old_gone(view);
	if (was_copied(entry))
		return in_step_once(view);
	return first_time(view);
}
