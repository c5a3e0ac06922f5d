/* bench_deliveries.c - what a signal costs the trade core: taken, sent, confirmed, ended,
 * recorded, archived; to one terminal, and to a group of 100, under symbols, halts and
 * limits.
 *
 * Stores, connections and terminals are memory: what is measured is the core. */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "report.h"
#include "trade/deliveries.h"

enum { SLOTS = 1000, GROUP = 100, SIGNALS = 20000, ROUNDS = 9 };

struct bench {
	struct deliveries *deliveries;
	char names[SLOTS][16];
	uint64_t down, done, tags[GROUP];
	size_t n_tags;
};

static size_t members(void *ctx, const struct target *target, uint32_t *slots, size_t room)
{
	uint64_t slot;
	(void)ctx;
	if (target->kind == TARGET_INSTANCE) {
		CHECK(str_to_u64(str_skip(target->name, 4), &slot) == STATUS_OK);
		slots[0] = (uint32_t)slot;
		return 1;
	}
	for (uint32_t i = 0; i < GROUP && i < room; i++)
		slots[i] = i;
	return GROUP;
}

static void about(void *ctx, uint32_t slot, struct delivery_terminal *out)
{
	out->id = str_of(((struct bench *)ctx)->names[slot]);
	out->server = STR("FPMarketsSC-Live");
	out->groups[out->group_count++] = STR("gold");
}

static uint64_t next_down(void *ctx) { return ++((struct bench *)ctx)->down; }

static enum status send_line(void *ctx, uint32_t slot, struct str line)
{
	(void)ctx, (void)slot, (void)line;
	return STATUS_OK;
}

static enum status put_result(void *ctx, const struct result *result, uint64_t tag)
{
	(void)ctx, (void)tag;
	CHECK(!result->final);
	return STATUS_OK;
}

static void on_state(void *ctx, const struct delivery_view *view) { (void)ctx, (void)view; }

static enum delivery_told on_ended(void *ctx, const struct delivery_end *end)
{
	struct bench *bench = ctx;
	bench->tags[bench->n_tags++] = end->tag;
	return DELIVERY_TOLD_KEPT;
}

static void on_done(void *ctx, uint64_t sid, struct delivery_entry_id entry)
{
	(void)sid, (void)entry;
	((struct bench *)ctx)->done++;
}

static void on_queue(void *ctx, uint32_t slot, uint32_t waiting, uint32_t in_flight)
{
	(void)ctx, (void)slot, (void)waiting, (void)in_flight;
}

static void open_at(void *ctx, uint32_t slot, struct limits_open *out)
{
	(void)ctx, (void)slot;
	out->positions = 3;
}

static bool shows(void *ctx, uint32_t slot, uint64_t position)
{
	(void)ctx, (void)slot, (void)position;
	return true;
}

static size_t group(void *ctx, struct str name, uint32_t *slots, size_t room)
{
	const struct target target = { .kind = TARGET_GROUP, .name = name };
	return members(ctx, &target, slots, room);
}

static void account(void *ctx, uint32_t slot, struct str *server, int64_t *login)
{
	(void)ctx;
	*server = STR("FPMarketsSC-Live");
	*login = slot;
}

static void answer(struct bench *bench, uint32_t slot, uint64_t sid)
{
	char line[160];
	struct mfp_frame frame;
	struct mfp_fault fault;
	struct result result;
	const struct result_owner owner = { str_of(bench->names[slot]), STR("S"), slot };
	snprintf(line, sizeof line, "R 1 sid=%llu st=done rc=10009 deal=%llu pos=%llu",
		 (unsigned long long)sid, (unsigned long long)sid, (unsigned long long)sid);
	CHECK(mfp_read(str_of(line), MFP_PEER, &frame, &fault) == STATUS_OK);
	CHECK(result_of_frame(&result, &frame, &owner, 1784046190000) == STATUS_OK);
	deliveries_recorded(bench->deliveries, deliveries_result(bench->deliveries, slot, &result));
}

static void signal_to(struct bench *bench, uint64_t sid, const char *to)
{
	char id[24];
	const struct str keys[] = { STR("id"),  STR("to"), STR("act"),
				    STR("sym"), STR("sd"), STR("vol") };
	snprintf(id, sizeof id, "strategy7-%llu", (unsigned long long)sid);
	const struct str values[] = { str_of(id),    str_of(to), STR("open"),
				      STR("EURUSD"), STR("buy"), STR("0.10") };
	const struct delivery_entry entry = { .id = { 1784046190000, sid },
					      .sid = sid,
					      .keys = keys,
					      .values = values,
					      .count = ARRAY_LEN(keys) };
	CHECK(deliveries_take(bench->deliveries, &entry));
}

static void archive(struct bench *bench)
{
	for (size_t i = 0; i < bench->n_tags; i++)
		deliveries_archived(bench->deliveries, bench->tags[i]);
	bench->n_tags = 0;
}

/* us a delivery. */
static double measure(struct bench *bench, bool to_group, uint64_t first, uint64_t signals)
{
	double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	for (uint64_t i = 0; i < signals; i++) {
		char to[16];
		uint32_t slot = (uint32_t)(i % SLOTS);
		snprintf(to, sizeof to, to_group ? "group:gold" : "mt5-%u", slot);
		if (i % 100 == 0) /* its rate: another second's worth */
			deliveries_step(bench->deliveries, 1784046190000 + (int64_t)i);
		signal_to(bench, first + i, to);
		for (uint32_t member = 0; member < (to_group ? GROUP : 1); member++)
			answer(bench, to_group ? member : slot, first + i);
		archive(bench);
	}
	double deliveries = (double)signals * (to_group ? GROUP : 1);
	return (seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e6 / deliveries;
}

int main(void)
{
	static struct bench bench;
	static struct halts halts;
	static struct config_problems problems;
	struct config *config;
	const struct config_source source = {
		.file_name = STR("weir.conf"),
		.file_text = STR("[symbols.FPMarketsSC-Live]\nEURUSD = EURUSD.r\n"
				 "[limits]\nmax_positions = 50\nmax_day_loss = 1000\n")
	};
	const struct limits_hooks limits_hooks = { open_at, shows, group, account, &bench };
	const struct delivery_hooks hooks = {
		.members = members,
		.about = about,
		.next_down = next_down,
		.send = send_line,
		.result = put_result,
		.state = on_state,
		.ended = on_ended,
		.done = on_done,
		.queue = on_queue,
		.ctx = &bench,
	};
	struct symbols *symbols = symbols_create();
	struct limits *limits = limits_create(SLOTS, &limits_hooks);
	const struct deliveries_config what = { .slots = SLOTS,
						.secret = { 1, 2 },
						.symbols = symbols,
						.halts = &halts,
						.limits = limits };
	CHECK(config_create(&source, &config, &problems) == STATUS_OK);
	CHECK(symbols && symbols_configure(symbols, config) == STATUS_OK);
	CHECK(limits && limits_configure(limits, config) == STATUS_OK);
	CHECK(halts_add(&halts, STR("group:other")) == STATUS_OK);
	bench.deliveries = deliveries_create(&what, &hooks);
	CHECK(bench.deliveries);
	deliveries_step(bench.deliveries, 1784046190000);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		snprintf(bench.names[slot], sizeof bench.names[slot], "mt5-%u", slot);
		deliveries_resume(bench.deliveries, slot, 0);
		deliveries_open(bench.deliveries, slot, 1000000);
	}
	struct samples one = { 0 }, many = { 0 };
	uint64_t sid = 1;
	for (int round = 0; round < ROUNDS; round++) {
		samples_add(&one, measure(&bench, false, sid, SIGNALS));
		sid += SIGNALS;
		samples_add(&many, measure(&bench, true, sid, SIGNALS / GROUP));
		sid += SIGNALS / GROUP;
	}
	CHECK(bench.done == sid - 1);
	report("a signal to one terminal, from entry to archived", &one, "us");
	report("a delivery of a signal to a group of 100", &many, "us");
	deliveries_destroy(bench.deliveries);
	limits_destroy(limits);
	symbols_destroy(symbols);
	config_destroy(config);
	return 0;
}
