// effects.mjs - what the features' checks share: an effect is compared, the absence of an error is none.
// SPDX-License-Identifier: Apache-2.0
import { expect, firstText, same, until } from '../peer.mjs';

/** What is asked in one turn went as a batch, where the client's revision has them. */
export function batchedWhereItCan(peer) {
	if (peer.batches)
		expect(peer.batched >= 2, 'nothing was sent as a batch');
}

export async function completes(peer, ref, [name, value], wanted) {
	same((await peer.complete({ ref, argument: { name, value } })).completion.values, wanted, `completions of ${value}`);
}

/**
 * The last step may be lost: the SDK's 1.x client drops progress that arrives in one chunk with the result. The 2.x
 * client reports rounds of questions as progress of its own, which has no total.
 */
export function hasPassed(steps, wanted) {
	const numbers = steps.filter((step) => step.total === wanted.length).map((step) => step.progress);

	expect(numbers.length >= wanted.length - 1, `progress ${numbers} of ${wanted}`);
	same(numbers, wanted.slice(0, numbers.length), 'the order of progress');
}

/** Cancels a call that moves; afterwards the same connection is good for another one. */
export async function cancelled(peer, tool, args, after) {
	await peer.callAndCancel(tool, args);
	expect(firstText(await after()).includes('after'), 'a call after a cancelled one');
}

/** A call as a task, from its making to its result, and one that is cancelled. */
export async function runsTask(peer, tool, args, words) {
	const { steps, result } = await peer.callTask(tool, args);

	// It may have ended before it was asked for the first time.
	expect(['working', 'taskCreated'].includes(steps[0]) && steps.includes('completed'), `the steps of the task: ${steps}`);
	expect(firstText(result).includes(words), `the task's result: ${firstText(result)}`);
	const { taskId } = await peer.startTask(tool, args);
	await peer.cancelTask(taskId);
	await until(async () => (await peer.getTask(taskId)).status === 'cancelled', 'the end of a cancelled task');
}
