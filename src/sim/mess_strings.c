/* Plain strings: figures, states, text, bytes. */
#include "sim/mess_impl.h"

static const char *const words[] = {
#define MESS_WORD(word) word,
#include "sim/mess_words.def"
};

static const char *const prose[] = {
#define MESS_PROSE(word) word,
#include "sim/mess_words.def"
};

enum { EPOCH_S = 1700000000, STAMPS_S = 30000000 };

void mess_write_price(struct mess_value *value, struct mess_ask *ask)
{
	mess_put_hundredths(mess_part(value), mess_between(&ask->rng, 100, 9000000));
}

void mess_write_integer(struct mess_value *value, struct mess_ask *ask)
{
	buf_i64(mess_part(value), mess_between(&ask->rng, 0, 50000));
}

void mess_write_word(struct mess_value *value, struct mess_ask *ask)
{
	buf_str_put(mess_part(value), str_of(words[rng_below(&ask->rng, ARRAY_LEN(words))]));
}

void mess_write_true(struct mess_value *value, struct mess_ask *ask)
{
	buf_str_put(mess_part(value), rng_below(&ask->rng, 4) ? STR("true") : STR("1"));
}

void mess_write_stamp(struct mess_value *value, struct mess_ask *ask)
{
	buf_i64(mess_part(value), mess_between(&ask->rng, EPOCH_S, EPOCH_S + STAMPS_S));
}

void mess_write_token(struct mess_value *value, struct mess_ask *ask)
{
	mess_put_hex(mess_part(value), &ask->rng, 32);
}

void mess_write_empty(struct mess_value *value, struct mess_ask *ask)
{
	(void)value;
	(void)ask;
}

static void put_prose(struct buf *out, struct rng *rng, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		buf_printf(out, "%s ", prose[rng_below(rng, ARRAY_LEN(prose))]);
}

/* Two of them are never the same by chance. */
void mess_write_text(struct mess_value *value, struct mess_ask *ask)
{
	struct buf *out = mess_part(value);
	put_prose(out, &ask->rng, mess_between(&ask->rng, 16, 45));
	mess_put_hex(out, &ask->rng, 16);
}

void mess_write_html(struct mess_value *value, struct mess_ask *ask)
{
	struct buf *out = mess_part(value);
	size_t size = (size_t)mess_between(&ask->rng, ask->lo, ask->hi);
	buf_str_put(out, STR("<html><body><table class=\"positions\">\n"));
	while (out->len < size) {
		buf_printf(out, "<tr><td class=\"symbol\">%s</td><td class=\"price\">",
			   mess_symbol(rng_below(&ask->rng, mess_symbols_all())));
		mess_put_hundredths(out, mess_between(&ask->rng, 100, 9000000));
		buf_str_put(out, STR("</td></tr>\n"));
	}
	buf_str_put(out, STR("</table></body></html>\n"));
}

void mess_write_log(struct mess_value *value, struct mess_ask *ask)
{
	struct buf *out = mess_part(value);
	size_t size = (size_t)mess_between(&ask->rng, ask->lo, ask->hi);
	int64_t second = mess_between(&ask->rng, 0, 40000);
	while (out->len < size) {
		second += mess_between(&ask->rng, 1, 30);
		buf_printf(out, "%02d:%02d:%02d INFO worker: scan finished in %d ms, %d pairs\n",
			   (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60),
			   (int)mess_between(&ask->rng, 20, 900),
			   (int)mess_between(&ask->rng, 5, 400));
	}
}

void mess_write_base64(struct mess_value *value, struct mess_ask *ask)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	int64_t size = mess_between(&ask->rng, ask->lo, ask->hi) / 4 * 4;
	for (int64_t i = 0; i < size; i++)
		buf_char(mess_part(value), letters[rng_below(&ask->rng, 64)]);
}

void mess_write_bytes(struct mess_value *value, struct mess_ask *ask)
{
	int64_t size = mess_between(&ask->rng, ask->lo, ask->hi);
	for (int64_t left = size; left > 0; left -= 8) {
		uint64_t bytes = rng_next(&ask->rng);
		buf_put(mess_part(value), &bytes, left < 8 ? (size_t)left : 8);
	}
}
