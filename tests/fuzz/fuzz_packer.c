/* Tables made of the input's first bytes: any well-formed table must give back any
 * rows, and must survive any payload. Four bytes a column, up to four columns, then
 * the values, eight bytes each, which also serve as the payload. */
#include <stdlib.h>

#include "base/check.h"
#include "codec/packer_row.h"

enum { COLUMNS = 4, SLOTS_MAX = 1 << 16, ROWS_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pack_column columns[COLUMNS];
static uint32_t slots[SLOTS_MAX];
static uint8_t storage[1 << 16];

static int64_t sum_to_the_left(const int64_t *row, const struct pack_memory *memory)
{
	return (int64_t)((uint64_t)row[0] + (uint64_t)memory[COLUMNS - 1].last);
}

static uint32_t make_column(struct pack_column *column, const uint8_t *b, uint32_t base, bool first)
{
	*column = (struct pack_column){ .name = "fuzz", .transform = b[0] % 6, .base = base };
	if (first && column->transform == PACK_FORMULA)
		column->transform = PACK_PLAIN; /* nothing is to its left */
	if (column->transform == PACK_FORMULA)
		column->formula = sum_to_the_left;
	if (column->transform != PACK_BIT) {
		column->ticks = b[0] & 64 && column->transform != PACK_FORMULA;
		column->rare = b[0] & 128 && !column->ticks && !column->formula;
		column->natural = b[1] & 1;
		column->len_bits = 1 + (b[1] >> 1) % 6;
		column->depth = (b[1] >> 4) % 9;
		column->lens = b[2] & 63;
		column->add = (int8_t)b[3];
	}
	column->n_hit = b[2] >> 6;
	column->n_sign = b[3] & 3;
	column->n_len = b[3] >> 2 & 3;
	for (int i = 0; i < 3; i++) {
		column->hit[i] = (struct pack_ref){ (b[0] + i) % COLUMNS, b[1] % 32 };
		column->sign[i] = (struct pack_ref){ (b[1] + i) % COLUMNS, b[2] % 32 };
		column->len[i] = (struct pack_ref){ (b[2] + i) % COLUMNS, b[3] % 32 };
	}
	return base + pack_column_slots(column);
}

static void units_start(struct packer *packer)
{
	for (uint32_t i = 0; i < COLUMNS; i++)
		packer->memory[i].unit = columns[i].ticks ? 1000000 : 1;
}

static void take_row(const uint8_t *data, int64_t *row)
{
	memcpy(row, data, COLUMNS * sizeof *row);
	for (uint32_t i = 0; i < COLUMNS; i++)
		if (columns[i].transform == PACK_BIT)
			row[i] &= 1;
}

static void check_comes_back(const struct pack_table *table, const uint8_t *data, size_t rows)
{
	struct packer packer;
	int64_t row[COLUMNS], expected[COLUMNS];
	packer_init_write(&packer, table, NULL, slots, storage);
	units_start(&packer);
	for (size_t i = 0; i < rows; i++) {
		take_row(data + i * sizeof row, row);
		uint8_t *before = packer.encoder.out;
		packer_put(&packer, row);
		CHECK((size_t)(packer.encoder.out - before) <= pack_row_bits_max(table) / 8 + 5);
	}
	size_t len = range_encoder_finish(&packer.encoder, storage);
	packer_init_read(&packer, table, NULL, slots, str_make((char *)storage + RANGE_SLACK, len));
	units_start(&packer);
	for (size_t i = 0; i < rows; i++) {
		packer_get(&packer, row);
		take_row(data + i * sizeof row, expected);
		CHECK(memcmp(row, expected, sizeof row) == 0);
	}
	CHECK(range_decoder_done(&packer.decoder));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pack_table table = { "fuzz", columns, COLUMNS, 0, NULL, 0 };
	int64_t row[COLUMNS];
	uint32_t base = PACK_ROW_SLOTS;
	if (size < COLUMNS * 4)
		return 0;
	for (uint32_t i = 0; i < COLUMNS; i++)
		base = make_column(&columns[i], data + i * 4, base, i == 0);
	CHECK(base <= SLOTS_MAX);
	table.n_slots = base;
	pack_table_check(&table);
	data += COLUMNS * 4;
	size -= COLUMNS * 4;
	size_t rows = size / sizeof row < ROWS_MAX ? size / sizeof row : ROWS_MAX;
	check_comes_back(&table, data, rows);
	struct packer packer;
	packer_init_read(&packer, &table, NULL, slots, str_make((const char *)data, size));
	units_start(&packer);
	for (int i = 0; i < ROWS_MAX; i++)
		packer_get(&packer, row);
	return 0;
}
