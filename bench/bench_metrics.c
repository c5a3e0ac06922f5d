/* bench_metrics.c - what a scrape costs: /metrics of a whole weir in this process, with seven
 * Redis segments, 1,000 simulated terminals that all speak, and 80 simulated markets; thread CPU
 * time and bytes. And that what was counted of a million signals is as many series as of ten
 * thousand: signals through the deliveries' core, told to the trade meter, printed. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "daemon/daemon.h"
#include "daemon/metrics_print.h"
#include "daemon/metrics_view.h"
#include "daemon/terminals.h"
#include "def/config.h"
#include "report.h"
#include "trade/trade_meter.h"

enum { TERMINALS = 1000, MARKETS = 80, SCRAPES = 41, PAGE_MAX = 8 << 20, SLOTS = 1000 };
static const int64_t look_ns = 250000000, patience_ns = INT64_C(180000000000);

static size_t series_in(struct str page)
{
	struct str line;
	size_t series = 0;
	while (page.len && str_split(&page, '\n', &line))
		series += line.len && line.ptr[0] != '#';
	return series;
}

/* ---- a whole weir ---- */

struct scraped {
	struct daemon *daemon;
	struct timer timer;
	int64_t until_ns;
	struct samples cpu_ms;
	size_t bytes, series, terminals, markets;
	bool met;
};

/* Each has told its state. */
static bool is_whole(struct daemon *daemon)
{
	const struct fleet *fleet = terminals_fleet(daemon_terminals(daemon));
	size_t told = 0;
	for (uint32_t slot = 0; slot < fleet_room(fleet); slot++) {
		const struct instance *instance = fleet_at(fleet, slot);
		told += instance && instance->latest.known >> SAMPLE_ping & 1;
	}
	return told >= TERMINALS && markets_count(daemon_markets(daemon)) >= MARKETS;
}

static void scrape(struct scraped *scraped)
{
	struct buf page;
	buf_init(&page, PAGE_MAX);
	for (int i = 0; i < SCRAPES; i++) {
		buf_clear(&page);
		double began = seconds_of(CLOCK_THREAD_CPUTIME_ID);
		metrics_view_print(scraped->daemon, &page);
		samples_add(&scraped->cpu_ms, (seconds_of(CLOCK_THREAD_CPUTIME_ID) - began) * 1e3);
	}
	CHECK(!page.overflow);
	scraped->bytes = page.len;
	scraped->series = series_in(buf_str(&page));
	scraped->markets = markets_count(daemon_markets(scraped->daemon));
	buf_deinit(&page);
}

static void on_look(void *ctx)
{
	struct scraped *scraped = ctx;
	struct loop *loop = daemon_loop(scraped->daemon);
	bool whole = is_whole(scraped->daemon);
	if (!whole && loop_now_ns(loop) < scraped->until_ns) {
		loop_timer_after(loop, &scraped->timer, look_ns);
		return;
	}
	scraped->met = whole;
	if (whole)
		scrape(scraped);
	else
		fprintf(stderr,
			"bench_metrics: not all terminals and markets were there in time\n");
	daemon_stop(scraped->daemon);
}

static void on_ready(void *ctx, struct daemon *daemon)
{
	struct scraped *scraped = ctx;
	scraped->daemon = daemon;
	scraped->until_ns = loop_now_ns(daemon_loop(daemon)) + patience_ns;
	loop_timer_after(daemon_loop(daemon), &scraped->timer, look_ns);
}

static struct config *whole_config(void)
{
	static struct config_problems problems;
	struct config *config;
	const struct config_source source = {
		.file_name = STR("weir.conf"),
		.file_text = STR("[market]\nfeed = sim\nsymbols = BTC,ETH,SOL,BNB,XRP,ADA,DOGE,TRX,"
				 "AVAX,DOT,LINK,LTC,BCH,ATOM,UNI,ETC,XLM,NEAR,APT,FIL\n"
				 "[fleet]\ndemo = 1000\nlisten = 127.0.0.1:0\n"
				 "[archive]\nduckdb =\n[log]\nlevel = error\n")
	};
	if (config_create(&source, &config, &problems)) {
		fprintf(stderr, "bench_metrics: the configuration is wrong\n");
		exit(1);
	}
	return config;
}

static void remove_folder(const char *folder)
{
	char command[256];
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	if (system(command))
		fprintf(stderr, "bench_metrics: %s is left\n", folder);
}

/* False: it could not be measured. */
static bool run_whole(struct scraped *scraped)
{
	char folder[] = "/tmp/weir-bench-metrics-XXXXXX";
	struct config *config = whole_config();
	struct err err = { 0 };
	struct daemon *daemon = NULL;
	if (!mkdtemp(folder))
		return false;
	const struct daemon_options options = {
		.config = config,
		.state_dir = folder,
		.store = true,
		.restore = true,
		.stay = true,
		.segments = SEGMENTS_ALL,
		.fleet = true,
		.demo = true,
		.feed = DAEMON_FEED_SIMULATOR,
		.on_ready = on_ready,
		.ctx = scraped,
	};
	scraped->timer = (struct timer){ .fn = on_look, .ctx = scraped };
	bool ran = daemon_create(&options, &daemon, &err) == STATUS_OK && daemon_run(daemon) == 0;
	if (!ran)
		fprintf(stderr, "bench_metrics: %s\n", daemon ? daemon_error(daemon) : err.text);
	daemon_destroy(daemon);
	config_destroy(config);
	remove_folder(folder);
	return ran && scraped->met;
}

static bool bench_whole(void)
{
	struct scraped scraped = { 0 };
	if (!run_whole(&scraped))
		return false;
	printf("/metrics of %d terminals and %zu markets: %zu series\n", TERMINALS, scraped.markets,
	       scraped.series);
	double median = report("a scrape, thread CPU", &scraped.cpu_ms, "ms");
	bool met = report_bound("a scrape, thread CPU, median", median, "ms", false, 5);
	met &= report_bound("a scrape", (double)scraped.bytes / (1 << 20), "MiB", false, 2);
	return met;
}

/* ---- many signals ---- */

struct signals {
	struct deliveries *deliveries;
	struct trade_meter *meter;
	char names[SLOTS][16];
	uint64_t down, refused; /* refused: the tag of weir's own result; 0 none */
};

static size_t members(void *ctx, const struct target *target, uint32_t *slots, size_t room)
{
	uint64_t slot;
	(void)ctx, (void)room;
	CHECK(str_to_u64(str_skip(target->name, 4), &slot) == STATUS_OK);
	slots[0] = (uint32_t)slot;
	return 1;
}

static void about(void *ctx, uint32_t slot, struct delivery_terminal *out)
{
	out->id = str_of(((struct signals *)ctx)->names[slot]);
	out->server = STR("S");
}

static uint64_t next_down(void *ctx) { return ++((struct signals *)ctx)->down; }

static enum status send_line(void *ctx, uint32_t slot, struct str line)
{
	(void)ctx, (void)slot, (void)line;
	return STATUS_OK;
}

static enum status put_result(void *ctx, const struct result *result, uint64_t tag)
{
	struct signals *signals = ctx;
	signals->refused = tag;
	trade_meter_result(signals->meter, result);
	return STATUS_OK;
}

static void on_state(void *ctx, const struct delivery_view *view) { (void)ctx, (void)view; }

static enum delivery_told on_ended(void *ctx, const struct delivery_end *end)
{
	trade_meter_end(((struct signals *)ctx)->meter, end);
	return DELIVERY_TOLD_GONE;
}

static void on_done(void *ctx, uint64_t sid, struct delivery_entry_id entry)
{
	(void)ctx, (void)sid, (void)entry;
}

static void on_queue(void *ctx, uint32_t slot, uint32_t waiting, uint32_t in_flight)
{
	(void)ctx, (void)slot, (void)waiting, (void)in_flight;
}

static void take(struct signals *signals, uint64_t sid, const char *act)
{
	char id[24], to[16];
	const struct str keys[] = { STR("id"), STR("to"), STR("act"), STR("pos") };
	snprintf(id, sizeof id, "s-%llu", (unsigned long long)sid);
	snprintf(to, sizeof to, "mt5-%u", (unsigned)(sid % SLOTS));
	const struct str values[] = { str_of(id), str_of(to), str_of(act), STR("7") };
	const struct delivery_entry entry = { .id = { 1784046190000, sid },
					      .sid = sid,
					      .keys = keys,
					      .values = values,
					      .count = ARRAY_LEN(keys) };
	trade_meter_signal(signals->meter, sid, str_of(id), str_of(act));
	CHECK(deliveries_take(signals->deliveries, &entry));
}

static void answer(struct signals *signals, uint64_t sid)
{
	char line[160];
	struct mfp_frame frame;
	struct mfp_fault fault;
	struct result result;
	uint32_t slot = (uint32_t)(sid % SLOTS);
	const struct result_owner owner = { str_of(signals->names[slot]), STR("S"), slot };
	snprintf(line, sizeof line, "R 1 sid=%llu st=%s rc=10009 slp=%llu ex=%llu",
		 (unsigned long long)sid, sid % 9 ? "done" : "fail", (unsigned long long)(sid % 40),
		 (unsigned long long)(20 + sid % 300));
	CHECK(mfp_read(str_of(line), MFP_PEER, &frame, &fault) == STATUS_OK);
	CHECK(result_of_frame(&result, &frame, &owner, 1784046190000) == STATUS_OK);
	uint64_t tag = deliveries_result(signals->deliveries, slot, &result);
	trade_meter_result(signals->meter, &result);
	deliveries_recorded(signals->deliveries, tag);
}

/* Half of them close something that there is, half ask for what cannot be. */
static void run_signals(struct signals *signals, uint64_t first, uint64_t count)
{
	for (uint64_t sid = first; sid < first + count; sid++) {
		bool good = sid % 2 == 0;
		if (sid % 100 == 0)
			deliveries_step(signals->deliveries, 1784046190000 + (int64_t)sid);
		take(signals, sid, good ? "close" : "open");
		if (good)
			answer(signals, sid);
		else if (signals->refused)
			deliveries_recorded(signals->deliveries, signals->refused);
		signals->refused = 0;
	}
}

static size_t signal_series(const struct signals *signals)
{
	struct buf page;
	buf_init(&page, PAGE_MAX);
	metrics_deliveries_put(signals->deliveries, &page);
	metrics_trade_put(signals->meter, &page);
	size_t series = series_in(buf_str(&page));
	CHECK(!page.overflow);
	buf_deinit(&page);
	return series;
}

static bool bench_signals(void)
{
	static struct signals signals;
	const struct deliveries_config config = { .slots = SLOTS, .secret = { 1, 2 } };
	const struct delivery_hooks hooks = { .members = members,
					      .about = about,
					      .next_down = next_down,
					      .send = send_line,
					      .result = put_result,
					      .state = on_state,
					      .ended = on_ended,
					      .done = on_done,
					      .queue = on_queue,
					      .ctx = &signals };
	signals.meter = trade_meter_create();
	signals.deliveries = deliveries_create(&config, &hooks);
	CHECK(signals.meter && signals.deliveries);
	deliveries_step(signals.deliveries, 1784046190000);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		snprintf(signals.names[slot], sizeof signals.names[slot], "mt5-%u", slot);
		deliveries_resume(signals.deliveries, slot, 0);
		deliveries_open(signals.deliveries, slot, 1000);
	}
	run_signals(&signals, 1000, 10000);
	size_t few = signal_series(&signals);
	double began = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	run_signals(&signals, 11000, 990000);
	printf("990,000 signals: %.2f s of CPU\n", seconds_of(CLOCK_THREAD_CPUTIME_ID) - began);
	size_t many = signal_series(&signals);
	CHECK(trade_meter_counts(signals.meter)->signal_s.count > 400000);
	printf("series of signals and results after 10,000 signals: %zu, after 1,000,000: %zu\n",
	       few, many);
	deliveries_destroy(signals.deliveries);
	trade_meter_destroy(signals.meter);
	return report_bound("series more after 1,000,000 signals than after 10,000",
			    (double)many - (double)few, "series", false, 0);
}

int main(void)
{
	bool met = bench_signals();
	met &= bench_whole();
	return met ? 0 : 1;
}
