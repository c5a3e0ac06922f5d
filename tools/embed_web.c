/* embed_web - turns the dashboard into the table of serve/static.h.
 *
 *	embed_web web third_party/uplot OUT.c
 *
 * The files of web/, uPlot, and /tables.js, which says in JavaScript what tables of src/def
 * say in C. Each becomes its bytes, the same compressed where that is smaller, its type and
 * the hash of its bytes: two builds of one tree write the same file. */
#include <dirent.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "base/check.h"
#include "base/json_out.h"
#include "def/questions.h"

enum {
	FILES_MAX = 64,
	FILE_BYTES_MAX = 1 << 20,
	PATH_BYTES = 256,
	ETAG_BYTES = 8, /* of the SHA-256 */
	LINE_BYTES = 20,
	GZIP_WINDOW = 15 + 16, /* 16 asks zlib for a gzip header, whose time is 0 */
	GZIP_MEMORY = 9,
};

struct file {
	char path[PATH_BYTES];
	struct buf plain, gzip;
};

struct files {
	struct file files[FILES_MAX];
	size_t count;
};

static void die(const char *what, const char *of)
{
	fprintf(stderr, "embed_web: %s: %s\n", of, what);
	exit(1);
}

/* ---- what goes in ---- */

static struct file *add(struct files *files, const char *path)
{
	if (files->count == FILES_MAX)
		die("more files than FILES_MAX", path);
	struct file *file = &files->files[files->count++];
	if ((size_t)snprintf(file->path, sizeof file->path, "%s", path) >= sizeof file->path)
		die("too long a path", path);
	buf_init(&file->plain, FILE_BYTES_MAX);
	return file;
}

static void read_file(struct files *files, const char *path, const char *folder, const char *name)
{
	char from[2 * PATH_BYTES], block[4096];
	struct file *file = add(files, path);
	size_t got;
	snprintf(from, sizeof from, "%s/%s", folder, name);
	FILE *in = fopen(from, "rb");
	if (!in)
		die("cannot be read (./deps fetches uPlot)", from);
	while ((got = fread(block, 1, sizeof block, in)) > 0)
		buf_put(&file->plain, block, got);
	if (ferror(in) || file->plain.overflow || !file->plain.len)
		die("is empty, too long, or cannot be read", from);
	fclose(in);
}

static int is_page(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static void read_folder(struct files *files, const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_page, alphasort);
	if (count < 0)
		die("is no folder", folder);
	for (int i = 0; i < count; i++) {
		char path[PATH_BYTES + 1];
		const char *name = entries[i]->d_name;
		snprintf(path, sizeof path, "/%s", strcmp(name, "index.html") ? name : "");
		read_file(files, path, folder, name);
		free(entries[i]);
	}
	free(entries);
}

static void put_questions(struct json_out *json)
{
	for (int i = 0; i < QUESTION_COUNT; i++) {
		const struct question_row *row = question_row((enum question)i);
		json_out_open(json, NULL, '{');
		json_out_str(json, "name", str_of(row->name));
		json_out_str(json, "args", str_of(row->args));
		json_out_str(json, "help", str_of(row->help));
		json_out_str(json, "related", str_of(row->related));
		json_out_close(json, '}');
	}
}

static void put_states(struct json_out *json)
{
	static const struct {
		const char *name, *meaning;
	} rows[] = {
#define FLEET_STATE(id, name, meaning) { name, meaning },
#include "def/fleet_states.def"
#undef FLEET_STATE
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_out_open(json, NULL, '{');
		json_out_str(json, "name", str_of(rows[i].name));
		json_out_str(json, "meaning", str_of(rows[i].meaning));
		json_out_close(json, '}');
	}
}

/* Of topics whose answers are lists: the list, and what names a row. */
static void put_topics(struct json_out *json)
{
	static const struct {
		const char *name, *list, *key;
	} rows[] = {
#define TOPIC(id, route, period_ms, argument, list, key, meaning) { #id, list, key },
#include "def/topics.def"
#undef TOPIC
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_out_open(json, NULL, '{');
		json_out_str(json, "name", str_of(rows[i].name));
		json_out_str(json, "list", str_of(rows[i].list));
		json_out_str(json, "key", str_of(rows[i].key));
		json_out_close(json, '}');
	}
}

static void put_list(struct buf *out, const char *name, void (*rows)(struct json_out *json))
{
	struct json_out json = { .out = out };
	buf_printf(out, "export const %s = ", name);
	json_out_open(&json, NULL, '[');
	rows(&json);
	json_out_close(&json, ']');
	buf_printf(out, ";\n");
}

static void make_tables(struct files *files)
{
	struct buf *out = &add(files, "/tables.js")->plain;
	buf_printf(out, "/* Made by tools/embed_web.c from tables of src/def. */\n");
	put_list(out, "questions", put_questions);
	put_list(out, "states", put_states);
	put_list(out, "topicRows", put_topics);
	CHECK(!out->overflow);
}

/* ---- what comes out ---- */

static const char *type_of(const char *path)
{
	static const struct {
		const char *end, *type;
	} types[] = { { "/", "text/html; charset=utf-8" },
		      { ".js", "text/javascript; charset=utf-8" },
		      { ".css", "text/css; charset=utf-8" },
		      { ".svg", "image/svg+xml" } };
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		size_t len = strlen(path), end = strlen(types[i].end);
		if (len >= end && !strcmp(path + len - end, types[i].end))
			return types[i].type;
	}
	die("no type is known for such a name", path);
	return NULL;
}

static void compress_file(struct file *file)
{
	z_stream stream = { 0 };
	size_t room = file->plain.len + 1024;
	buf_init(&file->gzip, room);
	CHECK(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
			   Z_DEFAULT_STRATEGY) == Z_OK);
	stream.next_in = (Bytef *)file->plain.ptr;
	stream.avail_in = (uInt)file->plain.len;
	stream.next_out = (Bytef *)buf_reserve(&file->gzip, room);
	stream.avail_out = (uInt)room;
	CHECK(stream.next_out && deflate(&stream, Z_FINISH) == Z_STREAM_END);
	file->gzip.len = stream.total_out < file->plain.len ? stream.total_out : 0;
	deflateEnd(&stream);
}

static void print_bytes(FILE *out, const char *name, size_t index, const struct buf *bytes)
{
	fprintf(out, "static const unsigned char %s_%zu[] = {", name, index);
	for (size_t i = 0; i < bytes->len; i++)
		fprintf(out, "%s%u,", i % LINE_BYTES ? "" : "\n\t", (uint8_t)bytes->ptr[i]);
	fprintf(out, "%s\n};\n", bytes->len ? "" : "\n\t0");
}

static void print_row(FILE *out, size_t index, const struct file *file)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];
	SHA256((const uint8_t *)file->plain.ptr, file->plain.len, hash);
	fprintf(out, "\t{ \"%s\", \"%s\", \"\\\"", file->path, type_of(file->path));
	for (size_t i = 0; i < ETAG_BYTES; i++)
		fprintf(out, "%02x", hash[i]);
	fprintf(
	    out,
	    "\\\"\",\n\t  { (const char *)plain_%zu, %zu }, { (const char *)gzip_%zu, %zu } },\n",
	    index, file->plain.len, index, file->gzip.len);
}

static void print_table(FILE *out, const struct files *files)
{
	fprintf(out, "/* Made by tools/embed_web.c from web/ and uPlot; do not edit. */\n"
		     "#include \"serve/static.h\"\n\n");
	for (size_t i = 0; i < files->count; i++) {
		print_bytes(out, "plain", i, &files->files[i].plain);
		print_bytes(out, "gzip", i, &files->files[i].gzip);
	}
	fprintf(out, "\nconst struct serve_file serve_files[] = {\n");
	for (size_t i = 0; i < files->count; i++)
		print_row(out, i, &files->files[i]);
	fprintf(out, "};\nconst size_t serve_file_count = %zu;\n", files->count);
}

int main(int argc, char **argv)
{
	static struct files files;
	if (argc != 4)
		die("usage: embed_web WEB UPLOT OUT.c", "arguments");
	read_folder(&files, argv[1]);
	read_file(&files, "/uplot.js", argv[2], "uPlot.esm.js");
	read_file(&files, "/uplot.css", argv[2], "uPlot.min.css");
	make_tables(&files);
	FILE *out = fopen(argv[3], "w");
	if (!out)
		die("cannot be written", argv[3]);
	for (size_t i = 0; i < files.count; i++)
		compress_file(&files.files[i]);
	print_table(out, &files);
	if (fclose(out))
		die("cannot be written", argv[3]);
	for (size_t i = 0; i < files.count; i++) {
		buf_deinit(&files.files[i].plain);
		buf_deinit(&files.files[i].gzip);
	}
	return 0;
}
