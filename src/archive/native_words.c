#include "archive/native_words.h"

#include <stdlib.h>

/* The dictionary's own format, and what follows it: keys of its own, all of them here. */
enum { WORDS_VERSION = 1, WORDS_KEYS_HERE = 0x600 };

/* Texts by their place; the slots hold 1 + place. At most half full: twice the rows. */
struct words {
	struct str *texts;
	uint32_t *slots, *places; /* places: of each row */
	size_t count, mask;
};

static enum status init(struct words *words, size_t rows)
{
	size_t slots = 16;
	while (slots < 2 * (rows + 1))
		slots *= 2;
	*words = (struct words){ .texts = calloc(rows + 1, sizeof *words->texts),
				 .slots = calloc(slots, sizeof *words->slots),
				 .places = calloc(rows, sizeof *words->places),
				 .mask = slots - 1 };
	return words->texts && words->slots && words->places ? STATUS_OK : STATUS_NO_MEMORY;
}

static void deinit(struct words *words)
{
	free(words->texts);
	free(words->slots);
	free(words->places);
}

static uint32_t place_of(struct words *words, struct str text, size_t begin)
{
	size_t at = str_hash(text) & words->mask;
	while (words->slots[at]) {
		uint32_t place = words->slots[at] - 1;
		if (place >= begin && str_eq(words->texts[place], text))
			return place;
		at = (at + 1) & words->mask;
	}
	words->texts[words->count] = text;
	words->slots[at] = (uint32_t)++words->count;
	return (uint32_t)words->count - 1;
}

/* Of an optional column the first text is not a word: it stands for NULL. */
static void collect(struct words *words, const struct archive_row **rows, size_t count,
		    enum archive_column column)
{
	size_t begin = archive_column_row(column)->optional ? 1 : 0;
	if (begin)
		words->texts[words->count++] = STR("");
	for (size_t i = 0; i < count; i++)
		words->places[i] = archive_cell_there(rows[i], column)
				       ? place_of(words, archive_cell_text(rows[i], column), begin)
				       : 0;
}

static void put_u64(struct buf *out, uint64_t value) { buf_put(out, &value, sizeof value); }

static void put_places(struct buf *out, const struct words *words, size_t count, unsigned width)
{
	char *at = buf_reserve(out, count * width);
	for (size_t i = 0; at && i < count; i++)
		memcpy(at + i * width, &words->places[i], width); /* little-endian */
	out->len += at ? count * width : 0;
}

enum status native_words_put(struct buf *out, const struct archive_row **rows, size_t count,
			     enum archive_column column)
{
	struct words words;
	enum status status = init(&words, count);
	if (status == STATUS_OK) {
		collect(&words, rows, count, column);
		unsigned log2 = words.count <= 0x100 ? 0 : words.count <= 0x10000 ? 1 : 2;
		put_u64(out, WORDS_VERSION);
		put_u64(out, WORDS_KEYS_HERE | log2);
		put_u64(out, words.count);
		for (size_t i = 0; i < words.count; i++) {
			native_varint(out, words.texts[i].len);
			buf_str_put(out, words.texts[i]);
		}
		put_u64(out, count);
		put_places(out, &words, count, 1u << log2);
	}
	deinit(&words);
	return status;
}
