/* people.h - who may talk to weir, and how far: people by their Telegram user id.
 *
 *   a stranger ── right pairing code ─▶ active admin   (when there is no admin yet)
 *              └─ right pairing code ─▶ waiting ─ approved ─▶ active reader
 *                                               └ rejected ─▶ blocked
 *
 * Deny by default: who is not here, waits or is blocked is not answered; an empty list
 * answers nobody. The settings (telegram.admins, telegram.chats) allow ids without a code:
 * such a person is here as long as the setting names him, is not stored, and cannot be
 * blocked or given less than what it says. Roles belong to a user, never to a chat.
 *
 * A pairing code is 32 hexadecimal digits of the caller's random bytes, holds for 10
 * minutes and once; only its digest is kept, and it is compared in constant time. A
 * confirmation code is 6 digits for 60 s and 3 tries, bound to a person and to what he
 * would do; asking for another replaces it. Codes live in memory alone: a new start forgets
 * them.
 *
 * Everybody has PEOPLE_BURST commands, and gets PEOPLE_RATE more a second.
 *
 * Pure core: time is told (monotonic ns for codes and rates, wall ms where it is printed).
 * Bounds: PEOPLE_MAX people, made at create; for one more the blocked person that is longest
 * so makes room, else FULL. PEOPLE_CODES_MAX codes; for one more the oldest goes. One thread. */
#pragma once

#include "base/buf.h"
#include "def/roles.h"

enum {
	PEOPLE_MAX = 4096,
	PEOPLE_NAME_MAX = 64,   /* bytes; longer names are cut at a character */
	PEOPLE_CODE_BYTES = 32, /* digits of a pairing code */
	PEOPLE_CODES_MAX = 16,
	PEOPLE_CONFIRM_DIGITS = 6,
	PEOPLE_CONFIRM_TRIES = 3,
	PEOPLE_COMMAND_MAX = 160, /* bytes of what is confirmed */
	PEOPLE_BURST = 20,
	PEOPLE_RATE = 2,
	PEOPLE_DIGEST_BYTES = 32,
	PEOPLE_PACKED_MAX = 160, /* bytes of a packed person */
	PEOPLE_GROUPS_MAX = 64,  /* groups that the settings name; more are counted as bad */
};

enum person_state { PERSON_WAITING, PERSON_ACTIVE, PERSON_BLOCKED };

const char *person_state_text(enum person_state state); /* "waiting" … */

/* A slot does not move while the person is here. */
struct person {
	int64_t id; /* Telegram's user id */
	uint32_t slot;
	enum role role; /* in force: NONE unless active */
	enum person_state state;
	bool from_settings;
	int64_t since_ms; /* in this state */
	char name[PEOPLE_NAME_MAX + 1];
	/* What is stored, whatever the settings say beside it. */
	bool stored;
	enum role stored_role;
	enum person_state stored_state;
};

struct people_hooks {
	/* Unpredictable bytes. Not OK: no code can be made. */
	enum status (*random)(void *ctx, void *bytes, size_t n);
	/* A cryptographic digest of the text. */
	enum status (*digest)(void *ctx, struct str text, uint8_t out[PEOPLE_DIGEST_BYTES]);
	/* The person has changed: where he is `stored`, to be stored as he is now; gone: to be
	 * removed, and all that is his. Not of one whom the settings bring in; not while
	 * restoring. May be NULL. */
	void (*on_change)(void *ctx, const struct person *person, bool gone);
	void *ctx;
};

struct people;

struct people *people_create(const struct people_hooks *hooks); /* NULL: out of memory */
void people_destroy(struct people *people);                     /* NULL is fine */

const struct person *people_find(const struct people *people, int64_t id);  /* NULL: nobody */
const struct person *people_at(const struct people *people, uint32_t slot); /* NULL: empty */
size_t people_count(const struct people *people);
/* Walks all, by slot: start with 0. NULL at the end. */
const struct person *people_next(const struct people *people, uint32_t *slot);
bool people_has_admin(const struct people *people);

/* ---- pairing ---- */

/* Writes PEOPLE_CODE_BYTES digits and a NUL. */
MUST_CHECK enum status people_make_code(struct people *people, int64_t now_ns,
					char code[PEOPLE_CODE_BYTES + 1]);
/* A code was sent. OK: he is active (the first, an admin) or waits (*person says which);
 * EXISTS: he was here already and is not changed, nor is the code; TIMEOUT: it was one of
 * ours, but is used or too old; REFUSED: it is wrong, or he is blocked; FULL. */
MUST_CHECK enum status people_pair(struct people *people, int64_t id, struct str name,
				   struct str code, int64_t now_ns, int64_t wall_ms,
				   const struct person **person);

/* ---- what admins say; NOT_FOUND: nobody of that id ---- */

/* REFUSED: he does not wait. */
MUST_CHECK enum status people_approve(struct people *people, int64_t id, int64_t wall_ms);
MUST_CHECK enum status people_reject(struct people *people, int64_t id, int64_t wall_ms);
/* NONE blocks him. Who is not here yet is taken in (FULL). REFUSED: the settings name him, or
 * nobody would be left who is an admin. */
MUST_CHECK enum status people_set_role(struct people *people, int64_t id, enum role role,
				       int64_t wall_ms);
/* A newer name, as Telegram tells it; stored when it differs. */
void people_rename(struct people *people, int64_t id, struct str name);

/* ---- the settings ---- */

/* Lists of ids separated by commas. Takes the place of what was said before: who is named no
 * more and is not stored goes. A positive id of `chats` is a person's own chat: a reader; a
 * negative one a group. What is no id is skipped and counted. */
void people_apply_settings(struct people *people, struct str admins, struct str chats,
			   int64_t wall_ms);
/* May the people of this group be answered there? */
bool people_allow_group(const struct people *people, int64_t chat_id);

/* ---- confirming ---- */

/* Writes a code for the command; FULL when it is longer than PEOPLE_COMMAND_MAX. */
MUST_CHECK enum status people_ask_confirm(struct people *people, uint32_t slot, struct str command,
					  int64_t now_ns, char code[PEOPLE_CONFIRM_DIGITS + 1]);
bool people_awaits_confirm(const struct people *people, uint32_t slot, int64_t now_ns);
/* OK: *command is what he confirmed, and lives until the next call here. REFUSED: wrong;
 * *tries_left of them. TIMEOUT: too old. NOT_FOUND: nothing waits for a code. */
MUST_CHECK enum status people_confirm(struct people *people, uint32_t slot, struct str code,
				      int64_t now_ns, struct str *command, uint32_t *tries_left);

/* ---- rate ---- */

enum people_pass {
	PEOPLE_PASS,
	PEOPLE_SLOW,   /* too many; to be said */
	PEOPLE_SILENT, /* too many, and that has been said */
};
enum people_pass people_pass(struct people *people, uint32_t slot, int64_t now_ns);
/* True once for a waiting person: he is told that he waits. */
bool people_tell_waiting(struct people *people, uint32_t slot);

/* ---- what is stored: one text a person, under his id ---- */

/* "1 admin active 1723161599000 Ada Lovelace" */
void people_pack(const struct person *person, struct buf *out);
/* From the store: nobody is told. FORMAT: what is wrong is not taken. */
MUST_CHECK enum status people_unpack(struct people *people, struct str id, struct str text);

struct people_counts {
	uint64_t paired, wrong_codes, confirmed, wrong_confirms, slowed;
	uint64_t refused;                  /* no room */
	uint64_t bad_settings;             /* words of the settings that are no ids */
	uint32_t active, waiting, blocked; /* now */
};
struct people_counts people_counts(const struct people *people);
