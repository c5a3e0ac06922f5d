#include "audit/names.h"

#include <stdlib.h>

#include "audit/names_align.h"
#include "audit/names_impl.h"
#include "base/check.h"

enum { IDS_FIRST = 512 };

enum status names_create(struct str separators, struct names **out)
{
	struct names *names = calloc(1, sizeof *names);
	if (!names)
		return STATUS_NO_MEMORY;
	name_lexer_init(&names->lexer, separators);
	names->ids_cap = IDS_FIRST;
	names->ids = calloc(names->ids_cap, sizeof *names->ids);
	names->n_ids = 1;
	if (!names->ids || name_store_init(&names->raw)) {
		names_destroy(names);
		return STATUS_NO_MEMORY;
	}
	*out = names;
	return STATUS_OK;
}

void names_destroy(struct names *names)
{
	if (!names)
		return;
	name_store_deinit(&names->raw);
	name_store_deinit(&names->settled);
	names_families_free(names);
	free(names->ids);
	free(names->settled_of);
	free(names);
}

/* ---- patterns that were found under pressure ---- */

/* Which words of a shape of so many parts are values. */
static void template_add(struct names *names, uint8_t parts, uint32_t places, enum name_kind kind)
{
	for (size_t i = 0; i < names->n_templates; i++) {
		const struct name_template *known = &names->templates[i];
		if (known->parts == parts && known->places == places && known->kind == kind)
			return;
	}
	if (names->n_templates < NAMES_TEMPLATES_MAX)
		names->templates[names->n_templates++] =
		    (struct name_template){ places, parts, kind };
}

static void templates_make(struct names *names, const struct name_store *store)
{
	names->n_templates = 0;
	for (size_t i = 1; i < store->n; i++) {
		struct str text = name_store_text(store, i);
		struct name_part part;
		uint32_t any = 0, bit = 1;
		for (; name_part_next(&text, &part); bit <<= 1) {
			any |= part.kind == NAME_ANY ? bit : 0;
			if (part.kind == NAME_SYMBOL)
				template_add(names, store->shapes[i].parts, bit, NAME_SYMBOL);
		}
		if (any)
			template_add(names, store->shapes[i].parts, any, NAME_ANY);
	}
}

/* May a word stand where the template has a value? */
static bool template_takes(const struct names *names, const struct name_template *template,
			   const struct name_part *part)
{
	if (part->kind != NAME_WORD || !part->word.len)
		return false;
	uint32_t traits = name_words_traits(&names->lexer.words, part->word);
	bool symbol = template->kind == NAME_SYMBOL;
	return !(traits & (WORD_COMMON | WORD_INDICATOR)) && (!symbol || traits & WORD_UPPER);
}

static size_t template_find(const struct names *names, const struct name_store *store,
			    const struct name_template *template, const struct name_lexed *lexed)
{
	uint8_t out[NAME_SKELETON_MAX];
	uint16_t len = 0;
	struct str text = str_make((const char *)lexed->text, lexed->len);
	struct name_part part;
	for (uint32_t bit = 1; name_part_next(&text, &part); bit <<= 1) {
		if (template->places & bit) {
			if (!template_takes(names, template, &part))
				return 0;
			part.kind = template->kind;
		}
		CHECK(name_part_put(out, sizeof out, &len, &part));
	}
	return name_store_find(store, name_store_hash(str_make((const char *)out, len)));
}

size_t names_template(const struct names *names, const struct name_store *store,
		      const struct name_lexed *lexed)
{
	for (size_t i = 0; i < names->n_templates; i++) {
		size_t found = names->templates[i].parts == lexed->parts
				   ? template_find(names, store, &names->templates[i], lexed)
				   : 0;
		if (found)
			return found;
	}
	return 0;
}

/* ---- learning ---- */

static enum status id_add(struct names *names, size_t shape, uint32_t *id)
{
	if (names->n_ids == NAMES_IDS_MAX)
		return STATUS_FULL;
	if (names->n_ids == names->ids_cap) {
		uint32_t *ids = realloc(names->ids, names->ids_cap * 2 * sizeof *ids);
		if (!ids)
			return STATUS_NO_MEMORY;
		names->ids = ids;
		names->ids_cap *= 2;
	}
	names->ids[names->n_ids] = (uint32_t)shape;
	*id = (uint32_t)names->n_ids++;
	return STATUS_OK;
}

/* Aligns what there is, so that there is room again: ids go on to what their shapes became. */
static enum status press(struct names *names, bool tight)
{
	uint32_t *map = malloc(names->raw.n * sizeof *map);
	if (!map)
		return STATUS_NO_MEMORY;
	struct name_store next;
	enum status status = names_align(&names->lexer, &names->raw, false, tight, &next, map);
	for (size_t i = 1; !status && i < names->n_ids; i++)
		names->ids[i] = map[names->ids[i]];
	free(map);
	if (status)
		return status;
	name_store_deinit(&names->raw);
	names->raw = next;
	for (size_t i = 1; i < names->n_ids; i++)
		names->raw.shapes[names->ids[i]].id = (uint32_t)i;
	templates_make(names, &names->raw);
	names->presses++;
	return STATUS_OK;
}

/* There is room for a quarter at least, or nothing is learned any more. */
static enum status make_room(struct names *names)
{
	if (names->presses >= NAMES_PRESSES) {
		names->full = true;
		return STATUS_FULL;
	}
	enum status status = press(names, false);
	if (!status && (names->raw.n > NAMES_SHAPES_MAX / 4 * 3 ||
			names->raw.text_len > NAMES_TEXT_MAX / 4 * 3))
		status = press(names, true);
	return status;
}

static struct str skeleton_of(const struct name_lexed *lexed)
{
	return str_make((const char *)lexed->text, lexed->len);
}

static enum status shape_add(struct names *names, const struct name_lexed *lexed, uint64_t hash,
			     size_t *found)
{
	*found = names_template(names, &names->raw, lexed);
	if (*found)
		return STATUS_OK;
	if (names->full || names->n_ids == NAMES_IDS_MAX)
		return STATUS_FULL;
	struct name_shape shape = name_shape_of(lexed, hash);
	enum status status = name_store_add(&names->raw, skeleton_of(lexed), &shape, found);
	if (!status)
		status = id_add(names, *found, &names->raw.shapes[*found].id);
	return status;
}

/* Of a name like none before it. */
static enum status shape_new(struct names *names, struct str name, uint64_t hash, size_t *found)
{
	struct name_lexed lexed;
	name_lex(&names->lexer, name, &lexed);
	enum status status = shape_add(names, &lexed, hash, found);
	if (status == STATUS_FULL && !names->full && names->n_ids < NAMES_IDS_MAX) {
		status = make_room(names);
		if (!status)
			status = shape_add(names, &lexed, hash, found);
	}
	if (status == STATUS_FULL) {
		*found = 0;
		names->lost++;
		return STATUS_OK;
	}
	return status;
}

void names_look(const struct names *names, struct str name, struct name_look *out)
{
	struct name_lexed lexed;
	name_lex(&names->lexer, name, &lexed);
	*out = (struct name_look){ .hash = name_store_hash(skeleton_of(&lexed)),
				   .wide = lexed.wide,
				   .odd = ~lexed.minutes,
				   .number = lexed.number,
				   .digits = lexed.digits };
}

enum status names_learn_looked(struct names *names, struct str name, const struct name_look *look,
			       enum audit_type type, int64_t bytes, uint32_t *shape)
{
	CHECK(!names->families);
	size_t found = name_store_find(&names->raw, look->hash);
	enum status status = found ? STATUS_OK : shape_new(names, name, look->hash, &found);
	if (status)
		return status;
	struct name_shape *known = &names->raw.shapes[found];
	known->types[type]++;
	known->bytes += bytes > 0 ? (uint64_t)bytes : 0;
	known->wide |= look->wide;
	known->odd |= look->odd;
	known->varied |= look->number != known->number || look->digits != known->digits;
	*shape = known->id;
	return STATUS_OK;
}

void names_prefetch(struct names *names, const struct name_look *look)
{
	uint64_t *place = &names->soon[names->n_soon++ % NAMES_SOON];
	name_store_prefetch_shape(&names->raw, *place);
	name_store_prefetch_slot(&names->raw, look->hash);
	*place = look->hash;
}

enum status names_learn(struct names *names, struct str name, enum audit_type type, int64_t bytes,
			uint32_t *shape)
{
	struct name_look look;
	names_look(names, name, &look);
	return names_learn_looked(names, name, &look, type, bytes, shape);
}

enum status names_settle(struct names *names, size_t families_max)
{
	CHECK(!names->families);
	names->settled_of = malloc(names->raw.n * sizeof *names->settled_of);
	if (!names->settled_of)
		return STATUS_NO_MEMORY;
	enum status status = names_align(&names->lexer, &names->raw, true, false, &names->settled,
					 names->settled_of);
	if (!status)
		templates_make(names, &names->settled);
	if (!status)
		status = names_families_make(names, families_max);
	for (size_t i = 0; !status && i < names->n_ids; i++)
		names->ids[i] = names->family_of[names->settled_of[names->ids[i]]];
	return status;
}

bool names_told(const struct names *names, uint32_t shape) { return shape < names->n_ids; }

size_t names_family_of(const struct names *names, uint32_t shape)
{
	CHECK(names_told(names, shape));
	return names->ids[shape];
}

int64_t names_find(const struct names *names, struct str name)
{
	struct name_lexed lexed;
	name_lex(&names->lexer, name, &lexed);
	size_t found = name_store_find(&names->raw, name_store_hash(skeleton_of(&lexed)));
	found = found ? names->settled_of[found] : names_template(names, &names->settled, &lexed);
	if (!found && !names->lost)
		return -1;
	return (int64_t)names->family_of[found];
}

size_t names_shapes(const struct names *names) { return names->raw.n - 1; }

uint64_t names_lost(const struct names *names) { return names->lost; }
