#include "codec/packer.h"

#include "base/decimal.h"
#include "codec/packer_row.h"

#define RATE(count)   (uint16_t)(65536 * 10 / ((count)*10 + 16))
#define RATE4(count)  RATE(count), RATE(count + 1), RATE(count + 2), RATE(count + 3)
#define RATE16(count) RATE4(count), RATE4(count + 4), RATE4(count + 8), RATE4(count + 12)

const uint16_t range_rate[RANGE_COUNT_MAX + 1] = {
	RATE16(0), RATE16(16), RATE16(32), RATE4(48), RATE4(52), RATE4(56), RATE(60),
};

const uint8_t pack_prior_counts[16] = { 0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 26, 34, 44, 60 };

uint32_t pack_column_slots(const struct pack_column *column)
{
	uint32_t slots = column->ticks + pack_hit_slots(column);
	if (column->transform == PACK_BIT)
		return slots;
	return slots + pack_sign_slots(column) + pack_len_slots(column) + pack_tree_slots(column);
}

static size_t column_bits_max(const struct pack_column *column)
{
	size_t decisions = column->ticks + 1u;
	size_t raw = column->ticks ? 5 : 0;
	if (column->transform != PACK_BIT) {
		decisions += 1u + column->len_bits + column->depth;
		raw += 6 + 63;
	}
	return decisions * 16 + raw;
}

size_t pack_row_bits_max(const struct pack_table *table)
{
	size_t bits = 16;
	for (uint32_t i = 0; i < table->n_columns; i++)
		bits += column_bits_max(&table->columns[i]);
	return bits;
}

static void check_refs(const struct pack_table *table, const struct pack_ref *refs, uint32_t n)
{
	CHECK(n <= PACK_REFS_MAX);
	for (uint32_t i = 0; i < n; i++)
		CHECK(refs[i].column < table->n_columns && refs[i].age < 32);
}

void pack_table_check(const struct pack_table *table)
{
	uint32_t base = PACK_ROW_SLOTS;
	CHECK(table->n_columns > 0 && table->n_columns <= PACK_COLUMNS_MAX);
	for (uint32_t i = 0; i < table->n_columns; i++) {
		const struct pack_column *column = &table->columns[i];
		bool number = column->transform != PACK_BIT;
		CHECK(column->base == base);
		CHECK(!number || (column->len_bits >= 1 && column->len_bits <= 6));
		CHECK(column->depth <= 8 && column->lens <= 64);
		CHECK((column->transform == PACK_FORMULA) == (column->formula != NULL));
		CHECK(!column->rare || number);
		CHECK(!column->ticks || (number && !column->rare));
		check_refs(table, column->hit, column->n_hit);
		check_refs(table, column->sign, column->n_sign);
		check_refs(table, column->len, column->n_len);
		base += pack_column_slots(column);
	}
	CHECK(table->n_slots == base);
}

enum status pack_priors_find(const struct pack_table *table, uint32_t version,
			     const struct pack_priors **out)
{
	if (version == 0) {
		*out = NULL;
		return STATUS_OK;
	}
	for (uint32_t i = 0; i < table->n_priors; i++) {
		if (table->priors[i].version == version) {
			*out = &table->priors[i];
			return STATUS_OK;
		}
	}
	return STATUS_VERSION;
}

const struct pack_priors *pack_priors_newest(const struct pack_table *table)
{
	return table->n_priors ? &table->priors[table->n_priors - 1] : NULL;
}

void pack_slots_start(const struct pack_table *table, const struct pack_priors *priors,
		      uint32_t *slots)
{
	for (uint32_t i = 0; i < table->n_slots; i++) {
		uint32_t word = priors ? priors->slots[i] : 0x8000;
		slots[i] = (word & 0xfff0) << 16 | pack_prior_counts[word & 15];
	}
}

uint32_t pack_unit_of(int64_t value)
{
	uint32_t n = 0;
	while (value != 0 && n < PACK_UNIT_MAX && value % 10 == 0) {
		value /= 10;
		n++;
	}
	return n;
}

/* The remembered values are in units: a smaller unit makes them larger. */
static void change_unit(struct pack_memory *own, uint32_t power)
{
	int64_t unit = decimal_pow10((int32_t)power);
	uint64_t factor = unit < own->unit ? (uint64_t)(own->unit / unit) : 1;
	own->last = (int64_t)((uint64_t)own->last * factor);
	own->step = (int64_t)((uint64_t)own->step * factor);
	own->unit = unit;
}

void pack_put_unit(struct range_encoder *encoder, uint32_t *slot, struct pack_memory *own,
		   int64_t value)
{
	bool on_grid = pack_on_grid(own, value);
	pack_put_bit(encoder, slot, on_grid);
	if (on_grid)
		return;
	uint32_t power = pack_unit_of(value);
	range_put_raw(encoder, power, 5);
	change_unit(own, power);
}

void pack_get_unit(struct range_decoder *decoder, uint32_t *slot, struct pack_memory *own)
{
	if (range_get(decoder, slot))
		return;
	uint32_t power = (uint32_t)range_get_raw(decoder, 5);
	change_unit(own, power <= PACK_UNIT_MAX ? power : PACK_UNIT_MAX);
}

static void packer_init(struct packer *packer, const struct pack_table *table,
			const struct pack_priors *priors, uint32_t *slots)
{
	*packer = (struct packer){ .table = table, .slots = slots, .plain = 3 };
	pack_slots_start(table, priors, slots);
}

void packer_init_write(struct packer *packer, const struct pack_table *table,
		       const struct pack_priors *priors, uint32_t *slots, uint8_t *storage)
{
	packer_init(packer, table, priors, slots);
	range_encoder_init(&packer->encoder, storage);
}

void packer_init_read(struct packer *packer, const struct pack_table *table,
		      const struct pack_priors *priors, uint32_t *slots, struct str payload)
{
	packer_init(packer, table, priors, slots);
	range_decoder_init(&packer->decoder, (const uint8_t *)payload.ptr, payload.len);
}

static bool row_is_plain(const struct packer *packer, const int64_t *row)
{
	const struct pack_table *table = packer->table;
	for (uint32_t i = 0; i < table->n_columns; i++) {
		const struct pack_column *column = &table->columns[i];
		if (column->ticks && !pack_on_grid(&packer->memory[i], row[i]))
			return false;
		if (column->rare && !pack_is_expected(packer->memory, table->columns, i, row))
			return false;
	}
	return true;
}

void packer_put(struct packer *packer, int64_t *row)
{
	const struct pack_table *table = packer->table;
	bool plain = row_is_plain(packer, row);
	pack_put_bit(&packer->encoder, &packer->slots[packer->plain & 3], plain);
	packer->plain = packer->plain << 1 | plain;
	for (uint32_t i = 0; i < table->n_columns; i++) {
		const struct pack_column *column = &table->columns[i];
		if (!column->ticks)
			continue;
		if (!plain)
			pack_put_unit(&packer->encoder, &packer->slots[column->base],
				      &packer->memory[i], row[i]);
		row[i] = pack_to_units(&packer->memory[i], row[i]);
	}
	for (uint32_t i = 0; i < table->n_columns; i++)
		pack_put_cell(&packer->encoder, packer->slots, packer->memory, table->columns, i,
			      plain, row);
}

void packer_get(struct packer *packer, int64_t *row)
{
	const struct pack_table *table = packer->table;
	bool plain = range_get(&packer->decoder, &packer->slots[packer->plain & 3]);
	packer->plain = packer->plain << 1 | plain;
	for (uint32_t i = 0; i < table->n_columns && !plain; i++)
		if (table->columns[i].ticks)
			pack_get_unit(&packer->decoder, &packer->slots[table->columns[i].base],
				      &packer->memory[i]);
	for (uint32_t i = 0; i < table->n_columns; i++)
		pack_get_cell(&packer->decoder, packer->slots, packer->memory, table->columns, i,
			      plain, row);
	for (uint32_t i = 0; i < table->n_columns; i++)
		if (table->columns[i].ticks)
			row[i] = pack_from_units(&packer->memory[i], row[i]);
}
