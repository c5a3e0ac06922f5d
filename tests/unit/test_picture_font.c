/* A system without a font: cairo's own letters stand in. */
#include "picture_pixels.h"

static void a_picture_without_any_font_has_its_letters(void **state)
{
	static struct picture_facts facts;
	(void)state;
	facts = (struct picture_facts){ .title = "PRICE 12345 · 5m",
					.footer = "as of 2024-08-08",
					.from_ms = WORLD_START_MS,
					.step_ms = 60000,
					.slots = 30,
					.panels = 1,
					.panel = { { .form = PICTURE_LINE, .share = 1 } } };
	int nothing = count_of(&facts, PICTURE_DARK, COLOUR_TEXT);
	assert_true(nothing > 50); /* the title's */
	facts.title[0] = 0;
	assert_true(count_of(&facts, PICTURE_DARK, COLOUR_TEXT) < nothing);
}

/* They have no letters but ASCII's. */
static void other_letters_are_spelled(void **state)
{
	static struct picture_facts facts;
	struct buf dots, dashes;
	(void)state;
	facts = (struct picture_facts){ .title = "ETH · 5m \xFF",
					.slots = 1,
					.step_ms = 60000,
					.panels = 1,
					.panel = { { .share = 1 } } };
	buf_init(&dots, PICTURE_BYTES_MAX);
	buf_init(&dashes, PICTURE_BYTES_MAX);
	assert_int_equal(picture_draw(&facts, PICTURE_DARK, &dots), STATUS_OK);
	snprintf(facts.title, sizeof facts.title, "ETH - 5m ?");
	assert_int_equal(picture_draw(&facts, PICTURE_DARK, &dashes), STATUS_OK);
	assert_true(str_eq(buf_str(&dots), buf_str(&dashes)));
	buf_deinit(&dots);
	buf_deinit(&dashes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_picture_without_any_font_has_its_letters),
		cmocka_unit_test(other_letters_are_spelled),
	};
	char path[] = "/tmp/weir-nofonts-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file || fputs("<fontconfig></fontconfig>\n", file) < 0 || fclose(file))
		return 77;
	setenv("FONTCONFIG_FILE", path, 1);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	remove(path);
	return failed;
}
