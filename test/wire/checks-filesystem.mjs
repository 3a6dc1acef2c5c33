// checks-filesystem.mjs - what server-filesystem must do inside the folder it was given, and not do outside.
// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { declares, toolNames, unknownTool } from './checks-common.mjs';
import { expect, firstText, refused, same, until } from './peer.mjs';

const inside = (folder, name) => join(folder, name);

async function annotations(peer) {
	const tools = new Map((await peer.listTools()).map((tool) => [tool.name, tool]));

	same(tools.get('read_text_file').annotations.readOnlyHint, true, 'readOnlyHint of read_text_file');
	same(tools.get('write_file').annotations.destructiveHint, true, 'destructiveHint of write_file');
}

/** The roots of the client replace the folder of the command line; both are the same here. */
async function allowed(peer, { folder }) {
	await until(
		async () => firstText(await peer.call('list_allowed_directories')).includes(folder),
		`the allowed folder ${folder}`,
	);
}

async function outside(peer, { folder }) {
	for (const path of ['/etc/passwd', join(folder, '..', 'nothing.txt'), '/etc'])
		await refused(() => peer.call('read_text_file', { path }), `reading ${path}`);
	await refused(() => peer.call('write_file', { path: '/etc/kanmon-test', content: 'x' }), 'writing in /etc');
}

async function missing(peer, { folder }) {
	await refused(() => peer.call('read_text_file', { path: inside(folder, 'no-such-file') }), 'a missing file');
}

async function writeAndRead(peer, { folder }) {
	const path = inside(folder, `note-${randomUUID()}.txt`);
	const content = 'first line\nsecond line: 漢字 "quoted" \\ back\n';

	await peer.call('write_file', { path, content });
	same(await readFile(path, 'utf8'), content, 'what was written');
	const read = await peer.call('read_text_file', { path });
	same(firstText(read), content, 'what was read');
	same(read.structuredContent.content, content, 'the structured content');
	const edits = [{ oldText: 'second line', newText: 'another line' }];
	expect(firstText(await peer.call('edit_file', { path, edits })).includes('+another line'), 'the difference');
	same((await readFile(path, 'utf8')).split('\n')[1].slice(0, 12), 'another line', 'what was edited');
	await rm(path);
}

async function listing(peer, { folder }) {
	const name = `sub-${randomUUID()}`;

	await peer.call('create_directory', { path: inside(folder, name) });
	await peer.call('write_file', { path: inside(folder, join(name, 'a.txt')), content: 'a' });
	const list = firstText(await peer.call('list_directory', { path: folder }));
	expect(list.includes(`[DIR] ${name}`), `the list: ${list}`);
	const found = firstText(await peer.call('search_files', { path: folder, pattern: `${name}/*.txt` }));
	expect(found.includes(join(name, 'a.txt')), `the search: ${found}`);
	await rm(inside(folder, name), { recursive: true });
}

async function large(peer, { folder }) {
	const path = inside(folder, `large-${randomUUID()}.txt`);
	const content = 'x'.repeat(200_000);

	await peer.call('write_file', { path, content });
	same(firstText(await peer.call('read_text_file', { path })).length, content.length, 'the length of a large result');
	await rm(path);
}

export const checks = [
	declares('tools'),
	toolNames('read_text_file', 'write_file', 'edit_file', 'list_directory', 'search_files', 'list_allowed_directories'),
	['tools-annotations', annotations],
	unknownTool,
	['roots', allowed],
	['outside', outside],
	['missing', missing],
	['write-read-edit', writeAndRead],
	['list-search', listing],
	['large-result', large],
];
