/* weir sim tree: a bot's grown sources with every fault planted, and the truth about them. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "os/files.h"
#include "sim/mess_tree.h"

struct planting {
	const char *root;
	FILE *truth;
};

static enum status put_file(void *ctx, struct str path, struct str text, struct err *err)
{
	const struct planting *planting = ctx;
	char at[PATH_BYTES_MAX];
	enum status status = path_format(at, err, "%s/%.*s", planting->root, STR_ARG(path));
	char *slash = status ? NULL : strrchr(at, '/');
	if (slash) {
		*slash = 0;
		status = files_make_folder(at, 0777, err);
		*slash = '/';
	}
	return status ? status : files_replace(at, text, 0644, err);
}

static enum status put_truth(void *ctx, struct str line, struct err *err)
{
	const struct planting *planting = ctx;
	if (planting->truth && fprintf(planting->truth, "%.*s\n", STR_ARG(line)) < 0)
		return err_errno(err, errno, "the truth cannot be written");
	return STATUS_OK;
}

/* A folder with something in it may be somebody's. */
static enum status check_empty(const char *root, struct err *err)
{
	DIR *folder = opendir(root);
	struct dirent *entry;
	int entries = 0;
	if (!folder)
		return errno == ENOENT ? STATUS_OK : err_errno(err, errno, "%s", root);
	while ((entry = readdir(folder)))
		entries += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(folder);
	return entries ? err_set(err, STATUS_EXISTS, "%s: is not empty", root) : STATUS_OK;
}

static enum status plant(const struct args *args, struct planting *planting,
			 struct mess_tree_counts *counts, struct err *err)
{
	const struct mess_tree_to to = { put_file, put_truth, planting };
	enum status status = check_empty(planting->root, err);
	if (!status && args_has(args, FLAG_truth) &&
	    !(planting->truth = fopen(args_str(args, FLAG_truth).ptr, "we")))
		status = err_errno(err, errno, "%s", args_str(args, FLAG_truth).ptr);
	if (!status)
		status = mess_tree_make((uint64_t)args_i64(args, FLAG_seed),
					args_i64(args, FLAG_tree_files), &to, counts, err);
	if (planting->truth && fclose(planting->truth) && !status)
		status = err_errno(err, errno, "%s", args_str(args, FLAG_truth).ptr);
	return status;
}

int cmd_sim_tree(const struct args *args)
{
	struct planting planting = { .root = args->operands[0] };
	struct mess_tree_counts counts = { 0 };
	struct err err = { 0 };
	struct buf out;
	if (plant(args, &planting, &counts, &err))
		return cli_fail(args, &err);
	buf_init(&out, 1024);
	buf_printf(&out, "%lld files, %lld of them broken, %lld findings planted\n",
		   (long long)counts.files, (long long)counts.broken, (long long)counts.planted);
	int status = cli_print(args, &out);
	buf_deinit(&out);
	return status;
}
