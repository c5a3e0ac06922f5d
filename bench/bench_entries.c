/* Packed entries of results and signals: bytes a row beside plain fields, and what packing
 * and reading cost, in batches of 1 to 100 rows, of a hundred terminals and of one. */
#include "../tests/entries_desk.h"
#include "report.h"

enum { ROUNDS = 7, ROWS = 2400, SEED = 77 };

static struct desk desk;
static struct desk_row rows[ROWS];
static struct str values[ROWS * ENTRIES_FIELDS_MAX];
static char chunks[ROWS * 256];
static size_t chunk_len[ROWS];
static struct entries_packer *packer;
static struct entries_reader *reader;
static bool met = true;

static size_t make_rows(enum entries_table table, uint32_t terminals)
{
	size_t fields, plain = 0;
	entries_fields(table, &fields);
	desk_start(&desk, SEED, terminals);
	for (size_t i = 0; i < ROWS; i++) {
		if (table == ENTRIES_RESULTS)
			desk_result(&desk, &rows[i]);
		else
			desk_order_signal(&desk, &rows[i]);
		memcpy(&values[i * fields], rows[i].values, fields * sizeof *values);
		plain += desk_plain_bytes(&rows[i]);
	}
	return plain;
}

static size_t pack_all(enum entries_table table, size_t batch)
{
	struct buf out = buf_over(chunks, sizeof chunks);
	size_t fields;
	entries_fields(table, &fields);
	for (size_t i = 0; i < ROWS / batch; i++) {
		size_t before = out.len;
		CHECK(entries_pack(packer, table, &values[i * batch * fields], batch, &out) ==
		      STATUS_OK);
		chunk_len[i] = out.len - before;
	}
	return out.len;
}

static void read_all(enum entries_table table, size_t batch)
{
	size_t at = 0, count;
	for (size_t i = 0; i < ROWS / batch; i++) {
		CHECK(entries_read(reader, table, str_make(chunks + at, chunk_len[i]), &count) ==
			  STATUS_OK &&
		      count == batch);
		at += chunk_len[i];
	}
}

static void measure(const char *name, enum entries_table table, uint32_t terminals, size_t batch,
		    double bytes_bound, double ratio_bound)
{
	struct samples packing = { 0 }, reading = { 0 };
	char line[80];
	size_t plain = make_rows(table, terminals), used = ROWS / batch * batch, bytes = 0;
	for (int round = 0; round < ROUNDS; round++) {
		double start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
		bytes = pack_all(table, batch);
		double packed = seconds_of(CLOCK_THREAD_CPUTIME_ID);
		read_all(table, batch);
		samples_add(&reading,
			    (seconds_of(CLOCK_THREAD_CPUTIME_ID) - packed) * 1e9 / (double)used);
		samples_add(&packing, (packed - start) * 1e9 / (double)used);
	}
	double row = (double)bytes / (double)used, ratio = (double)plain / ROWS / row;
	snprintf(line, sizeof line, "%s in %zu", name, batch);
	met &= report_bound(line, row, "bytes/row", false, bytes_bound);
	met &= report_bound("  plain fields are larger", ratio, "times", true, ratio_bound);
	report("  pack", &packing, "ns/row");
	report("  read", &reading, "ns/row");
}

int main(void)
{
	packer = entries_packer_create();
	reader = entries_reader_create();
	CHECK(packer && reader);
	measure("entries: results of 100 terminals", ENTRIES_RESULTS, 100, 1, 90, 3.5);
	measure("entries: results of 100 terminals", ENTRIES_RESULTS, 100, 10, 25, 8);
	measure("entries: results of 100 terminals", ENTRIES_RESULTS, 100, 32, 16, 14);
	measure("entries: results of 100 terminals", ENTRIES_RESULTS, 100, 100, 16, 18);
	measure("entries: results of one terminal", ENTRIES_RESULTS, 1, 10, 25, 8);
	measure("entries: results of one terminal", ENTRIES_RESULTS, 1, 32, 16, 20);
	measure("entries: results of one terminal", ENTRIES_RESULTS, 1, 100, 16, 25);
	measure("entries: signals", ENTRIES_SIGNALS, 100, 1, 100, 1.4);
	measure("entries: signals", ENTRIES_SIGNALS, 100, 32, 12, 8);
	return met ? 0 : 1;
}
