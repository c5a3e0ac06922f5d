#include "daemon/hushing.h"

#include "alert/alert.h"
#include "base/check.h"
#include "base/log.h"
#include "base/suggest.h"
#include "daemon/archiving.h"
#include "store/hush_store.h"

static bool find_rule(struct str name, enum alert_rule *rule)
{
	for (*rule = 0; *rule < ALERT_COUNT; (*rule)++)
		if (str_eq_nocase(name, str_of(alert_row(*rule)->name)) ||
		    str_eq_nocase(name, str_of(alert_row(*rule)->id)))
			return true;
	return false;
}

static void put_unknown(struct str name, struct buf *answer)
{
	struct suggest suggest = suggest_for(name);
	for (enum alert_rule rule = 0; rule < ALERT_COUNT; rule++)
		suggest_offer(&suggest, str_of(alert_row(rule)->name));
	buf_printf(answer, "no alert of weir's is called '%.*s'",
		   name.len < 64 ? (int)name.len : 64, name.ptr);
	suggest_print(answer, &suggest);
}

static enum status mute(struct alerts *alerts, enum alert_rule rule,
			const struct hushing_request *request, int64_t wall_ms)
{
	if (request->for_s < 1 || request->for_s > HUSHING_SECONDS_MAX)
		return STATUS_INVALID;
	return alerts_hush_mute(alerts, rule, request->scope, wall_ms + request->for_s * 1000);
}

static enum status carry_out(struct daemon *daemon, enum alert_rule rule,
			     const struct hushing_request *request)
{
	struct alerts *alerts = daemon_alerts(daemon);
	if (str_eq(request->verb, STR("ack")))
		return alerts_hush_ack(alerts, rule, request->scope);
	if (str_eq(request->verb, STR("unmute")))
		return alerts_hush_end(alerts, rule, request->scope);
	CHECK(str_eq(request->verb, STR("mute")));
	return mute(alerts, rule, request, loop_wall_ns(daemon_loop(daemon)) / 1000000);
}

static void put_outcome(enum alert_rule rule, const struct hushing_request *request,
			enum status status, struct buf *answer)
{
	bool acks = str_eq(request->verb, STR("ack")), ends = str_eq(request->verb, STR("unmute"));
	buf_printf(answer, "%s%s%.*s: ", alert_row(rule)->name, request->scope.len ? " " : "",
		   STR_ARG(request->scope));
	if (status == STATUS_NOT_FOUND)
		buf_printf(answer, acks ? "does not fire" : "is not muted");
	else if (status == STATUS_INVALID)
		buf_printf(answer,
			   "the time is 1 second to 7 days, a scope has no control characters");
	else if (status == STATUS_FULL)
		buf_printf(answer, "no room: %d are muted or acknowledged", ALERT_HUSHES_MAX);
	else
		buf_printf(answer,
			   acks   ? "acknowledged, told no more until it ends"
			   : ends ? "told again"
				  : "muted for %lld s",
			   (long long)request->for_s);
}

static void audit(struct daemon *daemon, const struct hushing_request *request, struct str outcome)
{
	char action[24], target[160];
	struct buf what = buf_over(action, sizeof action), of = buf_over(target, sizeof target);
	buf_printf(&what, "alerts %.*s", STR_ARG(request->verb));
	buf_str_put(&of,
		    str_make(request->name.ptr, request->name.len < 64 ? request->name.len : 64));
	if (request->scope.len && request->scope.len <= ALERT_SCOPE_MAX) {
		buf_char(&of, ' ');
		buf_str_put(&of, request->scope);
	}
	log_line(LOG_INFO, "alert", "operator %.*s: %.*s %.*s: %.*s", STR_ARG(request->operator),
		 STR_ARG(buf_str(&what)), STR_ARG(buf_str(&of)), STR_ARG(outcome));
	if (daemon_archiving(daemon))
		archiving_operator(daemon_archiving(daemon), request->operator, buf_str(&what),
				   buf_str(&of), outcome);
}

static bool is_verb(struct str verb)
{
	return str_eq(verb, STR("ack")) || str_eq(verb, STR("mute")) || str_eq(verb, STR("unmute"));
}

enum status hushing_say(struct daemon *daemon, const struct hushing_request *request,
			struct buf *answer)
{
	size_t from = answer->len;
	enum alert_rule rule;
	enum status status = STATUS_NOT_FOUND;
	if (!is_verb(request->verb))
		return STATUS_INVALID;
	if (!find_rule(request->name, &rule)) {
		put_unknown(request->name, answer);
		return STATUS_NOT_FOUND;
	}
	status = carry_out(daemon, rule, request);
	put_outcome(rule, request, status, answer);
	audit(daemon, request, str_make(answer->ptr + from, answer->len - from));
	daemon_store_hushes(daemon);
	return status;
}
