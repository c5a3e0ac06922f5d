/* page.h - an answer laid out for people, as plain text or as the HTML subset of
 * Telegram (<b>, <pre>), from the same calls.
 *
 * Columns count characters (code points). Tables keep to PAGE_COLUMNS so that a
 * phone shows them unbroken. Everything put is escaped. A page holds at most
 * PAGE_CHARS visible characters (Telegram's limit for a message); parts that may
 * be too much are put between page_mark and page_undo. One thread. */
#pragma once

#include "ask/figure.h"

enum {
	PAGE_COLUMNS = 34,
	PAGE_CHARS = 4096,
	PAGE_BYTES = 4 * PAGE_CHARS + 4096, /* room that always holds a page of ours */
};

struct page {
	struct buf *out;
	bool html;
	bool table; /* between table_begin and table_end */
	uint32_t column;
	uint32_t chars; /* visible so far, line ends included */
};

struct page_mark {
	size_t len;
	struct page page;
};

void page_init(struct page *page, struct buf *out, bool html);
void page_put(struct page *page, struct str text);
void page_text(struct page *page, const char *text);
void page_printf(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
void page_end_line(struct page *page);
void page_line(struct page *page, const char *text); /* and its end */
/* A bold line. */
void page_bold(struct page *page, struct str text);
/* Blanks up to `column` (0-based); one when the line is that far already. */
void page_pad(struct page *page, uint32_t column);
/* Text that ends before `column`; moved right when the line is too full, and in a table
 * onto a line of its own where it would leave PAGE_COLUMNS. */
void page_right(struct page *page, uint32_t column, struct str text);
void page_number(struct page *page, uint32_t column, struct figure number);
/* A number that ends one column before PAGE_COLUMNS, and a mark behind it: "*" or "". */
void page_marked(struct page *page, struct figure number, const char *mark);
/* A label, and text that ends at PAGE_COLUMNS. One line. */
void page_fact(struct page *page, const char *label, const char *text);
void page_fact_number(struct page *page, const char *label, struct figure number);
/* A label and two numbers in columns that end at 22 and 34. */
void page_facts(struct page *page, const char *label, struct figure left, struct figure right);
void page_table_begin(struct page *page);
void page_table_end(struct page *page);

struct page_mark page_mark(const struct page *page);
void page_undo(struct page *page, const struct page_mark *mark);
