// catalogue.mjs - lets a client at the door of all servers be checked as if one server were alone there.
// SPDX-License-Identifier: Apache-2.0
import { NotApplicable } from './peer.mjs';

const absent = (what) => () => {
	throw new NotApplicable(`catalogue: all servers together offer no ${what}`);
};

const absentMethods = {
	resources: ['listResources', 'listTemplates', 'readResource', 'watch'],
	completion: ['complete'],
	tasks: ['callTask', 'startTask', 'getTask', 'listTasks', 'cancelTask'],
};

/** The names of one server, which stand there with the prefix, without it; what is not there at all is not applicable. */
export function narrow(peer, prefix) {
	const { listTools, listPrompts, callTool, callLogged, getPrompt, watchLists } = peer;
	const own = (items) =>
		items.filter(({ name }) => name.startsWith(prefix)).map((item) => ({ ...item, name: item.name.slice(prefix.length) }));

	peer.listTools = async () => own(await listTools.call(peer));
	peer.listPrompts = async () => own(await listPrompts.call(peer));
	peer.callTool = ({ name, ...params }, options) => callTool.call(peer, { ...params, name: prefix + name }, options);
	peer.callLogged = (name, args) => callLogged.call(peer, prefix + name, args);
	peer.getPrompt = ({ name, ...params }) => getPrompt.call(peer, { ...params, name: prefix + name });
	peer.absent = new Set(['resources', 'completions']);
	for (const [what, names] of Object.entries(absentMethods))
		for (const name of names)
			peer[name] = absent(what);
	peer.watchLists = peer.era === 'legacy' ? () => watchLists.call(peer) : absent('changes of lists in this era');
	return peer;
}
