/* account_sign.h - a signed request to an exchange (market.md 1.4), and the key it is
 * signed with.
 *
 *   Binance  GET PATH?QUERY&recvWindow=5000&timestamp=MS&signature=HEX, the signature
 *            HMAC-SHA256 of all between ? and &signature, in lower-case hex;
 *            X-MBX-APIKEY: KEY
 *   Bybit    GET PATH?QUERY; X-BAPI-API-KEY, X-BAPI-TIMESTAMP, X-BAPI-RECV-WINDOW: 5000,
 *            X-BAPI-SIGN: HMAC-SHA256 of timestamp, key, window and QUERY
 *
 * Bytes that may not stand in a URL are percent-encoded before anything is signed, and the
 * very text that was signed is sent. The key and what is made of it stand in memory that
 * is wiped: by account_key_wipe and account_signed_wipe. Nothing here is ever printed.
 * No state. Any thread. */
#pragma once

#include "base/err.h"
#include "def/market_id.h"
#include "port/http_client.h"

enum {
	ACCOUNT_KEY_MAX = 128, /* of a key, and of a secret */
	ACCOUNT_KEY_FILE_MAX = 4096,
	ACCOUNT_QUERY_MAX = 1024, /* without what signing adds */
	ACCOUNT_WINDOW_MS = 5000, /* recvWindow */
};

struct account_key {
	char key[ACCOUNT_KEY_MAX + 1], secret[ACCOUNT_KEY_MAX + 1];
};

/* Two lines, `key = …` and `secret = …`, blanks around them, # before a comment. INVALID
 * says which line is wrong, and nothing of what stands in it. */
MUST_CHECK enum status account_key_parse(struct str text, struct account_key *key, struct err *err);
/* 1 to ACCOUNT_KEY_MAX printable characters of ASCII without blanks, both. */
MUST_CHECK enum status account_key_make(struct str key, struct str secret, struct account_key *out,
					struct err *err);
/* The file: a plain one of ours with mode 0600 (secret.h). */
MUST_CHECK enum status account_key_read(const char *path, struct account_key *key, struct err *err);
void account_key_wipe(struct account_key *key);
/* Overwrites every place in the text where key or secret, or six characters and more of
 * their beginning, stand. */
void account_key_redact(const struct account_key *key, char *text);

/* Appends text as it may stand in a query: unreserved characters as they are, others as
 * %XX of their bytes. */
void account_query_put(struct buf *query, struct str text);

struct account_unsigned {
	enum venue venue;
	struct str base_url;  /* "https://api.binance.com" */
	struct str path;      /* "/api/v3/account" */
	struct str query;     /* "omitZeroBalances=true", escaped; "" for none */
	int64_t timestamp_ms; /* of the venue's clock */
};
/* The request's texts are in storage: do not copy. */
struct account_signed {
	struct http_request request; /* method, url and headers */
	char storage[4096];
};
/* RANGE: the query is too long; NO_MEMORY. */
MUST_CHECK enum status account_sign(const struct account_unsigned *in,
				    const struct account_key *key, struct account_signed *out);
/* A request without a signature (the server's time). */
MUST_CHECK enum status account_ask_plain(const struct account_unsigned *in,
					 struct account_signed *out);
void account_signed_wipe(struct account_signed *signed_request);
