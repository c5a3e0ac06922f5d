/* The report as one page that needs nothing else: no script, no font, no other place. */
#include "audit/report_style.h"
#include "audit/report_tree.h"
#include "audit/report_words.h"

enum { PERCENT = 100, PLACES_SHOWN = 12, OPEN_DEPTH = 1 };

struct page {
	struct buf *out;
	const struct audit *audit;
	const struct audit_report_about *about;
	const struct audit_family *families;
	size_t n_families;
};

static void put(const struct page *page, const char *html) { buf_str_put(page->out, str_of(html)); }

static void text(const struct page *page, const char *words) { buf_html(page->out, str_of(words)); }

/* Between tags of its own. */
static void cell(const struct page *page, const char *open, void (*print)(struct buf *, int64_t),
		 int64_t value, const char *close)
{
	put(page, open);
	print(page->out, value);
	put(page, close);
}

static double share_of(int64_t part, int64_t whole)
{
	if (part <= 0 || whole <= 0)
		return 0;
	return part > whole ? PERCENT : (double)part * PERCENT / (double)whole;
}

/* ---- the head ---- */

static void put_tile(const struct page *page, void (*print)(struct buf *, int64_t), int64_t value,
		     const char *what)
{
	put(page, "<div class=\"tile\"><b>");
	print(page->out, value);
	put(page, "</b><span>");
	text(page, what);
	put(page, "</span></div>\n");
}

static void put_tiles(const struct page *page)
{
	const struct audit_totals *totals = audit_totals(page->audit);
	struct report_sums sums;
	report_sum(page->audit, &sums);
	put(page, "<div class=\"tiles\">\n");
	put_tile(page, report_count, totals->keys, "keys");
	put_tile(page, report_bytes, totals->bytes, "of memory");
	put_tile(page, report_bytes, totals->bytes_no_ttl, "without TTL");
	put_tile(page, report_count, sums.findings[SEVERITY_HIGH], "findings, high");
	put_tile(page, report_count, sums.findings[SEVERITY_WARN], "findings, to mend");
	put_tile(page, report_count, sums.findings[SEVERITY_INFO], "findings, to know");
	if (sums.saving > 0)
		put_tile(page, report_bytes, sums.saving, "claimed to be saved");
	put(page, "</div>\n");
}

static void put_head(const struct page *page)
{
	put(page, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		  "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
		  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		  "style-src 'unsafe-inline'\">\n<title>Audit of ");
	buf_html(page->out, page->about->source);
	put(page, "</title>\n<style>\n");
	put(page, report_style);
	put(page, "</style></head>\n<body><main>\n<p class=\"dim\">weir audit, ");
	report_time(page->out, page->about->now_ms);
	if (page->about->took_ms >= 0)
		buf_printf(page->out, ", in %.1f s", (double)page->about->took_ms / 1000);
	put(page, "</p>\n<h1>");
	buf_html(page->out, page->about->source);
	put(page, "</h1>\n");
	if (page->about->stopped.len) {
		put(page, "<p class=\"stop\">Not all of it was read: ");
		buf_html(page->out, page->about->stopped);
		put(page, "</p>\n");
	}
	put_tiles(page);
}

/* ---- the tree ---- */

static void put_row(const struct page *page, const struct report_node *node, int64_t whole)
{
	put(page, "<span><code>");
	buf_html(page->out, node->label);
	buf_printf(page->out,
		   "</code></span><span class=\"w\"><i style=\"width:%.2f%%\"></i></span>",
		   share_of(node->bytes, whole));
	cell(page, "<span class=\"v\">", report_bytes, node->bytes, "</span>");
	cell(page, "<span class=\"v keys\">", report_count, node->keys, "</span>");
}

/* Depth first, with a stack: the tree's depth is bounded. */
static void put_nodes(const struct page *page, const struct report_tree *tree)
{
	struct {
		uint32_t at, end;
	} stack[REPORT_TREE_DEPTH + 2];
	size_t depth = 0;
	int64_t whole = tree->nodes[0].bytes;
	stack[0].at = tree->nodes[0].children;
	stack[0].end = tree->nodes[0].children + tree->nodes[0].count;
	for (;;) {
		if (stack[depth].at == stack[depth].end) {
			if (!depth--)
				return;
			put(page, "</details>\n");
			continue;
		}
		const struct report_node *node = &tree->nodes[stack[depth].at++];
		if (!node->count) {
			put(page, "<div class=\"leaf\">");
			put_row(page, node, whole);
			put(page, "</div>\n");
			continue;
		}
		put(page, depth < OPEN_DEPTH && node->count <= PLACES_SHOWN
			      ? "<details open><summary>"
			      : "<details><summary>");
		put_row(page, node, whole);
		put(page, "</summary>\n");
		depth++;
		stack[depth].at = node->children;
		stack[depth].end = node->children + node->count;
	}
}

static void put_tree(const struct page *page)
{
	struct report_tree tree;
	if (!page->n_families ||
	    report_tree_make(page->families, page->n_families, STR(":_-./|"), &tree))
		return;
	put(page, "<h2>What the memory is spent on</h2>\n<p class=\"dim\">Families of keys under "
		  "each other by the parts of their names; a bar is its share of the whole.</p>\n"
		  "<div class=\"card\">\n");
	put_nodes(page, &tree);
	put(page, "</div>\n");
	report_tree_free(&tree);
}

/* ---- findings ---- */

static void put_bars(const struct page *page, const struct audit_finding *finding)
{
	if (finding->bytes_now < 0)
		return;
	put(page, "<dt>bytes</dt><dd>");
	if (finding->bytes_after < 0) {
		cell(page, "", report_bytes, finding->bytes_now, "</dd>\n");
		return;
	}
	cell(page, "<div class=\"bars\"><i style=\"width:100%\"></i><span>", report_bytes,
	     finding->bytes_now, " now</span>");
	buf_printf(page->out, "<i class=\"after\" style=\"width:%.2f%%\"></i>",
		   share_of(finding->bytes_after, finding->bytes_now));
	cell(page, "<span>", report_bytes, finding->bytes_after, " after</span></div>");
	put(page, "<span class=\"dim\">");
	text(page, audit_confidence_text(finding->confidence));
	if (finding->tried)
		buf_printf(page->out, " on a trial copy of %lld keys", (long long)finding->tried);
	put(page, "</span></dd>\n");
}

static void put_examples(const struct page *page, const struct audit_finding *finding)
{
	if (!finding->n_examples)
		return;
	put(page, "<dt>e.g.</dt><dd>");
	for (size_t i = 0; i < finding->n_examples; i++) {
		put(page, i ? " &nbsp; <code>" : "<code>");
		text(page, finding->examples[i]);
		put(page, "</code>");
	}
	put(page, "</dd>\n");
}

static void put_command(const struct page *page, const char *name, const char *command)
{
	if (!*command)
		return;
	put(page, "<dt>");
	text(page, name);
	put(page, "</dt><dd><code>");
	text(page, command);
	put(page, "</code></dd>\n");
}

static void put_finding(const struct page *page, const struct audit_finding *finding)
{
	const char *severity = severity_text(finding->severity);
	buf_printf(
	    page->out,
	    "<section class=\"card %s\"><div class=\"head\"><span class=\"mark %s\">%s</span>"
	    "<h3>%s</h3>",
	    severity, severity, severity, finding_row(finding->rule)->name);
	cell(page, "<span class=\"n\">", report_count, finding->count, "</span></div>\n<p>");
	text(page, finding->what);
	put(page, "</p>\n<dl>\n");
	put_bars(page, finding);
	put_examples(page, finding);
	put_command(page, "fix", finding->fix);
	put_command(page, "undo", finding->undo);
	put(page, "</dl></section>\n");
}

static void put_findings(const struct page *page)
{
	const struct audit_finding *findings;
	size_t count = audit_findings(page->audit, &findings);
	put(page, "<h2>What was found</h2>\n");
	if (!count)
		put(page, "<p class=\"dim\">Nothing: no rule found a thing.</p>\n");
	for (size_t i = 0; i < count; i++)
		put_finding(page, &findings[i]);
}

/* ---- families ---- */

static void put_family(const struct page *page, const struct audit_family *family)
{
	put(page, "<tr><td class=\"t\"><code>");
	text(page, family->pattern);
	put(page, "</code></td><td class=\"t\">");
	text(page, audit_type_text(family->type));
	cell(page, "</td><td>", report_bytes, family->bytes, "</td>");
	cell(page, "<td>", report_count, family->keys, "</td>");
	cell(page, "<td>", report_count, family->no_ttl, "</td><td>");
	if (family->grown_keys != INT64_MIN)
		buf_printf(page->out, "%+lld", (long long)family->grown_keys);
	put(page, "</td><td class=\"t\" title=\"");
	text(page, family->evidence);
	put(page, "\">");
	text(page, audit_use_text(family->use));
	put(page, "</td><td class=\"t\">");
	text(page, audit_belongs_text(family->belongs));
	put(page, "</td></tr>\n");
}

static void put_gone(const struct page *page)
{
	const struct audit_gone *gone;
	size_t n = audit_gone(page->audit, &gone);
	if (n)
		put(page, "<p class=\"dim\">Gone since the older audit:</p>\n<ul>\n");
	for (size_t i = 0; i < n; i++) {
		put(page, "<li><code>");
		text(page, gone[i].pattern);
		cell(page, "</code>, ", report_count, gone[i].keys, " keys, ");
		cell(page, "", report_bytes, gone[i].bytes, "</li>\n");
	}
	if (n)
		put(page, "</ul>\n");
}

static void put_families(const struct page *page)
{
	put(page,
	    "<h2>Families of keys</h2>\n<div class=\"scroll\"><table><thead><tr>"
	    "<th class=\"t\">family</th><th class=\"t\">type</th><th>bytes</th><th>keys</th>"
	    "<th>no TTL</th><th>grown</th><th class=\"t\">use</th><th class=\"t\">belongs</th>"
	    "</tr></thead><tbody>\n");
	for (size_t i = 0; i < page->n_families; i++)
		put_family(page, &page->families[i]);
	put(page, "</tbody></table></div>\n");
	put_gone(page);
}

/* ---- server and code ---- */

static void put_fact(void *ctx, const char *name, struct str value)
{
	const struct page *page = ctx;
	put(page, "<tr><td class=\"t\">");
	text(page, name);
	put(page, "</td><td class=\"t\">");
	buf_html(page->out, value);
	put(page, "</td></tr>\n");
}

static void put_places(const struct page *page, const char *const *places, size_t count)
{
	put(page, "<td class=\"t\">");
	for (size_t i = 0; i < count && i < PLACES_SHOWN; i++) {
		put(page, i ? "<br><code>" : "<code>");
		text(page, places[i]);
		put(page, "</code>");
	}
	if (count > PLACES_SHOWN)
		buf_printf(page->out, "<br>and %zu more", count - PLACES_SHOWN);
	put(page, "</td>");
}

static void put_code(const struct page *page, const struct code_summary *code)
{
	buf_printf(page->out,
		   "<h2>What the code does</h2>\n<p>%lld files mention redis of %lld read; "
		   "%lld clients constructed.</p>\n<p class=\"dim\">",
		   (long long)code->files, (long long)code->files_read,
		   (long long)code->constructors);
	for (size_t i = 0; i < code->n_calls; i++) {
		text(page, code->calls[i].name);
		buf_printf(page->out, " %lld%s", (long long)code->calls[i].count,
			   i + 1 < code->n_calls ? ", " : "");
	}
	put(page,
	    "</p>\n<div class=\"scroll\"><table><thead><tr><th class=\"t\">key</th>"
	    "<th class=\"t\">types</th><th class=\"t\">writers</th><th class=\"t\">readers</th>"
	    "</tr></thead><tbody>\n");
	for (size_t i = 0; i < code->n_keys; i++) {
		put(page, "<tr><td class=\"t\"><code>");
		text(page, code->keys[i].pattern);
		put(page, "</code></td><td class=\"t\">");
		report_types(page->out, code->keys[i].types);
		put(page, "</td>");
		put_places(page, code->keys[i].writers, code->keys[i].n_writers);
		put_places(page, code->keys[i].readers, code->keys[i].n_readers);
		put(page, "</tr>\n");
	}
	put(page, "</tbody></table></div>\n");
}

void audit_report_html(const struct audit *audit, const struct audit_report_about *about,
		       struct buf *out)
{
	struct page page = { .out = out, .audit = audit, .about = about };
	const struct audit_server *server = audit_server_of(audit);
	const struct code *code = audit_code_of(audit);
	page.n_families = audit_families(audit, &page.families);
	put_head(&page);
	put_findings(&page);
	put_tree(&page);
	if (page.n_families)
		put_families(&page);
	if (server) {
		put(&page, "<h2>The server</h2>\n<table><tbody>\n");
		report_server(server, put_fact, &page);
		put(&page, "</tbody></table>\n");
	}
	if (code)
		put_code(&page, code_summary(code));
	put(&page,
	    "<footer>Bytes are those of MEMORY USAGE, or of the model of a Redis 7.0 where a "
	    "dump was read. What would be saved was measured on a trial copy where that is "
	    "said.</footer>\n</main></body></html>\n");
}
