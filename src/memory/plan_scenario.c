#include "memory/plan_scenario.h"

#include "base/check.h"
#include "base/suggest.h"

enum key_kind { TEXT, NAME, COUNT, SIZE, RATE, SPAN, PERCENT, YES };

struct key {
	const char *name;
	enum key_kind kind;
	size_t at, size;
};

/* clang-format off */
#define KEY(type, kind, field)                                                                     \
	{ #field, kind, offsetof(struct type, field), sizeof(((struct type *)NULL)->field) }
/* clang-format on */

static const struct key component_keys[] = {
	KEY(doc_component, TEXT, name),
	KEY(doc_component, TEXT, where),
	KEY(doc_component, COUNT, items),
	KEY(doc_component, SIZE, bytes),
	KEY(doc_component, RATE, rate),
	KEY(doc_component, SPAN, retention),
	KEY(doc_component, COUNT, kept),
	KEY(doc_component, YES, shared),
	KEY(doc_component, SIZE, claimed),
	KEY(doc_component, SIZE, each),
	KEY(doc_component, SIZE, measured),
	KEY(doc_component, SIZE, optimised),
	KEY(doc_component, SIZE, optimised_bytes),
	KEY(doc_component, COUNT, optimised_items),
	KEY(doc_component, COUNT, optimised_kept),
	KEY(doc_component, SPAN, optimised_retention),
	KEY(doc_component, SPAN, optimised_ttl),
	KEY(doc_component, PERCENT, optimised_saves),
	KEY(doc_component, SPAN, needed),
	KEY(doc_component, SPAN, ttl),
	KEY(doc_component, SPAN, renewed),
	KEY(doc_component, TEXT, type),
	KEY(doc_component, YES, money),
	KEY(doc_component, TEXT, ends),
	KEY(doc_component, TEXT, event),
	KEY(doc_component, TEXT, rate_is),
	KEY(doc_component, NAME, in),
	KEY(doc_component, NAME, weir),
};
static const struct key total_keys[] = {
	KEY(doc_total, TEXT, name),    KEY(doc_total, TEXT, where),     KEY(doc_total, TEXT, parts),
	KEY(doc_total, SIZE, claimed), KEY(doc_total, SIZE, optimised), KEY(doc_total, YES, main),
};
static const struct key setting_keys[] = {
	KEY(doc_setting, TEXT, value),
	KEY(doc_setting, NAME, on),
	KEY(doc_setting, TEXT, where),
};
static const struct key claim_keys[] = {
	KEY(doc_claim, TEXT, figure),
	KEY(doc_claim, SIZE, says),
	KEY(doc_claim, TEXT, where),
};
static const struct key split_keys[] = {
	KEY(doc_split, YES, cluster),
	KEY(doc_split, TEXT, by),
	KEY(doc_split, TEXT, where),
};
static const struct key scenario_keys[] = {
	KEY(doc, TEXT, title),
	KEY(doc, TEXT, source),
	KEY(doc, COUNT, units),
};
static const struct key load_keys[] = {
#define PLAN_LOAD(id, usual, most, what)                                                           \
	{ #id, COUNT, offsetof(struct plan_load, id), sizeof(int64_t) },
#include "def/plan.def"
};

/* Where the entries go that follow a section's line. */
struct place {
	const char *section; /* NULL: before the first */
	const struct key *keys;
	size_t key_count;
	void *into;
	uint64_t seen; /* keys, so that none comes twice */
};

static enum status copy_text(struct str text, char *to, size_t size, struct err *err)
{
	if (str_copy(text, to, size))
		return err_set(err, STATUS_RANGE, "longer than %zu bytes", size - 1);
	return STATUS_OK;
}

static enum status take_yes(struct str text, bool *out, struct err *err)
{
	if (!str_eq(text, STR("yes")) && !str_eq(text, STR("no")))
		return err_set(err, STATUS_FORMAT, "'%.*s' is not yes or no", STR_ARG(text));
	*out = text.len == 3;
	return STATUS_OK;
}

static enum status take_value(const struct key *key, struct str value, int64_t units, void *into,
			      struct err *err)
{
	char *at = (char *)into + key->at;
	switch (key->kind) {
	case TEXT:
	case NAME: return copy_text(value, at, key->size, err);
	case COUNT: return doc_count_parse(value, (int64_t *)(void *)at, err);
	case SIZE: return doc_size_parse(value, units, (struct doc_size *)(void *)at, err);
	case RATE: return doc_rate_parse(value, (struct doc_rate *)(void *)at, err);
	case SPAN: return doc_span_parse(value, (int64_t *)(void *)at, err);
	case PERCENT: return doc_percent_parse(value, (int64_t *)(void *)at, err);
	case YES: return take_yes(value, (bool *)at, err);
	}
	return STATUS_OK;
}

static enum status no_key(const struct place *place, struct str name, struct err *err)
{
	char text[128];
	struct buf hint = buf_over(text, sizeof text);
	struct suggest suggest = suggest_for(name);
	for (size_t i = 0; i < place->key_count; i++)
		suggest_offer(&suggest, str_of(place->keys[i].name));
	suggest_print(&hint, &suggest);
	return err_set(err, STATUS_INVALID, "no key '%.*s' in [%s]%.*s", STR_ARG(name),
		       place->section, STR_ARG(buf_str(&hint)));
}

static enum status take_mix(struct str value, struct plan_load *load, struct err *err)
{
	if (!str_eq(value, STR("usual")) && !str_eq(value, STR("walking")))
		return err_set(err, STATUS_INVALID, "mix: '%.*s' is not usual or walking",
			       STR_ARG(value));
	load->mix = str_eq(value, STR("walking")) ? PLAN_MIX_WALKING : PLAN_MIX_USUAL;
	return STATUS_OK;
}

static enum status take_entry(struct place *place, struct doc *doc, const struct ini_item *item,
			      struct err *err)
{
	if (!place->section)
		return err_set(err, STATUS_FORMAT, "a key before the first [section]");
	if (place->into == &doc->load && str_eq(item->name, STR("mix")))
		return take_mix(item->value, &doc->load, err);
	for (size_t i = 0; i < place->key_count; i++) {
		if (!str_eq(item->name, str_of(place->keys[i].name)))
			continue;
		if (place->seen & UINT64_C(1) << i)
			return err_set(err, STATUS_INVALID, "'%.*s' comes twice",
				       STR_ARG(item->name));
		place->seen |= UINT64_C(1) << i;
		enum status status =
		    take_value(&place->keys[i], item->value, doc->units, place->into, err);
		return status ? err_wrap(err, status, "%.*s", STR_ARG(item->name)) : STATUS_OK;
	}
	return no_key(place, item->name, err);
}

static struct doc_component new_component(void)
{
	return (struct doc_component){
		.items = 1,
		.kept = -1,
		.retention = -1,
		.needed = -1,
		.ttl = -1,
		.renewed = -1,
		.optimised_items = -1,
		.optimised_kept = -1,
		.optimised_retention = -1,
		.optimised_ttl = -1,
		.optimised_saves = -1,
	};
}

/* Kinds of sections that have a name: where they are kept, how many there may be. */
struct kind {
	const char *prefix;
	const struct key *keys;
	size_t key_count;
	size_t at, size, count_at, most, id_size;
	bool repeats;
};

#define KIND(type, field, counter, most, repeats)                                                  \
	{                                                                                          \
#type ".", type##_keys, ARRAY_LEN(type##_keys), offsetof(struct doc, field),       \
		    sizeof(struct doc_##type), offsetof(struct doc, counter), most,                \
		    sizeof(((struct doc_##type *)NULL)->id), repeats                               \
	}

static const struct kind kinds[] = {
	KIND(component, components, component_count, DOC_COMPONENTS_MAX, false),
	KIND(total, totals, total_count, DOC_TOTALS_MAX, false),
	KIND(setting, settings, setting_count, DOC_SETTINGS_MAX, true),
	KIND(claim, claims, claim_count, DOC_CLAIMS_MAX, true),
	KIND(split, splits, split_count, DOC_SPLITS_MAX, false),
};

/* Every one of them begins with its id. */
static_assert(offsetof(struct doc_component, id) == 0 && offsetof(struct doc_total, id) == 0 &&
		  offsetof(struct doc_setting, id) == 0 && offsetof(struct doc_claim, id) == 0 &&
		  offsetof(struct doc_split, id) == 0,
	      "an id is where its section is");

static enum status check_id(const struct kind *kind, const char *first, size_t count, struct str id,
			    struct err *err)
{
	if (id.len == 0 || id.len >= kind->id_size || str_find_char(id, ' ') < id.len)
		return err_set(err, STATUS_INVALID, "a name of 1 to %zu characters, no blanks",
			       kind->id_size - 1);
	for (size_t i = 0; i < count && !kind->repeats; i++)
		if (str_eq(id, str_of(first + i * kind->size)))
			return err_set(err, STATUS_EXISTS, "it comes twice");
	return STATUS_OK;
}

static enum status open_kind(struct doc *doc, const struct kind *kind, struct str id,
			     struct place *place, struct err *err)
{
	char *first = (char *)doc + kind->at;
	size_t *count = (size_t *)(void *)((char *)doc + kind->count_at);
	enum status status = check_id(kind, first, *count, id, err);
	if (status)
		return status;
	if (*count == kind->most)
		return err_set(err, STATUS_FULL, "more than %zu sections [%sX]", kind->most,
			       kind->prefix);
	char *made = first + *count * kind->size;
	if (kind->keys == component_keys)
		doc->components[*count] = new_component();
	memcpy(made, id.ptr, id.len);
	++*count;
	*place = (struct place){ kind->prefix, kind->keys, kind->key_count, made, 0 };
	return STATUS_OK;
}

static enum status take_section(struct doc *doc, struct str name, struct place *place,
				struct err *err)
{
	if (str_eq(name, STR("scenario"))) {
		*place =
		    (struct place){ "scenario", scenario_keys, ARRAY_LEN(scenario_keys), doc, 0 };
		return STATUS_OK;
	}
	if (str_eq(name, STR("load"))) {
		*place = (struct place){ "load", load_keys, ARRAY_LEN(load_keys), &doc->load, 0 };
		return STATUS_OK;
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct str prefix = str_of(kinds[i].prefix);
		if (!str_starts(name, prefix))
			continue;
		enum status status =
		    open_kind(doc, &kinds[i], str_skip(name, prefix.len), place, err);
		return status ? err_wrap(err, status, "[%.*s]", STR_ARG(name)) : STATUS_OK;
	}
	return err_set(err, STATUS_INVALID,
		       "no section [%.*s]: scenario, load, component.X, total.X, setting.NAME, "
		       "claim.X or split.X",
		       STR_ARG(name));
}

static enum status take_item(struct doc *doc, const struct ini_item *item, struct place *place,
			     struct err *err)
{
	switch (item->kind) {
	case INI_BAD: return err_set(err, STATUS_FORMAT, "%s", item->why);
	case INI_SECTION: return take_section(doc, item->name, place, err);
	case INI_ENTRY: return take_entry(place, doc, item, err);
	case INI_END: break;
	}
	return STATUS_OK;
}

enum status doc_parse(struct str text, struct doc *out, struct err *err)
{
	struct ini ini;
	struct ini_item item;
	struct place place = { 0 };
	if (text.len > PLAN_SCENARIO_BYTES_MAX)
		return err_set(err, STATUS_RANGE, "more than %d bytes", PLAN_SCENARIO_BYTES_MAX);
	out->units = 1000;
	out->load = plan_load_usual();
	ini_init(&ini, text);
	while ((item = ini_next(&ini)).kind != INI_END) {
		enum status status = take_item(out, &item, &place, err);
		if (status == STATUS_OK && out->units != 1000 && out->units != 1024)
			status = err_set(err, STATUS_INVALID, "units: 1000 or 1024");
		if (status)
			return err_wrap(err, status, "line %u", item.line);
	}
	if (out->component_count + out->setting_count + out->claim_count + out->split_count == 0)
		return err_set(err, STATUS_FORMAT, "it says nothing: no [component.X]");
	return STATUS_OK;
}
