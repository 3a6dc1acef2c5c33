// effects.mjs - what the features' checks share: an effect is compared, the absence of an error is none.
// SPDX-License-Identifier: Apache-2.0
import { expect, firstText, same, until } from '../peer.mjs';

export const STEPS = 6;

/** What is asked in one turn went as a batch, where the client's revision has them. */
export function batchedWhereItCan(peer) {
	if (peer.batches)
		expect(peer.batched >= 2, 'nothing was sent as a batch');
}

export async function completes(peer, ref, [name, value], wanted) {
	same((await peer.complete({ ref, argument: { name, value } })).completion.values, wanted, `completions of ${value}`);
}

/** The 2.x client reports rounds of questions as progress of its own, which has no total. */
export const stepsOf = (progress) => progress.filter((step) => step.total === STEPS).map((step) => step.progress);

/**
 * At least one step, in order: the SDKs drop what arrives in one chunk with the result, and a server's question in
 * between leaves a moment in which nobody can be told.
 */
export function hasPassed(progress) {
	const numbers = stepsOf(progress);
	const isNext = (number, at) => Number.isInteger(number) && number <= STEPS && number > (numbers[at - 1] ?? 0);

	expect(numbers.length > 0, `no progress of ${STEPS} steps`);
	expect(numbers.every(isNext), `the order of progress: ${numbers}`);
}

/** Cancels a call that moves; afterwards the same connection is good for another one. */
export async function cancelled(peer, tool, args, after) {
	await peer.callAndCancel(tool, args);
	expect(firstText(await after()).includes('after'), 'a call after a cancelled one');
}

/** A call as a task, from its making to its result, and one that is cancelled. */
export async function runsTask(peer, tool, args, words, longer = args) {
	const { steps, result } = await peer.callTask(tool, args);

	// It may have ended before it was asked for the first time.
	expect(['working', 'taskCreated'].includes(steps[0]) && steps.includes('completed'), `the steps of the task: ${steps}`);
	expect(firstText(result).includes(words), `the task's result: ${firstText(result)}`);
	const { taskId } = await peer.startTask(tool, longer);
	await peer.cancelTask(taskId);
	await until(async () => (await peer.getTask(taskId)).status === 'cancelled', 'the end of a cancelled task');
}
