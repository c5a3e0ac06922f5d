#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BAR_WIDTH = 24 };

static const int64_t patience_ns = 2000000000;
static const int64_t redraw_ns = 100000000;

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void progress_begin(struct progress *progress, const char *command)
{
	*progress = (struct progress){ .command = command,
				       .started_ns = now_ns(),
				       .terminal = isatty(STDERR_FILENO) };
}

static void draw(const struct progress *progress, const char *what, int64_t done, int64_t total)
{
	char bar[BAR_WIDTH + 1];
	int percent = (int)((double)done * 100 / (double)total);
	percent = percent > 100 ? 100 : percent;
	memset(bar, ' ', BAR_WIDTH);
	memset(bar, '#', (size_t)(percent * BAR_WIDTH / 100));
	bar[BAR_WIDTH] = 0;
	fprintf(stderr, "\rweir %s: %s [%s] %d %%\033[K", progress->command, what, bar, percent);
}

void progress_step(struct progress *progress, const char *what, int64_t done, int64_t total)
{
	int64_t now = now_ns();
	bool other = strncmp(progress->what, what, sizeof progress->what - 1) != 0;
	if (now - progress->started_ns < patience_ns)
		return;
	if (!other && (!progress->terminal || now - progress->drawn_ns < redraw_ns))
		return;
	snprintf(progress->what, sizeof progress->what, "%s", what);
	progress->drawn_ns = now;
	progress->shown = true;
	if (!progress->terminal)
		fprintf(stderr, "weir %s: %s\n", progress->command, what);
	else if (total > 0)
		draw(progress, what, done, total);
	else
		fprintf(stderr, "\rweir %s: %s, %lld\033[K", progress->command, what,
			(long long)done);
}

void progress_end(struct progress *progress)
{
	if (progress->shown && progress->terminal)
		fprintf(stderr, "\r\033[K");
	progress->shown = false;
}
