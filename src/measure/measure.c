/* A run: servers in a folder of their own, filled segment by segment, and gone at the end. */
#include "measure/measure.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "measure/measure_impl.h"

enum { LOOP_TIMERS = 256, TOLD_TIMERS = 64, FOLDER_BASE_MAX = 60 };

static const int64_t patience_ns = 30000000000;
/* A server is busy for as long as it takes to read half a megabyte. */
static const int64_t deadline_ns = 60000000000;

/* ---- trouble ---- */

bool measure_good(const struct measure *m) { return m->status == STATUS_OK; }

void measure_fail(struct measure *m, enum status status, const char *format, ...)
{
	char text[400];
	va_list args;
	if (!measure_good(m))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	m->status = err_set(m->err, status, "%s", text);
}

/* ---- what is asked for ---- */

static int64_t part(int64_t value, int64_t scale_1000, int64_t least)
{
	int64_t scaled = (value * scale_1000 + 999) / 1000;
	if (value < least)
		return value;
	return scaled > least ? scaled : least;
}

/* Markets come by fours: an asset of the simulator has a market of each kind. */
struct plan_load measure_scaled(const struct plan_load *load, int64_t scale_1000)
{
	struct plan_load scaled = *load;
	scaled.instances = part(load->instances, scale_1000, 2);
	scaled.sessions = part(load->sessions, scale_1000, 20);
	scaled.alerts = part(load->alerts, scale_1000, 20);
	scaled.markets = (part(load->markets, scale_1000, 4) + 3) / 4 * 4;
	if (load->markets > 0) {
		scaled.trades_s = load->trades_s * scaled.markets / load->markets;
		scaled.symbols = part(load->symbols, scaled.markets * 1000 / load->markets, 1);
	}
	if (load->trades_s > 0 && !scaled.trades_s)
		scaled.trades_s = 1;
	return scaled;
}

bool measure_wants(const struct measure *m, enum plan_component component)
{
	return measure_good(m) && m->components >> component & 1;
}

static uint32_t wanted_components(const struct measure_config *config, int64_t terminals)
{
	uint32_t ours = 1u << PLAN_idle, usual = ours;
	for (int i = 0; i < PLAN_COMPONENTS; i++) {
		const struct plan_component_row *row = plan_component_row((enum plan_component)i);
		if (row->segment == SEGMENT_COUNT)
			continue;
		ours |= 1u << i;
		if (row->counts || terminals <= MEASURE_OTHER_CASES_MAX)
			usual |= 1u << i;
	}
	return config->components ? config->components & ours : usual;
}

static uint32_t wanted_segments(uint32_t components)
{
	uint32_t mask = 0;
	for (int i = 0; i < PLAN_COMPONENTS; i++) {
		enum segment segment = plan_component_row((enum plan_component)i)->segment;
		if (segment < SEGMENT_COUNT && components >> i & 1)
			mask |= 1u << segment;
	}
	return components >> PLAN_idle & 1 ? SEGMENTS_ALL : mask;
}

void measure_tell(struct measure *m, const char *what, int64_t done, int64_t total)
{
	if (m->progress && measure_good(m))
		m->progress(m->progress_ctx, what, done, total);
}

void measure_item(struct measure *m, enum plan_item item, int64_t count, int64_t bytes)
{
	if (!measure_good(m) || count <= 0)
		return;
	m->out->items[item] = count;
	m->out->costs.bytes_1000[item] = (bytes * 1000 + count / 2) / count;
}

/* ---- the clock that is told ---- */

static int64_t told_monotonic(void *ctx) { return ((struct measure *)ctx)->now_ns; }

static int64_t told_wall(void *ctx)
{
	return MEASURE_START_MS * 1000000 + ((struct measure *)ctx)->now_ns;
}

void measure_pass(struct measure *m, int64_t ns)
{
	m->now_ns += ns;
	timers_run(m->timers, m->now_ns, SIZE_MAX);
}

/* ---- servers ---- */

static void on_ready(void *ctx) { ((struct measure *)ctx)->ready = true; }

static void on_failed(void *ctx, const struct err *err)
{
	struct measure *m = ctx;
	m->ready = true;
	measure_fail(m, err->status, "%s", err->text);
}

static void on_down(void *ctx, enum segment segment, const struct err *why)
{
	measure_fail(ctx, why->status, "segment %s: %s", segment_row(segment)->name, why->text);
}

/* A machine with less memory than the tables say is no news here. */
static void on_notice(void *ctx, const char *line) { (void)ctx, (void)line; }

static void on_signal(void *ctx, int signal_number)
{
	measure_fail(ctx, STATUS_CLOSED, "ended by signal %d", signal_number);
}

static void make_folder(struct measure *m)
{
	const char *dir = m->config->dir ? m->config->dir : getenv("TMPDIR");
	if (!m->config->dir && (!dir || strlen(dir) > FOLDER_BASE_MAX))
		dir = "/tmp";
	int n = snprintf(m->folder, sizeof m->folder, "%s/weir-measure-XXXXXX", dir);
	if (n < 0 || (size_t)n >= sizeof m->folder || !mkdtemp(m->folder)) {
		measure_fail(m, STATUS_IO, "no folder in %.200s: %s", dir, strerror(errno));
		m->folder[0] = 0;
	}
}

static void open_loop(struct measure *m)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	if (!measure_good(m))
		return;
	m->status = loop_create(LOOP_TIMERS, &m->loop, m->err);
	for (size_t i = 0; measure_good(m) && i < ARRAY_LEN(signals); i++)
		m->status = loop_on_signal(m->loop, signals[i], on_signal, m);
	m->timers = timers_create(TOLD_TIMERS);
	if (!m->timers)
		measure_fail(m, STATUS_NO_MEMORY, "out of memory");
}

static void open_segments(struct measure *m, uint32_t mask)
{
	const struct store_config config = { .state_dir = m->folder,
					     .redis_server = m->config->redis_server,
					     .deadline_ns = deadline_ns };
	const struct segment_events events = { .on_ready = on_ready,
					       .on_failed = on_failed,
					       .on_down = on_down,
					       .on_notice = on_notice,
					       .ctx = m };
	if (!measure_good(m))
		return;
	m->guard = measure_guard_begin(m->folder);
	if (m->guard.pid < 0) {
		measure_fail(m, STATUS_IO, "no child process: %s", strerror(errno));
		return;
	}
	m->status = segments_open(m->loop, &config, mask, &events, &m->segments, m->err);
	if (!measure_good(m))
		return;
	if (!loop_turn_until(m->loop, &m->ready, patience_ns))
		measure_fail(m, STATUS_TIMEOUT, "the servers have not answered");
	for (int i = 0; i < SEGMENT_COUNT; i++)
		if (mask >> i & 1)
			measure_guard_tell(&m->guard, measure_pid(m, (enum segment)i));
}

static void each_segment(struct measure *m, uint32_t mask,
			 void (*fn)(struct measure *m, enum segment segment))
{
	for (int i = 0; measure_good(m) && i < SEGMENT_COUNT; i++)
		if (mask >> i & 1)
			fn(m, (enum segment)i);
}

static void note_idle(struct measure *m, enum segment segment)
{
	struct measure_segment *row = &m->out->segments[segment];
	measure_prepare_server(m, segment);
	struct measure_memory memory = measure_memory(m, segment);
	row->idle = memory.used;
	measure_process(measure_pid(m, segment), &row->idle_rss, &row->idle_own);
	memcpy(m->out->version, memory.version, sizeof m->out->version);
}

static void note_filled(struct measure *m, enum segment segment)
{
	struct measure_segment *row = &m->out->segments[segment];
	struct measure_memory memory = measure_memory(m, segment);
	if (memory.used <= row->used)
		return; /* what was there at once is what counts */
	row->used = memory.used;
	row->peak = memory.peak;
	row->keys = memory.keys;
	row->rss = memory.rss;
	row->fragmentation_1000 = memory.rss * 1000 / memory.used;
}

void measure_note_filled(struct measure *m, enum segment segment)
{
	if (measure_good(m))
		note_filled(m, segment);
}

static void count_idle(struct measure *m, uint32_t mask)
{
	int64_t used = 0, rss = 0, count = 0;
	for (int i = 0; i < SEGMENT_COUNT; i++) {
		if (!(mask >> i & 1))
			continue;
		used += m->out->segments[i].idle;
		rss += m->out->segments[i].idle_rss;
		count++;
	}
	if (!measure_good(m) || !count)
		return;
	m->out->costs.idle = used / count;
	m->out->costs.idle_rss = rss / count;
	if (measure_wants(m, PLAN_idle)) {
		m->out->bytes[PLAN_idle] = rss;
		m->out->components[PLAN_idle].bytes = rss;
		m->out->components[PLAN_idle].items = count;
	}
}

/* ---- the whole ---- */

static void on_closed(void *ctx) { ((struct measure *)ctx)->closed = true; }

/* Whatever happened before: the servers end, then their folder goes. */
static void close_all(struct measure *m)
{
	measure_drop_fleet(m);
	if (m->segments) {
		segments_close(m->segments, on_closed, m);
		loop_turn_until(m->loop, &m->closed, INT64_MAX / 2);
	}
	timers_destroy(m->timers);
	if (m->loop)
		loop_destroy(m->loop);
	if (m->folder[0])
		measure_remove_folder(m->folder);
	measure_guard_end(&m->guard);
}

static void fill(struct measure *m)
{
	static void (*const fills[SEGMENT_COUNT])(struct measure * m) = {
		[SEGMENT_RTS] = measure_fill_rts,   [SEGMENT_RIS] = measure_fill_ris,
		[SEGMENT_RTSS] = measure_fill_rtss, [SEGMENT_RTRS] = measure_fill_rtrs,
		[SEGMENT_RSS] = measure_fill_rss,   [SEGMENT_RLS] = measure_fill_rls,
		[SEGMENT_RMS] = measure_fill_rms,
	};
	uint32_t mask = wanted_segments(m->components);
	each_segment(m, mask, note_idle);
	count_idle(m, mask);
	if (!measure_make_fleet(m))
		return;
	for (int i = 0; measure_good(m) && i < SEGMENT_COUNT; i++)
		if (mask >> i & 1)
			fills[i](m);
}

static void clear_result(struct measure *m)
{
	*m->out = (struct measure_result){ .load = m->out->load, .costs = plan_costs_shipped() };
	for (int i = 0; i < PLAN_COMPONENTS; i++)
		m->out->bytes[i] = m->out->components[i].bytes = -1;
	for (int i = 0; i < PLAN_ITEMS; i++)
		m->out->items[i] = -1;
}

static bool is_possible(const struct measure_config *config)
{
	const struct plan_load *load = &config->load;
	const struct {
		int64_t value, most;
	} rows[] = {
#define PLAN_LOAD(id, usual, most, what) { load->id, most },
#include "def/plan.def"
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].value < 0 || rows[i].value > rows[i].most)
			return false;
	return load->instances >= 1 && load->instances <= MEASURE_TERMINALS_MAX &&
	       config->scale_1000 >= 1 && config->scale_1000 <= 1000;
}

enum status measure_run(const struct measure_config *config, measure_progress_fn *progress,
			void *ctx, struct measure_result *out, struct err *err)
{
	struct err none;
	if (!is_possible(config))
		return err_set(err, STATUS_INVALID,
			       "measure: a load that no server can be filled with");
	struct measure *m = calloc(1, sizeof *m);
	if (!m)
		return err_set(err, STATUS_NO_MEMORY, "measure: out of memory");
	int64_t began_ns = loop_precise_ns();
	out->load = measure_scaled(&config->load, config->scale_1000);
	*m = (struct measure){ .config = config,
			       .out = out,
			       .load = &out->load,
			       .progress = progress,
			       .progress_ctx = ctx,
			       .components = wanted_components(config, out->load.instances),
			       .guard = { -1, -1 },
			       .err = err ? err : &none };
	m->clock = (struct clock_port){ told_monotonic, told_wall, m };
	clear_result(m);
	make_folder(m);
	open_loop(m);
	open_segments(m, wanted_segments(m->components));
	fill(m);
	close_all(m);
	memcpy(out->costs.version, out->version, sizeof out->costs.version);
	out->took_ns = loop_precise_ns() - began_ns;
	enum status status = m->status;
	free(m);
	return status ? err_wrap(err, status, "measure") : STATUS_OK;
}
