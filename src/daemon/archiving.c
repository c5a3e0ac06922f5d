#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "daemon/archiving_impl.h"
#include "store/alert_store.h"

static const int64_t second_ns = 1000000000;

/* ---- what the writer tells ---- */

static void on_open(void *ctx, enum status status, const struct err *err)
{
	struct archiving *archiving = ctx;
	if (status)
		archiving->config.on_open(archiving->config.ctx, status, err);
	else
		archiving_recall(archiving);
}

static void on_salvaged(void *ctx, const struct writer_salvage *what)
{
	struct archiving *archiving = ctx;
	char storage[ALERT_MESSAGE_MAX + 1];
	struct buf text = buf_over(storage, sizeof storage);
	buf_printf(&text, "its log was damaged: %llu of %llu bytes were kept, a copy is in %s",
		   (unsigned long long)what->wal_bytes_kept, (unsigned long long)what->wal_bytes,
		   what->kept);
	log_line(LOG_ERROR, "archive", "%.*s", (int)text.len, storage);
	alert_event(archiving->config.alerts, ALERT_archive_salvaged, STR("archive"), 1,
		    buf_str(&text));
	if (archiving->results)
		results_salvaged(archiving->results);
}

static void on_checkpoint(void *ctx, uint64_t number)
{
	struct archiving *archiving = ctx;
	if (archiving->results)
		results_checkpointed(archiving->results, number);
	if (archiving->started)
		archiving_ask_closed(archiving);
}

static void on_reopened(void *ctx, const char *why)
{
	(void)ctx;
	log_line(LOG_WARN, "archive", "the archive file was closed and is opened anew: %s", why);
}

static void on_trouble(void *ctx, enum status status, const char *why)
{
	struct archiving *archiving = ctx;
	if (status)
		log_line(LOG_ERROR, "archive", "%s", why);
	else
		log_line(LOG_INFO, "archive", "the archive file is well again");
	archiving_watch(archiving);
}

/* ---- what the reader of results asks and tells ---- */

static const struct instance *find(const struct archiving *archiving, struct str instance)
{
	struct fleet *fleet = archiving->terminals ? terminals_fleet(archiving->terminals) : NULL;
	uint32_t slot = fleet ? fleet_find(fleet, instance) : FLEET_NONE;
	return slot == FLEET_NONE ? NULL : fleet_at(fleet, slot);
}

static int64_t offset_ms(void *ctx, struct str id)
{
	const struct instance *instance = find(ctx, id);
	return instance && instance->login ? instance->offset_s * 1000 : INT64_MIN;
}

static bool account(void *ctx, struct str id, struct str *server, int64_t *login)
{
	const struct instance *instance = find(ctx, id);
	if (!instance || !instance->login)
		return false;
	*server = str_of(instance->server);
	*login = instance->login;
	return true;
}

static void on_broken(void *ctx, const char *what)
{
	struct archiving *archiving = ctx;
	log_line(LOG_ERROR, "archive", "trade_results: %s", what);
	alert_event(archiving->config.alerts, ALERT_archive_broken, STR("trade_results"), 1,
		    str_of(what));
}

/* ---- what was in the stream at the start ---- */

static void on_part_drained(void *ctx, enum status status);

static void on_caught_up(void *ctx, enum status status)
{
	struct archiving *archiving = ctx;
	void (*settled)(void *ctx) = archiving->settled;
	archiving->catching_up = false;
	archiving->caught_up |= status == STATUS_OK;
	archiving->settled = NULL;
	if (archiving->drain_wanted)
		results_drain(archiving->results, on_part_drained, archiving);
	archiving->drain_wanted = false;
	if (settled)
		settled(archiving->settled_ctx);
}

static void catch_up(struct archiving *archiving)
{
	/* What drains is caught up by that. */
	if (archiving->catching_up || archiving->drained || !archiving->results ||
	    !archiving->started)
		return;
	archiving->catching_up = true;
	results_drain(archiving->results, on_caught_up, archiving);
}

void archiving_settle(struct archiving *archiving, void (*fn)(void *ctx), void *ctx)
{
	archiving_flush_deliveries(archiving);
	catch_up(archiving);
	if (!archiving->catching_up || archiving->settled) {
		fn(ctx);
		return;
	}
	archiving->settled = fn;
	archiving->settled_ctx = ctx;
}

/* ---- time ---- */

/* One line when reading begins to fail, or fails otherwise, and one when it is well again. */
static void watch_results(struct archiving *archiving)
{
	enum status trouble = archiving->results ? results_trouble(archiving->results) : STATUS_OK;
	if (trouble == archiving->results_trouble)
		return;
	archiving->results_trouble = trouble;
	if (trouble)
		log_line(LOG_ERROR, "archive", "trade_results cannot be read: %s: %s",
			 status_name(trouble), status_text(trouble));
	else
		log_line(LOG_INFO, "archive", "trade_results is read again");
}

static void on_second(void *ctx)
{
	struct archiving *archiving = ctx;
	watch_results(archiving);
	archiving_watch(archiving);
	if (!archiving->caught_up)
		catch_up(archiving);
	loop_timer_after(archiving->config.loop, &archiving->second_timer, second_ns);
}

static void on_batch_timer(void *ctx) { archiving_flush_deliveries(ctx); }

/* ---- start ---- */

static size_t read_retries(const struct config *config, int64_t *retry_ms)
{
	struct str rest = config_str(config, CONFIG_archive_retry), word;
	size_t count = 0;
	while (rest.len && count < RESULTS_RETRIES_MAX && str_split(&rest, ',', &word))
		if (config_duration(str_trim(word), &retry_ms[count]) == STATUS_OK)
			count++;
	return count;
}

static void on_rtrs_up(void *ctx)
{
	struct archiving *archiving = ctx;
	if (archiving->results)
		results_reconnected(archiving->results);
}

static enum status start_results(struct archiving *archiving, struct err *err)
{
	struct results_config config = {
		.writer = archiving->writer,
		.timers = loop_timers(archiving->config.loop),
		.clock = loop_clock(archiving->config.loop),
		.offset_ms = offset_ms,
		.account = account,
		.on_broken = on_broken,
		.ctx = archiving,
	};
	enum status status =
	    segments_connect(archiving->config.segments, SEGMENT_RTRS, "weir-archive", on_rtrs_up,
			     archiving, &archiving->rtrs, err);
	if (status)
		return status;
	config.rtrs = redis_conn_port(archiving->rtrs);
	config.retries = read_retries(archiving->config.config, config.retry_ms);
	archiving->results = results_create(&config);
	if (!archiving->results)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the archive");
	results_start(archiving->results);
	catch_up(archiving);
	return STATUS_OK;
}

static void on_gap(void *ctx, struct str stream, uint64_t entries)
{
	(void)ctx;
	log_line(LOG_WARN, "archive", "%.*s: %llu entries were gone before they were archived",
		 STR_ARG(stream), (unsigned long long)entries);
}

static void on_remade(void *ctx, struct str stream)
{
	(void)ctx;
	log_line(LOG_WARN, "archive", "%.*s is not the stream that was read: from its begin",
		 STR_ARG(stream));
}

static void on_alert_was(void *ctx, const struct alert_view *alert)
{
	feeds_alert_was(((struct archiving *)ctx)->feeds, alert);
}

/* Alerts that fired when weir ended: not known, they are told as new. */
static void on_recalled(void *ctx, enum status status)
{
	struct archiving *archiving = ctx;
	(void)status;
	if (archiving->started)
		feeds_start(archiving->feeds);
}

static enum status start_feeds(struct archiving *archiving, struct err *err)
{
	struct segments *segments = archiving->config.segments;
	const struct feeds_config config = {
		.writer = archiving->writer,
		.ris = segments_redis(segments, SEGMENT_RIS),
		.rms = segments_redis(segments, SEGMENT_RMS),
		.timers = loop_timers(archiving->config.loop),
		.clock = loop_clock(archiving->config.loop),
		.markets = archiving->config.markets,
		.alerts = archiving->config.alerts,
		.fleet = archiving->terminals ? terminals_fleet(archiving->terminals) : NULL,
		.on_gap = on_gap,
		.on_remade = on_remade,
		.ctx = archiving,
	};
	archiving->feeds = feeds_create(&config);
	if (!archiving->feeds)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the archive");
	alert_store_recall(segments_redis(segments, SEGMENT_RLS), on_alert_was, on_recalled,
			   archiving);
	return STATUS_OK;
}

enum status archiving_start(struct archiving *archiving, struct terminals *terminals,
			    struct err *err)
{
	archiving->terminals = terminals;
	archiving_tell_recalled(archiving);
	archiving_free_recall(archiving);
	archiving->started = true;
	archiving->started_ms = loop_wall_ns(archiving->config.loop) / 1000000;
	enum status status = start_results(archiving, err);
	if (!status)
		status = start_feeds(archiving, err);
	if (!status)
		status = archiving_open_sinks(archiving, err);
	if (status)
		return status;
	if (archiving->sinks)
		sinks_start(archiving->sinks);
	loop_timer_after(archiving->config.loop, &archiving->second_timer, second_ns);
	return STATUS_OK;
}

/* ---- end ---- */

static void on_part_drained(void *ctx, enum status status)
{
	struct archiving *archiving = ctx;
	if (!archiving->part_status)
		archiving->part_status = status;
	if (--archiving->parts_due == 0)
		archiving->drained(archiving->ctx, archiving->part_status);
}

void archiving_drain(struct archiving *archiving, void (*done)(void *ctx, enum status status),
		     void *ctx)
{
	archiving->drained = done;
	archiving->ctx = ctx;
	archiving->part_status = STATUS_OK;
	archiving->parts_due = 1; /* this call's own */
	archiving_flush_deliveries(archiving);
	if (archiving->results) {
		archiving->parts_due++;
		archiving->drain_wanted = archiving->catching_up;
		if (!archiving->drain_wanted)
			results_drain(archiving->results, on_part_drained, archiving);
	}
	if (archiving->feeds) {
		archiving->parts_due++;
		feeds_drain(archiving->feeds, on_part_drained, archiving);
	}
	on_part_drained(archiving, STATUS_OK);
}

static void close_conn(struct archiving *archiving);

static void on_all_closed(void *ctx)
{
	struct archiving *archiving = ctx;
	archiving->rtrs = NULL;
	archiving->closed_fn(archiving->ctx);
}

static void on_http_closed(void *ctx)
{
	((struct archiving *)ctx)->http = NULL;
	close_conn(ctx);
}

static void close_conn(struct archiving *archiving)
{
	if (archiving->rtrs)
		redis_conn_close(archiving->rtrs, on_all_closed, archiving);
	else
		on_all_closed(archiving);
}

static void on_writer_closed(void *ctx)
{
	struct archiving *archiving = ctx;
	archiving->writer = NULL;
	if (archiving->http)
		http_close(archiving->http, on_http_closed, archiving);
	else
		close_conn(archiving);
}

static void on_sinks_closed(void *ctx)
{
	struct archiving *archiving = ctx;
	archiving->sinks = NULL;
	writer_close(archiving->writer, on_writer_closed, archiving);
}

void archiving_close(struct archiving *archiving, void (*done)(void *ctx), void *ctx)
{
	archiving->closed_fn = done;
	archiving->ctx = ctx;
	archiving->started = false;
	timers_cancel(loop_timers(archiving->config.loop), &archiving->second_timer);
	timers_cancel(loop_timers(archiving->config.loop), &archiving->batch_timer);
	if (archiving->results)
		results_stop(archiving->results);
	if (archiving->feeds)
		feeds_stop(archiving->feeds);
	archiving_flush_deliveries(archiving);
	if (archiving->sinks)
		sinks_close(archiving->sinks, on_sinks_closed, archiving);
	else
		on_sinks_closed(archiving);
}

void archiving_destroy(struct archiving *archiving)
{
	if (!archiving)
		return;
	CHECK(!archiving->writer);
	results_destroy(archiving->results);
	feeds_destroy(archiving->feeds);
	archiving_free_deliveries(archiving);
	archiving_free_closed(archiving);
	archiving_free_recall(archiving);
	free(archiving);
}

/* ---- build ---- */

static void set_folder(struct archiving *archiving)
{
	char *slash;
	memcpy(archiving->folder, archiving->path, sizeof archiving->folder);
	slash = strrchr(archiving->folder, '/');
	if (slash > archiving->folder)
		*slash = 0;
}

static enum status set_paths(struct archiving *archiving, struct err *err)
{
	struct str name = config_str(archiving->config.config, CONFIG_archive_duckdb);
	bool alone = str_find_char(name, '/') == name.len;
	enum status status = alone ? path_format(archiving->path, err, "%s/%.*s",
						 archiving->config.state_dir, STR_ARG(name))
				   : path_format(archiving->path, err, "%.*s", STR_ARG(name));
	if (!status)
		status = path_format(archiving->temp, err, "%s/archive.tmp",
				     archiving->config.state_dir);
	if (!status)
		set_folder(archiving);
	return status;
}

static enum status open_writer(struct archiving *archiving, struct err *err)
{
	const struct config *config = archiving->config.config;
	const struct writer_hooks hooks = { on_open,       on_salvaged, on_reopened,
					    on_checkpoint, on_trouble,  archiving };
	struct writer_config writer = {
		.path = archiving->path,
		.temp_dir = archiving->temp,
		.memory_bytes = config_i64(config, CONFIG_archive_memory),
		.checkpoint_ms = config_i64(config, CONFIG_archive_checkpoint),
		.wal_bytes_max = 256 << 20,
		.keep_days = config_i64(config, CONFIG_archive_keep_days),
		.budget_bytes = config_i64(config, CONFIG_archive_budget),
	};
	enum status status = set_paths(archiving, err);
	archiving_name_sinks(config, &writer);
	return status
		   ? status
		   : writer_open(archiving->config.loop, &writer, &hooks, &archiving->writer, err);
}

enum status archiving_create(const struct archiving_config *config, struct archiving **out,
			     struct err *err)
{
	*out = NULL;
	if (!config_str(config->config, CONFIG_archive_duckdb).len)
		return STATUS_OK;
	struct archiving *archiving = calloc(1, sizeof *archiving);
	if (!archiving)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the archive");
	archiving->config = *config;
	archiving->disk_share = -1;
	archiving_configure(archiving, config->config);
	archiving->second_timer = (struct timer){ .fn = on_second, .ctx = archiving };
	archiving->batch_timer = (struct timer){ .fn = on_batch_timer, .ctx = archiving };
	enum status status = open_writer(archiving, err);
	if (status) {
		free(archiving);
		return status;
	}
	*out = archiving;
	return STATUS_OK;
}

void archiving_configure(struct archiving *archiving, const struct config *config)
{
	archiving->disk_min = config_i64(config, CONFIG_archive_disk_min);
}

/* ---- for those who look ---- */

bool archiving_is_open(const struct archiving *archiving) { return archiving->opened; }

struct writer *archiving_writer(struct archiving *archiving) { return archiving->writer; }

struct results *archiving_results(struct archiving *archiving) { return archiving->results; }

struct sinks *archiving_sinks(struct archiving *archiving) { return archiving->sinks; }

struct feeds *archiving_feeds(struct archiving *archiving) { return archiving->feeds; }

double archiving_disk_share(const struct archiving *archiving) { return archiving->disk_share; }

void archiving_sample(struct archiving *archiving, const struct instance *instance)
{
	if (archiving->feeds)
		feeds_sample(archiving->feeds, instance);
}

void archiving_account(struct archiving *archiving, const struct instance *instance)
{
	if (archiving->feeds)
		feeds_account(archiving->feeds, instance);
}

void archiving_operator(struct archiving *archiving, struct str operator, struct str action,
			struct str target, struct str outcome)
{
	if (archiving->feeds)
		feeds_operator(archiving->feeds, operator, action, target, outcome);
}
