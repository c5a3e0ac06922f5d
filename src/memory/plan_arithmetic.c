#include "base/check.h"
#include "memory/plan_scenario.h"

/* A figure that was cut off instead of rounded is believed below this part of it. */
enum { CUT_OFF_PERCENT = 5 };

bool doc_agrees(struct doc_size says, i128 bytes, i128 slack)
{
	i128 off = bytes > says.bytes ? bytes - says.bytes : says.bytes - bytes;
	if (off <= slack || 2 * (off - slack) <= says.last)
		return true;
	return bytes > says.bytes && off - slack < says.last &&
	       off * 100 <= bytes * CUT_OFF_PERCENT;
}

/* a x b, -1 beyond what is counted; both at most PLAN_BYTES_MAX. */
static i128 bounded(i128 a, i128 b)
{
	if (a < 0 || b < 0)
		return -1;
	i128 product = a * b;
	return product > PLAN_BYTES_MAX ? -1 : product;
}

/* Entries of all items together. */
struct entries {
	i128 count;     /* -1: without an end, or too many */
	bool by_number; /* `kept` says it, else rate x retention, else the items alone */
};

static struct entries entries_of(const struct doc_component *component, int64_t items,
				 int64_t retention, int64_t kept)
{
	const struct doc_rate *rate = &component->rate;
	bool timed = rate->there && retention >= 0, endless = retention == DOC_FOR_EVER;
	i128 by_time = -1, by_number = bounded(component->shared ? 1 : items, kept);
	if (timed && !endless)
		by_time =
		    bounded(items, (i128)rate->count * retention / (rate->scale * rate->seconds));
	if (kept >= 0 && (!timed || endless || by_number < by_time))
		return (struct entries){ by_number, true };
	return (struct entries){ timed ? by_time : items, false };
}

i128 doc_product(const struct doc_component *component)
{
	struct entries entries =
	    entries_of(component, component->items, component->retention, component->kept);
	return component->bytes.there ? bounded(component->bytes.bytes, entries.count) : -1;
}

static void put_time(struct buf *out, int64_t seconds)
{
	if (seconds == DOC_FOR_EVER)
		buf_printf(out, "for ever");
	else
		plan_time_put(out, seconds);
}

void doc_product_put(struct buf *out, const struct doc_component *component)
{
	bool by_number =
	    entries_of(component, component->items, component->retention, component->kept)
		.by_number;
	if (component->items != 1 && !(by_number && component->shared)) {
		plan_count_put(out, component->items);
		buf_printf(out, " x ");
	}
	plan_bytes_put(out, component->bytes.bytes);
	if (by_number) {
		buf_printf(out, " x ");
		plan_count_put(out, component->kept);
	} else if (component->rate.there && component->retention >= 0) {
		buf_printf(out, " x %s x ", component->rate.text);
		put_time(out, component->retention);
	}
}

int64_t doc_kept_s(const struct doc_component *component, int64_t kept)
{
	const struct doc_rate *rate = &component->rate;
	if (kept < 0 || !rate->there)
		return -1;
	i128 a_second = (i128)rate->count * (component->shared ? component->items : 1);
	if (a_second == 0)
		return -1;
	i128 seconds = (i128)kept * rate->scale * rate->seconds / a_second;
	return seconds > PLAN_BYTES_MAX ? PLAN_BYTES_MAX : (int64_t)seconds;
}

bool doc_has_measure(const struct doc_component *component)
{
	return component->optimised_items >= 0 || component->optimised_bytes.there ||
	       component->optimised_kept >= 0 || component->optimised_retention >= 0 ||
	       component->optimised_saves >= 0;
}

static int64_t or_else(int64_t value, int64_t other) { return value >= 0 ? value : other; }

/* What a measure leaves: by the arithmetic where there is one, else in proportion. */
static i128 optimised_of(const struct doc_component *component)
{
	int64_t retention = or_else(component->optimised_retention, component->retention);
	int64_t kept = or_else(component->optimised_kept, component->kept);
	int64_t items = or_else(component->optimised_items, component->items);
	int64_t bytes = component->optimised_bytes.there ? component->optimised_bytes.bytes
							 : component->bytes.bytes;
	i128 size = component->size;
	if (component->bytes.there)
		size = bounded(bytes, entries_of(component, items, retention, kept).count);
	if (size >= 0 && component->optimised_saves >= 0)
		size = size * (1000 - component->optimised_saves) / 1000;
	return size;
}

static const struct doc_component *find_component(const struct doc *doc, const char *id)
{
	for (size_t i = 0; i < doc->component_count; i++)
		if (strcmp(doc->components[i].id, id) == 0)
			return &doc->components[i];
	return NULL;
}

static enum status compute(struct doc *doc, struct doc_component *component, struct err *err)
{
	const struct doc_component *inside = find_component(doc, component->in);
	if (component->in[0] && (!inside || inside == component))
		return err_set(err, STATUS_INVALID, "in: no other component '%s'", component->in);
	component->inside = (size_t)((inside ? inside : component) - doc->components);
	i128 size = component->claimed.there ? component->claimed.bytes : -1;
	if (component->bytes.there)
		size = doc_product(component);
	bool endless = component->rate.there && component->retention == DOC_FOR_EVER;
	if (component->bytes.there && size < 0 && !endless)
		return err_set(err, STATUS_RANGE,
			       "items x bytes x rate x retention is more than "
			       "can be counted");
	if (!component->bytes.there && !component->claimed.there && !component->rate.there)
		return err_set(err, STATUS_INVALID, "neither bytes, claimed nor a rate");
	component->size = (int64_t)size;
	/* Without a measure there is nothing to compute: it is what it wants to be. */
	bool measure = doc_has_measure(component);
	component->optimised_size = measure || !component->optimised.there
					? (int64_t)optimised_of(component)
					: component->optimised.bytes;
	return STATUS_OK;
}

static bool is_word(const char *word, const char *words)
{
	struct str rest = str_of(words), part;
	while (str_split(&rest, ' ', &part))
		if (str_eq(part, str_of(word)))
			return true;
	return word[0] == '\0';
}

static enum status check_words(const struct doc_component *component, struct err *err)
{
	static const struct {
		const char *key, *words;
		size_t at;
	} rows[] = {
		{ "type", "string hash list set zset stream",
		  offsetof(struct doc_component, type) },
		{ "ends", "record nothing", offsetof(struct doc_component, ends) },
		{ "rate_is", "peak mean", offsetof(struct doc_component, rate_is) },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *word = (const char *)component + rows[i].at;
		if (!is_word(word, rows[i].words))
			return err_set(err, STATUS_INVALID, "%s: '%s' is none of %s", rows[i].key,
				       word, rows[i].words);
	}
	return STATUS_OK;
}

/* Everything is in at most DOC_COMPONENTS_MAX others, or in itself. */
static enum status check_inside(const struct doc *doc, size_t i, struct err *err)
{
	size_t at = i;
	for (size_t steps = 0; doc->components[at].inside != at; steps++) {
		at = doc->components[at].inside;
		if (steps == doc->component_count)
			return err_set(err, STATUS_INVALID, "in: a circle");
	}
	return STATUS_OK;
}

/* A total adds up what stands before it, so that none is in itself. */
static enum status find_part(const struct doc *doc, const struct doc_total *total, struct str name,
			     size_t *ref, struct err *err)
{
	for (size_t i = 0; i < doc->component_count; i++)
		if (str_eq(name, str_of(doc->components[i].id))) {
			*ref = i;
			return STATUS_OK;
		}
	for (size_t i = 0; i < (size_t)(total - doc->totals); i++)
		if (str_eq(name, str_of(doc->totals[i].id))) {
			*ref = DOC_COMPONENTS_MAX + i;
			return STATUS_OK;
		}
	return err_set(err, STATUS_INVALID, "parts: no component '%.*s', nor a total before this",
		       STR_ARG(name));
}

/* Counts the components of a part: once, or oftener. */
static void add_leaves(const struct doc *doc, size_t ref, uint8_t times[DOC_COMPONENTS_MAX])
{
	if (ref < DOC_COMPONENTS_MAX)
		times[ref] = times[ref] ? 2 : 1;
	for (size_t i = 0; ref >= DOC_COMPONENTS_MAX && i < doc->component_count; i++) {
		int sum = times[i] + doc->totals[ref - DOC_COMPONENTS_MAX].times[i];
		times[i] = sum < 2 ? (uint8_t)sum : 2;
	}
}

static enum status find_parts(const struct doc *doc, struct doc_total *total, struct err *err)
{
	struct str rest = str_of(total->parts), part;
	while (str_split(&rest, ' ', &part)) {
		if (part.len == 0)
			continue;
		if (total->count == DOC_PARTS_MAX)
			return err_set(err, STATUS_FULL, "more than %d parts", DOC_PARTS_MAX);
		enum status status = find_part(doc, total, part, &total->refs[total->count], err);
		if (status)
			return status;
		add_leaves(doc, total->refs[total->count++], total->times);
	}
	return total->count ? STATUS_OK : err_set(err, STATUS_INVALID, "it has no parts");
}

static enum status find_on(const struct doc *doc, struct doc_setting *setting, struct err *err)
{
	const struct doc_component *on = find_component(doc, setting->on);
	if (setting->on[0] && !on)
		return err_set(err, STATUS_INVALID, "on: no component '%s'", setting->on);
	setting->component = on ? (size_t)(on - doc->components) : SIZE_MAX;
	return STATUS_OK;
}

enum status doc_compute(struct doc *doc, struct err *err)
{
	enum status status = STATUS_OK;
	for (size_t i = 0; i < doc->component_count; i++) {
		struct doc_component *component = &doc->components[i];
		if ((status = compute(doc, component, err)) ||
		    (status = check_words(component, err)))
			return err_wrap(err, status, "[component.%s]", component->id);
	}
	for (size_t i = 0; i < doc->component_count; i++)
		if ((status = check_inside(doc, i, err)))
			return err_wrap(err, status, "[component.%s]", doc->components[i].id);
	for (size_t i = 0; i < doc->total_count; i++)
		if ((status = find_parts(doc, &doc->totals[i], err)))
			return err_wrap(err, status, "[total.%s]", doc->totals[i].id);
	for (size_t i = 0; i < doc->setting_count; i++)
		if ((status = find_on(doc, &doc->settings[i], err)))
			return err_wrap(err, status, "[setting.%s]", doc->settings[i].id);
	for (size_t i = 0; i < doc->claim_count; i++)
		if (!doc->claims[i].says.there || !doc->claims[i].figure[0])
			return err_set(err, STATUS_INVALID, "[claim.%s]: figure and says",
				       doc->claims[i].id);
	return STATUS_OK;
}

/* A part as the document has it: what it claims, else what its arithmetic gives; after its
 * measures what it wants to come to. */
static struct doc_size said(const struct doc *doc, size_t ref, bool optimised, bool *smaller_one)
{
	bool total = ref >= DOC_COMPONENTS_MAX;
	const struct doc_component *component = &doc->components[total ? 0 : ref];
	const struct doc_total *sum = &doc->totals[total ? ref - DOC_COMPONENTS_MAX : 0];
	struct doc_size smaller = total ? sum->optimised : component->optimised;
	struct doc_size claimed = total ? sum->claimed : component->claimed;
	if (optimised && smaller.there) {
		*smaller_one = true;
		return smaller;
	}
	if (!claimed.there && !total && component->size >= 0)
		return (struct doc_size){ true, component->size, 0 };
	return claimed;
}

i128 doc_parts_sum(const struct doc *doc, const struct doc_total *total, bool optimised,
		   i128 *slack)
{
	i128 sum = 0;
	bool any = !optimised;
	*slack = 0;
	for (size_t i = 0; i < total->count; i++) {
		struct doc_size part = said(doc, total->refs[i], optimised, &any);
		if (!part.there)
			return -1;
		sum += part.bytes;
		*slack += part.last / 2;
	}
	return any ? sum : -1;
}

static bool is_inside_leaf(const struct doc *doc, size_t at,
			   const uint8_t times[DOC_COMPONENTS_MAX])
{
	while (doc->components[at].inside != at) {
		at = doc->components[at].inside;
		if (times[at])
			return true;
	}
	return false;
}

void doc_leaves(const struct doc *doc, const struct doc_total *total,
		bool leaves[DOC_COMPONENTS_MAX], size_t *again)
{
	*again = SIZE_MAX;
	for (size_t i = 0; i < DOC_COMPONENTS_MAX; i++) {
		bool inner = total->times[i] && is_inside_leaf(doc, i, total->times);
		leaves[i] = total->times[i] && !inner;
		if ((inner || total->times[i] > 1) && *again == SIZE_MAX)
			*again = i;
	}
}
