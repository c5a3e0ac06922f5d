/* Signals, and the settings that a SIGHUP changes: all of them, or none. */
#include <signal.h>
#include <stdlib.h>

#include "alert/alert_config.h"
#include "base/log.h"
#include "daemon/config_file.h"
#include "daemon/daemon_impl.h"
#include "daemon/log_file.h"
#include "daemon/operated.h"
#include "os/files.h"

static const int64_t once_ns = 500000000;

int64_t daemon_flush_ns(const struct config *config)
{
	return config_i64(config, CONFIG_market_flush_ms) * 1000000;
}

enum status daemon_apply_settings(struct daemon *daemon, struct err *err)
{
	daemon->world.options.stale_ms = config_i64(daemon->config, CONFIG_market_stale_ms);
	alerts_apply_config(daemon->alerts, daemon->config);
	daemon_apply_market_settings(daemon);
	if (daemon->terminals)
		terminals_configure(daemon->terminals, daemon->config);
	if (daemon->serving && serving_configure(daemon->serving, daemon->config, err))
		log_line(LOG_ERROR, "serve", "the tokens stay as they were: %s", err->text);
	if (daemon->telegramming)
		telegramming_configure(daemon->telegramming, daemon->config);
	if (daemon->archiving)
		archiving_configure(daemon->archiving, daemon->config);
	daemon_configure_alerts(daemon);
	if (daemon->store)
		market_store_set_flush_ns(daemon->store, daemon_flush_ns(daemon->config));
	char folder[PATH_BYTES_MAX];
	enum status status = path_format(folder, err, "%s/log", daemon->options.state_dir);
	if (status)
		return status;
	return log_file_setup(daemon->config, daemon->options.log_to_state ? folder : NULL, err);
}

/* A second one skips the clean-up; the servers stay for adoption. Two at once are one: whoever
 * signals a group and its leader (timeout, a supervisor) means no second one. */
static void on_term(void *ctx, int signal_number)
{
	struct daemon *daemon = ctx;
	int64_t now_ns = loop_precise_ns();
	(void)signal_number;
	if (!daemon->term_ns)
		daemon->term_ns = now_ns;
	else if (now_ns - daemon->term_ns >= once_ns)
		_Exit(1);
	daemon_stop(daemon);
}

/* OK: what is configured now is in force; else why has the reason. */
static enum status reload(struct daemon *daemon, struct buf *why)
{
	struct config *fresh = NULL;
	struct err err = { 0 };
	enum status status = config_file_load(daemon->options.config_path, &fresh, NULL, &err);
	if (status) {
		buf_printf(why, "not reloaded: %s", err.text);
		return status;
	}
	buf_printf(why, "not reloaded: ");
	status = config_reload_check(daemon->config, fresh, why);
	if (status) {
		buf_printf(why, " need(s) a new start");
		config_destroy(fresh);
		return status;
	}
	config_destroy(daemon->reloaded);
	daemon->config = daemon->reloaded = fresh;
	status = daemon_apply_settings(daemon, &err);
	buf_clear(why);
	buf_printf(why, "%s", status ? err.text : "reloaded");
	return status;
}

static void on_hup(void *ctx, int signal_number)
{
	struct daemon *daemon = ctx;
	const char *path = daemon->options.config_path;
	char storage[768];
	struct buf why = buf_over(storage, sizeof storage);
	(void)signal_number;
	enum status status = reload(daemon, &why);
	log_line(status ? LOG_ERROR : LOG_INFO, "config", "%.*s", STR_ARG(buf_str(&why)));
	operated_tell(daemon, STR("signal"), STR("reload"), str_of(path ? path : CONFIG_FILE_NAME),
		      buf_str(&why));
}

enum status daemon_take_signals(struct daemon *daemon, struct err *err)
{
	enum status status = loop_on_signal(daemon->loop, SIGINT, on_term, daemon);
	if (!status)
		status = loop_on_signal(daemon->loop, SIGTERM, on_term, daemon);
	if (!status)
		status = loop_on_signal(daemon->loop, SIGHUP, on_hup, daemon);
	if (status)
		return err_set(err, status, "signal handlers: %s", status_text(status));
	return STATUS_OK;
}
