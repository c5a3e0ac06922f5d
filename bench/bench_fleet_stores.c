/* What the stores of the fleet cost weir itself: nanoseconds of a terminal's second, without
 * the server and the connection (a port that counts and answers stands in their place), how
 * many commands and bytes they send, and the memory they hold, for 1,000 terminals of which
 * 24 numbers move each second, and for all 64; and for a hundred open positions each whose
 * price moves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/samples_load.h"
#include "base/check.h"
#include "report.h"
#include "store/account_store.h"
#include "store/instance_store.h"

enum {
	TERMINALS = 1000,
	SECONDS = 150,
	WARM = 30,
	PENDING = 1 << 20,
	TRADERS = 100,
	POSITIONS = 100
};

/* ---- a server that says yes ---- */

struct yes {
	struct redis_port port;
	uint64_t commands, bytes;
	struct pending {
		redis_reply_fn fn;
		void *ctx;
		struct redis_reply reply;
	} * pending;
	size_t count;
	bool whole;    /* the open transaction begins with an empty hash */
	int64_t pairs; /* of its newest HSET */
	struct redis_reply items[4096];
	size_t item_count;
};

static size_t digits_of(size_t n)
{
	size_t digits = 1;
	for (; n >= 10; n /= 10)
		digits++;
	return digits;
}

/* "*2\r\n$4\r\nPING\r\n" */
static size_t resp_bytes(const struct str *argv, size_t argc)
{
	size_t bytes = 3 + digits_of(argc);
	for (size_t i = 0; i < argc; i++)
		bytes += 5 + digits_of(argv[i].len) + argv[i].len;
	return bytes;
}

static int64_t answer_of(struct yes *yes, const struct str *argv, size_t argc)
{
	bool hash = str_eq(argv[0], STR("HSET"));
	yes->whole |= str_eq(argv[0], STR("UNLINK"));
	if (hash)
		return yes->whole ? (int64_t)(argc - 2) / 2 : 0;
	return str_eq(argv[0], STR("EXPIRE")) || str_eq(argv[0], STR("UNLINK"));
}

static enum status yes_command(struct redis_port *port, const struct str *argv, size_t argc,
			       redis_reply_fn fn, void *ctx)
{
	struct yes *yes = (struct yes *)port;
	struct redis_reply reply = { .type = REDIS_INTEGER, .integer = answer_of(yes, argv, argc) };
	yes->commands++;
	yes->bytes += resp_bytes(argv, argc);
	if (str_eq(argv[0], STR("MULTI"))) {
		yes->item_count = 0;
		yes->whole = false;
	} else if (str_eq(argv[0], STR("EXEC"))) {
		static struct redis_reply kept[PENDING];
		static size_t used;
		if (used + yes->item_count > PENDING)
			used = 0;
		memcpy(kept + used, yes->items, yes->item_count * sizeof yes->items[0]);
		reply = (struct redis_reply){ .type = REDIS_ARRAY,
					      .count = yes->item_count,
					      .items = kept + used };
		used += yes->item_count;
		yes->whole = false;
	} else if (!fn && yes->item_count < 4096) {
		yes->items[yes->item_count++] = reply;
	}
	if (str_eq(argv[0], STR("SMEMBERS")))
		reply = (struct redis_reply){ .type = REDIS_ARRAY };
	if (str_eq(argv[0], STR("SSCAN")) || str_eq(argv[0], STR("SCAN"))) {
		static const struct redis_reply page[] = {
			{ .type = REDIS_BULK, .text = { "0", 1 } }, { .type = REDIS_ARRAY }
		};
		reply = (struct redis_reply){ .type = REDIS_ARRAY, .count = 2, .items = page };
	}
	if (fn)
		yes->pending[yes->count++] = (struct pending){ fn, ctx, reply };
	CHECK(yes->count < PENDING);
	return STATUS_OK;
}

static size_t yes_pending(const struct redis_port *port)
{
	(void)port;
	return 0;
}

static void answer_all(struct yes *yes)
{
	size_t count = yes->count;
	yes->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct pending pending = yes->pending[i];
		pending.fn(pending.ctx, STATUS_OK, &pending.reply);
	}
}

static struct yes *yes_create(void)
{
	static const struct redis_ops ops = { yes_command, yes_pending };
	struct yes *yes = calloc(1, sizeof *yes);
	CHECK(yes);
	yes->port.ops = &ops;
	yes->pending = calloc(PENDING, sizeof yes->pending[0]);
	CHECK(yes->pending);
	return yes;
}

static void yes_destroy(struct yes *yes)
{
	free(yes->pending);
	free(yes);
}

/* ---- the world ---- */

static int64_t now_ns = 1;
static int64_t told_monotonic(void *ctx) { return (void)ctx, now_ns; }
static int64_t told_wall(void *ctx) { return (void)ctx, INT64_C(1784046190000000000) + now_ns; }
static const struct clock_port clock_of = { told_monotonic, told_wall, NULL };

static struct fleet *make_fleet(struct alerts **alerts, uint32_t terminals)
{
	const struct fleet_settings settings = fleet_settings_default();
	*alerts = alerts_create(&(struct alert_hooks){ 0 });
	struct fleet *fleet =
	    fleet_create(terminals, &settings, *alerts, 1, &(struct fleet_hooks){ 0 });
	CHECK(fleet);
	for (uint32_t i = 0; i < terminals; i++) {
		struct instance_identity identity = { .host = "host-1" };
		uint32_t slot;
		snprintf(identity.id, sizeof identity.id, "mt5-%04u", i);
		CHECK(fleet_add(fleet, &identity, &slot) == STATUS_OK);
		struct instance *instance = (struct instance *)fleet_at(fleet, slot);
		CHECK(instance);
		strcpy(instance->server, "FPMarketsSC-Live");
		strcpy(instance->currency, "USD");
		instance->login = 90000000 + i;
		instance->state = INSTANCE_RUNNING;
	}
	return fleet;
}

static double cpu(void) { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }

/* ---- instances ---- */

static double row_ns, second_ns;

static void one_second(struct fleet *fleet, struct instance_store *store, struct timers *timers,
		       struct yes *yes, struct load *loads)
{
	for (int phase = 0; phase < 50; phase++) {
		for (uint32_t slot = (uint32_t)phase; slot < TERMINALS; slot += 50) {
			struct instance *instance = (struct instance *)fleet_at(fleet, slot);
			load_row(&loads[slot], &instance->latest);
			instance->heard_ms = told_wall(NULL) / 1000000;
		}
		double rows_begin = cpu();
		for (uint32_t slot = (uint32_t)phase; slot < TERMINALS; slot += 50)
			instance_store_sample(store, fleet_at(fleet, slot));
		row_ns += (cpu() - rows_begin) * 1e9;
		now_ns += 20000000;
		double begin = cpu();
		timers_run(timers, now_ns, SIZE_MAX);
		answer_all(yes);
		second_ns += (cpu() - begin) * 1e9;
	}
}

static bool bench_instances(const char *name, enum load_mix mix, double bound_ns)
{
	struct alerts *alerts;
	struct yes *yes = yes_create();
	struct timers *timers = timers_create(64);
	struct fleet *fleet = make_fleet(&alerts, TERMINALS);
	struct load *loads = calloc(TERMINALS, sizeof loads[0]);
	struct instance_store *store = instance_store_create(&yes->port, fleet, timers, &clock_of);
	CHECK(store && loads);
	size_t idle = instance_store_bytes(store);
	for (uint32_t i = 0; i < TERMINALS; i++)
		load_start(&loads[i], mix, i, 0);
	instance_store_start(store);
	for (int i = 0; i < WARM; i++)
		one_second(fleet, store, timers, yes, loads);
	row_ns = second_ns = 0;
	yes->commands = yes->bytes = 0;
	for (int i = 0; i < SECONDS; i++)
		one_second(fleet, store, timers, yes, loads);
	double each = (double)TERMINALS * SECONDS;
	struct instance_store_counts counts = instance_store_counts(store);
	CHECK(!counts.failed && !counts.chunks_lost && !counts.rows_left_out);
	printf("%s\n", name);
	bool met = report_bound("a terminal's second: hash, TTL, packing", second_ns / each, "ns",
				false, bound_ns);
	printf("%-58s %10.0f ns\n", "a row of history taken", row_ns / each);
	printf("%-58s %10.2f\n", "commands", (double)yes->commands / each);
	printf("%-58s %10.0f bytes\n", "on the wire", (double)yes->bytes / each);
	printf("%-58s %10.0f bytes idle, %.0f speaking\n", "memory a terminal",
	       (double)idle / TERMINALS, (double)instance_store_bytes(store) / TERMINALS);
	instance_store_destroy(store);
	free(loads);
	fleet_destroy(fleet);
	alerts_destroy(alerts);
	timers_destroy(timers);
	yes_destroy(yes);
	return met;
}

/* ---- accounts ---- */

static void bench_accounts(void)
{
	struct alerts *alerts;
	struct yes *yes = yes_create();
	struct timers *timers = timers_create(64);
	struct fleet *fleet = make_fleet(&alerts, TRADERS);
	struct account_store *store = account_store_create(&yes->port, fleet, timers, &clock_of);
	double told = 0, written = 0;
	CHECK(store);
	account_store_start(store);
	for (uint32_t slot = 0; slot < TRADERS; slot++)
		for (uint64_t i = 1; i <= POSITIONS; i++) {
			struct position position = { .ticket = i, .id = i, .symbol = "EURUSD" };
			position.price_now = position.profit = (struct number){ 108512, 5 };
			CHECK(positions_put(fleet_at(fleet, slot)->positions, &position) ==
			      STATUS_OK);
		}
	for (int i = 0; i < SECONDS + WARM; i++) {
		if (i == WARM) {
			told = written = 0;
			yes->commands = yes->bytes = 0;
		}
		double begin = cpu();
		for (uint32_t slot = 0; slot < TRADERS; slot++)
			for (uint32_t p = 0; p < POSITIONS; p++)
				account_store_position(
				    store, fleet_at(fleet, slot), POSITION_QUIET,
				    positions_at(fleet_at(fleet, slot)->positions, p));
		told += (cpu() - begin) * 1e9;
		begin = cpu();
		for (int phase = 0; phase < 50; phase++) {
			now_ns += 20000000;
			timers_run(timers, now_ns, SIZE_MAX);
			answer_all(yes);
		}
		written += (cpu() - begin) * 1e9;
	}
	double each = (double)TRADERS * POSITIONS * SECONDS;
	CHECK(!account_store_counts(store).failed);
	printf("%d positions of %d terminals, each moving each second\n", POSITIONS, TRADERS);
	printf("%-58s %10.0f ns\n", "a change told", told / each);
	printf("%-58s %10.0f ns\n", "a position written", written / each);
	printf("%-58s %10.2f\n", "commands a position", (double)yes->commands / each);
	printf("%-58s %10.0f bytes\n", "on the wire", (double)yes->bytes / each);
	printf("%-58s %10zu bytes\n", "memory, all", account_store_bytes(store));
	account_store_destroy(store);
	fleet_destroy(fleet);
	alerts_destroy(alerts);
	timers_destroy(timers);
	yes_destroy(yes);
}

int main(void)
{
	bool met = bench_instances("24 of 64 numbers move", LOAD_SOME, 6000);
	met = bench_instances("all 64 move", LOAD_ALL, 12000) && met;
	bench_accounts();
	return met ? 0 : 1;
}
