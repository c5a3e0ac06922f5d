/* bench_audit_bare.h - a scan that asks what weir audit asks and throws the answers away: each
 * page's commands in one pipeline, the values of the page before and the next SCAN with them. */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BARE_PAGE_MAX = 4096, BARE_BYTES = 4 << 20 };

struct bare {
	int fd;
	size_t pos, len, out_len;
	char in[BARE_BYTES], out[BARE_BYTES];
	bool bad;
};

struct bare_page {
	size_t n;
	char names[BARE_PAGE_MAX][128], types[BARE_PAGE_MAX];
};

static inline char *bare_line(struct bare *bare)
{
	for (;;) {
		char *from = bare->in + bare->pos;
		char *end = memchr(from, '\n', bare->len - bare->pos);
		if (end) {
			end[-1] = 0;
			bare->pos += (size_t)(end - from) + 1;
			return from;
		}
		memmove(bare->in, from, bare->len - bare->pos);
		bare->len -= bare->pos;
		bare->pos = 0;
		ssize_t n = recv(bare->fd, bare->in + bare->len, sizeof bare->in - bare->len, 0);
		if (n <= 0) {
			bare->bad = true;
			strcpy(bare->in, "+");
			return bare->in;
		}
		bare->len += (size_t)n;
	}
}

/* A whole reply; a bulk's text to `text` where that is wanted. */
static inline void bare_skip(struct bare *bare, char *text, size_t size)
{
	char *line = bare_line(bare);
	long n = line[0] == '$' || line[0] == '*' ? atol(line + 1) : 0;
	if (text && (line[0] == '+' || line[0] == ':'))
		snprintf(text, size, "%s", line + 1);
	for (long i = 0; line[0] == '*' && i < n && !bare->bad; i++)
		bare_skip(bare, NULL, 0);
	if (line[0] != '$' || n < 0)
		return;
	size_t want = (size_t)n + 2;
	while (bare->len - bare->pos < want && !bare->bad) {
		memmove(bare->in, bare->in + bare->pos, bare->len - bare->pos);
		bare->len -= bare->pos;
		bare->pos = 0;
		ssize_t got = recv(bare->fd, bare->in + bare->len, sizeof bare->in - bare->len, 0);
		bare->bad = got <= 0;
		bare->len += got > 0 ? (size_t)got : 0;
	}
	if (text)
		snprintf(text, size, "%.*s", (int)n, bare->in + bare->pos);
	bare->pos += want;
}

static inline void bare_put(struct bare *bare, const char *before, const char *name,
			    const char *after)
{
	bare->out_len += (size_t)sprintf(bare->out + bare->out_len, "%s$%zu\r\n%s\r\n%s", before,
					 strlen(name), name, after);
}

static inline void bare_flush(struct bare *bare)
{
	for (size_t at = 0; at < bare->out_len && !bare->bad;) {
		ssize_t n = send(bare->fd, bare->out + at, bare->out_len - at, MSG_NOSIGNAL);
		bare->bad = n <= 0;
		at += n > 0 ? (size_t)n : 0;
	}
	bare->out_len = 0;
}

static inline void bare_put_meta(struct bare *bare, const struct bare_page *page)
{
	for (size_t i = 0; i < page->n; i++) {
		bare_put(bare, "*3\r\n$6\r\nOBJECT\r\n$8\r\nIDLETIME\r\n", page->names[i], "");
		bare_put(bare, "*2\r\n$4\r\nTYPE\r\n", page->names[i], "");
		bare_put(bare, "*2\r\n$11\r\nPEXPIRETIME\r\n", page->names[i], "");
		bare_put(bare, "*3\r\n$6\r\nMEMORY\r\n$5\r\nUSAGE\r\n", page->names[i], "");
		bare_put(bare, "*3\r\n$6\r\nOBJECT\r\n$8\r\nENCODING\r\n", page->names[i], "");
	}
}

static inline void bare_take_meta(struct bare *bare, struct bare_page *page)
{
	char type[32];
	for (size_t i = 0; i < page->n; i++) {
		bare_skip(bare, NULL, 0);
		bare_skip(bare, type, sizeof type);
		page->types[i] = strcmp(type, "string") == 0   ? 's'
				 : strcmp(type, "stream") == 0 ? 'x'
							       : type[0];
		if (strcmp(type, "set") == 0)
			page->types[i] = 'S';
		bare_skip(bare, NULL, 0);
		bare_skip(bare, NULL, 0);
		bare_skip(bare, NULL, 0);
	}
}

static inline size_t bare_put_value(struct bare *bare, char type, const char *name)
{
	static const char scan[] = "$1\r\n0\r\n$5\r\nCOUNT\r\n$2\r\n64\r\n";
	switch (type) {
	case 's': bare_put(bare, "*2\r\n$3\r\nGET\r\n", name, ""); return 1;
	case 'l':
		bare_put(bare, "*2\r\n$4\r\nLLEN\r\n", name, "");
		bare_put(bare, "*4\r\n$6\r\nLRANGE\r\n", name, "$1\r\n0\r\n$2\r\n31\r\n");
		bare_put(bare, "*4\r\n$6\r\nLRANGE\r\n", name, "$3\r\n-32\r\n$2\r\n-1\r\n");
		return 3;
	case 'S': bare_put(bare, "*5\r\n$5\r\nSSCAN\r\n", name, scan); return 1;
	case 'h': bare_put(bare, "*5\r\n$5\r\nHSCAN\r\n", name, scan); return 1;
	case 'z':
		bare_put(bare, "*2\r\n$5\r\nZCARD\r\n", name, "");
		bare_put(bare, "*5\r\n$6\r\nZRANGE\r\n", name,
			 "$1\r\n0\r\n$2\r\n63\r\n$10\r\nWITHSCORES\r\n");
		return 2;
	default:
		bare_put(bare, "*3\r\n$5\r\nXINFO\r\n$6\r\nGROUPS\r\n", name, "");
		bare_put(bare, "*2\r\n$4\r\nXLEN\r\n", name, "");
		bare_put(bare, "*3\r\n$5\r\nXINFO\r\n$6\r\nSTREAM\r\n", name, "");
		bare_put(bare, "*6\r\n$6\r\nXRANGE\r\n", name,
			 "$1\r\n-\r\n$1\r\n+\r\n$5\r\nCOUNT\r\n$2\r\n32\r\n");
		return 4;
	}
}

static inline void bare_take_names(struct bare *bare, struct bare_page *page, char cursor[32])
{
	bare_line(bare);
	bare_skip(bare, cursor, 32);
	long n = atol(bare_line(bare) + 1);
	page->n = 0;
	for (long i = 0; i < n && i < BARE_PAGE_MAX; i++)
		bare_skip(bare, page->names[page->n++], sizeof page->names[0]);
}

/* The keys of database 0; -1: it failed. */
static inline long bare_scan(const char *socket_path, bool values)
{
	struct bare *bare = calloc(1, sizeof *bare);
	struct bare_page *pages = calloc(2, sizeof *pages), *page = pages, *before = pages + 1;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char cursor[32] = "0", count[] = "$5\r\nCOUNT\r\n$3\r\n128\r\n";
	long keys = 0;
	bool more = true;
	strncpy(address.sun_path, socket_path, sizeof address.sun_path - 1);
	bare->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bare->bad = connect(bare->fd, (struct sockaddr *)&address, sizeof address) != 0;
	bare_put(bare, "*4\r\n$4\r\nSCAN\r\n", cursor, count);
	bare_flush(bare);
	bare_take_names(bare, page, cursor);
	while (!bare->bad && (page->n || before->n || more)) {
		size_t replies = 0;
		more = strcmp(cursor, "0") != 0;
		for (size_t i = 0; values && i < before->n; i++)
			replies += bare_put_value(bare, before->types[i], before->names[i]);
		bare_put_meta(bare, page);
		if (more)
			bare_put(bare, "*4\r\n$4\r\nSCAN\r\n", cursor, count);
		bare_flush(bare);
		while (replies-- > 0)
			bare_skip(bare, NULL, 0);
		bare_take_meta(bare, page);
		keys += (long)page->n;
		struct bare_page *other = before;
		before = page;
		page = other;
		page->n = 0;
		if (more)
			bare_take_names(bare, page, cursor);
	}
	bool bad = bare->bad;
	close(bare->fd);
	free(pages);
	free(bare);
	return bad ? -1 : keys;
}
