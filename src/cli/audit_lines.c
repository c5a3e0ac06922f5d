#include "cli/audit_lines.h"

#include <errno.h>
#include <string.h>

/* The longest name, each byte as \xHH, and that as JSON: \\xHH. */
enum { LINE_MAX_BYTES = 5 * AUDIT_NAME_MAX + 4096 };

enum status audit_lines_open(struct audit_lines *lines, const char *path, struct err *err)
{
	*lines = (struct audit_lines){ .file = stdout };
	if (path && strcmp(path, "-") != 0) {
		lines->path = path;
		lines->file = fopen(path, "we");
		if (!lines->file)
			return err_errno(err, errno, "%s", path);
	}
	buf_init(&lines->line, LINE_MAX_BYTES);
	return STATUS_OK;
}

enum status audit_lines_close(struct audit_lines *lines, struct err *err)
{
	if (!lines->file)
		return STATUS_OK;
	bool bad = fflush(lines->file) != 0;
	if (bad && !lines->number)
		lines->number = errno;
	if (lines->path)
		fclose(lines->file);
	lines->file = NULL;
	buf_deinit(&lines->line);
	return lines->number && lines->number != EPIPE
		   ? err_errno(err, lines->number, "%s",
			       lines->path ? lines->path : "standard output")
		   : STATUS_OK;
}

/* A line that has no room would be cut in its middle: there is none such, and none is written. */
static void write_line(struct audit_lines *lines)
{
	bool whole = !lines->line.overflow;
	if (whole && !lines->number &&
	    fwrite(lines->line.ptr, 1, lines->line.len, lines->file) == 0)
		lines->number = errno;
	buf_clear(&lines->line);
}

void audit_lines_header(struct audit_lines *lines)
{
	static const char header[] = "db\tkey\ttype\tencoding\tlength\texpiry\tbytes\tidle\n";
	buf_put(&lines->line, header, sizeof header - 1);
	write_line(lines);
}

static void put_known(struct buf *out, int64_t value)
{
	buf_char(out, '\t');
	if (value < 0)
		buf_char(out, '?');
	else
		buf_i64(out, value);
}

void audit_lines_key(struct audit_lines *lines, const struct audit_key *key)
{
	struct buf *out = &lines->line;
	buf_i64(out, key->db);
	buf_char(out, '\t');
	audit_name_print(out, key->name);
	buf_printf(out, "\t%s\t%s", audit_type_text(key->type), audit_encoding_text(key->encoding));
	put_known(out, key->length);
	buf_char(out, '\t');
	buf_i64(out, key->expires_ms);
	put_known(out, key->bytes);
	put_known(out, key->idle_s);
	buf_char(out, '\n');
	write_line(lines);
}

/* Which database is said where it is not the first, nor none: the server itself has none. */
void audit_lines_hit(struct audit_lines *lines, const struct audit_hit *hit)
{
	struct buf *out = &lines->line;
	buf_printf(out, "{\"rule\":\"%s\",\"severity\":\"%s\"", finding_row(hit->rule)->name,
		   severity_text(hit->severity));
	if (hit->file.len) {
		buf_put(out, ",\"file\":", 8);
		buf_json_str(out, hit->file);
		buf_printf(out, ",\"line\":%lld", (long long)hit->line);
	} else {
		buf_put(out, ",\"key\":", 7);
		buf_json_str(out, hit->key);
		if (hit->db > 0)
			buf_printf(out, ",\"db\":%d", hit->db);
	}
	buf_put(out, "}\n", 2);
	write_line(lines);
}
