/* A value that is put together: parts one behind the other, and where each ends. */
#include "sim/mess_impl.h"

static const struct {
	enum audit_type type;
	unsigned facts;
	void (*write)(struct mess_value *, struct mess_ask *);
} kinds[] = {
#define MESS_KIND(id, type, writer, facts) { AUDIT_##type, facts, writer },
#include "sim/mess_kinds.def"
};

enum audit_type mess_kind_type(enum mess_kind kind) { return kinds[kind].type; }

unsigned mess_kind_facts(enum mess_kind kind) { return kinds[kind].facts; }

void mess_part_end(struct mess_value *value)
{
	CHECK(value->parts < MESS_PARTS_MAX);
	value->ends[value->parts++] = value->bytes.len;
}

void mess_part_text(struct mess_value *value, const char *text)
{
	buf_str_put(&value->bytes, str_of(text));
	mess_part_end(value);
}

struct str mess_part_at(const struct mess_value *value, size_t index)
{
	size_t from = index ? value->ends[index - 1] : 0;
	return str_make(value->bytes.ptr + from, value->ends[index] - from);
}

int64_t mess_between(struct rng *rng, int64_t lo, int64_t hi)
{
	return lo + (int64_t)rng_below(rng, (uint64_t)(hi - lo + 1));
}

void mess_put_hundredths(struct buf *out, int64_t hundredths)
{
	buf_printf(out, "%lld.%02lld", (long long)(hundredths / 100),
		   (long long)(hundredths % 100));
}

void mess_put_hex(struct buf *out, struct rng *rng, int digits)
{
	for (int i = 0; i < digits; i++)
		buf_char(out, "0123456789abcdef"[rng_below(rng, 16)]);
}

void mess_value_write(struct mess *mess, const struct mess_key *key)
{
	const struct mess_row *row = &mess->rows[key->row];
	/* A group of one value is three keys in a row; the value is that of their number. */
	int64_t index = key->grouped ? -1 - key->index / 3 : key->index;
	struct mess_ask ask = {
		.mess = mess, .row = key->row, .index = key->index, .lo = row->lo, .hi = row->hi
	};
	rng_init(&ask.rng, mess_draw(mess, key->row, index, 0));
	mess->value.type = mess_kind_type(key->kind);
	mess->value.parts = 0;
	buf_clear(&mess->value.bytes);
	kinds[key->kind].write(&mess->value, &ask);
	if (mess->value.type == AUDIT_STRING)
		mess_part_end(&mess->value);
	CHECK(!mess->value.bytes.overflow);
}
