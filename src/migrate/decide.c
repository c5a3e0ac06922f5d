#include "migrate/decide.h"

enum { DECIDE_SLACK_MS = 1000 };

static bool past(int64_t expires_ms, const struct decide_view *view)
{
	return expires_ms >= 0 && expires_ms <= view->now_ms;
}

/* Of a key that is gone: our idea of the server's time may be behind it. */
static bool was_over(int64_t expires_ms, const struct decide_view *view)
{
	return expires_ms >= 0 && expires_ms <= view->now_ms + DECIDE_SLACK_MS;
}

bool decide_same_expiry(int64_t a, int64_t b, int64_t tolerance_ms)
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
bool decide_expiry_in_step(const struct decide_view *view)
{
	if (view->old_side.expires_ms < 0 && view->family->ttl_s)
		return view->entry->expires_ms < 0;
	return decide_same_expiry(view->old_side.expires_ms, view->new_side.expires_ms,
				  view->tolerance_ms);
}

/* What was about to be removed, or unmade, is copied as long as it is there. */
static bool was_copied(const struct keybook_entry *entry)
{
	return entry && (entry->state == BOOK_copied || entry->state == BOOK_removing ||
			 entry->state == BOOK_deleting);
}

static bool is_intent(const struct decide_view *view)
{
	return view->entry && !digest_none(view->new_side.digest) &&
	       digest_eq(view->new_side.digest, view->entry->intent);
}

/* Is what the new name holds something that this migration put there? */
static bool new_is_ours(const struct decide_view *view)
{
	const struct keybook_entry *entry = view->entry;
	return is_intent(view) || (was_copied(entry) && !digest_none(view->new_side.digest) &&
				   digest_eq(view->new_side.digest, entry->target));
}

static enum decide_action either_conflict(const struct decide_view *view, enum decide_action forced)
{
	return view->force ? forced : DECIDE_CONFLICT;
}

/* ---- the old key is not there ---- */

static enum decide_action both_gone(const struct decide_view *view, bool told)
{
	const struct keybook_entry *entry = view->entry;
	if (!was_copied(entry) || told || view->force)
		return DECIDE_GONE;
	return was_over(entry->new_expires_ms, view) ? DECIDE_EXPIRED : DECIDE_LOST;
}

static enum decide_action old_gone(const struct decide_view *view)
{
	const struct keybook_entry *entry = view->entry;
	bool told = view->told_gone || (entry && entry->state == BOOK_deleting);
	if (entry && entry->state == BOOK_expired)
		return DECIDE_EXPIRED;
	if (!was_copied(entry) && !is_intent(view))
		return DECIDE_GONE;
	if (was_copied(entry) && was_over(entry->expires_ms, view))
		return DECIDE_EXPIRED;
	if (!view->new_side.there)
		return both_gone(view, told);
	if (view->family->lead == MIGRATE_LEAD_NEW)
		return DECIDE_REVERSE;
	return told && new_is_ours(view) ? DECIDE_UNMAKE : either_conflict(view, DECIDE_UNMAKE);
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
	if (old_same && new_same && decide_expiry_in_step(view))
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
	if (!new_is_ours(view))
		return DECIDE_CONFLICT; /* even where it is the same: it is somebody's */
	return digest_eq(view->made, view->new_side.digest) ? DECIDE_ADOPT : DECIDE_REPLACE;
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
