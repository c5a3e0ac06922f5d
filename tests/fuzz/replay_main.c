/* Runs every file of the corpus folders given through a fuzz target, each also cut
 * at every byte (to 512) so that a corpus exercises the truncated paths too. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return;
	static uint8_t storage[4 << 20];
	size_t size = fread(storage, 1, sizeof storage, file);
	fclose(file);
	size_t cuts = size < 512 ? size : 512;
	for (size_t cut = 0; cut <= cuts; cut++) {
		size_t len = cut == cuts ? size : cut;
		uint8_t *exact = malloc(len ? len : 1); /* so that asan sees an overrun */
		if (!exact)
			abort();
		memcpy(exact, storage, len);
		LLVMFuzzerTestOneInput(exact, len);
		free(exact);
	}
}

int main(int argc, char **argv)
{
	int files = 0;
	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);
		if (!dir) {
			fprintf(stderr, "no corpus folder %s\n", argv[i]);
			return 1;
		}
		for (struct dirent *entry; (entry = readdir(dir));) {
			if (entry->d_name[0] == '.')
				continue;
			char path[4096];
			snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
			run_file(path);
			files++;
		}
		closedir(dir);
	}
	printf("%d corpus files replayed\n", files);
	return files > 0 ? 0 : 1;
}
