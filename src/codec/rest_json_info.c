/* Instruments: what a venue lists, and in which steps. */
#include "codec/rest_json_impl.h"

/* A member that may be missing, be null or "". */
static void optional_amount(struct reader *reader, struct json_value from, struct str key,
			    struct decimal *out)
{
	if (reader_has(from, key))
		reader_decimal(reader, from, key, WANT_NOT_NEGATIVE, out,
			       "a step: wants a decimal of 0 or more");
}

static void optional_time(struct reader *reader, struct json_value from, struct str key,
			  int64_t *out)
{
	if (reader_has(from, key))
		reader_integer_text(reader, from, key, TIME_MS_MAX, out,
				    "listed since: wants a time in ms");
}

static void read_head(struct reader *reader, struct json_value row,
		      struct rest_instrument *instrument)
{
	struct str status = { 0 };
	READ_SYMBOL(reader, row, "symbol", &instrument->symbol);
	READ_TEXT(reader, row, "status", &status);
	instrument->trading = str_eq_nocase(status, STR("TRADING"));
}

/* {"filterType":"PRICE_FILTER","tickSize":"0.10",…},{"filterType":"LOT_SIZE","stepSize":…} */
static void read_filter(struct reader *reader, struct json_value filter,
			struct rest_instrument *instrument)
{
	struct str type;
	if (!READ_TEXT(reader, filter, "filterType", &type))
		return;
	if (str_eq(type, STR("PRICE_FILTER")))
		optional_amount(reader, filter, STR("tickSize"), &instrument->tick);
	else if (str_eq(type, STR("LOT_SIZE")))
		optional_amount(reader, filter, STR("stepSize"), &instrument->lot);
}

static void binance_row(struct reader *reader, struct json_value row,
			struct rest_instrument *instrument)
{
	struct json_iter filters;
	struct json_value filter;
	read_head(reader, row, instrument);
	optional_time(reader, row, STR("onboardDate"), &instrument->listed_ms);
	if (!READ_ARRAY(reader, row, "filters", &filters))
		return;
	while (!reader->reason && json_next(&filters, &filter))
		read_filter(reader, filter, instrument);
}

/* Spot calls its step basePrecision. */
static void bybit_row(struct reader *reader, struct json_value row,
		      struct rest_instrument *instrument)
{
	struct json_value lot, price;
	int64_t interval = 0;
	read_head(reader, row, instrument);
	optional_time(reader, row, STR("launchTime"), &instrument->listed_ms);
	if (READ_OBJECT(reader, row, "lotSizeFilter", &lot)) {
		bool spot = !reader_has(lot, STR("qtyStep"));
		optional_amount(reader, lot, spot ? STR("basePrecision") : STR("qtyStep"),
				&instrument->lot);
	}
	if (READ_OBJECT(reader, row, "priceFilter", &price))
		optional_amount(reader, price, STR("tickSize"), &instrument->tick);
	if (reader_has(row, STR("fundingInterval")))
		reader_integer_text(reader, row, STR("fundingInterval"), 100000, &interval,
				    "fundingInterval: wants minutes");
	instrument->funding_interval_min = (int32_t)interval;
}

static void funding_row(struct reader *reader, struct json_value row,
			struct rest_instrument *instrument)
{
	int64_t hours = 0;
	READ_SYMBOL(reader, row, "symbol", &instrument->symbol);
	reader_integer(reader, row, STR("fundingIntervalHours"), 1000, &hours,
		       "fundingIntervalHours: wants hours");
	instrument->funding_interval_min = (int32_t)hours * 60;
}

typedef void (*instrument_row_fn)(struct reader *reader, struct json_value row,
				  struct rest_instrument *instrument);

static void give_instruments(struct rest_reader *rest, struct json_iter list,
			     instrument_row_fn read, rest_instrument_fn fn, void *ctx)
{
	struct json_value row;
	while (json_next(&list, &row)) {
		struct rest_instrument instrument = { 0 };
		read(&rest->reader, row, &instrument);
		if (rest->reader.reason)
			return;
		fn(ctx, &instrument);
	}
}

enum status rest_read_instruments(struct rest_reader *rest, enum venue venue, struct str body,
				  rest_instrument_fn fn, void *ctx)
{
	struct json_value root = { 0 };
	struct json_iter list = { 0 };
	if (!rest_begin(rest, body, &root))
		return rest_end(rest);
	if (venue == VENUE_BYBIT) {
		if (rest_bybit_list(rest, root, &list))
			give_instruments(rest, list, bybit_row, fn, ctx);
	} else if (READ_ARRAY(&rest->reader, root, "symbols", &list)) {
		give_instruments(rest, list, binance_row, fn, ctx);
	}
	return rest_end(rest);
}

enum status rest_read_funding_info(struct rest_reader *rest, struct str body, rest_instrument_fn fn,
				   void *ctx)
{
	struct json_value root = { 0 };
	struct json_iter list = { 0 };
	if (!rest_begin(rest, body, &root))
		return rest_end(rest);
	if (json_as_array(root, &list))
		give_instruments(rest, list, funding_row, fn, ctx);
	else
		reader_fail(&rest->reader, "wants an array");
	return rest_end(rest);
}
