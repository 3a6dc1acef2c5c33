// peer.mjs - a connected client as the checks see it: one face for both SDK lines and both eras.
// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';

const WAIT_MS = 10_000;
const POLL_MS = 25;

/** What this client, or this era, does not have; the reason names the section of the protocol brief or the SDK. */
export class NotApplicable extends Error {}

export class Unexpected extends Error {}

export function expect(condition, words) {
	if (!condition)
		throw new Unexpected(words);
}

/** Compares by value and shows both sides. */
export function same(got, wanted, words) {
	const left = JSON.stringify(got);
	const right = JSON.stringify(wanted);

	expect(left === right, `${words}: got ${left}, wanted ${right}`);
}

/** Asks again until the answer is there; the wait is a ceiling, not a measurement. */
export async function until(ask, words) {
	const end = Date.now() + WAIT_MS;

	for (;;) {
		const answer = await ask();

		if (answer)
			return answer;
		expect(Date.now() < end, `${words}: not within ${WAIT_MS} ms`);
		await sleep(POLL_MS);
	}
}

export const texts = (result) => result.content.filter((block) => block.type === 'text').map((block) => block.text);
export const firstText = (result) => texts(result)[0] ?? '';

/** A refused call: by an error, or in the result, as both are in use for unknown tools and bad arguments. */
export async function refused(call, words) {
	let result;

	try {
		result = await call();
	} catch (error) {
		expect(Number.isInteger(error.code) && error.code < 0, `${words}: failed with ${error.code ?? error}`);
		return error;
	}
	expect(result.isError === true, `${words}: was accepted with ${JSON.stringify(result)}`);
	return result;
}

/**
 * The face both drivers fill: methods of the client, `seen` for what the server sent unasked, `answers` for what it asks.
 * `era` is 'legacy' or 'modern', `sdk` is 1 or 2, `absent` the capabilities the place does not have whatever the server does.
 */
export class Peer {
	seen = { log: [], tools: [], prompts: [], resources: [], updated: [], sampling: [], elicitation: [], roots: 0 };
	answers = {
		sampling: () => ({ role: 'assistant', model: 'test', content: { type: 'text', text: 'sampled' }, stopReason: 'endTurn' }),
		elicitation: () => ({ action: 'decline' }),
		roots: [],
	};

	absent = new Set();

	constructor(sdk, roots) {
		this.sdk = sdk;
		this.answers.roots = roots;
	}

	answerSampling(params) {
		this.seen.sampling.push(params);
		return this.answers.sampling(params);
	}

	answerElicitation(params) {
		this.seen.elicitation.push(params);
		return this.answers.elicitation(params);
	}

	answerRoots() {
		this.seen.roots++;
		return { roots: this.answers.roots };
	}

	needLegacy(reason) {
		if (this.era !== 'legacy')
			throw new NotApplicable(reason);
	}

	needModern(reason) {
		if (this.era !== 'modern')
			throw new NotApplicable(reason);
	}

	async call(name, args = {}, options = {}) {
		return this.callTool({ name, arguments: args }, options);
	}

	/** Calls and collects progress. */
	async callWithProgress(name, args) {
		const progress = [];
		const result = await this.call(name, args, { onprogress: (step) => progress.push(step) });

		return { result, progress };
	}

	/** Starts a call, cancels it once it has shown progress, and makes sure that the client let go of it. */
	async callAndCancel(name, args) {
		const abort = new AbortController();
		let report;
		const moving = new Promise((resolve) => (report = resolve));
		const ended = this.call(name, args, { signal: abort.signal, onprogress: () => report('progress') }).then(
			(result) => `a result: ${JSON.stringify(result)}`,
			(error) => (abort.signal.aborted ? 'cancelled' : `an error: ${error.message}`),
		);

		same(await Promise.race([moving, ended]), 'progress', 'before the cancellation');
		abort.abort('not wanted any more');
		same(await ended, 'cancelled', 'the end of a cancelled call');
	}
}
