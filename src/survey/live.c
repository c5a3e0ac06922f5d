#include "survey/live.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "os/tls.h"
#include "store/redis_url.h"
#include "survey/live_impl.h"

enum { NODES_MAX = 1024, SLACK_NS = 1000 };

struct node {
	char host[256]; /* "": as the URL has it */
	uint16_t port;
};

/* ---- where it is ---- */

static const char *system_authorities(void)
{
	static const char *const files[] = { "/etc/ssl/certs/ca-certificates.crt",
					     "/etc/pki/tls/certs/ca-bundle.crt",
					     "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem" };
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		if (access(files[i], R_OK) == 0)
			return files[i];
	return NULL;
}

static enum status open_tls(struct live *live, struct err *err)
{
	const struct live_config *config = &live->config;
	const char *ca = config->tls_ca;
	if (!ca && !config->tls_thumbprint)
		ca = system_authorities();
	if (!ca && !config->tls_thumbprint)
		return err_set(err, STATUS_INVALID,
			       "rediss://: no certificate authorities are installed; name a file");
	enum status status = tls_client_open(ca, config->tls_thumbprint, &live->tls, err);
	live->wire_config.tls = live->tls;
	return status ? err_wrap(err, STATUS_INVALID, "rediss://") : STATUS_OK;
}

/* rediss:// is redis:// over TLS. A database is one that the URL names: the path is looked at
 * again, since 0 may be written or left out. */
static bool names_database(struct str url)
{
	size_t at = url.len;
	while (at > 0 && url.ptr[at - 1] != '/' && url.ptr[at - 1] != '@')
		at--;
	return at > 0 && at < url.len && url.ptr[at - 1] == '/' && url.ptr[at - 2] != '/';
}

static enum status parse_url(struct live *live, struct redis_url *url, struct err *err)
{
	struct str text = live->config.url;
	char plain[1024];
	bool secure = str_starts(text, STR("rediss://"));
	if (secure) {
		struct buf out = buf_over(plain, sizeof plain);
		buf_put(&out, "redis", 5);
		buf_str_put(&out, str_skip(text, 6));
		if (out.overflow)
			return err_set(err, STATUS_INVALID, "the URL is longer than %zu bytes",
				       sizeof plain);
		text = buf_str(&out);
	}
	enum status status = redis_url_parse(text, url, err);
	if (status)
		return err->status = STATUS_INVALID;
	live->only_database = !url->is_unix && names_database(text) ? url->database : -1;
	live->wire_config = (struct wire_config){
		.unix_path = url->is_unix ? url->place : NULL,
		.host = url->place,
		.port = url->port,
		.user = url->has_login ? url->user : NULL,
		.password = url->has_login ? url->password : NULL,
		.deadline_ns = live->config.deadline_ns,
	};
	return secure ? open_tls(live, err) : STATUS_OK;
}

/* ---- a cluster's masters ---- */

static bool is_known(const struct node *nodes, size_t n, const struct node *node)
{
	for (size_t i = 0; i < n; i++)
		if (nodes[i].port == node->port && strcmp(nodes[i].host, node->host) == 0)
			return true;
	return false;
}

/* [host, port, id, …] */
static enum status read_master(struct live *live, struct node *nodes, size_t *n)
{
	struct wire_token head, host, port = { 0 };
	struct node node = { 0 };
	enum status status = wire_next(live->wire, &head);
	if (status || head.type != REDIS_ARRAY || head.number < 2)
		return status ? status : wire_skip(live->wire, &head);
	status = wire_next(live->wire, &host);
	if (status)
		return status;
	bool told = host.type == REDIS_BULK && !str_eq(host.text, STR("?"));
	if (told && str_copy(host.text, node.host, sizeof node.host))
		return err_set(&live->err, STATUS_REFUSED,
			       "CLUSTER SLOTS: a host's name is too long");
	status = wire_next(live->wire, &port);
	node.port = (uint16_t)port.number;
	if (!status && node.port && *n < NODES_MAX && !is_known(nodes, *n, &node))
		nodes[(*n)++] = node;
	head.number -= 2;
	return status ? status : wire_skip(live->wire, &head);
}

/* [from, to, master, replica…] a line. */
static enum status ask_masters(struct live *live, struct node *nodes, size_t *n)
{
	static const struct str slots[] = { STR("CLUSTER"), STR("SLOTS") };
	struct wire_token head, range, token;
	enum status status = wire_ask(live->wire, &head, slots, 2);
	if (!status && head.type != REDIS_ARRAY)
		return err_set(&live->err, STATUS_REFUSED,
			       "a cluster, and CLUSTER SLOTS is refused: %.*s",
			       (int)(head.text.len < 200 ? head.text.len : 200), head.text.ptr);
	for (int64_t i = 0; !status && i < head.number; i++) {
		status = wire_next(live->wire, &range);
		if (status || range.type != REDIS_ARRAY || range.number < 3)
			continue;
		status = wire_next(live->wire, &token);
		if (!status)
			status = wire_next(live->wire, &token);
		if (!status)
			status = read_master(live, nodes, n);
		range.number -= 3;
		if (!status)
			status = wire_skip(live->wire, &range);
	}
	return status;
}

static enum status scan_master(struct live *live, const struct node *node,
			       const struct wire_config *url)
{
	wire_close(live->wire);
	live->wire = NULL;
	live->run_id[0] = 0;
	live->wire_config = *url;
	if (node->host[0]) {
		live->wire_config.unix_path = NULL;
		live->wire_config.host = node->host;
	}
	live->wire_config.port = node->port;
	enum status status = live_know(live);
	if (!status && live->result->nodes == 0)
		live->result->server = live->facts.server;
	else if (!status)
		server_facts_join(&live->result->server, &live->facts.server);
	if (!status)
		status = live_node(live);
	if (status && live->err.text[0])
		err_wrap(&live->err, status, "master %s:%u", node->host, node->port);
	live->result->nodes += !status;
	return status;
}

static enum status scan_masters(struct live *live)
{
	const struct wire_config url = live->wire_config;
	struct node *nodes = calloc(NODES_MAX, sizeof *nodes);
	size_t n = 0;
	enum status status = nodes ? ask_masters(live, nodes, &n) : STATUS_NO_MEMORY;
	for (size_t i = 0; i < n && !status; i++)
		status = scan_master(live, &nodes[i], &url);
	live->wire_config = url;
	free(nodes);
	return status;
}

/* ---- the run ---- */

/* The first node tells what the server is, and, of a cluster, who the masters are. */
static enum status run(struct live *live)
{
	enum status status = live_know(live);
	live->result->server = live->facts.server;
	if (status)
		return status;
	if (strcmp(live->facts.server.mode, "sentinel") == 0)
		return err_set(&live->err, STATUS_REFUSED,
			       "a sentinel, which has no keys: name the server it watches");
	if (live->facts.cluster)
		return scan_masters(live);
	live->result->nodes = 1;
	return live_node(live);
}

static enum status prepare(struct live *live)
{
	const struct live_config *config = &live->config;
	seen_init(&live->seen, LIVE_SEEN_MAX);
	buf_init(&live->word, AUDIT_NAME_MAX + 64);
	for (size_t i = 0; i < LIVE_PAGES; i++) {
		buf_init(&live->pages[i].names, LIVE_PAGE_BYTES);
		buf_init(&live->pages[i].groups, LIVE_PAGE_BYTES);
	}
	live->arena.at = malloc(LIVE_ARENA_BYTES);
	if (config->rate > 0)
		live->pace.step_ns =
		    1000000000 / config->rate / (config->depth == LIVE_METADATA ? 1 : 2);
	live->result->server = audit_server_none();
	if (live->config.patience_ns == 0)
		live->config.patience_ns = 30000000000;
	live_prepare_commands(live);
	return live->arena.at ? STATUS_OK : STATUS_NO_MEMORY;
}

static void clean(struct live *live)
{
	wire_close(live->wire);
	tls_context_destroy(live->tls);
	seen_deinit(&live->seen);
	buf_deinit(&live->word);
	free(live->arena.at);
	for (size_t i = 0; i < LIVE_PAGES; i++) {
		buf_deinit(&live->pages[i].names);
		buf_deinit(&live->pages[i].groups);
		free(live->pages[i].keys);
	}
	free(live);
}

static enum status tell_why(const struct live *live, const struct redis_url *url,
			    enum status status, struct err *err)
{
	if (live->stopped)
		return status;
	enum status told =
	    status == STATUS_UNAVAILABLE || status == STATUS_INVALID || status == STATUS_NO_MEMORY
		? status
		: STATUS_REFUSED;
	const char *text = live->err.text[0] ? live->err.text : status_text(status);
	if (url->is_unix)
		return err_set(err, told, "%s: %s", url->place, text);
	return err_set(err, told, "%s:%u: %s", url->place, url->port, text);
}

enum status live_run(const struct live_config *config, struct live_result *result, struct err *err)
{
	struct redis_url url = { 0 };
	struct err own = { 0 };
	struct live *live = calloc(1, sizeof *live);
	*result = (struct live_result){ 0 };
	if (!live)
		return err_set(err, STATUS_NO_MEMORY, "out of memory");
	err = err ? err : &own;
	live->config = *config;
	live->result = result;
	enum status status = prepare(live);
	if (status) {
		clean(live);
		return err_set(err, status, "out of memory");
	}
	status = parse_url(live, &url, err);
	if (!status) {
		int slack = prctl(PR_GET_TIMERSLACK);
		prctl(PR_SET_TIMERSLACK, SLACK_NS); /* bursts are 100 us apart */
		status = run(live);
		prctl(PR_SET_TIMERSLACK, slack);
		if (status)
			status = tell_why(live, &url, status, err);
	}
	explicit_bzero(&url, sizeof url);
	clean(live);
	return status;
}
