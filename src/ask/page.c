#include "ask/page.h"

#include <stdio.h>

#include "base/check.h"

void page_init(struct page *page, struct buf *out, bool html)
{
	*page = (struct page){ .out = out, .html = html };
}

/* Bytes that do not continue a UTF-8 sequence. */
static uint32_t count_chars(struct str text)
{
	uint32_t count = 0;
	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
	return count;
}

void page_put(struct page *page, struct str text)
{
	uint32_t chars = count_chars(text);
	page->column += chars;
	page->chars += chars;
	if (page->html)
		buf_html(page->out, text);
	else
		buf_str_put(page->out, text);
}

void page_text(struct page *page, const char *text) { page_put(page, str_of(text)); }

void page_printf(struct page *page, const char *format, ...)
{
	char line[512];
	va_list args;
	va_start(args, format);
	int n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	CHECK(n >= 0 && (size_t)n < sizeof line);
	page_put(page, str_make(line, (size_t)n));
}

void page_end_line(struct page *page)
{
	buf_char(page->out, '\n');
	page->column = 0;
	page->chars++;
}

void page_line(struct page *page, const char *text)
{
	page_text(page, text);
	page_end_line(page);
}

static void tag(struct page *page, struct str text)
{
	if (page->html)
		buf_str_put(page->out, text);
}

void page_bold(struct page *page, struct str text)
{
	tag(page, STR("<b>"));
	page_put(page, text);
	tag(page, STR("</b>"));
	page_end_line(page);
}

void page_pad(struct page *page, uint32_t column)
{
	static const char blanks[] = "                                        ";
	uint32_t n = column > page->column ? column - page->column : 1;
	if (n > sizeof blanks - 1)
		n = sizeof blanks - 1;
	page_put(page, str_make(blanks, n));
}

void page_right(struct page *page, uint32_t column, struct str text)
{
	uint32_t width = count_chars(text);
	if (page->table && page->column && page->column + 1 + width > PAGE_COLUMNS)
		page_end_line(page);
	page_pad(page, width < column ? column - width : 0);
	page_put(page, text);
}

void page_number(struct page *page, uint32_t column, struct figure number)
{
	page_right(page, column, figure_str(&number));
}

void page_marked(struct page *page, struct figure number, const char *mark)
{
	char storage[FIGURE_BYTES + 8];
	struct buf text = buf_over(storage, sizeof storage);
	buf_str_put(&text, figure_str(&number));
	buf_str_put(&text, str_of(mark));
	page_right(page, PAGE_COLUMNS - 1 + (uint32_t)strlen(mark), buf_str(&text));
}

void page_fact(struct page *page, const char *label, const char *text)
{
	page_text(page, label);
	page_right(page, PAGE_COLUMNS, str_of(text));
	page_end_line(page);
}

void page_fact_number(struct page *page, const char *label, struct figure number)
{
	page_text(page, label);
	page_number(page, PAGE_COLUMNS, number);
	page_end_line(page);
}

void page_facts(struct page *page, const char *label, struct figure left, struct figure right)
{
	page_text(page, label);
	page_number(page, 22, left);
	page_number(page, PAGE_COLUMNS, right);
	page_end_line(page);
}

void page_table_begin(struct page *page)
{
	CHECK(!page->table && page->column == 0);
	page->table = true;
	tag(page, STR("<pre>"));
}

/* Telegram shows a line end before </pre> as an empty line, so it moves behind. */
void page_table_end(struct page *page)
{
	CHECK(page->table && page->column == 0);
	page->table = false;
	if (!page->html || page->out->overflow)
		return;
	CHECK(page->out->len && page->out->ptr[page->out->len - 1] == '\n');
	page->out->len--;
	buf_str_put(page->out, STR("</pre>\n"));
}

struct page_mark page_mark(const struct page *page)
{
	return (struct page_mark){ .len = page->out->len, .page = *page };
}

void page_undo(struct page *page, const struct page_mark *mark)
{
	CHECK(mark->page.out == page->out && mark->len <= page->out->len);
	*page = mark->page;
	page->out->len = mark->len;
}
