/* Whether a terminal may have a signal now: symbols, halts, limits. */
#include "base/check.h"
#include "trade/deliveries_impl.h"

bool delivery_map_symbol(struct delivery *delivery, const struct delivery_terminal *terminal)
{
	const struct symbols *symbols = delivery->owner->config.symbols;
	struct str name = signal_text(&delivery->posting->signal, SIGNAL_sym), to;
	if (!symbols || !name.len)
		return true;
	switch (symbols_find(symbols, terminal->server, name, &to)) {
	case SYMBOLS_UNKNOWN: return false;
	case SYMBOLS_AS_IT_IS: return true;
	case SYMBOLS_MAPPED: break;
	}
	/* The settings bound it: CONFIG_SYMBOL_BYTES. */
	return str_copy(to, delivery->symbol, sizeof delivery->symbol) == STATUS_OK;
}

/* What a halt stops: new positions and orders, and an order's price. */
static bool is_stopped_by_halts(const struct posting *posting)
{
	const struct signal *signal = &posting->signal;
	return posting->opens || (str_eq(signal_text(signal, SIGNAL_act), STR("modify")) &&
				  signal_text(signal, SIGNAL_ord).len > 0);
}

static bool holds(const struct halts *halts, const struct delivery_terminal *terminal)
{
	return halts_hold(halts, terminal->id, terminal->groups, terminal->group_count);
}

static void about(const struct delivery *delivery, struct delivery_terminal *terminal)
{
	const struct delivery_hooks *hooks = &delivery->owner->hooks;
	*terminal = (struct delivery_terminal){ 0 };
	hooks->about(hooks->ctx, delivery->slot, terminal);
	CHECK(terminal->group_count <= DELIVERY_GROUPS_MAX);
}

bool delivery_is_halted(const struct delivery *delivery)
{
	const struct halts *halts = delivery->owner->config.halts;
	struct delivery_terminal terminal;
	if (!halts || !halts->count || !is_stopped_by_halts(delivery->posting))
		return false;
	about(delivery, &terminal);
	return holds(halts, &terminal);
}

/* The limits know it among what is on its way, and are to be asked as if they did not. */
static const char *check_limits(struct delivery *delivery, enum limits_stage stage)
{
	struct limits *limits = delivery->owner->config.limits;
	const struct posting *posting = delivery->posting;
	struct delivery_terminal terminal;
	about(delivery, &terminal);
	const struct limits_ask ask = {
		.slot = delivery->slot,
		.symbol = signal_text(&posting->signal, SIGNAL_sym),
		.groups = terminal.groups,
		.group_count = terminal.group_count,
		.volume = posting->volume,
	};
	delivery_count(delivery, -1);
	const char *why = limits_check(limits, &ask, stage);
	delivery_count(delivery, 1);
	return why;
}

const char *delivery_barred(struct delivery *delivery, enum limits_stage stage)
{
	if (delivery->unmapped)
		return signal_field_name(SIGNAL_sym);
	if (delivery_is_halted(delivery))
		return "halted";
	if (delivery->owner->opening_why && delivery->posting->opens && !delivery->posting->again &&
	    stage == LIMITS_TAKING)
		return delivery->owner->opening_why;
	if (!delivery->owner->config.limits || !delivery->posting->opens)
		return NULL;
	return check_limits(delivery, stage);
}
