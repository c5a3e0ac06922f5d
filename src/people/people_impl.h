/* people_impl.h - shared by people*.c only. */
#pragma once

#include "people/people.h"

struct confirm {
	int64_t until_ns; /* 0: none */
	uint32_t tries_left;
	char code[PEOPLE_CONFIRM_DIGITS + 1];
	char command[PEOPLE_COMMAND_MAX + 1];
};

struct people_slot {
	struct person person;
	bool used;
	bool told_waiting;
	bool slow_said;
	enum role settings_role; /* NONE: the settings do not name him */
	int64_t full_ns;         /* when his allowance is whole again */
	struct confirm confirm;
};

struct pairing {
	int64_t until_ns; /* 0: none */
	uint8_t digest[PEOPLE_DIGEST_BYTES];
};

struct people {
	struct people_hooks hooks;
	struct people_slot slots[PEOPLE_MAX];
	uint32_t order[PEOPLE_MAX]; /* slots by id */
	size_t count;
	struct pairing codes[PEOPLE_CODES_MAX];
	int64_t groups[PEOPLE_GROUPS_MAX];
	size_t group_count;
	char confirmed[PEOPLE_COMMAND_MAX + 1];
	struct people_counts counts;
};

/* NULL: nobody. */
struct people_slot *people_slot_of(struct people *people, int64_t id);
/* The person's slot, made where he is not here; NULL: no room. */
struct people_slot *people_take_in(struct people *people, int64_t id, struct str name);
/* What is stored of him changes, and those who store it are told. */
void people_store(struct people *people, struct people_slot *slot, enum person_state state,
		  enum role role, int64_t wall_ms);
void people_set_name(struct people_slot *slot, struct str name);
/* What is in force follows from what is stored and what the settings say. */
void people_refresh(struct people_slot *slot);
void people_forget(struct people *people, struct people_slot *slot);
