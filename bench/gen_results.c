/* usage: gen_results RESULTS ROWS. Commands for the segment of results: RESULTS of a seeded
 * desk, packed as weir packs them, ROWS an entry, each entry with its part of fleet:up:~ x.
 * Ends with a line on standard error: entries, results, and the sum of their profits in
 * hundredths. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../tests/entries_desk.h"
#include "base/decimal.h"
#include "def/keys.h"

enum { SEED = 5, TERMINALS = 100 };

static void put_word(struct str word)
{
	printf("$%zu\r\n", word.len);
	fwrite(word.ptr, 1, word.len, stdout);
	printf("\r\n");
}

static void put_command(const struct str *words, size_t count)
{
	printf("*%zu\r\n", count);
	for (size_t i = 0; i < count; i++)
		put_word(words[i]);
}

static void put_entry(struct str chunk, size_t rows)
{
	char number[24];
	struct key results, mark;
	int n = snprintf(number, sizeof number, "%zu", rows - 1);
	const struct str add[] = { STR("XADD"), key_trade_results(&results), STR("*"), STR("p"),
				   chunk };
	const struct str more[] = { STR("HINCRBY"), key_fleet_up(&mark, STR("~")), STR("x"),
				    str_make(number, (size_t)n) };
	put_command(add, ARRAY_LEN(add));
	put_command(more, ARRAY_LEN(more));
}

static int64_t profit_of(const struct str *values)
{
	struct str text = values[entries_field_find(ENTRIES_RESULTS, STR("pnl"))];
	double profit = 0;
	char copy[32];
	if (text.ptr && !str_copy(text, copy, sizeof copy))
		profit = strtod(copy, NULL) * 100;
	return (int64_t)(profit < 0 ? profit - 0.5 : profit + 0.5);
}

int main(int argc, char **argv)
{
	static struct desk desk;
	static struct desk_row row[ENTRIES_ROWS_MAX];
	static struct str values[ENTRIES_ROWS_MAX * ENTRIES_FIELDS_MAX];
	size_t results = argc == 3 ? strtoul(argv[1], NULL, 10) : 0, fields, entries = 0;
	size_t rows = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	int64_t profit = 0;
	struct entries_packer *packer = entries_packer_create();
	struct buf chunk;
	if (!results || !rows || rows > ENTRIES_ROWS_MAX || !packer) {
		fprintf(stderr, "usage: gen_results RESULTS ROWS\n");
		return 2;
	}
	buf_init(&chunk, ENTRIES_CHUNK_BYTES);
	entries_fields(ENTRIES_RESULTS, &fields);
	desk_start(&desk, SEED, TERMINALS);
	for (size_t done = 0; done < results; entries++) {
		size_t count = results - done < rows ? results - done : rows;
		for (size_t i = 0; i < count; i++) {
			desk_result(&desk, &row[i]);
			memcpy(&values[i * fields], row[i].values, fields * sizeof *values);
			profit += profit_of(&values[i * fields]);
		}
		buf_clear(&chunk);
		CHECK(entries_pack(packer, ENTRIES_RESULTS, values, count, &chunk) == STATUS_OK);
		put_entry(buf_str(&chunk), count);
		done += count;
	}
	fprintf(stderr, "%zu %zu %" PRId64 "\n", entries, results, profit);
	buf_deinit(&chunk);
	entries_packer_destroy(packer);
	return fflush(stdout) ? 1 : 0;
}
