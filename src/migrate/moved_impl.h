/* moved_impl.h - what moved*.c share; nobody else includes it. */
#pragma once

#include "audit/json_shape.h"
#include "migrate/moved.h"

enum { MOVED_MEMBERS_MAX = 1 << 20, MOVED_CONTENT_BYTES = 40 };

/* Members of an object or list, fields of a hash or entry. */
struct moved_members {
	struct json_member *at;
	size_t count, room;
	bool failed; /* no memory, or too many */
};

/* How often a name came: open addressing by the name's hash. */
struct moved_seen {
	uint64_t *hashes; /* 0: free */
	uint32_t *counts;
	size_t count, room; /* room: a power of two */
};

struct moved {
	struct moved_key key;
	struct archive_rows *rows;
	char family[PATTERN_BYTES_MAX], base[MOVED_NAME_MAX + 1];
	struct str symbol, timeframe; /* of the name */
	struct moved_seen seen;
	struct buf
	    text; /* a string as it is put together; a hash's elements, lengths before them */
	struct buf scratch; /* one text that was decoded, or encoded */
	int64_t position;   /* of a list: of the next element */
	enum status status;
	struct err err; /* of status */
};

/* INVALID and the reason, unless it has one. */
void moved_fail(struct moved *moved, enum status status, const char *reason);
/* Ends the row; its failure becomes the key's. */
void moved_row_end(struct moved *moved);
/* 0 the first time in this key, then 1, 2 …. */
int64_t moved_seen_count(struct moved *moved, uint64_t hash);
uint64_t moved_mix(uint64_t hash, struct str text);

bool moved_is_text(struct str bytes); /* UTF-8 without a NUL */
/* A name as it is, or printed, where it has control characters, backslashes or is no UTF-8. */
struct str moved_name(struct moved *moved, struct str bytes);
/* A name for what has none: ~ and the digest of its content. */
struct str moved_content_name(struct str value, char at[MOVED_CONTENT_BYTES]);
/* When the key goes, into a column; a time that the sinks do not know is a reason. */
void moved_expires(struct moved *moved, enum archive_column column);
/* It is of a row's key: not longer than an index takes, nothing in it that a sink changes. */
bool moved_key_word(struct moved *moved, struct str word);

/* moved_members.c: what begins with { or [ and is JSON all through. Freed by _free. */
enum json_shape_kind moved_members_read(struct moved_members *members, struct str text);
void moved_members_add(struct moved_members *members, const struct json_member *member);
void moved_members_free(struct moved_members *members);
/* A member's value: a string decoded into scratch, anything else as it stands. */
struct str moved_value(struct moved *moved, const struct json_member *member);
/* The member whose name is one of these (NULL behind the last), the earlier name first; NULL. */
const struct json_member *moved_find(const struct moved_members *members, const char *const *names);
/* The one that ".name" of the plan says. */
const struct json_member *moved_named(const struct moved_members *members, const char *from);
/* A stream entry's fields, a hash's elements: u32 length and bytes each. */
bool moved_members_packed(struct moved_members *members, struct str packed);
/* The member that tells the time: the plan's, else the first of the usual names that is one. */
const struct json_member *moved_find_time(struct moved *moved, const struct moved_members *members,
					  int64_t *us, bool *exact);

/* moved_series.c, moved_trades.c, moved_records.c: one whole string or element. */
void moved_series_element(struct moved *moved, const struct audit_element *element);
void moved_series_hash(struct moved *moved, const struct moved_members *members);
void moved_trades_element(struct moved *moved, const struct audit_element *element);
void moved_trades_hash(struct moved *moved, const struct moved_members *members);
void moved_records_element(struct moved *moved, const struct audit_element *element);
