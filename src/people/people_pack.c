/* A person as the text that is stored. */
#include "base/check.h"
#include "people/people_impl.h"

enum { PACKED_VERSION = 1 };

void people_pack(const struct person *person, struct buf *out)
{
	buf_printf(out, "%d %s %s %lld %s", PACKED_VERSION, role_text(person->stored_role),
		   person_state_text(person->stored_state), (long long)person->since_ms,
		   person->name);
}

static bool read_state(struct str word, enum person_state *state)
{
	for (*state = PERSON_WAITING; *state <= PERSON_BLOCKED; (*state)++)
		if (str_eq(word, str_of(person_state_text(*state))))
			return true;
	return false;
}

struct packed {
	enum role role;
	enum person_state state;
	int64_t since_ms;
	struct str name;
};

static bool read_packed(struct str text, struct packed *packed)
{
	struct str rest = text, version, role, state, since;
	int64_t number;
	if (!text.len || !str_split(&rest, ' ', &version) || !rest.ptr ||
	    !str_split(&rest, ' ', &role) || !rest.ptr || !str_split(&rest, ' ', &state) ||
	    !rest.ptr || !str_split(&rest, ' ', &since))
		return false;
	packed->role = role_find(role);
	packed->name = rest.ptr ? rest : STR("");
	return !str_to_i64(version, &number) && number == PACKED_VERSION &&
	       packed->role < ROLE_COUNT && read_state(state, &packed->state) &&
	       !str_to_i64(since, &packed->since_ms) && packed->since_ms >= 0;
}

enum status people_unpack(struct people *people, struct str id_text, struct str text)
{
	struct packed packed;
	int64_t id;
	if (str_to_i64(id_text, &id) || id <= 0 || !read_packed(text, &packed) ||
	    (packed.state == PERSON_ACTIVE && packed.role == ROLE_NONE))
		return STATUS_FORMAT;
	struct people_slot *slot = people_take_in(people, id, packed.name);
	if (!slot)
		return STATUS_FULL;
	slot->person.stored = true;
	slot->person.stored_role = packed.state == PERSON_ACTIVE ? packed.role : ROLE_NONE;
	slot->person.stored_state = packed.state;
	slot->person.since_ms = packed.since_ms;
	slot->told_waiting = packed.state == PERSON_WAITING;
	people_set_name(slot, packed.name);
	people_refresh(slot);
	return STATUS_OK;
}
