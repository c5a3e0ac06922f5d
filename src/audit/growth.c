#include "audit/growth.h"

#include <stdlib.h>

#include "codec/json.h"

enum {
	JSON_PADDING = 64,     /* readable bytes that the parser wants behind the text */
	JSON_LEAST = 64 << 10, /* made for next to nothing the parser takes nothing */
};

struct growth_row {
	uint64_t digest; /* of its pattern */
	char *pattern;
	int64_t keys, bytes, elements; /* elements: -1 not told */
	bool there;                    /* still */
};

struct growth {
	size_t n, n_gone;
	struct growth_row rows[GROWTH_FAMILIES_MAX];
	struct audit_gone gone[GROWTH_FAMILIES_MAX];
};

static int by_pattern(const void *a, const void *b)
{
	const struct growth_row *left = a, *right = b;
	return left->digest < right->digest ? -1 : left->digest > right->digest;
}

static bool read_family(struct json_value family, struct growth_row *row, struct str *pattern)
{
	struct json_value value;
	if (!json_get(family, STR("pattern"), &value) || !json_as_string(value, pattern))
		return false;
	row->digest = audit_digest(*pattern);
	if (!json_get(family, STR("elements"), &value) || !json_as_integer(value, &row->elements))
		row->elements = -1;
	return json_get(family, STR("keys"), &value) && json_as_integer(value, &row->keys) &&
	       json_get(family, STR("bytes"), &value) && json_as_integer(value, &row->bytes);
}

static enum status read_families(struct json_value root, struct growth *growth, struct err *err)
{
	struct json_value families, family;
	struct json_iter iter;
	if (!json_get(root, STR("families"), &families) || !json_as_array(families, &iter))
		return err_set(err, STATUS_FORMAT, "no audit: `families` is missing");
	while (json_next(&iter, &family)) {
		struct str pattern;
		if (growth->n == GROWTH_FAMILIES_MAX)
			return err_set(err, STATUS_FULL, "more than %d families",
				       GROWTH_FAMILIES_MAX);
		struct growth_row *row = &growth->rows[growth->n];
		if (!read_family(family, row, &pattern))
			return err_set(err, STATUS_FORMAT,
				       "family %zu has no pattern, keys or bytes", growth->n + 1);
		row->pattern = str_dup(pattern);
		if (!row->pattern)
			return err_set(err, STATUS_NO_MEMORY, "%s", status_text(STATUS_NO_MEMORY));
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
	if (json.len > AUDIT_REPORT_BYTES_MAX)
		return err_set(err, STATUS_FULL, "longer than %d MB", AUDIT_REPORT_BYTES_MAX >> 20);
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

void growth_destroy(struct growth *growth)
{
	for (size_t i = 0; growth && i < growth->n; i++)
		free(growth->rows[i].pattern);
	free(growth);
}

/* What somebody's file says is not believed so far as to overflow. */
static int64_t since(int64_t now, int64_t before)
{
	int64_t grown;
	return before < 0 || __builtin_sub_overflow(now, before, &grown) ? INT64_MIN : grown;
}

void growth_of(struct growth *growth, struct audit_family *family)
{
	static const struct growth_row none = { 0 };
	const struct growth_row want = { .digest = audit_digest(str_of(family->pattern)) };
	struct growth_row *found = bsearch(&want, growth->rows, growth->n, sizeof want, by_pattern);
	const struct growth_row *row = found ? found : &none;
	if (found)
		found->there = true;
	family->grown_keys = since(family->keys, row->keys);
	family->grown_bytes = since(family->bytes, row->bytes);
	family->grown_elements = since(family->elements, row->elements);
}

static int by_bytes(const void *a, const void *b)
{
	const struct audit_gone *left = a, *right = b;
	if (left->bytes != right->bytes)
		return left->bytes > right->bytes ? -1 : 1;
	return strcmp(left->pattern, right->pattern);
}

size_t growth_gone(struct growth *growth, const struct audit_gone **out)
{
	growth->n_gone = 0;
	for (size_t i = 0; i < growth->n; i++) {
		const struct growth_row *row = &growth->rows[i];
		if (!row->there)
			growth->gone[growth->n_gone++] =
			    (struct audit_gone){ row->pattern, row->keys, row->bytes };
	}
	qsort(growth->gone, growth->n_gone, sizeof *growth->gone, by_bytes);
	*out = growth->gone;
	return growth->n_gone;
}
