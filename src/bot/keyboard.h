/* keyboard.h - the buttons under a message, being put together: rows, and the texts they
 * point into. A button whose data would be longer than BOT_DATA_MAX, or that finds no room, is
 * left out. Caller's storage; not to be copied. One thread. */
#pragma once

#include "base/buf.h"
#include "bot/wire.h"

enum { KEYBOARD_TEXT = 4096 };

struct keyboard {
	struct bot_row rows[BOT_ROWS_MAX];
	size_t count;
	struct buf text;
	char storage[KEYBOARD_TEXT];
};

void keyboard_init(struct keyboard *keyboard);
/* What follows stands in a new row; a row without buttons is used again. */
void keyboard_row(struct keyboard *keyboard);
/* data: all its parts joined. */
void keyboard_add(struct keyboard *keyboard, struct str text, const char *data_format, ...)
    __attribute__((format(printf, 3, 4)));
/* Rows that have buttons. */
size_t keyboard_rows(const struct keyboard *keyboard);
