/* Source code that means harm, read by `weir audit --source`: what a byte of it costs in a file of
 * 64 KB and in one of 1 MB. Work that grows faster than the file would cost sixteen times as much.
 */
#include "../tests/unit/code_hostile.h"
#include "audit/code.h"
#include "report.h"

enum { SMALL = 64 << 10, LARGE = 1 << 20, RUNS = 3 };

static const double slower_max =
    4; /* a byte of the large file: it is in no cache, and tables grow */

/* Processor seconds. */
static double run(size_t index, size_t bytes)
{
	struct code *code;
	size_t len;
	char *text = code_hostile_text(index, bytes, &len);
	double seconds = -1;
	if (!text || code_create(&code)) {
		free(text);
		return -1;
	}
	double from = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	if (!code_file(code, str_of(code_hostile[index].path), str_make(text, len)) &&
	    !code_settle(code))
		seconds = seconds_of(CLOCK_THREAD_CPUTIME_ID) - from;
	code_destroy(code);
	free(text);
	return seconds;
}

static double best(size_t index, size_t bytes)
{
	double least = run(index, bytes);
	for (int i = 1; i < RUNS; i++) {
		double seconds = run(index, bytes);
		least = seconds < least ? seconds : least;
	}
	return least;
}

int main(void)
{
	double worst = 0;
	size_t which = 0;
	struct samples speed = { .count = 0 };
	for (size_t i = 0; i < CODE_HOSTILE; i++) {
		double small = best(i, SMALL), large = best(i, LARGE);
		if (small <= 0 || large <= 0)
			return 1;
		double slower = large / LARGE / (small / SMALL);
		samples_add(&speed, LARGE / large / 1e6);
		if (slower > worst) {
			worst = slower;
			which = i;
		}
	}
	report("hostile source, 1 MB", &speed, "MB/s");
	printf("the one that slows down most with its size: %s\n", code_hostile[which].unit);
	return !report_bound("a byte of 1 MB beside one of 64 KB", worst, "times", false,
			     slower_max);
}
