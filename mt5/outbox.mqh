// outbox.mqh - what waits to be sent.
//
// Reliable frames (R D Y Z) are numbered 1, 2, 3 ... in an epoch, that is from OnInit on, and
// stay in a ring of WEIR_OUTBOX until weir says they are durable (K, or up= of W). After a
// new connection those that are not durable go out again with their numbers.
//
//        first             sent              next
//   -------+-----------------+-----------------+------
//          | sent, not safe  | not sent yet    | free
//
// Ephemeral frames (S A O o Q p H E) wait in a second ring. When it is full the oldest is
// dropped and counted; a dropped position frame makes a snapshot due, because the position
// hash would no longer be weir's.

string g_out_verb[WEIR_OUTBOX];
string g_out_body[WEIR_OUTBOX];
long   g_out_first;
long   g_out_sent;      // newest that went out in this connection
long   g_out_next;      // number of the next one

string g_light[WEIR_LIGHT];
int    g_light_first;
int    g_light_count;
long   g_dropped;       // since OnInit
bool   g_snapshot_due;

void OutboxInit()
{
	g_out_first = 1;
	g_out_sent = 0;
	g_out_next = 1;
	g_light_first = 0;
	g_light_count = 0;
	g_dropped = 0;
	g_snapshot_due = false;
}

int OutboxFree()
{
	return WEIR_OUTBOX - (int)(g_out_next - g_out_first);
}

// Queues the frame that was made last. Returns its number, 0 when there is no room.
long OutboxPush()
{
	if(OutboxFree() <= 0)
		return 0;
	int at = (int)(g_out_next % WEIR_OUTBOX);
	g_out_verb[at] = g_frame_verb;
	g_out_body[at] = g_frame;
	g_out_next++;
	return g_out_next - 1;
}

// Everything up to this number is durable.
void OutboxSafe(const long up)
{
	while(g_out_first <= up && g_out_first < g_out_next)
	{
		g_out_body[(int)(g_out_first % WEIR_OUTBOX)] = "";
		g_out_first++;
	}
	if(g_out_sent < g_out_first - 1)
		g_out_sent = g_out_first - 1;
}

// After W: `up` is the newest that weir has of this epoch.
void OutboxResume(const long up)
{
	OutboxSafe(up);
	if(up >= g_out_next)
	{
		// Never given, so never sent: numbers go on after it.
		g_out_first = up + 1;
		g_out_next = up + 1;
	}
	g_out_sent = g_out_first - 1;
}

// The next reliable line to send, "" when there is none.
string OutboxLine()
{
	if(g_out_sent + 1 >= g_out_next)
		return "";
	g_out_sent++;
	int at = (int)(g_out_sent % WEIR_OUTBOX);
	return g_out_verb[at] + " " + IntegerToString(g_out_sent) + g_out_body[at];
}

void LightDropFirst()
{
	string verb = StringSubstr(g_light[g_light_first], 0, 1);
	if(verb == "o" || verb == "O")
		g_snapshot_due = true;
	g_light_first = (g_light_first + 1) % WEIR_LIGHT;
	g_light_count--;
}

// Queues the frame that was made last.
void LightPush()
{
	if(g_light_count == WEIR_LIGHT)
	{
		LightDropFirst();
		g_dropped++;
	}
	g_light[(g_light_first + g_light_count) % WEIR_LIGHT] = g_frame_verb + " 0" + g_frame;
	g_light_count++;
}

string LightLine()
{
	if(g_light_count == 0)
		return "";
	string line = g_light[g_light_first];
	g_light_first = (g_light_first + 1) % WEIR_LIGHT;
	g_light_count--;
	return line;
}

// A connection ended: what waited was meant for it.
void LightClear()
{
	g_light_first = 0;
	g_light_count = 0;
}
