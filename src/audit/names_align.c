#include "audit/names_align.h"

#include <stdlib.h>

#include "audit/names_align_impl.h"
#include "base/check.h"

enum {
	MASK = 0xff,       /* as a part's kind: whatever stands there */
	PAIR_PLACES = 8,   /* pairs are looked for among the first so many parts */
	PAIR_SHAPES = 128, /* and only where there are so many skeletons */
	WORD_ROUNDS = 3,
};

struct align {
	const struct name_lexer *lexer;
	struct name_store now;
	uint32_t *map; /* of the shapes that came in */
	size_t n_map;
	uint8_t (*change)[NAME_PARTS_MAX];
	uint32_t *group_of, *best;
	struct align_group *groups;
	size_t n_groups;
	uint32_t *table;
	size_t table_cap;
	uint64_t known[ALIGN_KNOWN]; /* digests of symbols that were found, open addressing */
	size_t n_known;
};

static uint64_t digest_upper(struct str word)
{
	char upper[NAME_WORD_MAX + 16];
	for (size_t i = 0; i < word.len; i++)
		upper[i] = (char)(word.ptr[i] >= 'a' && word.ptr[i] <= 'z' ? word.ptr[i] - 32
									   : word.ptr[i]);
	return audit_digest(str_make(upper, word.len));
}

/* Where a symbol that was found stands, or would. */
static uint64_t *known_slot(struct align *align, uint64_t digest)
{
	size_t at = (size_t)digest % ALIGN_KNOWN;
	while (align->known[at] && align->known[at] != digest)
		at = (at + 1) % ALIGN_KNOWN;
	return &align->known[at];
}

static bool is_known(struct align *align, const struct name_part *part)
{
	return part->kind == NAME_WORD && part->word.len &&
	       *known_slot(align, digest_upper(part->word)) != 0;
}

static void known_add(struct align *align, uint64_t digest)
{
	uint64_t *slot = known_slot(align, digest);
	if (*slot || align->n_known >= ALIGN_KNOWN / 2)
		return;
	*slot = digest;
	align->n_known++;
}

static size_t split(const struct name_store *store, size_t at, struct name_part *parts)
{
	struct str text = name_store_text(store, at);
	size_t n = 0;
	while (n < NAME_PARTS_MAX && name_part_next(&text, &parts[n]))
		n++;
	return n;
}

/* ---- the next store ---- */

/* A joined number goes back behind its letters; marks of the parts behind it move up. */
static size_t put_back(struct name_part *parts, size_t n, size_t at, struct name_shape *shape,
		       char *text)
{
	CHECK(at > 0 && parts[at - 1].kind == NAME_WORD);
	size_t len = parts[at - 1].word.len;
	memcpy(text, parts[at - 1].word.ptr, len);
	uint32_t number = shape->number;
	for (size_t i = shape->digits; i > 0; i--, number /= 10)
		text[len + i - 1] = (char)('0' + number % 10);
	parts[at - 1].word = str_make(text, len + shape->digits);
	parts[at - 1].separator = parts[at].separator;
	memmove(&parts[at], &parts[at + 1], (n - at - 1) * sizeof *parts);
	uint32_t below = (1U << at) - 1;
	shape->wide = (shape->wide & below) | (shape->wide >> 1 & ~below);
	shape->odd = (shape->odd & below) | (shape->odd >> 1 & ~below);
	shape->joined = (shape->joined & below) | (shape->joined >> 1 & ~below);
	shape->number = shape->digits = 0;
	shape->varied = true;
	return n - 1;
}

static uint16_t rewrite(const struct align *align, size_t at, struct name_shape *shape,
			uint8_t *text)
{
	struct name_part parts[NAME_PARTS_MAX];
	char word[NAME_WORD_MAX + 16];
	size_t n = split(&align->now, at, parts), back = 0;
	for (size_t i = 0; i < n; i++) {
		if (align->change[at][i] == ALIGN_BACK)
			back = i;
		else if (align->change[at][i] != ALIGN_KEEP)
			parts[i].kind = (enum name_kind)align->change[at][i];
	}
	if (back)
		n = put_back(parts, n, back, shape, word);
	uint16_t len = 0;
	for (size_t i = 0; i < n; i++)
		CHECK(name_part_put(text, NAME_SKELETON_MAX, &len, &parts[i]));
	shape->parts = (uint8_t)n;
	return len;
}

static enum status move_shape(const struct align *align, size_t at, struct name_store *next,
			      uint32_t *to)
{
	uint8_t text[NAME_SKELETON_MAX];
	struct name_shape shape = align->now.shapes[at];
	uint16_t len = rewrite(align, at, &shape, text);
	struct str skeleton = str_make((const char *)text, len);
	shape.hash = name_store_hash(skeleton);
	size_t found = name_store_find(next, shape.hash);
	enum status status = STATUS_OK;
	if (found)
		name_shape_merge(&next->shapes[found], &shape);
	else
		status = name_store_add(next, skeleton, &shape, &found);
	*to = (uint32_t)found;
	return status;
}

static void changes_clear(struct align *align)
{
	memset(align->change, ALIGN_KEEP, align->now.n * sizeof *align->change);
}

/* Applies the changes: skeletons that became equal are one. */
static enum status rebuild(struct align *align)
{
	struct name_store next;
	enum status status = name_store_init(&next);
	if (status)
		return status;
	next.shapes[0] = align->now.shapes[0];
	uint32_t *to = align->group_of; /* of no use any more in this pass */
	to[0] = 0;
	for (size_t i = 1; !status && i < align->now.n; i++)
		status = move_shape(align, i, &next, &to[i]);
	if (status) {
		name_store_deinit(&next);
		return status;
	}
	for (size_t i = 0; i < align->n_map; i++)
		align->map[i] = to[align->map[i]];
	name_store_deinit(&align->now);
	align->now = next;
	changes_clear(align);
	return STATUS_OK;
}

/* ---- groups ---- */

/* The skeleton with one or two parts masked, hashed. */
static uint64_t masked(const struct name_part *parts, size_t n, size_t at, size_t other)
{
	uint8_t text[NAME_SKELETON_MAX];
	uint16_t len = 0;
	for (size_t i = 0; i < n; i++) {
		struct name_part part = parts[i];
		if (i == at || i == other)
			part.kind = (enum name_kind)MASK;
		CHECK(name_part_put(text, sizeof text, &len, &part));
	}
	return name_store_hash(str_make((const char *)text, len));
}

static size_t group_find(struct align *align, uint64_t hash)
{
	size_t mask = align->table_cap - 1, slot = (size_t)hash & mask;
	for (; align->table[slot]; slot = (slot + 1) & mask)
		if (align->groups[align->table[slot] - 1].hash == hash)
			return align->table[slot] - 1;
	align->groups[align->n_groups] = (struct align_group){ .hash = hash };
	align->table[slot] = (uint32_t)++align->n_groups;
	return align->n_groups - 1;
}

static void groups_clear(struct align *align)
{
	align->n_groups = 0;
	memset(align->table, 0, align->table_cap * sizeof *align->table);
}

static void group_word(struct align_group *group, const struct name_shape *shape, uint32_t traits)
{
	if (!align_free(traits))
		return;
	group->words++;
	group->mixed += (traits & WORD_MIXED) != 0;
	group->coins += (traits & (WORD_COIN | WORD_COIN_WEAK)) != 0;
	group->tickers += (traits & WORD_UPPER) != 0;
	group->types[name_shape_type(shape)]++;
}

static uint32_t traits_of(const struct align *align, const struct name_part *part)
{
	return part->kind == NAME_WORD ? name_words_traits(&align->lexer->words, part->word) : 0;
}

/* Skeletons by all their parts but the one at `at`. */
static void groups_make(struct align *align, size_t at)
{
	groups_clear(align);
	for (size_t i = 1; i < align->now.n; i++) {
		const struct name_shape *shape = &align->now.shapes[i];
		struct name_part parts[NAME_PARTS_MAX];
		if (shape->parts <= at)
			continue;
		size_t n = split(&align->now, i, parts);
		size_t found = group_find(align, masked(parts, n, at, n));
		struct align_group *group = &align->groups[found];
		align->group_of[i] = (uint32_t)found;
		group->kinds |= 1U << parts[at].kind;
		group->keys[parts[at].kind] += name_shape_keys(shape);
		if (parts[at].kind == NAME_WORD && parts[at].word.len)
			group_word(group, shape, traits_of(align, &parts[at]));
	}
}

static size_t parts_most(const struct align *align)
{
	size_t most = 0;
	for (size_t i = 1; i < align->now.n; i++)
		most = align->now.shapes[i].parts > most ? align->now.shapes[i].parts : most;
	return most;
}

static size_t place_of(struct align *align, size_t shape, size_t at, bool grouped,
		       struct name_part *parts, struct align_place *place)
{
	size_t n = split(&align->now, shape, parts);
	*place = (struct align_place){
		.group = grouped ? &align->groups[align->group_of[shape]] : NULL,
		.parts = parts,
		.n = n,
		.at = at,
		.traits = at < n ? traits_of(align, &parts[at]) : 0,
		.known = at < n && is_known(align, &parts[at]),
		.shape = &align->now.shapes[shape],
	};
	return n;
}

/* ---- passes ---- */

typedef uint8_t (*rule_fn)(const struct align_place *place);

static bool apply_at(struct align *align, rule_fn rule, size_t at, bool grouped)
{
	bool changed = false;
	for (size_t i = 1; i < align->now.n; i++) {
		struct name_part parts[NAME_PARTS_MAX];
		struct align_place place;
		if (align->now.shapes[i].parts <= at)
			continue;
		place_of(align, i, at, grouped, parts, &place);
		uint8_t to = rule(&place);
		if (to == (uint8_t)parts[at].kind)
			to = ALIGN_KEEP;
		align->change[i][at] = to;
		changed |= to != ALIGN_KEEP;
	}
	return changed;
}

/* Once all have been asked, so that no answer depends on the order of the skeletons. */
static void learn_symbols(struct align *align, size_t at)
{
	for (size_t i = 1; i < align->now.n; i++) {
		struct name_part parts[NAME_PARTS_MAX];
		if (align->now.shapes[i].parts <= at || align->change[i][at] != NAME_SYMBOL)
			continue;
		split(&align->now, i, parts);
		known_add(align, digest_upper(parts[at].word));
	}
}

/* Place by place, from the left: what one place becomes the next ones see. */
static enum status pass(struct align *align, rule_fn rule, bool grouped)
{
	enum status status = STATUS_OK;
	size_t most = parts_most(align);
	for (size_t at = 0; !status && at < most; at++) {
		if (grouped)
			groups_make(align, at);
		if (!apply_at(align, rule, at, grouped))
			continue;
		learn_symbols(align, at);
		status = rebuild(align);
	}
	return status;
}

/* Each skeleton chooses the place that varies most. */
static enum status pass_words(struct align *align, bool *changed)
{
	memset(align->best, 0, align->now.n * sizeof *align->best);
	size_t most = parts_most(align);
	*changed = false;
	for (size_t at = 0; at < most; at++) {
		groups_make(align, at);
		for (size_t i = 1; i < align->now.n; i++) {
			struct name_part parts[NAME_PARTS_MAX];
			struct align_place place;
			if (align->now.shapes[i].parts <= at)
				continue;
			place_of(align, i, at, true, parts, &place);
			uint32_t sure = align_words(&place);
			if (sure <= align->best[i])
				continue;
			align->best[i] = sure;
			memset(align->change[i], ALIGN_KEEP, sizeof align->change[i]);
			align->change[i][at] = NAME_ANY;
			*changed = true;
		}
	}
	return *changed ? rebuild(align) : STATUS_OK;
}

static bool could_vary(const struct align *align, const struct name_part *part)
{
	return part->kind == NAME_WORD && part->word.len && align_free(traits_of(align, part));
}

/* Groups by all parts but two. */
static void pairs_make(struct align *align, size_t at, size_t other)
{
	groups_clear(align);
	for (size_t i = 1; i < align->now.n; i++) {
		struct name_part parts[NAME_PARTS_MAX];
		align->group_of[i] = UINT32_MAX;
		if (align->now.shapes[i].parts <= other)
			continue;
		size_t n = split(&align->now, i, parts);
		if (!could_vary(align, &parts[at]) || !could_vary(align, &parts[other]))
			continue;
		size_t found = group_find(align, masked(parts, n, at, other));
		align->group_of[i] = (uint32_t)found;
		align->groups[found].words++;
	}
}

static bool pairs_apply(struct align *align, size_t at, size_t other)
{
	bool changed = false;
	for (size_t i = 1; i < align->now.n; i++) {
		struct name_part parts[NAME_PARTS_MAX];
		struct align_place place;
		if (align->group_of[i] == UINT32_MAX)
			continue;
		place_of(align, i, at, true, parts, &place);
		uint32_t sure = align_pair(&place, other, place.group->words);
		if (sure <= align->best[i])
			continue;
		align->best[i] = sure;
		memset(align->change[i], ALIGN_KEEP, sizeof align->change[i]);
		align->change[i][at] = align->change[i][other] = NAME_ANY;
		changed = true;
	}
	return changed;
}

static enum status pass_pairs(struct align *align)
{
	bool changed = false;
	memset(align->best, 0, align->now.n * sizeof *align->best);
	for (size_t at = 0; at < PAIR_PLACES; at++)
		for (size_t other = at + 1; other < PAIR_PLACES && align->now.n > PAIR_SHAPES;
		     other++) {
			pairs_make(align, at, other);
			changed |= pairs_apply(align, at, other);
		}
	return changed ? rebuild(align) : STATUS_OK;
}

/* Under pressure: in skeletons of a key or two every word that may be a value is one. */
static enum status pass_tight(struct align *align)
{
	for (size_t i = 1; i < align->now.n; i++) {
		struct name_part parts[NAME_PARTS_MAX];
		size_t n = split(&align->now, i, parts);
		for (size_t at = 0; at < n && name_shape_keys(&align->now.shapes[i]) <= 2; at++)
			if (could_vary(align, &parts[at]))
				align->change[i][at] = NAME_ANY;
	}
	return rebuild(align);
}

static enum status passes(struct align *align, bool last, bool tight)
{
	enum status status = pass(align, align_numbers, true);
	if (!status)
		status = pass(align, align_absorb, true);
	if (!status)
		status = pass(align, align_symbols, true);
	if (!status)
		status = pass(align, align_absorb, true);
	bool changed = true;
	for (int round = 0; !status && changed && round < WORD_ROUNDS; round++) {
		status = pass_words(align, &changed);
		if (!status && changed)
			status = pass(align, align_absorb, true);
	}
	if (!status)
		status = pass_pairs(align);
	if (!status && tight)
		status = pass_tight(align);
	if (!status && last)
		status = pass(align, align_minutes, false);
	if (!status && last)
		status = pass(align, align_back, false);
	if (!status && last)
		status = pass(align, align_small, false);
	return status;
}

static void align_deinit(struct align *align)
{
	name_store_deinit(&align->now);
	free(align->change);
	free(align->group_of);
	free(align->best);
	free(align->groups);
	free(align->table);
}

static enum status align_init(struct align *align, const struct name_store *in)
{
	size_t n = in->n;
	align->table_cap = 64;
	while (align->table_cap < n * 2)
		align->table_cap *= 2;
	align->change = malloc(n * sizeof *align->change);
	align->group_of = malloc(n * sizeof *align->group_of);
	align->best = malloc(n * sizeof *align->best);
	align->groups = malloc(n * sizeof *align->groups);
	align->table = malloc(align->table_cap * sizeof *align->table);
	if (!align->change || !align->group_of || !align->best || !align->groups || !align->table)
		return STATUS_NO_MEMORY;
	for (size_t i = 0; i < n; i++)
		align->map[i] = (uint32_t)i;
	align->n_map = n;
	enum status status = name_store_init(&align->now);
	if (!status)
		align->now.shapes[0] = in->shapes[0];
	for (size_t i = 1, at; !status && i < n; i++)
		status = name_store_add(&align->now, name_store_text(in, i), &in->shapes[i], &at);
	if (!status)
		changes_clear(align);
	return status;
}

enum status names_align(const struct name_lexer *lexer, const struct name_store *in, bool last,
			bool tight, struct name_store *out, uint32_t *map)
{
	struct align *align = calloc(1, sizeof *align);
	if (!align)
		return STATUS_NO_MEMORY;
	align->lexer = lexer;
	align->map = map;
	enum status status = align_init(align, in);
	if (!status)
		status = passes(align, last, tight);
	if (!status) {
		*out = align->now;
		align->now = (struct name_store){ 0 };
	}
	align_deinit(align);
	free(align);
	return status;
}
