/* rest_json_impl.h - what the files of rest_json share; nobody else includes it. */
#pragma once

#include "codec/reader.h"
#include "codec/rest_json.h"

struct rest_reader {
	struct json *json;
	struct reader reader;
	struct event event; /* where the reader writes: a row makes one at most */
	struct json_value rows[REST_ROWS_MAX];
	char *scratch;
};

/* Parses; false leaves the reason in the reader. */
bool rest_begin(struct rest_reader *rest, struct str body, struct json_value *root);
/* What was read: OK, or FORMAT when something was wrong. */
enum status rest_end(const struct rest_reader *rest);
/* result.list of Bybit's envelope, whose retCode must be 0. */
bool rest_bybit_list(struct rest_reader *rest, struct json_value root, struct json_iter *list);
