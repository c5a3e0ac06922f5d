/* What is drawn, looked at pixel by pixel. */
#include "picture_pixels.h"

#include <pthread.h>

#include "base/check.h"

static struct ask_world world;
static struct picture_facts facts, other;

static int set_up(void **state)
{
	(void)state;
	world = (struct ask_world){ .markets = world_create(false, WORLD_END_MS),
				    .options = ask_options_default() };
	return world.markets ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	markets_destroy(world.markets);
	return 0;
}

static void take(const char *question, struct picture_facts *out)
{
	assert_int_equal(picture_take(&world, str_of(question), WORLD_END_MS, out), STATUS_OK);
}

/* ---- goldens ---- */

static void rewrite(const char *path, struct str png)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(png.ptr, 1, png.len, file), png.len);
	assert_int_equal(fclose(file), 0);
}

static struct pixels read_golden(const char *path)
{
	static char bytes[PICTURE_BYTES_MAX];
	FILE *file = fopen(path, "rb");
	if (!file)
		fail_msg("%s is missing; UPDATE_GOLDEN=1 writes it", path);
	size_t len = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	return pixels_of(str_make(bytes, len));
}

/* Another release of cairo or of the font shifts a few pixels of letters; a candle is more. */
static void same_as_golden(const struct picture_facts *of, enum picture_theme theme,
			   const char *name)
{
	char path[512];
	struct buf png;
	int differ = 0;
	buf_init(&png, PICTURE_BYTES_MAX);
	assert_int_equal(picture_draw(of, theme, &png), STATUS_OK);
	snprintf(path, sizeof path, "%s/golden/picture/%s.png", TEST_DATA_DIR, name);
	if (getenv("UPDATE_GOLDEN"))
		rewrite(path, buf_str(&png));
	struct pixels drawn = pixels_of(buf_str(&png)), golden = read_golden(path);
	assert_int_equal(golden.width, drawn.width);
	assert_int_equal(golden.height, drawn.height);
	for (int i = 0; i < drawn.width * drawn.height; i++)
		differ += pixels_apart(drawn.rgb[i], golden.rgb[i]) > 64;
	if (differ > drawn.width * drawn.height / 500)
		fail_msg("%s: %d pixels differ", path, differ);
	pixels_free(&drawn);
	pixels_free(&golden);
	buf_deinit(&png);
}

static void every_question_has_its_picture_from_the_recording(void **state)
{
	struct equity_sample equity[EQUITY_COUNT];
	char text[64];
	(void)state;
	equity_fill(equity);
	for (enum question question = 0; question < QUESTION_COUNT; question++) {
		const struct question_row *row = question_row(question);
		snprintf(text, sizeof text, "%s%s", row->name,
			 strstr(row->args, "[SYM]") ? " ETH" : "");
		assert_int_equal(picture_of_question(&world, str_of(text)), row->picture);
		if (row->picture == PICTURE_NONE || row->picture == PICTURE_equity) {
			assert_int_equal(picture_take(&world, str_of(text), WORLD_END_MS, &facts),
					 STATUS_NOT_FOUND);
			continue;
		}
		take(text, &facts);
		assert_int_equal(facts.kind, row->picture);
		same_as_golden(&facts, PICTURE_DARK, picture_row(row->picture)->name);
	}
	assert_int_equal(picture_take_equity(equity, EQUITY_COUNT, STR(""), false,
					     equity[EQUITY_COUNT - 1].t_ms, &facts),
			 STATUS_OK);
	same_as_golden(&facts, PICTURE_DARK, "equity");
}

static void light_simulated_and_stale_look_as_they_should(void **state)
{
	(void)state;
	world.options.simulated = true;
	assert_int_equal(picture_take(&world, STR("/cvd ETH 5m"), WORLD_END_MS + 3600000, &facts),
			 STATUS_OK);
	world.options.simulated = false;
	assert_true(facts.simulated);
	assert_non_null(strstr(facts.title, "SIMULATED DATA"));
	assert_non_null(strstr(facts.warning, "STALE: the newest data is 1 h 0 min old."));
	same_as_golden(&facts, PICTURE_LIGHT, "cvd_light_simulated");
}

/* ---- what is seen ---- */

static void simulated_data_is_stamped(void **state)
{
	(void)state;
	take("/cvd ETH 5m", &facts);
	facts.simulated = false;
	int without = count_of(&facts, PICTURE_DARK, COLOUR_STAMP);
	facts.simulated = true;
	assert_true(count_of(&facts, PICTURE_DARK, COLOUR_STAMP) > without + 3000);
}

static void shaded_slots_are_seen_and_others_are_not(void **state)
{
	(void)state;
	for (enum picture_theme theme = PICTURE_DARK; theme <= PICTURE_LIGHT; theme++) {
		take("/cvd ETH 15m", &facts);
		assert_non_null(strstr(facts.footer, "shaded: minutes missing"));
		assert_true(count_of(&facts, theme, COLOUR_SHADE) > 500);
		memset(facts.shaded, 0, sizeof facts.shaded);
		assert_int_equal(count_of(&facts, theme, COLOUR_SHADE), 0);
	}
}

static void up_is_green_and_down_is_red(void **state)
{
	(void)state;
	take("/cvd ETH 5m", &facts);
	struct picture_panel *price = &facts.panel[0];
	facts.panels = 1;
	price->note[0] = 0;
	for (size_t i = 0; i < facts.slots; i++) {
		price->value[0][i] = price->value[2][i];
		price->value[3][i] = price->value[1][i];
	}
	assert_true(count_of(&facts, PICTURE_DARK, COLOUR_UP) > 1000);
	assert_int_equal(count_of(&facts, PICTURE_DARK, COLOUR_DOWN), 0);
	for (size_t i = 0; i < facts.slots; i++) {
		price->value[0][i] = price->value[1][i];
		price->value[3][i] = price->value[2][i];
	}
	for (size_t i = 0; i < facts.slots; i++)
		price->known[i] = price->value[0][i] != price->value[3][i];
	assert_true(count_of(&facts, PICTURE_DARK, COLOUR_DOWN) > 1000);
	assert_int_equal(count_of(&facts, PICTURE_DARK, COLOUR_UP), 0);
}

static void the_same_facts_give_the_same_bytes_and_others_others(void **state)
{
	struct buf first, second;
	(void)state;
	buf_init(&first, PICTURE_BYTES_MAX);
	buf_init(&second, PICTURE_BYTES_MAX);
	take("/volume ETH 15m", &facts);
	assert_int_equal(picture_draw(&facts, PICTURE_LIGHT, &first), STATUS_OK);
	assert_int_equal(picture_draw(&facts, PICTURE_LIGHT, &second), STATUS_OK);
	assert_true(str_eq(buf_str(&first), buf_str(&second)));
	buf_clear(&second);
	facts.panel[1].value[0][facts.slots / 2] *= 40;
	assert_int_equal(picture_draw(&facts, PICTURE_LIGHT, &second), STATUS_OK);
	assert_false(str_eq(buf_str(&first), buf_str(&second)));
	buf_deinit(&first);
	buf_deinit(&second);
}

static void it_is_a_png_with_a_palette_and_small(void **state)
{
	struct buf png;
	(void)state;
	buf_init(&png, 1 << 20);
	take("/price ETH", &facts);
	assert_int_equal(picture_draw(&facts, PICTURE_DARK, &png), STATUS_OK);
	assert_memory_equal(png.ptr, "\x89PNG\r\n\x1a\n", 8);
	assert_int_equal(png.ptr[25], 3); /* colour type */
	assert_in_range(png.len, 4000, PICTURE_BYTES_MAX);
	buf_deinit(&png);
}

static void a_buffer_too_small_is_full(void **state)
{
	char storage[1000];
	struct buf png = buf_over(storage, sizeof storage);
	(void)state;
	take("/price ETH", &facts);
	assert_int_equal(picture_draw(&facts, PICTURE_DARK, &png), STATUS_FULL);
}

/* ---- several at once ---- */

enum { THREADS = 4, ROUNDS = 3 };

static void *draw_rounds(void *ctx)
{
	struct buf *png = ctx;
	for (int round = 0; round < ROUNDS; round++) {
		buf_clear(png);
		if (picture_draw(&facts, PICTURE_DARK, png))
			return ctx;
	}
	return NULL;
}

static void threads_draw_beside_each_other(void **state)
{
	pthread_t threads[THREADS];
	struct buf pngs[THREADS], alone;
	(void)state;
	take("/oi ETH", &facts);
	buf_init(&alone, PICTURE_BYTES_MAX);
	for (int i = 0; i < THREADS; i++) {
		buf_init(&pngs[i], PICTURE_BYTES_MAX);
		assert_int_equal(pthread_create(&threads[i], NULL, draw_rounds, &pngs[i]), 0);
	}
	assert_int_equal(picture_draw(&facts, PICTURE_DARK, &alone), STATUS_OK);
	for (int i = 0; i < THREADS; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
		assert_true(str_eq(buf_str(&pngs[i]), buf_str(&alone)));
		buf_deinit(&pngs[i]);
	}
	buf_deinit(&alone);
}

/* ---- odd data ---- */

static void facts_of_form(enum picture_form form, size_t slots)
{
	memset(&facts, 0, sizeof facts);
	facts.kind = PICTURE_cvd;
	facts.from_ms = WORLD_START_MS;
	facts.step_ms = 300000;
	facts.slots = slots;
	facts.panels = 1;
	facts.panel[0].form = form;
	facts.panel[0].share = 1;
	snprintf(facts.title, sizeof facts.title, "title");
}

static void any_numbers_are_drawn(void **state)
{
	static const int bits[] = { 1, 8, 40, 63, 90, 126 };
	static const int scales[] = { 0, 2, 18, 36 };
	struct rng rng;
	(void)state;
	rng_init(&rng, 11);
	for (enum picture_form form = PICTURE_CANDLES; form <= PICTURE_METER; form++)
		for (size_t i = 0; i < 2 * ARRAY_LEN(bits); i++) {
			facts_of_form(form, 1 + (size_t)rng_below(&rng, PICTURE_SLOTS));
			struct picture_panel *panel = &facts.panel[0];
			panel->scale = scales[rng_below(&rng, ARRAY_LEN(scales))];
			panel->is_price = i % 2;
			panel->meters = PICTURE_METERS;
			for (size_t slot = 0; slot < facts.slots; slot++) {
				panel->known[slot] = rng_below(&rng, 4) > 0;
				facts.shaded[slot] = rng_below(&rng, 9) == 0;
				for (size_t s = 0; s < PICTURE_SERIES; s++) {
					u128 wide = (u128)rng_next(&rng) << 64 | rng_next(&rng);
					i128 value = (i128)(wide & (((u128)1 << bits[i / 2]) - 1));
					panel->value[s][slot] =
					    form != PICTURE_SIDES && rng_below(&rng, 3) == 0
						? -value
						: value;
				}
			}
			for (size_t m = 0; m < PICTURE_METERS; m++) {
				panel->meter[m].known = m != 2;
				panel->meter[m].value = panel->value[m][0];
			}
			struct buf png;
			buf_init(&png, PICTURE_BYTES_MAX);
			assert_int_equal(
			    picture_draw(&facts, i % 3 ? PICTURE_DARK : PICTURE_LIGHT, &png),
			    STATUS_OK);
			struct pixels pixels = pixels_of(buf_str(&png));
			pixels_free(&pixels);
			buf_deinit(&png);
		}
}

static void one_bar_and_a_flat_price_are_seen(void **state)
{
	(void)state;
	facts_of_form(PICTURE_CANDLES, 1);
	facts.panel[0].known[0] = true;
	facts.panel[0].is_price = true;
	for (size_t s = 0; s < PICTURE_SERIES; s++)
		facts.panel[0].value[s][0] = 5;
	assert_true(count_of(&facts, PICTURE_DARK, COLOUR_UP) > 40); /* and its mark */
	facts_of_form(PICTURE_LINE, 300);
	for (size_t i = 0; i < facts.slots; i++) {
		facts.panel[0].known[i] = true;
		facts.panel[0].value[0][i] = INT64_MAX;
	}
	assert_true(count_of(&facts, PICTURE_LIGHT, COLOUR_LINE) > 1000);
}

static void nothing_known_is_said_in_words(void **state)
{
	(void)state;
	facts_of_form(PICTURE_SIDES, 96);
	snprintf(facts.panel[0].empty, sizeof facts.panel[0].empty,
		 "No liquidation heard in 24 h.");
	other = facts;
	other.panel[0].empty[3] = 0;
	int words = count_of(&facts, PICTURE_DARK, COLOUR_MUTED);
	assert_true(words > count_of(&other, PICTURE_DARK, COLOUR_MUTED));
	assert_int_equal(count_of(&facts, PICTURE_DARK, COLOUR_UP), 0);
}

static void a_line_is_broken_where_nothing_is_known(void **state)
{
	(void)state;
	facts_of_form(PICTURE_LINE, 100);
	for (size_t i = 0; i < facts.slots; i++) {
		facts.panel[0].known[i] = true;
		facts.panel[0].value[0][i] = i < 20 ? 150 : 100;
	}
	int whole = count_of(&facts, PICTURE_DARK, COLOUR_LINE);
	for (size_t i = 30; i < 80; i++)
		facts.panel[0].known[i] = false;
	facts.panel[0].known[50] = true; /* a dot */
	int broken = count_of(&facts, PICTURE_DARK, COLOUR_LINE);
	assert_in_range(whole - broken, 300, 1200);
}

static void texts_of_any_length_stay_inside(void **state)
{
	(void)state;
	take("/oi ETH", &facts);
	memset(facts.title, 'W', sizeof facts.title - 1);
	memset(facts.footer, 'W', sizeof facts.footer - 1);
	memset(facts.warning, 'W', sizeof facts.warning - 1);
	for (size_t i = 0; i < facts.panels; i++) {
		memset(facts.panel[i].name, 'W', sizeof facts.panel[i].name - 1);
		memset(facts.panel[i].note, 'W', sizeof facts.panel[i].note - 1);
	}
	struct pixels pixels = draw(&facts, PICTURE_DARK);
	for (int y = 0; y < PICTURE_HEIGHT; y++) /* the margins are empty */
		for (int x = 0; x < 6; x++) {
			assert_int_equal(pixels.rgb[y * PICTURE_WIDTH + x],
					 canvas_rgb(PICTURE_DARK, COLOUR_BACK));
			assert_int_equal(pixels.rgb[y * PICTURE_WIDTH + PICTURE_WIDTH - 1 - x],
					 canvas_rgb(PICTURE_DARK, COLOUR_BACK));
		}
	pixels_free(&pixels);
}

static void themes_are_called_by_name(void **state)
{
	enum picture_theme theme;
	(void)state;
	assert_true(picture_theme_of(STR(""), &theme) && theme == PICTURE_DARK);
	assert_true(picture_theme_of(STR("dark"), &theme) && theme == PICTURE_DARK);
	assert_true(picture_theme_of(STR("light"), &theme) && theme == PICTURE_LIGHT);
	assert_false(picture_theme_of(STR("blue"), &theme));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_question_has_its_picture_from_the_recording),
		cmocka_unit_test(light_simulated_and_stale_look_as_they_should),
		cmocka_unit_test(simulated_data_is_stamped),
		cmocka_unit_test(shaded_slots_are_seen_and_others_are_not),
		cmocka_unit_test(up_is_green_and_down_is_red),
		cmocka_unit_test(the_same_facts_give_the_same_bytes_and_others_others),
		cmocka_unit_test(it_is_a_png_with_a_palette_and_small),
		cmocka_unit_test(a_buffer_too_small_is_full),
		cmocka_unit_test(threads_draw_beside_each_other),
		cmocka_unit_test(any_numbers_are_drawn),
		cmocka_unit_test(one_bar_and_a_flat_price_are_seen),
		cmocka_unit_test(nothing_known_is_said_in_words),
		cmocka_unit_test(a_line_is_broken_where_nothing_is_known),
		cmocka_unit_test(texts_of_any_length_stay_inside),
		cmocka_unit_test(themes_are_called_by_name),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
