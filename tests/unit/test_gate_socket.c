/* The gate behind a real listener: what the listener's rules and the gate's make together.
 * Clients are sockets that are read and written between the turns of the loop. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/line_server.h"
#include "unit/gate_stage.h"

enum { SESSIONS = 4, TURNS = 4000 };

static struct {
	struct loop *loop;
	struct line_server *server;
	uint16_t port;
} world;

struct client {
	int fd;
	char text[8192]; /* what came and was not taken */
	size_t len;
	char nonce[33];
	bool ended;
};

static void set_flag(void *ctx) { *(bool *)ctx = true; }

static int set_up_sockets(void **state)
{
	struct err err;
	(void)state;
	assert_int_equal(loop_create(64, &world.loop, &err), STATUS_OK);
	set_up_with(16, SESSIONS, loop_timers(world.loop), *loop_clock(world.loop));
	set_tokens(stage_tokens);
	const struct line_server_config config = {
		.host = "127.0.0.1",
		.connections_max = SESSIONS + GATE_REFUSALS,
		.line_bytes_max = MFP_LINE_MAX,
		.outgoing_bytes_max = GATE_OUT_BYTES_MAX,
		.too_long_answer = gate_too_long(),
		.events = gate_line_events(stage.gate),
	};
	assert_int_equal(line_server_open(world.loop, &config, &world.server, &err), STATUS_OK);
	world.port = line_server_port(world.server);
	return 0;
}

static int tear_down_sockets(void **state)
{
	bool done = false;
	line_server_close(world.server, set_flag, &done);
	assert_true(loop_turn_until(world.loop, &done, 10 * SECOND));
	assert_int_equal(stage.welcomed, stage.gone);
	stage.timers = NULL; /* the loop's */
	tear_down(state);
	loop_destroy(world.loop);
	return 0;
}

/* ---- clients ---- */

static struct client dial_in(void)
{
	struct client client = { .fd = socket(AF_INET, SOCK_STREAM, 0) };
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(world.port) };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(client.fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(fcntl(client.fd, F_SETFL, O_NONBLOCK), 0);
	return client;
}

static void take_bytes(struct client *client)
{
	ssize_t n =
	    recv(client->fd, client->text + client->len, sizeof client->text - 1 - client->len, 0);
	client->ended |= n == 0 || (n < 0 && errno != EAGAIN);
	client->len += n > 0 ? (size_t)n : 0;
	client->text[client->len] = 0;
}

/* The next line; "" when the connection has ended without one. */
static const char *next_line(struct client *client)
{
	static char line[MFP_LINE_MAX];
	for (int i = 0; i < TURNS && !client->ended && !strchr(client->text, '\n'); i++) {
		loop_turn(world.loop, 1 * MS);
		take_bytes(client);
	}
	char *end = strchr(client->text, '\n');
	if (!end)
		return "";
	snprintf(line, sizeof line, "%.*s", (int)(end - client->text), client->text);
	client->len -= (size_t)(end + 1 - client->text);
	memmove(client->text, end + 1, client->len + 1);
	return line;
}

static bool ends(struct client *client)
{
	for (int i = 0; i < TURNS && !client->ended; i++) {
		loop_turn(world.loop, 1 * MS);
		take_bytes(client);
	}
	return client->ended && !client->len;
}

/* As many at once as are told, however long that takes. */
static void write_all(struct client *client, struct str bytes, size_t at_once)
{
	while (bytes.len) {
		size_t n = bytes.len < at_once ? bytes.len : at_once;
		ssize_t sent = send(client->fd, bytes.ptr, n, MSG_NOSIGNAL);
		if (sent < 0 && errno != EAGAIN)
			return; /* it was ended meanwhile: what came of it is read */
		bytes = str_skip(bytes, sent > 0 ? (size_t)sent : 0);
		loop_turn(world.loop, 0);
	}
}

static void write_hello(struct client *client, struct who who, size_t at_once)
{
	char line[512], mac[33];
	const char *banner = next_line(client), *nonce = strstr(banner, "nonce=");
	assert_non_null(nonce);
	snprintf(client->nonce, sizeof client->nonce, "%.32s", nonce + 6);
	mac_of(who.token, client->nonce, who.id, epoch_of(who), mac);
	int len = snprintf(line, sizeof line,
			   "H 0 v=1 id=%s ep=%lld mac=%s login=%lld srv=S ph=%016d n=0\r\n", who.id,
			   (long long)epoch_of(who), mac,
			   (long long)(who.login ? who.login : 90000001), 0);
	write_all(client, str_make(line, (size_t)len), at_once);
}

static struct client come_in_by_socket(struct who who)
{
	struct client client = dial_in();
	write_hello(&client, who, SIZE_MAX);
	assert_true(is_welcome(next_line(&client)));
	return client;
}

/* ---- tests ---- */

static void bytes_may_come_one_by_one(void **state)
{
	(void)state;
	struct client client = dial_in();
	write_hello(&client, first, 1);
	assert_true(is_welcome(next_line(&client)));
	write_all(&client, STR("P 0 t=1784046195000\n"), 1);
	assert_string_equal(next_line(&client), "p 0 t=1784046195000");
	write_all(&client, STR("D 1 deal=7\nD 2 deal=8\n"), 1);
	for (int i = 0; i < TURNS && stage.reliable < 2; i++)
		loop_turn(world.loop, 1 * MS);
	assert_int_equal(stage.reliable, 2);
	make_durable(first, 2);
	assert_string_equal(next_line(&client), "K 0 up=2");
	close(client.fd);
}

static void a_line_of_a_megabyte_ends_only_its_own_connection(void **state)
{
	(void)state;
	enum { MEGABYTE = 1 << 20 };
	struct client other = come_in_by_socket(second), client = come_in_by_socket(first);
	char *line = malloc(MEGABYTE);
	memset(line, 'x', MEGABYTE);
	write_all(&client, str_make(line, MEGABYTE), 65536);
	free(line);
	assert_string_equal(next_line(&client), "E 0 code=frame msg=line%20too%20long");
	assert_true(ends(&client));
	assert_int_equal(counts().too_long, 1);
	assert_int_equal(stage.gone, 1);
	write_all(&other, STR("P 0 t=1\n"), SIZE_MAX);
	assert_string_equal(next_line(&other), "p 0 t=1");
	close(client.fd);
	close(other.fd);
}

static void who_is_refused_hears_why(void **state)
{
	(void)state;
	struct client in[SESSIONS];
	for (int i = 0; i < SESSIONS; i++) {
		in[i] = dial_in();
		assert_non_null(strstr(next_line(&in[i]), "B 0 v=1 "));
	}
	struct client client = dial_in();
	assert_string_equal(next_line(&client), "E 0 code=busy msg=no%20room retry=5000");
	assert_true(ends(&client));
	close(client.fd);
	for (int i = 0; i < SESSIONS; i++)
		close(in[i].fd);
}

static void a_guesser_is_told_how_long_it_is_blocked(void **state)
{
	(void)state;
	struct who who = first;
	who.token = "not the right one";
	for (int i = 1; i <= 4; i++) {
		struct client client = dial_in();
		if (i <= 3)
			write_hello(&client, who, SIZE_MAX);
		const char *line = next_line(&client);
		assert_non_null(strstr(line, i <= 3 ? "E 0 code=auth msg=bad%20mac retry="
						    : "E 0 code=auth msg=blocked retry="));
		assert_in_range(atoll(strstr(line, "retry=") + 6), i < 3 ? 30000 : 50000,
				i < 3 ? 30000 : 60000);
		assert_true(ends(&client));
		close(client.fd);
	}
}

static void who_does_not_read_does_not_fill_us(void **state)
{
	(void)state;
	struct client other = come_in_by_socket(second), client = come_in_by_socket(first);
	char line[MFP_LINE_MAX];
	struct buf out = buf_over(line, sizeof line);
	buf_printf(&out, "G 1 sid=1 act=open ttl=1 cm=%0250d\n", 7);
	/* The kernel takes some megabytes for it before anything has to wait with us. */
	int sent = 0;
	while (sent < 200000 && gate_send(stage.gate, slot_of(first), buf_str(&out)) == STATUS_OK)
		if (++sent % 64 == 0)
			loop_turn(world.loop, 0);
	assert_in_range(sent, 1, 199999);
	loop_turn(world.loop, 0);
	loop_turn(world.loop, 0);
	assert_int_equal(counts().too_slow, 1);
	assert_int_equal(stage.gone, 1);
	write_all(&other, STR("P 0 t=1\n"), SIZE_MAX);
	assert_string_equal(next_line(&other), "p 0 t=1");
	close(client.fd);
	close(other.fd);
}

static void at_a_clean_end_terminals_hear_when_to_come_again(void **state)
{
	(void)state;
	struct client client = come_in_by_socket(first);
	gate_stop(stage.gate);
	assert_non_null(strstr(next_line(&client), "E 0 code=busy msg=weir%20stops retry="));
	assert_true(ends(&client));
	close(client.fd);
}

#define UNIT(name) cmocka_unit_test_setup_teardown(name, set_up_sockets, tear_down_sockets)

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(bytes_may_come_one_by_one),
		UNIT(a_line_of_a_megabyte_ends_only_its_own_connection),
		UNIT(who_is_refused_hears_why),
		UNIT(a_guesser_is_told_how_long_it_is_blocked),
		UNIT(who_does_not_read_does_not_fill_us),
		UNIT(at_a_clean_end_terminals_hear_when_to_come_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
