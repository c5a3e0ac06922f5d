#include "survey/dump_impl.h"

void dump_samples_begin(struct dump_samples *samples, bool is_list, struct audit_element *elements,
			char *bytes)
{
	samples->elements = elements;
	samples->bytes = bytes;
	samples->is_list = is_list;
	samples->open = false;
	samples->seen = 0;
	samples->used = 0;
}

static struct str keep(char *at, struct str text)
{
	size_t len = text.len < AUDIT_ELEMENT_MAX ? text.len : AUDIT_ELEMENT_MAX;
	if (len)
		memcpy(at, text.ptr, len);
	return str_make(at, len);
}

/* 64 elements of two texts each always fit. */
static struct str keep_behind(struct dump_samples *samples, struct str text)
{
	struct str kept = keep(samples->bytes + samples->used, text);
	samples->used += kept.len;
	return kept;
}

static void add_first(struct dump_samples *samples, struct str field, struct str value,
		      double score)
{
	struct audit_element *element = &samples->elements[samples->seen];
	element->field = keep_behind(samples, field);
	element->value = keep_behind(samples, value);
	element->score = score;
}

static void add_to_ring(struct dump_samples *samples, struct str value)
{
	size_t place = (samples->seen - SAMPLES_FRONT) % SAMPLES_BACK;
	samples->ring[place] = keep(samples->places[place], value);
}

void dump_samples_add(struct dump_samples *samples, struct str field, struct str value,
		      double score)
{
	uint64_t limit = samples->is_list ? SAMPLES_FRONT : AUDIT_ELEMENTS_MAX;
	samples->open = samples->seen < limit;
	if (samples->open)
		add_first(samples, field, value, score);
	else if (samples->is_list)
		add_to_ring(samples, value);
	samples->seen++;
}

static void add_part(struct dump_samples *samples, struct audit_element *element, struct str part)
{
	size_t room = AUDIT_ELEMENT_MAX - element->value.len;
	size_t len = part.len + 1 < room ? part.len : room ? room - 1 : 0;
	if (!room)
		return;
	char *at = samples->bytes + samples->used;
	if (len)
		memcpy(at, part.ptr, len);
	at[len] = 0;
	samples->used += len + 1;
	element->value.len += len + 1;
}

void dump_samples_field(struct dump_samples *samples, struct str name, struct str value)
{
	if (!samples->open)
		return;
	struct audit_element *element = &samples->elements[samples->seen - 1];
	add_part(samples, element, name);
	add_part(samples, element, value);
}

size_t dump_samples_end(struct dump_samples *samples)
{
	uint64_t seen = samples->seen;
	size_t count = seen < AUDIT_ELEMENTS_MAX ? (size_t)seen : AUDIT_ELEMENTS_MAX;
	if (!samples->is_list || seen <= SAMPLES_FRONT)
		return count;
	size_t oldest = seen > AUDIT_ELEMENTS_MAX ? (seen - SAMPLES_FRONT) % SAMPLES_BACK : 0;
	for (size_t i = 0; i < count - SAMPLES_FRONT; i++)
		samples->elements[SAMPLES_FRONT + i] = (struct audit_element){
			.value = keep_behind(samples, samples->ring[(oldest + i) % SAMPLES_BACK]),
		};
	return count;
}
