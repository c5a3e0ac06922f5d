#include "cli/plan_inputs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "os/files.h"

enum { NAMES_BYTES = 300 };

/* The folder that the program lies in; false where that is not to be known. */
static bool find_program_folder(char folder[PATH_BYTES_MAX])
{
	ssize_t n = readlink("/proc/self/exe", folder, PATH_BYTES_MAX - 1);
	if (n <= 0)
		return false;
	folder[n] = 0;
	char *slash = strrchr(folder, '/');
	if (slash)
		*slash = 0;
	return slash != NULL;
}

static bool find_shipped_folder(char folder[PATH_BYTES_MAX])
{
	static const char *const places[] = { "/../share/weir/scenarios", "/../share/scenarios",
					      "/../../share/scenarios" };
	char program[PATH_BYTES_MAX];
	struct err ignored;
	bool known = find_program_folder(program);
	for (size_t i = 0; known && i < ARRAY_LEN(places); i++)
		if (!path_format(folder, &ignored, "%s%s", program, places[i]) &&
		    files_is_folder(folder))
			return true;
	return !path_format(folder, &ignored, "share/scenarios") && files_is_folder(folder);
}

static bool is_name(const char *name)
{
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(name);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "a, b, c": the documents of the folder by name. */
static void list_shipped(const char *folder, struct buf *names)
{
	struct dirent **entries = NULL;
	char *found[32];
	size_t count = 0;
	int n = scandir(folder, &entries, NULL, NULL);
	for (int i = 0; i < n; i++) {
		char *name = entries[i]->d_name;
		size_t len = strlen(name);
		if (len > 4 && strcmp(name + len - 4, ".ini") == 0 && count < ARRAY_LEN(found)) {
			name[len - 4] = 0;
			found[count++] = name;
		}
	}
	qsort(found, count, sizeof *found, by_text);
	for (size_t i = 0; i < count; i++)
		buf_printf(names, "%s%s", i ? ", " : "", found[i]);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	free(entries);
}

static enum status not_found(const char *name, const char *folder, struct err *err)
{
	char storage[NAMES_BYTES];
	struct buf names = buf_over(storage, sizeof storage);
	if (folder)
		list_shipped(folder, &names);
	if (!names.len)
		buf_printf(&names, "none, no share/scenarios was found beside the program");
	return err_set(err, STATUS_NOT_FOUND,
		       "--scenario: '%s' is neither a file nor a shipped document (%.*s)", name,
		       STR_ARG(buf_str(&names)));
}

enum status plan_inputs_scenario(const char *name, struct buf *text, struct err *err)
{
	char folder[PATH_BYTES_MAX], path[PATH_BYTES_MAX];
	bool shipped = find_shipped_folder(folder);
	if (shipped && is_name(name) && !path_format(path, err, "%s/%s.ini", folder, name) &&
	    access(path, F_OK) == 0)
		return files_read(path, PLAN_SCENARIO_BYTES_MAX, text, err);
	if (access(name, F_OK) != 0)
		return not_found(name, shipped ? folder : NULL, err);
	return files_read(name, PLAN_SCENARIO_BYTES_MAX, text, err);
}
