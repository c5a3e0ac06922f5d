/* The report for a terminal: what was read, what is wrong, what the memory is spent on. */
#include "audit/report_words.h"
#include "base/text.h"

enum {
	COLUMNS = 100,
	ROWS_USUAL = 30,
	MARGIN = 10,
	CALLS_IN_A_ROW = 8,
	KEYS_SHOWN = 20,
	FAMILY_COLUMNS = 35,
};

static const char bold[] = "\033[1m", dim[] = "\033[2m", plain[] = "\033[0m";
static const char *const tints[SEVERITIES] = { "\033[36m", "\033[33m", "\033[1;31m" };

struct page {
	struct buf *out;
	const struct audit *audit;
	const struct audit_report_about *about;
	bool colour;
};

static void tint(const struct page *page, const char *colour)
{
	if (page->colour)
		buf_str_put(page->out, str_of(colour));
}

/* A cell of a table. */
static void put_cut(struct buf *out, struct str text, size_t width)
{
	size_t count = text_put_cut(out, text, width);
	text_put_blanks(out, width - count);
}

static void heading(const struct page *page, const char *text)
{
	buf_char(page->out, '\n');
	tint(page, bold);
	buf_str_put(page->out, str_of(text));
	tint(page, plain);
	buf_char(page->out, '\n');
}

static void fact(const struct page *page, const char *name, struct str text)
{
	buf_printf(page->out, "%-*s", MARGIN, name);
	text_put_wrapped(page->out, MARGIN, COLUMNS, text);
}

static void right(struct buf *out, void (*print)(struct buf *, int64_t), int64_t value,
		  size_t width)
{
	char storage[48];
	struct buf text = buf_over(storage, sizeof storage);
	print(&text, value);
	text_put_blanks(out, text.len < width ? width - text.len : 0);
	buf_str_put(out, buf_str(&text));
}

/* ---- what was read ---- */

static void put_totals(const struct page *page)
{
	const struct audit_totals *totals = audit_totals(page->audit);
	struct buf *out = page->out;
	report_count(out, totals->keys);
	buf_str_put(out, STR(" keys, "));
	report_bytes(out, totals->bytes);
	buf_str_put(out, STR("; without TTL "));
	report_count(out, totals->no_ttl);
	buf_str_put(out, STR(" with "));
	report_bytes(out, totals->bytes_no_ttl);
	if (totals->dbs > 1)
		buf_printf(out, "; %lld databases", (long long)totals->dbs);
	if (totals->vanished) {
		buf_str_put(out, STR("; vanished meanwhile "));
		report_count(out, totals->vanished);
	}
	if (totals->unread) {
		buf_str_put(out, STR("; of unknown size "));
		report_count(out, totals->unread);
	}
	buf_char(out, '\n');
}

static void put_head(const struct page *page)
{
	struct buf *out = page->out;
	tint(page, bold);
	buf_str_put(out, STR("Audit of "));
	buf_str_put(out, page->about->source);
	tint(page, plain);
	buf_str_put(out, STR(", "));
	report_time(out, page->about->now_ms);
	if (page->about->took_ms >= 0)
		buf_printf(out, ", in %.1f s", (double)page->about->took_ms / 1000);
	buf_char(out, '\n');
	put_totals(page);
	if (page->about->stopped.len)
		fact(page, "NOT WHOLE", page->about->stopped);
}

static void put_sums(const struct page *page)
{
	struct report_sums sums;
	struct buf *out = page->out;
	report_sum(page->audit, &sums);
	buf_printf(out, "Findings: %lld high, %lld to mend, %lld to know",
		   (long long)sums.findings[SEVERITY_HIGH], (long long)sums.findings[SEVERITY_WARN],
		   (long long)sums.findings[SEVERITY_INFO]);
	if (sums.saving > 0) {
		buf_str_put(out, STR("; what they claim to save: "));
		report_bytes(out, sums.saving);
		buf_str_put(out, STR(", "));
		report_share(out, sums.saving, audit_totals(page->audit)->bytes);
	}
	buf_char(out, '\n');
}

/* ---- findings ---- */

static void put_bytes(const struct page *page, const struct audit_finding *finding)
{
	char storage[200];
	struct buf text = buf_over(storage, sizeof storage);
	if (finding->bytes_now < 0)
		return;
	report_bytes(&text, finding->bytes_now);
	if (finding->bytes_after >= 0) {
		buf_str_put(&text, STR(" now, "));
		report_bytes(&text, finding->bytes_after);
		buf_printf(&text, " after (%s", audit_confidence_text(finding->confidence));
		if (finding->tried)
			buf_printf(&text, " on %lld keys", (long long)finding->tried);
		buf_char(&text, ')');
	}
	fact(page, "  bytes", buf_str(&text));
}

static void put_examples(const struct page *page, const struct audit_finding *finding)
{
	char storage[2048];
	struct buf text = buf_over(storage, sizeof storage);
	for (size_t i = 0; i < finding->n_examples; i++) {
		size_t before = text.len;
		if (i)
			buf_str_put(&text, STR("  "));
		buf_str_put(&text, str_of(finding->examples[i]));
		if (text.overflow) {
			text.len = before;
			break;
		}
	}
	if (text.len)
		fact(page, "  e.g.", buf_str(&text));
}

static void put_finding(const struct page *page, const struct audit_finding *finding)
{
	struct buf *out = page->out;
	buf_char(out, '\n');
	tint(page, tints[finding->severity]);
	buf_printf(out, "%-4s", severity_text(finding->severity));
	tint(page, plain);
	buf_char(out, ' ');
	tint(page, bold);
	buf_str_put(out, str_of(finding_row(finding->rule)->name));
	tint(page, plain);
	buf_str_put(out, STR(", "));
	report_count(out, finding->count);
	buf_char(out, '\n');
	text_put_blanks(out, 2);
	text_put_wrapped(out, 2, COLUMNS, str_of(finding->what));
	put_bytes(page, finding);
	put_examples(page, finding);
	if (*finding->fix)
		fact(page, "  fix", str_of(finding->fix));
	if (*finding->undo)
		fact(page, "  undo", str_of(finding->undo));
}

static void put_findings(const struct page *page)
{
	const struct audit_finding *findings;
	size_t count = audit_findings(page->audit, &findings);
	heading(page, "What was found");
	put_sums(page);
	for (size_t i = 0; i < count; i++)
		put_finding(page, &findings[i]);
}

/* ---- families ---- */

static void put_family(const struct page *page, const struct audit_family *family, int64_t whole)
{
	char storage[16];
	struct buf share = buf_over(storage, sizeof storage), *out = page->out;
	report_share(&share, family->bytes, whole);
	put_cut(out, str_of(family->pattern), FAMILY_COLUMNS);
	right(out, report_bytes, family->bytes, 9);
	text_put_blanks(out, share.len < 6 ? 6 - share.len : 0);
	buf_str_put(out, buf_str(&share));
	right(out, report_count, family->keys, 11);
	right(out, report_count, family->no_ttl, 11);
	buf_printf(out, "  %-11s %s\n", audit_use_text(family->use),
		   audit_belongs_text(family->belongs));
	if (family->grown_keys == INT64_MIN || (!family->grown_keys && !family->grown_bytes))
		return;
	buf_printf(out, "    %+lld keys, %+lld bytes since\n", (long long)family->grown_keys,
		   (long long)family->grown_bytes);
}

static void put_gone(const struct page *page, size_t rows)
{
	const struct audit_gone *gone;
	size_t count = audit_gone(page->audit, &gone);
	for (size_t i = 0; i < count && i < rows; i++) {
		buf_str_put(page->out, STR("gone since: "));
		put_cut(page->out, str_of(gone[i].pattern), 36);
		buf_printf(page->out, " %lld keys, %lld bytes\n", (long long)gone[i].keys,
			   (long long)gone[i].bytes);
	}
	if (count > rows)
		buf_printf(page->out,
			   "… and %zu more families that are gone: --json has them all\n",
			   count - rows);
}

static void put_families(const struct page *page)
{
	const struct audit_family *families;
	size_t count = audit_families(page->audit, &families);
	size_t rows = page->about->rows ? page->about->rows : ROWS_USUAL;
	int64_t whole = audit_totals(page->audit)->bytes;
	if (!count) {
		put_gone(page, rows);
		return;
	}
	heading(page, "What the memory is spent on");
	tint(page, dim);
	buf_printf(page->out, "%-*s%9s%6s%11s%11s  %-11s %s\n", FAMILY_COLUMNS, "family", "bytes",
		   "", "keys", "no TTL", "use", "belongs");
	tint(page, plain);
	for (size_t i = 0; i < count && i < rows; i++)
		put_family(page, &families[i], whole);
	if (count > rows)
		buf_printf(page->out, "… and %zu more families: --json or --html has them all\n",
			   count - rows);
	put_gone(page, rows);
}

/* ---- server and code ---- */

static void put_fact(void *ctx, const char *name, struct str value)
{
	const struct page *page = ctx;
	buf_printf(page->out, "%-24s%.*s\n", name, STR_ARG(value));
}

static void put_calls(const struct page *page, const struct code_summary *code)
{
	struct buf *out = page->out;
	for (size_t i = 0; i < code->n_calls; i++)
		buf_printf(out, "%s%s %lld",
			   i % CALLS_IN_A_ROW ? ", "
			   : i                ? ",\n"
					      : "",
			   code->calls[i].name, (long long)code->calls[i].count);
	if (code->n_calls)
		buf_char(out, '\n');
}

static void put_code(const struct page *page, const struct code_summary *code)
{
	struct buf *out = page->out;
	heading(page, "What the code does");
	buf_printf(out, "%lld files mention redis of %lld read; %lld clients constructed\n",
		   (long long)code->files, (long long)code->files_read,
		   (long long)code->constructors);
	put_calls(page, code);
	if (!code->n_keys)
		return;
	tint(page, dim);
	buf_printf(out, "%-52s%9s%9s  %s\n", "key", "written", "read", "types");
	tint(page, plain);
	for (size_t i = 0; i < code->n_keys && i < KEYS_SHOWN; i++) {
		put_cut(out, str_of(code->keys[i].pattern), 52);
		buf_printf(out, "%9zu%9zu  ", code->keys[i].n_writers, code->keys[i].n_readers);
		report_types(out, code->keys[i].types);
		buf_char(out, '\n');
	}
	if (code->n_keys > KEYS_SHOWN)
		buf_printf(out, "… and %zu more: --json or --html has them all\n",
			   code->n_keys - KEYS_SHOWN);
}

void audit_report_text(const struct audit *audit, const struct audit_report_about *about,
		       bool colour, struct buf *out)
{
	struct page page = { out, audit, about, colour };
	const struct audit_server *server = audit_server_of(audit);
	const struct code *code = audit_code_of(audit);
	put_head(&page);
	put_findings(&page);
	put_families(&page);
	if (server) {
		heading(&page, "The server");
		report_server(server, put_fact, &page);
	}
	if (code)
		put_code(&page, code_summary(code));
}
