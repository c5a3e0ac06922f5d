/* Codes and rates: pairing, confirming, how much a person may ask. */
#include <stdio.h>

#include "base/check.h"
#include "people/people_impl.h"

/* A pairing's until_ns of one that was used: known, and no more good. */
enum { CODE_USED = 1 };

static const int64_t second_ns = 1000000000;
static const int64_t pairing_ns = 600 * second_ns;
static const int64_t confirm_ns = 60 * second_ns;

/* As long for every pair of one length. */
static bool same_bytes(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *left = a, *right = b;
	uint8_t differ = 0;
	for (size_t i = 0; i < n; i++)
		differ |= left[i] ^ right[i];
	return differ == 0;
}

/* ---- pairing ---- */

static struct pairing *code_for_new(struct people *people)
{
	struct pairing *oldest = &people->codes[0];
	for (size_t i = 1; i < PEOPLE_CODES_MAX; i++)
		if (people->codes[i].until_ns < oldest->until_ns)
			oldest = &people->codes[i];
	return oldest;
}

enum status people_make_code(struct people *people, int64_t now_ns,
			     char code[PEOPLE_CODE_BYTES + 1])
{
	uint8_t random[PEOPLE_CODE_BYTES / 2];
	struct pairing made = { .until_ns = now_ns + pairing_ns };
	enum status status = people->hooks.random(people->hooks.ctx, random, sizeof random);
	if (status)
		return status;
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(code + 2 * i, 3, "%02x", random[i]);
	status =
	    people->hooks.digest(people->hooks.ctx, str_make(code, PEOPLE_CODE_BYTES), made.digest);
	if (!status)
		*code_for_new(people) = made;
	return status;
}

/* All are compared, so that the time says nothing of which. NULL: none is it. */
static struct pairing *find_code(struct people *people, struct str code)
{
	uint8_t digest[PEOPLE_DIGEST_BYTES];
	struct pairing *found = NULL;
	if (code.len != PEOPLE_CODE_BYTES || people->hooks.digest(people->hooks.ctx, code, digest))
		return NULL;
	for (size_t i = 0; i < PEOPLE_CODES_MAX; i++) {
		struct pairing *pairing = &people->codes[i];
		if (same_bytes(pairing->digest, digest, sizeof digest) && pairing->until_ns)
			found = pairing;
	}
	return found;
}

enum status people_pair(struct people *people, int64_t id, struct str name, struct str code,
			int64_t now_ns, int64_t wall_ms, const struct person **person)
{
	struct people_slot *slot = people_slot_of(people, id);
	*person = slot ? &slot->person : NULL;
	if (slot && slot->person.state != PERSON_BLOCKED)
		return STATUS_EXISTS;
	struct pairing *pairing = find_code(people, code);
	bool good = pairing && pairing->until_ns > now_ns && !slot && id > 0;
	if (!good) {
		people->counts.wrong_codes++;
		return pairing && !slot ? STATUS_TIMEOUT : STATUS_REFUSED;
	}
	bool first = !people_has_admin(people);
	slot = people_take_in(people, id, name);
	if (!slot)
		return STATUS_FULL;
	pairing->until_ns = CODE_USED;
	people->counts.paired++;
	slot->told_waiting = true; /* the answer to the code says it */
	people_store(people, slot, first ? PERSON_ACTIVE : PERSON_WAITING, ROLE_ADMIN, wall_ms);
	*person = &slot->person;
	return STATUS_OK;
}

bool people_tell_waiting(struct people *people, uint32_t slot)
{
	struct people_slot *at = &people->slots[slot];
	CHECK(slot < PEOPLE_MAX && at->used);
	bool tell = at->person.state == PERSON_WAITING && !at->told_waiting;
	at->told_waiting = true;
	return tell;
}

/* ---- confirming ---- */

enum status people_ask_confirm(struct people *people, uint32_t slot, struct str command,
			       int64_t now_ns, char code[PEOPLE_CONFIRM_DIGITS + 1])
{
	struct people_slot *at = &people->slots[slot];
	struct confirm made = { .until_ns = now_ns + confirm_ns,
				.tries_left = PEOPLE_CONFIRM_TRIES };
	uint64_t random = 0;
	CHECK(slot < PEOPLE_MAX && at->used);
	enum status status = str_copy(command, made.command, sizeof made.command);
	if (!status)
		status = people->hooks.random(people->hooks.ctx, &random, sizeof random);
	if (status)
		return status;
	snprintf(made.code, sizeof made.code, "%06u", (unsigned)(random % 1000000));
	memcpy(code, made.code, sizeof made.code);
	at->confirm = made;
	return STATUS_OK;
}

bool people_awaits_confirm(const struct people *people, uint32_t slot, int64_t now_ns)
{
	CHECK(slot < PEOPLE_MAX);
	return people->slots[slot].confirm.until_ns > now_ns;
}

enum status people_confirm(struct people *people, uint32_t slot, struct str code, int64_t now_ns,
			   struct str *command, uint32_t *tries_left)
{
	CHECK(slot < PEOPLE_MAX && people->slots[slot].used);
	struct confirm *confirm = &people->slots[slot].confirm;
	struct confirm none = { 0 };
	*tries_left = 0;
	if (!confirm->until_ns)
		return STATUS_NOT_FOUND;
	if (confirm->until_ns <= now_ns) {
		*confirm = none;
		return STATUS_TIMEOUT;
	}
	if (code.len != PEOPLE_CONFIRM_DIGITS || !same_bytes(code.ptr, confirm->code, code.len)) {
		people->counts.wrong_confirms++;
		*tries_left = --confirm->tries_left;
		if (!*tries_left)
			*confirm = none;
		return STATUS_REFUSED;
	}
	memcpy(people->confirmed, confirm->command, sizeof people->confirmed);
	*confirm = none;
	people->counts.confirmed++;
	*command = str_of(people->confirmed);
	return STATUS_OK;
}

/* ---- rate ---- */

/* A bucket told by one number: when it will be full. */
enum people_pass people_pass(struct people *people, uint32_t slot, int64_t now_ns)
{
	struct people_slot *at = &people->slots[slot];
	const int64_t each_ns = second_ns / PEOPLE_RATE;
	CHECK(slot < PEOPLE_MAX && at->used);
	int64_t full_ns = at->full_ns > now_ns ? at->full_ns : now_ns;
	if (full_ns - now_ns > (PEOPLE_BURST - 1) * each_ns) {
		bool said = at->slow_said;
		at->slow_said = true;
		people->counts.slowed++;
		return said ? PEOPLE_SILENT : PEOPLE_SLOW;
	}
	at->slow_said = at->slow_said && full_ns - now_ns > PEOPLE_BURST / 2 * each_ns;
	at->full_ns = full_ns + each_ns;
	return PEOPLE_PASS;
}
