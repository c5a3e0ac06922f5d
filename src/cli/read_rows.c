#include "cli/read_rows.h"

#include <string.h>

#include "cli/bars_csv.h"

enum { CLOSED_SCALE = 8 };

/* ---- a line ---- */

static bool is_plain(struct str text)
{
	while (text.len) {
		size_t n = str_utf8_len(text);
		if (!n || (unsigned char)*text.ptr <= ' ' || strchr("\"=\x7f", *text.ptr))
			return false;
		text = str_skip(text, n);
	}
	return true;
}

static void put_text(const struct read_rows *rows, struct str text)
{
	if (rows->json || !is_plain(text))
		buf_json_str(rows->out, text);
	else
		buf_str_put(rows->out, text);
}

static void begin(struct read_rows *rows)
{
	if (rows->json)
		buf_char(rows->out, '{');
	rows->begun = false;
}

static void end(struct read_rows *rows)
{
	if (rows->json)
		buf_char(rows->out, '}');
	buf_char(rows->out, '\n');
}

static void name(struct read_rows *rows, struct str text)
{
	if (rows->begun)
		buf_char(rows->out, rows->json ? ',' : ' ');
	rows->begun = true;
	put_text(rows, text);
	buf_char(rows->out, rows->json ? ':' : '=');
}

static void put_str(struct read_rows *rows, const char *key, struct str value)
{
	name(rows, str_of(key));
	put_text(rows, value);
}

static void put_i64(struct read_rows *rows, const char *key, int64_t value)
{
	name(rows, str_of(key));
	buf_i64(rows->out, value);
}

static void put_decimal(struct read_rows *rows, const char *key, i128 mantissa, int32_t scale)
{
	char storage[64];
	struct buf text = buf_over(storage, sizeof storage);
	decimal_print_trim(&text, mantissa, scale);
	put_str(rows, key, buf_str(&text));
}

static bool is_wanted(const struct read_rows *rows, int64_t ms)
{
	return ms >= rows->from_ms && ms < rows->to_ms;
}

/* ---- rows ---- */

void read_entry(struct read_rows *rows, struct str id, const struct redis_reply *fields)
{
	begin(rows);
	put_str(rows, "entry", id);
	for (size_t i = 0; i + 1 < fields->count; i += 2) {
		name(rows, fields->items[i].text);
		put_text(rows, fields->items[i + 1].text);
	}
	end(rows);
}

bool read_is_packed(const struct redis_reply *fields, struct str *chunk)
{
	if (fields->type != REDIS_ARRAY || fields->count != 2 ||
	    !str_eq(fields->items[0].text, STR("p")))
		return false;
	*chunk = fields->items[1].text;
	return true;
}

enum status read_packed(struct read_rows *rows, struct entries_reader *reader,
			enum entries_table table, struct str id, struct str chunk)
{
	size_t fields, count = 0;
	const struct str *names = entries_fields(table, &fields);
	enum status status = entries_read(reader, table, chunk, &count);
	for (size_t row = 0; !status && row < count; row++) {
		const struct str *values = entries_row(reader, row);
		begin(rows);
		put_str(rows, "entry", id);
		for (size_t i = 0; i < fields; i++) {
			if (!values[i].ptr)
				continue;
			name(rows, names[i]);
			put_text(rows, values[i]);
		}
		end(rows);
	}
	return status;
}

/* An id is the venue's where its ids are ordered, its seq elsewhere; 0 where there is none. */
static void put_trade(struct read_rows *rows, const struct tape_info *info,
		      const struct trade *trade)
{
	begin(rows);
	put_i64(rows, "t_ms", trade->t_ms);
	put_decimal(rows, "price", trade->price, info->price_scale);
	put_decimal(rows, "qty", trade->qty, info->qty_scale);
	put_str(rows, "side", trade->side == SIDE_BUY ? STR("buy") : STR("sell"));
	if (trade->id)
		put_i64(rows, info->market.venue == VENUE_BINANCE ? "id" : "seq", trade->id);
	end(rows);
}

enum status read_tape(struct read_rows *rows, struct str chunk)
{
	struct tape_info info;
	enum status status = tape_read(chunk, &info, rows->trades);
	for (uint32_t i = 0; !status && i < info.count; i++)
		if (is_wanted(rows, rows->trades[i].t_ms))
			put_trade(rows, &info, &rows->trades[i]);
	return status;
}

static void put_bar(struct read_rows *rows, const struct bars_info *info, const struct bar *bar)
{
	char storage[64];
	struct buf flags = buf_over(storage, sizeof storage);
	int32_t quote_scale = info->price_scale + info->qty_scale;
	bars_csv_flags(&flags, bar->flags);
	begin(rows);
	put_i64(rows, "minute_ms", bar->minute_ms);
	put_decimal(rows, "open", bar->open, info->price_scale);
	put_decimal(rows, "high", bar->high, info->price_scale);
	put_decimal(rows, "low", bar->low, info->price_scale);
	put_decimal(rows, "close", bar->close, info->price_scale);
	put_decimal(rows, "taker_buy", bar->buy, info->qty_scale);
	put_decimal(rows, "taker_sell", bar->sell, info->qty_scale);
	put_decimal(rows, "taker_buy_quote", bar->buy_quote, quote_scale);
	put_decimal(rows, "taker_sell_quote", bar->sell_quote, quote_scale);
	put_i64(rows, "n_buy", bar->n_buy);
	put_i64(rows, "n_sell", bar->n_sell);
	if (bar->id_first || bar->id_last) {
		put_i64(rows, "first_id", bar->id_first);
		put_i64(rows, "last_id", bar->id_last);
	}
	put_str(rows, "flags", buf_str(&flags));
	end(rows);
}

enum status read_bars(struct read_rows *rows, struct str chunk)
{
	struct bars_info info;
	enum status status = bars_read(chunk, &info, rows->bars);
	for (uint32_t i = 0; !status && i < info.count; i++) {
		const struct bar *bar = &rows->bars[i];
		if (bar->minute_ms <= rows->minute_ms)
			continue;
		rows->minute_ms = bar->minute_ms;
		if (is_wanted(rows, bar->minute_ms))
			put_bar(rows, &info, bar);
	}
	return status;
}

static void put_sample_row(struct read_rows *rows, const struct sample_row_values *row)
{
	begin(rows);
	put_i64(rows, "ms", row->ms);
	for (enum sample sample = 0; sample < SAMPLE_COUNT; sample++) {
		char storage[48];
		struct buf text = buf_over(storage, sizeof storage);
		if (!(row->known >> sample & 1))
			continue;
		number_print(&text, row->values[sample]);
		put_str(rows, sample_row(sample)->name, buf_str(&text));
	}
	end(rows);
}

enum status read_samples(struct read_rows *rows, struct str chunk)
{
	struct samples_info info;
	enum status status = samples_read(chunk, &info, rows->samples);
	for (uint32_t i = 0; !status && i < info.count; i++)
		if (is_wanted(rows, rows->samples[i].ms))
			put_sample_row(rows, &rows->samples[i]);
	return status;
}

void read_closed(struct read_rows *rows, const struct closed_account *account,
		 const struct closed_trade *trade)
{
	if (!is_wanted(rows, trade->closed_us / 1000))
		return;
	begin(rows);
	put_str(rows, "server", str_of(account->server));
	put_i64(rows, "login", account->login);
	put_i64(rows, "position_id", trade->position);
	put_str(rows, "symbol", str_of(trade->symbol));
	put_str(rows, "side", trade->sell ? STR("sell") : STR("buy"));
	put_decimal(rows, "volume", trade->volume, CLOSED_SCALE);
	put_decimal(rows, "price_open", trade->price_open, CLOSED_SCALE);
	put_decimal(rows, "price_close", trade->price_close, CLOSED_SCALE);
	if (trade->has_sl)
		put_decimal(rows, "sl", trade->sl, CLOSED_SCALE);
	if (trade->has_tp)
		put_decimal(rows, "tp", trade->tp, CLOSED_SCALE);
	put_decimal(rows, "commission", trade->commission, CLOSED_SCALE);
	put_decimal(rows, "swap", trade->swap, CLOSED_SCALE);
	put_decimal(rows, "fee", trade->fee, CLOSED_SCALE);
	put_decimal(rows, "pnl", trade->pnl, CLOSED_SCALE);
	put_i64(rows, "opened_us", trade->opened_us);
	put_i64(rows, "closed_us", trade->closed_us);
	put_i64(rows, "deals", trade->deals);
	end(rows);
}

/* ---- the newest ---- */

void read_tail(struct buf *out, uint64_t lines)
{
	size_t from = out->len;
	for (uint64_t seen = 0; from > 0; from--)
		if (out->ptr[from - 1] == '\n' && seen++ == lines)
			break;
	memmove(out->ptr, out->ptr + from, out->len - from);
	out->len -= from;
}
