// weir.mqh - constants of the expert: every bound has its name here.
//
// The wire protocol is MFP/1: one line a frame, `VERB SP seq SP k=v SP k=v ... LF`. The
// expert is the client; weir listens. Nothing here sleeps, nothing calls a DLL, and all
// work happens in OnTimer.

#define WEIR_EXPERT_VERSION     "1.0.0"
#define WEIR_PROTOCOL           1

// ---- time, ms ----
#define WEIR_TIMER_MS           50
#define WEIR_CONNECT_MS         500      // SocketConnect blocks the expert's thread
#define WEIR_SEND_MS            200      // the same for a send to a peer that does not read
#define WEIR_READ_MS            1        // never 0: 0 means two minutes to SocketRead
#define WEIR_SILENCE_MS         15000    // until the banner says otherwise
#define WEIR_DIAL_FIRST_MS      500
#define WEIR_DIAL_MAX_MS        30000
#define WEIR_SETTLE_MS          3000     // after the broker's link is up, lists are still filled
#define WEIR_WATCHDOG_MS        10000    // an order without an answer is looked for
#define WEIR_LOOK_MS            1000     // between looks for an order whose fate is unknown
#define WEIR_GIVE_UP_MS         300000   // an unknown order is no longer looked for
#define WEIR_FILL_MS            1000     // a fill whose order goes on filling is told after this
#define WEIR_RECHECK_MS         60000    // the history is compared with what was told
#define WEIR_RECHECK_BACK_MS    180000
#define WEIR_YOUNG_MS           600000   // after a start each signal's magic is looked for first
#define WEIR_SEARCH_BACK_S      86400

// ---- bounds ----
#define WEIR_FRAME_MAX          4096     // bytes, LF included
#define WEIR_VALUE_MAX          255      // bytes of a text
#define WEIR_FIELDS_MAX         40       // of a frame that weir sends
#define WEIR_READ_FRAMES        16       // a turn
#define WEIR_SEND_BYTES         8192     // a turn
#define WEIR_OUTBOX             1024     // reliable frames that weir has not made durable
#define WEIR_OUTBOX_SIGNALS     128      // fewer free: new signals are answered busy
#define WEIR_OUTBOX_ANSWERS     16       // fewer free: signals are not answered at all
#define WEIR_OUTBOX_DEALS       256      // fewer free: deals wait in the history
#define WEIR_LIGHT              256      // ephemeral frames
#define WEIR_SIGNALS            256      // waiting and in flight
#define WEIR_SIDS               4096     // signals remembered
#define WEIR_JOURNAL_LINES      20000    // then the file is written anew
#define WEIR_TRANSACTIONS       1024
#define WEIR_TOLD               2048     // deals told lately
#define WEIR_DEALS_TURN         32       // deals told a turn
#define WEIR_POSITIONS          1024
#define WEIR_MOVES_TURN         32       // positions whose profit is told, a second
#define WEIR_SYMBOLS            64       // whose prices are told
#define WEIR_FAST_TRIES         3
#define WEIR_TRIES              30
#define WEIR_COMMENT_MAX        31       // characters of an order's comment
