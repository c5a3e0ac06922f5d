/* Results, as the terminals of the whole load bring them: one after the other, as fast, so that
 * the store gathers what it would gather. */
#include "base/check.h"
#include "def/keys.h"
#include "measure/measure_impl.h"
#include "store/result_store.h"

struct results {
	struct measure *m;
	struct result_store *store;
	bool restored;
	int64_t done;
	int64_t each_ns; /* between two of them */
};

static void on_restored(void *ctx, enum status status, const char *why)
{
	struct results *results = ctx;
	if (status)
		measure_fail(results->m, status, "%s: %s", why ? why : "results",
			     status_text(status));
	results->restored = true;
}

static void on_durable(void *ctx, uint32_t slot, int64_t epoch_ms, uint64_t seq)
{
	(void)ctx, (void)slot, (void)epoch_ms, (void)seq;
}

static void on_recorded(void *ctx, uint64_t tag) { (void)ctx, (void)tag; }

/* Whether the store has begun to speak: then it gets its answer. */
static void go_on(struct results *results, int64_t ns)
{
	measure_pass(results->m, ns);
	if (redis_pending_bytes(measure_redis(results->m, SEGMENT_RTRS)))
		measure_settle(results->m, SEGMENT_RTRS);
}

static void take(struct results *results)
{
	struct measure *m = results->m;
	uint32_t slot = (uint32_t)(results->done % m->load->instances);
	uint64_t seq = (uint64_t)(results->done / m->load->instances) + 1;
	const struct instance *instance = fleet_at(m->fleet, slot);
	struct measure_trade trade = measure_trade_of(m, slot, seq, measure_wall_ms(m));
	struct measure_line line;
	struct result result;
	char id[32];
	measure_result_frame(&line, &trade, seq);
	measure_result(instance, &line, &trade, id, measure_wall_ms(m), &result);
	enum status status =
	    result_store_take(results->store, slot, instance->epoch_ms, seq, &result, 0);
	if (status)
		measure_fail(m, status, "trade_results: %s", status_text(status));
	results->done++;
}

static void take_until(struct results *results, int64_t count, const char *what)
{
	struct measure *m = results->m;
	while (results->done < count && measure_good(m)) {
		if (results->done % 10000 == 0)
			measure_tell(m, what, results->done, count);
		take(results);
		go_on(results, results->each_ns);
	}
	for (int i = 0; i < 100; i++) /* what is gathered goes */
		go_on(results, SECOND_NS / 100);
}

static void check_results(struct results *results)
{
	struct result_store_counts counts = result_store_counts(results->store);
	if (counts.failed || counts.results != (uint64_t)results->done)
		measure_fail(results->m, STATUS_REDIS_ERR,
			     "results: %llu of %lld written, %llu batches failed",
			     (unsigned long long)counts.results, (long long)results->done,
			     (unsigned long long)counts.failed);
}

static int64_t count_of(const struct measure *m, int64_t seconds)
{
	return m->load->instances * m->load->results_s * seconds;
}

static void fill_healthy(struct results *results, int64_t *marks)
{
	struct measure *m = results->m;
	struct measure_span span = measure_begin(m, PLAN_rtrs);
	take_until(results, count_of(m, m->load->results_kept_s), "results");
	measure_end(m, &span, results->done);
	check_results(results);
	*marks = m->out->bytes[PLAN_rtrs];
	/* Redis holds what no checkpoint holds; who else is away is DuckDB's to bear. */
	if (measure_wants(m, PLAN_rtrs_away))
		m->out->components[PLAN_rtrs_away] = m->out->components[PLAN_rtrs];
	m->out->bytes[PLAN_rtrs_away] = m->out->components[PLAN_rtrs_away].bytes;
}

/* Nothing can be committed: they all stay. used: with those of before. */
static void fill_stuck(struct results *results, const struct measure_span *span, int64_t used)
{
	struct measure *m = results->m;
	int64_t before = results->done;
	result_store_save_room(results->store, true);
	take_until(results, count_of(m, m->load->away_s), "results that no checkpoint takes");
	measure_end(m, span, results->done);
	check_results(results);
	measure_note_filled(m, SEGMENT_RTRS);
	measure_item(m, PLAN_ITEM_result_stuck, results->done - before,
		     measure_used(m, SEGMENT_RTRS) - used);
}

/* The marks are what goes when they are removed. used: with `count` results. */
static void count_costs(struct results *results, int64_t before, int64_t used, int64_t count)
{
	struct measure *m = results->m;
	int64_t keys;
	int64_t marks = measure_remove(m, SEGMENT_RTRS, key_fleet_up_prefix(), &keys);
	measure_item(m, PLAN_ITEM_fleet_up, m->load->instances, marks);
	measure_item(m, PLAN_ITEM_result, count, used - before - marks);
}

static void fill(struct results *results)
{
	struct measure *m = results->m;
	int64_t healthy = 0;
	result_store_use_packing(results->store, true);
	result_store_restore(results->store, on_restored, results);
	for (int i = 0; i < 1000 && !results->restored; i++)
		go_on(results, SECOND_NS / 1000);
	struct measure_span stuck = measure_begin(m, PLAN_rtrs_stuck);
	fill_healthy(results, &healthy);
	measure_note_filled(m, SEGMENT_RTRS);
	int64_t used = measure_used(m, SEGMENT_RTRS), count = results->done;
	if (measure_wants(m, PLAN_rtrs_stuck))
		fill_stuck(results, &stuck, used);
	count_costs(results, stuck.before.used, used, count);
}

void measure_fill_rtrs(struct measure *m)
{
	const struct plan_load *whole = &m->config->load;
	struct results results = { .m = m };
	const struct result_store_hooks hooks = { on_durable, on_recorded, &results };
	if (!measure_good(m) || !count_of(m, m->load->results_kept_s))
		return;
	results.each_ns = SECOND_NS / (whole->instances * whole->results_s);
	results.store = result_store_create(measure_redis(m, SEGMENT_RTRS), m->fleet, m->timers,
					    &m->clock, &hooks);
	if (results.store)
		fill(&results);
	else
		measure_fail(m, STATUS_NO_MEMORY, "out of memory");
	measure_settle(m, SEGMENT_RTRS);
	result_store_destroy(results.store);
}
