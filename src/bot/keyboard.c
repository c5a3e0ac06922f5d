#include "bot/keyboard.h"

#include <stdio.h>

void keyboard_init(struct keyboard *keyboard)
{
	keyboard->count = 0;
	keyboard->text = buf_over(keyboard->storage, sizeof keyboard->storage);
}

void keyboard_row(struct keyboard *keyboard)
{
	if (keyboard->count && !keyboard->rows[keyboard->count - 1].count)
		return;
	if (keyboard->count < BOT_ROWS_MAX)
		keyboard->rows[keyboard->count++].count = 0;
}

static struct str keep(struct buf *text, struct str what)
{
	size_t from = text->len;
	buf_str_put(text, what);
	return text->overflow ? STR("") : str_make(text->ptr + from, what.len);
}

void keyboard_add(struct keyboard *keyboard, struct str text, const char *data_format, ...)
{
	char data[BOT_DATA_MAX + 1];
	va_list args;
	va_start(args, data_format);
	int n = vsnprintf(data, sizeof data, data_format, args);
	va_end(args);
	if (!keyboard->count)
		keyboard_row(keyboard);
	struct bot_row *row = &keyboard->rows[keyboard->count - 1];
	if (n <= 0 || n > BOT_DATA_MAX || row->count == BOT_BUTTONS_MAX)
		return;
	struct bot_button button = { keep(&keyboard->text, text),
				     keep(&keyboard->text, str_make(data, (size_t)n)) };
	if (!keyboard->text.overflow)
		row->buttons[row->count++] = button;
}

size_t keyboard_rows(const struct keyboard *keyboard)
{
	size_t count = keyboard->count;
	return count && !keyboard->rows[count - 1].count ? count - 1 : count;
}
