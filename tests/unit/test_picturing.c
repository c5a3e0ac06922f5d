/* Pictures beside the loop: each asked for is told once, within the bounds. */
#include "picture_pixels.h"

#include "base/check.h"
#include "daemon/picturing.h"

enum { PATIENCE_NS = 1000000000 };

struct told {
	int times;
	enum status status;
	uint64_t hash;
	size_t len;
	bool *all;
	int *left;
};

static struct ask_world world;
static struct loop *loop;

static int set_up(void **state)
{
	struct err err;
	(void)state;
	world = (struct ask_world){ .markets = world_create(false, WORLD_END_MS),
				    .options = ask_options_default() };
	return loop_create(8, &loop, &err) ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	loop_destroy(loop);
	markets_destroy(world.markets);
	return 0;
}

static void on_png(void *ctx, enum status status, struct str png)
{
	struct told *told = ctx;
	told->times++;
	told->status = status;
	told->hash = str_hash(png);
	told->len = png.len;
	if (--*told->left == 0)
		*told->all = true;
}

static struct picturing *create(void)
{
	struct picturing *picturing =
	    picturing_create(&(struct picturing_config){ .loop = loop, .world = &world });
	assert_non_null(picturing);
	return picturing;
}

static void on_closed(void *ctx) { *(bool *)ctx = true; }

static void close_now(struct picturing *picturing)
{
	bool closed = false;
	picturing_close(picturing, on_closed, &closed);
	assert_true(loop_turn_until(loop, &closed, 20LL * PATIENCE_NS));
}

/* Different ones: each names what is asked for in another way. */
static const char *question_of(int i)
{
	static char text[64];
	snprintf(text, sizeof text, "/cvd%*sETH 5m", i + 1, "");
	return text;
}

static void a_picture_is_told_later_and_is_what_the_core_draws(void **state)
{
	struct picturing *picturing = create();
	bool all = false;
	int left = 1;
	struct told told = { .all = &all, .left = &left };
	struct buf png;
	(void)state;
	assert_int_equal(picturing_ask(picturing, STR("/cvd ETH 5m"), PICTURE_LIGHT, on_png, &told),
			 STATUS_OK);
	assert_int_equal(told.times, 0);
	assert_true(loop_turn_until(loop, &all, 20LL * PATIENCE_NS));
	assert_int_equal(told.status, STATUS_OK);
	buf_init(&png, PICTURE_BYTES_MAX);
	assert_int_equal(picturing_draw(picturing, STR("/cvd ETH 5m"), PICTURE_LIGHT, &png),
			 STATUS_OK);
	assert_int_equal(told.hash, str_hash(buf_str(&png)));
	buf_deinit(&png);
	assert_int_equal(picturing_counts(picturing)->drawn, 1);
	close_now(picturing);
}

static void more_than_the_bound_is_full_and_all_others_are_told(void **state)
{
	struct picturing *picturing = create();
	struct told told[PICTURING_WAITING + 3];
	bool all = false;
	int left = PICTURING_WAITING;
	(void)state;
	for (int i = 0; i < PICTURING_WAITING + 3; i++) {
		told[i] = (struct told){ .all = &all, .left = &left };
		assert_int_equal(picturing_ask(picturing, str_of(question_of(i)), PICTURE_DARK,
					       on_png, &told[i]),
				 i < PICTURING_WAITING ? STATUS_OK : STATUS_FULL);
	}
	assert_true(loop_turn_until(loop, &all, 60LL * PATIENCE_NS));
	for (int i = 0; i < PICTURING_WAITING + 3; i++) {
		assert_int_equal(told[i].times, i < PICTURING_WAITING);
		assert_int_equal(told[i].status, STATUS_OK);
	}
	assert_int_equal(picturing_counts(picturing)->full, 3);
	close_now(picturing);
}

/* The turn's clock stands still between loop turns, so that the second is the same. */
static void those_who_ask_the_same_share_one_drawing(void **state)
{
	struct picturing *picturing = create();
	struct told told[PICTURING_SHARED];
	bool all = false;
	int left = PICTURING_SHARED;
	(void)state;
	for (int i = 0; i < PICTURING_SHARED; i++) {
		told[i] = (struct told){ .all = &all, .left = &left };
		assert_int_equal(
		    picturing_ask(picturing, STR("/oi ETH"), PICTURE_DARK, on_png, &told[i]),
		    STATUS_OK);
	}
	assert_true(loop_turn_until(loop, &all, 60LL * PATIENCE_NS));
	assert_int_equal(picturing_counts(picturing)->drawn, 1);
	assert_int_equal(picturing_counts(picturing)->shared, PICTURING_SHARED - 1);
	for (int i = 0; i < PICTURING_SHARED; i++)
		assert_int_equal(told[i].hash, told[0].hash);
	close_now(picturing);
}

static void what_has_no_picture_is_refused_with_its_reason(void **state)
{
	static const struct {
		const char *question, *why;
		enum status status;
	} rows[] = {
		{ "/fleet", "there is no picture of this answer", STATUS_NOT_FOUND },
		{ "/cvd NONE", "NONE", STATUS_NOT_FOUND },
		{ "/oi BTCEUR", "BTCEUR", STATUS_NOT_FOUND },
		{ "/alerts list", "there is no picture", STATUS_NOT_FOUND },
		{ "/nothing", "nothing", STATUS_INVALID },
		{ "/cvd ETH 7m", "7m", STATUS_INVALID },
	};
	struct picturing *picturing = create();
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[512];
		struct buf why = buf_over(text, sizeof text - 1);
		assert_int_equal(
		    picturing_ask(picturing, str_of(rows[i].question), PICTURE_DARK, on_png, NULL),
		    STATUS_NOT_FOUND);
		assert_int_equal(picturing_why(picturing, str_of(rows[i].question), &why),
				 rows[i].status);
		text[why.len] = 0;
		assert_non_null(strstr(text, rows[i].why));
		assert_null(strchr(text, '\n'));
	}
	assert_int_equal(picturing_counts(picturing)->none, ARRAY_LEN(rows));
	close_now(picturing);
}

static void closing_tells_what_was_asked_for_first(void **state)
{
	struct picturing *picturing = create();
	struct told told[3];
	bool all = false;
	int left = 3;
	(void)state;
	for (int i = 0; i < 3; i++) {
		told[i] = (struct told){ .all = &all, .left = &left };
		assert_int_equal(picturing_ask(picturing, str_of(question_of(i)), PICTURE_DARK,
					       on_png, &told[i]),
				 STATUS_OK);
	}
	close_now(picturing);
	assert_true(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_picture_is_told_later_and_is_what_the_core_draws),
		cmocka_unit_test(more_than_the_bound_is_full_and_all_others_are_told),
		cmocka_unit_test(those_who_ask_the_same_share_one_drawing),
		cmocka_unit_test(what_has_no_picture_is_refused_with_its_reason),
		cmocka_unit_test(closing_tells_what_was_asked_for_first),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
