/* What HTTP says of weir's own alerts, and dry runs of rules. */
#include "base/json_out.h"
#include "daemon/hushing.h"
#include "daemon/serving_impl.h"
#include "rules/rules.h"

enum status serving_alert_say(void *ctx, const struct serve_alert_word *word, struct buf *answer)
{
	struct serving *serving = ctx;
	const struct hushing_request request = {
		.operator= word->operator,
		.verb = word->verb,
		.name = word->alert,
		.scope = word->scope,
		.for_s = word->for_s,
	};
	return hushing_say(serving->config.daemon, &request, answer);
}

static void put_past(struct json_out *json, const struct rule_past *past, const struct err *err)
{
	json_out_bool(json, "possible", past->possible);
	json_out_str(json, "basis", str_of(past->basis ? past->basis : ""));
	json_out_i64(json, "count", past->possible ? past->count : 0);
	json_out_bool(json, "at_least", past->at_least);
	json_out_open(json, "would", '[');
	for (uint32_t i = 0; past->possible && i < past->count && i < RULE_PAST_MAX; i++)
		json_out_i64(json, NULL, past->at_ms[i]);
	json_out_close(json, ']');
	if (err->status)
		json_out_bytes(json, "error", str_of(err->text));
	else
		json_out_null(json, "error");
}

/* Over what is in memory: a pass over at most 72 h of minutes. */
void serving_alert_test(void *ctx, struct str rule, struct buf *out)
{
	struct serving *serving = ctx;
	struct json_out json = { .out = out };
	struct rule_past past = { 0 };
	struct rule_spec spec;
	struct err err = { 0 };
	enum status status = rule_parse(rule, &spec, &err);
	if (!status)
		status = rules_past(serving->config.world->rules, &spec, &past, &err);
	if (status)
		past = (struct rule_past){ 0 };
	json_out_open(&json, NULL, '{');
	json_out_bytes(&json, "rule", rule);
	put_past(&json, &past, &err);
	json_out_close(&json, '}');
}
