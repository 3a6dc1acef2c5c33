// checks-thinking.mjs - what server-sequential-thinking must do: one tool with a state of its own.
// SPDX-License-Identifier: Apache-2.0
import { declares, toolNames, unknownTool } from './checks-common.mjs';
import { refused, same } from './peer.mjs';

const think = (peer, thoughtNumber, more = {}) =>
	peer.call('sequentialthinking', {
		thought: `thought ${thoughtNumber}`,
		thoughtNumber,
		totalThoughts: 3,
		nextThoughtNeeded: thoughtNumber < 3,
		...more,
	});

async function thoughts(peer) {
	const start = (await think(peer, 1)).structuredContent.thoughtHistoryLength;
	const second = (await think(peer, 2)).structuredContent;
	const third = (await think(peer, 3, { branchFromThought: 1, branchId: 'other' })).structuredContent;

	same([second.thoughtNumber, second.totalThoughts, second.nextThoughtNeeded], [2, 3, true], 'the second thought');
	same(third.nextThoughtNeeded, false, 'the end of thinking');
	same(third.thoughtHistoryLength, start + 2, 'the thoughts the server remembers');
	same(third.branches.includes('other'), true, 'the branch');
}

export const checks = [
	declares('tools'),
	toolNames('sequentialthinking'),
	unknownTool,
	['bad-arguments', (peer) => refused(() => think(peer, 0), 'thought 0')],
	['thoughts', thoughts],
];
