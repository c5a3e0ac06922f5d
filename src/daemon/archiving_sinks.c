/* The sinks that the settings name, and what is told of them. */
#include "archive/clickhouse.h"
#include "archive/influx.h"
#include "archive/postgres.h"
#include "base/check.h"
#include "base/log.h"
#include "daemon/archiving_impl.h"

enum { CLOSE_MS = 5000, CLOSE_ROWS = 10000, SETTLE_MS = 5000, REQUESTS_MAX = 16 };

static enum status open_clickhouse(struct archiving *archiving, struct str url, struct sink **out,
				   struct err *err)
{
	const struct clickhouse_config config = {
		.http = http_client(archiving->http),
		.timers = loop_timers(archiving->config.loop),
		.url = url,
	};
	return clickhouse_create(&config, out, err);
}

static enum status open_postgres(struct archiving *archiving, struct str url, struct sink **out,
				 struct err *err)
{
	const struct postgres_config config = { .loop = archiving->config.loop, .url = url.ptr };
	return postgres_open(&config, out, err);
}

static enum status open_influx(struct archiving *archiving, struct str url, struct sink **out,
			       struct err *err)
{
	const struct influx_config config = { .http = http_client(archiving->http),
					      .timers = loop_timers(archiving->config.loop),
					      .url = url };
	return influx_create(&config, out, err);
}

static const struct {
	const char *name;
	enum config_id url;
	enum status (*open)(struct archiving *archiving, struct str url, struct sink **out,
			    struct err *err);
} kinds[] = {
	{ "clickhouse", CONFIG_archive_clickhouse_url, open_clickhouse },
	{ "postgres", CONFIG_archive_postgres_url, open_postgres },
	{ "influx", CONFIG_archive_influx_url, open_influx },
};

void archiving_name_sinks(const struct config *config, struct writer_config *writer)
{
	size_t count = 0;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (config_str(config, kinds[i].url).len)
			writer->sinks[count++] = kinds[i].name;
}

/* ---- what is told of them ---- */

static void put_seconds(struct archiving *archiving, enum alert_rule rule, const char *sink,
			double seconds, const char *what, const char *why)
{
	char storage[ALERT_MESSAGE_MAX + 1];
	struct buf text = buf_over(storage, sizeof storage);
	if (seconds > 0)
		buf_printf(&text, "%s %s for %.0f s: %s", sink, what, seconds, why);
	alert_value(archiving->config.alerts, rule, str_of(sink), seconds, buf_str(&text));
}

static void on_state(void *ctx, const char *sink, double away_s, double held_s, const char *why)
{
	struct archiving *archiving = ctx;
	put_seconds(archiving, ALERT_sink_away, sink, away_s, "cannot be reached", why);
	put_seconds(archiving, ALERT_sink_held, sink, held_s, "holds a batch", why);
}

/* ---- */

static enum status open_all(struct archiving *archiving, struct sinks_config *config,
			    struct err *err)
{
	enum status status = STATUS_OK;
	for (size_t i = 0; i < ARRAY_LEN(kinds) && !status; i++) {
		struct str url = config_str(archiving->config.config, kinds[i].url);
		if (!url.len)
			continue;
		status = kinds[i].open(archiving, url, &config->sinks[config->count], err);
		config->count += status == STATUS_OK;
	}
	return status;
}

/* Without a sink rows stay, unless somebody said how long. */
static int64_t keep_days(const struct config *config)
{
	bool chosen = config_origin(config, CONFIG_archive_keep_days).kind != CONFIG_FROM_DEFAULT;
	struct writer_config named = { 0 };
	archiving_name_sinks(config, &named);
	return named.sinks[0] || chosen ? config_i64(config, CONFIG_archive_keep_days) : 0;
}

enum status archiving_open_sinks(struct archiving *archiving, struct err *err)
{
	const struct http_config http = { .requests_max = REQUESTS_MAX };
	struct sinks_config config = {
		.loop = archiving->config.loop,
		.writer = archiving->writer,
		.settle_ms = SETTLE_MS,
		.close_ms = CLOSE_MS,
		.close_rows = CLOSE_ROWS,
		.keep_days = keep_days(archiving->config.config),
		.seed = (uint64_t)loop_wall_ns(archiving->config.loop),
		.on_state = on_state,
		.ctx = archiving,
	};
	struct writer_config named = { 0 };
	archiving_name_sinks(archiving->config.config, &named);
	if (!named.sinks[0] && !config.keep_days)
		return STATUS_OK;
	enum status status = STATUS_OK;
	if (named.sinks[0])
		status = http_open(archiving->config.loop, &http, &archiving->http, err);
	if (!status)
		status = open_all(archiving, &config, err);
	if (!status)
		status = sinks_open(&config, &archiving->sinks, err);
	if (!status)
		return STATUS_OK;
	for (size_t i = 0; i < config.count; i++)
		config.sinks[i]->ops->close(config.sinks[i], NULL, NULL);
	return status;
}
