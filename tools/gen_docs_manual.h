/* gen_docs_manual.h - a page brought to its file or compared with it; the manual pages and what
 * shells complete by, beside docs/reference. */
#pragma once

#include <stdio.h>
#include <sys/stat.h>

#include "base/check.h"
#include "cli/completion.h"
#include "cli/man.h"

enum { PAGE_BYTES = 1 << 20, PATH_BYTES = 4096 };

/* Does the file hold exactly the page? */
static inline bool is_current(const char *path, struct str page)
{
	static char held[PAGE_BYTES + 1];
	FILE *file = fopen(path, "rb");
	if (!file)
		return false;
	size_t len = fread(held, 1, sizeof held, file);
	fclose(file);
	return str_eq(page, str_make(held, len));
}

static inline bool write_page(const char *path, struct str page)
{
	FILE *file = fopen(path, "wb");
	bool written = file && fwrite(page.ptr, 1, page.len, file) == page.len;
	written = file && fclose(file) == 0 && written;
	if (!written)
		perror(path);
	return written;
}

/* False: it is stale (said), or could not be written. */
static inline bool bring_page(const char *path, const struct buf *page, bool check)
{
	CHECK(!page->overflow);
	if (is_current(path, buf_str(page)))
		return true;
	if (check)
		fprintf(stderr, "%s: stale: run make docs\n", path);
	return !check && write_page(path, buf_str(page));
}

static inline bool bring_man(const char *reference, enum command command, bool check)
{
	char path[PATH_BYTES];
	struct buf page, name;
	buf_init(&page, PAGE_BYTES);
	buf_init(&name, 128);
	if (command < COMMAND_THERE) {
		man_print_command(&page, command);
		man_print_name(&name, command);
	} else {
		man_print_main(&page);
		buf_printf(&name, "weir.1");
	}
	snprintf(path, sizeof path, "%s/../man/%.*s", reference, (int)name.len, name.ptr);
	bool current = bring_page(path, &page, check);
	buf_deinit(&page);
	buf_deinit(&name);
	return current;
}

static inline bool bring_completion(const char *reference, const char *shell, const char *name,
				    bool check)
{
	char path[PATH_BYTES];
	struct buf page;
	buf_init(&page, PAGE_BYTES);
	enum status status = completion_print(&page, str_of(shell));
	CHECK(status == STATUS_OK);
	snprintf(path, sizeof path, "%s/../completions/%s", reference, name);
	bool current = bring_page(path, &page, check);
	buf_deinit(&page);
	return current;
}

static inline bool bring_manual(const char *reference, bool check)
{
	/* Each shell looks for its own name. */
	static const char *const shells[][2] = { { "bash", "weir" },
						 { "zsh", "_weir" },
						 { "fish", "weir.fish" } };
	char folder[PATH_BYTES];
	bool current = true;
	snprintf(folder, sizeof folder, "%s/../man", reference);
	mkdir(folder, 0755);
	snprintf(folder, sizeof folder, "%s/../completions", reference);
	mkdir(folder, 0755);
	for (enum command command = 0; command <= COMMAND_THERE; command++)
		current = bring_man(reference, command, check) && current;
	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		current = bring_completion(reference, shells[i][0], shells[i][1], check) && current;
	return current;
}
