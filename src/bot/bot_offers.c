/* Ready-made alerts near the present price (def/offers.def). */
#include "ask/asked.h"
#include "ask/figure.h"
#include "base/check.h"
#include "bot/bot_impl.h"

static const struct offer {
	const char *text, *rule;
	int percent;
} offers[] = {
#define OFFER(text, rule, percent) { text, rule, percent },
#include "def/offers.def"
#undef OFFER
};

enum { OFFERS_A_ROW = 2, DIGITS_KEPT = 4 };

/* Cut to few digits that count, away from the price: people set round alerts. */
static struct number near_price(struct number price, int percent)
{
	i128 value = (i128)price.mantissa * (100 + percent);
	int32_t scale = price.digits + 2;
	i128 step = 1;
	while (value / step >= 10000)
		step *= 10;
	value = (value + (percent > 0 ? step - 1 : 0)) / step * step;
	while (scale > 0 && value % 10 == 0) {
		value /= 10;
		scale--;
	}
	bool fits = value <= INT64_MAX && scale <= DECIMAL_SCALE_MAX;
	return fits ? (struct number){ (int64_t)value, (uint8_t)scale } : price;
}

/* The text with the price in the place of PRICE. */
static void put_offer(struct buf *out, const char *text, struct number price)
{
	const char *mark = strstr(text, "PRICE");
	size_t before = mark ? (size_t)(mark - text) : strlen(text);
	buf_put(out, text, before);
	if (!mark)
		return;
	number_print(out, price);
	buf_str_put(out, str_of(mark + 5));
}

static void add_offer(struct keyboard *keyboard, const struct offer *offer, const char *symbol,
		      struct number price)
{
	char label[64], rule[BOT_DATA_MAX + 1];
	struct buf label_text = buf_over(label, sizeof label);
	struct buf rule_text = buf_over(rule, sizeof rule);
	struct number at = near_price(price, offer->percent);
	put_offer(&label_text, offer->text, at);
	put_offer(&rule_text, offer->rule, at);
	if (!label_text.overflow && !rule_text.overflow)
		keyboard_add(keyboard, buf_str(&label_text), "r:/alerts add %s %.*s", symbol,
			     STR_ARG(buf_str(&rule_text)));
}

static size_t add_offers(struct keyboard *keyboard, const char *symbol, bool known,
			 struct number price)
{
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_LEN(offers); i++) {
		if (offers[i].percent && (!known || price.mantissa <= 0))
			continue;
		if (n++ % OFFERS_A_ROW == 0 && keyboard->count + 1 < BOT_ROWS_MAX)
			keyboard_row(keyboard);
		add_offer(keyboard, &offers[i], symbol, price);
	}
	return n;
}

static void put_price(struct buf *out, struct number price)
{
	struct figure figure = figure_price(price.mantissa, price.digits);
	buf_printf(out, ", now %.*s", STR_ARG(figure_str(&figure)));
}

void bot_offer_alerts(const struct talk *talk, struct str text)
{
	struct bot *bot = talk->bot;
	struct asked asked;
	struct number price = { 0 };
	struct buf html = buf_over(bot->text, sizeof bot->text);
	bool good =
	    !asked_parse(text, ASK_TEXT_MAX, str_of(bot->symbol), &asked) && asked.symbol[0];
	if (!good) {
		talk_notice(talk, STR("Alerts are of a market's answers."));
		return;
	}
	bool known =
	    bot->hooks.price && bot->hooks.price(bot->hooks.ctx, str_of(asked.symbol), &price);
	buf_printf(&html, "<b>Tell me when</b>\n");
	buf_html(&html, str_of(asked.symbol));
	if (known)
		put_price(&html, price);
	buf_printf(&html, "\n\nOr type: <code>/alerts add ");
	buf_html(&html, str_of(asked.symbol));
	buf_printf(&html, " price &gt; …</code>");
	keyboard_init(&bot->keyboard);
	add_offers(&bot->keyboard, asked.symbol, known, price);
	keyboard_row(&bot->keyboard);
	keyboard_add(&bot->keyboard, STR("‹ Back"), "q:%.*s", STR_ARG(text));
	keyboard_add(&bot->keyboard, STR("My alerts"), "q:/alerts list");
	talk_notice(talk, STR(""));
	talk_say(talk, buf_str(&html), true);
}
