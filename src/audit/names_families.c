#include <stdlib.h>

#include "audit/names_impl.h"
#include "base/buf.h"

/* More than the skeletons of all shapes with every byte escaped are in fact. */
enum { PATTERNS_MAX = 64 << 20 };

static void put_word(struct buf *out, struct str word)
{
	for (size_t i = 0; i < word.len; i++) {
		if (word.ptr[i] == '{' || word.ptr[i] == '}')
			buf_put(out, word.ptr[i] == '{' ? "\\x7b" : "\\x7d", 4);
		else
			audit_name_print(out, str_make(word.ptr + i, 1));
	}
}

static void put_pattern(struct buf *out, struct str skeleton)
{
	struct name_part part;
	while (name_part_next(&skeleton, &part)) {
		if (part.kind == NAME_WORD)
			put_word(out, part.word);
		else
			buf_printf(out, "{%s}", name_kind_text(part.kind));
		if (part.separator)
			put_word(out, str_make(&part.separator, 1));
	}
	buf_char(out, 0);
}

/* Constant words up to one of the separators that end a namespace: what _ and - join is one
 * part. */
static bool is_namespaced(struct str skeleton)
{
	struct name_part part;
	bool empty = true;
	while (name_part_next(&skeleton, &part) && part.kind == NAME_WORD) {
		empty &= part.word.len == 0;
		if (part.separator && part.separator != '_' && part.separator != '-')
			return !empty;
	}
	return false;
}

static void describe(struct name_family *family)
{
	struct str rest = family->skeleton;
	struct name_part part;
	bool several = false;
	family->constant = true;
	family->namespaced = is_namespaced(family->skeleton);
	while (name_part_next(&rest, &part)) {
		family->constant &= part.kind == NAME_WORD;
		if (!part.separator)
			continue;
		several |= family->separator && family->separator != part.separator;
		family->separator = part.separator;
	}
	if (several)
		family->separator = 0;
}

/* A settled shape on its way into the list. */
struct ranked {
	uint64_t bytes, keys;
	const char *pattern;
	uint32_t shape;
};

static int by_weight(const void *a, const void *b)
{
	const struct ranked *left = a, *right = b;
	if (left->bytes != right->bytes)
		return left->bytes > right->bytes ? -1 : 1;
	if (left->keys != right->keys)
		return left->keys > right->keys ? -1 : 1;
	return strcmp(left->pattern, right->pattern);
}

/* All patterns behind each other; at[i] is where the i-th begins. */
static enum status patterns_make(const struct name_store *store, struct buf *out, uint32_t *at)
{
	buf_init(out, PATTERNS_MAX);
	for (size_t i = 1; i < store->n; i++) {
		at[i] = (uint32_t)out->len;
		put_pattern(out, name_store_text(store, i));
	}
	return out->overflow ? STATUS_NO_MEMORY : STATUS_OK;
}

static struct ranked *rank(struct names *names, const uint32_t *at, const char *patterns)
{
	const struct name_store *store = &names->settled;
	struct ranked *list = malloc(store->n * sizeof *list);
	if (!list)
		return NULL;
	for (size_t i = 1; i < store->n; i++)
		list[i - 1] =
		    (struct ranked){ store->shapes[i].bytes, name_shape_keys(&store->shapes[i]),
				     patterns + at[i], (uint32_t)i };
	qsort(list, store->n - 1, sizeof *list, by_weight);
	return list;
}

static void fill(struct names *names, const struct ranked *list, size_t kept, size_t all)
{
	uint64_t other = name_shape_keys(&names->settled.shapes[0]);
	for (size_t i = 0; i < all; i++) {
		names->family_of[list[i].shape] = (uint32_t)(i < kept ? i : kept);
		if (i >= kept) {
			other += list[i].keys;
			continue;
		}
		names->families[i] = (struct name_family){ .pattern = list[i].pattern,
							   .skeleton = name_store_text(
							       &names->settled, list[i].shape),
							   .keys = list[i].keys };
		describe(&names->families[i]);
	}
	names->family_of[0] = (uint32_t)kept;
	names->n_families = kept;
	if (other)
		names->families[names->n_families++] =
		    (struct name_family){ .pattern = "{other}", .keys = other };
}

enum status names_families_make(struct names *names, size_t families_max)
{
	size_t n = names->settled.n;
	struct buf patterns = { 0 };
	uint32_t *at = malloc(n * sizeof *at);
	struct ranked *list = NULL;
	size_t kept = n - 1 < families_max ? n - 1 : families_max;
	enum status status = at ? patterns_make(&names->settled, &patterns, at) : STATUS_NO_MEMORY;
	names->patterns = patterns.ptr;
	names->families = calloc(kept + 1, sizeof *names->families);
	names->family_of = malloc(n * sizeof *names->family_of);
	if (!status)
		list = rank(names, at, names->patterns);
	if (!list || !names->families || !names->family_of)
		status = status ? status : STATUS_NO_MEMORY;
	if (!status)
		fill(names, list, kept, n - 1);
	free(list);
	free(at);
	return status;
}

size_t names_families(const struct names *names) { return names->n_families; }

const struct name_family *names_family(const struct names *names, size_t family)
{
	return &names->families[family];
}

void names_families_free(struct names *names)
{
	free(names->families);
	free(names->family_of);
	free(names->patterns);
}
