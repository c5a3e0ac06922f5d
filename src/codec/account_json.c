/* The reader: envelopes, lists, amounts. Rows are in account_json_rows.c. */
#include "codec/account_json_impl.h"

#include <stdlib.h>

#include "base/check.h"

enum { WHOLE_DIGITS_MAX = 15, EXPONENT_MAX = 64 };

/* ---- amounts ---- */

/* The exponent behind an E, or 0 without one; *text loses it. */
static enum status take_exponent(struct str *text, int32_t *exponent)
{
	int64_t value = 0;
	size_t at = str_find_char(*text, 'E');
	if (at == text->len)
		at = str_find_char(*text, 'e');
	*exponent = 0;
	if (at == text->len)
		return STATUS_OK;
	struct str digits = str_skip(*text, at + 1);
	if (digits.len && digits.ptr[0] == '+')
		digits = str_skip(digits, 1);
	if (digits.len && digits.ptr[0] == '-' && text->ptr[at + 1] == '+')
		return STATUS_FORMAT;
	if (!digits.len || digits.len > 4 || str_to_i64(digits, &value) != STATUS_OK)
		return STATUS_FORMAT;
	if (value < -EXPONENT_MAX || value > EXPONENT_MAX)
		return STATUS_RANGE;
	*exponent = (int32_t)value;
	text->len = at;
	return STATUS_OK;
}

/* Digits, and at most one point with digits on each side of it; *point is where the point
 * would be, counted in digits. */
static bool is_plain(struct str text, size_t *point)
{
	size_t dot = str_find_char(text, '.');
	*point = dot;
	if (!dot || !text.len || dot + 1 == text.len)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (i != dot && (text.ptr[i] < '0' || text.ptr[i] > '9'))
			return false;
	return true;
}

/* The n-th digit of the text as if it had no point. */
static int digit_at(struct str text, size_t point, int64_t n)
{
	size_t at = (size_t)n + ((size_t)n >= point);
	return n < 0 || at >= text.len ? 0 : text.ptr[at] - '0';
}

enum status account_amount_parse(struct str text, i128 *amount_e18)
{
	int32_t exponent;
	size_t point;
	bool negative = text.len && text.ptr[0] == '-';
	struct str plain = negative ? str_skip(text, 1) : text;
	if (text.len > 128)
		return STATUS_RANGE;
	enum status status = take_exponent(&plain, &exponent);
	if (status)
		return status;
	if (!is_plain(plain, &point))
		return STATUS_FORMAT;
	int64_t digits = (int64_t)plain.len - (point < plain.len);
	int64_t first_place = (int64_t)point + exponent; /* digits before it are whole units */
	i128 value = 0;
	for (int64_t n = 0; n < digits; n++) {
		int digit = digit_at(plain, point, n);
		if (digit &&
		    (first_place - n > WHOLE_DIGITS_MAX || n - first_place >= ACCOUNT_PLACES))
			return STATUS_RANGE;
	}
	for (int64_t n = first_place - WHOLE_DIGITS_MAX; n < first_place + ACCOUNT_PLACES; n++)
		value = value * 10 + (n < digits ? digit_at(plain, point, n) : 0);
	*amount_e18 = negative ? -value : value;
	return STATUS_OK;
}

void account_amount(struct reader *reader, struct json_value from, struct str key, i128 *out,
		    const char *why)
{
	struct str text;
	i128 value;
	if (!reader_text(reader, from, key, &text, why))
		return;
	if (account_amount_parse(text, &value) != STATUS_OK)
		reader_fail(reader, why);
	else
		*out = value;
}

bool account_amount_or_none(struct reader *reader, struct json_value from, struct str key,
			    i128 *out, const char *why)
{
	*out = 0;
	if (!reader_has(from, key))
		return false;
	account_amount(reader, from, key, out, why);
	return true;
}

void account_name(struct reader *reader, struct json_value from, struct str key, char *out,
		  size_t size, const char *why)
{
	struct str text;
	if (!reader_text(reader, from, key, &text, why))
		return;
	bool good = text.len > 0;
	for (size_t i = 0; i < text.len; i++)
		good = good && (unsigned char)text.ptr[i] > ' ' && text.ptr[i] != 0x7f;
	if (!good || str_copy(text, out, size) != STATUS_OK)
		reader_fail(reader, why);
}

/* ---- the reader ---- */

struct account_reader *account_reader_create(void)
{
	struct account_reader *account = calloc(1, sizeof *account);
	if (!account)
		return NULL;
	account->json = json_create(ACCOUNT_BODY_MAX);
	if (account->json)
		return account;
	free(account);
	return NULL;
}

void account_reader_destroy(struct account_reader *account)
{
	if (!account)
		return;
	json_destroy(account->json);
	free(account);
}

const char *account_reader_why(const struct account_reader *account)
{
	return account->reader.reason ? account->reader.reason : "";
}

static bool begin(struct account_reader *account, struct str body, struct json_value *root)
{
	account->reader = (struct reader){ 0 };
	account->rows = 0;
	if (body.len > ACCOUNT_BODY_MAX)
		reader_fail(&account->reader, "longer than 2 MiB");
	else
		account->reader.reason = json_parse(account->json, body, root);
	return !account->reader.reason;
}

static enum status end(const struct account_reader *account)
{
	return account->reader.reason ? STATUS_FORMAT : STATUS_OK;
}

/* result of Bybit's envelope, whose retCode must be 0. */
static bool bybit_result(struct account_reader *account, struct json_value root,
			 struct json_value *result)
{
	struct reader *reader = &account->reader;
	struct json_value member;
	int64_t code;
	if (!json_get(root, STR("retCode"), &member) || !json_as_integer(member, &code))
		reader_fail(reader, "retCode: wants a number");
	else if (code)
		reader_fail(reader, "retCode: wants 0");
	return !reader->reason && READ_OBJECT(reader, root, "result", result);
}

static bool bare_list(struct account_reader *account, struct json_value root,
		      struct json_iter *list)
{
	bool good = json_as_array(root, list);
	if (!good)
		reader_fail(&account->reader, "wants an array");
	return good;
}

/* The next row while all is well. */
static bool next_row(struct account_reader *account, struct json_iter *list, struct json_value *row)
{
	if (account->reader.reason || !json_next(list, row))
		return false;
	if (account->rows++ == ACCOUNT_ROWS_MAX)
		reader_fail(&account->reader, "more than 5,000 rows");
	return !account->reader.reason;
}

/* ---- balances ---- */

typedef void (*balance_row_fn)(struct account_reader *account, struct json_value row);

static bool is_empty(const struct account_balance *balance)
{
	return !balance->free_e18 && !balance->locked_e18 && !balance->wallet_e18 &&
	       !balance->unrealised_e18 && !balance->equity_e18;
}

static void give_balances(struct account_reader *account, struct json_iter list,
			  enum account_part part, balance_row_fn read, account_balance_fn fn,
			  void *ctx)
{
	struct json_value row;
	while (next_row(account, &list, &row)) {
		account->balance = (struct account_balance){ .part = (uint8_t)part };
		read(account, row);
		if (!account->reader.reason && !is_empty(&account->balance))
			fn(ctx, &account->balance);
	}
}

static void give_wallets(struct account_reader *account, struct json_iter wallets,
			 account_balance_fn fn, void *ctx)
{
	struct json_value wallet;
	struct json_iter coins;
	while (next_row(account, &wallets, &wallet))
		if (READ_ARRAY(&account->reader, wallet, "coin", &coins))
			give_balances(account, coins, ACCOUNT_UNIFIED, account_bybit_coin, fn, ctx);
}

enum status account_read_balances(struct account_reader *account, enum venue venue,
				  enum account_part part, struct str body, account_balance_fn fn,
				  void *ctx)
{
	struct json_value root = { 0 }, result = { 0 };
	struct json_iter list = { 0 };
	CHECK((venue == VENUE_BYBIT) == (part == ACCOUNT_UNIFIED));
	if (!begin(account, body, &root))
		return end(account);
	if (part == ACCOUNT_SPOT && READ_ARRAY(&account->reader, root, "balances", &list))
		give_balances(account, list, part, account_binance_spot, fn, ctx);
	else if (part == ACCOUNT_PERP && bare_list(account, root, &list))
		give_balances(account, list, part, account_binance_perp, fn, ctx);
	else if (part == ACCOUNT_UNIFIED && bybit_result(account, root, &result) &&
		 READ_ARRAY(&account->reader, result, "list", &list))
		give_wallets(account, list, fn, ctx);
	return end(account);
}

/* ---- pages ---- */

/* What may stand in a query as it is; the venue wrote it escaped. */
static bool is_cursor(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= ' ' || text.ptr[i] == 0x7f || strchr("&#?\"<>\\", text.ptr[i]))
			return false;
	return true;
}

static void read_cursor(struct account_reader *account, struct json_value result,
			struct account_page *page)
{
	struct json_value member;
	struct str text;
	if (!json_get(result, STR("nextPageCursor"), &member) || !json_as_string(member, &text))
		return;
	if (!is_cursor(text) || str_copy(text, page->cursor, sizeof page->cursor) != STATUS_OK)
		reader_fail(&account->reader, "nextPageCursor: wants at most 512 characters");
}

/* The rows of a page, whoever wrote it. */
static bool page_begin(struct account_reader *account, enum venue venue, struct str body,
		       struct json_iter *list, struct account_page *page)
{
	struct json_value root = { 0 }, result = { 0 };
	*page = (struct account_page){ .ascending = true };
	if (!begin(account, body, &root))
		return false;
	if (venue == VENUE_BINANCE)
		return bare_list(account, root, list);
	if (!bybit_result(account, root, &result) ||
	    !READ_ARRAY(&account->reader, result, "list", list))
		return false;
	read_cursor(account, result, page);
	return !account->reader.reason;
}

enum status account_read_positions(struct account_reader *account, enum venue venue,
				   struct str body, account_position_fn fn, void *ctx,
				   struct account_page *page)
{
	struct json_iter list = { 0 };
	struct json_value row;
	if (!page_begin(account, venue, body, &list, page))
		return end(account);
	while (next_row(account, &list, &row)) {
		account->position = (struct account_position){ .qty_e18 = 0 };
		if (venue == VENUE_BINANCE)
			account_binance_position(account, row);
		else
			account_bybit_position(account, row);
		if (!account->reader.reason && account->position.qty_e18)
			fn(ctx, &account->position);
	}
	page->rows = account->rows;
	return end(account);
}

enum status account_read_income(struct account_reader *account, enum venue venue, struct str body,
				account_income_fn fn, void *ctx, struct account_page *page)
{
	struct json_iter list = { 0 };
	struct json_value row;
	if (!page_begin(account, venue, body, &list, page))
		return end(account);
	while (next_row(account, &list, &row)) {
		account->income = (struct account_income){ .t_ms = 0 };
		bool is_income = venue == VENUE_BINANCE ? account_binance_income(account, row)
							: account_bybit_income(account, row);
		page->ascending = page->ascending && account->income.t_ms >= page->last_ms;
		page->last_ms = account->income.t_ms;
		if (!account->reader.reason && is_income)
			fn(ctx, &account->income);
	}
	page->rows = account->rows;
	return end(account);
}

enum status account_read_time(struct account_reader *account, enum venue venue, struct str body,
			      int64_t *unix_ms)
{
	struct json_value root = { 0 }, result = { 0 };
	int64_t time = 0;
	if (!begin(account, body, &root))
		return end(account);
	if (venue == VENUE_BINANCE)
		READ_TIME(&account->reader, root, "serverTime", &time);
	else if (bybit_result(account, root, &result) &&
		 reader_integer_text(&account->reader, result, STR("timeNano"),
				     TIME_MS_MAX * 1000000, &time, "timeNano: wants a time in ns"))
		time /= 1000000;
	if (!account->reader.reason)
		*unix_ms = time;
	return end(account);
}
