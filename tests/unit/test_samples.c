/* A terminal's packed history: every row comes back as it went in, in few bytes, and
 * nothing else is taken for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/rng.h"
#include "codec/pack_frame.h"
#include "codec/samples.h"
#include "samples_load.h"

static struct samples_writer *writer;
static struct samples_open *open_rows;
static struct sample_row_values rows[SAMPLES_ROWS_MAX], back[SAMPLES_ROWS_MAX];
static char storage[SAMPLES_CHUNK_BYTES];

static int set_up(void **state)
{
	(void)state;
	writer = samples_writer_create();
	open_rows = samples_open_create();
	return writer && open_rows ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	samples_writer_destroy(writer);
	samples_open_destroy(open_rows);
	return 0;
}

/* The newest chunk; it stays until the next. */
static struct str pack_open(void)
{
	struct buf out = buf_over(storage, sizeof storage);
	samples_pack(writer, open_rows, &out);
	assert_false(out.overflow);
	return buf_str(&out);
}

static void assert_row_equal(const struct sample_row_values *got,
			     const struct sample_row_values *sent)
{
	assert_int_equal(got->ms, sent->ms);
	assert_int_equal(got->known, sent->known);
	for (uint32_t i = 0; i < SAMPLE_COUNT; i++) {
		bool known = sent->known >> i & 1;
		assert_int_equal(got->values[i].mantissa, known ? sent->values[i].mantissa : 0);
		assert_int_equal(got->values[i].digits, known ? sent->values[i].digits : 0);
	}
}

static void assert_holds(struct str chunk, const struct sample_row_values *sent, uint32_t count)
{
	struct samples_info info;
	assert_in_range(chunk.len, 1, SAMPLES_CHUNK_BYTES);
	assert_int_equal(samples_info_read(chunk, &info), STATUS_OK);
	assert_int_equal(info.count, count);
	assert_int_equal(info.first_ms, sent[0].ms);
	assert_int_equal(info.last_ms, sent[count - 1].ms);
	memset(back, 0x55, sizeof back);
	memset(&info, 0, sizeof info);
	assert_int_equal(samples_read(chunk, &info, back), STATUS_OK);
	assert_int_equal(info.count, count);
	for (uint32_t r = 0; r < count; r++)
		assert_row_equal(&back[r], &sent[r]);
}

/* As few chunks as they need; the bytes of all. */
static size_t assert_come_back(const struct sample_row_values *sent, uint32_t count)
{
	uint32_t first = 0;
	size_t bytes = 0;
	samples_open_clear(open_rows);
	for (uint32_t r = 0; r <= count; r++) {
		enum status status =
		    r < count ? samples_open_add(open_rows, &sent[r]) : STATUS_FULL;
		assert_true(samples_open_bytes(open_rows) <= SAMPLES_OPEN_BYTES);
		if (status == STATUS_OK)
			continue;
		assert_int_equal(status, STATUS_FULL);
		assert_int_equal(samples_open_count(open_rows), r - first);
		assert_int_equal(samples_open_first_ms(open_rows), sent[first].ms);
		struct str chunk = pack_open();
		bytes += chunk.len;
		assert_holds(chunk, &sent[first], r - first);
		samples_open_clear(open_rows);
		first = r;
		if (r < count)
			assert_int_equal(samples_open_add(open_rows, &sent[r]), STATUS_OK);
	}
	return bytes;
}

static size_t load_bytes(enum load_mix mix)
{
	size_t bytes = 0;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct load load;
		load_start(&load, mix, seed, 1754300000000);
		for (int minute = 0; minute < 3; minute++) {
			for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++)
				load_row(&load, &rows[r]);
			bytes += assert_come_back(rows, SAMPLES_ROWS_MAX);
		}
	}
	return bytes / (30 * SAMPLES_ROWS_MAX);
}

static void rows_of_the_load_take_few_bytes(void **state)
{
	(void)state;
	assert_true(load_bytes(LOAD_SOME) <= 16);
	assert_true(samples_open_bytes(open_rows) <= 4096);
	assert_true(load_bytes(LOAD_ALL) <= 45);
	assert_true(samples_open_bytes(open_rows) <= 6144);
}

/* A row of known numbers that are all the same but for its time. */
static void make_still(struct sample_row_values *row, int64_t ms)
{
	row->ms = ms;
	row->known = UINT64_MAX;
	for (uint32_t i = 0; i < SAMPLE_COUNT; i++)
		row->values[i] = (struct number){ (int64_t)i * 1234567, (uint8_t)(i % 3) };
}

static void make_minute(void)
{
	for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++)
		make_still(&rows[r], 1754300000000 + 1000 * (int64_t)r);
}

static void columns_that_never_change_cost_nothing_a_row(void **state)
{
	(void)state;
	make_minute();
	size_t two = assert_come_back(rows, 2);
	assert_in_range(assert_come_back(rows, SAMPLES_ROWS_MAX), two, two + 3);
}

static void columns_that_rise_evenly_cost_nothing_a_row(void **state)
{
	(void)state;
	make_minute();
	for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++) {
		rows[r].values[SAMPLE_up].mantissa += r;
		for (uint32_t i = 0; i < SAMPLE_bal; i++)
			rows[r].values[i].mantissa -= 37 * (int64_t)r * i;
	}
	size_t two = assert_come_back(rows, 2);
	assert_in_range(assert_come_back(rows, SAMPLES_ROWS_MAX), two, two + 3);
}

static void make_account(struct rng *rng, int64_t scale)
{
	int64_t balance = 334616, equity = 227187;
	make_minute();
	for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++) {
		struct number *values = rows[r].values;
		equity += llrint(rng_normal(rng) * 300);
		balance += rng_below(rng, 20) ? 0 : 5000;
		int64_t credit = 1000, margin = 16453;
		values[SAMPLE_bal] = (struct number){ balance * scale, 2 };
		values[SAMPLE_eq] = (struct number){ equity * scale, 2 };
		values[SAMPLE_mar] = (struct number){ margin * scale, 2 };
		values[SAMPLE_cr] = (struct number){ credit * scale, 2 };
		values[SAMPLE_fm] = (struct number){ (equity - margin) * scale, 2 };
		values[SAMPLE_pl] = (struct number){ (equity - balance - credit) * scale, 2 };
		values[SAMPLE_ml] = (struct number){ (equity * 10000 + margin / 2) / margin, 2 };
	}
}

static void an_account_s_sums_cost_nothing(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 8);
	make_account(&rng, 1);
	size_t whole = assert_come_back(rows, SAMPLES_ROWS_MAX);
	for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++)
		rows[r].known &= ~(UINT64_C(1) << SAMPLE_fm | UINT64_C(1) << SAMPLE_ml |
				   UINT64_C(1) << SAMPLE_pl);
	assert_true(whole <= assert_come_back(rows, SAMPLES_ROWS_MAX) + 4);
}

static void sums_that_do_not_hold_come_back_too(void **state)
{
	(void)state;
	struct rng rng;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		rng_init(&rng, seed);
		make_account(&rng, seed % 2 ? 1 : INT64_MAX / 400000);
		for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++) {
			struct number *values = rows[r].values;
			values[SAMPLE_ml].mantissa += (int64_t)rng_below(&rng, seed % 3 + 1);
			values[SAMPLE_fm].digits = seed % 5 ? 2 : 3;
			values[SAMPLE_mar].mantissa *= seed % 7 ? 1 : r % 2 ? 0 : -1;
			values[SAMPLE_mar].digits = seed % 11 ? 2 : (uint8_t)(r % 3);
			values[SAMPLE_ml].digits = seed % 13 ? 2 : 18;
			if (seed % 4 == 0 && r % 9 == 4)
				rows[r].known &= ~(UINT64_C(1) << SAMPLE_eq);
		}
		assert_come_back(rows, SAMPLES_ROWS_MAX);
	}
}

static void numbers_written_without_their_zeros_keep_their_digits(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 21);
	make_minute();
	size_t still = assert_come_back(rows, SAMPLES_ROWS_MAX);
	int64_t price = 108512;
	for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++) {
		struct number *number = &rows[r].values[SAMPLE_x0];
		price += (int64_t)rng_below(&rng, 9) - 4;
		*number = (struct number){ price, 5 };
		while (number->mantissa % 10 == 0) {
			number->mantissa /= 10;
			number->digits--;
		}
	}
	assert_true(assert_come_back(rows, SAMPLES_ROWS_MAX) <= still + 50);
	/* The value stays and only its digits change. */
	make_minute();
	for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++)
		rows[r].values[SAMPLE_x1] = (struct number){ 5, (uint8_t)(r / 20) };
	assert_come_back(rows, SAMPLES_ROWS_MAX);
}

static void digits_that_cannot_be_aligned_come_back(void **state)
{
	(void)state;
	make_minute();
	for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++) {
		rows[r].values[SAMPLE_eq] = (struct number){ INT64_MAX - r, (uint8_t)(r % 19) };
		rows[r].values[SAMPLE_x2] = (struct number){ INT64_MIN, (uint8_t)(18 - r % 19) };
	}
	assert_come_back(rows, SAMPLES_ROWS_MAX);
}

static void absent_numbers_come_back_absent(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 31);
	make_minute();
	for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++)
		rows[r].known = 0;
	assert_true(assert_come_back(rows, SAMPLES_ROWS_MAX) < 60);
	for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++)
		rows[r].known = r < 20 ? 0 : rng_next(&rng);
	assert_come_back(rows, SAMPLES_ROWS_MAX);
	for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++)
		rows[r].known = r == 17 ? UINT64_MAX : 0;
	assert_come_back(rows, SAMPLES_ROWS_MAX);
	assert_come_back(rows, 1);
}

static void times_may_jitter_stand_close_and_jump(void **state)
{
	(void)state;
	static const int64_t times[] = {
		INT64_MIN,     INT64_MIN + 1, -1,   0,    1,    2,
		999,           1000,          1001, 2000, 3000, INT64_C(86400000) * 365,
		INT64_MAX - 1, INT64_MAX
	};
	make_minute();
	for (uint32_t r = 0; r < ARRAY_LEN(times); r++)
		rows[r].ms = times[r];
	assert_come_back(rows, ARRAY_LEN(times));
	assert_come_back(rows + 12, 2);
	assert_come_back(rows + 13, 1);
	assert_come_back(rows, 1);
}

/* How one column of nasty rows behaves. */
static struct number nasty_number(struct rng *rng, struct number before)
{
	static const int64_t edges[] = { INT64_MIN, INT64_MIN + 1, -1,       0,
					 1,         INT64_MAX - 1, INT64_MAX };
	uint64_t wide = rng_next(rng) >> rng_below(rng, 64);
	switch (rng_below(rng, 8)) {
	case 0: return (struct number){ edges[rng_below(rng, ARRAY_LEN(edges))], before.digits };
	case 1: return (struct number){ (int64_t)wide, (uint8_t)rng_below(rng, 19) };
	case 2: return (struct number){ before.mantissa, (uint8_t)rng_below(rng, 19) };
	case 3:
		return (struct number){ (int64_t)((uint64_t)before.mantissa + wide),
					before.digits };
	case 4:
		return (struct number){ (int64_t)((uint64_t)before.mantissa - wide),
					before.digits };
	default:
		return (struct number){ (int64_t)((uint64_t)before.mantissa + (wide & 7)),
					before.digits };
	}
}

static void rows_of_every_kind_come_back(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 400; seed++) {
		struct sample_row_values row = { .ms = 1754300000000, .known = UINT64_MAX };
		struct rng rng;
		rng_init(&rng, seed);
		uint64_t changes = 1 + rng_below(&rng, 40), hides = 1 + rng_below(&rng, 200);
		uint32_t count = 1 + (uint32_t)rng_below(&rng, SAMPLES_ROWS_MAX);
		for (uint32_t r = 0; r < count; r++) {
			row.ms += 1 + (int64_t)(rng_next(&rng) >> (rng_below(&rng, 16) ? 54 : 24));
			for (uint32_t i = 0; i < SAMPLE_COUNT; i++) {
				if (rng_below(&rng, changes) == 0)
					row.values[i] = nasty_number(&rng, row.values[i]);
				if (rng_below(&rng, hides) == 0)
					row.known ^= UINT64_C(1) << i;
			}
			rows[r] = row;
		}
		assert_come_back(rows, count);
	}
}

/* Columns of a kind that the packer has a type for, and their opposites. */
static void columns_of_every_shape_come_back(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 77);
	for (uint32_t round = 0; round < 60; round++) {
		double spread = exp2(round);
		make_minute();
		for (uint32_t i = 0; i < SAMPLE_COUNT; i++) {
			int64_t now = 0, slope = 0;
			for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++) {
				int64_t step = (int64_t)(rng_normal(&rng) * spread / 8);
				int64_t up = step < 0 ? -step : step;
				uint64_t seldom = rng_below(&rng, 9) == 0;
				slope += i % 8 == 5 ? step / 16 : 0;
				now = i % 8 < 2 ? step : now; /* noise, else a walk */
				now += i % 8 == 2   ? step
				       : i % 8 == 3 ? up
				       : i % 8 == 4 ? (int64_t)(seldom * (uint64_t)step)
				       : i % 8 == 5 ? slope
				       : i % 8 == 6 ? (int64_t)(seldom * (uint64_t)up)
						    : 0;
				rows[r].values[i].mantissa =
				    i % 8 == 1   ? (now < 0 ? -now : now)
				    : i % 8 == 7 ? (int64_t)(seldom * (uint64_t)step)
						 : now;
			}
		}
		assert_come_back(rows, SAMPLES_ROWS_MAX);
	}
}

/* Then the rows stand in the chunk as they are, and it closes early. */
static void rows_of_noise_close_a_chunk_early_and_fit(void **state)
{
	(void)state;
	struct rng rng;
	rng_init(&rng, 41);
	make_minute();
	for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++)
		for (uint32_t i = 0; i < SAMPLE_COUNT; i++)
			rows[r].values[i].mantissa = (int64_t)rng_next(&rng);
	samples_open_clear(open_rows);
	uint32_t taken = 0;
	while (samples_open_add(open_rows, &rows[taken]) == STATUS_OK)
		taken++;
	assert_in_range(taken, 10, 20);
	struct str chunk = pack_open();
	assert_holds(chunk, rows, taken);
	assert_true(chunk.len > taken * SAMPLE_COUNT * 8);
	assert_come_back(rows, SAMPLES_ROWS_MAX);
}

static void a_row_that_is_not_later_is_refused(void **state)
{
	(void)state;
	make_minute();
	samples_open_clear(open_rows);
	assert_int_equal(samples_open_add(open_rows, &rows[1]), STATUS_OK);
	assert_int_equal(samples_open_add(open_rows, &rows[1]), STATUS_INVALID);
	assert_int_equal(samples_open_add(open_rows, &rows[0]), STATUS_INVALID);
	assert_int_equal(samples_open_count(open_rows), 1);
	assert_int_equal(samples_open_add(open_rows, &rows[2]), STATUS_OK);
	assert_holds(pack_open(), rows + 1, 2);
	samples_open_clear(open_rows);
	assert_int_equal(samples_open_add(open_rows, &rows[0]), STATUS_OK);
}

static void the_sixty_first_row_is_not_taken(void **state)
{
	(void)state;
	struct sample_row_values more;
	make_minute();
	make_still(&more, rows[SAMPLES_ROWS_MAX - 1].ms + 1000);
	samples_open_clear(open_rows);
	for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++)
		assert_int_equal(samples_open_add(open_rows, &rows[r]), STATUS_OK);
	assert_int_equal(samples_open_add(open_rows, &more), STATUS_FULL);
	assert_holds(pack_open(), rows, SAMPLES_ROWS_MAX);
}

static void packing_changes_nothing(void **state)
{
	(void)state;
	static char first[SAMPLES_CHUNK_BYTES];
	struct load load;
	load_start(&load, LOAD_SOME, 5, 1754300000000);
	samples_open_clear(open_rows);
	for (uint32_t r = 0; r < SAMPLES_ROWS_MAX; r++) {
		load_row(&load, &rows[r]);
		assert_int_equal(samples_open_add(open_rows, &rows[r]), STATUS_OK);
		struct str chunk = pack_open();
		memcpy(first, chunk.ptr, chunk.len);
		struct str again = pack_open();
		assert_true(str_eq(again, str_make(first, chunk.len)));
		assert_holds(again, rows, r + 1);
	}
}

/* Columns that stand, rise, walk and turn up late, one with digits that change; whole
 * numbers only, so that the bytes are the same on every machine. */
static struct str small_chunk(void)
{
	struct rng rng;
	rng_init(&rng, 3);
	make_minute();
	samples_open_clear(open_rows);
	for (uint32_t r = 0; r < 4; r++) {
		struct number *values = rows[r].values;
		rows[r].ms += r * r;
		rows[r].known = r == 1 ? 0x3ffff7 : 0x3fffff;
		values[SAMPLE_up].mantissa += r;
		for (uint32_t i = SAMPLE_ping; i < SAMPLE_bal; i++)
			values[i].mantissa += (int64_t)rng_below(&rng, 4 * i) * (i % 3 > 0);
		values[SAMPLE_eq].mantissa += (int64_t)rng_below(&rng, 300);
		values[SAMPLE_fm].mantissa = values[SAMPLE_eq].mantissa;
		values[SAMPLE_ml] = (struct number){ (int64_t)r, (uint8_t)(r % 2) };
		assert_int_equal(samples_open_add(open_rows, &rows[r]), STATUS_OK);
	}
	return pack_open();
}

/* These bytes may not change while format 1 and priors 1 exist. */
static void format_is_what_it_was(void **state)
{
	(void)state;
	static const char golden[] =
	    "775301a2005edf76ee000401809cedc68e66822f875c6339eb2a24f642914947c47fe4945bee2ff6"
	    "4b08fd8c50ee45a1f91c9df506b4f71f398db9a22d58369215b3b8b2db6e9744643186fff393060f"
	    "8cbc3d32088b6b188dbdc6856b36505dfdcefa730624302627238884ad9a8d48653ef15a528f5f6f"
	    "9e3805b4cfc1f9bcc11947d33ff94e9890f9ac4c48442467e5f611b35654d6da936a47057ab54e26"
	    "eb50";
	struct str chunk = small_chunk();
	char hex[2 * sizeof storage + 1] = "";
	for (size_t i = 0; i < chunk.len; i++)
		snprintf(hex + 2 * i, 3, "%02x", (uint8_t)chunk.ptr[i]);
	assert_string_equal(hex, golden);
	assert_holds(chunk, rows, 4);
}

static bool is_read_error(enum status status)
{
	return status == STATUS_CHECKSUM || status == STATUS_FORMAT || status == STATUS_VERSION ||
	       status == STATUS_TRUNCATED;
}

static void a_chunk_cut_anywhere_is_refused(void **state)
{
	(void)state;
	struct str chunk = small_chunk();
	struct samples_info info;
	for (size_t len = 0; len < chunk.len; len++) {
		char *exact = malloc(len + 1);
		assert_non_null(exact);
		memcpy(exact, chunk.ptr, len);
		assert_int_equal(samples_read(str_make(exact, len), &info, back), STATUS_TRUNCATED);
		assert_int_equal(samples_info_read(str_make(exact, len), &info), STATUS_TRUNCATED);
		free(exact);
	}
}

static void a_chunk_with_any_bit_turned_is_refused(void **state)
{
	(void)state;
	struct str chunk = small_chunk();
	struct samples_info info;
	for (size_t bit = 0; bit < chunk.len * 8; bit++) {
		storage[bit / 8] = (char)(storage[bit / 8] ^ 1 << bit % 8);
		assert_true(is_read_error(samples_read(chunk, &info, back)));
		storage[bit / 8] = (char)(storage[bit / 8] ^ 1 << bit % 8);
	}
	assert_int_equal(samples_read(chunk, &info, back), STATUS_OK);
}

/* The body of a chunk whose head and checksum are right. */
static struct str seal(const uint8_t *body, size_t len)
{
	const struct pack_frame frame = { { 'w', 'S' }, 1, SAMPLES_CHUNK_BYTES };
	memcpy(storage + PACK_FRAME_HEAD, body, len);
	pack_frame_seal(&frame, (uint8_t *)storage, PACK_FRAME_HEAD + len);
	return str_make(storage, PACK_FRAME_HEAD + len);
}

static void forged_bodies_are_survived(void **state)
{
	(void)state;
	static uint8_t body[600];
	struct samples_info info;
	struct rng rng;
	uint32_t read = 0;
	rng_init(&rng, 51);
	for (int round = 0; round < 60000; round++) {
		size_t len = 5 + rng_below(&rng, sizeof body - 5);
		for (size_t i = 0; i < len; i++)
			body[i] = (uint8_t)rng_next(&rng);
		body[0] = (uint8_t)(round & 1);
		body[1] = (uint8_t)(1 + rng_below(&rng, 3));
		body[2] = (uint8_t)(round >> 1 & 1);
		body[3] = body[4] = 0;
		enum status status = samples_read(seal(body, len), &info, back);
		assert_true(status == STATUS_OK || is_read_error(status));
		read += status == STATUS_OK;
	}
	assert_true(read < 60000);
}

static void heads_out_of_range_are_refused(void **state)
{
	(void)state;
	static const struct {
		uint8_t body[8];
		size_t len;
		enum status status;
	} cases[] = {
		{ { 2, 1, 1, 0, 0 }, 5, STATUS_FORMAT },       /* no such mode */
		{ { 0, 0, 1, 0, 0 }, 5, STATUS_FORMAT },       /* no rows */
		{ { 0, 61, 1, 0, 0 }, 5, STATUS_FORMAT },      /* too many */
		{ { 0, 1, 2, 0, 0 }, 5, STATUS_VERSION },      /* priors of another build */
		{ { 0, 1, 1 }, 3, STATUS_FORMAT },             /* ends in its head */
		{ { 1, 1, 0, 0, 0 }, 5, STATUS_FORMAT },       /* rows that are not there */
		{ { 1, 1, 0, 0, 2, 0, 0 }, 7, STATUS_FORMAT }, /* a last time that is not */
	};
	struct samples_info info;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(samples_read(seal(cases[i].body, cases[i].len), &info, back),
				 cases[i].status);
}

static jmp_buf failed_check;

static void jump_out(const char *expr, const char *file, int line)
{
	(void)expr;
	(void)file;
	(void)line;
	longjmp(failed_check, 1);
}

static void packing_nothing_is_a_mistake(void **state)
{
	(void)state;
	volatile bool failed = false;
	samples_open_clear(open_rows);
	check_set_handler(jump_out);
	if (setjmp(failed_check) == 0)
		pack_open();
	else
		failed = true;
	check_set_handler(NULL);
	assert_true(failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_the_load_take_few_bytes),
		cmocka_unit_test(columns_that_never_change_cost_nothing_a_row),
		cmocka_unit_test(columns_that_rise_evenly_cost_nothing_a_row),
		cmocka_unit_test(an_account_s_sums_cost_nothing),
		cmocka_unit_test(sums_that_do_not_hold_come_back_too),
		cmocka_unit_test(numbers_written_without_their_zeros_keep_their_digits),
		cmocka_unit_test(digits_that_cannot_be_aligned_come_back),
		cmocka_unit_test(absent_numbers_come_back_absent),
		cmocka_unit_test(times_may_jitter_stand_close_and_jump),
		cmocka_unit_test(rows_of_every_kind_come_back),
		cmocka_unit_test(columns_of_every_shape_come_back),
		cmocka_unit_test(rows_of_noise_close_a_chunk_early_and_fit),
		cmocka_unit_test(a_row_that_is_not_later_is_refused),
		cmocka_unit_test(the_sixty_first_row_is_not_taken),
		cmocka_unit_test(packing_changes_nothing),
		cmocka_unit_test(format_is_what_it_was),
		cmocka_unit_test(a_chunk_cut_anywhere_is_refused),
		cmocka_unit_test(a_chunk_with_any_bit_turned_is_refused),
		cmocka_unit_test(forged_bodies_are_survived),
		cmocka_unit_test(heads_out_of_range_are_refused),
		cmocka_unit_test(packing_nothing_is_a_mistake),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
