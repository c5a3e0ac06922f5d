#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "os/http_impl.h"

enum { HTTP_UPLOAD_BYTES = 256 * 1024 }; /* of a lent body at once */

_Static_assert(LIBCURL_VERSION_NUM >= 0x075700, "CURLOPT_QUICK_EXIT came with libcurl 7.87");

/* ---- what a request may say ---- */

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!isalnum((unsigned char)s.ptr[i]) &&
		    !(s.ptr[i] && strchr("!#$%&'*+-.^_`|~", s.ptr[i])))
			return false;
	return s.len > 0;
}

static bool has_byte_below(struct str s, unsigned char bound)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] < bound || s.ptr[i] == 0x7f)
			return true;
	return false;
}

static bool is_url(struct str url)
{
	return (str_starts(url, STR("https://")) || str_starts(url, STR("http://"))) &&
	       !has_byte_below(url, '!');
}

static enum status check_request(const struct http_request *request)
{
	CHECK(request->deadline_ns > 0 && request->n_headers <= HTTP_REQUEST_HEADERS);
	CHECK(!request->on_sent || (strcmp(request->method, "POST") == 0 && request->body.len));
	if (!is_token(str_of(request->method)) || !is_url(request->url))
		return STATUS_INVALID;
	if (request->url.len > HTTP_TEXT_MAX || request->body.len > HTTP_SEND_MAX)
		return STATUS_RANGE;
	for (size_t i = 0; i < request->n_headers; i++) {
		const struct http_header *header = &request->headers[i];
		if (!is_token(header->name) || has_byte_below(header->value, ' '))
			return STATUS_INVALID;
		if (header->name.len + header->value.len > HTTP_TEXT_MAX)
			return STATUS_RANGE;
	}
	return STATUS_OK;
}

/* ---- libcurl's calls ---- */

static enum status take_body(struct http_slot *slot, struct str part)
{
	if (part.len > slot->body_bytes_max - slot->body.len)
		return STATUS_RANGE;
	buf_str_put(&slot->body, part);
	return slot->body.overflow ? STATUS_NO_MEMORY : STATUS_OK;
}

/* Bytes come unpacked, a few KiB at a time: a small answer that unpacks to gigabytes
 * ends here when it passes the bound. */
static size_t on_body(char *bytes, size_t size, size_t count, void *ctx)
{
	struct http_slot *slot = ctx;
	slot->body_status = take_body(slot, str_make(bytes, size * count));
	return slot->body_status == STATUS_OK ? size * count : CURL_WRITEFUNC_ERROR;
}

static size_t give_body(char *room, size_t size, size_t count, void *ctx)
{
	struct http_slot *slot = ctx;
	size_t n = size * count < slot->lent.len ? size * count : slot->lent.len;
	memcpy(room, slot->lent.ptr, n);
	slot->lent = str_skip(slot->lent, n);
	slot->on_sent(slot->ctx, n);
	return n;
}

/* ---- a request ---- */

static enum status add_line(struct http_slot *slot, const char *line)
{
	struct curl_slist *longer = curl_slist_append(slot->headers, line);
	if (!longer)
		return STATUS_NO_MEMORY;
	slot->headers = longer;
	return STATUS_OK;
}

/* "Name;" is how libcurl is told to send a header without a value. */
static enum status add_header(struct http_slot *slot, const struct http_header *header)
{
	struct http *http = slot->http;
	struct buf line = buf_over(http->text, sizeof http->text);
	buf_str_put(&line, header->name);
	buf_str_put(&line, header->value.len ? STR(": ") : STR(";"));
	buf_str_put(&line, header->value);
	buf_char(&line, 0);
	CHECK(!line.overflow);
	return add_line(slot, http->text);
}

/* What libcurl would say by itself when there is a body is taken out: nobody waits for
 * "100 Continue", and what the body is, only the owner knows. */
static enum status add_headers(struct http_slot *slot, const struct http_request *request)
{
	enum status status = add_line(slot, "Expect:");
	if (status == STATUS_OK)
		status = add_line(slot, "Content-Type:");
	for (size_t i = 0; i < request->n_headers && status == STATUS_OK; i++)
		status = add_header(slot, &request->headers[i]);
	return status;
}

/* A connection of its own is what keeps libcurl from sending it again: it does so only
 * where one that was kept turns out to be closed. */
static CURLcode set_lent(struct http_slot *slot, const struct http_request *request)
{
	CURL *easy = slot->easy;
	slot->lent = request->body;
	slot->on_sent = request->on_sent;
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
	curl_easy_setopt(easy, CURLOPT_READDATA, slot);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)HTTP_UPLOAD_BYTES);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	return curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
}

static CURLcode set_method(CURL *easy, const struct http_request *request)
{
	bool is_post = strcmp(request->method, "POST") == 0;
	CURLcode code = CURLE_OK;
	if (is_post || request->body.len) {
		code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
					(curl_off_t)request->body.len);
		if (code == CURLE_OK)
			code = curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS,
						request->body.len ? request->body.ptr : "");
	} else if (strcmp(request->method, "HEAD") == 0) {
		return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	}
	if (code == CURLE_OK && !is_post && strcmp(request->method, "GET") != 0)
		code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	return code;
}

/* The path of the system's authorities has a default as well as their file: it goes,
 * or a ca_file would not be alone. */
static CURLcode set_trust(CURL *easy, const char *ca_file)
{
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (!ca_file)
		return CURLE_OK;
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	return curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
}

static CURLcode set_always(struct http_slot *slot)
{
	CURL *easy = slot->easy;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, slot);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, slot->why);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, slot);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Without it the end of a request waits for the thread that resolves its name. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	const struct {
		CURLoption option;
		const char *text;
	} texts[] = { { CURLOPT_PROTOCOLS_STR, "http,https" },
		      { CURLOPT_PROXY, "" }, /* nor what the environment says */
		      { CURLOPT_ACCEPT_ENCODING, "gzip" },
		      { CURLOPT_USERAGENT, slot->http->user_agent } };
	CURLcode code = CURLE_OK;
	for (size_t i = 0; i < ARRAY_LEN(texts) && code == CURLE_OK; i++)
		code = curl_easy_setopt(easy, texts[i].option, texts[i].text);
	return code == CURLE_OK ? set_trust(easy, slot->http->ca_file) : code;
}

static CURLcode set_request(struct http_slot *slot, const struct http_request *request)
{
	struct http *http = slot->http;
	CURL *easy = slot->easy;
	long deadline_ms = (long)((request->deadline_ns + 999999) / 1000000);
	CURLcode code = request->on_sent ? set_lent(slot, request) : set_method(easy, request);
	if (code != CURLE_OK)
		return code;
	memcpy(http->text, request->url.ptr, request->url.len);
	http->text[request->url.len] = 0;
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, slot->headers);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, deadline_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, deadline_ms);
	return curl_easy_setopt(easy, CURLOPT_URL, http->text);
}

static CURL *fresh_easy(struct http_slot *slot)
{
	if (slot->easy)
		curl_easy_reset(slot->easy); /* connections stay: they are the multi handle's */
	else
		slot->easy = curl_easy_init();
	return slot->easy;
}

enum status http_slot_prepare(struct http_slot *slot, const struct http_request *request)
{
	enum status status = check_request(request);
	if (status != STATUS_OK)
		return status;
	slot->body.limit = request->body_bytes_max + HTTP_PADDING;
	slot->body_bytes_max = request->body_bytes_max;
	slot->deadline_ns = request->deadline_ns;
	slot->why[0] = 0;
	if (!fresh_easy(slot) || add_headers(slot, request) != STATUS_OK ||
	    set_always(slot) != CURLE_OK || set_request(slot, request) != CURLE_OK) {
		http_slot_clear(slot);
		return STATUS_NO_MEMORY;
	}
	return STATUS_OK;
}

void http_slot_clear(struct http_slot *slot)
{
	curl_slist_free_all(slot->headers);
	slot->headers = NULL;
	slot->body_status = STATUS_OK;
	if (slot->body.cap > HTTP_BODY_KEEP) {
		buf_deinit(&slot->body);
		buf_init(&slot->body, HTTP_BODY_KEEP);
	}
	buf_clear(&slot->body);
}

/* ---- its end ---- */

static bool keep_header(struct http_slot *slot, size_t count, size_t used,
			const struct curl_header *header)
{
	size_t len = strlen(header->name);
	if (count == HTTP_HEADERS_MAX || len > sizeof slot->names - used)
		return false;
	for (size_t i = 0; i < len; i++)
		slot->names[used + i] = (char)tolower((unsigned char)header->name[i]);
	slot->kept[count].name = str_make(slot->names + used, len);
	slot->kept[count].value = str_of(header->value);
	return true;
}

/* Of the last answer only: what a "100 Continue" said is not the answer's. Values stay
 * where libcurl has them. */
static size_t keep_headers(struct http_slot *slot)
{
	struct curl_header *header = NULL;
	size_t count = 0, used = 0;
	while ((header = curl_easy_nextheader(slot->easy, CURLH_HEADER, -1, header))) {
		if (keep_header(slot, count, used, header))
			used += slot->kept[count++].name.len;
		else
			slot->http->counts.headers_dropped++;
	}
	return count;
}

static enum status status_of(const struct http_slot *slot, CURLcode code)
{
	if (slot->body_status != STATUS_OK)
		return slot->body_status;
	switch (code) {
	case CURLE_OK: return STATUS_OK;
	case CURLE_OPERATION_TIMEDOUT: return STATUS_TIMEOUT;
	case CURLE_OUT_OF_MEMORY: return STATUS_NO_MEMORY;
	default: return STATUS_CLOSED;
	}
}

/* libcurl puts words of the other side into its own; they stay on the line. */
static void make_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
}

static void explain(struct http_slot *slot, enum status status, CURLcode code)
{
	long long deadline_ms = (long long)(slot->deadline_ns / 1000000);
	curl_off_t connected_us = 0;
	curl_easy_getinfo(slot->easy, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
	if (status == STATUS_TIMEOUT)
		snprintf(slot->why, sizeof slot->why, "no %s within %lld ms",
			 connected_us ? "whole answer" : "connection", deadline_ms);
	else if (status == STATUS_RANGE)
		snprintf(slot->why, sizeof slot->why, "the answer is longer than %zu bytes",
			 slot->body_bytes_max);
	else if (status == STATUS_NO_MEMORY)
		snprintf(slot->why, sizeof slot->why, "out of memory");
	else if (!slot->why[0])
		snprintf(slot->why, sizeof slot->why, "%s", curl_easy_strerror(code));
	make_one_line(slot->why);
}

static void count_traffic(struct http_slot *slot)
{
	struct http_counts *counts = &slot->http->counts;
	curl_off_t body_bytes = 0;
	long header_bytes = 0, connects = 0;
	curl_easy_getinfo(slot->easy, CURLINFO_SIZE_DOWNLOAD_T, &body_bytes);
	curl_easy_getinfo(slot->easy, CURLINFO_HEADER_SIZE, &header_bytes);
	curl_easy_getinfo(slot->easy, CURLINFO_NUM_CONNECTS, &connects);
	counts->bytes_in += (uint64_t)body_bytes + (uint64_t)header_bytes;
	counts->connects += (uint64_t)connects;
}

void http_slot_tell(struct http_slot *slot, CURLcode code)
{
	enum status status = status_of(slot, code);
	char *padding = status == STATUS_OK ? buf_reserve(&slot->body, HTTP_PADDING) : NULL;
	if (status == STATUS_OK && !padding)
		status = STATUS_NO_MEMORY;
	count_traffic(slot);
	if (status != STATUS_OK) {
		slot->http->counts.failures++;
		explain(slot, status, code);
		slot->fn(slot->ctx, status, NULL, slot->why);
		return;
	}
	long http_code = 0;
	curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &http_code);
	memset(padding, 0, HTTP_PADDING);
	struct http_answer answer = { .code = (int)http_code, .body = buf_str(&slot->body) };
	answer.headers = slot->kept;
	answer.n_headers = keep_headers(slot);
	slot->http->counts.answers++;
	slot->fn(slot->ctx, STATUS_OK, &answer, "");
}
