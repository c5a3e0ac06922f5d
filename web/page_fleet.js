/* page_fleet.js - all terminals as tiles and as a table; one of them with its numbers, its
 * positions and its past. */
import { serverNow, topic } from '/conn.js';
import { choice, h, press, setAttr, setText } from '/dom.js';
import { decimal, fixed, short, signed, span, tone, whole } from '/fmt.js';
import { makePanel, topicAge } from '/parts.js';
import { createRows } from '/rows.js';
import { states } from '/tables.js';
import { openTerminal } from '/terminal.js';
import { change, place } from '/url.js';

const SILENT_MS = 10000;
const stateLights = { RUNNING: 'ok', STARTING: 'warn', RECOVERING: 'warn', DEGRADED: 'warn', FAILED: 'critical', STOPPED: 'off' };
const healthLights = { warning: 'warn', critical: 'critical' };
const rank = { off: 0, ok: 1, warn: 2, critical: 3 };

/* The worse of its state and its health. */
export function lightOf(row) {
	const [state, health] = [stateLights[row.state] ?? 'warn', healthLights[row.health] ?? 'off'];
	const light = rank[health] > rank[state] ? health : state;
	return light === 'ok' && row.flags ? 'warn' : light;
}

const columns = [
	{ id: 'state', head: 'State', width: '112px', light: true, value: lightOf, print: (value, row) => row.state, whole: true,
		hint: (row) => [states.find((one) => one.name === row.state)?.meaning, row.flags, row.reason].filter(Boolean).join('; ') },
	{ id: 'id', head: 'Terminal', width: '80px', value: (row) => row.id, hint: (row) => `${row.id}${row.host ? ` on ${row.host}` : ''}` },
	{ id: 'flags', head: 'Flags', width: '96px', hide: 'farther', value: (row) => row.flags || null, tone: () => 'warn', why: 'none' },
	{ id: 'eq', head: 'Equity', width: '94px', num: true, value: (row) => row.eq, print: decimal, hint: (row) => row.currency ?? '' },
	{ id: 'pl', head: 'Open P/L', width: '82px', num: true, value: (row) => row.pl, print: (value) => signed(value), tone },
	{ id: 'positions', head: 'Pos.', title: 'open positions', width: '52px', num: true, hide: 'phone', value: (row) => row.positions, print: whole },
	{ id: 'res', head: 'Res/s', title: 'results a second', width: '62px', num: true, hide: 'far', value: (row) => row.res, print: (value) => fixed(value, 1) },
	{ id: 'waiting', head: 'Wait', title: 'signals that wait in weir', width: '56px', num: true, hide: 'far', value: (row) => row.waiting, print: whole, tone: (value) => (value ? 'warn' : 'dim') },
	{ id: 'in_flight', head: 'Sent', title: 'signals without a final answer', width: '56px', num: true, hide: 'far', value: (row) => row.in_flight, print: whole },
	{ id: 'ping', head: 'Ping ms', title: 'to its broker', width: '76px', num: true, hide: 'phone', value: (row) => row.ping, print: (value) => fixed(value / 1000, 1) },
	{ id: 'rtt', head: 'RTT ms', title: 'to weir and back', width: '72px', num: true, hide: 'far', value: (row) => row.rtt, print: (value) => fixed(value, 1) },
	{ id: 'cpu', head: 'CPU %', width: '64px', num: true, hide: 'far', value: (row) => row.cpu, print: (value) => fixed(value, 1), tone: (value) => (value > 80 ? 'bad' : '') },
	{ id: 'mem', head: 'Mem MB', width: '74px', num: true, hide: 'far', value: (row) => row.mem, print: (value) => fixed(value, 0) },
	{ id: 'restarts', head: 'Starts', title: 'restarts by weir, reconnects', width: '66px', num: true, hide: 'farther', value: (row) => row.restarts + row.reconnects, print: (value, row) => `${row.restarts}·${row.reconnects}` },
	{ id: 'heard', head: 'Heard', title: 'how long ago', width: '84px', num: true, hide: 'phone', ticks: true, value: (row) => row.heard_ms,
		print: (value) => span(serverNow() - value), tone: (value) => (serverNow() - value > SILENT_MS ? 'bad' : ''), why: 'it was never heard' },
];

function matches(row, { state, filter }) {
	const words = (filter ?? '').toLowerCase();
	return (!state || row.state === state) && (!words ||
		[row.id, row.host, row.server, row.flags, row.reason, String(row.login ?? '')].some((text) => text?.toLowerCase().includes(words)));
}

/* Short enough for a tile. */
function money(value) {
	return Math.abs(value) >= 1e5 ? short(value) : fixed(value, 2);
}

/* Tiles are made once for each terminal; a push changes what has changed. */
function makeTiles(onOpen) {
	const element = h('div.tiles', { role: 'group', 'aria-label': 'Terminals as tiles' });
	const tiles = new Map();
	let active = null;
	element.addEventListener('click', (event) => {
		const tile = event.target.closest('.tile');
		if (tile)
			onOpen(tile.dataset.id);
	});
	element.addEventListener('focusin', (event) => setActive(event.target));
	element.addEventListener('keydown', (event) => {
		const all = [...element.children];
		const at = all.indexOf(event.target);
		const across = getComputedStyle(element).gridTemplateColumns.split(' ').length;
		const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: across, ArrowUp: -across };
		if (at < 0 || !(event.key in moves))
			return;
		event.preventDefault();
		all[Math.max(0, Math.min(all.length - 1, at + moves[event.key]))].focus();
	});

	function setActive(tile) {
		active?.setAttribute('tabindex', '-1');
		active = tile;
		active?.setAttribute('tabindex', '0');
	}

	function makeTile(id) {
		const tile = h('button.tile', { type: 'button', tabindex: '-1', 'data-id': id }, h('span', null, id), h('span.lower'));
		tiles.set(id, tile);
		return tile;
	}

	function update(rows, current) {
		const ids = new Set(rows.map((row) => row.id));
		for (const [id, tile] of tiles)
			if (!ids.has(id)) {
				tile.remove();
				tiles.delete(id);
			}
		rows.forEach((row, i) => {
			const tile = tiles.get(row.id) ?? makeTile(row.id);
			if (element.children[i] !== tile)
				element.insertBefore(tile, element.children[i] ?? null);
			setAttr(tile, 'data-light', lightOf(row));
			setAttr(tile, 'aria-current', row.id === current ? 'true' : null);
			setAttr(tile, 'aria-label', `${row.id}, ${row.state}${row.flags ? ', ' + row.flags : ''}`);
			setAttr(tile, 'title', `${row.state}${row.flags ? ' ' + row.flags : ''}${row.reason ? ': ' + row.reason : ''}`);
			const lower = tile.lastChild;
			setText(lower, row.state !== 'RUNNING' ? row.state : row.pl === null ? '—' : signed(row.pl, money));
			setAttr(lower, 'class', row.state !== 'RUNNING' ? 'lower' : `lower ${tone(row.pl)}`);
		});
		if (!active || !tiles.has(active.dataset.id))
			setActive(element.firstChild);
	}
	return { element, update };
}

export default {
	id: 'fleet', title: 'Fleet', letter: 'f',
	open(host, params, shell) {
		const list = makePanel('Terminals', { bare: true });
		const chips = h('div.chips', { role: 'group', 'aria-label': 'State' });
		const filter = h('input', { id: 'filter', type: 'search', placeholder: 'filter (f)', 'aria-label': 'Filter terminals by name, host, server, flag', value: params.filter ?? '',
			oninput: () => change({ filter: filter.value }) });
		const views = choice('View', [['table', 'Table'], ['tiles', 'Tiles'], ['both', 'Both']], params.view ?? 'both', (view) => change({ view: view === 'both' ? '' : view }));
		const tiles = makeTiles(open);
		const table = createRows({ label: 'Terminals', columns, key: (row) => row.id, sort: params.sort ?? 'id', dir: params.dir, onOpen: open,
			onSort: (sort, dir) => change({ sort, dir }), max: 1000, empty: 'No terminal is known, or none matches.' });
		const buttons = new Map();
		for (const name of ['', ...states.map((state) => state.name)]) {
			const count = h('b', null, '0');
			buttons.set(name, count);
			chips.append(h('button.chip', { type: 'button', 'data-value': name, 'aria-pressed': 'false', title: states.find((one) => one.name === name)?.meaning,
				onclick: () => change({ state: name }) }, name || 'all', count));
		}
		list.body.append(h('div.tools', null, chips, filter, views), tiles.element, table.element);
		const columnsHost = h('div.columns', null, list.element);
		host.append(columnsHost);
		list.age(topicAge('fleet'));
		let detail = null;

		function open(id) {
			change({ terminal: place().params.terminal === id ? '' : id }, { replace: false });
		}

		function show() {
			const data = topic('fleet');
			if (!data?.data)
				return;
			const all = [...data.rows.values()];
			const { params: now } = place();
			const shown = all.filter((row) => matches(row, now));
			for (const [name, count] of buttons)
				setText(count, name ? all.filter((row) => row.state === name).length : all.length);
			setText(list.note, shown.length === all.length ? `${all.length}` : `${shown.length} of ${all.length}`);
			if (!tiles.element.hidden)
				tiles.update(shown, now.terminal);
			if (!table.element.hidden)
				table.update(shown);
		}

		function showDetail(next) {
			if (detail?.id === next.terminal) {
				detail?.change(next);
				return;
			}
			detail?.close();
			detail = next.terminal ? openTerminal(columnsHost, next, () => open(next.terminal)) : null;
			columnsHost.classList.toggle('open', Boolean(detail));
			table.setCurrent(next.terminal);
		}

		function take(next) {
			press(chips, next.state ?? '');
			press(views, next.view ?? 'both');
			tiles.element.hidden = next.view === 'table';
			table.element.hidden = next.view === 'tiles';
			table.setSort(next.sort ?? 'id', next.dir);
			if (filter.value !== (next.filter ?? '') && document.activeElement !== filter)
				filter.value = next.filter ?? '';
			showDetail(next);
		}

		const view = {
			get topics() {
				return ['fleet', ...(detail ? [`terminal:${detail.id}`] : [])];
			},
			push: (names) => {
				if (names.has('fleet'))
					show();
				if (detail && names.has(`terminal:${detail.id}`))
					detail.push();
			},
			change: (next) => {
				const before = detail?.id;
				take(next);
				if (before !== detail?.id) {
					shell.rewant();
					if (detail && matchMedia('(max-width: 999px)').matches)
						detail.element.scrollIntoView({ block: 'start' });
				}
				show();
			},
			tick: () => table.tick(),
			leave: () => detail && open(detail.id),
			close: () => {
				list.close();
				detail?.close();
			},
		};
		take(params);
		return view;
	},
};

