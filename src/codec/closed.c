#include "codec/closed.h"

#include <assert.h>

#include "base/check.h"
#include "base/decimal.h"
#include "codec/closed_table.h"
#include "codec/pack_frame.h"

enum {
	FORMAT = 1,
	ROW_ROOM = 1024, /* more than pack_row_bits_max; checked */
	SYMBOL_BYTES = 1 + CLOSED_NAME_MAX + 2,
	HEAD_MAX = PACK_FRAME_HEAD + 6 * PACK_VARINT_MAX + 1 + CLOSED_NAME_MAX + 2 +
		   CLOSED_CHUNK_SYMBOLS * SYMBOL_BYTES,
};

static_assert(HEAD_MAX + ROW_ROOM <= CLOSED_CHUNK_BYTES, "one trade fits, whatever it is");

static const struct pack_frame frame = { { 'w', 'T' }, FORMAT, CLOSED_CHUNK_BYTES };

const struct pack_table closed_table = { .name = "closed",
					 .columns = closed_columns,
					 .n_columns = CLOSED_COLUMNS,
					 .n_slots = CLOSED_SLOTS };

/* A symbol of the chunk: its units, and what is remembered of it while rows pass. */
struct symbol {
	char name[CLOSED_NAME_MAX + 1];
	uint8_t price_power, volume_power;
	int64_t close;                      /* 10^-8 */
	int64_t volume, commission, profit; /* units */
	i128 product;
};

struct chunk {
	uint8_t time_power, money_power;
	uint32_t symbols;
	struct symbol symbol[CLOSED_CHUNK_SYMBOLS];
	struct packer packer;
	uint32_t slots[CLOSED_SLOTS];
};

/* ---- what is expected ---- */

static bool is_small(i128 value)
{
	const i128 bound = (i128)1 << 62;
	return value > -bound && value < bound;
}

static int64_t quotient(i128 dividend, i128 divisor)
{
	i128 whole = dividend / divisor, rest = dividend % divisor;
	bool negative = (dividend < 0) != (divisor < 0);
	i128 size = rest < 0 ? -rest : rest, of = divisor < 0 ? -divisor : divisor;
	whole += size >= of - size ? (negative ? -1 : 1) : 0;
	return is_small(whole) ? (int64_t)whole : 0;
}

static int64_t expected_commission(const struct symbol *symbol, int64_t volume)
{
	if (!symbol->volume || !is_small(symbol->commission) || !is_small(volume))
		return 0;
	return quotient((i128)symbol->commission * volume, symbol->volume);
}

static int64_t expected_profit(const struct symbol *symbol, i128 product)
{
	if (!symbol->product || !is_small(symbol->profit) || !is_small(product))
		return 0;
	return quotient((i128)symbol->profit * product, symbol->product);
}

/* Buying for less than selling is a profit. */
static i128 product_of(const struct closed_trade *trade, int64_t volume)
{
	i128 move = (i128)trade->price_close - trade->price_open;
	return is_small(move) && is_small(volume) ? (trade->sell ? -move : move) * volume : 0;
}

static i128 size_of(i128 value) { return value < 0 ? -value : value; }

/* volume, commission, profit: in units. */
static void remember(struct symbol *symbol, const struct closed_trade *trade,
		     const int64_t values[3])
{
	i128 product = product_of(trade, values[0]);
	symbol->close = trade->price_close;
	symbol->volume = values[0];
	symbol->commission = values[1];
	if (!is_small(product) || size_of(product) < size_of(symbol->product))
		return;
	symbol->product = product;
	symbol->profit = values[2];
}

/* ---- a row ---- */

static int64_t minus(int64_t a, int64_t b) { return (int64_t)((uint64_t)a - (uint64_t)b); }
static int64_t plus(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }
static int64_t times(int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }

static int64_t unit_of(uint8_t power) { return decimal_pow10(power); }

static bool is_fine(const struct closed_trade *trade, int64_t unit)
{
	return trade->price_open % unit || trade->price_close % unit || trade->sl % unit ||
	       trade->tp % unit;
}

static void row_of(struct chunk *chunk, uint32_t at, const struct closed_trade *trade, int64_t *row)
{
	struct symbol *symbol = &chunk->symbol[at];
	bool fine = is_fine(trade, unit_of(symbol->price_power));
	int64_t price = fine ? 1 : unit_of(symbol->price_power);
	int64_t time = unit_of(chunk->time_power), money = unit_of(chunk->money_power);
	int64_t open = trade->price_open / price;
	int64_t values[3] = { trade->volume / unit_of(symbol->volume_power),
			      trade->commission / money, trade->pnl / money };
	row[CLOSED_SYMBOL] = at;
	row[CLOSED_SELL] = trade->sell;
	row[CLOSED_FINE] = fine;
	row[CLOSED_HAS_SL] = trade->has_sl;
	row[CLOSED_HAS_TP] = trade->has_tp;
	row[CLOSED_CLOSED] = trade->closed_us / time;
	row[CLOSED_LASTED] = minus(trade->closed_us / time, trade->opened_us / time);
	row[CLOSED_POSITION] = trade->position;
	row[CLOSED_VOLUME] = minus(values[0], symbol->volume);
	row[CLOSED_OPEN] = minus(open, symbol->close / price);
	row[CLOSED_MOVE] = minus(trade->price_close / price, open);
	row[CLOSED_SL] = trade->has_sl ? minus(trade->sl / price, open) : 0;
	row[CLOSED_TP] = trade->has_tp ? minus(trade->tp / price, open) : 0;
	row[CLOSED_COMMISSION] = minus(values[1], expected_commission(symbol, values[0]));
	row[CLOSED_SWAP] = trade->swap / money;
	row[CLOSED_FEE] = trade->fee / money;
	row[CLOSED_PNL] = minus(values[2], expected_profit(symbol, product_of(trade, values[0])));
	row[CLOSED_DEALS] = (int64_t)trade->deals - 2;
	remember(symbol, trade, values);
}

/* False: such a row was not written by us. */
static bool trade_of(struct chunk *chunk, const int64_t *row, struct closed_trade *trade)
{
	if (row[CLOSED_SYMBOL] < 0 || row[CLOSED_SYMBOL] >= chunk->symbols ||
	    (row[CLOSED_FINE] & ~INT64_C(1)) || row[CLOSED_DEALS] < -2 ||
	    row[CLOSED_DEALS] > (int64_t)UINT32_MAX - 2)
		return false;
	struct symbol *symbol = &chunk->symbol[row[CLOSED_SYMBOL]];
	int64_t price = row[CLOSED_FINE] ? 1 : unit_of(symbol->price_power);
	int64_t time = unit_of(chunk->time_power), money = unit_of(chunk->money_power);
	int64_t open = plus(row[CLOSED_OPEN], symbol->close / price);
	int64_t values[3] = { plus(row[CLOSED_VOLUME], symbol->volume), 0, 0 };
	values[1] = plus(row[CLOSED_COMMISSION], expected_commission(symbol, values[0]));
	*trade = (struct closed_trade){
		.position = row[CLOSED_POSITION],
		.sell = row[CLOSED_SELL],
		.has_sl = row[CLOSED_HAS_SL],
		.has_tp = row[CLOSED_HAS_TP],
		.volume = times(values[0], unit_of(symbol->volume_power)),
		.price_open = times(open, price),
		.price_close = times(plus(open, row[CLOSED_MOVE]), price),
		.commission = times(values[1], money),
		.swap = times(row[CLOSED_SWAP], money),
		.fee = times(row[CLOSED_FEE], money),
		.opened_us = times(minus(row[CLOSED_CLOSED], row[CLOSED_LASTED]), time),
		.closed_us = times(row[CLOSED_CLOSED], time),
		.deals = (uint32_t)(row[CLOSED_DEALS] + 2),
	};
	memcpy(trade->symbol, symbol->name, sizeof trade->symbol);
	trade->sl = trade->has_sl ? times(plus(open, row[CLOSED_SL]), price) : 0;
	trade->tp = trade->has_tp ? times(plus(open, row[CLOSED_TP]), price) : 0;
	values[2] = plus(row[CLOSED_PNL], expected_profit(symbol, product_of(trade, values[0])));
	trade->pnl = times(values[2], money);
	remember(symbol, trade, values);
	return true;
}

/* ---- units and symbols ---- */

static void lower_to(uint8_t *power, int64_t value)
{
	while (*power > 0 && value % decimal_pow10(*power) != 0)
		--*power;
}

/* The number of the trade's symbol; CLOSED_CHUNK_SYMBOLS: no room. */
static uint32_t symbol_of(struct chunk *chunk, const struct closed_trade *trade)
{
	uint32_t at = 0;
	while (at < chunk->symbols && strcmp(chunk->symbol[at].name, trade->symbol) != 0)
		at++;
	if (at < chunk->symbols || at == CLOSED_CHUNK_SYMBOLS)
		return at;
	struct symbol *symbol = &chunk->symbol[chunk->symbols++];
	*symbol =
	    (struct symbol){ .price_power = DECIMAL_SCALE_MAX, .volume_power = DECIMAL_SCALE_MAX };
	memcpy(symbol->name, trade->symbol, sizeof symbol->name);
	return at;
}

/* Prices of more than two deals are means: their digits are for those rows alone. */
static void take_units(struct chunk *chunk, struct symbol *symbol, const struct closed_trade *trade)
{
	const int64_t prices[] = { trade->price_open, trade->price_close, trade->sl, trade->tp };
	const int64_t money[] = { trade->commission, trade->swap, trade->fee, trade->pnl };
	for (size_t i = 0; i < ARRAY_LEN(prices) && trade->deals <= 2; i++)
		lower_to(&symbol->price_power, prices[i]);
	for (size_t i = 0; i < ARRAY_LEN(money); i++)
		lower_to(&chunk->money_power, money[i]);
	lower_to(&symbol->volume_power, trade->volume);
	lower_to(&chunk->time_power, trade->opened_us);
	lower_to(&chunk->time_power, trade->closed_us);
}

static bool lay_out(struct chunk *chunk, const struct closed_trade *trades, uint32_t count)
{
	chunk->time_power = chunk->money_power = DECIMAL_SCALE_MAX;
	chunk->symbols = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = symbol_of(chunk, &trades[i]);
		if (at == CLOSED_CHUNK_SYMBOLS)
			return false;
		take_units(chunk, &chunk->symbol[at], &trades[i]);
	}
	return true;
}

/* ---- packing ---- */

static uint8_t *put_name(uint8_t *at, const char *name)
{
	struct str text = str_of(name);
	CHECK(text.len <= CLOSED_NAME_MAX);
	*at++ = (uint8_t)text.len;
	memcpy(at, text.ptr, text.len);
	return at + text.len;
}

static uint8_t *put_head(uint8_t *at, const struct chunk *chunk,
			 const struct closed_account *account, uint32_t count)
{
	at = pack_put_varint(at, 0); /* priors */
	at = pack_put_varint(at, count);
	at = pack_put_signed(at, account->login);
	at = put_name(at, account->server);
	*at++ = chunk->time_power;
	*at++ = chunk->money_power;
	return pack_put_varint(at, chunk->symbols);
}

static uint8_t *put_symbol(uint8_t *at, const struct symbol *symbol)
{
	at = put_name(at, symbol->name);
	*at++ = symbol->price_power;
	*at++ = symbol->volume_power;
	return at;
}

static void start_rows(struct chunk *chunk, int64_t closed, int64_t position)
{
	chunk->packer.memory[CLOSED_CLOSED].last = closed;
	chunk->packer.memory[CLOSED_POSITION].last = position;
}

/* Its length; 0: it does not fit into `room`. */
static size_t put_rows(struct chunk *chunk, const struct closed_trade *trades, uint32_t count,
		       uint8_t *storage, size_t room)
{
	struct packer *packer = &chunk->packer;
	int64_t row[CLOSED_COLUMNS];
	packer_init_write(packer, &closed_table, NULL, chunk->slots, storage);
	start_rows(chunk, trades[0].closed_us / unit_of(chunk->time_power), trades[0].position);
	for (uint32_t i = 0; i < count; i++) {
		row_of(chunk, symbol_of(chunk, &trades[i]), &trades[i], row);
		packer_put(packer, row);
		if (range_encoder_len_max(&packer->encoder, storage) > room)
			return 0;
	}
	return range_encoder_finish(&packer->encoder, storage);
}

enum status closed_pack(const struct closed_account *account, const struct closed_trade *trades,
			uint32_t count, struct buf *out)
{
	struct chunk chunk;
	uint8_t head[CLOSED_CHUNK_BYTES], *at = head + PACK_FRAME_HEAD;
	uint8_t storage[RANGE_SLACK + CLOSED_CHUNK_BYTES + ROW_ROOM];
	CHECK(count > 0 && (pack_row_bits_max(&closed_table) + 7) / 8 + RANGE_TAIL <= ROW_ROOM);
	if (count > CLOSED_CHUNK_TRADES || !lay_out(&chunk, trades, count))
		return STATUS_FULL;
	at = put_head(at, &chunk, account, count);
	for (uint32_t i = 0; i < chunk.symbols; i++)
		at = put_symbol(at, &chunk.symbol[i]);
	at = pack_put_signed(at, trades[0].closed_us / unit_of(chunk.time_power));
	at = pack_put_signed(at, trades[0].position);
	size_t len = (size_t)(at - head);
	size_t rows = put_rows(&chunk, trades, count, storage, CLOSED_CHUNK_BYTES - len);
	if (!rows)
		return STATUS_FULL;
	memcpy(at, storage + RANGE_SLACK, rows);
	pack_frame_seal(&frame, head, len + rows);
	buf_put(out, head, len + rows);
	return STATUS_OK;
}

/* ---- reading ---- */

static enum status read_name(struct pack_reader *reader, char name[CLOSED_NAME_MAX + 1])
{
	size_t len = pack_read_byte(reader);
	struct str text = pack_read_bytes(reader, len);
	if (reader->bad || memchr(text.ptr ? text.ptr : "", 0, text.len))
		return STATUS_FORMAT;
	return str_copy(text, name, CLOSED_NAME_MAX + 1) ? STATUS_FORMAT : STATUS_OK;
}

static enum status read_symbol(struct pack_reader *reader, struct symbol *symbol)
{
	*symbol = (struct symbol){ 0 };
	enum status status = read_name(reader, symbol->name);
	symbol->price_power = pack_read_byte(reader);
	symbol->volume_power = pack_read_byte(reader);
	bool good = !status && !reader->bad && symbol->price_power <= DECIMAL_SCALE_MAX &&
		    symbol->volume_power <= DECIMAL_SCALE_MAX;
	return good ? STATUS_OK : STATUS_FORMAT;
}

static enum status read_head(struct pack_reader *reader, struct chunk *chunk,
			     struct closed_account *account, uint32_t *count)
{
	const struct pack_priors *start;
	uint64_t version = pack_read_varint(reader);
	uint64_t trades = pack_read_varint(reader);
	account->login = pack_read_signed(reader);
	enum status status = read_name(reader, account->server);
	chunk->time_power = pack_read_byte(reader);
	chunk->money_power = pack_read_byte(reader);
	uint64_t symbols = pack_read_varint(reader);
	if (status || reader->bad || trades == 0 || trades > CLOSED_CHUNK_TRADES || symbols == 0 ||
	    symbols > CLOSED_CHUNK_SYMBOLS || chunk->time_power > DECIMAL_SCALE_MAX ||
	    chunk->money_power > DECIMAL_SCALE_MAX)
		return STATUS_FORMAT;
	*count = (uint32_t)trades;
	chunk->symbols = (uint32_t)symbols;
	for (uint32_t i = 0; i < chunk->symbols && !status; i++)
		status = read_symbol(reader, &chunk->symbol[i]);
	if (status)
		return status;
	return version > UINT32_MAX ? STATUS_VERSION
				    : pack_priors_find(&closed_table, (uint32_t)version, &start);
}

static enum status read_rows(struct pack_reader *reader, struct chunk *chunk,
			     struct closed_trade *out, uint32_t count)
{
	int64_t closed = pack_read_signed(reader), position = pack_read_signed(reader);
	int64_t row[CLOSED_COLUMNS];
	if (reader->bad)
		return STATUS_FORMAT;
	packer_init_read(&chunk->packer, &closed_table, NULL, chunk->slots, reader->rest);
	start_rows(chunk, closed, position);
	for (uint32_t i = 0; i < count; i++) {
		packer_get(&chunk->packer, row);
		if (!trade_of(chunk, row, &out[i]))
			return STATUS_FORMAT;
	}
	return range_decoder_done(&chunk->packer.decoder) ? STATUS_OK : STATUS_FORMAT;
}

enum status closed_read(struct str chunk, struct closed_account *account, struct closed_trade *out,
			uint32_t *count)
{
	struct chunk opened;
	struct closed_account told;
	struct pack_reader reader = { 0 };
	uint32_t trades = 0;
	enum status status = pack_frame_open(&frame, chunk, &reader.rest);
	if (!status)
		status = read_head(&reader, &opened, &told, &trades);
	if (!status)
		status = read_rows(&reader, &opened, out, trades);
	if (status)
		return status;
	*account = told;
	*count = trades;
	return STATUS_OK;
}
