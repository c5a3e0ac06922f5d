// positions.mqh - the positions as weir was told of them.
//
// The table holds what was told, not what is: each scan compares the two and tells the
// difference, and the position hash is the table's. So the hash in S is weir's own, unless
// a frame was lost, and then a snapshot is due.

WeirPosition g_positions[WEIR_POSITIONS];
int   g_positions_count;
int   g_positions_turn;    // whose profit is told next
long  g_positions_at;      // steady ms of the last scan
bool  g_positions_full;    // said once
int   g_snapshot_at;       // position that the snapshot tells next, -1: none under way

void PositionsInit()
{
	g_positions_count = 0;
	g_positions_turn = 0;
	g_positions_at = 0;
	g_positions_full = false;
	g_snapshot_at = -1;
}

ulong PositionsHash()
{
	ulong hash = 0;
	for(int i = 0; i < g_positions_count; i++)
		hash ^= PositionHash(g_positions[i]);
	return hash;
}

int PositionFind(const ulong ticket)
{
	for(int i = 0; i < g_positions_count; i++)
		if(g_positions[i].ticket == ticket)
			return i;
	return -1;
}

// The selected position.
void PositionRead(WeirPosition &position)
{
	string symbol = PositionGetString(POSITION_SYMBOL);
	int digits = PriceDigits(symbol);
	int money = MoneyDigits();
	position.ticket = (ulong)PositionGetInteger(POSITION_TICKET);
	position.id = PositionGetInteger(POSITION_IDENTIFIER);
	position.symbol = symbol;
	position.buy = PositionGetInteger(POSITION_TYPE) == POSITION_TYPE_BUY;
	position.volume = DoubleToString(PositionGetDouble(POSITION_VOLUME), VolumeDigits(symbol));
	position.open = DoubleToString(PositionGetDouble(POSITION_PRICE_OPEN), digits);
	position.price = DoubleToString(PositionGetDouble(POSITION_PRICE_CURRENT), digits);
	position.sl = DoubleToString(PositionGetDouble(POSITION_SL), digits);
	position.tp = DoubleToString(PositionGetDouble(POSITION_TP), digits);
	position.swap = DoubleToString(PositionGetDouble(POSITION_SWAP), money);
	position.profit = DoubleToString(PositionGetDouble(POSITION_PROFIT), money);
	position.magic = PositionGetInteger(POSITION_MAGIC);
	position.opened = PositionGetInteger(POSITION_TIME_MSC);
	position.seen = true;
	position.moved = false;
}

void PositionNew(const WeirPosition &position, const bool tell)
{
	if(g_positions_count == WEIR_POSITIONS)
	{
		if(!g_positions_full)
			Print("weir: more than ", WEIR_POSITIONS,
			      " positions: the rest is not told");
		g_positions_full = true;
		return;
	}
	g_positions[g_positions_count] = position;
	g_positions_count++;
	if(!tell)
		return;
	FramePosition(position, true);
	LightPush();
}

void PositionSame(const int i, WeirPosition &position, const bool tell)
{
	bool changed = position.volume != g_positions[i].volume ||
		       position.sl != g_positions[i].sl || position.tp != g_positions[i].tp ||
		       position.buy != g_positions[i].buy;
	position.moved = g_positions[i].moved || position.price != g_positions[i].price ||
			 position.profit != g_positions[i].profit ||
			 position.swap != g_positions[i].swap;
	if(tell && changed)
	{
		position.moved = false;
		// A side that turned is a new position to weir: only that frame says the side.
		if(position.buy != g_positions[i].buy)
			FramePosition(position, true);
		else
			FramePositionChange(position);
		LightPush();
	}
	g_positions[i] = position;
}

void PositionsSweep(const bool tell)
{
	int kept = 0;
	for(int i = 0; i < g_positions_count; i++)
	{
		if(g_positions[i].seen)
		{
			if(kept != i)
				g_positions[kept] = g_positions[i];
			kept++;
		}
		else if(tell)
		{
			FramePositionGone(g_positions[i]);
			LightPush();
		}
	}
	g_positions_count = kept;
}

// Brings the table up to date; `tell`: and says what changed.
void PositionsScan(const bool tell)
{
	WeirPosition position;
	int count = PositionsTotal();
	for(int i = 0; i < g_positions_count; i++)
		g_positions[i].seen = false;
	for(int i = 0; i < count; i++)
	{
		if(PositionGetTicket(i) == 0)
			continue;
		PositionRead(position);
		int at = PositionFind(position.ticket);
		if(at < 0)
			PositionNew(position, tell);
		else
			PositionSame(at, position, tell);
	}
	PositionsSweep(tell);
	g_positions_dirty = false;
	g_positions_at = ClockTick();
}

// Prices and profits that moved, a bounded number a second, in turns.
void PositionsMoves()
{
	int told = 0;
	for(int i = 0; i < g_positions_count && told < WEIR_MOVES_TURN; i++)
	{
		int at = (g_positions_turn + i) % g_positions_count;
		if(!g_positions[at].moved)
			continue;
		g_positions[at].moved = false;
		FramePositionChange(g_positions[at]);
		LightPush();
		told++;
	}
	g_positions_turn += told;
	if(g_positions_turn >= 1000000)
		g_positions_turn = 0;
}

void SnapshotStep()
{
	if(g_snapshot_at < 0)
	{
		g_snapshot_due = false;
		PositionsScan(false);
		FrameSnapshotBegin(g_positions_count);
		LightPush();
		g_snapshot_at = 0;
	}
	while(g_snapshot_at < g_positions_count && g_light_count < WEIR_LIGHT / 2)
	{
		g_positions[g_snapshot_at].moved = false;
		FramePosition(g_positions[g_snapshot_at], false);
		LightPush();
		g_snapshot_at++;
	}
	if(g_snapshot_at < g_positions_count || g_light_count >= WEIR_LIGHT / 2)
		return;
	FrameSnapshotEnd(g_positions_count, PositionsHash());
	LightPush();
	g_snapshot_at = -1;
}

// Each turn in which the connection is up and the lists can be trusted.
void PositionsStep()
{
	if(g_snapshot_at >= 0 || g_snapshot_due)
	{
		SnapshotStep();
		return;
	}
	long age = ClockTick() - g_positions_at;
	if(age >= 1000 || (g_positions_dirty && age >= WEIR_TIMER_MS))
		PositionsScan(true);
}
