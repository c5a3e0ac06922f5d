#include "base/text.h"

size_t text_width(struct str text)
{
	size_t count = 0;
	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return count;
}

void text_put_blanks(struct buf *out, size_t count)
{
	while (count--)
		buf_char(out, ' ');
}

size_t text_put_cut(struct buf *out, struct str text, size_t width)
{
	bool cut = text_width(text) > width;
	size_t count = 0, end = 0;
	while (end < text.len && count + cut < width) {
		size_t n = str_utf8_len(str_skip(text, end));
		end += n ? n : 1;
		count++;
	}
	buf_put(out, text.ptr, end);
	if (cut && width)
		buf_str_put(out, STR("…"));
	return count + (cut && width);
}

void text_put_wrapped(struct buf *out, size_t column, size_t width, struct str text)
{
	struct str rest = text, word;
	size_t at = column;
	while (text.ptr && str_split(&rest, ' ', &word)) {
		size_t own = text_width(word);
		if (at > column && at + 1 + own > width) {
			buf_char(out, '\n');
			text_put_blanks(out, column);
			at = column;
		} else if (at > column) {
			buf_char(out, ' ');
			at++;
		}
		buf_str_put(out, word);
		at += own;
	}
	buf_char(out, '\n');
}
