#include "bot/bot_impl.h"

struct str words_next(struct str *rest)
{
	*rest = str_trim(*rest);
	struct str word = str_make(rest->ptr, str_find_char(*rest, ' '));
	*rest = str_skip(*rest, word.len);
	return word;
}

bool words_are_digits(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
	return text.len > 0;
}

void words_put_shown(struct buf *html, struct str text, size_t max)
{
	size_t used = 0;
	while (text.len) {
		size_t n = str_utf8_len(text), step = n ? n : 1;
		bool plain = n && (unsigned char)text.ptr[0] >= 0x20 && text.ptr[0] != 0x7F;
		if (used + step > max)
			break;
		buf_html(html, plain ? str_make(text.ptr, n) : STR("?"));
		used += step;
		text = str_skip(text, step);
	}
}
