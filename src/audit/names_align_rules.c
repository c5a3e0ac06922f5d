#include "audit/names_align_impl.h"

/* Is a part at one side of the place a kind? */
static bool beside(const struct align_place *place, enum name_kind kind)
{
	return (place->at > 0 && place->parts[place->at - 1].kind == kind) ||
	       (place->at + 1 < place->n && place->parts[place->at + 1].kind == kind);
}

static bool elsewhere(const struct align_place *place, enum name_kind kind)
{
	for (size_t i = 0; i < place->n; i++)
		if (i != place->at && place->parts[i].kind == kind)
			return true;
	return false;
}

uint8_t align_minutes(const struct align_place *place)
{
	bool minutes = !(place->shape->odd & 1U << place->at);
	return place->parts[place->at].kind == NAME_ID && minutes && beside(place, NAME_SYMBOL)
		   ? NAME_TF
		   : ALIGN_KEEP;
}

uint8_t align_back(const struct align_place *place)
{
	const struct name_shape *shape = place->shape;
	uint32_t bit = 1U << place->at;
	bool first = (shape->joined & bit) && !(shape->joined & (bit - 1));
	return place->parts[place->at].kind == NAME_ID && first && shape->digits && !shape->varied
		   ? ALIGN_BACK
		   : ALIGN_KEEP;
}

uint8_t align_small(const struct align_place *place)
{
	return place->parts[place->at].kind == NAME_ID && !(place->shape->wide & 1U << place->at)
		   ? NAME_SMALL
		   : ALIGN_KEEP;
}

/* Numbers, times, dates and hexadecimal texts look alike by chance: what most of a place's
 * keys are, the others are too. */
uint8_t align_numbers(const struct align_place *place)
{
	enum name_kind kind = place->parts[place->at].kind;
	const uint64_t *keys = place->group->keys;
	uint64_t plain = keys[NAME_ID] + keys[NAME_TIME] + keys[NAME_DATE];
	uint64_t hex = keys[NAME_HEX], token = keys[NAME_TOKEN];
	bool number = kind == NAME_ID || kind == NAME_TIME || kind == NAME_DATE;
	if ((number || kind == NAME_HEX) && token && token >= plain + hex)
		return NAME_TOKEN;
	if (!number)
		return ALIGN_KEEP;
	if (hex * 10 >= plain && hex)
		return NAME_HEX;
	if (keys[NAME_TIME] * 10 >= plain * 9)
		return NAME_TIME;
	if (keys[NAME_DATE] * 10 >= plain * 9)
		return NAME_DATE;
	return keys[NAME_ID] ? NAME_ID : ALIGN_KEEP;
}

static bool has(const struct align_group *group, enum name_kind kind)
{
	return group->kinds & 1U << kind;
}

/* Beside listed symbols: a ticker that is a word as well, a quote, one that is a symbol
 * elsewhere, or one that no list has. */
static bool is_symbol_too(const struct align_place *place)
{
	bool many = place->group->keys[NAME_SYMBOL] >= 8;
	if (many && place->traits & WORD_COIN_WEAK)
		return true;
	if (!align_free(place->traits))
		return false;
	if (place->traits & (WORD_COIN_WEAK | WORD_QUOTE) || place->known)
		return true;
	return place->traits & WORD_UPPER && place->parts[place->at].word.len <= 12 &&
	       (place->traits & WORD_FIAT || beside(place, NAME_TF) || place->group->tickers >= 8);
}

uint8_t align_absorb(const struct align_place *place)
{
	const struct align_group *group = place->group;
	struct str word = place->parts[place->at].word;
	uint32_t traits = place->traits;
	if (place->parts[place->at].kind != NAME_WORD || word.len == 0)
		return ALIGN_KEEP;
	if (has(group, NAME_TF) && word.len == 1 && strchr("DWM", word.ptr[0]))
		return NAME_TF;
	if (has(group, NAME_SYMBOL) && is_symbol_too(place))
		return NAME_SYMBOL;
	if (!align_free(traits))
		return ALIGN_KEEP;
	if (has(group, NAME_HEX) && traits & WORD_HEX)
		return NAME_HEX;
	if (has(group, NAME_TOKEN) && traits & WORD_PLAIN && word.len >= 10)
		return NAME_TOKEN;
	return has(group, NAME_ANY) ? NAME_ANY : ALIGN_KEEP;
}

/* No listed symbol is there: tickers beside a timeframe, or mostly tickers that are words. */
uint8_t align_symbols(const struct align_place *place)
{
	const struct align_group *group = place->group;
	if (place->parts[place->at].kind != NAME_WORD || !align_free(place->traits) ||
	    elsewhere(place, NAME_SYMBOL) || place->parts[place->at].word.len > 12 ||
	    !place->parts[place->at].word.len)
		return ALIGN_KEEP;
	bool upper = place->traits & WORD_UPPER;
	if (upper && beside(place, NAME_TF) && group->tickers >= 4)
		return NAME_SYMBOL;
	bool listed = place->traits & (WORD_COIN_WEAK | WORD_QUOTE);
	return (upper || listed) && group->coins >= 2 && group->coins * 2 >= group->words
		   ? NAME_SYMBOL
		   : ALIGN_KEEP;
}

static bool constant(const struct name_part *part)
{
	return part->kind == NAME_WORD && part->word.len > 0;
}

/* How many words a place must have that are values: fewest where constants stand on both
 * sides, and where the words mix letters and digits as no word does. */
static uint32_t words_needed(const struct align_place *place)
{
	bool before = false, behind = false, varies = false;
	for (size_t i = 0; i < place->n; i++) {
		if (i != place->at && constant(&place->parts[i]))
			*(i < place->at ? &before : &behind) = true;
		varies |= i != place->at && place->parts[i].kind != NAME_WORD;
	}
	if (place->n == 1)
		return 256;
	if (place->group->mixed * 2 >= place->group->words)
		return before ? 4 : 16;
	if (varies)
		return before && behind ? 8 : 64;
	return before && behind ? 4 : before ? 8 : 16;
}

/* Constants of several types are no values of one part; a few may collide. */
static bool of_one_type(const struct align_group *group)
{
	uint32_t most = 0;
	for (size_t i = 0; i < AUDIT_TYPES; i++)
		most = group->types[i] > most ? group->types[i] : most;
	return group->words >= 1024 || group->words - most <= group->words / 16;
}

uint32_t align_words(const struct align_place *place)
{
	const struct name_part *part = &place->parts[place->at];
	if (part->kind != NAME_WORD || !part->word.len || !align_free(place->traits))
		return 0;
	uint32_t words = place->group->words;
	return words >= words_needed(place) && of_one_type(place->group) ? words : 0;
}

uint32_t align_pair(const struct align_place *place, size_t other, uint32_t pairs)
{
	bool fixed = false;
	for (size_t i = 0; i < place->n; i++)
		fixed |= i != place->at && i != other && constant(&place->parts[i]);
	return pairs >= (fixed ? 128U : 1024U) ? pairs : 0;
}
