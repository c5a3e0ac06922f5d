/* page_ask.js - the questions that Telegram and the command line take, asked here; the answer
 * is asked for again while one looks, and can be copied as a command. */

import { choice, copy, h, press, setAttr, setText } from '/dom.js';
import { clock, stamp } from '/fmt.js';
import { makePanel, poll } from '/parts.js';
import { questions } from '/tables.js';
import { change, go, place } from '/url.js';

const AGAIN_MS = 5000;
const HISTORY = 'weir.asked';
const HISTORY_MAX = 20;

function history() {
	try {
		return JSON.parse(sessionStorage.getItem(HISTORY)) ?? [];
	} catch {
		return [];
	}
}

function remember(question) {
	sessionStorage.setItem(HISTORY, JSON.stringify([question, ...history().filter((one) => one !== question)].slice(0, HISTORY_MAX)));
}

/* As a shell takes it: words that a shell would read stand in quotes. */
export function commandOf(question) {
	const plain = /^[\w/.:@%+,=-]+( [\w/.:@%+,=-]+)*$/.test(question);
	return `weir ask ${plain ? question : `'${question.replaceAll("'", "'\\''")}'`}`;
}

function saidOf(answer) {
	const words = [];
	if (answer.error)
		words.push(answer.error.replaceAll('_', ' '));
	if (answer.coverage)
		words.push(`${answer.coverage.minutes} of ${answer.coverage.of} minutes${answer.coverage.partial ? `, ${answer.coverage.partial} partial` : ''}`);
	if (answer.as_of_ms)
		words.push(`as of ${clock(answer.as_of_ms)}`);
	return words.join(' · ');
}

export default {
	id: 'ask', title: 'Ask', letter: 'q',
	open(host, params) {
		const panel = makePanel('Ask');
		const input = h('input', { id: 'question', type: 'text', value: params.q ?? '', maxlength: 256, autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', list: 'asked', 'aria-label': 'Question', placeholder: '/cvd BTC 15m' });
		const form = h('form.question', null, input, h('button.plain.main', null, 'Ask'));
		const asked = h('datalist', { id: 'asked' });
		panel.element.querySelector('.age').remove();
		panel.body.append(form, asked);
		const answerPanel = makePanel('Answer', { bare: true });
		const simulated = h('span.badge.simulated', { hidden: true }, 'SIMULATED');
		const stale = h('span.badge.simulated', { hidden: true, title: 'something in the answer is older than it should be' }, 'STALE');
		answerPanel.note.after(simulated, stale);
		const command = h('code');
		const copyCommand = h('button.plain.small', { type: 'button', title: 'Copy this question as a command for a shell' }, 'copy as command');
		const forms = choice('Form', [['text', 'Text'], ['json', 'JSON']], params.form ?? 'text', (as) => change({ form: as === 'text' ? '' : as }));
		const text = h('pre.answer', { tabindex: '0', 'aria-label': 'The answer' });
		const related = h('div.chips');
		answerPanel.body.append(h('div.tools', null, h('span.command', null, command, copyCommand), forms, related), text);
		const help = makePanel('Questions');
		help.element.querySelector('.age').remove();
		const grid = h('div.questions');
		for (const { name, args, help: what } of questions)
			grid.append(h('button', { type: 'button', onclick: () => offer(name, args) }, name), h('code', { title: args }, args), h('span.dim', { title: what }, what));
		help.body.append(grid);
		help.element.append(h('p.foot', null, 'SYM is BTC, BTCUSDT or binance:perp:BTCUSDT; TF is 1m 5m 15m 30m 60m 4h 24h.'));
		host.append(panel.element, h('div.columns.two', null, answerPanel.element, help.element));
		let answer = null;
		let poller = null;
		let current = '';
		answerPanel.element.hidden = true;
		answerPanel.age(() => answer?.as_of_ms, 60000);

		/* A question that needs no word is asked; another is put into the box. */
		function offer(name, args) {
			const known = /\[SYM/.test(args) ? `${name} BTC` : name;
			input.value = known;
			go('ask', { ...place().params, q: known });
			input.focus();
			input.setSelectionRange(name.length + 1, known.length);
		}

		function show() {
			answerPanel.element.hidden = false;
			setText(command, commandOf(current));
			setText(text, place().params.form === 'json' ? JSON.stringify(answer, null, 2) : answer.text ?? '');
			setAttr(text, 'class', place().params.form === 'json' ? 'answer wraps' : 'answer');
			setText(answerPanel.note, saidOf(answer));
			answerPanel.note.title = answer.as_of_ms ? stamp(answer.as_of_ms) : '';
			simulated.hidden = !answer.simulated;
			stale.hidden = !answer.stale;
		}

		function showRelated() {
			const name = '/' + current.replace(/^\//, '').split(' ')[0].toLowerCase();
			const words = current.split(' ').slice(1);
			const symbol = words.find((word) => /^[A-Z]/i.test(word)) ?? '';
			const row = questions.find((one) => one.name === name);
			related.replaceChildren(...(row?.related ?? '').split(' ').filter(Boolean).map((one) => {
				const takes = questions.find((other) => other.name === `/${one}`)?.args.includes('[SYM');
				const next = `/${one}${takes && symbol ? ' ' + symbol : ''}`;
				return h('button.chip', { type: 'button', onclick: () => go('ask', { ...place().params, q: next }) }, next);
			}));
		}

		function fail(refusal) {
			answer = { error: refusal.message, text: refusal.message };
			show();
		}

		function start(question) {
			poller?.stop();
			poller = null;
			current = question;
			if (!question)
				return;
			remember(question);
			asked.replaceChildren(...history().map((one) => h('option', { value: one })));
			showRelated();
			poller = poll(() => `/api/v1/ask?q=${encodeURIComponent(current)}`, AGAIN_MS, (data) => { answer = data; show(); }, fail, [200, 400, 404]);
		}

		form.addEventListener('submit', (event) => {
			event.preventDefault();
			const question = input.value.trim();
			if (question === current)
				poller?.again();
			else
				go('ask', { ...place().params, q: question });
		});
		copyCommand.addEventListener('click', async () => {
			const done = await copy(commandOf(current), command);
			setText(copyCommand, done ? 'copied' : 'marked: copy it');
			setTimeout(() => setText(copyCommand, 'copy as command'), 1500);
		});
		start(params.q ?? '');
		if (!params.q)
			requestAnimationFrame(() => input.focus());
		return {
			topics: [],
			push: () => {},
			change: (next) => {
				press(forms, next.form ?? 'text');
				if ((next.q ?? '') !== current) {
					input.value = next.q ?? '';
					start(next.q ?? '');
				} else if (answer) {
					show();
				}
			},
			close: () => {
				poller?.stop();
				answerPanel.close();
			},
		};
	},
};
