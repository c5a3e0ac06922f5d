/* A tree of sources in memory, scanned; what was found as lines of text to compare. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "audit/code_impl.h"
#include "base/buf.h"

struct code_stage {
	struct code *code;
	struct buf hits; /* "rule file:line\n" in the order of code_findings */
	struct buf out;
};

static inline void stage_open(struct code_stage *stage)
{
	assert_int_equal(code_create(&stage->code), STATUS_OK);
	buf_init(&stage->hits, 1 << 20);
	buf_init(&stage->out, 1 << 20);
}

static inline void stage_close(struct code_stage *stage)
{
	code_destroy(stage->code);
	buf_deinit(&stage->hits);
	buf_deinit(&stage->out);
}

static inline void stage_file(struct code_stage *stage, const char *path, const char *text)
{
	assert_int_equal(code_file(stage->code, str_of(path), str_of(text)), STATUS_OK);
}

static void stage_on_hit(void *ctx, const struct audit_hit *hit)
{
	struct code_stage *stage = ctx;
	buf_printf(&stage->hits, "%s %.*s:%lld\n", finding_row(hit->rule)->name, STR_ARG(hit->file),
		   (long long)hit->line);
}

static inline void stage_settle(struct code_stage *stage)
{
	assert_int_equal(code_settle(stage->code), STATUS_OK);
	code_findings(stage->code, NULL, stage_on_hit, stage);
	buf_char(&stage->hits, 0);
	stage->hits.len--;
}

/* Lines of one rule, all on one line: "3 7". NULL rule: "rule:line rule:line". */
static inline const char *stage_lines(struct code_stage *stage, const char *rule)
{
	struct str rest = str_make(stage->hits.ptr, stage->hits.len), line;
	buf_clear(&stage->out);
	while (rest.len && str_split(&rest, '\n', &line)) {
		size_t blank = str_find_char(line, ' '), colon = line.len;
		while (colon && line.ptr[colon - 1] != ':')
			colon--;
		if (!line.len || !str_eq(str_make(line.ptr, blank), str_of(rule)))
			continue;
		buf_printf(&stage->out, "%s%.*s", stage->out.len ? " " : "",
			   STR_ARG(str_skip(line, colon)));
	}
	buf_char(&stage->out, 0);
	return stage->out.ptr;
}

static inline const struct code_key *stage_key(struct code_stage *stage, const char *pattern)
{
	const struct code_summary *summary = code_summary(stage->code);
	for (size_t i = 0; i < summary->n_keys; i++)
		if (strcmp(summary->keys[i].pattern, pattern) == 0)
			return &summary->keys[i];
	return NULL;
}

static inline int64_t stage_calls(struct code_stage *stage, const char *name)
{
	const struct code_summary *summary = code_summary(stage->code);
	for (size_t i = 0; i < summary->n_calls; i++)
		if (strcmp(summary->calls[i].name, name) == 0)
			return summary->calls[i].count;
	return 0;
}

static inline int64_t stage_all_calls(struct code_stage *stage)
{
	const struct code_summary *summary = code_summary(stage->code);
	int64_t count = 0;
	for (size_t i = 0; i < summary->n_calls; i++)
		count += summary->calls[i].count;
	return count;
}

/* One file of Python that begins with `import redis` and r = redis.Redis(connection_pool=p)
 * on its first line, so that the text's own lines count from 2. */
static inline void stage_python(struct code_stage *stage, const char *text)
{
	char all[16384];
	stage_open(stage);
	snprintf(all, sizeof all, "import redis; r = redis.Redis(connection_pool=p)\n%s", text);
	stage_file(stage, "bot.py", all);
	stage_settle(stage);
}
