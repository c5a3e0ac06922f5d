#include "audit/growth.h"

#include <stdlib.h>

#include "codec/json.h"

enum {
	JSON_PADDING = 64,     /* readable bytes that the parser wants behind the text */
	JSON_LEAST = 64 << 10, /* made for next to nothing the parser takes nothing */
};

struct growth_row {
	uint64_t pattern; /* its digest */
	int64_t keys, bytes;
};

struct growth {
	size_t n;
	struct growth_row rows[GROWTH_FAMILIES_MAX];
};

static int by_pattern(const void *a, const void *b)
{
	const struct growth_row *left = a, *right = b;
	return left->pattern < right->pattern ? -1 : left->pattern > right->pattern;
}

static bool read_family(struct json_value family, struct growth_row *row)
{
	struct json_value value;
	struct str pattern;
	if (!json_get(family, STR("pattern"), &value) || !json_string(value, &pattern))
		return false;
	row->pattern = audit_digest(pattern);
	return json_get(family, STR("keys"), &value) && json_integer(value, &row->keys) &&
	       json_get(family, STR("bytes"), &value) && json_integer(value, &row->bytes);
}

static enum status read_families(struct json_value root, struct growth *growth, struct err *err)
{
	struct json_value families, family;
	struct json_iter iter;
	if (!json_get(root, STR("families"), &families) || !json_array(families, &iter))
		return err_set(err, STATUS_FORMAT, "no audit: `families` is missing");
	while (json_next(&iter, &family)) {
		if (growth->n == GROWTH_FAMILIES_MAX)
			return err_set(err, STATUS_FULL, "more than %d families",
				       GROWTH_FAMILIES_MAX);
		if (!read_family(family, &growth->rows[growth->n]))
			return err_set(err, STATUS_FORMAT,
				       "family %zu has no pattern, keys or bytes", growth->n + 1);
		growth->n++;
	}
	qsort(growth->rows, growth->n, sizeof *growth->rows, by_pattern);
	return STATUS_OK;
}

static enum status parse(struct str text, char *padded, struct json *parser, struct growth *growth,
			 struct err *err)
{
	struct json_value root;
	memcpy(padded, text.ptr, text.len);
	memset(padded + text.len, 0, JSON_PADDING);
	const char *why = json_parse(parser, str_make(padded, text.len), &root);
	if (why)
		return err_set(err, STATUS_FORMAT, "no JSON: %s", why);
	return read_families(root, growth, err);
}

enum status growth_read(struct str json, struct growth **out, struct err *err)
{
	if (json.len > GROWTH_BYTES_MAX)
		return err_set(err, STATUS_FULL, "longer than %d MB", GROWTH_BYTES_MAX >> 20);
	if (!json.len)
		return err_set(err, STATUS_FORMAT, "it is empty");
	struct growth *growth = calloc(1, sizeof *growth);
	char *padded = malloc(json.len + JSON_PADDING);
	struct json *parser = json_create(json.len > JSON_LEAST ? json.len : JSON_LEAST);
	enum status status = STATUS_NO_MEMORY;
	if (growth && padded && parser)
		status = parse(json, padded, parser, growth, err);
	else
		err_set(err, STATUS_NO_MEMORY, "%s", status_text(STATUS_NO_MEMORY));
	free(padded);
	json_destroy(parser);
	if (status)
		growth_destroy(growth);
	else
		*out = growth;
	return status;
}

void growth_destroy(struct growth *growth) { free(growth); }

void growth_of(const struct growth *growth, struct audit_family *family)
{
	struct growth_row want = { .pattern = audit_digest(str_of(family->pattern)) };
	const struct growth_row *row =
	    bsearch(&want, growth->rows, growth->n, sizeof want, by_pattern);
	family->grown_keys = row ? family->keys - row->keys : INT64_MIN;
	family->grown_bytes = row ? family->bytes - row->bytes : INT64_MIN;
}
