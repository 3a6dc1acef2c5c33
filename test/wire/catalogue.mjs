// catalogue.mjs - lets a client at the door of all servers be checked as if one server were alone there.
// SPDX-License-Identifier: Apache-2.0
// URIs say no server's name: whose one is, here says its scheme.
const schemes = {
	everything__: ['demo:'],
	fixture__: ['test:'],
	modern__: ['note:', 'city:'],
};

/** The names of one server, which stand there with the prefix, without it. */
export function narrow(peer, prefix) {
	const { listTools, listPrompts, listResources, listTemplates, callTool, callLogged, getPrompt, complete, callTask, startTask } = peer;
	const own = (items) =>
		items.filter(({ name }) => name.startsWith(prefix)).map((item) => ({ ...item, name: item.name.slice(prefix.length) }));
	const ownUris = (items) =>
		items.filter((item) => schemes[prefix].some((scheme) => (item.uri ?? item.uriTemplate).startsWith(scheme)));
	const joined = (ref) => (ref.type === 'ref/prompt' ? { ...ref, name: prefix + ref.name } : ref);

	peer.listTools = async () => own(await listTools.call(peer));
	peer.listPrompts = async () => own(await listPrompts.call(peer));
	peer.listResources = async () => ownUris(await listResources.call(peer));
	peer.listTemplates = async () => ownUris(await listTemplates.call(peer));
	peer.callTool = ({ name, ...params }, options) => callTool.call(peer, { ...params, name: prefix + name }, options);
	peer.callLogged = (name, args) => callLogged.call(peer, prefix + name, args);
	peer.getPrompt = ({ name, ...params }) => getPrompt.call(peer, { ...params, name: prefix + name });
	peer.complete = ({ ref, ...params }) => complete.call(peer, { ...params, ref: joined(ref) });
	peer.callTask = (name, args) => callTask.call(peer, prefix + name, args);
	peer.startTask = (name, args) => startTask.call(peer, prefix + name, args);
	return peer;
}
