/* server_facts.h - what a server says of itself: INFO, CONFIG GET, ACL, TIME.
 *
 * The parsers are pure: any text in, what could be read of it out, the rest stays absent
 * (audit/server.h). Redis from 5 on, and Valkey. server_facts_ask asks, and what it may not ask
 * stays absent as well. */
#pragma once

#include "audit/server.h"
#include "base/err.h"
#include "base/str.h"

enum { SERVER_DATABASES_MAX = 256 };

struct server_database {
	int number;
	int64_t keys;
};

struct server_facts {
	struct audit_server server;
	char run_id[48]; /* "" unknown: of the process, another one after a restart */
	bool cluster;
	bool info;                                              /* INFO was answered */
	struct server_database databases[SERVER_DATABASES_MAX]; /* with keys, by number */
	size_t n_databases;
};

/* All absent. */
void server_facts_init(struct server_facts *facts);
/* The text of INFO: all of it, or any of its sections. */
void server_facts_info(struct server_facts *facts, struct str text);
/* One setting of CONFIG GET. */
void server_facts_setting(struct server_facts *facts, struct str name, struct str value);
/* A line of ACL LIST ("user default on nopass …"); lines of other users say nothing. */
void server_facts_acl(struct server_facts *facts, struct str line);
/* The text of CLIENT LIST: clients, where INFO did not tell. */
void server_facts_clients(struct server_facts *facts, struct str text);

/* Another master of the same cluster: what can be added up is, and of the rest the worst stands
 * for all. What is unknown of one is unknown of all. */
void server_facts_join(struct audit_server *all, const struct audit_server *node);

struct wire;
/* logged_in: the connection gave a password; without one a server that answers wants none.
 * Errors are the connection's alone. */
MUST_CHECK enum status server_facts_ask(struct wire *wire, bool logged_in,
					struct server_facts *facts);
