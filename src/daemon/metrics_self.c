/* weir itself: its version, its age, its processor time, what these pages cost. */
#include <time.h>

#include "daemon/daemon_impl.h"
#include "daemon/metering.h"
#include "daemon/metrics_print.h"

static double cpu_seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void put_real(struct buf *out, enum metric metric, double value)
{
	metric_head(out, metric);
	metric_sample_real(out, metric, NULL, 0, value);
}

static void put_updates(struct terminals *terminals, struct buf *out)
{
	if (terminals)
		metrics_put(out, METRIC_state_updates,
			    account_store_counts(terminals_accounts(terminals)).updates);
}

void metrics_self_print(struct daemon *daemon, struct buf *out)
{
	const struct str version = STR(WEIR_VERSION);
	metric_head(out, METRIC_build_info);
	metric_sample(out, METRIC_build_info, &version, 1, 1);
	put_real(out, METRIC_uptime,
		 (double)((loop_now_ns(daemon->loop) - daemon->created_ns) / 1000000) / 1e3);
	put_real(out, METRIC_cpu, cpu_seconds());
	put_updates(daemon->terminals, out);
	metric_head(out, METRIC_scrape_cpu);
	metric_quantiles(out, METRIC_scrape_cpu, metering_prints(daemon->metering), 1e-9);
	metrics_put(out, METRIC_series, metering_series(daemon->metering));
}
