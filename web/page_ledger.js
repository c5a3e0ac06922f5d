/* page_ledger.js - every signal and every result accounted for; the dead letters; and a box
 * for one SELECT on the archive, which weir bounds in time and rows. */
import { ask, serverNow, topic } from '/conn.js';
import { h, setAttr, setText } from '/dom.js';
import { stamp, when, whole } from '/fmt.js';
import { ledgerSums, showLedger } from '/ledger.js';
import { makePanel, topicAge } from '/parts.js';
import { createRows } from '/rows.js';
import { change } from '/url.js';

const ROWS_SHOWN = 200;

/* Examples, of tables of docs/reference/archive.md. */
const examples = [
	['newest results', 'SELECT result_id, instance, status, symbol, side, volume, price, pnl, execution_ms\nFROM trade_results ORDER BY received_us DESC LIMIT 50'],
	['results by status', 'SELECT status, count(*) AS results, sum(pnl) AS pnl, round(avg(execution_ms), 1) AS execution_ms\nFROM trade_results GROUP BY status ORDER BY results DESC'],
	['profit by terminal', 'SELECT instance, count(*) AS deals, sum(pnl) AS pnl\nFROM trade_results GROUP BY instance ORDER BY pnl DESC LIMIT 50'],
];

const deadColumns = [
	{ id: 't', head: 'UTC', width: '96px', value: (row) => row.at_us / 1000, print: (value) => when(value, serverNow()), hint: (row) => stamp(row.at_us / 1000) },
	{ id: 'id', head: 'Letter', width: '24%', style: 'mono', value: (row) => row.letter_id, hint: (row) => row.letter_id },
	{ id: 'origin', head: 'Of', width: '110px', hide: 'far', value: (row) => row.origin },
	{ id: 'tries', head: 'Tries', width: '64px', num: true, value: (row) => row.attempts, print: whole },
	{ id: 'reason', head: 'Why', value: (row) => row.reason, hint: (row) => row.reason },
];

const keyOf = (row) => `${row.origin} ${row.letter_id}`;

function typeOf(rows, name) {
	const value = rows.find((row) => row[name] !== null)?.[name];
	return typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value));
}

/* What came back, with a column for each name. */
function resultTable(rows) {
	const columns = Object.keys(rows[0] ?? {}).map((name) => ({
		id: name, head: name, num: typeOf(rows, name), plain: true, width: `${Math.max(9, Math.min(28, name.length + 3))}ch`, style: 'mono',
		value: (row) => (typeof row[name] === 'object' && row[name] !== null ? JSON.stringify(row[name]) : row[name]),
		hint: (row) => String(row[name]), why: 'NULL',
	}));
	const numbered = rows.map((row, i) => ({ ...row, [Symbol.for('row')]: i }));
	const table = createRows({ label: 'Rows of the archive', columns, key: (row) => row[Symbol.for('row')], max: ROWS_SHOWN, height: '60vh', empty: 'No row.' });
	table.element.querySelector('table').style.minWidth = columns.length * 10 + 'ch';
	table.update(numbered);
	return table.element;
}

function makeQuery(params) {
	const panel = makePanel('Ask the archive', { note: 'one SELECT, read only' });
	const sql = h('textarea', { id: 'sql', rows: 4, spellcheck: 'false', 'aria-label': 'SQL', placeholder: 'SELECT … FROM trade_results' });
	const run = h('button.plain.main', { type: 'button' }, 'Run');
	const said = h('span.said', { role: 'status' }, 'Ctrl + Enter runs it; 10 s and a bounded number of rows at most');
	const result = h('div');
	const chips = h('div.chips');
	let running = null;
	sql.value = params.sql ?? '';
	for (const [name, text] of examples)
		chips.append(h('button.chip', { type: 'button', onclick: () => { sql.value = text; start(); } }, name));
	panel.element.querySelector('.age').remove();
	panel.body.append(sql, h('div.tools', null, run, chips, said));
	panel.element.append(result);

	async function start() {
		running?.abort();
		const mine = running = new AbortController();
		const began = performance.now();
		change({ sql: sql.value });
		setText(said, 'running …');
		try {
			const rows = await ask('/api/v1/archive/query', { body: { sql: sql.value }, signal: mine.signal });
			const more = rows.truncated ? ', of more: weir cut them' : '';
			setText(said, `${whole(rows.length)} rows${more} in ${Math.round(performance.now() - began)} ms${rows.length > ROWS_SHOWN ? `, the first ${ROWS_SHOWN} shown` : ''}`);
			setAttr(said, 'class', 'said');
			result.replaceChildren(resultTable(rows));
		} catch (refusal) {
			if (mine !== running || refusal.name === 'AbortError')
				return;
			setText(said, refusal.message);
			setAttr(said, 'class', 'why');
			result.replaceChildren();
		}
	}
	run.addEventListener('click', start);
	sql.addEventListener('keydown', (event) => {
		if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
			event.preventDefault();
			start();
		}
	});
	return { element: panel.element, close: () => running?.abort() };
}

export default {
	id: 'ledger', title: 'Ledger', letter: 'l',
	open(host, params) {
		const ledger = makePanel('Ledger', { bare: true });
		const sums = ledgerSums();
		const hint = h('p.foot', null, 'In deliveries: a signal to n terminals counts n. Totals since the state directory was made. The same: weir archive verify --json');
		ledger.body.append(sums.element, hint);
		const dead = makePanel('Dead letters', { bare: true });
		const rows = createRows({ label: 'Dead letters', columns: deadColumns, key: keyOf, max: 1000, height: '320px', empty: 'None: every result could be archived.' });
		const more = h('button.plain', { type: 'button', hidden: true, onclick: () => older() }, 'Older ones');
		const said = h('span.said');
		dead.body.append(rows.element, h('p.foot', null, more, ' ', said, ' weir archive dead list, show ID, retry ID, drop ID'));
		const query = makeQuery(params);
		host.append(h('div.columns.two', null, ledger.element, dead.element), query.element);
		ledger.age(topicAge('ledger'));
		let newest = [];
		let elder = [];
		let next = null;
		dead.age(topicAge('ledger'));

		function list() {
			const known = new Set(newest.map(keyOf));
			rows.update([...newest, ...elder.filter((row) => !known.has(keyOf(row)))]);
			more.hidden = !next;
			setText(dead.note, `${newest.length + elder.length}${next ? ' and more' : ''}`);
		}

		function show({ ledger: sum, dead: letters, next: cursor }) {
			showLedger(sums, sum, ledger.note);
			newest = letters;
			if (!elder.length)
				next = cursor;
			list();
		}

		async function older() {
			try {
				const data = await ask(`/api/v1/ledger?cursor=${encodeURIComponent(next)}`);
				elder = [...elder, ...data.dead];
				setText(said, '');
				next = data.next;
				list();
			} catch (refusal) {
				setText(said, refusal.message);
			}
		}

		return {
			topics: ['ledger'],
			push: (names) => names.has('ledger') && topic('ledger')?.data && show(topic('ledger').data),
			change: () => {},
			close: () => {
				ledger.close();
				dead.close();
				query.close();
			},
		};
	},
};
