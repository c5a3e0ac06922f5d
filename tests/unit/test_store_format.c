/* The values of RMS that are no packer's chunk: stream ids and the open state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/rng.h"
#include "store/store_format.h"

static void stream_ids_order_by_time_then_sequence(void **state)
{
	(void)state;
	assert_true(stream_id_cmp((struct stream_id){ 5, 9 }, (struct stream_id){ 6, 0 }) < 0);
	assert_true(stream_id_cmp((struct stream_id){ 6, 1 }, (struct stream_id){ 6, 0 }) > 0);
	assert_int_equal(stream_id_cmp((struct stream_id){ 6, 1 }, (struct stream_id){ 6, 1 }), 0);
}

static void a_stream_id_reads_only_as_redis_writes_it(void **state)
{
	static const char *const bad[] = { "",      "5",    "5-",  "-5",
					   "5-5-5", "5- 5", "a-1", "5-18446744073709551616" };
	struct stream_id id = { 7, 7 };
	(void)state;
	assert_int_equal(stream_id_parse(STR("1723161600000-3"), &id), STATUS_OK);
	assert_true(id.ms == 1723161600000 && id.seq == 3);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(stream_id_parse(str_of(bad[i]), &id), STATUS_FORMAT);
	assert_true(id.ms == 1723161600000 && id.seq == 3);
}

static void the_next_id_never_falls_behind_the_last(void **state)
{
	(void)state;
	struct stream_id last = { 100, 4 };
	assert_int_equal(stream_id_cmp(stream_id_next(last, 101), (struct stream_id){ 101, 0 }), 0);
	assert_int_equal(stream_id_cmp(stream_id_next(last, 100), (struct stream_id){ 100, 5 }), 0);
	assert_int_equal(stream_id_cmp(stream_id_next(last, 7), (struct stream_id){ 100, 5 }), 0);
	assert_int_equal(
	    stream_id_cmp(stream_id_next((struct stream_id){ 0 }, -3), (struct stream_id){ 1, 0 }),
	    0);
}

static void make(struct buf *out, struct str state_bytes, size_t n_chunks)
{
	const struct open_state state = {
		.simulated = true,
		.tape_last = { 1723161600000, 2 },
		.open_trades = 77,
		.state = state_bytes,
	};
	open_state_begin(out, &state);
	for (size_t i = 0; i < n_chunks; i++)
		open_state_put_bars(out, i % 2 ? STR("chunk") : STR(""));
	open_state_end(out);
	assert_false(out->overflow);
}

static void an_open_state_comes_back_whole(void **state)
{
	char storage[256];
	struct buf out = buf_over(storage, sizeof storage);
	struct open_state back;
	struct str chunk;
	(void)state;
	make(&out, STR("what the market says"), 3);
	assert_int_equal(open_state_read(buf_str(&out), &back), STATUS_OK);
	assert_true(back.simulated);
	assert_int_equal(back.open_trades, 77);
	assert_int_equal(stream_id_cmp(back.tape_last, (struct stream_id){ 1723161600000, 2 }), 0);
	assert_true(str_eq(back.state, STR("what the market says")));
	for (size_t i = 0; i < 3; i++) {
		assert_true(open_state_next_bars(&back.bars, &chunk));
		assert_true(str_eq(chunk, i % 2 ? STR("chunk") : STR("")));
	}
	assert_false(open_state_next_bars(&back.bars, &chunk));
}

static void every_cut_and_every_flipped_bit_is_refused(void **state)
{
	char storage[256], damaged[256];
	struct buf out = buf_over(storage, sizeof storage);
	struct open_state back;
	(void)state;
	make(&out, STR("state"), 2);
	for (size_t len = 0; len < out.len; len++)
		assert_int_not_equal(open_state_read(str_make(storage, len), &back), STATUS_OK);
	for (size_t bit = 0; bit < out.len * 8; bit++) {
		memcpy(damaged, storage, out.len);
		damaged[bit / 8] ^= (char)(1 << bit % 8);
		assert_int_not_equal(open_state_read(str_make(damaged, out.len), &back), STATUS_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stream_ids_order_by_time_then_sequence),
		cmocka_unit_test(a_stream_id_reads_only_as_redis_writes_it),
		cmocka_unit_test(the_next_id_never_falls_behind_the_last),
		cmocka_unit_test(an_open_state_comes_back_whole),
		cmocka_unit_test(every_cut_and_every_flipped_bit_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
