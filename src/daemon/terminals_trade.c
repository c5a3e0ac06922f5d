/* What the trade cores ask of the fleet: who is meant, who is where, what is open. */
#include "base/check.h"
#include "base/log.h"
#include "daemon/terminals_impl.h"
#include "os/secret.h"

enum { E8_PLACES = 8 };

/* ---- who is meant ---- */

static bool is_in_group(const struct instance *instance, struct str group)
{
	for (uint32_t i = 0; i < instance->identity.group_count; i++)
		if (str_eq(str_of(instance->identity.groups[i]), group))
			return true;
	return false;
}

static bool is_draining(const struct fleet *fleet, const struct instance *instance)
{
	const struct fleet_host *host =
	    instance->host == FLEET_NONE ? NULL : fleet_host_at(fleet, instance->host);
	return host && host->draining;
}

static bool is_meant(const struct fleet *fleet, const struct instance *instance,
		     const struct target *target)
{
	switch (target->kind) {
	case TARGET_INSTANCE: return str_eq(str_of(instance->identity.id), target->name);
	case TARGET_ACCOUNT:
		return instance->login == target->login &&
		       str_eq(str_of(instance->server), target->name);
	case TARGET_GROUP:
		return is_in_group(instance, target->name) &&
		       !(target->no_drain && is_draining(fleet, instance));
	case TARGET_ALL: return true;
	}
	return false;
}

static size_t members(void *ctx, const struct target *target, uint32_t *slots, size_t room)
{
	const struct fleet *fleet = ((struct terminals *)ctx)->fleet;
	size_t count = 0;
	if (target->kind == TARGET_INSTANCE) {
		uint32_t slot = fleet_find(fleet, target->name);
		if (slot != FLEET_NONE && room > 0)
			slots[0] = slot;
		return slot != FLEET_NONE;
	}
	for (uint32_t slot = 0; slot < fleet_room(fleet); slot++) {
		const struct instance *instance = fleet_at(fleet, slot);
		if (!instance || !is_meant(fleet, instance, target))
			continue;
		if (count < room)
			slots[count] = slot;
		count++;
	}
	return count;
}

static void about(void *ctx, uint32_t slot, struct delivery_terminal *out)
{
	const struct instance *instance = fleet_at(((struct terminals *)ctx)->fleet, slot);
	if (!instance)
		return;
	out->id = str_of(instance->identity.id);
	out->server = str_of(instance->server);
	while (out->group_count < instance->identity.group_count &&
	       out->group_count < DELIVERY_GROUPS_MAX) {
		out->groups[out->group_count] = str_of(instance->identity.groups[out->group_count]);
		out->group_count++;
	}
}

void terminals_members_hooks(struct delivery_hooks *hooks)
{
	hooks->members = members;
	hooks->about = about;
}

/* ---- what is open ---- */

/* Beyond 63 bits it is nobody's money: as much as there can be. */
static int64_t e8_of(struct number number)
{
	i128 value = (i128)number.mantissa;
	for (int32_t places = number.digits; places < E8_PLACES; places++)
		value *= 10;
	for (int32_t places = number.digits; places > E8_PLACES; places--)
		value /= 10;
	const i128 most = INT64_MAX / 1024; /* sums of them must not overflow */
	return (int64_t)(value > most ? most : value < -most ? -most : value);
}

static void open_at(void *ctx, uint32_t slot, struct limits_open *out)
{
	const struct instance *instance = fleet_at(((struct terminals *)ctx)->fleet, slot);
	uint32_t count = instance && instance->positions ? positions_count(instance->positions) : 0;
	out->positions = count;
	for (uint32_t i = 0; i < count; i++) {
		const struct position *position = positions_at(instance->positions, i);
		out->volume += e8_of(position->volume);
		out->profit += e8_of(position->profit) + e8_of(position->swap);
	}
}

static bool shows(void *ctx, uint32_t slot, uint64_t id)
{
	const struct instance *instance = fleet_at(((struct terminals *)ctx)->fleet, slot);
	uint32_t count = instance && instance->positions ? positions_count(instance->positions) : 0;
	for (uint32_t i = 0; i < count; i++)
		if (positions_at(instance->positions, i)->id == id)
			return true;
	return false;
}

static size_t in_group(void *ctx, struct str name, uint32_t *slots, size_t room)
{
	const struct target target = { .kind = TARGET_GROUP, .name = name };
	return members(ctx, &target, slots, room);
}

static void account(void *ctx, uint32_t slot, struct str *server, int64_t *login)
{
	const struct instance *instance = fleet_at(((struct terminals *)ctx)->fleet, slot);
	*server = instance ? str_of(instance->server) : STR("");
	*login = instance ? instance->login : 0;
}

/* What a deal changed the balance by; deposits and the like are no profit. */
static int64_t profit_of(const struct result *result)
{
	static const enum result_field parts[] = { RESULT_pnl, RESULT_com, RESULT_swp, RESULT_fee };
	struct str side = result->fields[RESULT_sd];
	struct number number;
	int64_t sum = 0;
	if (side.len && !str_eq(side, STR("buy")) && !str_eq(side, STR("sell")))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (number_parse(result->fields[parts[i]], &number) == STATUS_OK)
			sum += e8_of(number);
	return sum;
}

void terminals_note_deal(struct terminals *terminals, const struct instance *instance,
			 const struct result *result, int64_t now_ms)
{
	int64_t profit = result->deal ? profit_of(result) : 0;
	int64_t at_ms = result->server_ms ? result->server_ms - instance->offset_s * 1000 : now_ms;
	if (profit)
		limits_deal(terminals->limits, str_of(instance->server), instance->login,
			    result->deal, at_ms, profit);
}

/* ---- made ---- */

enum status terminals_configure_trade(struct terminals *terminals, const struct config *config)
{
	enum status status = symbols_configure(terminals->symbols, config);
	return status ? status : limits_configure(terminals->limits, config);
}

enum status terminals_build_trade(struct terminals *terminals, uint32_t room, struct err *err)
{
	const struct limits_hooks limits = { open_at, shows, in_group, account, terminals };
	const struct delivery_hooks hooks = terminals_delivery_hooks(terminals);
	struct deliveries_config config = { .slots = room };
	enum status status = secret_random(config.secret, sizeof config.secret, err);
	if (status)
		return status;
	terminals->symbols = symbols_create();
	terminals->limits = limits_create(room, &limits);
	if (!terminals->symbols || !terminals->limits ||
	    terminals_configure_trade(terminals, terminals->config.config))
		return err_set(err, STATUS_NO_MEMORY, "no memory for limits and symbols");
	config.symbols = terminals->symbols;
	config.halts = &terminals->halts;
	config.limits = terminals->limits;
	terminals->deliveries = deliveries_create(&config, &hooks);
	if (!terminals->deliveries)
		return err_set(err, STATUS_NO_MEMORY, "no memory for %u terminals", room);
	return STATUS_OK;
}

void terminals_destroy_trade(struct terminals *terminals)
{
	deliveries_destroy(terminals->deliveries);
	limits_destroy(terminals->limits);
	symbols_destroy(terminals->symbols);
}
