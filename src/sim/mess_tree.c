#include "sim/mess_tree.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/rng.h"
#include "def/findings.h"

enum language { PYTHON, JAVASCRIPT, GO, CSHARP, PHP, LANGUAGES };
enum style { PLAIN, METHODS, PASSED, WAITS };
enum {
	PIECES_MIN = 3,
	PIECES_MORE = 5,
	KEYED_MAX = 4096,
	TEXT_MAX = 256 << 10,
	NAME_BYTES = 48,
	BROKEN_OF_100 = 33,
};

struct head {
	enum language language;
	const char *receiver, *parameter;
	enum style style;
	const char *text;
};
struct piece {
	enum language language;
	const char *text;
};

static const struct head heads[] = {
#define TREE_HEAD(language, receiver, parameter, style, text)                                      \
	{ language, receiver, parameter, style, text },
#include "sim/mess_tree.def"
};
static const struct piece pieces[] = {
#define TREE_PIECE(language, text) { language, text },
#include "sim/mess_tree.def"
};
static const struct piece broken[] = {
#define TREE_BROKEN(language, text) { language, text },
#include "sim/mess_tree.def"
};

static const char *const folders[] = { "data", "indicators",   "dca",  "dashboard_backend",
				       "ml",   "sim/sandbox3", "bots", "utils" };
static const char *const stems[] = { "rolling",   "score_filter", "tech_filter", "smart_signal",
				     "interface", "pipeline",     "scanner",     "worker",
				     "report",    "sync" };
static const char *const words[] = {
	"fork_score:approved", "VOLUME_PASSED", "tech_filter", "klines",    "rrr_book",
	"DEPTH_ROWS",          "ema_fast",      "vwap:map",    "grid.plan", "whale_tape",
	"BASIS_SHEET",         "spread:row",    "candidates"
};
static const char *const symbols[] = { "symbol", "sym", "s", "ticker", "pair" };
static const char *const frames[] = { "tf", "timeframe", "interval" };
static const char *const endings[] = { ".py", ".js", ".go", ".cs", ".php" };

struct tree {
	struct rng rng;
	const struct mess_tree_to *to;
	struct mess_tree_counts *counts;
	struct err *err;
	uint32_t next; /* number behind names */
	uint32_t keyed[KEYED_MAX];
	size_t n_keyed;
};

struct source {
	struct tree *tree;
	const struct head *head;
	struct buf *text;
	char path[96];
	int64_t line;
	bool fresh; /* at a line's beginning */
	struct {
		char f[NAME_BYTES], g[NAME_BYTES], h[NAME_BYTES], k1[NAME_BYTES], k2[NAME_BYTES],
		    k3[NAME_BYTES];
		const char *s, *t;
		bool called;
	} names;
};

static size_t choose(struct tree *tree, size_t n) { return (size_t)rng_below(&tree->rng, n); }
#define PICK(tree, list) (list)[choose(tree, ARRAY_LEN(list))]

static void put_number(char *at, const char *stem, uint32_t number)
{
	struct buf out = buf_over(at, NAME_BYTES - 1);
	buf_printf(&out, "%s_%u", stem, number);
	at[out.len] = 0;
}

static void new_names(struct source *source)
{
	struct tree *tree = source->tree;
	static const char *const verbs[] = { "load",  "save",         "update",
					     "check", "publish_rows", "step" };
	put_number(source->names.f, PICK(tree, verbs), ++tree->next);
	put_number(source->names.g, PICK(tree, verbs), ++tree->next);
	put_number(source->names.h, PICK(tree, verbs), ++tree->next);
	put_number(source->names.k1, PICK(tree, words), ++tree->next);
	put_number(source->names.k2, PICK(tree, words), ++tree->next);
	put_number(source->names.k3, "row", ++tree->next);
	source->names.s = PICK(tree, symbols);
	source->names.t = PICK(tree, frames);
}

/* ---- lines ---- */

static enum status tell_rule(struct source *source, struct str name)
{
	char line[256];
	struct buf out = buf_over(line, sizeof line);
	enum finding_rule rule = finding_rule_find(name);
	CHECK(rule != FINDING_RULES);
	buf_printf(&out, "{\"rule\":\"%.*s\",\"severity\":\"%s\",\"file\":\"%s\",\"line\":%lld}",
		   STR_ARG(name), severity_text(finding_row(rule)->severity), source->path,
		   (long long)source->line);
	source->tree->counts->planted++;
	return source->tree->to->truth(source->tree->to->ctx, buf_str(&out), source->tree->err);
}

static enum status tell_rules(struct source *source, struct str names)
{
	struct str name;
	enum status status = STATUS_OK;
	while (!status && str_split(&names, ',', &name))
		status = tell_rule(source, name);
	return status;
}

static void put(struct source *source, const char *text)
{
	buf_str_put(source->text, str_of(text));
}

static void keep_keyed(struct source *source)
{
	struct tree *tree = source->tree;
	uint32_t number = 0;
	for (const char *at = source->names.k3 + 4; *at; at++)
		number = number * 10 + (uint32_t)(*at - '0');
	for (size_t i = 0; i < tree->n_keyed; i++)
		if (tree->keyed[i] == number)
			return;
	CHECK(tree->n_keyed < KEYED_MAX);
	tree->keyed[tree->n_keyed++] = number;
}

static void put_name(struct source *source, char which)
{
	bool waits = source->head->style == WAITS;
	switch (which) {
	case 'R': put(source, source->head->receiver); break;
	case 'P': put(source, source->head->parameter); break;
	case 'A': put(source, waits ? "await " : ""); break;
	case 'D': put(source, waits ? "async def" : "def"); break;
	case 'F':
	case 'C': put(source, source->names.f); break;
	case 'G': put(source, source->names.g); break;
	case 'H': put(source, source->names.h); break;
	case 'S': put(source, source->names.s); break;
	case 'T': put(source, source->names.t); break;
	case '1': put(source, source->names.k1); break;
	case '2': put(source, source->names.k2); break;
	case '3':
		keep_keyed(source);
		put(source, source->names.k3);
		break;
	default: CHECK(!"a letter that the table may use");
	}
}

static enum status put_line(struct source *source, struct str line, bool indent)
{
	const char *mark = line.len ? memmem(line.ptr, line.len, "##", 2) : NULL;
	struct str body = line;
	if (mark)
		body.len = (size_t)(mark - line.ptr);
	source->line++;
	if (indent && body.len)
		put(source, "    ");
	for (size_t i = 0; i < body.len; i++) {
		if (body.ptr[i] == '~')
			put_name(source, body.ptr[++i]);
		else
			buf_char(source->text, body.ptr[i]);
	}
	buf_char(source->text, '\n');
	return mark ? tell_rules(source, str_make(mark + 2, line.len - body.len - 2)) : STATUS_OK;
}

static enum status put_lines(struct source *source, const char *text, bool indent)
{
	struct str rest = str_of(text), line;
	enum status status = STATUS_OK;
	rest.len -= rest.len && rest.ptr[rest.len - 1] == '\n';
	while (!status && str_split(&rest, '\n', &line))
		status = put_line(source, line, indent);
	return status;
}

/* ---- files ---- */

static const struct piece *pick(struct tree *tree, const struct piece *list, size_t count,
				enum language language)
{
	size_t n = 0, chosen;
	for (size_t i = 0; i < count; i++)
		n += list[i].language == language;
	if (!n)
		return NULL;
	chosen = choose(tree, n);
	for (size_t i = 0; i < count; i++)
		if (list[i].language == language && chosen-- == 0)
			return &list[i];
	return NULL;
}

/* Calls at the end tell what is passed: both functions of a piece are called. */
static enum status pass_client(struct source *source, const char *piece, struct buf *calls)
{
	if (source->head->style != PASSED)
		return STATUS_OK;
	static const char *const marks[] = { "~D ~F(~P", "~D ~G(~P", "~D ~H(~P" };
	const char *names[] = { source->names.f, source->names.g, source->names.h };
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (strstr(piece, marks[i]))
			buf_printf(calls, "    %s(shared, *args)\n", names[i]);
	return STATUS_OK;
}

static enum status put_pieces(struct source *source, struct buf *calls)
{
	struct tree *tree = source->tree;
	enum language language = source->head->language;
	size_t n = PIECES_MIN + choose(tree, PIECES_MORE), cut = choose(tree, n);
	bool breaks = choose(tree, 100) < BROKEN_OF_100, methods = source->head->style == METHODS;
	enum status status = STATUS_OK;
	for (size_t i = 0; !status && i < n; i++) {
		const struct piece *wreck =
		    breaks && i == cut ? pick(tree, broken, ARRAY_LEN(broken), language) : NULL;
		const struct piece *piece = pick(tree, pieces, ARRAY_LEN(pieces), language);
		CHECK(piece);
		new_names(source);
		status = put_lines(source, language == PYTHON && !methods ? "\n\n" : "\n", false);
		if (!status && wreck) {
			tree->counts->broken++;
			/* Marks of a conflict stand at the line's beginning. */
			status = put_lines(source, wreck->text, methods && wreck->text[0] != '<');
			if (!status)
				status = put_lines(source, "\n", false);
		}
		if (!status)
			status = put_lines(source, piece->text, methods);
		if (!status)
			status = pass_client(source, piece->text, calls);
	}
	if (!status && language == CSHARP)
		status = put_lines(source, "}\n", false);
	return status;
}

static enum status end_passed(struct source *source, const struct buf *calls)
{
	if (!calls->len)
		return STATUS_OK;
	put(source, "\n\ndef main(*args):\n");
	buf_str_put(source->text, buf_str(calls));
	return STATUS_OK;
}

static enum status hand_over(struct tree *tree, const char *path, const struct buf *text)
{
	if (text->overflow)
		return err_set(tree->err, STATUS_NO_MEMORY, "%s: out of memory", path);
	tree->counts->files++;
	return tree->to->file(tree->to->ctx, str_of(path), buf_str(text), tree->err);
}

static enum language next_language(struct tree *tree)
{
	size_t of_100 = choose(tree, 100);
	return of_100 < 72   ? PYTHON
	       : of_100 < 82 ? JAVASCRIPT
	       : of_100 < 88 ? GO
	       : of_100 < 94 ? CSHARP
			     : PHP;
}

static const struct head *pick_head(struct tree *tree, enum language language)
{
	for (;;) {
		const struct head *head = &heads[choose(tree, ARRAY_LEN(heads))];
		if (head->language == language)
			return head;
	}
}

static void windows_lines(struct buf *text, struct buf *out)
{
	for (size_t i = 0; i < text->len; i++) {
		if (text->ptr[i] == '\n')
			buf_char(out, '\r');
		buf_char(out, text->ptr[i]);
	}
}

static enum status one_file(struct tree *tree, int64_t index, struct buf *text, struct buf *calls,
			    struct buf *windows)
{
	enum language language = next_language(tree);
	struct source source = { .tree = tree, .head = pick_head(tree, language), .text = text };
	struct buf path = buf_over(source.path, sizeof source.path - 1);
	buf_clear(text);
	buf_clear(calls);
	buf_clear(windows);
	buf_printf(&path, "%s/%s_%lld%s", PICK(tree, folders), PICK(tree, stems), (long long)index,
		   endings[language]);
	source.path[path.len] = 0;
	new_names(&source);
	enum status status = put_lines(&source, source.head->text, false);
	if (!status)
		status = put_pieces(&source, calls);
	if (!status)
		status = end_passed(&source, calls);
	bool crlf = choose(tree, 12) == 0;
	if (crlf)
		windows_lines(text, windows);
	return status ? status : hand_over(tree, source.path, crlf ? windows : text);
}

/* ---- the module that others import ---- */

static enum status shared_files(struct tree *tree, struct buf *text)
{
	static const char shared[] =
	    "\"\"\"The one module that makes the client.\"\"\"\nimport os\n\nimport redis\n\n"
	    "_pool = redis.BlockingConnectionPool(\n    host=os.environ[\"REDIS_HOST\"],\n    "
	    "port=6379,\n"
	    "    socket_timeout=2,\n    socket_connect_timeout=1,\n    max_connections=50,\n)\n"
	    "shared = redis.Redis(connection_pool=_pool)\n";
	buf_clear(text);
	buf_str_put(text, str_of(shared));
	enum status status = hand_over(tree, "core/shared.py", text);
	buf_clear(text);
	buf_str_put(text,
		    str_of("\"\"\"Names of keys.\"\"\"\n\n\nclass RedisKeys:\n    VERSION = 1\n"));
	for (size_t i = 0; i < tree->n_keyed; i++)
		buf_printf(text,
			   "\n    @staticmethod\n    def row_%u(symbol, tf):\n"
			   "        return f\"keyed:{symbol}:{tf}:row_%u\"\n",
			   tree->keyed[i], tree->keyed[i]);
	return status ? status : hand_over(tree, "core/keys.py", text);
}

enum status mess_tree_make(uint64_t seed, int64_t files, const struct mess_tree_to *to,
			   struct mess_tree_counts *counts, struct err *err)
{
	struct mess_tree_counts unread;
	struct tree tree = { .to = to, .counts = counts ? counts : &unread, .err = err };
	struct buf text, calls, windows;
	enum status status = STATUS_OK;
	if (files < MESS_TREE_FILES_MIN || files > MESS_TREE_FILES_MAX)
		return err_set(err, STATUS_RANGE, "%lld files: it is %d..%d", (long long)files,
			       MESS_TREE_FILES_MIN, MESS_TREE_FILES_MAX);
	*tree.counts = (struct mess_tree_counts){ 0 };
	rng_init(&tree.rng, seed);
	buf_init(&text, TEXT_MAX);
	buf_init(&calls, TEXT_MAX);
	buf_init(&windows, TEXT_MAX);
	for (int64_t i = 2; !status && i < files; i++)
		status = one_file(&tree, i, &text, &calls, &windows);
	if (!status)
		status = shared_files(&tree, &text);
	buf_deinit(&text);
	buf_deinit(&calls);
	buf_deinit(&windows);
	return status;
}
