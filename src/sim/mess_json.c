/* Strings that hold JSON, and some that only look so. */
#include "sim/mess_impl.h"

static const struct {
	struct str name;
	int64_t lo, hi;
} indicators[] = {
#define MESS_INDICATOR(name, lo, hi) { STR(#name), lo, hi },
#include "sim/mess_words.def"
};

enum { EPOCH_S = 1700000000, FRACTION = 10000 };

static void put_symbol(struct buf *out, struct rng *rng)
{
	buf_printf(out, "%s", mess_symbol(rng_below(rng, mess_symbols_all())));
}

static int64_t stamp(struct rng *rng) { return EPOCH_S + mess_between(rng, 0, 30000000); }

/* The figure of an indicator, in ten-thousandths. */
static int64_t figure_of(struct rng *rng, size_t indicator)
{
	return mess_between(rng, indicators[indicator].lo * FRACTION,
			    indicators[indicator].hi * FRACTION);
}

/* As Python prints a float that was rounded to four places. */
static void put_float(struct buf *out, int64_t number)
{
	int64_t fraction = number % FRACTION;
	int digits = 4;
	for (; digits > 1 && fraction % 10 == 0; digits--)
		fraction /= 10;
	buf_printf(out, "%lld.%0*lld", (long long)(number / FRACTION), digits, (long long)fraction);
}

void mess_write_indicators(struct mess_value *value, struct mess_ask *ask)
{
	struct buf *out = mess_part(value);
	for (size_t i = 0; i < ARRAY_LEN(indicators); i++) {
		buf_printf(out, "%s\"%s\": ", i ? ", " : "{", indicators[i].name.ptr);
		put_float(out, figure_of(&ask->rng, i));
	}
	buf_printf(out, ", \"trend\": \"%s\", \"ts\": %lld}",
		   rng_below(&ask->rng, 2) ? "up" : "down", (long long)stamp(&ask->rng));
}

/* The same chances as the key's that it is taken from. */
static void as_other(const struct mess_ask *ask, struct mess_ask *other)
{
	*other = *ask;
	other->row = ask->mess->rows[ask->row].of;
	rng_init(&other->rng, mess_draw(ask->mess, other->row, ask->index, 0));
}

void mess_write_copy(struct mess_value *value, struct mess_ask *ask)
{
	struct mess_ask other;
	as_other(ask, &other);
	mess_write_indicators(value, &other);
}

void mess_write_field(struct mess_value *value, struct mess_ask *ask)
{
	struct mess_ask other;
	struct str field = str_of(ask->mess->rows[ask->row].field);
	as_other(ask, &other);
	for (size_t i = 0; i < ARRAY_LEN(indicators); i++) {
		int64_t figure = figure_of(&other.rng, i);
		if (str_eq(indicators[i].name, field))
			put_float(mess_part(value), figure);
	}
	CHECK(mess_part(value)->len); /* a row of a field that the JSON has not */
}

void mess_write_klines(struct mess_value *value, struct mess_ask *ask)
{
	struct buf *out = mess_part(value);
	size_t size = (size_t)mess_between(&ask->rng, ask->lo, ask->hi);
	int64_t time_s = stamp(&ask->rng) / 60 * 60;
	int64_t open = mess_between(&ask->rng, 1000000, 9000000);
	while (out->len < size) {
		int64_t close = open + mess_between(&ask->rng, -900, 900);
		int64_t high = (open > close ? open : close) + mess_between(&ask->rng, 0, 400);
		int64_t low = (open < close ? open : close) - mess_between(&ask->rng, 0, 400);
		buf_printf(out, "%s[%lld000", out->len ? ", " : "[", (long long)time_s);
		const int64_t figures[] = { open, high, low, close,
					    mess_between(&ask->rng, 100, 90000) };
		for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
			buf_str_put(out, STR(", \""));
			mess_put_hundredths(out, figures[i]);
			buf_char(out, '"');
		}
		buf_char(out, ']');
		open = close;
		time_s += 60;
	}
	buf_char(out, ']');
}

static void put_levels(struct buf *out, struct rng *rng, int64_t price, int64_t step)
{
	for (int i = 0; i < 8; i++) {
		buf_str_put(out, i ? STR(", [\"") : STR("[[\""));
		mess_put_hundredths(out, price + step * (i + 1));
		buf_str_put(out, STR("\", \""));
		mess_put_hundredths(out, mess_between(rng, 1, 5000));
		buf_str_put(out, STR("\"]"));
	}
	buf_char(out, ']');
}

void mess_write_book(struct mess_value *value, struct mess_ask *ask)
{
	struct buf *out = mess_part(value);
	int64_t price = mess_between(&ask->rng, 100000, 9000000);
	buf_str_put(out, STR("{\"bids\": "));
	put_levels(out, &ask->rng, price, -7);
	buf_str_put(out, STR(", \"asks\": "));
	put_levels(out, &ask->rng, price, 7);
	buf_printf(out, ", \"ts\": %lld}", (long long)stamp(&ask->rng));
}

void mess_put_trade(struct buf *out, struct rng *rng, int64_t id)
{
	buf_printf(out, "{\"id\": %lld, \"symbol\": \"", (long long)id);
	put_symbol(out, rng);
	buf_printf(out, "USDT\", \"side\": \"%s\", \"entry\": \"",
		   rng_below(rng, 2) ? "buy" : "sell");
	mess_put_hundredths(out, mess_between(rng, 100, 9000000));
	buf_str_put(out, STR("\", \"exit\": \""));
	mess_put_hundredths(out, mess_between(rng, 100, 9000000));
	buf_printf(out, "\", \"qty\": \"0.%03lld\", \"opened\": %lld, \"fee\": \"0.%05lld\"}",
		   (long long)mess_between(rng, 1, 999), (long long)stamp(rng),
		   (long long)mess_between(rng, 1, 99999));
}

void mess_write_trade(struct mess_value *value, struct mess_ask *ask)
{
	mess_put_trade(mess_part(value), &ask->rng, mess_between(&ask->rng, 100000, 99999999));
}

static void put_visit(struct buf *out, struct rng *rng)
{
	buf_printf(
	    out, "{\"user_id\": %lld, \"lang\": \"%s\", \"last_seen\": %lld, \"pages\": %lld",
	    (long long)mess_between(rng, 100000000, 999999999), rng_below(rng, 2) ? "en" : "de",
	    (long long)stamp(rng), (long long)mess_between(rng, 1, 300));
}

void mess_write_visit(struct mess_value *value, struct mess_ask *ask)
{
	put_visit(mess_part(value), &ask->rng);
	buf_char(mess_part(value), '}');
}

void mess_write_visit_secret(struct mess_value *value, struct mess_ask *ask)
{
	struct buf *out = mess_part(value);
	put_visit(out, &ask->rng);
	buf_printf(out, ", \"%s\": \"", rng_below(&ask->rng, 2) ? "password" : "api_secret");
	mess_put_hex(out, &ask->rng, 24);
	buf_str_put(out, STR("\"}"));
}

/* Scalars, empty containers, what Python prints, what was cut, two documents in one. */
void mess_write_almost_json(struct mess_value *value, struct mess_ask *ask)
{
	struct buf *out = mess_part(value);
	long long id = (long long)mess_between(&ask->rng, 100000, 99999999);
	switch (rng_below(&ask->rng, 8)) {
	case 0: buf_str_put(out, STR("{}")); break;
	case 1: buf_str_put(out, STR("[ ]")); break;
	case 2: buf_printf(out, "%lld", id); break;
	case 3: buf_printf(out, "\"order %lld\"", id); break;
	case 4: buf_printf(out, "{'id': %lld, 'open': True, 'note': None, 'n': 'x'}", id); break;
	case 5: buf_printf(out, "{\"id\": %lld, \"symbol\": \"BTCUSDT\", \"ent", id); break;
	case 6: buf_printf(out, "{\"id\": %lld}\n{\"id\": %lld}\n", id, id + 1); break;
	default: buf_printf(out, "[%lld] scan finished without trades", id); break;
	}
}
