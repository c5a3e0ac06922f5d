/* Answers of exchanges about accounts: whatever comes, each row that is given can be held
 * by the book, and a book that was told any rows can be asked. The first byte picks the
 * endpoint, the rest is the body. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "accounts/accounts.h"
#include "base/check.h"

enum { PADDING = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct account_reader *reader;
static struct accounts *book;
static uint32_t slots[VENUE_COUNT];

static void on_balance(void *ctx, const struct account_balance *row)
{
	CHECK(row->asset[0] && strlen(row->asset) <= ACCOUNT_ASSET_MAX);
	accounts_add_balance(book, *(const uint32_t *)ctx, row);
}
static void on_position(void *ctx, const struct account_position *row)
{
	CHECK(row->symbol[0] && row->asset[0]);
	accounts_add_position(book, *(const uint32_t *)ctx, row);
}
static void on_income(void *ctx, const struct account_income *row)
{
	accounts_add_income(book, *(const uint32_t *)ctx, row);
}

static bool rate_of(void *ctx, struct str asset, struct account_rate *rate)
{
	(void)ctx;
	*rate = (struct account_rate){ .price = { INT64_MAX, (int32_t)(asset.len % 19) } };
	return asset.len > 2;
}

static enum status read_one(enum venue venue, uint8_t which, struct str body)
{
	struct account_page page;
	uint32_t *slot = &slots[venue];
	int64_t ms;
	switch (which % 4) {
	case 0: {
		enum account_part part = venue == VENUE_BYBIT ? ACCOUNT_UNIFIED
					 : which & 4          ? ACCOUNT_PERP
							      : ACCOUNT_SPOT;
		accounts_begin(book, *slot, (enum account_answer)part);
		return account_read_balances(reader, venue, part, body, on_balance, slot);
	}
	case 1:
		accounts_begin(book, *slot, ACCOUNT_SAID_POSITIONS);
		return account_read_positions(reader, venue, body, on_position, slot, &page);
	case 2:
		accounts_begin_income(book, *slot, 1723161600000, 1723161600000 + 86400000);
		return account_read_income(reader, venue, body, on_income, slot, &page);
	default: return account_read_time(reader, venue, body, &ms);
	}
}

static void look(uint32_t slot, int64_t now_ms)
{
	const struct account *account = accounts_at(book, slot);
	struct account_total total;
	struct account_earned earned;
	account_total(account, rate_of, NULL, &total);
	for (uint32_t i = 0; i < account->pnl_count; i++)
		account_earned(account, i, ACCOUNT_30D, now_ms, &earned);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!reader) {
		reader = account_reader_create();
		book = accounts_create();
		CHECK(reader && book);
		for (int venue = 0; venue < VENUE_COUNT; venue++)
			CHECK(accounts_add(book, str_of(venue_text((enum venue)venue)),
					   (enum venue)venue, UINT32_MAX,
					   &slots[venue]) == STATUS_OK);
	}
	if (size < 1)
		return 0;
	char *body = malloc(size - 1 + PADDING);
	CHECK(body);
	memcpy(body, data + 1, size - 1);
	memset(body + size - 1, '"', PADDING);
	enum venue venue = data[0] & 8 ? VENUE_BYBIT : VENUE_BINANCE;
	enum status status = read_one(venue, data[0], str_make(body, size - 1));
	if (status)
		CHECK(account_reader_why(reader)[0]);
	else if (data[0] % 4 != 3)
		accounts_commit(book, slots[venue], 1723161600000);
	look(slots[venue], 1723161600000 + 3600000);
	free(body);
	return 0;
}
