/* The report for programs. */
#include "audit/report_words.h"
#include "base/json_out.h"

static void word(struct json_out *json, const char *name, const char *value)
{
	json_out_bytes(json, name, str_of(value));
}

/* Below 0: not known. */
static void known(struct json_out *json, const char *name, int64_t value)
{
	json_out_known_i64(json, name, value >= 0, value);
}

static void numbers(struct json_out *json, const char *name, const int64_t *values, size_t count)
{
	json_out_open(json, name, '[');
	for (size_t i = 0; i < count; i++)
		json_out_i64(json, NULL, values[i]);
	json_out_close(json, ']');
}

static void words(struct json_out *json, const char *name, const char *const *values, size_t count)
{
	json_out_open(json, name, '[');
	for (size_t i = 0; i < count && values[i]; i++)
		word(json, NULL, values[i]);
	json_out_close(json, ']');
}

/* ---- families ---- */

static void put_by_type(struct json_out *json, const struct audit_family *family)
{
	json_out_open(json, "types", '{');
	for (size_t i = 0; i < AUDIT_TYPES; i++)
		if (family->by_type[i])
			json_out_i64(json, audit_type_text((enum audit_type)i), family->by_type[i]);
	json_out_close(json, '}');
	json_out_open(json, "encodings", '{');
	for (size_t i = 0; i < AUDIT_ENCODINGS; i++)
		if (family->by_encoding[i])
			json_out_i64(json,
				     i ? audit_encoding_text((enum audit_encoding)i) : "unknown",
				     family->by_encoding[i]);
	json_out_close(json, '}');
}

static void put_values(struct json_out *json, const struct audit_family *family)
{
	json_out_open(json, "values", '{');
	json_out_i64(json, "json", family->json);
	json_out_i64(json, "json_flat", family->json_flat);
	json_out_i64(json, "integers", family->integers);
	json_out_i64(json, "numbers", family->numbers);
	json_out_i64(json, "texts", family->texts);
	json_out_i64(json, "bytes", family->values_bytes);
	json_out_close(json, '}');
}

static void put_growth(struct json_out *json, const struct audit_family *family)
{
	if (family->grown_keys == INT64_MIN)
		return;
	json_out_i64(json, "grown_keys", family->grown_keys);
	json_out_i64(json, "grown_bytes", family->grown_bytes);
	if (family->grown_elements != INT64_MIN)
		json_out_i64(json, "grown_elements", family->grown_elements);
}

static void put_family(struct json_out *json, const struct audit_family *families, size_t index)
{
	const struct audit_family *family = &families[index];
	json_out_open(json, NULL, '{');
	word(json, "pattern", family->pattern);
	word(json, "type", audit_type_text(family->type));
	json_out_i64(json, "keys", family->keys);
	json_out_i64(json, "bytes", family->bytes);
	json_out_i64(json, "no_ttl", family->no_ttl);
	word(json, "use", audit_use_text(family->use));
	word(json, "belongs", audit_belongs_text(family->belongs));
	word(json, "evidence", family->evidence);
	json_out_i64(json, "bytes_no_ttl", family->bytes_no_ttl);
	json_out_i64(json, "elements", family->elements);
	json_out_i64(json, "largest_bytes", family->largest_bytes);
	put_by_type(json, family);
	put_values(json, family);
	numbers(json, "ttl", family->ttl, AUDIT_TTL_BANDS);
	numbers(json, "idle", family->idle, AUDIT_IDLE_BANDS);
	numbers(json, "sizes", family->sizes, AUDIT_SIZE_BANDS);
	if (family->twin >= 0)
		word(json, "twin", families[family->twin].pattern);
	put_growth(json, family);
	words(json, "examples", family->examples, AUDIT_EXAMPLES);
	json_out_close(json, '}');
}

/* ---- findings ---- */

static void put_finding(struct json_out *json, const struct audit_finding *finding,
			const struct audit_family *families, size_t n_families)
{
	json_out_open(json, NULL, '{');
	word(json, "rule", finding_row(finding->rule)->name);
	word(json, "severity", severity_text(finding->severity));
	json_out_i64(json, "count", finding->count);
	known(json, "bytes_now", finding->bytes_now);
	known(json, "bytes_after", finding->bytes_after);
	words(json, "examples", finding->examples, finding->n_examples);
	word(json, "fix", finding->fix);
	word(json, "undo", finding->undo);
	word(json, "what", finding->what);
	word(json, "confidence", audit_confidence_text(finding->confidence));
	if (finding->tried)
		json_out_i64(json, "tried", finding->tried);
	if (finding->family >= 0 && (size_t)finding->family < n_families)
		word(json, "family", families[finding->family].pattern);
	json_out_close(json, '}');
}

/* ---- code ---- */

static void put_types(struct json_out *json, uint32_t types)
{
	json_out_open(json, "types", '[');
	for (uint32_t type = 0; type < AUDIT_TYPES; type++)
		if (types >> type & 1)
			word(json, NULL, audit_type_text((enum audit_type)type));
	json_out_close(json, ']');
}

static void put_code(struct json_out *json, const struct code_summary *code, int64_t left_out)
{
	json_out_open(json, "code", '{');
	json_out_i64(json, "files", code->files);
	json_out_i64(json, "files_read", code->files_read);
	json_out_i64(json, "skipped", code->skipped);
	json_out_i64(json, "left_out", left_out);
	json_out_i64(json, "lost", code->lost);
	json_out_i64(json, "constructors", code->constructors);
	json_out_open(json, "calls", '{');
	for (size_t i = 0; i < code->n_calls; i++)
		json_out_i64(json, code->calls[i].name, code->calls[i].count);
	json_out_close(json, '}');
	json_out_open(json, "keys", '[');
	for (size_t i = 0; i < code->n_keys; i++) {
		const struct code_key *used = &code->keys[i];
		json_out_open(json, NULL, '{');
		word(json, "pattern", used->pattern);
		put_types(json, used->types);
		words(json, "writers", used->writers, used->n_writers);
		words(json, "readers", used->readers, used->n_readers);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
	json_out_close(json, '}');
}

/* ---- the whole ---- */

static void put_fact(void *ctx, const char *name, struct str value)
{
	json_out_bytes(ctx, name, value);
}

static void put_totals(struct json_out *json, const struct audit_totals *totals)
{
	json_out_open(json, "totals", '{');
	json_out_i64(json, "no_ttl", totals->no_ttl);
	json_out_i64(json, "bytes_no_ttl", totals->bytes_no_ttl);
	json_out_i64(json, "vanished", totals->vanished);
	json_out_i64(json, "unread", totals->unread);
	json_out_i64(json, "values_bytes", totals->values_bytes);
	json_out_i64(json, "databases", totals->dbs);
	json_out_i64(json, "names_lost", totals->names_lost);
	json_out_i64(json, "findings_left_out", totals->findings_left_out);
	json_out_close(json, '}');
}

/* Only where there are any. */
static void put_gone(struct json_out *json, const struct audit *audit)
{
	const struct audit_gone *gone;
	size_t n = audit_gone(audit, &gone);
	if (!n)
		return;
	json_out_open(json, "gone", '[');
	for (size_t i = 0; i < n; i++) {
		json_out_open(json, NULL, '{');
		word(json, "pattern", gone[i].pattern);
		json_out_i64(json, "keys", gone[i].keys);
		json_out_i64(json, "bytes", gone[i].bytes);
		json_out_close(json, '}');
	}
	json_out_close(json, ']');
}

static void put_lists(struct json_out *json, const struct audit *audit)
{
	const struct audit_family *families;
	const struct audit_finding *findings;
	size_t n_families = audit_families(audit, &families),
	       n_findings = audit_findings(audit, &findings);
	json_out_open(json, "families", '[');
	for (size_t i = 0; i < n_families; i++)
		put_family(json, families, i);
	json_out_close(json, ']');
	json_out_open(json, "findings", '[');
	for (size_t i = 0; i < n_findings; i++)
		put_finding(json, &findings[i], families, n_families);
	json_out_close(json, ']');
	put_gone(json, audit);
}

void audit_report_json(const struct audit *audit, const struct audit_report_about *about,
		       struct buf *out)
{
	const struct audit_totals *totals = audit_totals(audit);
	const struct audit_server *server = audit_server_of(audit);
	const struct code *code = audit_code_of(audit);
	struct json_out json = { .out = out };
	json_out_open(&json, NULL, '{');
	json_out_bytes(&json, "source", about->source);
	json_out_i64(&json, "at_ms", about->now_ms);
	if (about->stopped.len)
		json_out_bytes(&json, "stopped", about->stopped);
	json_out_i64(&json, "keys", totals->keys);
	json_out_i64(&json, "bytes", totals->bytes);
	put_totals(&json, totals);
	put_lists(&json, audit);
	if (server) {
		json_out_open(&json, "server", '{');
		report_server(server, put_fact, &json);
		json_out_close(&json, '}');
	}
	if (code)
		put_code(&json, code_summary(code), about->files_left_out);
	json_out_close(&json, '}');
	buf_char(out, '\n');
}
