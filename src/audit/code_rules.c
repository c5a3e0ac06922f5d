#include "audit/code_rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"

static const struct {
	enum finding_rule rule;
	const char *what;
} kinds[] = {
#define KIND(id, rule, what) { FINDING_##rule, what },
	CODE_KINDS(KIND)
#undef KIND
};

void code_hit(struct code_hits *hits, enum code_kind kind, uint32_t file, uint32_t line)
{
	struct code_hit *hit =
	    code_grow((void **)&hits->at, &hits->count, &hits->room, CODE_HITS_MAX, sizeof *hit);
	if (hit)
		*hit = (struct code_hit){ (uint8_t)kind, file, line, 0 };
}

/* ---- order ---- */

static const struct code *sorted; /* of qsort, which passes nothing on; one thread */

static int by_path(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return str_cmp(code_text(sorted, sorted->files[x].path),
		       code_text(sorted, sorted->files[y].path));
}

static int by_place(const void *a, const void *b)
{
	const struct code_hit *x = a, *y = b;
	if (kinds[x->kind].rule != kinds[y->kind].rule)
		return kinds[x->kind].rule < kinds[y->kind].rule ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

static bool order(struct code_hits *hits)
{
	const struct code *code = hits->code;
	uint32_t *files = calloc(code->n_files + 1, sizeof *files);
	uint32_t *ranks = calloc(code->n_files + 1, sizeof *ranks);
	bool done = files && ranks;
	for (size_t i = 0; done && i < code->n_files; i++)
		files[i] = (uint32_t)i;
	sorted = code;
	if (done && code->n_files)
		qsort(files, code->n_files, sizeof *files, by_path);
	for (size_t i = 0; done && i < code->n_files; i++)
		ranks[files[i]] = (uint32_t)i;
	for (size_t i = 0; done && i < hits->count; i++)
		hits->at[i].rank = ranks[hits->at[i].file];
	if (done && hits->count)
		qsort(hits->at, hits->count, sizeof *hits->at, by_place);
	free(files);
	free(ranks);
	return done;
}

/* ---- telling ---- */

static bool same_line(const struct code_hit *a, const struct code_hit *b)
{
	return a->file == b->file && a->line == b->line;
}

static void put_kinds(struct buf *out, const uint32_t counts[CODE_KIND_COUNT])
{
	bool first = true;
	for (size_t kind = 0; kind < CODE_KIND_COUNT; kind++) {
		if (!counts[kind])
			continue;
		buf_printf(out, "%s%u %s", first ? "" : ", ", counts[kind], kinds[kind].what);
		first = false;
	}
}

static void put_example(char *at, const struct code *code, const struct code_hit *hit)
{
	struct buf out = buf_over(at, CODE_EXAMPLE_BYTES - 1);
	struct str path = code_text(code, code->files[hit->file].path);
	buf_str_put(&out, path.len > 560 ? str_skip(path, path.len - 560) : path);
	buf_printf(&out, ":%u", hit->line);
	out.ptr[out.len] = 0;
}

/* The hits of one rule, each line once. */
static size_t rule_end(const struct code *code, size_t from)
{
	size_t end = from;
	while (end < code->n_hits &&
	       kinds[code->hits[end].kind].rule == kinds[code->hits[from].kind].rule)
		end++;
	return end;
}

static bool again(const struct code *code, size_t from, size_t i)
{
	return i > from && same_line(&code->hits[i], &code->hits[i - 1]);
}

static void settle_rule(struct code *code, size_t from, size_t end)
{
	enum finding_rule rule = kinds[code->hits[from].kind].rule;
	size_t n = 0;
	for (size_t i = from; i < end && n < AUDIT_FINDING_EXAMPLES; i++)
		if (!again(code, from, i))
			put_example(code->examples[rule][n++], code, &code->hits[i]);
}

enum status code_settle_findings(struct code *code)
{
	struct code_hits hits = { .code = code };
	code_rules_calls(&hits);
	code_rules_keys(&hits);
	if (!order(&hits)) {
		free(hits.at);
		return STATUS_NO_MEMORY;
	}
	code->hits = hits.at;
	code->n_hits = hits.count;
	for (size_t i = 0, end; i < code->n_hits; i = end) {
		end = rule_end(code, i);
		settle_rule(code, i, end);
	}
	return STATUS_OK;
}

/* ---- telling ---- */

static struct audit_finding finding_of(const struct code *code, size_t from, size_t end)
{
	enum finding_rule rule = kinds[code->hits[from].kind].rule;
	const struct finding_row *row = finding_row(rule);
	uint32_t counts[CODE_KIND_COUNT] = { 0 };
	struct audit_finding finding = { .rule = rule,
					 .severity = row->severity,
					 .confidence = AUDIT_LIKELY,
					 .family = -1,
					 .bytes_now = -1,
					 .bytes_after = -1 };
	for (size_t i = from; i < end; i++) {
		counts[code->hits[i].kind]++;
		if (again(code, from, i))
			continue;
		if (finding.count < AUDIT_FINDING_EXAMPLES)
			finding.examples[finding.n_examples++] =
			    code->examples[rule][finding.count];
		finding.count++;
	}
	struct buf what = buf_over(finding.what, sizeof finding.what - 1);
	put_kinds(&what, counts);
	snprintf(finding.fix, sizeof finding.fix, "%s", row->fix);
	snprintf(finding.undo, sizeof finding.undo, "%s", row->undo);
	return finding;
}

static void tell_hit(const struct code *code, const struct code_hit *hit,
		     void (*on_hit)(void *ctx, const struct audit_hit *), void *ctx)
{
	enum finding_rule rule = kinds[hit->kind].rule;
	const struct audit_hit told = { .rule = rule,
					.severity = finding_row(rule)->severity,
					.db = -1,
					.file = code_text(code, code->files[hit->file].path),
					.line = hit->line };
	on_hit(ctx, &told);
}

void code_findings(const struct code *code, void (*fn)(void *ctx, const struct audit_finding *),
		   void (*on_hit)(void *ctx, const struct audit_hit *), void *ctx)
{
	CHECK(code->settled);
	for (size_t from = 0, end; from < code->n_hits; from = end) {
		end = rule_end(code, from);
		const struct audit_finding finding = finding_of(code, from, end);
		for (size_t i = from; on_hit && i < end; i++)
			if (!again(code, from, i))
				tell_hit(code, &code->hits[i], on_hit, ctx);
		if (fn)
			fn(ctx, &finding);
	}
}
