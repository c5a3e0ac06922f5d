#include "def/market_id.h"

#include "base/check.h"

static const char *const venue_texts[] = {
#define VENUE(name, text, title) text,
#include "def/venues.def"
#undef VENUE
};

static const char *const venue_titles[] = {
#define VENUE(name, text, title) title,
#include "def/venues.def"
#undef VENUE
};

static const char *const kind_texts[] = {
#define KIND(name, text) text,
#include "def/venues.def"
#undef KIND
};

static const char *const quotes[] = { "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "PERP", "USD",
				      "BTC",  "ETH",  "BNB",   "EUR",  "TRY",  "BRL",  "JPY" };

const char *venue_text(enum venue venue)
{
	CHECK(venue < VENUE_COUNT);
	return venue_texts[venue];
}

const char *venue_title(enum venue venue)
{
	CHECK(venue < VENUE_COUNT);
	return venue_titles[venue];
}

const char *kind_text(enum kind kind)
{
	CHECK(kind < KIND_COUNT);
	return kind_texts[kind];
}

static bool is_symbol_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

enum status market_id_make(enum venue venue, enum kind kind, struct str symbol,
			   struct market_id *out)
{
	CHECK(venue < VENUE_COUNT && kind < KIND_COUNT);
	struct market_id id = { .venue = (uint8_t)venue, .kind = (uint8_t)kind };
	if (symbol.len == 0 || symbol.len > SYMBOL_MAX)
		return STATUS_RANGE;
	for (size_t i = 0; i < symbol.len; i++) {
		char c = symbol.ptr[i];
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (!is_symbol_char(c))
			return STATUS_FORMAT;
		id.symbol[i] = c;
	}
	*out = id;
	return STATUS_OK;
}

enum status market_id_parse_source(struct str text, enum venue *venue, enum kind *kind)
{
	struct str rest = text, part;
	int v = 0, k = 0;
	if (!str_split(&rest, ':', &part))
		return STATUS_FORMAT;
	while (v < VENUE_COUNT && !str_eq(part, str_of(venue_texts[v])))
		v++;
	if (v == VENUE_COUNT || !rest.ptr)
		return STATUS_FORMAT;
	while (k < KIND_COUNT && !str_eq(rest, str_of(kind_texts[k])))
		k++;
	if (k == KIND_COUNT)
		return STATUS_FORMAT;
	*venue = (enum venue)v;
	*kind = (enum kind)k;
	return STATUS_OK;
}

enum status market_id_parse(struct str text, struct market_id *out)
{
	size_t first = str_find_char(text, ':');
	size_t second = first + 1 + str_find_char(str_skip(text, first + 1), ':');
	enum venue venue;
	enum kind kind;
	if (second >= text.len)
		return STATUS_FORMAT;
	enum status status = market_id_parse_source(str_make(text.ptr, second), &venue, &kind);
	if (status)
		return status;
	return market_id_make(venue, kind, str_skip(text, second + 1), out);
}

void market_id_print(struct buf *buf, const struct market_id *id)
{
	buf_str_put(buf, str_of(venue_texts[id->venue]));
	buf_char(buf, ':');
	buf_str_put(buf, str_of(kind_texts[id->kind]));
	buf_char(buf, ':');
	buf_str_put(buf, str_of(id->symbol));
}

bool market_id_eq(const struct market_id *a, const struct market_id *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

int market_id_cmp(const struct market_id *a, const struct market_id *b)
{
	if (a->venue != b->venue)
		return strcmp(venue_texts[a->venue], venue_texts[b->venue]);
	if (a->kind != b->kind)
		return strcmp(kind_texts[a->kind], kind_texts[b->kind]);
	return strcmp(a->symbol, b->symbol);
}

bool market_id_is_dollar(const struct market_id *id)
{
	static const char *const dollars[] = {
		"USDT", "USDC", "FDUSD", "TUSD",
		"BUSD", "USD",  "PERP", /* Bybit's name for perpetuals that settle in USDC */
	};
	struct str base, quote;
	market_id_assets(id, &base, &quote);
	for (size_t i = 0; i < ARRAY_LEN(dollars); i++)
		if (str_eq(quote, str_of(dollars[i])))
			return true;
	return false;
}

void market_id_assets(const struct market_id *id, struct str *base, struct str *quote)
{
	struct str symbol = str_of(id->symbol);
	for (size_t i = 0; i < ARRAY_LEN(quotes); i++) {
		struct str q = str_of(quotes[i]);
		if (symbol.len > q.len && str_eq(str_skip(symbol, symbol.len - q.len), q)) {
			*base = str_make(symbol.ptr, symbol.len - q.len);
			*quote = q;
			return;
		}
	}
	*base = symbol;
	*quote = STR("");
}
