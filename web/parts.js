/* parts.js - what several pages show: panels with their age, facts, polling of what is not
 * pushed. */
import { showAge } from '/age.js';
import * as conn from '/conn.js';
import { NONE } from '/fmt.js';
import { h, setCell } from '/dom.js';

/* A panel of a page. panel.element, .body, .note (beside the title), .age(at, stale): how old
 * what it shows is; .close(). */
export function makePanel(title, { note = '', bare = false } = {}) {
	const noteElement = h('span.note', null, note);
	const ageElement = h('span.age', null, NONE);
	const id = `p-${title.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`;
	const header = h('header', null, h('h2', { id }, title), noteElement, ageElement);
	const body = h(bare ? 'div' : 'div.body');
	const element = h('section.panel', { 'aria-labelledby': id }, header, body);
	const ends = [];
	return { element, body, header, note: noteElement,
		age: (at, stale) => { ends.push(showAge(ageElement, at, stale)); },
		close: () => ends.forEach((end) => end()) };
}

/* The age of what is pushed under a topic. */
export function topicAge(name) {
	return () => conn.topic(name)?.t_ms;
}

/* Names and numbers: makeFacts([[id, name, title], …], 4) gives { element, set(id, text, tone, title) }. */
export function makeFacts(names, columns) {
	const element = h('dl.facts-grid');
	element.style.setProperty('--columns', columns);
	const cells = new Map();
	for (const [id, name, title] of names) {
		const value = h('dd', null, NONE);
		cells.set(id, value);
		element.append(h('div.fact', { title }, h('dt', null, name), value));
	}
	return { element, set: (id, text, tone, title) => setCell(cells.get(id), text, tone, title) };
}

/* Asks now and every ms while the page is looked at and not paused; what is asked again ends
 * the question before it. take(data) or fail(refusal); answers: statuses whose bodies are data.
 * Returns { again(), stop() }. */
export function poll(path, ms, take, fail, answers = [200]) {
	let turns = 0;
	let timer = 0;
	let controller = null;
	function end() {
		clearTimeout(timer);
		controller?.abort();
		return ++turns;
	}
	async function turn() {
		const mine = end();
		controller = new AbortController();
		try {
			const data = conn.isActive() ? await conn.ask(path(), { signal: controller.signal, answers }) : null;
			if (data && mine === turns)
				take(data);
		} catch (refusal) {
			if (mine === turns && refusal.name !== 'AbortError')
				fail?.(refusal);
		}
		if (mine === turns)
			timer = setTimeout(turn, ms);
	}
	turn();
	return { again: turn, stop: end };
}
