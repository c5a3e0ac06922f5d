/* samples.h - a terminal's history: rows of 64 numbers (def/samples.def), one a second,
 * packed into chunks of at most a minute of them. Lossless to the terminal's own digits,
 * self-describing, checked; layout in samples_format.h.
 *
 * A chunk holds rows of one terminal, in order of time; a row has a time in ms and for
 * each sample a number or nothing. Each comes back as it went in, value and digits. What
 * a column costs is what it does: nothing to speak of if it never changes or rises evenly,
 * half a bit and then each change if it seldom does, its entropy if it walks; digits that
 * change cost some bits each time. Figures: bench/bench_samples.c.
 *
 * The decoder survives any bytes. One thread each. */
#pragma once

#include "base/number.h"
#include "def/samples.h"

enum {
	SAMPLES_ROWS_MAX = 60,
	SAMPLES_CHUNK_BYTES = 8100, /* a chunk is never longer */
};

struct sample_row_values {
	int64_t ms;
	uint64_t known;                     /* bit i: values[i] is there */
	struct number values[SAMPLE_COUNT]; /* those not there: anything; read: 0 */
};

/* Scratch for packing one chunk at a time, shared by all terminals: 60 KB. */
struct samples_writer;

struct samples_writer *samples_writer_create(void); /* NULL: out of memory */
void samples_writer_destroy(struct samples_writer *writer);

/* The rows of one terminal that are not packed yet, each as its differences to the one
 * before, so that a thousand terminals fit: 4 KB where 24 of the 64 move, 6 KB where all
 * do, and never more than SAMPLES_OPEN_BYTES. It grows by the KB up to that and keeps what
 * it has, so once it has seen a terminal's busiest minute it allocates no more. */
struct samples_open;
enum { SAMPLES_OPEN_BYTES = 8832 };

struct samples_open *samples_open_create(void); /* NULL: out of memory */
void samples_open_destroy(struct samples_open *open);
/* FULL: the row was NOT taken; pack, clear, and add it again. So it is after
 * SAMPLES_ROWS_MAX rows; when all would take more than the bound, which rows that jump
 * wildly reach after ten; and when it cannot grow. A first row always has room. INVALID:
 * not later than the newest row. */
MUST_CHECK enum status samples_open_add(struct samples_open *open,
					const struct sample_row_values *row);
uint32_t samples_open_count(const struct samples_open *open);
int64_t samples_open_first_ms(const struct samples_open *open); /* count > 0 */
/* Memory it holds now. */
size_t samples_open_bytes(const struct samples_open *open);
void samples_open_clear(struct samples_open *open);
/* The chunk of all rows (count > 0), appended to out. open is not changed. */
void samples_pack(struct samples_writer *writer, const struct samples_open *open, struct buf *out);

struct samples_info {
	uint32_t count;
	int64_t first_ms, last_ms;
	uint32_t priors_version; /* 0: none were used */
};

/* Of exactly one chunk. TRUNCATED, FORMAT, VERSION or CHECKSUM. */
MUST_CHECK enum status samples_info_read(struct str chunk, struct samples_info *out);
/* All rows, into room for SAMPLES_ROWS_MAX; they are undefined unless OK. */
MUST_CHECK enum status samples_read(struct str chunk, struct samples_info *info,
				    struct sample_row_values *out);
