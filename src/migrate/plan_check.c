/* Families of a plan among each other: names and targets. */
#include "migrate/plan_file.h"

bool plan_file_makes_keys(const struct migrate_family *family)
{
	return family->form != MIGRATE_SKIP && family->sink == MIGRATE_REDIS;
}

static enum status check_matches(const struct migrate_plan *plan, size_t i, size_t j,
				 struct err *err)
{
	const struct migrate_family *a = &plan->families[i], *b = &plan->families[j];
	char storage[200];
	struct buf example = buf_over(storage, sizeof storage);
	switch (pattern_relate(str_of(a->match), str_of(b->match), &example)) {
	case PATTERN_APART:
	case PATTERN_COVERED: return STATUS_OK;
	case PATTERN_ALIKE:
		return err_set(err, STATUS_USAGE, "families %zu and %zu match the same names: '%s'",
			       i + 1, j + 1, a->match);
	case PATTERN_COVERS:
		return err_set(err, STATUS_USAGE,
			       "family %zu '%s' never gets a key: family %zu '%s' takes them all; "
			       "put it in front",
			       j + 1, b->match, i + 1, a->match);
	default:
		return err_set(err, STATUS_USAGE,
			       "families %zu '%s' and %zu '%s' overlap, for example in '%.*s'",
			       i + 1, a->match, j + 1, b->match, STR_ARG(buf_str(&example)));
	}
}

/* The pattern of the names that a family makes: {symbol:upper} is a {symbol}, {name} its match. */
void plan_file_put_target(struct buf *out, const struct migrate_family *family)
{
	for (struct str rest = str_of(family->to); rest.len;) {
		size_t open = str_find_char(rest, '{'), end = str_find_char(rest, '}');
		buf_put(out, rest.ptr, open);
		if (open == rest.len)
			break;
		struct str part = str_make(rest.ptr + open + 1, end - open - 1);
		part.len = str_find_char(part, ':');
		if (str_eq(part, STR("name")))
			buf_str_put(out, str_of(family->match));
		else
			buf_printf(out, "{%.*s}", STR_ARG(part));
		rest = str_skip(rest, end + 1);
	}
}

static enum status check_targets(const struct migrate_plan *plan, size_t i, size_t j,
				 struct err *err)
{
	const struct migrate_family *a = &plan->families[i], *b = &plan->families[j];
	char store_a[PATTERN_BYTES_MAX * 2], store_b[PATTERN_BYTES_MAX * 2], storage[200];
	struct buf to_a = buf_over(store_a, sizeof store_a),
		   to_b = buf_over(store_b, sizeof store_b);
	struct buf example = buf_over(storage, sizeof storage);
	if (plan_file_makes_keys(a)) {
		plan_file_put_target(&to_a, a);
		if (pattern_relate(buf_str(&to_a), str_of(b->match), &example) != PATTERN_APART)
			return err_set(err, STATUS_USAGE,
				       "family %zu makes '%.*s', which family %zu '%s' matches",
				       i + 1, STR_ARG(buf_str(&example)), j + 1, b->match);
	}
	if (i == j || !plan_file_makes_keys(a) || !plan_file_makes_keys(b))
		return STATUS_OK;
	plan_file_put_target(&to_b, b);
	buf_clear(&example);
	if (pattern_relate(buf_str(&to_a), buf_str(&to_b), &example) != PATTERN_APART)
		return err_set(
		    err, STATUS_USAGE,
		    "families %zu '%s' and %zu '%s' make the same target, for example '%.*s'",
		    i + 1, a->match, j + 1, b->match, STR_ARG(buf_str(&example)));
	return STATUS_OK;
}

enum status plan_file_check_pairs(const struct migrate_plan *plan, struct err *err)
{
	enum status status = STATUS_OK;
	for (size_t i = 0; !status && i < plan->n_families; i++)
		for (size_t j = 0; !status && j < plan->n_families; j++) {
			if (i < j)
				status = check_matches(plan, i, j, err);
			if (!status)
				status = check_targets(plan, i, j, err);
		}
	return status;
}
