/* Signals to one, to groups and to all, against a world: a stream, a store of results, an
 * archive that commits late, a note of members that comes late or not, terminals that lose
 * connections and answers and open positions that they show late, operators who halt, limits,
 * and a weir that dies anywhere. What must hold, at each moment:
 *   every delivery ends once: one final result, one row; a trade is never called otherwise;
 *   an entry is gone from the stream only when the rows of all its deliveries are there;
 *   nothing with time left goes to a terminal that is halted, or after its time;
 *   no terminal of an account with a limit ever holds more positions than that;
 *   the members of an entry are written down before the first of them is sent;
 *   an entry whose id came before has no delivery at all;
 *   what was taken is waiting, in flight, ended or over: the ledger's sum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/fanout_world.h"

/* An entry that ended as a whole has no orders; each other has one of each member, and
 * members are who it was to, or who was noted. */
static void check_entry(const struct world *world, int at)
{
	const struct entry *entry = &world->entries[at];
	int finals = 0;
	assert_false(entry->there);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		const struct order *order = &entry->orders[slot];
		assert_in_range(order->finals, 0, 1);
		assert_int_equal(order->finals, order->row);
		assert_true(order->finals || !(order->known || order->noted));
		finals += order->finals;
	}
	int meant = strcmp(entry->to, "all") == 0 ? 4 : strncmp(entry->to, "group", 5) == 0 ? 3 : 1;
	assert_int_equal(finals, entry->repeats == at ? meant : 0);
	assert_false(entry->ended_alone);
}

static void prove(uint64_t seed)
{
	struct world *world = calloc(1, sizeof *world);
	assert_non_null(world);
	rng_init(&world->rng, seed);
	world->now_ms = start_ms;
	start_weir(world);
	for (int i = 0; i < STEPS; i++)
		step(world);
	world->calm = true;
	for (int i = 0; i < 3000; i++)
		step(world);
	for (int i = 0; i < world->count; i++)
		check_entry(world, i);
	struct deliveries_counts counts = deliveries_counts(world->deliveries);
	assert_int_equal(counts.waiting + counts.in_flight, 0);
	assert_true(world->halted > 0 && world->limited > 0 && world->trades > 0);
	print_message("%d entries, %d sent, %d trades, %d restarts, %d halted, %d limited\n",
		      world->count, world->sent, world->trades, world->restarts, world->halted,
		      world->limited);
	deliveries_destroy(world->deliveries);
	limits_destroy(world->limits);
	free(world);
}

static void every_delivery_ends_once_and_no_rule_is_broken(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		prove(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_delivery_ends_once_and_no_rule_is_broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
