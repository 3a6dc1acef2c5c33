// prefix.mjs - at an endpoint of several servers a client finds one server's names with a prefix; here it is put on and taken off.
// SPDX-License-Identifier: Apache-2.0

/** Resources keep their addresses, so only tools and prompts, and what refers to a prompt, are named otherwise. */
export function named(peer, prefix) {
	const { listTools, listPrompts, callTool, callLogged, getPrompt, complete, callTask, startTask } = peer;
	const own = (items) =>
		items.filter(({ name }) => name.startsWith(prefix)).map((item) => ({ ...item, name: item.name.slice(prefix.length) }));
	const ownRef = (ref) => (ref.type === 'ref/prompt' ? { ...ref, name: prefix + ref.name } : ref);

	peer.listTools = async () => own(await listTools.call(peer));
	peer.listPrompts = async () => own(await listPrompts.call(peer));
	peer.callTool = ({ name, ...params }, options) => callTool.call(peer, { ...params, name: prefix + name }, options);
	peer.callLogged = (name, args) => callLogged.call(peer, prefix + name, args);
	peer.getPrompt = ({ name, ...params }) => getPrompt.call(peer, { ...params, name: prefix + name });
	peer.complete = ({ ref, ...params }) => complete.call(peer, { ...params, ref: ownRef(ref) });
	if (peer.sdk === 2) {
		peer.named = (name) => prefix + name;
	} else {
		peer.callTask = (name, args) => callTask.call(peer, prefix + name, args);
		peer.startTask = (name, args) => startTask.call(peer, prefix + name, args);
	}
	return peer;
}
