#include "daemon/notifying.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "daemon/telegramming.h"
#include "os/files.h"
#include "os/http.h"
#include "os/secret.h"
#include "store/alert_store.h"

enum { REQUESTS = 6, SECRET_MAX = 255, HOST_BYTES = 65, LOOKS = 18 /* in a patience */ };

/* An alert of which somebody was told that it fires. */
struct told {
	struct alert_view view;
	int64_t until_ns; /* of an earlier run: it has so long to fire again; 0: of this one */
};

struct notifying {
	struct daemon *daemon;
	const struct config *config;
	struct loop *loop;
	struct http *http;
	struct notifier *notifier;
	struct buf secret;    /* in force */
	struct buf inherited; /* of the environment */
	bool started;
	struct told told[NOTIFYING_TOLD];
	size_t n_told;
	struct timer look_timer;
	char host[HOST_BYTES];
};

size_t notifying_timers(void) { return NOTIFIER_TIMERS + 2; /* HTTP, ends that nobody told */ }

struct notifier *notifying_notifier(struct notifying *notifying) { return notifying->notifier; }

/* ---- the secret ---- */

static enum status read_file(const char *path, struct buf *out, struct err *err)
{
	buf_init(out, 4096);
	return secret_read_file(path, SECRET_MAX + 2, out, err);
}

static enum status read_credential(struct buf *out, struct err *err)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_BYTES_MAX];
	struct err why = { 0 };
	if (!folder || !folder[0])
		return STATUS_NOT_FOUND;
	enum status status = path_format(path, err, "%s/webhook_secret", folder);
	if (!status)
		status = read_file(path, out, &why);
	return status && status != STATUS_NOT_FOUND ? err_set(err, status, "%s", why.text) : status;
}

static enum status read_secret(struct notifying *notifying, struct buf *out, struct err *err)
{
	struct str named = config_str(notifying->config, CONFIG_notify_webhook_secret_file);
	enum status status = named.len ? read_file(named.ptr, out, err) : read_credential(out, err);
	if (!named.len && status == STATUS_NOT_FOUND) {
		secret_wipe(out);
		buf_init(out, 4096);
		buf_str_put(out, buf_str(&notifying->inherited));
		return STATUS_OK;
	}
	if (status)
		return err_wrap(err, status, "notify.webhook_secret_file");
	if (!str_trim(buf_str(out)).len)
		return err_set(err, STATUS_INVALID, "notify.webhook_secret_file: %s is empty",
			       named.ptr ? named.ptr : "the credential");
	return STATUS_OK;
}

static enum status take_secret(struct notifying *notifying, struct err *err)
{
	struct buf fresh = { 0 };
	enum status status = read_secret(notifying, &fresh, err);
	if (status) {
		secret_wipe(&fresh);
		return status;
	}
	secret_wipe(&notifying->secret);
	notifying->secret = fresh;
	return STATUS_OK;
}

static void inherit(struct notifying *notifying)
{
	const char *value = getenv("WEIR_WEBHOOK_SECRET");
	buf_init(&notifying->inherited, 4096);
	if (value)
		buf_str_put(&notifying->inherited, str_of(value));
	secret_forget_variable("WEIR_WEBHOOK_SECRET");
}

/* ---- what the channels tell ---- */

static void on_channel(void *ctx, enum channel channel, bool bad, const char *why)
{
	(void)ctx;
	if (bad)
		log_line(LOG_WARN, "notify", "%s: not taken: %s", channel_name(channel), why);
	else
		log_line(LOG_INFO, "notify", "%s: taken again", channel_name(channel));
}

static void on_daily(void *ctx, struct str text, bool silent)
{
	struct notifying *notifying = ctx;
	struct telegramming *telegramming = daemon_telegramming(notifying->daemon);
	log_line(LOG_INFO, "notify", "%.*s", STR_ARG(text));
	if (telegramming)
		telegramming_daily(telegramming, text, silent);
}

/* ---- the settings ---- */

static struct str name_of(const struct notifying *notifying)
{
	struct str chosen = config_str(notifying->config, CONFIG_notify_name);
	return chosen.len ? chosen : str_of(notifying->host);
}

/* The places are those of the settings' words. */
static struct notifier_settings settings_of(const struct notifying *notifying)
{
	const struct config *config = notifying->config;
	return (struct notifier_settings){
		.name = name_of(notifying),
		.webhook_url = config_str(config, CONFIG_notify_webhook_url),
		.webhook_secret = str_trim(buf_str(&notifying->secret)),
		.alertmanager_url = config_str(config, CONFIG_notify_alertmanager_url),
		.alertmanager_timeout_ns =
		    config_i64(config, CONFIG_notify_alertmanager_timeout) * 1000000,
		.deadman_url = config_str(config, CONFIG_notify_deadman_url),
		.deadman_posts = config_i64(config, CONFIG_notify_deadman_method) != 0,
		.deadman_interval_ns = config_i64(config, CONFIG_notify_deadman_interval) * 1000000,
		.per_minute = (uint32_t)config_i64(config, CONFIG_notify_per_minute),
		.least = (enum alert_severity)config_i64(config, CONFIG_notify_least),
		.daily = (enum notifier_daily)config_i64(config, CONFIG_notify_daily),
		.daily_hour = (int)config_i64(config, CONFIG_notify_daily_hour),
	};
}

static void apply(struct notifying *notifying)
{
	const struct notifier_settings settings = settings_of(notifying);
	const char *which;
	if (notifier_set(notifying->notifier, &settings, &which))
		log_line(LOG_ERROR, "notify", "%s is too long: not in force", which);
}

void notifying_configure(struct notifying *notifying, const struct config *config)
{
	struct err err = { 0 };
	notifying->config = config;
	if (!notifying->started || !notifying->notifier)
		return;
	if (take_secret(notifying, &err))
		log_line(LOG_ERROR, "notify", "the secret stays as it was: %s", err.text);
	apply(notifying);
}

/* ---- what is told, and ends ---- */

static void forget(struct notifying *notifying, const struct alert_view *view)
{
	for (size_t i = 0; i < notifying->n_told; i++) {
		const struct told *told = &notifying->told[i];
		if (told->view.rule != view->rule || strcmp(told->view.scope, view->scope) != 0)
			continue;
		notifying->told[i] = notifying->told[--notifying->n_told];
		return;
	}
}

static void remember(struct notifying *notifying, const struct alert_view *view, int64_t until_ns)
{
	forget(notifying, view);
	if (notifying->n_told < NOTIFYING_TOLD)
		notifying->told[notifying->n_told++] = (struct told){ *view, until_ns };
}

void notifying_alert(struct notifying *notifying, enum alert_notice notice,
		     const struct alert_view *view)
{
	if (notice == ALERT_ENDED)
		forget(notifying, view);
	else
		remember(notifying, view, 0);
	if (notifying->started && notifying->notifier)
		notifier_alert(notifying->notifier, notice, view);
}

/* Tests in a hurry shorten it. */
static int64_t patience_ns(const struct notifying *notifying)
{
	return NOTIFYING_PATIENCE_S * INT64_C(1000000) *
	       config_i64(notifying->config, CONFIG_market_patience);
}

static void on_was(void *ctx, const struct alert_view *alert)
{
	struct notifying *notifying = ctx;
	remember(notifying, alert, loop_now_ns(notifying->loop) + patience_ns(notifying));
}

static void on_recalled(void *ctx, enum status status)
{
	(void)ctx;
	if (status)
		log_line(LOG_WARN, "notify", "what fired before is not all known: %s",
			 status_text(status));
}

static void tell_end(struct notifying *notifying, struct told *told)
{
	struct alert_view *view = &told->view;
	view->state = ALERT_RESOLVED;
	view->resolved_ms = loop_wall_ns(notifying->loop) / 1000000;
	log_line(LOG_INFO, "notify", "%s %s ended %s", alert_row(view->rule)->name, view->scope,
		 told->until_ns ? "while weir was away" : "untold: it was forgotten or muted");
	daemon_alert_over(notifying->daemon, view);
	notifier_alert(notifying->notifier, ALERT_ENDED, view);
}

/* Ends that the rules did not tell: of an earlier run; of a rule that is off, a terminal that is
 * stopped, an alert that is muted. Who was told that it fires is told that it does not. */
static void on_look(void *ctx)
{
	struct notifying *notifying = ctx;
	struct alerts *alerts = daemon_alerts(notifying->daemon);
	int64_t now_ns = loop_now_ns(notifying->loop);
	size_t left = 0;
	for (size_t i = 0; i < notifying->n_told; i++) {
		struct told *told = &notifying->told[i];
		if (now_ns < told->until_ns ||
		    alert_fires(alerts, told->view.rule, str_of(told->view.scope)))
			notifying->told[left++] = *told;
		else
			tell_end(notifying, told);
	}
	notifying->n_told = left;
	loop_timer_after(notifying->loop, &notifying->look_timer, patience_ns(notifying) / LOOKS);
}

static void recall(struct notifying *notifying)
{
	struct segments *segments = daemon_segments(notifying->daemon);
	if (segments && segments_status(segments, SEGMENT_RLS).wanted)
		alert_store_recall(segments_redis(segments, SEGMENT_RLS), on_was, on_recalled,
				   notifying);
	on_look(notifying);
}

/* ---- its life ---- */

void notifying_start(struct notifying *notifying)
{
	notifying->started = true;
	apply(notifying);
	recall(notifying);
}

static enum status open_channels(struct notifying *notifying, struct alerts *alerts,
				 struct err *err)
{
	const struct config *config = notifying->config;
	const struct notifier_hooks hooks = { on_channel, on_daily, notifying };
	const struct http_config http = {
		.ca_file = config_str(config, CONFIG_notify_ca_file).ptr,
		.requests_max = REQUESTS,
	};
	uint64_t seed = 0;
	enum status status = secret_random(&seed, sizeof seed, err);
	if (!status)
		status = http_open(notifying->loop, &http, &notifying->http, err);
	if (status)
		return status;
	const struct channel_net net = {
		.http = http_client(notifying->http),
		.timers = loop_timers(notifying->loop),
		.clock = loop_clock(notifying->loop),
		.deadline_ns = config_i64(config, CONFIG_notify_timeout) * 1000000,
	};
	notifying->notifier = notifier_create(&net, alerts, &hooks, seed);
	return notifying->notifier ? STATUS_OK
				   : err_set(err, STATUS_NO_MEMORY, "no memory for the channels");
}

enum status notifying_create(struct daemon *daemon, const struct config *config,
			     struct notifying **out, struct err *err)
{
	struct notifying *notifying = calloc(1, sizeof *notifying);
	if (!notifying)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the channels");
	notifying->daemon = daemon;
	notifying->config = config;
	notifying->loop = daemon_loop(daemon);
	notifying->look_timer = (struct timer){ .fn = on_look, .ctx = notifying };
	*out = notifying; /* so that what was opened can be closed after an error too */
	if (gethostname(notifying->host, sizeof notifying->host - 1))
		memcpy(notifying->host, "weir", 5);
	inherit(notifying);
	enum status status = take_secret(notifying, err);
	return status ? status : open_channels(notifying, daemon_alerts(daemon), err);
}

void notifying_close(struct notifying *notifying, void (*fn)(void *ctx), void *ctx)
{
	struct http *http = notifying->http;
	timers_cancel(loop_timers(notifying->loop), &notifying->look_timer);
	notifier_destroy(notifying->notifier);
	notifying->notifier = NULL;
	notifying->http = NULL;
	if (http)
		http_close(http, fn, ctx);
	else
		fn(ctx);
}

void notifying_destroy(struct notifying *notifying)
{
	if (!notifying)
		return;
	CHECK(!notifying->http);
	secret_wipe(&notifying->secret);
	secret_wipe(&notifying->inherited);
	free(notifying);
}
