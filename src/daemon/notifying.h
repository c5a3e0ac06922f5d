/* notifying.h - alerts out, wired: src/notify with its HTTP client, its settings and the secret
 * of the webhook, and the word of the day to admins by Telegram.
 *
 * The secret comes from notify.webhook_secret_file (mode 0600), from the systemd credential
 * `webhook_secret`, or from WEIR_WEBHOOK_SECRET, of which the environment is rid at the start;
 * it is read anew with SIGHUP and never printed.
 *
 * Who was told that an alert fires is told its end, also where the rules say none: what was told
 * when weir ended and does not fire NOTIFYING_PATIENCE_S after the start; what was forgotten with
 * its terminal or muted, within 10 s. At most NOTIFYING_TOLD are known. Uses notifying_timers().
 * Loop thread.
 */
#pragma once

#include "daemon/daemon.h"
#include "notify/notifier.h"

enum { NOTIFYING_PATIENCE_S = 180, NOTIFYING_TOLD = 256 };

struct notifying;

size_t notifying_timers(void);
/* Before any child is started. INVALID and others: the named file cannot be used. */
MUST_CHECK enum status notifying_create(struct daemon *daemon, const struct config *config,
					struct notifying **out, struct err *err);
/* Pings and messages begin. */
void notifying_start(struct notifying *notifying);
/* After a SIGHUP; a secret that cannot be read leaves what was. */
void notifying_configure(struct notifying *notifying, const struct config *config);
void notifying_alert(struct notifying *notifying, enum alert_notice notice,
		     const struct alert_view *view);
/* No message or ping from now on; fn runs when its HTTP client is closed, perhaps inside the
 * call. Once. */
void notifying_close(struct notifying *notifying, void (*fn)(void *ctx), void *ctx);
void notifying_destroy(struct notifying *notifying); /* after close; NULL is fine */
/* NULL: closed. */
struct notifier *notifying_notifier(struct notifying *notifying);
