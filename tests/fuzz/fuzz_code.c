/* Source text of any kind: the first byte chooses the language, a NUL and a newline begin another
 * file. Whatever it is, the scan ends, findings point into the files, patterns are short. */
#include "audit/code.h"
#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = { "a/b.py", "b.js", "c/d/e.go", "F.cs", "g.php", "core/db.ts" };

struct told {
	struct str text;
	int64_t hits, counted;
};

static void on_hit(void *ctx, const struct audit_hit *hit)
{
	struct told *told = ctx;
	int64_t lines = 1;
	for (size_t i = 0; i < told->text.len; i++)
		lines += told->text.ptr[i] == '\n';
	CHECK(hit->rule < FINDING_RULES && hit->line >= 1 && hit->line <= lines);
	CHECK(hit->file.len > 0 && code_wants(hit->file));
	told->hits++;
}

static void on_finding(void *ctx, const struct audit_finding *finding)
{
	struct told *told = ctx;
	CHECK(finding->count > 0 && finding->n_examples > 0 && finding->what[0]);
	CHECK(memchr(finding->what, 0, sizeof finding->what));
	told->counted += finding->count;
}

static void check_summary(const struct code_summary *summary)
{
	for (size_t i = 0; i < summary->n_calls; i++)
		CHECK(summary->calls[i].count > 0);
	for (size_t i = 0; i < summary->n_keys; i++) {
		const struct code_key *key = &summary->keys[i];
		CHECK(i == 0 || strcmp(summary->keys[i - 1].pattern, key->pattern) <= 0);
		CHECK(strlen(key->pattern) <= 240 && key->use <= AUDIT_USES);
		for (size_t j = 0; j < key->n_writers; j++)
			CHECK(strchr(key->writers[j], ':'));
		for (size_t j = 0; j < key->n_readers; j++)
			CHECK(strchr(key->readers[j], ':'));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct told told = { .text = str_make((const char *)data, size) };
	struct code *code;
	if (!size || code_create(&code))
		return 0;
	size_t at = 1, path = data[0] % ARRAY_LEN(paths);
	while (at <= size) {
		const uint8_t *end = at < size ? memmem(data + at, size - at, "\0\n", 2) : NULL;
		size_t len = end ? (size_t)(end - data) - at : size - at;
		CHECK(code_file(code, str_of(paths[path]),
				str_make((const char *)data + at, len)) == STATUS_OK);
		if (!end)
			break;
		at += len + 2;
		path = (path + 1) % ARRAY_LEN(paths);
	}
	CHECK(code_settle(code) == STATUS_OK);
	code_findings(code, on_finding, on_hit, &told);
	CHECK(told.hits == told.counted);
	check_summary(code_summary(code));
	code_destroy(code);
	return 0;
}
