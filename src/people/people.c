#include <stdlib.h>

#include "base/check.h"
#include "people/people_impl.h"

const char *person_state_text(enum person_state state)
{
	switch (state) {
	case PERSON_WAITING: return "waiting";
	case PERSON_ACTIVE: return "active";
	case PERSON_BLOCKED: return "blocked";
	}
	CHECK(false);
}

struct people *people_create(const struct people_hooks *hooks)
{
	struct people *people = calloc(1, sizeof *people);
	if (people)
		people->hooks = *hooks;
	return people;
}

void people_destroy(struct people *people)
{
	if (people) /* codes that wait */
		memset(people, 0, sizeof *people);
	free(people);
}

/* ---- who is here ---- */

/* Where the id stands, or would. */
static size_t place_of(const struct people *people, int64_t id)
{
	size_t low = 0, high = people->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (people->slots[people->order[middle]].person.id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct people_slot *people_slot_of(struct people *people, int64_t id)
{
	size_t place = place_of(people, id);
	if (place == people->count)
		return NULL;
	struct people_slot *slot = &people->slots[people->order[place]];
	return slot->person.id == id ? slot : NULL;
}

const struct person *people_find(const struct people *people, int64_t id)
{
	size_t place = place_of(people, id);
	if (place == people->count)
		return NULL;
	const struct person *person = &people->slots[people->order[place]].person;
	return person->id == id ? person : NULL;
}

const struct person *people_at(const struct people *people, uint32_t slot)
{
	CHECK(slot < PEOPLE_MAX);
	return people->slots[slot].used ? &people->slots[slot].person : NULL;
}

size_t people_count(const struct people *people) { return people->count; }

const struct person *people_next(const struct people *people, uint32_t *slot)
{
	while (*slot < PEOPLE_MAX) {
		const struct people_slot *at = &people->slots[(*slot)++];
		if (at->used)
			return &at->person;
	}
	return NULL;
}

static size_t admins(const struct people *people)
{
	size_t n = 0;
	uint32_t slot = 0;
	const struct person *person;
	while ((person = people_next(people, &slot)))
		n += person->role == ROLE_ADMIN;
	return n;
}

bool people_has_admin(const struct people *people) { return admins(people) > 0; }

/* ---- in and out ---- */

/* Cut at a character, and without what would break a line. */
void people_set_name(struct people_slot *slot, struct str name)
{
	size_t len = 0;
	while (name.len) {
		size_t n = str_utf8_len(name);
		size_t step = n ? n : 1;
		bool plain = n && (unsigned char)name.ptr[0] >= 0x20 && name.ptr[0] != 0x7F;
		if (len + step > PEOPLE_NAME_MAX)
			break;
		memcpy(slot->person.name + len, plain ? name.ptr : "?", step);
		len += step;
		name = str_skip(name, step);
	}
	slot->person.name[len] = 0;
}

static void put_in_order(struct people *people, uint32_t slot)
{
	size_t place = place_of(people, people->slots[slot].person.id);
	memmove(&people->order[place + 1], &people->order[place],
		(people->count - place) * sizeof people->order[0]);
	people->order[place] = slot;
	people->count++;
}

static void tell_change(struct people *people, const struct people_slot *slot, bool gone)
{
	if (people->hooks.on_change)
		people->hooks.on_change(people->hooks.ctx, &slot->person, gone);
}

void people_forget(struct people *people, struct people_slot *slot)
{
	size_t place = place_of(people, slot->person.id);
	CHECK(slot->used && place < people->count);
	people->count--;
	memmove(&people->order[place], &people->order[place + 1],
		(people->count - place) * sizeof people->order[0]);
	memset(slot, 0, sizeof *slot);
}

/* The person who is blocked longest goes. */
static bool make_room(struct people *people)
{
	struct people_slot *oldest = NULL;
	for (uint32_t i = 0; i < PEOPLE_MAX; i++) {
		struct people_slot *slot = &people->slots[i];
		if (slot->used && slot->person.state == PERSON_BLOCKED &&
		    (!oldest || slot->person.since_ms < oldest->person.since_ms))
			oldest = slot;
	}
	if (!oldest)
		return false;
	tell_change(people, oldest, true);
	people_forget(people, oldest);
	return true;
}

struct people_slot *people_take_in(struct people *people, int64_t id, struct str name)
{
	struct people_slot *slot = people_slot_of(people, id);
	uint32_t free = 0;
	if (slot)
		return slot;
	if (people->count == PEOPLE_MAX && !make_room(people)) {
		people->counts.refused++;
		return NULL;
	}
	while (people->slots[free].used)
		free++;
	slot = &people->slots[free];
	*slot = (struct people_slot){ .used = true };
	slot->person = (struct person){ .id = id, .slot = free, .state = PERSON_BLOCKED };
	people_set_name(slot, name);
	put_in_order(people, free);
	return slot;
}

void people_refresh(struct people_slot *slot)
{
	struct person *person = &slot->person;
	bool active = person->stored && person->stored_state == PERSON_ACTIVE;
	enum role stored = active ? person->stored_role : ROLE_NONE;
	person->from_settings = slot->settings_role != ROLE_NONE;
	person->role = slot->settings_role > stored ? slot->settings_role : stored;
	person->state = person->role != ROLE_NONE ? PERSON_ACTIVE
			: person->stored          ? person->stored_state
						  : PERSON_BLOCKED;
	if (person->state == PERSON_ACTIVE)
		slot->told_waiting = false;
}

void people_store(struct people *people, struct people_slot *slot, enum person_state state,
		  enum role role, int64_t wall_ms)
{
	struct person *person = &slot->person;
	person->stored = true;
	person->stored_state = state;
	person->stored_role = state == PERSON_ACTIVE ? role : ROLE_NONE;
	person->since_ms = wall_ms;
	people_refresh(slot);
	tell_change(people, slot, false);
}

/* ---- what admins say ---- */

static enum status decide(struct people *people, int64_t id, bool approve, int64_t wall_ms)
{
	struct people_slot *slot = people_slot_of(people, id);
	if (!slot)
		return STATUS_NOT_FOUND;
	if (slot->person.state != PERSON_WAITING)
		return STATUS_REFUSED;
	people_store(people, slot, approve ? PERSON_ACTIVE : PERSON_BLOCKED, ROLE_READER, wall_ms);
	return STATUS_OK;
}

enum status people_approve(struct people *people, int64_t id, int64_t wall_ms)
{
	return decide(people, id, true, wall_ms);
}

enum status people_reject(struct people *people, int64_t id, int64_t wall_ms)
{
	return decide(people, id, false, wall_ms);
}

enum status people_set_role(struct people *people, int64_t id, enum role role, int64_t wall_ms)
{
	struct people_slot *slot = people_slot_of(people, id);
	CHECK(role < ROLE_COUNT);
	if (id <= 0)
		return STATUS_INVALID;
	if (slot && slot->person.from_settings)
		return STATUS_REFUSED;
	if (slot && slot->person.role == ROLE_ADMIN && role != ROLE_ADMIN && admins(people) == 1)
		return STATUS_REFUSED;
	if (!slot && role == ROLE_NONE)
		return STATUS_NOT_FOUND;
	slot = people_take_in(people, id, STR(""));
	if (!slot)
		return STATUS_FULL;
	people_store(people, slot, role == ROLE_NONE ? PERSON_BLOCKED : PERSON_ACTIVE, role,
		     wall_ms);
	return STATUS_OK;
}

void people_rename(struct people *people, int64_t id, struct str name)
{
	struct people_slot *slot = people_slot_of(people, id);
	char before[PEOPLE_NAME_MAX + 1];
	if (!slot || !name.len)
		return;
	memcpy(before, slot->person.name, sizeof before);
	people_set_name(slot, name);
	if (slot->person.stored && strcmp(before, slot->person.name) != 0)
		tell_change(people, slot, false);
}

/* ---- the settings ---- */

static void name_in_settings(struct people *people, int64_t id, enum role role, int64_t wall_ms)
{
	struct people_slot *slot = people_take_in(people, id, STR(""));
	if (!slot)
		return;
	if (!slot->person.since_ms)
		slot->person.since_ms = wall_ms;
	if (role > slot->settings_role)
		slot->settings_role = role;
	people_refresh(slot);
}

/* The next word that is not empty; *id 0: it is none. */
static bool next_id(struct str *list, int64_t *id)
{
	struct str word;
	while (list->ptr && list->len && str_split(list, ',', &word)) {
		word = str_trim(word);
		if (!word.len)
			continue;
		if (str_to_i64(word, id))
			*id = 0;
		return true;
	}
	return false;
}

/* Those who are here and still named. */
static void mark_list(struct people *people, struct str list, enum role role)
{
	int64_t id;
	while (next_id(&list, &id)) {
		struct people_slot *slot = id > 0 ? people_slot_of(people, id) : NULL;
		if (slot && role > slot->settings_role)
			slot->settings_role = role;
	}
}

static void apply_id(struct people *people, int64_t id, enum role role, int64_t wall_ms)
{
	if (!id || (id < 0 && role == ROLE_ADMIN))
		people->counts.bad_settings++;
	else if (id > 0)
		name_in_settings(people, id, role, wall_ms);
	else if (people->group_count < PEOPLE_GROUPS_MAX)
		people->groups[people->group_count++] = id;
	else
		people->counts.bad_settings++;
}

static void apply_list(struct people *people, struct str list, enum role role, int64_t wall_ms)
{
	int64_t id;
	while (next_id(&list, &id))
		apply_id(people, id, role, wall_ms);
}

/* What the lists now say of those who are here: in force, told, and who was there by the lists
 * alone and is named no more goes. */
static void follow_settings(struct people *people)
{
	for (uint32_t i = 0; i < PEOPLE_MAX; i++) {
		struct people_slot *slot = &people->slots[i];
		enum role before = slot->person.role;
		if (!slot->used)
			continue;
		people_refresh(slot);
		bool gone = !slot->person.stored && slot->settings_role == ROLE_NONE;
		if (gone || slot->person.role != before)
			tell_change(people, slot, gone);
		if (gone)
			people_forget(people, slot);
	}
}

/* Who is here is marked before anybody new is taken in: nobody who is named makes room. */
void people_apply_settings(struct people *people, struct str admin_ids, struct str chats,
			   int64_t wall_ms)
{
	for (uint32_t i = 0; i < PEOPLE_MAX; i++)
		people->slots[i].settings_role = ROLE_NONE;
	mark_list(people, admin_ids, ROLE_ADMIN);
	mark_list(people, chats, ROLE_READER);
	follow_settings(people);
	people->group_count = 0;
	apply_list(people, admin_ids, ROLE_ADMIN, wall_ms);
	apply_list(people, chats, ROLE_READER, wall_ms);
}

bool people_allow_group(const struct people *people, int64_t chat_id)
{
	for (size_t i = 0; i < people->group_count; i++)
		if (people->groups[i] == chat_id)
			return true;
	return false;
}

/* ---- counts ---- */

struct people_counts people_counts(const struct people *people)
{
	struct people_counts counts = people->counts;
	uint32_t slot = 0;
	const struct person *person;
	while ((person = people_next(people, &slot))) {
		counts.active += person->state == PERSON_ACTIVE;
		counts.waiting += person->state == PERSON_WAITING;
		counts.blocked += person->state == PERSON_BLOCKED;
	}
	return counts;
}
