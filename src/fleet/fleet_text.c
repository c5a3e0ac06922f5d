/* What states, flags, events and actions are called. */
#include "base/check.h"
#include "fleet/fleet.h"

static const char *const states[] = {
#define FLEET_STATE(id, name, meaning) name,
#include "def/fleet_states.def"
#undef FLEET_STATE
};
static const char *const flag_names[] = {
#define FLEET_FLAG(id, name, meaning) name,
#include "def/fleet_states.def"
#undef FLEET_FLAG
};
static const char *const events[] = {
#define FLEET_EVENT(id, name, meaning) name,
#include "def/fleet_states.def"
#undef FLEET_EVENT
};

const char *instance_state_text(enum instance_state state)
{
	CHECK((unsigned)state < INSTANCE_STATES);
	return states[state];
}

bool instance_state_named(struct str name, enum instance_state *state)
{
	for (enum instance_state s = 0; s < INSTANCE_STATES; s++)
		if (str_eq(name, str_of(states[s]))) {
			*state = s;
			return true;
		}
	return false;
}

void instance_flags_put(struct buf *out, uint32_t flags)
{
	const char *between = "";
	for (int bit = 0; bit < INSTANCE_FLAGS; bit++) {
		if (!(flags >> bit & 1))
			continue;
		buf_str_put(out, str_of(between));
		buf_str_put(out, str_of(flag_names[bit]));
		between = "+";
	}
}

bool instance_flags_read(struct str text, uint32_t *flags)
{
	uint32_t found = 0;
	struct str part;
	while (text.len && str_split(&text, '+', &part)) {
		int bit = 0;
		while (bit < INSTANCE_FLAGS && !str_eq(part, str_of(flag_names[bit])))
			bit++;
		if (bit == INSTANCE_FLAGS)
			return false;
		found |= 1u << bit;
	}
	*flags = found;
	return true;
}

const char *fleet_event_text(enum fleet_event_kind kind)
{
	CHECK((unsigned)kind < FLEET_EVENTS);
	return events[kind];
}

const char *instance_health_text(enum instance_health health)
{
	static const char *const texts[] = { "healthy", "warning", "critical" };
	CHECK((unsigned)health < ARRAY_LEN(texts));
	return texts[health];
}

const char *fleet_action_text(enum fleet_action_kind kind)
{
	static const char *const texts[] = {
		[FLEET_THROTTLE] = "throttle", [FLEET_RECONNECT] = "reconnect",
		[FLEET_PROBE] = "probe",       [FLEET_SNAPSHOT] = "snapshot",
		[FLEET_TRIM] = "trim",         [FLEET_CLOSE] = "close",
		[FLEET_RESTART] = "restart",   [FLEET_STOP] = "stop",
		[FLEET_START] = "start",       [FLEET_POKE] = "poke",
		[FLEET_DELIVER] = "deliver",   [FLEET_PAUSE] = "pause",
		[FLEET_UNKNOWN] = "unknown",   [FLEET_DROP] = "drop",
	};
	_Static_assert(ARRAY_LEN(texts) == FLEET_ACTIONS, "a text for every action");
	CHECK((unsigned)kind < FLEET_ACTIONS);
	return texts[kind];
}
