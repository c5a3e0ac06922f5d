#include "migrate/plan_file.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/check.h"
#include "migrate/digest.h"
#include "os/files.h"

static const char *const form_names[] = { "same", "hash", "stream", "packed", "skip" };
static const char *const sink_names[] = { "redis", "influx", "clickhouse", "postgres", "duckdb" };
static const char *const lead_names[] = { "old", "new" };
_Static_assert(ARRAY_LEN(form_names) == MIGRATE_FORMS, "a name each");
_Static_assert(ARRAY_LEN(sink_names) == MIGRATE_SINKS, "a name each");

struct owned {
	struct migrate_plan plan; /* first: the plan is what its owner gets */
	json_t *root;             /* owns the texts */
	struct migrate_family *families;
};

const char *migrate_form_text(enum migrate_form form) { return form_names[form]; }
const char *migrate_sink_text(enum migrate_sink sink) { return sink_names[sink]; }

/* ---- members ---- */

static enum status known_only(const json_t *object, const char *const *names, struct err *err)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)object, key, value)
	{
		size_t i = 0;
		while (names[i] && strcmp(names[i], key) != 0)
			i++;
		if (!names[i])
			return err_set(err, STATUS_USAGE, "'%.64s' is no member that is known",
				       key);
	}
	return STATUS_OK;
}

/* *out is `preset` where there is none; texts with a NUL in them are none of ours. */
static enum status take_text(const json_t *object, const char *key, const char *preset,
			     const char **out, struct err *err)
{
	const json_t *value = json_object_get(object, key);
	if (!value && preset) {
		*out = preset;
		return STATUS_OK;
	}
	if (!json_is_string(value))
		return err_set(err, STATUS_USAGE, "'%s' is %s", key, value ? "no text" : "missing");
	*out = json_string_value(value);
	return STATUS_OK;
}

static enum status take_word(const json_t *object, const char *key, const char *preset,
			     const char *const *words, size_t count, int *out, struct err *err)
{
	const char *text = NULL;
	enum status status = take_text(object, key, preset, &text, err);
	if (status)
		return status;
	char list[128];
	struct buf known = buf_over(list, sizeof list - 1);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(words[i], text) == 0) {
			*out = (int)i;
			return STATUS_OK;
		}
		buf_printf(&known, "%s%s", i ? ", " : "", words[i]);
	}
	list[known.len] = 0;
	return err_set(err, STATUS_USAGE, "%s '%.40s' is none of %s", key, text, list);
}

static enum status take_type(const json_t *object, enum audit_type *out, struct err *err)
{
	const char *text = NULL;
	enum status status = take_text(object, "from", NULL, &text, err);
	if (status)
		return status;
	*out = audit_type_find(str_of(text));
	return *out < AUDIT_MODULE
		   ? STATUS_OK
		   : err_set(err, STATUS_USAGE,
			     "from '%.40s' is none of string, list, set, zset, hash, stream", text);
}

static enum status take_ttl(const json_t *object, int64_t *out, struct err *err)
{
	const json_t *value = json_object_get(object, "ttl");
	const char *text = json_string_value(value);
	*out = json_integer_value(value);
	if (!value || (text && strcmp(text, "keep") == 0)) {
		*out = 0;
		return STATUS_OK;
	}
	if (!json_is_integer(value) || *out < 1 || *out > INT64_C(3153600000))
		return err_set(err, STATUS_USAGE, "ttl is neither \"keep\" nor seconds from 1 on");
	return STATUS_OK;
}

/* ---- of a sink ---- */

static bool from_good(const char *from, const char *match)
{
	static const char *const words[] = { "value", "score", "field", "id", "index", "now" };
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(from, words[i]) == 0)
			return true;
	if (from[0] == '{' && from[strlen(from) - 1] == '}')
		return pattern_check_target(str_of(match), str_of(from), NULL) == STATUS_OK;
	return from[0] == '.' && from[1];
}

static enum status take_fields(const json_t *object, const char *key, const char *match,
			       const struct migrate_field **out, size_t *count, struct err *err)
{
	const json_t *map = json_object_get(object, key);
	const char *name;
	json_t *value;
	*out = NULL;
	*count = 0;
	if (!map)
		return STATUS_OK;
	if (!json_is_object(map) || json_object_size(map) > MIGRATE_FIELDS_MAX)
		return err_set(err, STATUS_USAGE, "'%s' is no object of at most %d members", key,
			       MIGRATE_FIELDS_MAX);
	if (!json_object_size(map))
		return STATUS_OK;
	struct migrate_field *fields = calloc(json_object_size(map), sizeof *fields);
	if (!fields)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	*out = fields;
	json_object_foreach((json_t *)map, name, value)
	{
		const char *from = json_string_value(value);
		if (!from || !from[0] || !from_good(from, match))
			return err_set(err, STATUS_USAGE,
				       "%s.%.64s: '%.64s' says of nothing where it comes from", key,
				       name, from ? from : "");
		fields[(*count)++] = (struct migrate_field){ name, from };
	}
	return STATUS_OK;
}

static enum status take_key(const json_t *object, struct migrate_family *family, struct err *err)
{
	const json_t *list = json_object_get(object, "key");
	if (!list)
		return STATUS_OK;
	if (!json_is_array(list) || json_array_size(list) > MIGRATE_KEY_MAX)
		return err_set(err, STATUS_USAGE, "'key' is no list of at most %d columns",
			       MIGRATE_KEY_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		if (!name)
			return err_set(err, STATUS_USAGE, "'key' holds something else than texts");
		family->key[family->n_key++] = name;
	}
	return STATUS_OK;
}

static enum status take_sink_members(const json_t *object, struct migrate_family *family,
				     struct err *err)
{
	enum status status = take_text(object, "table", "", &family->table, err);
	if (!status)
		status = take_text(object, "time", "", &family->time, err);
	if (!status && family->time[0] && !from_good(family->time, family->match))
		status = err_set(err, STATUS_USAGE,
				 "time '%.64s' says of nothing where it comes from", family->time);
	if (!status)
		status = take_key(object, family, err);
	if (!status)
		status = take_fields(object, "fields", family->match, &family->fields,
				     &family->n_fields, err);
	if (!status)
		status =
		    take_fields(object, "tags", family->match, &family->tags, &family->n_tags, err);
	return status;
}

/* ---- a family ---- */

static enum status form_fits(const struct migrate_family *family, struct err *err)
{
	static const enum audit_type needs[] = {
		[MIGRATE_HASH] = AUDIT_STRING,
		[MIGRATE_STREAM] = AUDIT_LIST,
		[MIGRATE_PACKED] = AUDIT_STRING,
	};
	bool free = family->form == MIGRATE_SAME || family->form == MIGRATE_SKIP;
	if (!free && family->from != needs[family->form])
		return err_set(err, STATUS_USAGE, "type %s is made of a %s, not of a %s",
			       form_names[family->form], audit_type_text(needs[family->form]),
			       audit_type_text(family->from));
	if (family->lead == MIGRATE_LEAD_NEW && family->form == MIGRATE_STREAM)
		return err_set(err, STATUS_USAGE,
			       "a list cannot be kept behind a stream: "
			       "lead is \"old\" for type stream");
	return STATUS_OK;
}

static enum status target_good(const struct migrate_family *family, struct err *err)
{
	if (family->form == MIGRATE_SKIP || family->sink != MIGRATE_REDIS)
		return STATUS_OK;
	if (strcmp(family->match, family->to) == 0)
		return err_set(err, STATUS_USAGE, "'to' is the name that it has: use type skip");
	return pattern_check_target(str_of(family->match), str_of(family->to), err) ? STATUS_USAGE
										    : STATUS_OK;
}

static enum status take_family(const json_t *object, struct migrate_family *family, struct err *err)
{
	static const char *const names[] = { "match", "from",   "to",   "type",  "ttl",
					     "sink",  "rule",   "lead", "table", "time",
					     "key",   "fields", "tags", NULL };
	int form = 0, sink = 0, lead = 0;
	if (!json_is_object(object))
		return err_set(err, STATUS_USAGE, "it is no object");
	enum status status = known_only(object, names, err);
	if (!status)
		status = take_text(object, "match", NULL, &family->match, err);
	if (!status && pattern_check(str_of(family->match), err))
		status = STATUS_USAGE;
	if (!status)
		status = take_type(object, &family->from, err);
	if (!status)
		status = take_word(object, "type", NULL, form_names, MIGRATE_FORMS, &form, err);
	if (!status)
		status = take_word(object, "sink", "redis", sink_names, MIGRATE_SINKS, &sink, err);
	if (!status)
		status = take_word(object, "lead", "old", lead_names, 2, &lead, err);
	family->form = (enum migrate_form)form;
	family->sink = (enum migrate_sink)sink;
	family->lead = (enum migrate_lead)lead;
	bool stays = form == MIGRATE_SKIP || sink != MIGRATE_REDIS;
	if (!status)
		status = take_text(object, "to", stays ? "" : NULL, &family->to, err);
	if (!status)
		status = take_text(object, "rule", "", &family->rule, err);
	if (!status)
		status = take_ttl(object, &family->ttl_s, err);
	if (!status)
		status = take_sink_members(object, family, err);
	if (!status)
		status = form_fits(family, err);
	return status ? status : target_good(family, err);
}

/* ---- the plan ---- */

static enum status take_databases(const json_t *root, struct migrate_plan *plan, struct err *err)
{
	const json_t *list = json_object_get(root, "databases");
	size_t count = json_array_size(list);
	if (!list) {
		plan->n_databases = 1;
		return STATUS_OK;
	}
	if (!json_is_array(list) || !count || count > MIGRATE_DATABASES_MAX)
		return err_set(err, STATUS_USAGE, "databases is no list of 1 to %d numbers",
			       MIGRATE_DATABASES_MAX);
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(list, i);
		json_int_t number = json_integer_value(item);
		if (!json_is_integer(item) || number < 0 || number > 1000)
			return err_set(err, STATUS_USAGE,
				       "databases holds something else than "
				       "numbers of databases");
		for (size_t j = 0; j < i; j++)
			if (plan->databases[j] == number)
				return err_set(err, STATUS_USAGE, "database %d is there twice",
					       (int)number);
		plan->databases[plan->n_databases++] = (int)number;
	}
	return STATUS_OK;
}

static enum status take_sinks(const json_t *root, struct migrate_plan *plan, struct err *err)
{
	const json_t *sinks = json_object_get(root, "sinks");
	if (!sinks)
		return STATUS_OK;
	if (!json_is_object(sinks))
		return err_set(err, STATUS_USAGE, "sinks is no object");
	enum status status = known_only(
	    sinks, (const char *const[]){ "influx", "clickhouse", "postgres", "duckdb", NULL },
	    err);
	for (int i = 1; !status && i < MIGRATE_SINKS; i++) {
		const char *url = NULL;
		status = take_text(sinks, sink_names[i], "", &url, err);
		plan->sink_urls[i] = !status && url[0] ? url : NULL;
	}
	return status;
}

static enum status take_families(const json_t *root, struct owned *owned, struct err *err)
{
	const json_t *list = json_object_get(root, "families");
	struct migrate_plan *plan = &owned->plan;
	size_t count = json_array_size(list);
	enum status status = STATUS_OK;
	if (!json_is_array(list) || !count || count > MIGRATE_FAMILIES_MAX)
		return err_set(err, STATUS_USAGE, "families is no list of 1 to %d objects",
			       MIGRATE_FAMILIES_MAX);
	owned->families = calloc(count, sizeof *owned->families);
	if (!owned->families)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	plan->families = owned->families;
	for (size_t i = 0; !status && i < count; i++) {
		struct migrate_family *family = &owned->families[i];
		plan->n_families = i + 1;
		status = take_family(json_array_get(list, i), family, err);
		if (status)
			err_wrap(err, status, "family %zu%s%.100s", i + 1, family->match ? " " : "",
				 family->match ? family->match : "");
		else if (family->form != MIGRATE_SKIP && family->sink != MIGRATE_REDIS &&
			 !plan->sink_urls[family->sink])
			status = err_set(err, STATUS_USAGE, "family %zu %.100s: sinks has no %s",
					 i + 1, family->match, sink_names[family->sink]);
	}
	return status ? status : plan_file_check_pairs(plan, err);
}

static void digest_fields(struct digesting *sum, const char *what,
			  const struct migrate_field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		digest_element(sum, STR("member"), str_of(what));
		digest_element(sum, str_of(fields[i].name), str_of(fields[i].from));
	}
}

static void digest_family(struct digesting *sum, const struct migrate_family *family)
{
	char storage[96];
	struct buf rest = buf_over(storage, sizeof storage);
	buf_printf(&rest, "%d %d %d", (int)family->from, (int)family->form, (int)family->sink);
	digest_element(sum, str_of(family->match), str_of(family->to));
	digest_element(sum, STR(""), buf_str(&rest));
	if (family->sink == MIGRATE_REDIS)
		return;
	digest_element(sum, str_of(family->table), str_of(family->time));
	for (size_t i = 0; i < family->n_key; i++)
		digest_element(sum, STR("key"), str_of(family->key[i]));
	digest_fields(sum, "fields", family->fields, family->n_fields);
	digest_fields(sum, "tags", family->tags, family->n_tags);
}

/* A DuckDB file is no URL and stands as it is. */
static void digest_url(struct digesting *sum, const char *what, const char *url)
{
	struct buf plain;
	buf_init(&plain, MIGRATE_PLAN_BYTES_MAX);
	plan_file_put_source(&plain, str_of(url));
	digest_element(sum, str_of(what), buf_str(&plain));
	buf_deinit(&plain);
}

static uint64_t plan_digest(const struct migrate_plan *plan)
{
	struct digesting sum;
	digest_begin(&sum, AUDIT_LIST);
	digest_url(&sum, "source", plan->source);
	for (size_t i = 0; i < plan->n_databases; i++)
		digest_element(
		    &sum, STR("database"),
		    str_make((const char *)&plan->databases[i], sizeof plan->databases[i]));
	for (int i = 0; i < MIGRATE_SINKS; i++)
		if (plan->sink_urls[i])
			digest_url(&sum, sink_names[i], plan->sink_urls[i]);
	for (size_t i = 0; i < plan->n_families; i++)
		digest_family(&sum, &plan->families[i]);
	return digest_end(&sum).a;
}

static enum status take_plan(struct owned *owned, struct err *err)
{
	static const char *const names[] = { "weir_migrate", "source",   "databases", "audit",
					     "sinks",        "families", NULL };
	struct migrate_plan *plan = &owned->plan;
	const json_t *root = owned->root;
	if (!json_is_object(root) || !json_is_integer(json_object_get(root, "weir_migrate")))
		return err_set(err, STATUS_USAGE, "it is no plan: no member weir_migrate");
	if (json_integer_value(json_object_get(root, "weir_migrate")) != 1)
		return err_set(err, STATUS_USAGE, "it is a plan of a later weir");
	enum status status = known_only(root, names, err);
	if (!status)
		status = take_text(root, "source", NULL, &plan->source, err);
	if (!status)
		status = take_text(root, "audit", "", &plan->audit, err);
	if (!status)
		status = take_databases(root, plan, err);
	if (!status)
		status = take_sinks(root, plan, err);
	if (!status)
		status = take_families(root, owned, err);
	if (!status)
		plan->digest = plan_digest(plan);
	return status;
}

enum status plan_file_parse(struct str text, struct migrate_plan **out, struct err *err)
{
	json_error_t fault;
	struct owned *owned = calloc(1, sizeof *owned);
	if (!owned)
		return err_set(err, STATUS_NO_MEMORY, "no memory");
	owned->root =
	    json_loadb(text.ptr ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &fault);
	enum status status =
	    owned->root ? take_plan(owned, err)
			: err_set(err, STATUS_USAGE, "line %d: %s", fault.line, fault.text);
	if (status) {
		plan_file_destroy(&owned->plan);
		return status;
	}
	*out = &owned->plan;
	return STATUS_OK;
}

enum status plan_file_read(const char *path, struct migrate_plan **out, struct err *err)
{
	struct buf text;
	buf_init(&text, MIGRATE_PLAN_BYTES_MAX + 1);
	enum status status = files_read(path, MIGRATE_PLAN_BYTES_MAX, &text, err);
	if (!status) {
		status = plan_file_parse(buf_str(&text), out, err);
		if (status)
			err_wrap(err, status, "%.200s", path);
	}
	buf_deinit(&text);
	return status;
}

void plan_file_destroy(struct migrate_plan *plan)
{
	struct owned *owned = (struct owned *)plan;
	if (!plan)
		return;
	for (size_t i = 0; i < plan->n_families; i++) {
		free((void *)plan->families[i].fields);
		free((void *)plan->families[i].tags);
	}
	free(owned->families);
	json_decref(owned->root);
	free(owned);
}

int64_t plan_file_family(const struct migrate_plan *plan, struct str printed,
			 struct pattern_match *match)
{
	for (size_t i = 0; i < plan->n_families; i++)
		if (pattern_matches(str_of(plan->families[i].match), printed, match))
			return (int64_t)i;
	return -1;
}
