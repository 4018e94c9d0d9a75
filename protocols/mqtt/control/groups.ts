/** Commands of dynamic security about groups of clients. */
import type { AccessReader, Group } from '../../../src/api/index.ts';
import { added, demandRoles, memberOf, shownAssignments, without } from './assignments.ts';
import {
  CommandRefused,
  type Json,
  listIn,
  nameIn,
  optionalText,
  priorityIn,
  rolesIn,
  text,
  textIfAny,
} from './fields.ts';
import { changed, type Handler, listed } from './handler.ts';

export const GROUP_COMMANDS: Readonly<Record<string, Handler>> = {
  createGroup(administration, command) {
    const name = nameIn(command, 'groupname');
    const title = optionalText(command, 'textname');
    const description = optionalText(command, 'textdescription');
    return changed(administration, (access) => {
      if (access.group(name) !== undefined) throw new CommandRefused('Group already exists');
      const roles = rolesIn(command) ?? [];
      demandRoles(access, roles);
      access.putGroup({ name, title, description, roles });
    });
  },
  deleteGroup(administration, command) {
    const name = text(command, 'groupname');
    return changed(administration, (access) => {
      if (!access.deleteGroup(name)) throw new CommandRefused('Group not found');
    });
  },
  addGroupClient(administration, command) {
    const username = text(command, 'username');
    const group = { name: text(command, 'groupname'), priority: priorityIn(command) };
    return changed(administration, (access) => {
      const member = memberOf(access, username);
      groupOf(access, group.name);
      const groups = added(member.groups, group, 'Client is already in this group');
      access.setMember(username, { ...member, groups });
    });
  },
  removeGroupClient(administration, command) {
    const username = text(command, 'username');
    const name = text(command, 'groupname');
    return changed(administration, (access) => {
      const member = memberOf(access, username);
      groupOf(access, name);
      access.setMember(username, { ...member, groups: without(member.groups, name) });
    });
  },
  addGroupRole(administration, command) {
    const name = text(command, 'groupname');
    const role = { name: text(command, 'rolename'), priority: priorityIn(command) };
    return changed(administration, (access) => {
      const group = groupOf(access, name);
      demandRoles(access, [role]);
      access.putGroup({ ...group, roles: added(group.roles, role, 'Group is already in this role') });
    });
  },
  removeGroupRole(administration, command) {
    const name = text(command, 'groupname');
    const rolename = text(command, 'rolename');
    return changed(administration, (access) => {
      const group = groupOf(access, name);
      demandRoles(access, [{ name: rolename, priority: 0 }]);
      access.putGroup({ ...group, roles: without(group.roles, rolename) });
    });
  },
  modifyGroup(administration, command) {
    const name = text(command, 'groupname');
    return changed(administration, (access) => {
      const group = groupOf(access, name);
      const roles = rolesIn(command) ?? group.roles;
      demandRoles(access, roles);
      const title = textIfAny(command, 'textname') ?? group.title;
      const description = textIfAny(command, 'textdescription') ?? group.description;
      access.putGroup({ name, title, description, roles });
      const clients = listIn(command, 'clients', 'username');
      if (clients === undefined) return;
      const wanted = new Map(clients.map((client) => [client.name, client.priority]));
      for (const username of new Set([...access.usersOf(name), ...wanted.keys()])) {
        const member = access.member(username);
        if (member === undefined) continue;
        const others = without(member.groups, name);
        const priority = wanted.get(username);
        access.setMember(username, {
          ...member,
          groups: priority === undefined ? others : [...others, { name, priority }],
        });
      }
    });
  },
  getGroup({ access }, command) {
    return { group: shown(access, groupOf(access, text(command, 'groupname'))) };
  },
  listGroups({ access }, command) {
    return listed(command, 'groups', access.groups(), (name) => shown(access, access.group(name)!));
  },
  setAnonymousGroup(administration, command) {
    const name = text(command, 'groupname');
    return changed(administration, (access) => {
      groupOf(access, name);
      access.setAnonymousGroup(name);
    });
  },
  getAnonymousGroup: ({ access }) => ({ group: { groupname: access.anonymousGroup ?? '' } }),
};

/** @throws CommandRefused */
function groupOf(access: AccessReader, name: string): Group {
  const group = access.group(name);
  if (group === undefined) throw new CommandRefused('Group not found');
  return group;
}

function shown(access: AccessReader, { name, title, description, roles }: Group): Json {
  return {
    groupname: name,
    ...(title !== undefined && { textname: title }),
    ...(description !== undefined && { textdescription: description }),
    clients: access.usersOf(name).map((username) => ({ username })),
    roles: shownAssignments(roles, 'rolename'),
  };
}
