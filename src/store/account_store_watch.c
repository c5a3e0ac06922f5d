/* How long states of positions take to be written and read, for those who measure. */
#include "store/account_store_impl.h"

void account_store_watch(struct account_store *store, const struct account_watch *watch)
{
	store->watch = *watch;
}

int64_t account_precise_ns(const struct account_store *store)
{
	return store->watch.on_update ? store->watch.precise_ns() : 0;
}

static void tell(const struct account_row *row, const struct instance *instance, uint64_t id,
		 int64_t whole_ns, int64_t set_ns)
{
	const struct account_watch *watch = &row->store->watch;
	if (watch->on_update && instance)
		watch->on_update(watch->ctx, str_of(instance->identity.id), id, whole_ns, set_ns);
}

void account_watch_quiet(struct account_row *row, const struct instance *instance, uint64_t id)
{
	const struct account_watch *watch = &row->store->watch;
	if (watch->on_update)
		watch->on_quiet(watch->ctx, str_of(instance->identity.id), id);
}

void account_watch_begin(struct account_row *row, const struct instance *instance, uint64_t id)
{
	struct account_timing *timing = &row->timing;
	if (timing->number) {
		tell(row, instance, id, -1, -1);
		return;
	}
	timing->began = true;
	timing->position = id;
	timing->began_ns = clock_monotonic_ns(row->store->clock);
}

void account_watch_sent(struct account_row *row)
{
	struct account_timing *timing = &row->timing;
	timing->sent++;
	if (!timing->began || timing->number || !timing->sent)
		return;
	timing->number = timing->sent;
	timing->sent_ns = account_precise_ns(row->store);
}

/* Answers come in the order of sending. */
void account_watch_answered(struct account_row *row, enum status status)
{
	struct account_timing *timing = &row->timing;
	timing->answered++;
	if (!timing->number || timing->answered != timing->number)
		return;
	int64_t now_ns = account_precise_ns(row->store);
	timing->number = 0;
	timing->began = false;
	if (!status)
		tell(row, fleet_at(row->store->fleet, row->slot), timing->position,
		     now_ns - timing->began_ns, now_ns - timing->sent_ns);
}

void account_watch_read(struct account_row *row, uint64_t id, int64_t sent_ns)
{
	const struct account_watch *watch = &row->store->watch;
	const struct instance *instance = fleet_at(row->store->fleet, row->slot);
	if (watch->on_update && instance)
		watch->on_read(watch->ctx, str_of(instance->identity.id), id,
			       watch->precise_ns() - sent_ns);
}
