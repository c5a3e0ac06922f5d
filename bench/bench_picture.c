/* What a picture costs: its facts on the loop's thread, its drawing in the worker's
 * processor time; both themes, every kind, the worst of each round. */
#include <stdint.h>
#include <string.h>

#include "../tests/unit/test_ask_world.h"
#include "base/check.h"
#include "picture/picture.h"
#include "report.h"

enum { ROUNDS = 15, TAKE_BOUND_US = 1000, DRAW_BOUND_MS = 30 };

static struct picture_facts facts;

static double take_us(const struct ask_world *world, const char *question)
{
	enum { TAKES = 20 };
	double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < TAKES; i++)
		CHECK(picture_take(world, str_of(question), WORLD_END_MS, &facts) == STATUS_OK);
	return (seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e6 / TAKES;
}

static double draw_ms(enum picture_theme theme, size_t *bytes)
{
	struct buf png;
	buf_init(&png, PICTURE_BYTES_MAX);
	double begin = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	CHECK(picture_draw(&facts, theme, &png) == STATUS_OK);
	double spent = (seconds_of(CLOCK_THREAD_CPUTIME_ID) - begin) * 1e3;
	*bytes = png.len > *bytes ? png.len : *bytes;
	buf_deinit(&png);
	return spent;
}

int main(void)
{
	static const char *const questions[] = { "/cvd ETH 1m", "/cvd ETH 15m", "/volume ETH 5m",
						 "/oi ETH", "/liquidations ETH" };
	struct ask_world world = { .markets = world_create(false, WORLD_END_MS),
				   .options = ask_options_default() };
	double worst_take = 0, worst_draw = 0;
	size_t bytes = 0;
	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		struct samples take = { 0 }, draw = { 0 };
		char name[64];
		for (int round = 0; round < ROUNDS; round++) {
			samples_add(&take, take_us(&world, questions[i]));
			samples_add(&draw, draw_ms(PICTURE_DARK, &bytes));
			samples_add(&draw, draw_ms(PICTURE_LIGHT, &bytes));
		}
		snprintf(name, sizeof name, "facts of %s", questions[i]);
		double median = report(name, &take, "us");
		worst_take = median > worst_take ? median : worst_take;
		snprintf(name, sizeof name, "drawing of %s", questions[i]);
		median = report(name, &draw, "ms");
		worst_draw = median > worst_draw ? median : worst_draw;
	}
	bool met =
	    report_bound("worst median of taking facts", worst_take, "us", false, TAKE_BOUND_US);
	met &= report_bound("worst median of drawing", worst_draw, "ms", false, DRAW_BOUND_MS);
	met &= report_bound("largest picture", (double)bytes, "bytes", false, PICTURE_BYTES_MAX);
	markets_destroy(world.markets);
	return met ? 0 : 1;
}
