/* The report for programs. */
#include "audit/report_words.h"

struct json {
	struct buf *out;
	bool comma;
};

static void key(struct json *json, const char *name)
{
	if (json->comma)
		buf_char(json->out, ',');
	json->comma = true;
	if (name)
		buf_printf(json->out, "\"%s\":", name);
}

static void open(struct json *json, const char *name, char bracket)
{
	key(json, name);
	buf_char(json->out, bracket);
	json->comma = false;
}

static void end(struct json *json, char bracket)
{
	buf_char(json->out, bracket);
	json->comma = true;
}

static void text(struct json *json, const char *name, struct str value)
{
	key(json, name);
	buf_json_str(json->out, value);
}

static void word(struct json *json, const char *name, const char *value)
{
	text(json, name, str_of(value));
}

static void number(struct json *json, const char *name, int64_t value)
{
	key(json, name);
	buf_i64(json->out, value);
}

/* Below 0: not known. */
static void known(struct json *json, const char *name, int64_t value)
{
	if (value >= 0) {
		number(json, name, value);
		return;
	}
	key(json, name);
	buf_str_put(json->out, STR("null"));
}

static void numbers(struct json *json, const char *name, const int64_t *values, size_t count)
{
	open(json, name, '[');
	for (size_t i = 0; i < count; i++)
		number(json, NULL, values[i]);
	end(json, ']');
}

static void words(struct json *json, const char *name, const char *const *values, size_t count)
{
	open(json, name, '[');
	for (size_t i = 0; i < count && values[i]; i++)
		word(json, NULL, values[i]);
	end(json, ']');
}

/* ---- families ---- */

static void put_by_type(struct json *json, const struct audit_family *family)
{
	open(json, "types", '{');
	for (size_t i = 0; i < AUDIT_TYPES; i++)
		if (family->by_type[i])
			number(json, audit_type_text((enum audit_type)i), family->by_type[i]);
	end(json, '}');
	open(json, "encodings", '{');
	for (size_t i = 0; i < AUDIT_ENCODINGS; i++)
		if (family->by_encoding[i])
			number(json, i ? audit_encoding_text((enum audit_encoding)i) : "unknown",
			       family->by_encoding[i]);
	end(json, '}');
}

static void put_values(struct json *json, const struct audit_family *family)
{
	open(json, "values", '{');
	number(json, "json", family->json);
	number(json, "json_flat", family->json_flat);
	number(json, "integers", family->integers);
	number(json, "numbers", family->numbers);
	number(json, "texts", family->texts);
	number(json, "bytes", family->values_bytes);
	end(json, '}');
}

static void put_growth(struct json *json, const struct audit_family *family)
{
	if (family->grown_keys == INT64_MIN)
		return;
	number(json, "grown_keys", family->grown_keys);
	number(json, "grown_bytes", family->grown_bytes);
	if (family->grown_elements != INT64_MIN)
		number(json, "grown_elements", family->grown_elements);
}

static void put_family(struct json *json, const struct audit_family *families, size_t index)
{
	const struct audit_family *family = &families[index];
	open(json, NULL, '{');
	word(json, "pattern", family->pattern);
	word(json, "type", audit_type_text(family->type));
	number(json, "keys", family->keys);
	number(json, "bytes", family->bytes);
	number(json, "no_ttl", family->no_ttl);
	word(json, "use", audit_use_text(family->use));
	word(json, "belongs", audit_belongs_text(family->belongs));
	word(json, "evidence", family->evidence);
	number(json, "bytes_no_ttl", family->bytes_no_ttl);
	number(json, "elements", family->elements);
	number(json, "largest_bytes", family->largest_bytes);
	put_by_type(json, family);
	put_values(json, family);
	numbers(json, "ttl", family->ttl, AUDIT_TTL_BANDS);
	numbers(json, "idle", family->idle, AUDIT_IDLE_BANDS);
	numbers(json, "sizes", family->sizes, AUDIT_SIZE_BANDS);
	if (family->twin >= 0)
		word(json, "twin", families[family->twin].pattern);
	put_growth(json, family);
	words(json, "examples", family->examples, AUDIT_EXAMPLES);
	end(json, '}');
}

/* ---- findings ---- */

static void put_finding(struct json *json, const struct audit_finding *finding,
			const struct audit_family *families, size_t n_families)
{
	open(json, NULL, '{');
	word(json, "rule", finding_row(finding->rule)->name);
	word(json, "severity", severity_text(finding->severity));
	number(json, "count", finding->count);
	known(json, "bytes_now", finding->bytes_now);
	known(json, "bytes_after", finding->bytes_after);
	words(json, "examples", finding->examples, finding->n_examples);
	word(json, "fix", finding->fix);
	word(json, "undo", finding->undo);
	word(json, "what", finding->what);
	word(json, "confidence", audit_confidence_text(finding->confidence));
	if (finding->tried)
		number(json, "tried", finding->tried);
	if (finding->family >= 0 && (size_t)finding->family < n_families)
		word(json, "family", families[finding->family].pattern);
	end(json, '}');
}

/* ---- code ---- */

static void put_types(struct json *json, uint32_t types)
{
	open(json, "types", '[');
	for (uint32_t type = 0; type < AUDIT_TYPES; type++)
		if (types >> type & 1)
			word(json, NULL, audit_type_text((enum audit_type)type));
	end(json, ']');
}

static void put_code(struct json *json, const struct code_summary *code, int64_t left_out)
{
	open(json, "code", '{');
	number(json, "files", code->files);
	number(json, "files_read", code->files_read);
	number(json, "skipped", code->skipped);
	number(json, "left_out", left_out);
	number(json, "lost", code->lost);
	number(json, "constructors", code->constructors);
	open(json, "calls", '{');
	for (size_t i = 0; i < code->n_calls; i++)
		number(json, code->calls[i].name, code->calls[i].count);
	end(json, '}');
	open(json, "keys", '[');
	for (size_t i = 0; i < code->n_keys; i++) {
		const struct code_key *used = &code->keys[i];
		open(json, NULL, '{');
		word(json, "pattern", used->pattern);
		put_types(json, used->types);
		words(json, "writers", used->writers, used->n_writers);
		words(json, "readers", used->readers, used->n_readers);
		end(json, '}');
	}
	end(json, ']');
	end(json, '}');
}

/* ---- the whole ---- */

static void put_fact(void *ctx, const char *name, struct str value) { text(ctx, name, value); }

static void put_totals(struct json *json, const struct audit_totals *totals)
{
	open(json, "totals", '{');
	number(json, "no_ttl", totals->no_ttl);
	number(json, "bytes_no_ttl", totals->bytes_no_ttl);
	number(json, "vanished", totals->vanished);
	number(json, "unread", totals->unread);
	number(json, "values_bytes", totals->values_bytes);
	number(json, "databases", totals->dbs);
	number(json, "names_lost", totals->names_lost);
	number(json, "findings_left_out", totals->findings_left_out);
	end(json, '}');
}

/* Only where there are any. */
static void put_gone(struct json *json, const struct audit *audit)
{
	const struct audit_gone *gone;
	size_t n = audit_gone(audit, &gone);
	if (!n)
		return;
	open(json, "gone", '[');
	for (size_t i = 0; i < n; i++) {
		open(json, NULL, '{');
		word(json, "pattern", gone[i].pattern);
		number(json, "keys", gone[i].keys);
		number(json, "bytes", gone[i].bytes);
		end(json, '}');
	}
	end(json, ']');
}

static void put_lists(struct json *json, const struct audit *audit)
{
	const struct audit_family *families;
	const struct audit_finding *findings;
	size_t n_families = audit_families(audit, &families),
	       n_findings = audit_findings(audit, &findings);
	open(json, "families", '[');
	for (size_t i = 0; i < n_families; i++)
		put_family(json, families, i);
	end(json, ']');
	open(json, "findings", '[');
	for (size_t i = 0; i < n_findings; i++)
		put_finding(json, &findings[i], families, n_families);
	end(json, ']');
	put_gone(json, audit);
}

void audit_report_json(const struct audit *audit, const struct audit_report_about *about,
		       struct buf *out)
{
	const struct audit_totals *totals = audit_totals(audit);
	const struct audit_server *server = audit_server_of(audit);
	const struct code *code = audit_code_of(audit);
	struct json json = { out, false };
	open(&json, NULL, '{');
	text(&json, "source", about->source);
	number(&json, "at_ms", about->now_ms);
	if (about->stopped.len)
		text(&json, "stopped", about->stopped);
	number(&json, "keys", totals->keys);
	number(&json, "bytes", totals->bytes);
	put_totals(&json, totals);
	put_lists(&json, audit);
	if (server) {
		open(&json, "server", '{');
		report_server(server, put_fact, &json);
		end(&json, '}');
	}
	if (code)
		put_code(&json, code_summary(code), about->files_left_out);
	end(&json, '}');
	buf_char(out, '\n');
}
