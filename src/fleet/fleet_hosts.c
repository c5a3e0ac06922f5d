/* Hosts: which terminals they carry, their load, and whether they shed it. A host is
 * known for as long as a terminal or an agent names it. */
#include <math.h>
#include <stdio.h>

#include "fleet/fleet_impl.h"

static bool is_needed(const struct host *host) { return host->seen.instances || host->seen.agent; }

static void drop_unless_needed(struct fleet *fleet, struct host *host)
{
	if (!host->used || is_needed(host))
		return;
	alert_forget(fleet->alerts, ALERT_high_load, str_of(host->seen.name));
	host->used = false;
}

uint32_t fleet_host_find(const struct fleet *fleet, struct str name)
{
	for (uint32_t i = 0; i < fleet->host_room; i++)
		if (fleet->hosts[i].used && str_eq(str_of(fleet->hosts[i].seen.name), name))
			return i;
	return FLEET_NONE;
}

const struct fleet_host *fleet_host_at(const struct fleet *fleet, uint32_t host)
{
	if (host >= fleet->host_room || !fleet->hosts[host].used)
		return NULL;
	return &fleet->hosts[host].seen;
}

uint32_t fleet_host_count(const struct fleet *fleet) { return fleet->host_room; }

/* Known or made; FLEET_NONE: no room, counted. */
static uint32_t host_get(struct fleet *fleet, struct str name)
{
	struct fleet_host made = { .load = NAN };
	uint32_t found = fleet_host_find(fleet, name);
	if (found != FLEET_NONE || !name.len || str_copy(name, made.name, sizeof made.name))
		return found;
	for (uint32_t i = 0; i < fleet->host_room; i++) {
		if (fleet->hosts[i].used)
			continue;
		fleet->hosts[i] = (struct host){ .seen = made, .used = true };
		return i;
	}
	fleet->counts.hosts_refused++;
	return FLEET_NONE;
}

void host_leave(struct terminal *t)
{
	struct fleet *fleet = t->fleet;
	if (t->seen.host == FLEET_NONE)
		return;
	struct host *host = &fleet->hosts[t->seen.host];
	t->seen.host = FLEET_NONE;
	host->seen.instances--;
	drop_unless_needed(fleet, host);
}

void host_join(struct terminal *t, struct str name)
{
	struct fleet *fleet = t->fleet;
	if (t->seen.host != FLEET_NONE &&
	    str_eq(str_of(fleet->hosts[t->seen.host].seen.name), name))
		return;
	host_leave(t);
	t->seen.host = host_get(fleet, name);
	t->dirty = true;
	if (t->seen.host != FLEET_NONE)
		fleet->hosts[t->seen.host].seen.instances++;
}

bool host_drains(const struct terminal *t)
{
	return t->seen.host != FLEET_NONE && t->fleet->hosts[t->seen.host].seen.draining;
}

void host_load(struct terminal *t, const struct mfp_frame *frame)
{
	struct fleet *fleet = t->fleet;
	char text[64];
	if (t->seen.host == FLEET_NONE)
		return;
	struct fleet_host *host = &fleet->hosts[t->seen.host].seen;
	host->cores = mfp_i64(frame, MFP_host_cores, host->cores);
	if (!mfp_has(frame, MFP_host_la))
		return;
	host->load = number_to_double(mfp_number(frame, MFP_host_la));
	bool per_core = fleet->settings.load_per_core && host->cores > 0;
	double value = per_core ? host->load / (double)host->cores : host->load;
	int len = snprintf(text, sizeof text, "load %.2f%s", value, per_core ? " a core" : "");
	alert_value(fleet->alerts, ALERT_high_load, str_of(host->name), value,
		    str_make(text, (size_t)len));
}

void fleet_agent(struct fleet *fleet, struct str name, bool connected)
{
	fleet_begin(fleet);
	uint32_t host = connected ? host_get(fleet, name) : fleet_host_find(fleet, name);
	if (host == FLEET_NONE)
		return;
	fleet->hosts[host].seen.agent = connected;
	drop_unless_needed(fleet, &fleet->hosts[host]);
	fleet_settle(fleet);
}
