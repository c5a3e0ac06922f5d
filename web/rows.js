/* rows.js - a table of keyed rows: sorted, walked by keyboard, changed cell by cell.
 *
 *   const table = createRows({ label: 'Terminals', columns, key: (row) => row.id, … });
 *   host.append(table.element);
 *   table.update(rows);
 *
 * A column:  id, head, title   what its head says
 *            width             of CSS; style: classes of its cells; acts: buttons stand in it
 *            num               set to the right, and sorted as a number
 *            value(row)        what is sorted and compared; null: not known
 *            print(value, row) its text; without it the value itself
 *            tone(value, row)  a class; hint(row): a title
 *            why               the title of a value that is not known
 *            light             the value is ok, warn, critical or off; print gives the word
 *            make(row), fill(node, row)   a cell with something in it of its own
 *            ticks             it shows an age, and changes without news
 *            hide              'phone' there; 'far' beside an open terminal too; 'farther' below
 *                              1,440 pixels too
 *            plain             not to be sorted by
 *
 * Rows keep their order for RESORT_MS while their numbers move, so that what one reads does
 * not jump. One row is in the tab order; arrows, Home, End and Page keys walk, Enter opens. */
import { NONE } from '/fmt.js';
import { h, setAttr, setCell, setLight } from '/dom.js';

const RESORT_MS = 2000;
const PAGE_ROWS = 12;

function compareBy(column, direction) {
	return (left, right) => {
		const [a, b] = [column.value(left), column.value(right)];
		const [noA, noB] = [a === null || a === undefined, b === null || b === undefined];
		if (noA || noB)
			return Number(noA) - Number(noB);
		const order = column.num ? Number(a) - Number(b) : String(a).localeCompare(String(b), 'en', { numeric: true });
		return direction === 'desc' ? -order : order;
	};
}

function hideClass(column) {
	return { phone: '.near', far: '.near.far', farther: '.near.far.farther' }[column.hide] ?? '';
}

function fillCell(td, column, row) {
	if (column.fill) {
		column.fill(td.firstChild, row);
		return;
	}
	const value = column.value(row);
	if (!column.ticks && !column.whole && td.raw === value && td.filled)
		return;
	td.raw = value;
	td.filled = true;
	const none = value === null || value === undefined || value === '';
	const text = none ? NONE : column.print ? column.print(value, row) : String(value);
	if (column.light)
		setLight(td.firstChild, value, text, column.hint?.(row));
	else
		setCell(td, text, none ? 'lost' : column.tone?.(value, row),
			none ? column.why ?? 'weir does not know it' : column.hint?.(row));
}

function makeRow(columns, id, opens) {
	const tr = h('tr', opens ? { tabindex: '-1' } : {});
	tr.key = id;
	for (const column of columns) {
		const td = h('td' + (column.num ? '.num' : '') + (column.style ? '.' + column.style : '') + hideClass(column));
		if (column.light)
			td.append(h('span.light'));
		tr.append(td);
	}
	return tr;
}

export function createRows({ label, columns, key, sort, dir, onSort, onOpen, empty = 'Nothing.', max = 500, height }) {
	let sorting = { id: sort ?? '', dir: dir ?? 'asc' };
	let sortedAt = -Infinity;
	let order = [];
	let current = null; /* the key of the row that is open */
	let active = null;  /* the key of the row in the tab order */
	let latest = new Map();
	let isRevealed = true;
	const rows = new Map();
	const heads = columns.map((column) => makeHead(column));
	const body = h('tbody');
	const table = h('table', { 'aria-label': label },
		h('colgroup', null, ...columns.map((column) => makeCol(column))),
		h('thead', null, h('tr', null, ...heads)), body);
	const nothing = h('p.empty', null, empty);
	const element = h('div.scroll', null, table, nothing);
	if (height)
		element.style.maxHeight = height;
	body.addEventListener('keydown', onKey);
	body.addEventListener('focusin', (event) => setActive(event.target.closest('tr')?.key));
	if (onOpen)
		body.addEventListener('click', (event) => {
			const tr = event.target.closest('tr');
			if (tr && !event.target.closest('button, a, input'))
				onOpen(tr.key);
		});
	showSort();

	function makeCol(column) {
		const col = h('col' + hideClass(column));
		if (column.style === 'acts')
			col.className = 'acts';
		else if (column.width)
			col.style.width = column.width;
		return col;
	}

	function makeHead(column) {
		const inside = onSort && !column.plain
			? h('button', { type: 'button', title: column.title, onclick: () => sortBy(column) }, column.head) : column.head;
		return h('th' + (column.num ? '.num' : '') + hideClass(column), { scope: 'col', title: column.title }, inside);
	}

	function sortBy(column) {
		const same = sorting.id === column.id;
		const first = column.num ? 'desc' : 'asc';
		setSort(column.id, same ? (sorting.dir === 'asc' ? 'desc' : 'asc') : first);
		onSort(sorting.id, sorting.dir);
	}

	function setSort(id, direction) {
		const next = { id: id ?? '', dir: direction ?? 'asc' };
		if (next.id === sorting.id && next.dir === sorting.dir)
			return;
		sorting = next;
		sortedAt = -Infinity;
		showSort();
		update([...latest.values()]);
	}

	function showSort() {
		columns.forEach((column, i) => setAttr(heads[i], 'aria-sort',
			column.id === sorting.id && sorting.id ? (sorting.dir === 'desc' ? 'descending' : 'ascending') : null));
	}

	function setActive(id) {
		if (!onOpen || id === undefined || id === active)
			return;
		rows.get(active)?.setAttribute('tabindex', '-1');
		active = id;
		rows.get(active)?.setAttribute('tabindex', '0');
	}

	function onKey(event) {
		const tr = event.target.closest('tr');
		if (event.target !== tr || event.ctrlKey || event.metaKey || event.altKey)
			return;
		const all = [...body.children];
		const at = all.indexOf(tr);
		const moves = { ArrowDown: at + 1, ArrowUp: at - 1, j: at + 1, k: at - 1, Home: 0, End: all.length - 1,
			PageDown: at + PAGE_ROWS, PageUp: at - PAGE_ROWS };
		if (event.key in moves) {
			event.preventDefault();
			all[Math.max(0, Math.min(all.length - 1, moves[event.key]))]?.focus();
		} else if (event.key === 'Enter') {
			event.preventDefault();
			onOpen(tr.key);
		}
	}

	/* The order of the last sort, with what is new put in by a sort anew. */
	function arrange(list) {
		const now = performance.now();
		const same = list.length === order.length && order.every((id) => latest.has(id));
		if (same && now - sortedAt < RESORT_MS)
			return order;
		const column = columns.find((one) => one.id === sorting.id);
		sortedAt = now;
		return (column ? [...list].sort(compareBy(column, sorting.dir)) : list).map(key);
	}

	function rowOf(row) {
		const id = key(row);
		let tr = rows.get(id);
		if (!tr) {
			tr = makeRow(columns, id, Boolean(onOpen));
			rows.set(id, tr);
			columns.forEach((column, i) => column.make && tr.children[i].append(column.make(row)));
			if (id === current)
				tr.setAttribute('aria-current', 'true');
		}
		if (tr.row !== row) {
			columns.forEach((column, i) => fillCell(tr.children[i], column, row));
			tr.row = row;
		}
		return tr;
	}

	/* Moves only what stands elsewhere. */
	function lay() {
		let at = body.firstChild;
		for (const id of order) {
			const tr = rowOf(latest.get(id));
			if (tr === at)
				at = at.nextSibling;
			else
				body.insertBefore(tr, at);
		}
		while (at) {
			const next = at.nextSibling;
			rows.delete(at.key);
			at.remove();
			at = next;
		}
	}

	function update(list) {
		const cut = list.slice(0, max);
		latest = new Map(cut.map((row) => [key(row), row]));
		order = arrange(cut);
		lay();
		reveal();
		nothing.hidden = order.length > 0;
		table.hidden = order.length === 0;
		if (onOpen && !rows.has(active))
			setActive(order[0]);
	}

	function setCurrent(id) {
		if ((id || null) === current)
			return;
		rows.get(current)?.removeAttribute('aria-current');
		current = id || null;
		rows.get(current)?.setAttribute('aria-current', 'true');
		isRevealed = false;
		reveal();
	}

	/* What is open is seen, where the table scrolls by itself. */
	function reveal() {
		const tr = rows.get(current);
		if (isRevealed || !tr?.isConnected)
			return;
		isRevealed = true;
		const [box, line] = [element.getBoundingClientRect(), tr.getBoundingClientRect()];
		if (line.bottom > box.bottom || line.top < box.top + line.height)
			element.scrollTop += line.top - box.top - box.height / 2;
	}

	function tick() {
		columns.forEach((column, i) => {
			if (column.ticks)
				for (const tr of body.children)
					fillCell(tr.children[i], column, tr.row);
		});
	}

	return { element, update, setSort, setCurrent, tick,
		setEmpty: (text) => { nothing.textContent = text; },
		focus: () => (rows.get(current) ?? rows.get(active))?.focus() };
}
