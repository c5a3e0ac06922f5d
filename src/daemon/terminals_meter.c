/* What the trade meter is told: signals as they come, states of positions as they are written. */
#include "daemon/terminals_impl.h"
#include "trade/trade_meter.h"

static struct str value_of(const struct signal_entry *entry, struct str key)
{
	for (size_t i = 0; i < entry->count && i < SIGNAL_FIELDS_MAX; i++)
		if (str_eq(entry->keys[i], key))
			return entry->values[i];
	return STR("");
}

/* Asked before it is taken: neither of before this run, nor one whose id another entry has. */
bool terminals_meter_is_new(const struct terminals *terminals, const struct signal_entry *entry)
{
	uint64_t sid;
	bool known = deliveries_known(terminals->deliveries, value_of(entry, STR("id")), &sid);
	return !entry->again && (!known || sid == entry->sid);
}

void terminals_meter_signal(struct terminals *terminals, const struct signal_entry *entry)
{
	trade_meter_signal(terminals->config.meter, entry->sid, value_of(entry, STR("id")),
			   value_of(entry, STR("act")));
}

static void on_update(void *ctx, struct str instance, uint64_t position, int64_t whole_ns,
		      int64_t set_ns)
{
	const struct terminals *terminals = ctx;
	trade_meter_update(terminals->config.meter, instance, position, whole_ns, set_ns,
			   loop_now_ns(terminals->config.loop) / 1000000);
}

static void on_quiet(void *ctx, struct str instance, uint64_t position)
{
	const struct terminals *terminals = ctx;
	trade_meter_quiet(terminals->config.meter, instance, position,
			  loop_now_ns(terminals->config.loop) / 1000000);
}

static void on_read(void *ctx, struct str instance, uint64_t position, int64_t took_ns)
{
	const struct terminals *terminals = ctx;
	trade_meter_read(terminals->config.meter, instance, position, took_ns);
}

void terminals_meter_accounts(struct terminals *terminals)
{
	const struct account_watch watch = { on_update, on_quiet, on_read, loop_precise_ns,
					     terminals };
	account_store_watch(terminals->accounts, &watch);
}
