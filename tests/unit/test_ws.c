/* The WebSocket client over libwebsockets against a server of raw sockets in a thread:
 * what is a message, what ends a connection and why, and that its owner is never called
 * from inside its own calls. */
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "allocations.h"
#include "codec/decoder.h"
#include "os/ws.h"
#include "os/ws_url.h"
#include "ws_cert.h"
#include "ws_peer.h"

static const int64_t patience_ns = 20000000000, second_ns = 1000000000;

/* ---- the resolver, in the test's hands ----
 *
 * libuv's call finds this one first. "venue.test" is 127.0.0.1; "two.test" is 127.0.0.2,
 * where nobody listens or answers, and then 127.0.0.1; "none.test" is not known. */

typedef int (*resolver)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
		struct addrinfo **found)
{
	resolver real;
	*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (name && strcmp(name, "none.test") == 0)
		return EAI_NONAME;
	if (name && strcmp(name, "venue.test") == 0)
		return real("127.0.0.1", service, hints, found);
	if (!name || strcmp(name, "two.test") != 0)
		return real(name, service, hints, found);
	int code = real("127.0.0.2", service, hints, found);
	return code ? code : real("127.0.0.1", service, hints, &(*found)->ai_next);
}

/* ---- a server that plays a script for each connection, in a thread ---- */

struct script {
	void (*play)(struct script *script, struct ws_peer *peer);
	int connections; /* to play for; 0: nobody takes them */
	int code;        /* for the script */
	const char *text;
	int listener;
	uint16_t port;
	SSL_CTX *tls;
	pthread_t thread;
	bool is_running;
	atomic_bool is_over; /* a play, by any end */
	char failure[160];
	struct ws_got got;
};

#define EXPECT(script, what)                                                                       \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			snprintf((script)->failure, sizeof(script)->failure, "line %d: %s",        \
				 __LINE__, #what);                                                 \
			return;                                                                    \
		}                                                                                  \
	} while (0)

static void *run_script(void *arg)
{
	struct script *script = arg;
	static _Thread_local struct ws_peer peer;
	for (int i = 0; i < script->connections && !script->failure[0]; i++) {
		if (peer_accept(&peer, script->listener, script->tls) && script->play)
			script->play(script, &peer);
		peer_close(&peer);
		script->is_over = true;
	}
	return NULL;
}

static void script_start(struct script *script, const char *address)
{
	script->listener = peer_listen(address, &script->port);
	if (script->listener < 0)
		skip();
	assert_int_equal(pthread_create(&script->thread, NULL, run_script, script), 0);
	script->is_running = true;
}

static void script_stop(struct script *script)
{
	if (!script->is_running)
		return;
	shutdown(script->listener, SHUT_RDWR);
	pthread_join(script->thread, NULL);
	close(script->listener);
	SSL_CTX_free(script->tls);
	if (script->failure[0])
		fail_msg("the server: %s", script->failure);
}

/* ---- the world ---- */

struct world {
	struct loop *loop;
	struct ws_context *context;
	struct ws_maker maker;
	struct ws_client *client;
	struct ws_config config;
	struct script script;
	bool is_inside; /* a call of the owner */
	bool is_open, is_closed, has_enough, is_context_closed;
	int opens, closes, code;
	char reason[300];
	uint64_t messages, messages_wanted;
	uint64_t bytes;
	size_t last_len;
	char last[256]; /* its beginning, NUL-terminated */
	char padding[DECODE_PADDING];
	int64_t received_ns;
	int files; /* open ones before the test */
	void (*on_message)(struct world *world);
	void (*on_open)(struct world *world);
	void (*on_close)(struct world *world);
	char folder[64], ca_file[96];
	struct ws_authority authority;
};

static void on_open(void *ctx)
{
	struct world *world = ctx;
	assert_false(world->is_inside);
	world->is_open = true;
	world->opens++;
	if (world->on_open)
		world->on_open(world);
}

static void on_message(void *ctx, struct str message, int64_t received_ns)
{
	struct world *world = ctx;
	assert_false(world->is_inside);
	memcpy(world->padding, message.ptr + message.len, DECODE_PADDING); /* it is readable */
	size_t kept = message.len < sizeof world->last ? message.len : sizeof world->last - 1;
	memcpy(world->last, message.ptr, kept);
	world->last[kept] = 0;
	world->last_len = message.len;
	world->bytes += message.len;
	world->received_ns = received_ns;
	world->has_enough = ++world->messages >= world->messages_wanted;
	if (world->on_message)
		world->on_message(world);
}

static void on_close(void *ctx, int code, struct str reason)
{
	struct world *world = ctx;
	assert_false(world->is_inside);
	world->is_closed = true;
	world->closes++;
	world->code = code;
	assert_int_equal(str_copy(reason, world->reason, sizeof world->reason), STATUS_OK);
	if (world->on_close)
		world->on_close(world);
}

static void set_flag(void *ctx) { *(bool *)ctx = true; }

static int open_files(void)
{
	int count = 0;
	DIR *folder = opendir("/proc/self/fd");
	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static int setup(void **state)
{
	static struct world world;
	world = (struct world){ .config.open_timeout_ns = 10 * second_ns, .messages_wanted = 1 };
	world.script.connections = 1;
	assert_int_equal(loop_create(64, &world.loop, NULL), STATUS_OK);
	world.files = open_files();
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	if (world->client)
		world->maker.destroy(world->maker.ctx, world->client);
	if (world->context) {
		ws_context_close(world->context, set_flag, &world->is_context_closed);
		assert_true(loop_turn_until(world->loop, &world->is_context_closed, patience_ns));
	}
	script_stop(&world->script);
	assert_int_equal(open_files(), world->files);
	loop_destroy(world->loop); /* which CHECKs that no handle is left */
	if (world->folder[0]) {
		unlink(world->ca_file);
		rmdir(world->folder);
		ws_authority_deinit(&world->authority);
	}
	return 0;
}

static void make_context(struct world *world)
{
	struct err err = { 0 };
	if (ws_context_create(world->loop, &world->config, &world->context, &err) != STATUS_OK)
		fail_msg("%s", err.text);
	world->maker = ws_context_maker(world->context);
	world->client = world->maker.create(world->maker.ctx);
	assert_non_null(world->client);
}

static void make_authority(struct world *world)
{
	snprintf(world->folder, sizeof world->folder, "/tmp/weir-test-ws-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	snprintf(world->ca_file, sizeof world->ca_file, "%s/ca.pem", world->folder);
	ws_authority_init(&world->authority, world->ca_file);
	world->config.ca_file = world->ca_file;
}

static enum status open_at(struct world *world, const char *url)
{
	struct ws_events events = { on_open, on_message, on_close, world };
	world->is_open = world->is_closed = false;
	world->is_inside = true;
	enum status status = world->client->ops->open(world->client, url, &events);
	world->is_inside = false;
	return status;
}

static void open_host(struct world *world, const char *host)
{
	char url[200];
	snprintf(url, sizeof url, "%s://%s:%u/stream?streams=a@aggTrade/b@aggTrade",
		 world->script.tls ? "wss" : "ws", host, world->script.port);
	assert_int_equal(open_at(world, url), STATUS_OK);
}

static enum status send_text(struct world *world, struct str text)
{
	world->is_inside = true;
	enum status status = world->client->ops->send(world->client, text);
	world->is_inside = false;
	return status;
}

static void pause_it(struct world *world, bool paused)
{
	world->is_inside = true;
	world->client->ops->pause(world->client, paused);
	world->is_inside = false;
}

static void close_it(struct world *world)
{
	world->is_inside = true;
	world->client->ops->close(world->client);
	world->is_inside = false;
}

static void begin(struct world *world, void (*play)(struct script *, struct ws_peer *))
{
	world->script.play = play;
	script_start(&world->script, "127.0.0.1");
	make_context(world);
}

static void begin_tls(struct world *world, const char *names,
		      void (*play)(struct script *, struct ws_peer *))
{
	make_authority(world);
	world->script.tls = ws_server_tls(&world->authority, names, 3600);
	begin(world, play);
}

static void wait_for(struct world *world, const bool *flag)
{
	if (!loop_turn_until(world->loop, flag, patience_ns))
		fail_msg("nothing came: opens %d, messages %d, closes %d, %s", world->opens,
			 (int)world->messages, world->closes, world->reason);
}

static void expect_end(struct world *world, int code, const char *reason)
{
	wait_for(world, &world->is_closed);
	if (world->code != code || !strstr(world->reason, reason))
		fail_msg("ended with %d, %s", world->code, world->reason);
}

/* A refused opening: what the person reads. */
static void expect_refusal(struct world *world, const char *host, const char *reason)
{
	open_host(world, host);
	expect_end(world, 1006, reason);
	assert_int_equal(world->opens, 0);
}

/* ---- messages ---- */

static const size_t sizes[] = { 0,     1,     125,   126,   4096,   65471,  65472,
				65473, 65535, 65536, 65537, 131072, 1 << 20 };

static unsigned char pattern_at(size_t i) { return (unsigned char)('a' + i % 23); }

static unsigned char *pattern(size_t len)
{
	unsigned char *bytes = malloc(len + 1);
	for (size_t i = 0; i < len; i++)
		bytes[i] = pattern_at(i);
	return bytes;
}

static void play_sizes(struct script *script, struct ws_peer *peer)
{
	unsigned char *bytes = pattern(1 << 20);
	EXPECT(script, peer_upgrade(peer));
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		EXPECT(script, peer_send(peer, WS_TEXT, true, bytes, sizes[i]));
	free(bytes);
	peer_wait_end(peer);
}

static void expect_size(struct world *world)
{
	size_t len = sizes[world->messages - 1];
	size_t kept = len < sizeof world->last ? len : sizeof world->last - 1;
	assert_int_equal(world->last_len, len);
	for (size_t i = 0; i < kept; i++)
		assert_int_equal(world->last[i], pattern_at(i));
}

static void run_sizes(struct world *world)
{
	uint64_t bytes = 0;
	world->messages_wanted = ARRAY_LEN(sizes);
	world->on_message = expect_size;
	open_host(world, "127.0.0.1");
	wait_for(world, &world->has_enough);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		bytes += sizes[i];
	const struct ws_counts *counts = ws_context_counts(world->context);
	assert_int_equal(counts->messages, ARRAY_LEN(sizes));
	assert_int_equal(counts->bytes, bytes);
	assert_int_equal(counts->opened, 1);
	assert_int_equal(world->opens, 1);
}

static void test_messages_of_all_lengths_arrive_whole(void **state)
{
	struct world *world = *state;
	begin(world, play_sizes);
	run_sizes(world);
}

static void test_messages_of_all_lengths_arrive_over_tls(void **state)
{
	struct world *world = *state;
	begin_tls(world, "IP:127.0.0.1", play_sizes);
	run_sizes(world);
}

static void play_hello(struct script *script, struct ws_peer *peer)
{
	EXPECT(script, peer_upgrade(peer));
	EXPECT(script, peer_send_text(peer, "hello"));
	peer_wait_end(peer);
}

static void test_a_message_carries_the_time_of_its_reception(void **state)
{
	struct world *world = *state;
	begin(world, play_hello);
	int64_t before_ns = loop_wall_ns(world->loop);
	open_host(world, "127.0.0.1");
	wait_for(world, &world->has_enough);
	assert_string_equal(world->last, "hello");
	assert_true(world->received_ns >= before_ns);
	assert_true(world->received_ns <= loop_wall_ns(world->loop));
}

static void play_long_in_parts(struct script *script, struct ws_peer *peer)
{
	unsigned char *bytes = pattern(1001);
	EXPECT(script, peer_upgrade(peer));
	EXPECT(script, peer_send(peer, WS_TEXT, false, bytes, 500));
	EXPECT(script, peer_send(peer, WS_CONTINUATION, false, bytes, 500));
	EXPECT(script, peer_send(peer, WS_CONTINUATION, true, bytes, 1));
	free(bytes);
	EXPECT(script, peer_get(peer, &script->got));
	EXPECT(script, script->got.opcode == WS_OP_CLOSE && script->got.is_masked);
	EXPECT(script, script->got.len == 2 && script->got.payload[0] == 1009 >> 8 &&
			   script->got.payload[1] == (1009 & 255));
	EXPECT(script, peer_send_close(peer, 1009, ""));
	peer_wait_end(peer);
}

static void play_one_too_long(struct script *script, struct ws_peer *peer)
{
	unsigned char *bytes = pattern(1001);
	EXPECT(script, peer_upgrade(peer));
	EXPECT(script, peer_send(peer, WS_TEXT, true, bytes, 1000));
	EXPECT(script, peer_send(peer, WS_TEXT, true, bytes, 1001));
	free(bytes);
	peer_wait_end(peer);
}

static void test_a_message_above_the_bound_ends_the_connection(void **state)
{
	struct world *world = *state;
	world->config.message_bytes_max = 1000;
	begin(world, play_one_too_long);
	open_host(world, "127.0.0.1");
	expect_end(world, 1009, "longer than 1000 bytes");
	assert_int_equal(world->messages, 1);
}

static void test_fragments_above_the_bound_end_it_and_the_server_is_told(void **state)
{
	struct world *world = *state;
	world->config.message_bytes_max = 1000;
	begin(world, play_long_in_parts);
	open_host(world, "127.0.0.1");
	expect_end(world, 1009, "longer than 1000 bytes");
	assert_int_equal(world->messages, 0);
}

/* A length of 2^40: refused when the first bytes of it are there. */
static void play_enormous(struct script *script, struct ws_peer *peer)
{
	unsigned char head[PEER_HEAD_BYTES];
	unsigned char *bytes = pattern(1 << 17);
	EXPECT(script, peer_upgrade(peer));
	EXPECT(script, peer_write(peer, head, peer_head(head, WS_TEXT, true, 1ULL << 40)));
	peer_write(peer, bytes, 1 << 17);
	free(bytes);
	peer_wait_end(peer);
}

static void test_an_enormous_length_is_refused_when_it_is_announced(void **state)
{
	struct world *world = *state;
	begin(world, play_enormous);
	open_host(world, "127.0.0.1");
	expect_end(world, 1009, "longer than 1048576 bytes");
}

static void play_fragments(struct script *script, struct ws_peer *peer)
{
	unsigned char ping[125];
	struct ws_got *got = &script->got;
	for (size_t i = 0; i < sizeof ping; i++)
		ping[i] = (unsigned char)i;
	EXPECT(script, peer_upgrade(peer));
	EXPECT(script, peer_send(peer, WS_TEXT, false, "one ", 4));
	EXPECT(script, peer_send(peer, WS_PING, true, ping, sizeof ping));
	EXPECT(script, peer_get(peer, got));
	EXPECT(script, got->opcode == WS_PONG && got->is_final && got->is_masked);
	EXPECT(script, got->len == sizeof ping && memcmp(got->payload, ping, got->len) == 0);
	EXPECT(script, peer_send(peer, WS_CONTINUATION, false, "", 0));
	EXPECT(script, peer_send(peer, WS_CONTINUATION, false, "two ", 4));
	EXPECT(script, peer_send(peer, WS_PING, true, "", 0));
	EXPECT(script, peer_get(peer, got) && got->opcode == WS_PONG && got->len == 0);
	EXPECT(script, peer_send(peer, WS_PONG, true, "unasked", 7));
	EXPECT(script, peer_send(peer, WS_CONTINUATION, true, "three", 5));
	EXPECT(script, peer_send_text(peer, "whole"));
	peer_wait_end(peer);
}

static void expect_fragments(struct world *world)
{
	assert_string_equal(world->last, world->messages == 1 ? "one two three" : "whole");
}

static void test_fragments_become_one_message_and_pings_between_them_are_answered(void **state)
{
	struct world *world = *state;
	begin(world, play_fragments);
	world->messages_wanted = 2;
	world->on_message = expect_fragments;
	open_host(world, "127.0.0.1");
	wait_for(world, &world->has_enough);
	assert_int_equal(ws_context_counts(world->context)->pings, 2);
}

static void play_pings(struct script *script, struct ws_peer *peer)
{
	struct ws_got *got = &script->got;
	EXPECT(script, peer_upgrade(peer));
	for (unsigned char i = 0; i < 50; i++) {
		EXPECT(script, peer_send(peer, WS_PING, true, &i, 1));
		EXPECT(script, peer_get(peer, got) && got->opcode == WS_PONG);
		EXPECT(script, got->len == 1 && got->payload[0] == i);
	}
	EXPECT(script, peer_send_text(peer, "done"));
	peer_wait_end(peer);
}

static void test_every_ping_is_answered_and_counted(void **state)
{
	struct world *world = *state;
	begin(world, play_pings);
	open_host(world, "127.0.0.1");
	wait_for(world, &world->has_enough);
	assert_int_equal(ws_context_counts(world->context)->pings, 50);
}

/* Two texts and a ping, a byte a packet. */
static void play_bytes(struct script *script, struct ws_peer *peer)
{
	unsigned char frames[600];
	size_t len = peer_head(frames, WS_TEXT, true, 300);
	memset(frames + len, 'x', 300);
	len += 300;
	len += peer_head(frames + len, WS_PING, true, 3);
	memcpy(frames + len, "hey", 3);
	len += 3;
	len += peer_head(frames + len, WS_TEXT, true, 5);
	memcpy(frames + len, "hello", 5);
	len += 5;
	EXPECT(script, peer_upgrade(peer));
	for (size_t i = 0; i < len; i++)
		EXPECT(script, peer_write(peer, frames + i, 1));
	EXPECT(script, peer_get(peer, &script->got));
	EXPECT(script, script->got.opcode == WS_PONG && script->got.len == 3);
	EXPECT(script, peer_send_text(peer, "hello"));
	peer_wait_end(peer);
}

static void test_frames_may_come_byte_by_byte(void **state)
{
	struct world *world = *state;
	begin(world, play_bytes);
	world->messages_wanted = 3;
	open_host(world, "127.0.0.1");
	wait_for(world, &world->has_enough);
	assert_string_equal(world->last, "hello");
	assert_int_equal(world->bytes, 310);
}

/* The frame comes in one packet with the server's answer to the upgrade. */
static void play_eager(struct script *script, struct ws_peer *peer)
{
	char answer[300];
	EXPECT(script, peer_read_request(peer));
	peer_print_switch(peer, answer, sizeof answer);
	size_t len = strlen(answer);
	len += peer_head((unsigned char *)answer + len, WS_TEXT, true, 5);
	memcpy(answer + len, "early", 5);
	EXPECT(script, peer_write(peer, answer, len + 5));
	peer_wait_end(peer);
}

static void expect_open(struct world *world) { assert_true(world->is_open); }

static void test_a_message_beside_the_upgrade_comes_after_on_open(void **state)
{
	struct world *world = *state;
	begin(world, play_eager);
	world->on_message = expect_open;
	open_host(world, "127.0.0.1");
	wait_for(world, &world->has_enough);
	assert_string_equal(world->last, "early");
}

static void play_bad_text(struct script *script, struct ws_peer *peer)
{
	EXPECT(script, peer_upgrade(peer));
	EXPECT(script, peer_send_text(peer, "\xff\xfe"));
	EXPECT(script, peer_send(peer, WS_BINARY, true, "\x00\x01", 2));
	peer_wait_end(peer);
}

static void test_text_that_is_not_utf8_and_binary_are_passed_on(void **state)
{
	struct world *world = *state;
	begin(world, play_bad_text);
	world->messages_wanted = 2;
	open_host(world, "127.0.0.1");
	wait_for(world, &world->has_enough);
	assert_int_equal(world->last_len, 2);
}

/* ---- what the server is asked ---- */

static void play_request(struct script *script, struct ws_peer *peer)
{
	char value[128], host[64];
	snprintf(host, sizeof host, "venue.test:%u", script->port);
	EXPECT(script, peer_upgrade(peer));
	EXPECT(script,
	       strstr(peer->request, "GET /stream?streams=a@aggTrade/b@aggTrade HTTP/1.1\r\n") ==
		   peer->request);
	EXPECT(script, strcmp(peer_header(peer, "Host", value, sizeof value), host) == 0);
	EXPECT(script, !*peer_header(peer, "Sec-WebSocket-Extensions", value, sizeof value));
	EXPECT(script, !*peer_header(peer, "Sec-WebSocket-Protocol", value, sizeof value));
	EXPECT(script, strcmp(peer_header(peer, "User-Agent", value, sizeof value),
			      "weir/" WEIR_VERSION) == 0);
	EXPECT(script, peer_send_text(peer, "seen"));
	peer_wait_end(peer);
}

static void test_the_request_names_host_and_path_and_offers_no_compression(void **state)
{
	struct world *world = *state;
	begin(world, play_request);
	open_host(world, "venue.test");
	wait_for(world, &world->has_enough);
}

static void play_long_request(struct script *script, struct ws_peer *peer)
{
	EXPECT(script, peer_upgrade(peer));
	EXPECT(script, strcspn(peer->request, "\r") == strlen("GET  HTTP/1.1") + WS_PATH_MAX);
	EXPECT(script, peer_send_text(peer, "seen"));
	peer_wait_end(peer);
}

static void test_the_longest_path_is_sent_whole(void **state)
{
	struct world *world = *state;
	char url[WS_PATH_MAX + 64];
	begin(world, play_long_request);
	int len = snprintf(url, sizeof url, "ws://127.0.0.1:%u/", world->script.port);
	memset(url + len, 'p', WS_PATH_MAX - 1);
	url[len + WS_PATH_MAX - 1] = 0;
	assert_int_equal(open_at(world, url), STATUS_OK);
	wait_for(world, &world->has_enough);
}

/* ---- sending ---- */

enum { SENT = 200 };

static void play_listen(struct script *script, struct ws_peer *peer)
{
	char expected[32];
	struct ws_got *got = &script->got;
	EXPECT(script, peer_upgrade(peer));
	EXPECT(script, peer_get(peer, got) && got->len == 100000);
	for (int i = 0; i < SENT; i++) {
		snprintf(expected, sizeof expected, "message %d", i);
		EXPECT(script, peer_get(peer, got));
		EXPECT(script, got->opcode == WS_TEXT && got->is_final && got->is_masked);
		EXPECT(script, got->len == strlen(expected));
		EXPECT(script, memcmp(got->payload, expected, got->len) == 0);
	}
	EXPECT(script, peer_send_text(peer, "all"));
	peer_wait_end(peer);
}

static void send_many(struct world *world)
{
	char text[32];
	unsigned char *large = pattern(100000);
	assert_int_equal(send_text(world, str_make((char *)large, 100000)), STATUS_OK);
	free(large);
	for (int i = 0; i < SENT; i++) {
		snprintf(text, sizeof text, "message %d", i);
		assert_int_equal(send_text(world, str_of(text)), STATUS_OK);
	}
}

static void test_what_is_sent_arrives_whole_and_in_order(void **state)
{
	struct world *world = *state;
	begin(world, play_listen);
	world->on_open = send_many;
	assert_int_equal(send_text(world, STR("early")), STATUS_CLOSED);
	open_host(world, "127.0.0.1");
	assert_int_equal(send_text(world, STR("early")), STATUS_CLOSED);
	wait_for(world, &world->has_enough);
	assert_string_equal(world->last, "all");
	assert_int_equal(ws_context_counts(world->context)->pings, 0);
}

static void send_beyond_the_bound(struct world *world)
{
	unsigned char *bytes = pattern(10001);
	struct str largest = str_make((char *)bytes, 10000);
	assert_int_equal(send_text(world, str_make((char *)bytes, 10001)), STATUS_FULL);
	assert_int_equal(send_text(world, largest), STATUS_OK);
	assert_int_equal(send_text(world, STR("one more")), STATUS_FULL);
	free(bytes);
}

static void play_listen_once(struct script *script, struct ws_peer *peer)
{
	EXPECT(script, peer_upgrade(peer));
	EXPECT(script, peer_get(peer, &script->got) && script->got.len == 10000);
	EXPECT(script, peer_send_text(peer, "got it"));
	EXPECT(script, peer_get(peer, &script->got) && script->got.len == 5);
	EXPECT(script, peer_send_text(peer, "and that"));
	peer_wait_end(peer);
}

static void test_what_waits_to_be_sent_is_bounded(void **state)
{
	struct world *world = *state;
	world->config.send_bytes_max = 10000;
	begin(world, play_listen_once);
	world->on_open = send_beyond_the_bound;
	open_host(world, "127.0.0.1");
	wait_for(world, &world->has_enough);
	assert_int_equal(send_text(world, STR("again")), STATUS_OK); /* there is room */
	world->messages_wanted = 2;
	world->has_enough = false;
	wait_for(world, &world->has_enough);
}

/* ---- back-pressure ---- */

enum { FLOOD = 3000, FLOOD_BYTES = 1000 };

static void play_flood(struct script *script, struct ws_peer *peer)
{
	char text[FLOOD_BYTES] = "";
	EXPECT(script, peer_upgrade(peer));
	for (int i = 0; i < FLOOD; i++) {
		snprintf(text, sizeof text, "%d", i);
		EXPECT(script, peer_send(peer, WS_TEXT, true, text, sizeof text));
	}
	peer_wait_end(peer);
}

static void expect_order_and_pause(struct world *world)
{
	assert_int_equal(atoi(world->last), world->messages - 1);
	assert_int_equal(world->last_len, FLOOD_BYTES);
	if (world->messages % 7 == 0)
		pause_it(world, true);
}

static void run_flood(struct world *world)
{
	world->messages_wanted = FLOOD;
	world->on_message = expect_order_and_pause;
	open_host(world, "127.0.0.1");
	wait_for(world, &world->is_open);
	while (!world->has_enough) {
		uint64_t wanted = (world->messages / 7 + 1) * 7;
		if (wanted > FLOOD)
			wanted = FLOOD;
		int64_t until_ns = loop_precise_ns() + patience_ns;
		while (world->messages < wanted && loop_precise_ns() < until_ns)
			loop_turn(world->loop, second_ns / 100);
		for (int turn = 0; turn < 3; turn++)
			loop_turn(world->loop, 0);
		assert_int_equal(world->messages, wanted);
		pause_it(world, false);
	}
	assert_int_equal(ws_context_counts(world->context)->pings, 0);
}

static void test_a_paused_connection_says_nothing_and_loses_nothing(void **state)
{
	struct world *world = *state;
	begin(world, play_flood);
	run_flood(world);
}

static void test_a_paused_connection_loses_nothing_over_tls(void **state)
{
	struct world *world = *state;
	begin_tls(world, "IP:127.0.0.1", play_flood);
	run_flood(world);
}

static void test_a_pause_before_the_opening_holds_from_the_first_message(void **state)
{
	struct world *world = *state;
	begin(world, play_hello);
	open_host(world, "127.0.0.1");
	pause_it(world, true);
	wait_for(world, &world->is_open);
	for (int turn = 0; turn < 10; turn++)
		loop_turn(world->loop, second_ns / 100);
	assert_int_equal(world->messages, 0);
	pause_it(world, false);
	wait_for(world, &world->has_enough);
	assert_string_equal(world->last, "hello");
}

/* ---- the end, by the server ---- */

static void play_close(struct script *script, struct ws_peer *peer)
{
	EXPECT(script, peer_upgrade(peer));
	if (script->code)
		EXPECT(script, peer_send_close(peer, script->code, script->text));
	else
		EXPECT(script, peer_send(peer, WS_OP_CLOSE, true, "", 0));
	EXPECT(script, peer_get(peer, &script->got));
	EXPECT(script, script->got.opcode == WS_OP_CLOSE && script->got.is_masked);
	peer_wait_end(peer);
}

static void run_server_close(struct world *world, int code, const char *text, int expected_code,
			     const char *expected)
{
	world->script.code = code;
	world->script.text = text;
	begin(world, play_close);
	open_host(world, "127.0.0.1");
	expect_end(world, expected_code, expected);
	assert_int_equal(world->opens, 1);
	assert_int_equal(world->closes, 1);
}

static void test_a_normal_close_of_the_server_is_answered(void **state)
{
	run_server_close(*state, 1000, "", 1000, "the server closed the connection (1000): normal");
}

static void test_a_policy_violation_is_passed_on_with_its_reason(void **state)
{
	run_server_close(*state, 1008, "too many\nrequests", 1008, "(1008): too many?requests");
}

/* libwebsockets 4.1 makes 1002 of the codes it does not know. */
static void test_a_service_restart_keeps_its_reason_but_comes_as_1002(void **state)
{
	run_server_close(*state, 1012, "restart", 1002, "(1002): restart");
}

static void test_a_code_of_an_application_is_passed_on(void **state)
{
	run_server_close(*state, 4001, "", 4001, "(4001)");
}

static void test_a_close_without_a_code_is_1005(void **state)
{
	run_server_close(*state, 0, "", 1005, "no code");
}

static void play_reset(struct script *script, struct ws_peer *peer)
{
	EXPECT(script, peer_upgrade(peer));
	EXPECT(script, peer_get(peer, &script->got)); /* the connection is open over there */
	peer_reset(peer);
}

static void play_leave(struct script *script, struct ws_peer *peer)
{
	EXPECT(script, peer_upgrade(peer));
	EXPECT(script, peer_get(peer, &script->got));
}

static void say_hello(struct world *world)
{
	assert_int_equal(send_text(world, STR("hello")), STATUS_OK);
}

static void run_break(struct world *world, const char *reason)
{
	world->on_open = say_hello;
	open_host(world, "127.0.0.1");
	expect_end(world, 1006, reason);
	assert_int_equal(world->opens, 1);
}

static void test_a_reset_is_1006(void **state)
{
	begin(*state, play_reset);
	run_break(*state, "the connection broke: ");
}

static void test_a_connection_that_ends_without_a_close_is_1006(void **state)
{
	begin(*state, play_leave);
	run_break(*state, "ended without a close frame");
}

static void test_a_tls_connection_that_ends_without_a_close_is_1006(void **state)
{
	begin_tls(*state, "IP:127.0.0.1", play_leave);
	run_break(*state, "the connection broke: ");
}

static void play_nonsense(struct script *script, struct ws_peer *peer)
{
	EXPECT(script, peer_upgrade(peer));
	EXPECT(script, peer_write(peer, "\x83\x01x", 3)); /* opcode 3 is nobody's */
	peer_wait_end(peer);
}

static void test_a_frame_that_is_not_valid_ends_the_connection(void **state)
{
	struct world *world = *state;
	begin(world, play_nonsense);
	open_host(world, "127.0.0.1");
	expect_end(world, 1006, "the connection broke");
}

/* ---- the end, by the owner ---- */

static void play_answer_close(struct script *script, struct ws_peer *peer)
{
	EXPECT(script, peer_upgrade(peer));
	EXPECT(script, peer_get(peer, &script->got) && script->got.opcode == WS_TEXT);
	EXPECT(script, peer_get(peer, &script->got) && script->got.opcode == WS_OP_CLOSE);
	EXPECT(script, script->got.len == 2 && script->got.payload[0] == 1000 >> 8 &&
			   script->got.payload[1] == (1000 & 255));
	EXPECT(script, peer_send_text(peer, "too late"));
	EXPECT(script, peer_send_close(peer, 1000, ""));
	peer_wait_end(peer);
}

static void say_hello_and_close(struct world *world)
{
	say_hello(world);
	close_it(world);
	close_it(world); /* which changes nothing */
	assert_int_equal(send_text(world, STR("late")), STATUS_CLOSED);
}

static void test_a_close_sends_what_waits_and_a_close_frame(void **state)
{
	struct world *world = *state;
	begin(world, play_answer_close);
	world->on_open = say_hello_and_close;
	open_host(world, "127.0.0.1");
	expect_end(world, 1000, "closed");
	assert_int_equal(world->messages, 0);
	close_it(world); /* fine when closed, too */
}

static void play_deaf(struct script *script, struct ws_peer *peer)
{
	EXPECT(script, peer_upgrade(peer));
	EXPECT(script, peer_send_text(peer, "hello"));
	while (peer_get(peer, &script->got))
		;
}

static void test_a_silent_server_delays_the_end_by_no_more_than_a_second(void **state)
{
	struct world *world = *state;
	begin(world, play_deaf);
	open_host(world, "127.0.0.1");
	wait_for(world, &world->has_enough);
	int64_t began_ns = loop_precise_ns();
	close_it(world);
	expect_end(world, 1000, "closed");
	int64_t took_ns = loop_precise_ns() - began_ns;
	assert_true(took_ns > second_ns / 2 && took_ns < 3 * second_ns);
}

/* Paused, with all of its buffers full: the close must still end. */
static void test_a_paused_connection_can_be_closed(void **state)
{
	struct world *world = *state;
	begin(world, play_flood);
	open_host(world, "127.0.0.1");
	wait_for(world, &world->has_enough);
	pause_it(world, true);
	uint64_t messages = world->messages;
	close_it(world);
	expect_end(world, 1000, "closed");
	assert_int_equal(world->messages, messages);
	world->script.failure[0] = 0; /* it could not say everything */
}

static void test_a_close_while_opening_ends_it(void **state)
{
	struct world *world = *state;
	world->script.connections = 0;
	begin(world, NULL);
	for (int turns = 0; turns < 6; turns++) {
		open_host(world, "venue.test");
		for (int i = 0; i < turns; i++)
			loop_turn(world->loop, second_ns / 100);
		close_it(world);
		expect_end(world, 1006, "closed before it was open");
	}
}

static void open_again(struct world *world)
{
	if (world->closes < 3)
		open_host(world, "127.0.0.1");
}

static void test_a_client_may_be_opened_again_from_on_close(void **state)
{
	struct world *world = *state;
	world->script.connections = 3;
	world->script.code = 1000;
	world->script.text = "";
	begin(world, play_close);
	world->on_close = open_again;
	open_host(world, "127.0.0.1");
	while (world->closes < 3)
		wait_for(world, &world->is_closed);
	assert_int_equal(world->opens, 3);
	const struct ws_counts *counts = ws_context_counts(world->context);
	assert_int_equal(counts->opens, 3);
	assert_int_equal(counts->opened, 3);
	assert_int_equal(counts->closes, 3);
}

static void destroy_it(struct world *world)
{
	world->maker.destroy(world->maker.ctx, world->client);
	world->client = NULL;
	world->has_enough = true;
}

/* The loop turns on for a while: nothing may be said any more. */
static void expect_silence(struct world *world)
{
	uint64_t messages = world->messages;
	for (int i = 0; i < 20; i++)
		loop_turn(world->loop, second_ns / 200);
	assert_int_equal(world->messages, messages);
	assert_int_equal(world->closes, 0);
}

/* The server's end of the connection is not left standing. */
static void expect_gone(struct world *world, struct script *script)
{
	int64_t until_ns = loop_precise_ns() + patience_ns / 4;
	while (!script->is_over && loop_precise_ns() < until_ns)
		loop_turn(world->loop, second_ns / 200);
	assert_true(script->is_over);
	script->failure[0] = 0; /* it may have been in the middle of its play */
}

static void test_a_client_may_be_destroyed_at_any_time_of_the_opening(void **state)
{
	struct world *world = *state;
	world->script.connections = 0;
	begin(world, NULL);
	for (int turns = 0; turns < 6; turns++) {
		open_host(world, "venue.test");
		for (int i = 0; i < turns; i++)
			loop_turn(world->loop, second_ns / 100);
		destroy_it(world);
		world->client = world->maker.create(world->maker.ctx);
	}
	expect_silence(world);
}

static void test_a_client_may_be_destroyed_in_on_message(void **state)
{
	struct world *world = *state;
	begin(world, play_deaf);
	world->on_message = destroy_it;
	open_host(world, "127.0.0.1");
	wait_for(world, &world->has_enough);
	expect_silence(world);
	assert_int_equal(world->messages, 1);
	expect_gone(world, &world->script);
}

static struct ws_client *the_other;
static bool other_is_open;

static void on_other_open(void *ctx)
{
	(void)ctx;
	other_is_open = true;
}

static void on_other_message(void *ctx, struct str message, int64_t received_ns)
{
	(void)ctx, (void)message, (void)received_ns;
}

static void on_other_close(void *ctx, int code, struct str reason)
{
	(void)ctx, (void)code, (void)reason;
	fail_msg("it was destroyed");
}

static void destroy_the_other(struct world *world)
{
	world->maker.destroy(world->maker.ctx, the_other);
}

static void test_a_client_may_be_destroyed_in_the_callback_of_another(void **state)
{
	struct world *world = *state;
	struct ws_events events = { on_other_open, on_other_message, on_other_close, NULL };
	struct script server = { .play = play_deaf, .connections = 1 };
	char url[64];
	begin(world, play_hello);
	script_start(&server, "127.0.0.1");
	snprintf(url, sizeof url, "ws://127.0.0.1:%u/", server.port);
	the_other = world->maker.create(world->maker.ctx);
	assert_int_equal(the_other->ops->open(the_other, url, &events), STATUS_OK);
	wait_for(world, &other_is_open);
	world->on_message = destroy_the_other;
	open_host(world, "127.0.0.1");
	wait_for(world, &world->has_enough);
	expect_silence(world);
	expect_gone(world, &server);
	script_stop(&server);
}

enum { LIVES = 300 };

static void play_live(struct script *script, struct ws_peer *peer)
{
	EXPECT(script, peer_upgrade(peer));
	EXPECT(script, peer_send_text(peer, "hello"));
	EXPECT(script, peer_get(peer, &script->got) && script->got.opcode == WS_OP_CLOSE);
	EXPECT(script, peer_send_close(peer, 1000, ""));
	peer_wait_end(peer);
}

static void live_once(struct world *world)
{
	world->has_enough = false;
	open_host(world, "127.0.0.1");
	wait_for(world, &world->has_enough);
	close_it(world);
	expect_end(world, 1000, "closed");
	open_host(world, "127.0.0.2");
	expect_end(world, 1006, "Connection refused");
}

static void test_hundreds_of_lives_leave_nothing_behind(void **state)
{
	struct world *world = *state;
	world->script.connections = LIVES;
	begin(world, play_live);
	size_t before = 0;
	for (int i = 0; i < LIVES; i++) {
		live_once(world);
		if (i == LIVES / 3)
			before = mallinfo2().uordblks;
	}
	size_t after = mallinfo2().uordblks; /* 0 where a sanitizer owns malloc */
	assert_true(after <= before + 8192);
}

static void test_a_client_may_be_destroyed_in_on_open(void **state)
{
	struct world *world = *state;
	begin_tls(world, "IP:127.0.0.1", play_deaf);
	world->on_open = destroy_it;
	open_host(world, "127.0.0.1");
	wait_for(world, &world->has_enough);
	expect_silence(world);
	expect_gone(world, &world->script);
}

static void test_a_client_may_be_destroyed_in_on_close(void **state)
{
	struct world *world = *state;
	world->script.code = 1000;
	world->script.text = "";
	begin(world, play_close);
	world->on_close = destroy_it;
	open_host(world, "127.0.0.1");
	wait_for(world, &world->is_closed);
}

/* ---- no opening ---- */

static void test_a_refused_connection_says_so(void **state)
{
	struct world *world = *state;
	begin(world, NULL);
	expect_refusal(world, "127.0.0.2", "Connection refused");
	expect_refusal(world, "127.0.0.2", "127.0.0.2 port ");
}

static void test_an_unreachable_address_says_so(void **state)
{
	struct world *world = *state;
	begin(world, NULL);
	expect_refusal(world, "255.255.255.255", "255.255.255.255 port ");
}

static void test_a_name_that_is_not_known_says_so(void **state)
{
	struct world *world = *state;
	begin(world, NULL);
	expect_refusal(world, "none.test", "none.test: name not found");
}

static void test_the_next_address_is_tried_when_one_refuses(void **state)
{
	struct world *world = *state;
	begin(world, play_hello);
	open_host(world, "two.test");
	wait_for(world, &world->has_enough);
	assert_int_equal(world->closes, 0);
}

/* Takes connections until the kernel lets the next one wait. */
static void fill_address(struct world *world, int *sockets, int count)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(world->script.port) };
	inet_pton(AF_INET, "127.0.0.2", &at.sin_addr);
	sockets[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(sockets[0], (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(sockets[0], 0), 0);
	for (int i = 1; i < count; i++) {
		sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(sockets[i], (struct sockaddr *)&at, sizeof at);
	}
}

static void test_the_next_address_is_tried_when_one_is_silent(void **state)
{
	struct world *world = *state;
	int sockets[4];
	world->config.open_timeout_ns = second_ns;
	begin(world, play_hello);
	fill_address(world, sockets, ARRAY_LEN(sockets));
	open_host(world, "two.test");
	wait_for(world, &world->has_enough);
	assert_int_equal(world->closes, 0);
	for (size_t i = 0; i < ARRAY_LEN(sockets); i++)
		close(sockets[i]);
}

static void test_an_address_that_does_not_answer_is_given_up(void **state)
{
	struct world *world = *state;
	int sockets[4];
	world->config.open_timeout_ns = second_ns / 4;
	begin(world, NULL);
	fill_address(world, sockets, ARRAY_LEN(sockets));
	expect_refusal(world, "127.0.0.2", "timed out after 0.25 s connecting");
	for (size_t i = 0; i < ARRAY_LEN(sockets); i++)
		close(sockets[i]);
}

static void test_a_server_that_says_nothing_is_given_up(void **state)
{
	struct world *world = *state;
	world->config.open_timeout_ns = second_ns / 4;
	world->script.connections = 0;
	begin(world, NULL);
	expect_refusal(world, "127.0.0.1", "timed out after 0.25 s waiting for the upgrade");
}

static void test_a_tls_server_that_says_nothing_is_given_up(void **state)
{
	struct world *world = *state;
	world->config.open_timeout_ns = second_ns / 4;
	world->script.connections = 0;
	begin_tls(world, "IP:127.0.0.1", NULL);
	expect_refusal(world, "127.0.0.1", "timed out after 0.25 s in the TLS handshake");
}

static void play_http(struct script *script, struct ws_peer *peer)
{
	EXPECT(script, peer_read_request(peer));
	EXPECT(script, peer_say(peer, script->text));
	peer_wait_end(peer);
}

static void run_http(struct world *world, const char *answer, const char *reason)
{
	world->script.text = answer;
	begin(world, play_http);
	expect_refusal(world, "127.0.0.1", reason);
}

static void test_too_many_requests_is_told_with_the_wait(void **state)
{
	run_http(*state,
		 "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 37\r\nContent-Length: 0\r\n\r\n",
		 "the server refused the upgrade: HTTP 429, retry after 37");
}

static void test_an_unavailable_server_is_told(void **state)
{
	run_http(*state, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy",
		 "the server refused the upgrade: HTTP 503");
}

static void test_a_redirection_is_not_followed(void **state)
{
	run_http(*state,
		 "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
		 "the server refused the upgrade: HTTP 302");
}

static void test_an_upgrade_with_a_wrong_key_is_refused(void **state)
{
	run_http(
	    *state,
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
	    "the server's upgrade is not valid: Accept hash wrong");
}

static void test_an_answer_that_is_no_http_is_given_up(void **state)
{
	struct world *world = *state;
	world->config.open_timeout_ns = second_ns / 4;
	run_http(world, "\x01\x02\x03 nobody knows\r\n\r\n", "timed out");
}

static void play_hang_up(struct script *script, struct ws_peer *peer)
{
	EXPECT(script, peer_read_request(peer));
}

static void test_a_server_that_hangs_up_instead_of_upgrading_says_so(void **state)
{
	begin(*state, play_hang_up);
	expect_refusal(*state, "127.0.0.1", "broke off waiting for the upgrade");
}

/* ---- TLS ---- */

static void test_a_server_of_another_authority_is_refused(void **state)
{
	struct world *world = *state;
	struct ws_authority other;
	make_authority(world);
	ws_authority_init(&other, "/dev/null");
	world->script.tls = ws_server_tls(&other, "IP:127.0.0.1", 3600);
	ws_authority_deinit(&other);
	begin(world, NULL);
	expect_refusal(world, "127.0.0.1", "TLS: the certificate is not trusted: ");
}

static void test_a_private_authority_is_not_trusted_by_default(void **state)
{
	struct world *world = *state;
	make_authority(world);
	world->config.ca_file = NULL;
	world->script.tls = ws_server_tls(&world->authority, "IP:127.0.0.1", 3600);
	begin(world, NULL);
	expect_refusal(world, "127.0.0.1", "TLS: the certificate is not trusted: ");
}

static void test_a_certificate_for_another_name_is_refused(void **state)
{
	begin_tls(*state, "DNS:other.test,IP:127.0.0.9", NULL);
	expect_refusal(*state, "venue.test", "TLS: the certificate is not for venue.test");
}

static void test_a_certificate_for_another_address_is_refused(void **state)
{
	begin_tls(*state, "DNS:venue.test,IP:127.0.0.9", NULL);
	expect_refusal(*state, "127.0.0.1", "TLS: the certificate is not for 127.0.0.1");
}

static void test_an_expired_certificate_is_refused(void **state)
{
	struct world *world = *state;
	make_authority(world);
	world->script.tls = ws_server_tls(&world->authority, "IP:127.0.0.1", -3600);
	begin(world, NULL);
	expect_refusal(world, "127.0.0.1", "TLS: the certificate has expired");
}

static int note_name(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	(void)alert;
	snprintf(arg, 64, "%s", name ? name : "");
	return SSL_TLSEXT_ERR_OK;
}

static void test_the_name_of_the_url_is_the_one_tls_asks_for(void **state)
{
	struct world *world = *state;
	char name[64] = "";
	make_authority(world);
	world->script.tls = ws_server_tls(&world->authority, "DNS:venue.test", 3600);
	SSL_CTX_set_tlsext_servername_callback(world->script.tls, note_name);
	SSL_CTX_set_tlsext_servername_arg(world->script.tls, name);
	begin(world, play_hello);
	open_host(world, "venue.test");
	wait_for(world, &world->has_enough);
	assert_string_equal(name, "venue.test");
}

static void play_no_tls(struct script *script, struct ws_peer *peer)
{
	EXPECT(script, peer_say(peer, "HTTP/1.1 400 Bad Request\r\n\r\n"));
	peer_wait_end(peer);
}

static void test_a_server_that_does_not_speak_tls_says_so(void **state)
{
	struct world *world = *state;
	char url[64];
	make_authority(world);
	begin(world, play_no_tls);
	snprintf(url, sizeof url, "wss://127.0.0.1:%u/", world->script.port);
	assert_int_equal(open_at(world, url), STATUS_OK);
	expect_end(world, 1006, "TLS: the handshake failed: wrong version number");
}

static void test_a_file_without_authorities_is_an_error_at_once(void **state)
{
	struct world *world = *state;
	struct err err = { 0 };
	world->config.ca_file = "/nonexistent/ca.pem";
	assert_int_equal(ws_context_create(world->loop, &world->config, &world->context, &err),
			 STATUS_INVALID);
	assert_non_null(strstr(err.text, "/nonexistent/ca.pem: no certificates"));
}

/* ---- IPv6 ---- */

static void run_ip6(struct world *world, const char *names)
{
	if (names) {
		make_authority(world);
		world->script.tls = ws_server_tls(&world->authority, names, 3600);
	}
	world->script.play = play_hello;
	script_start(&world->script, "::1");
	make_context(world);
	open_host(world, "[::1]");
}

static void test_an_ip6_address_is_connected_to(void **state)
{
	struct world *world = *state;
	run_ip6(world, NULL);
	wait_for(world, &world->has_enough);
}

static void test_an_ip6_address_must_stand_in_the_certificate(void **state)
{
	struct world *world = *state;
	run_ip6(world, "IP:0:0:0:0:0:0:0:1");
	wait_for(world, &world->has_enough);
}

static void test_an_ip6_address_of_another_certificate_is_refused(void **state)
{
	struct world *world = *state;
	run_ip6(world, "IP:0:0:0:0:0:0:0:2,DNS:[,IP:127.0.0.1");
	expect_end(world, 1006, "TLS: the certificate is not for ::1");
}

/* ---- bounds and contracts ---- */

static void test_an_open_client_is_in_use(void **state)
{
	struct world *world = *state;
	struct ws_events events = { on_open, on_message, on_close, world };
	world->script.connections = 0;
	begin(world, NULL);
	open_host(world, "127.0.0.1");
	assert_int_equal(world->client->ops->open(world->client, "ws://127.0.0.1:1/", &events),
			 STATUS_IN_USE);
	close_it(world);
	assert_int_equal(world->client->ops->open(world->client, "ws://127.0.0.1:1/", &events),
			 STATUS_IN_USE); /* on_close is to come */
	wait_for(world, &world->is_closed);
	open_host(world, "127.0.0.1");
}

static void test_connections_are_bounded(void **state)
{
	struct world *world = *state;
	struct ws_events events = { on_open, on_message, on_close, world };
	world->config.connections_max = 1;
	world->script.connections = 0;
	begin(world, NULL);
	struct ws_client *other = world->maker.create(world->maker.ctx);
	open_host(world, "127.0.0.1");
	assert_int_equal(other->ops->open(other, "ws://127.0.0.1:1/", &events), STATUS_FULL);
	destroy_it(world);
	assert_int_equal(other->ops->open(other, "ws://127.0.0.1:1/", &events), STATUS_OK);
	world->client = other;
}

static void play_steady(struct script *script, struct ws_peer *peer)
{
	char text[300];
	memset(text, 'x', sizeof text);
	EXPECT(script, peer_upgrade(peer));
	for (int i = 0; i < 2000; i++)
		EXPECT(script, peer_send(peer, WS_TEXT, true, text, sizeof text));
	peer_wait_end(peer);
}

static uint64_t allocations_before;

static void note_allocations(struct world *world)
{
	if (world->messages == 100)
		allocations_before = allocations_count;
	if (world->messages == 2000)
		allocations_before = allocations_count - allocations_before;
}

/* The server's thread allocates nothing while it sends. */
static void test_a_frame_costs_no_allocation(void **state)
{
	struct world *world = *state;
	begin(world, play_steady);
	world->on_message = note_allocations;
	world->messages_wanted = 2000;
	open_host(world, "127.0.0.1");
	wait_for(world, &world->has_enough);
	assert_int_equal(allocations_before, 0);
}

/* ---- URLs ---- */

static void expect_url(const char *text, bool tls, const char *host, int port,
		       const char *authority, const char *path)
{
	struct ws_url url;
	assert_int_equal(ws_url_parse(str_of(text), &url, NULL), STATUS_OK);
	assert_int_equal(url.tls, tls);
	assert_string_equal(url.host, host);
	assert_int_equal(url.port, port);
	assert_string_equal(url.authority, authority);
	assert_string_equal(url.path, path);
}

static void test_a_url_comes_apart(void **state)
{
	(void)state;
	expect_url("wss://a.example", true, "a.example", 443, "a.example", "/");
	expect_url("WS://a.example:80/x", false, "a.example", 80, "a.example", "/x");
	expect_url("wss://a.example:9443/stream?streams=a/b:c@d", true, "a.example", 9443,
		   "a.example:9443", "/stream?streams=a/b:c@d");
	expect_url("ws://a.example?x=1", false, "a.example", 80, "a.example", "/?x=1");
	expect_url("wss://[::1]:8443/v5/public", true, "::1", 8443, "[::1]:8443", "/v5/public");
	expect_url("ws://[fe80::1]", false, "fe80::1", 80, "[fe80::1]", "/");
}

static void test_what_is_no_url_is_refused(void **state)
{
	static const char *const texts[] = {
		"",          "a.example",        "http://a.example", "ws://",
		"ws:///x",   "wss://a:b@host/",  "ws://a.example:0", "ws://a.example:65536",
		"ws://a:",   "ws://a:8x/",       "ws://[::1",        "ws://[::1]8443",
		"ws://[a]/", "ws://a/b#c",       "ws://a/b c",       "ws://a/b\r\nHost: x",
		"ws://a b/", "ws://a.example\n", "ws://\xc3\xa4/",   "ws://::1/",
	};
	struct ws_url url;
	struct err err;
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (ws_url_parse(str_of(texts[i]), &url, &err) != STATUS_INVALID)
			fail_msg("'%s' is taken", texts[i]);
}

static void test_a_url_that_is_too_long_is_refused(void **state)
{
	static char text[3000];
	struct ws_url url;
	(void)state;
	snprintf(text, sizeof text, "ws://a/%*s", WS_PATH_MAX - 1, "");
	memset(text + 7, 'p', WS_PATH_MAX - 1);
	assert_int_equal(ws_url_parse(str_of(text), &url, NULL), STATUS_OK);
	strcat(text, "p");
	assert_int_equal(ws_url_parse(str_of(text), &url, NULL), STATUS_INVALID);
	memset(text, 0, sizeof text);
	memcpy(text, "ws://", 5);
	memset(text + 5, 'h', WS_HOST_MAX);
	assert_int_equal(ws_url_parse(str_of(text), &url, NULL), STATUS_OK);
	strcat(text, "h");
	assert_int_equal(ws_url_parse(str_of(text), &url, NULL), STATUS_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_messages_of_all_lengths_arrive_whole, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_messages_of_all_lengths_arrive_over_tls, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_message_carries_the_time_of_its_reception,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_message_above_the_bound_ends_the_connection,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_fragments_above_the_bound_end_it_and_the_server_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_an_enormous_length_is_refused_when_it_is_announced, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_fragments_become_one_message_and_pings_between_them_are_answered, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_every_ping_is_answered_and_counted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_frames_may_come_byte_by_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_message_beside_the_upgrade_comes_after_on_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text_that_is_not_utf8_and_binary_are_passed_on,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_the_request_names_host_and_path_and_offers_no_compression, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_the_longest_path_is_sent_whole, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_what_is_sent_arrives_whole_and_in_order, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_what_waits_to_be_sent_is_bounded, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_paused_connection_says_nothing_and_loses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_paused_connection_loses_nothing_over_tls,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_pause_before_the_opening_holds_from_the_first_message, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_normal_close_of_the_server_is_answered,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_policy_violation_is_passed_on_with_its_reason, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_service_restart_keeps_its_reason_but_comes_as_1002, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_code_of_an_application_is_passed_on, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_close_without_a_code_is_1005, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_reset_is_1006, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_connection_that_ends_without_a_close_is_1006,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_tls_connection_that_ends_without_a_close_is_1006, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_frame_that_is_not_valid_ends_the_connection,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_close_sends_what_waits_and_a_close_frame,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_silent_server_delays_the_end_by_no_more_than_a_second, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_paused_connection_can_be_closed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_close_while_opening_ends_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_client_may_be_opened_again_from_on_close,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_client_may_be_destroyed_at_any_time_of_the_opening, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_client_may_be_destroyed_in_on_message, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_client_may_be_destroyed_in_the_callback_of_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hundreds_of_lives_leave_nothing_behind, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_client_may_be_destroyed_in_on_open, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_client_may_be_destroyed_in_on_close, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_refused_connection_says_so, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_unreachable_address_says_so, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_name_that_is_not_known_says_so, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_the_next_address_is_tried_when_one_refuses,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_next_address_is_tried_when_one_is_silent,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_address_that_does_not_answer_is_given_up,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_server_that_says_nothing_is_given_up, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_tls_server_that_says_nothing_is_given_up,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_requests_is_told_with_the_wait, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_an_unavailable_server_is_told, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_redirection_is_not_followed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_an_upgrade_with_a_wrong_key_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_an_answer_that_is_no_http_is_given_up, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
		    test_a_server_that_hangs_up_instead_of_upgrading_says_so, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_server_of_another_authority_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_private_authority_is_not_trusted_by_default,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_certificate_for_another_name_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_certificate_for_another_address_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_expired_certificate_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_the_name_of_the_url_is_the_one_tls_asks_for,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_server_that_does_not_speak_tls_says_so,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_file_without_authorities_is_an_error_at_once,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_ip6_address_is_connected_to, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_an_ip6_address_must_stand_in_the_certificate,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_an_ip6_address_of_another_certificate_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_open_client_is_in_use, setup, teardown),
		cmocka_unit_test_setup_teardown(test_connections_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_frame_costs_no_allocation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_url_comes_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_url_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_url_that_is_too_long_is_refused, setup,
						teardown),
	};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
