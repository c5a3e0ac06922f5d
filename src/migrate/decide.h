/* decide.h - what is to be done with one key, by what is known of it. Pure.
 *
 * Old and new are in step when both are as they were copied last. One side that changed is carried
 * to the other by the family's lead; when the side that does not lead changed, or both did,
 * nobody's work is thrown away: it is a conflict, until a person says which one counts.
 *
 * A key that is no more there was not for that deleted by its writer: a server that was emptied, an
 * older copy of it, one that evicts look the same. The new form goes only where the deletion was
 * told, or a person says so. */
#pragma once

#include "migrate/keybook.h"
#include "migrate/forms.h"

enum decide_action {
	DECIDE_NOTHING, /* in step */
	DECIDE_ADOPT,   /* the new form is there already: journal it */
	DECIDE_COPY,    /* the new name is free */
	DECIDE_REPLACE, /* the new form is ours, and old */
	DECIDE_EXPIRY,  /* content in step, expiry not */
	DECIDE_REVERSE, /* the new one leads and has changed: old is written */
	DECIDE_UNMAKE,  /* its writer deleted the old key, as was told: the new one goes too */
	DECIDE_GONE,    /* both are gone by their writers */
	DECIDE_EXPIRED,
	DECIDE_SKIP,
	DECIDE_CONFLICT,
	DECIDE_RETURNED, /* finish removed it; it is there again */
	DECIDE_DONE,     /* removed by finish, or rolled back: nothing to do */
	DECIDE_LOST,     /* both are gone before their time, and nobody told why */
	DECIDE_ACTIONS
};

struct decide_side {
	bool there;
	struct digest digest;
	int64_t expires_ms;
};

struct decide_view {
	const struct migrate_family *family;
	const struct keybook_entry *entry; /* NULL: never met */
	struct decide_side old_side, new_side;
	enum form_reason reason; /* of converting what old holds: FORM_ok, or why not */
	struct digest made;      /* what old would become; none where reason is not ok */
	int64_t now_ms;
	int64_t tolerance_ms; /* of expiries: 0, but servers before 7.0 do not tell them exactly */
	bool taken;           /* the target is another key's */
	bool told_gone;       /* the server told that somebody deleted the old key, or it expired */
	bool force;
};

enum decide_action decide(const struct decide_view *view);
/* When the new form expires: as the old one does, or the family's ttl from now. */
int64_t decide_new_expiry(const struct decide_view *view);
/* Of a key that was copied and both of whose sides are there: family, entry, both sides and
 * tolerance_ms are looked at. */
bool decide_expiry_in_step(const struct decide_view *view);
bool decide_same_expiry(int64_t a, int64_t b, int64_t tolerance_ms);
