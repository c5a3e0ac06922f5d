#include "cli/mt5_tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "gate/tokens.h"
#include "os/files.h"
#include "os/secret.h"

enum { FILE_BYTES_MAX = 32 << 20, FILE_BYTES_LIMIT = 2 * FILE_BYTES_MAX };

static const char head[] =
    "# ID TOKEN [HOST [GROUP,GROUP]]: who may connect to weir. Keep it 0600.\n";

/* ---- opening ---- */

static enum status lock_folder(struct mt5_tokens *tokens, struct err *err)
{
	char folder[PATH_BYTES_MAX];
	enum status status = path_format(folder, err, "%s", tokens->path);
	if (status)
		return status;
	char *slash = strrchr(folder, '/');
	if (slash == folder)
		slash++;
	if (slash)
		*slash = '\0';
	tokens->lock = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tokens->lock < 0)
		return err_errno(err, errno, "open %s", slash ? folder : ".");
	while (flock(tokens->lock, LOCK_EX))
		if (errno != EINTR)
			return err_errno(err, errno, "lock %s", slash ? folder : ".");
	return STATUS_OK;
}

static enum status check(const struct buf *text, const char *path, struct err *err)
{
	struct tokens *parsed = NULL;
	enum status status = tokens_parse(buf_str(text), path, &parsed, err);
	tokens_destroy(parsed);
	return status;
}

enum status mt5_tokens_open(struct mt5_tokens *tokens, const char *path, struct err *err)
{
	*tokens = (struct mt5_tokens){ .path = path, .lock = -1 };
	buf_init(&tokens->text, FILE_BYTES_LIMIT);
	enum status status = lock_folder(tokens, err);
	if (status)
		return status;
	status = secret_read_file(path, FILE_BYTES_MAX, &tokens->text, err);
	if (status == STATUS_NOT_FOUND)
		return STATUS_OK;
	return status ? status : check(&tokens->text, path, err);
}

void mt5_tokens_close(struct mt5_tokens *tokens)
{
	secret_wipe(&tokens->text);
	if (tokens->lock >= 0)
		close(tokens->lock);
	tokens->lock = -1;
}

/* ---- lines ---- */

/* The next word, as tokens.c splits them; empty at the end or at a comment. */
static struct str take_word(struct str *rest)
{
	*rest = str_trim(*rest);
	if (!rest->len || rest->ptr[0] == '#')
		return STR("");
	size_t len = 0;
	while (len < rest->len && rest->ptr[len] != ' ' && rest->ptr[len] != '\t')
		len++;
	struct str word = str_make(rest->ptr, len);
	*rest = str_skip(*rest, len);
	return word;
}

static bool is_of(struct str line, struct str id) { return id.len && str_eq(take_word(&line), id); }

bool mt5_tokens_has(const struct mt5_tokens *tokens, struct str id)
{
	struct str rest = buf_str(&tokens->text), line;
	if (!rest.ptr)
		return false;
	while (str_split(&rest, '\n', &line))
		if (is_of(line, id))
			return true;
	return false;
}

/* `old` is the line that this one replaces; empty: none. */
static void put_line(struct buf *out, const struct mt5_token_line *line, struct str old)
{
	struct str rest = old;
	take_word(&rest);
	take_word(&rest);
	struct str host = take_word(&rest), groups = take_word(&rest);
	rest = str_trim(rest);
	if (line->host.len)
		host = line->host;
	if (line->groups.len)
		groups = line->groups;
	if (groups.len && !host.len)
		host = STR("-");
	buf_str_put(out, line->id);
	buf_printf(out, " %s", line->token);
	if (host.len)
		buf_printf(out, " %.*s", STR_ARG(host));
	if (groups.len)
		buf_printf(out, " %.*s", STR_ARG(groups));
	if (rest.len)
		buf_printf(out, " %.*s", STR_ARG(rest));
	buf_char(out, '\n');
}

static void put_file(struct buf *out, const struct mt5_tokens *tokens,
		     const struct mt5_token_line *line)
{
	struct str rest = buf_str(&tokens->text), old;
	bool replaced = false, any = rest.len > 0;
	if (!any)
		buf_str_put(out, str_of(head));
	else if (rest.ptr[rest.len - 1] == '\n')
		rest.len--; /* the end of the last line, not a line of its own */
	while (any && str_split(&rest, '\n', &old)) {
		bool same = is_of(old, line->id);
		replaced = replaced || same;
		if (same) {
			put_line(out, line, old);
			continue;
		}
		buf_str_put(out, old);
		buf_char(out, '\n');
	}
	if (!replaced)
		put_line(out, line, STR(""));
}

enum status mt5_tokens_put(struct mt5_tokens *tokens, const struct mt5_token_line *line,
			   struct err *err)
{
	struct buf out;
	enum status status = STATUS_OK;
	buf_init(&out, FILE_BYTES_LIMIT);
	/* Taken at once: a buffer that moves leaves tokens behind. */
	buf_reserve(&out, tokens->text.len + 4096);
	put_file(&out, tokens, line);
	if (out.overflow)
		status = err_set(err, STATUS_NO_MEMORY, "%s: out of memory", tokens->path);
	if (!status)
		status = check(&out, tokens->path, err);
	if (!status)
		status = files_write_atomic(tokens->path, buf_str(&out), 0600, err);
	secret_wipe(&out);
	return status;
}
