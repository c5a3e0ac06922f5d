#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/check.h"
#include "os/ws_impl.h"

/* ---- TLS ---- */

/* libwebsockets takes the certificate's name from Host up to the first colon, so an
 * IPv6 address fits no certificate; it is compared here. */
static bool fits_ip6(const struct ws_conn *conn, X509_STORE_CTX *chain)
{
	X509 *certificate = X509_STORE_CTX_get0_cert(chain);
	return conn->url.is_ip6 && certificate &&
	       X509_check_ip_asc(certificate, conn->url.host, 0) == 1;
}

static void describe_certificate(struct ws_conn *conn, int code)
{
	switch (code) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		err_set(&conn->why, STATUS_REFUSED, "TLS: the certificate is not for %s",
			conn->url.host);
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		err_set(&conn->why, STATUS_REFUSED, "TLS: the certificate has expired");
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		err_set(&conn->why, STATUS_REFUSED,
			"TLS: the certificate is not valid yet; is the clock right?");
		break;
	default:
		err_set(&conn->why, STATUS_REFUSED, "TLS: the certificate is not trusted: %s",
			X509_verify_cert_error_string(code));
	}
}

/* OpenSSL's verification stands where it stands, and thinks `is_fine` so far; the error
 * left in `chain` is the verdict. 1: refused here. */
static int check_certificate(struct ws_conn *conn, X509_STORE_CTX *chain, bool is_fine)
{
	int code = X509_STORE_CTX_get_error(chain);
	bool is_name = !is_fine && (code == X509_V_ERR_HOSTNAME_MISMATCH ||
				    code == X509_V_ERR_IP_ADDRESS_MISMATCH);
	bool is_leaf = X509_STORE_CTX_get_error_depth(chain) == 0;
	if (conn->url.is_ip6 && is_leaf && (is_fine || is_name)) {
		is_fine = fits_ip6(conn, chain);
		code = is_fine ? X509_V_OK : X509_V_ERR_IP_ADDRESS_MISMATCH;
		X509_STORE_CTX_set_error(chain, code);
	}
	if (!is_fine)
		describe_certificate(conn, code);
	return !is_fine;
}

static struct ws_conn *conn_of_socket(const struct ws_context *context, int fd)
{
	for (struct ws_conn *conn = context->conns; conn; conn = conn->next)
		if (conn->wsi && lws_get_socket_fd(conn->wsi) == fd)
			return conn;
	return NULL;
}

/* libwebsockets empties OpenSSL's error queue before it tells that a handshake
 * failed; here the queue is still full. */
void ws_told_tls(const SSL *ssl, int where, int ret)
{
	const struct ws_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	unsigned long code = ERR_peek_last_error();
	if (where != SSL_CB_CONNECT_EXIT || ret > 0 || !code)
		return;
	struct ws_conn *conn = conn_of_socket(context, SSL_get_fd(ssl));
	const char *text = ERR_reason_error_string(code);
	if (conn && conn->state == WS_OPENING && conn->why.status == STATUS_OK)
		err_set(&conn->why, STATUS_IO, "TLS: the handshake failed: %s",
			text ? text : "no reason given");
}

/* ---- why a connection is not there ---- */

static int socket_error(struct lws *wsi)
{
	int number = 0;
	socklen_t size = sizeof number;
	if (getsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_ERROR, &number, &size))
		return 0;
	return number;
}

static void describe_opening(struct ws_conn *conn, struct lws *wsi, const char *theirs)
{
	char address[INET6_ADDRSTRLEN] = "?";
	int number = socket_error(wsi);
	if (conn->why.status != STATUS_OK)
		return; /* known already, and better */
	uv_ip_name(conn->address->ai_addr, address, sizeof address);
	if (number)
		err_errno(&conn->why, number, "%s port %u", address, conn->url.port);
	else if (conn->stage == WS_UPGRADE && str_starts(str_of(theirs), STR("HS: ")))
		err_set(&conn->why, STATUS_FORMAT, "the server's upgrade is not valid: %s",
			theirs + 4);
	else
		err_set(&conn->why, STATUS_CLOSED, "%s port %u: the server broke off %s", address,
			conn->url.port, ws_stage_text(conn->stage));
}

/* Its wsi is going down, and not because we let it go. */
static void lost(struct ws_conn *conn, struct lws *wsi, const char *theirs)
{
	conn->wsi = NULL;
	lws_set_opaque_user_data(wsi, NULL);
	if (conn->state == WS_OPENING) {
		describe_opening(conn, wsi, theirs);
		ws_open_failed(conn);
		return;
	}
	int number = socket_error(wsi);
	ws_conn_end(conn, 1006, "the connection broke: %s",
		    number ? uv_strerror(-number) : "it ended without a close frame");
}

/* The answer to the upgrade, when it is none. */
static void read_response(struct ws_conn *conn, struct lws *wsi)
{
	char wait[16];
	unsigned code = lws_http_client_http_response(wsi);
	if (code == 101)
		return;
	bool has_wait = lws_hdr_copy(wsi, wait, sizeof wait, WSI_TOKEN_HTTP_RETRY_AFTER) > 0;
	err_set(&conn->why, STATUS_REFUSED, "the server refused the upgrade: HTTP %u%s%s", code,
		has_wait ? ", retry after " : "", has_wait ? wait : "");
}

static void put_user_agent(char **at, size_t room)
{
	static const char line[] = "User-Agent: weir/" WEIR_VERSION "\r\n";
	if (room < sizeof line)
		return;
	memcpy(*at, line, sizeof line - 1);
	*at += sizeof line - 1;
}

/* ---- closing ---- */

static const char *code_text(int code)
{
	switch (code) {
	case 1000: return "normal";
	case 1001: return "going away";
	case 1002: return "protocol error, or a code above 1011";
	case 1005: return "no code";
	case 1008: return "policy violation";
	case 1009: return "message too big";
	case 1011: return "internal error";
	default: return "no reason given";
	}
}

static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

/* A close frame came. Either it answers ours, or libwebsockets answers it. */
static void take_close(struct ws_conn *conn, const unsigned char *payload, size_t len)
{
	char text[126] = "";
	int code = len >= 2 ? payload[0] << 8 | payload[1] : 1005;
	if (conn->state != WS_OPEN)
		return ws_conn_end(conn, 1006, "closed");
	if (len > 2) {
		memcpy(text, payload + 2, len - 2);
		make_printable(text);
	}
	conn->is_close_sent = true;
	ws_conn_begin_close(conn, code, "the server closed the connection (%d): %s", code,
			    *text ? text : code_text(code));
}

/* ---- the callback ---- */

static int told(struct ws_conn *conn, struct lws *wsi, enum lws_callback_reasons reason, void *in,
		size_t len)
{
	switch (reason) {
	case LWS_CALLBACK_CLIENT_RECEIVE: ws_conn_on_received(conn, str_make(in, len)); return 0;
	case LWS_CALLBACK_CLIENT_WRITEABLE: return ws_conn_on_writable(conn);
	case LWS_CALLBACK_WSI_CREATE: /* TCP is connected */
		conn->stage = conn->url.tls ? WS_SECURE : WS_UPGRADE;
		return 0;
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		conn->stage = WS_UPGRADE;
		put_user_agent(in, len);
		return 0;
	case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP: read_response(conn, wsi); return 0;
	case LWS_CALLBACK_CLIENT_ESTABLISHED: ws_conn_on_established(conn); return 0;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: take_close(conn, in, len); return 0;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: lost(conn, wsi, in ? in : ""); return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
	case LWS_CALLBACK_CLOSED_CLIENT_HTTP: lost(conn, wsi, ""); return 0;
	default: return 0;
	}
}

int ws_told(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct ws_context *context = lws_context_user(lws_get_context(wsi));
	struct ws_conn *conn = lws_get_opaque_user_data(wsi);
	if (context->connecting)
		context->connecting_wsi = wsi;
	if (!conn)
		return 0;
	if (reason == LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION)
		return check_certificate(conn, user, len != 0);
	struct lws *outer = context->serving;
	bool outer_kill = context->kill_serving;
	context->serving = wsi;
	context->kill_serving = false;
	int rc = told(conn, wsi, reason, in, len); /* may destroy conn */
	if (context->kill_serving)
		rc = -1;
	context->serving = outer;
	context->kill_serving = outer_kill;
	return rc;
}
