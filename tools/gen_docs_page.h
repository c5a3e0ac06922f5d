/* gen_docs_page.h - the parts of a page: its title, cells and heads of markdown tables. */
#pragma once

#include "base/buf.h"
#include "base/check.h"

static inline void title(struct buf *out, const char *name, const char *table, const char *text)
{
	buf_printf(
	    out, "# %s\n\nFrom `src/def/%s` by `make docs`; edit the table, not this page.\n\n%s\n",
	    name, table, text);
}

/* A cell of a markdown table: bars would end it. */
static inline void cell(struct buf *out, const char *text)
{
	buf_printf(out, " ");
	for (; *text; text++) {
		if (*text == '|')
			buf_char(out, '\\');
		buf_char(out, *text == '\n' ? ' ' : *text);
	}
	buf_printf(out, " |");
}

static inline void code_cell(struct buf *out, const char *text)
{
	char storage[1024];
	struct buf quoted = buf_over(storage, sizeof storage - 1);
	buf_printf(&quoted, *text ? "`%s`" : "%s", text);
	CHECK(!quoted.overflow);
	storage[quoted.len] = 0;
	cell(out, storage);
}

static inline void header(struct buf *out, const char *const *columns, size_t n)
{
	buf_char(out, '|');
	for (size_t i = 0; i < n; i++)
		cell(out, columns[i]);
	buf_printf(out, "\n|");
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "---|");
	buf_char(out, '\n');
}
