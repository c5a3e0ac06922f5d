#include "notify/payload.h"

#include <time.h>

#include "base/json_out.h"
#include "os/secret.h"

/* ---- the webhook's ---- */

static void put_head(struct json_out *json, const char *type, struct str name, int64_t wall_ms)
{
	json_out_open(json, NULL, '{');
	json_out_i64(json, "version", 1);
	json_out_str(json, "type", str_of(type));
	json_out_bytes(json, "name", name);
	json_out_i64(json, "t_ms", wall_ms);
}

static void put_value(struct json_out *json, double value)
{
	char text[40];
	struct buf number = buf_over(text, sizeof text);
	buf_printf(&number, "%.10g", value);
	json_out_str(json, "value", buf_str(&number));
}

static void put_members(struct json_out *json, enum alert_notice notice,
			const struct alert_view *view)
{
	const struct alert_row *row = alert_row(view->rule);
	json_out_str(json, "status", notice == ALERT_ENDED ? STR("resolved") : STR("firing"));
	json_out_bool(json, "again", notice == ALERT_SAID_AGAIN);
	json_out_str(json, "alert", str_of(row->name));
	json_out_str(json, "rule", str_of(row->id));
	json_out_str(json, "severity", str_of(alert_severity_text(row->severity)));
	json_out_str(json, "source", str_of(row->kind));
	json_out_bytes(json, "scope", str_of(view->scope));
	json_out_bytes(json, "message", str_of(view->message));
	put_value(json, view->value);
	json_out_str(json, "unit", str_of(row->unit));
	json_out_i64(json, "first_ms", view->first_ms);
	json_out_known_i64(json, "resolved_ms", notice == ALERT_ENDED && view->resolved_ms > 0,
			   view->resolved_ms);
	json_out_i64(json, "told", view->told);
}

void payload_alert(struct buf *out, struct str name, enum alert_notice notice,
		   const struct alert_view *view, int64_t wall_ms)
{
	struct json_out json = { .out = out };
	put_head(&json, "alert", name, wall_ms);
	put_members(&json, notice, view);
	json_out_close(&json, '}');
}

void payload_digest(struct buf *out, struct str name, const struct throttle_digest *digest,
		    int64_t wall_ms)
{
	struct json_out json = { .out = out };
	put_head(&json, "digest", name, wall_ms);
	json_out_str(&json, "source", str_of(digest->source));
	json_out_i64(&json, "more", (int64_t)digest->more);
	char text[64];
	struct buf line = buf_over(text, sizeof text);
	buf_printf(&line, "and %llu more", (unsigned long long)(digest->n + digest->more));
	json_out_str(&json, "message", buf_str(&line));
	json_out_open(&json, "alerts", '[');
	for (size_t i = 0; i < digest->n; i++) {
		json_out_open(&json, NULL, '{');
		put_members(&json, digest->items[i].notice, &digest->items[i].view);
		json_out_close(&json, '}');
	}
	json_out_close(&json, ']');
	json_out_close(&json, '}');
}

void payload_daily(struct buf *out, struct str name, const struct payload_day *day, int64_t wall_ms)
{
	struct json_out json = { .out = out };
	put_head(&json, "daily", name, wall_ms);
	json_out_bool(&json, "clear", day->firing == 0);
	json_out_bool(&json, "silent", day->silent);
	json_out_i64(&json, "firing", day->firing);
	json_out_i64(&json, "fired", (int64_t)day->fired);
	json_out_i64(&json, "ended", (int64_t)day->ended);
	json_out_close(&json, '}');
}

/* ---- Alertmanager's ---- */

void payload_time(struct buf *out, int64_t unix_ms)
{
	time_t seconds = (time_t)(unix_ms / 1000);
	struct tm utc;
	char text[32];
	gmtime_r(&seconds, &utc);
	size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
	buf_put(out, text, len);
	buf_printf(out, ".%03dZ", (int)(unix_ms % 1000));
}

static void put_time(struct json_out *json, const char *key, int64_t unix_ms)
{
	char text[32];
	struct buf time = buf_over(text, sizeof text);
	payload_time(&time, unix_ms);
	json_out_str(json, key, buf_str(&time));
}

static void put_labels(struct json_out *json, struct str name, const struct alert_view *view)
{
	/* As Prometheus' own alerts have it. */
	static const char *const severities[] = { "info", "warning", "critical" };
	const struct alert_row *row = alert_row(view->rule);
	json_out_open(json, "labels", '{');
	json_out_str(json, "alertname", str_of(row->name));
	json_out_str(json, "severity", str_of(severities[row->severity]));
	json_out_str(json, "source", str_of(row->kind));
	json_out_bytes(json, "scope", str_of(view->scope));
	json_out_bytes(json, "weir", name);
	json_out_close(json, '}');
}

void payload_alertmanager(struct buf *out, struct str name, const struct alert_view *view,
			  int64_t ends_ms, bool first)
{
	struct json_out json = { .out = out, .comma = !first };
	json_out_open(&json, NULL, '{');
	put_labels(&json, name, view);
	json_out_open(&json, "annotations", '{');
	json_out_str(&json, "summary", str_of(alert_row(view->rule)->summary));
	json_out_bytes(&json, "description", str_of(view->message));
	json_out_close(&json, '}');
	put_time(&json, "startsAt", view->first_ms);
	put_time(&json, "endsAt", ends_ms);
	json_out_close(&json, '}');
}

/* ---- the signature ---- */

enum status payload_sign(struct str secret, struct str timestamp, struct str body,
			 char out[PAYLOAD_SIGNATURE_BYTES])
{
	uint8_t mac[SECRET_MAC_BYTES];
	struct buf message;
	buf_init(&message, timestamp.len + 1 + body.len);
	buf_str_put(&message, timestamp);
	buf_char(&message, '.');
	buf_str_put(&message, body);
	enum status status =
	    message.overflow ? STATUS_NO_MEMORY : secret_mac(secret, buf_str(&message), mac);
	buf_deinit(&message);
	if (status)
		return status;
	memcpy(out, "sha256=", 7);
	secret_print_hex(mac, sizeof mac, out + 7);
	return STATUS_OK;
}
