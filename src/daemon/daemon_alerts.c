/* The engine of the alert rules: its time, who is told, and run/ports. */
#include "alert/alert_config.h"
#include "archive/feeds.h"
#include "base/log.h"
#include "daemon/daemon_impl.h"
#include "os/files.h"

enum { ALERT_NS = 50000000 /* rules are spread over these turns: each takes little */ };

bool daemon_is_news(const struct daemon *daemon)
{
	return daemon->options.feed != DAEMON_FEED_RECORDING && sources_live(daemon->sources);
}

static void on_notice(void *ctx, enum alert_notice notice, const struct alert_view *alert)
{
	struct daemon *daemon = ctx;
	static const char *const words[] = { "alert", "alert goes on", "alert ended" };
	const struct alert_row *row = alert_row(alert->rule);
	bool grave = notice != ALERT_ENDED && row->severity != ALERT_INFO;
	if (daemon->terminals &&
	    fleet_spares(terminals_fleet(daemon->terminals), alert->rule, str_of(alert->scope)))
		return; /* a terminal that flaps: people have been told that it does */
	log_line(grave ? LOG_WARN : LOG_INFO, "alert", "%s %s %s: %s", words[notice], row->name,
		 alert->scope, alert->message);
	if (daemon->alert_store)
		alert_store_notice(daemon->alert_store, notice, alert);
	if (daemon->archiving && archiving_feeds(daemon->archiving))
		feeds_alert(archiving_feeds(daemon->archiving), notice, alert);
	if (daemon->notifying)
		notifying_alert(daemon->notifying, notice, alert);
	if (daemon->telegramming)
		telegramming_alert(daemon->telegramming, notice, alert);
}

void daemon_instance_moved(void *ctx, const struct instance *instance, enum instance_state from)
{
	struct daemon *daemon = ctx;
	if (daemon->rules)
		rules_instance(daemon->rules, instance, from);
}

void daemon_tell_rule(struct daemon *daemon, uint32_t id, struct str message)
{
	char text[16];
	struct buf scope = buf_over(text, sizeof text);
	buf_printf(&scope, "%u", id);
	alert_event(daemon->alerts, ALERT_user_rule, buf_str(&scope), 1, message);
}

static void on_change(void *ctx, enum alert_rule rule, struct str scope, bool firing)
{
	struct daemon *daemon = ctx;
	if (daemon->terminals)
		terminals_alert(daemon->terminals, rule, scope, firing);
}

void daemon_step_alerts(void *ctx)
{
	struct daemon *daemon = ctx;
	alerts_step(daemon->alerts, loop_now_ns(daemon->loop),
		    loop_wall_ns(daemon->loop) / 1000000);
}

static void on_alert_timer(void *ctx)
{
	struct daemon *daemon = ctx;
	int64_t now_ns = loop_now_ns(daemon->loop), wall_ms = loop_wall_ns(daemon->loop) / 1000000;
	daemon_step_alerts(daemon);
	daemon_store_hushes(daemon);
	if (daemon->terminals)
		terminals_step(daemon->terminals);
	if (daemon->options.feed != DAEMON_FEED_NONE && daemon_is_news(daemon))
		market_alerts_step(daemon->market_alerts, now_ns, wall_ms);
	if (daemon->rules)
		rules_step(daemon->rules, wall_ms);
	loop_timer_after(daemon->loop, &daemon->alert_timer, ALERT_NS);
}

enum status daemon_build_alerts(struct daemon *daemon, struct err *err)
{
	const struct alert_hooks hooks = { .on_notice = on_notice,
					   .on_change = on_change,
					   .ctx = daemon };
	daemon->alert_timer = (struct timer){ .fn = on_alert_timer, .ctx = daemon };
	daemon->alerts = alerts_create(&hooks);
	if (!daemon->alerts)
		return err_set(err, STATUS_NO_MEMORY, "no memory for the alerts");
	alerts_apply_config(daemon->alerts, daemon->config);
	return STATUS_OK;
}

void daemon_start_alerts(struct daemon *daemon)
{
	loop_timer_after(daemon->loop, &daemon->alert_timer, ALERT_NS);
	if (daemon->watching)
		watching_start(daemon->watching);
	if (daemon->notifying)
		notifying_start(daemon->notifying);
}

/* ---- run/ports ---- */

static void put_port(struct buf *out, const char *name, struct str host, uint16_t port)
{
	bool v6 = str_find_char(host, ':') < host.len;
	buf_printf(out, v6 ? "%s [%.*s]:%u\n" : "%s %.*s:%u\n", name, STR_ARG(host), port);
}

static uint16_t line_port(const struct line_server *server)
{
	return server ? line_server_port(server) : 0;
}

/* port 0: it does not listen. */
static void put_listener(struct buf *out, const char *name, const struct config *config,
			 enum config_id address, uint16_t port)
{
	char host[64];
	uint16_t wanted;
	if (!port)
		return;
	config_address(config, address, host, &wanted);
	put_port(out, name, str_of(host), port);
}

enum status daemon_write_ports(struct daemon *daemon, struct err *err)
{
	char path[PATH_BYTES_MAX], storage[1024];
	struct buf text = buf_over(storage, sizeof storage);
	enum status status = path_format(path, err, "%s/run/ports", daemon->options.state_dir);
	if (status)
		return status;
	if (daemon->terminals) {
		put_listener(&text, "fleet", daemon->config, CONFIG_fleet_listen,
			     line_port(terminals_listener(daemon->terminals)));
		put_listener(&text, "fleet_tls", daemon->config, CONFIG_fleet_tls_listen,
			     line_port(terminals_tls_listener(daemon->terminals)));
	}
	put_listener(&text, "serve", daemon->config, CONFIG_serve_listen,
		     daemon->serving ? serving_port(daemon->serving) : 0);
	for (unsigned i = 0; i < SEGMENT_COUNT; i++) {
		int64_t port =
		    config_i64(daemon->config, config_of_segment(CONFIG_segment_rts_port, i));
		if (port)
			put_port(&text, segment_row((enum segment)i)->name, STR("127.0.0.1"),
				 (uint16_t)port);
	}
	return files_replace(path, buf_str(&text), 0600, err);
}
