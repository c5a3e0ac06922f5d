/* mfp.h - MFP/1 frames, the lines between weir and terminals (fleet.md 3; def/mfp.def
 * holds every verb and field).
 *
 *   VERB SP seq SP k=v SP k=v … LF
 *
 * UTF-8, at most MFP_LINE_MAX bytes with the LF; a CR before LF is ignored. A verb is one
 * letter; seq is a whole number to 2^63-1, 0 for verbs that are not reliable and from 1 on
 * for those that are; blanks are single. Inside values the bytes 0x00-0x20 % = 0x7F stand
 * as %XX, and any other may. A key is 1 to 8 of a-z 0-9 _ and comes at most once, in any
 * order. Unknown keys are ignored, but must be well formed. Everything that def/mfp.def
 * says of a verb and its fields is checked here, so that who gets a frame need not check
 * again.
 *
 *   struct mfp_frame frame;
 *   if (mfp_read(line, MFP_PEER, &frame, &fault) == STATUS_OK)
 *       … mfp_number(&frame, MFP_state_ping) …
 *
 * No allocation, 18 KB of stack. Any thread. Cost: bench_mfp, 0.4 us for a state of 20
 * fields; fields are found at once when they come in the table's order. */
#pragma once

#include "base/number.h"

enum {
	MFP_LINE_MAX = 4096,
	MFP_FIELDS_MAX = 40, /* of one verb */
	MFP_TEXT_MAX = 255,  /* unescaped, as mfp_text gives it */
};

enum mfp_verb {
#define MFP_VERB(letter, id, from, reliable, meaning) MFP_VERB_##id,
#include "def/mfp.def"
#undef MFP_VERB
	MFP_VERBS
};

/* Every field of every verb: MFP_state_ping, MFP_hello_mac … */
enum mfp_field {
#define MFP_FIELD(verb, key, type, need, choices, meaning) MFP_##verb##_##key,
#include "def/mfp.def"
#undef MFP_FIELD
	MFP_FIELDS
};

enum mfp_side { MFP_WEIR, MFP_PEER, MFP_ANY };
enum mfp_reliable { MFP_RELIABLE_NO, MFP_RELIABLE_UP, MFP_RELIABLE_DOWN };
enum mfp_type {
	MFP_COUNT,
	MFP_INT,
	MFP_NUMBER,
	MFP_WORD,
	MFP_TEXT,
	MFP_NAME,
	MFP_HASH,
	MFP_HEX,
};

struct mfp_verb_row {
	char letter;
	const char *name, *meaning;
	enum mfp_side from;
	enum mfp_reliable reliable;
	enum mfp_field first, end; /* its fields are first … end - 1 */
};
struct mfp_field_row {
	enum mfp_verb verb;
	const char *key;
	enum mfp_type type;
	bool must;
	const char *choices; /* words separated by blanks */
	const char *meaning;
};
const struct mfp_verb_row *mfp_verb_row(enum mfp_verb verb);
const struct mfp_field_row *mfp_field_row(enum mfp_field field);

struct mfp_value {
	struct str text;      /* as sent, escapes included; points into the line */
	struct number number; /* COUNT, INT, NUMBER; WORD: which choice, from 0; HASH: its bits */
};

struct mfp_frame {
	enum mfp_verb verb;
	uint64_t seq;
	uint64_t given; /* bit i: field first + i was there */
	uint32_t unknown_keys;
	struct mfp_value values[MFP_FIELDS_MAX]; /* by field - first; set where given */
};

/* What is wrong with a line, for one clear log line: never more than a few words of it. */
struct mfp_fault {
	const char *what; /* "no such verb", "key twice", "not a number" …; static */
	char key[9];      /* "" where none is to blame; only a-z 0-9 _ */
};

/* One line without LF (a CR at its end is ignored), as `from` may send it; ANY: either.
 * UNSUPPORTED: well formed, but no such verb, or not one of that side (E code=verb).
 * FORMAT, RANGE: undecodable (E code=frame). The frame is written only on OK and points
 * into line; fault only otherwise. */
MUST_CHECK enum status mfp_read(struct str line, enum mfp_side from, struct mfp_frame *frame,
				struct mfp_fault *fault);

/* Access. CHECKs that the field is of the frame's verb and, where a type is named, of
 * that type. */
bool mfp_has(const struct mfp_frame *frame, enum mfp_field field);
/* As sent; empty when absent. */
struct str mfp_raw(const struct mfp_frame *frame, enum mfp_field field);
/* TEXT, NAME, HEX: unescaped into out, NUL-terminated. Always well-formed UTF-8 of at most
 * MFP_TEXT_MAX bytes without NUL: escapes that stand for anything else become U+FFFD. */
struct str mfp_text(const struct mfp_frame *frame, enum mfp_field field,
		    char out[MFP_TEXT_MAX + 3]);
/* COUNT and INT: the value; absent: `absent`. */
int64_t mfp_i64(const struct mfp_frame *frame, enum mfp_field field, int64_t absent);
/* NUMBER, COUNT and INT; absent: 0. */
struct number mfp_number(const struct mfp_frame *frame, enum mfp_field field);
/* WORD: its place among the choices; absent: -1. */
int mfp_word(const struct mfp_frame *frame, enum mfp_field field);
/* HASH: its bits; absent: 0. */
uint64_t mfp_hash(const struct mfp_frame *frame, enum mfp_field field);

/* Writing: begin, any of the puts in any order, end (which adds the LF). What does not
 * fit sets out->overflow, as always; a line longer than MFP_LINE_MAX does too. Either way
 * out then ends where the line began. CHECKs that seq is 0 exactly for verbs that are not
 * reliable, that a field is of the verb, of the put's type and written once, and at the
 * end that no MUST is missing. Values are the caller's: a negative COUNT or an empty NAME
 * is written, and refused by who reads it. */
struct mfp_writer {
	struct buf *out;
	size_t from; /* where the line begins in out */
	enum mfp_verb verb;
	uint64_t given; /* bit i: field first + i is written */
};
void mfp_begin(struct mfp_writer *writer, struct buf *out, enum mfp_verb verb, uint64_t seq);
/* TEXT, NAME, HEX; escapes. Of a text that mfp_text would give more than MFP_TEXT_MAX
 * bytes of, only the characters that fit are written. */
void mfp_put_text(struct mfp_writer *writer, enum mfp_field field, struct str text);
/* Any type: as sent. */
void mfp_put_raw(struct mfp_writer *writer, enum mfp_field field, struct str escaped);
/* COUNT, INT, NUMBER. */
void mfp_put_i64(struct mfp_writer *writer, enum mfp_field field, int64_t value);
void mfp_put_number(struct mfp_writer *writer, enum mfp_field field, struct number value);
/* WORD: the choice, from 0. */
void mfp_put_word(struct mfp_writer *writer, enum mfp_field field, int choice);
void mfp_put_hash(struct mfp_writer *writer, enum mfp_field field, uint64_t hash);
void mfp_end(struct mfp_writer *writer);

/* Escapes bytes as a value: what must be, and bytes that are not UTF-8. Unescape is the
 * inverse for any bytes, NUL too. FORMAT: a bad escape, and out is as it was; RANGE: out
 * has no room. */
void mfp_escape(struct buf *out, struct str text);
MUST_CHECK enum status mfp_unescape(struct str value, struct buf *out);

/* The position hash (fleet.md 3.2): XOR over all positions of this, FNV-1a-64 of
 * "ticket|volume|sl|tp", text as in the o frame. 0 for none. */
uint64_t mfp_position_hash(uint64_t ticket, struct number volume, struct number sl,
			   struct number tp);
