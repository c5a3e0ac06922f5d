/* account_json_impl.h - what the files of account_json share; nobody else includes it. */
#pragma once

#include "codec/account_json.h"
#include "codec/reader.h"

struct account_reader {
	struct json *json;
	struct reader reader;
	uint32_t rows;
	struct account_balance balance; /* the row being read */
	struct account_position position;
	struct account_income income;
};

/* Members of a row; on a fault the reader has its reason. */
void account_amount(struct reader *reader, struct json_value from, struct str key, i128 *out,
		    const char *why);
/* A member that may be missing or "" : false, and *out is 0. */
bool account_amount_or_none(struct reader *reader, struct json_value from, struct str key,
			    i128 *out, const char *why);
/* 1 to size - 1 bytes without control characters. */
void account_name(struct reader *reader, struct json_value from, struct str key, char *out,
		  size_t size, const char *why);

#define READ_E18(r, from, key, out)                                                                \
	account_amount(r, from, STR(key), out, key ": wants decimal text")
#define READ_E18_OR_NONE(r, from, key, out)                                                        \
	account_amount_or_none(r, from, STR(key), out, key ": wants decimal text")
#define READ_NAME(r, from, key, out)                                                               \
	account_name(r, from, STR(key), out, sizeof(out), key ": wants a name")

void account_binance_spot(struct account_reader *account, struct json_value row);
void account_binance_perp(struct account_reader *account, struct json_value row);
void account_bybit_coin(struct account_reader *account, struct json_value row);
void account_binance_position(struct account_reader *account, struct json_value row);
void account_bybit_position(struct account_reader *account, struct json_value row);
/* False: the row is no income (a transfer). */
bool account_binance_income(struct account_reader *account, struct json_value row);
bool account_bybit_income(struct account_reader *account, struct json_value row);
