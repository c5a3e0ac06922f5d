/* forms.h - what a value becomes: content in one shape to content in another, and back.
 *
 *   hash    a string that holds a flat JSON object; members become fields: numbers and true, false
 *           as they are written, texts decoded
 *   stream  a list; element i becomes entry 1-(i+1) with the one field `v`
 *   packed  a string; the four bytes `WZ1\n`, then a zstd frame; only where that is smaller
 *   same    anything
 *
 * A value converts only where it comes back: what a hash's fields print as JSON must have the same
 * canonical JSON as the string. So these stay what they are, each with its reason: no object,
 * nested objects and lists, null, integers beyond 2^53, numbers that a reader would print otherwise
 * (1.10, 1e5, -0, more than 17 digits), names that are there twice, texts that look like a number
 * or true or false, text that is not UTF-8 or holds a NUL, no member at all, more than
 * FORM_MEMBERS_MAX members or FORM_BYTES_MAX bytes. Pure. */
#pragma once

#include "migrate/plan_file.h"
#include "migrate/source.h"

enum { FORM_MEMBERS_MAX = 1000, FORM_BYTES_MAX = 512 << 10 };

#define FORM_REASONS                                                                               \
	FORM_REASON(ok, "converts")                                                                \
	FORM_REASON(type, "another type than the plan's")                                          \
	FORM_REASON(plan, "the plan says skip")                                                    \
	FORM_REASON(not_object, "no JSON object")                                                  \
	FORM_REASON(nested, "nested JSON")                                                         \
	FORM_REASON(null, "a JSON null")                                                           \
	FORM_REASON(big_integer, "an integer beyond 2^53")                                         \
	FORM_REASON(number, "a number that would be written otherwise")                            \
	FORM_REASON(twice, "a name that is there twice")                                           \
	FORM_REASON(looks_else, "a text that looks like a number or a truth")                      \
	FORM_REASON(text, "text that is not UTF-8, or holds a NUL")                                \
	FORM_REASON(empty, "no member")                                                            \
	FORM_REASON(large, "too large to convert")                                                 \
	FORM_REASON(not_smaller, "not smaller when packed")                                        \
	FORM_REASON(groups, "a large stream with consumer groups")                                 \
	FORM_REASON(sink, "the sink cannot take it")                                               \
	FORM_REASON(name, "a name that makes none, or one of weir's own")                          \
	FORM_REASON(module, "a module's own type")

enum form_reason {
#define FORM_REASON(id, text) FORM_##id,
	FORM_REASONS
#undef FORM_REASON
	    FORM_REASON_COUNT
};
const char *form_reason_name(enum form_reason reason); /* "big_integer" */
const char *form_reason_text(enum form_reason reason);

/* A flat JSON object taken apart; names and values are in *texts. Elements are fields and values.
 */
MUST_CHECK enum form_reason form_flat_json(struct str json, struct buf *texts,
					   struct audit_element elements[FORM_MEMBERS_MAX],
					   size_t *count);
/* The JSON object that a hash's fields stand for, in their order. */
void form_print_json(struct buf *out, const struct audit_element *elements, size_t count);

/* What a key becomes. `texts` holds what is new; the rest points into the source. */
struct form_made {
	enum audit_type type;
	struct str value;
	struct audit_element *elements;
	size_t n_elements;
	struct digest digest; /* as source_read gives it of the target */
};

/* source: read with SOURCE_CONTENT unless form is SAME (then only the digest is passed on). OK or
 * why it stays. `made.elements` are form_room's. */
struct form_room;
MUST_CHECK enum status form_room_create(struct form_room **out);
void form_room_destroy(struct form_room *room);
void form_room_clear(struct form_room *room); /* what was made is gone */
MUST_CHECK enum form_reason form_make(struct form_room *room, enum migrate_form form,
				      const struct source_key *source, struct form_made *made);
/* The other way round: the old shape of what the new key holds now. */
MUST_CHECK enum form_reason form_unmake(struct form_room *room, enum migrate_form form,
					const struct source_key *target, struct form_made *made);
/* As form_make would, element by element, for what comes in pieces (list → stream). */
void form_stream_entry(struct audit_element *entry, struct buf *texts, struct str value,
		       int64_t index);
