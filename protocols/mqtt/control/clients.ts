/** Commands of dynamic security about clients: users of the broker. */
import type { Member } from '../../../src/api/index.ts';
import { added, demandGroups, demandRoles, memberOf, shownAssignments, without } from './assignments.ts';
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
import { changed, type Handler, listed, type OneCommand } from './handler.ts';

export const CLIENT_COMMANDS: Readonly<Record<string, Handler>> = {
  createClient,
  deleteClient(administration, command) {
    const username = text(command, 'username');
    return changed(administration, (access) => {
      memberOf(access, username);
      access.deleteUser(username);
    });
  },
  enableClient: (administration, command) => modify(administration, command, () => ({ disabled: false })),
  disableClient: (administration, command) => modify(administration, command, () => ({ disabled: true })),
  setClientId(administration, command) {
    nameIn(command, 'username');
    const clientId = optionalText(command, 'clientid', 'client ID');
    return modify(administration, command, () => ({ clientId: clientId === '' ? undefined : clientId }));
  },
  setClientPassword,
  modifyClient,
  addClientRole(administration, command) {
    const username = text(command, 'username');
    const role = { name: text(command, 'rolename'), priority: priorityIn(command) };
    return changed(administration, (access) => {
      const member = memberOf(access, username);
      demandRoles(access, [role]);
      access.setMember(username, { ...member, roles: added(member.roles, role, 'Internal error') });
    });
  },
  removeClientRole(administration, command) {
    const username = text(command, 'username');
    const rolename = text(command, 'rolename');
    return changed(administration, (access) => {
      const member = memberOf(access, username);
      demandRoles(access, [{ name: rolename, priority: 0 }]);
      access.setMember(username, { ...member, roles: without(member.roles, rolename) });
    });
  },
  getClient({ access }, command) {
    const username = text(command, 'username');
    return { client: shown(username, memberOf(access, username)) };
  },
  listClients({ access }, command) {
    return listed(command, 'clients', access.users(), (name) => shown(name, access.member(name)!));
  },
};

async function createClient(administration: OneCommand, command: Json): Promise<undefined> {
  const { access } = administration;
  const username = nameIn(command, 'username');
  const password = optionalText(command, 'password');
  const clientId = optionalText(command, 'clientid', 'client id');
  const title = optionalText(command, 'textname');
  const description = optionalText(command, 'textdescription');
  const check = (): void => {
    if (access.member(username) !== undefined) throw new CommandRefused('Client already exists');
  };
  check();
  const roles = rolesIn(command) ?? [];
  demandRoles(access, roles);
  const groups = listIn(command, 'groups', 'groupname') ?? [];
  demandGroups(access, groups);
  const secret = password === undefined || password === '' ? undefined : await administration.hash(password);
  await administration.change((editor) => {
    check();
    const given = clientId === '' ? undefined : clientId;
    editor.createUser(username, secret, { title, description, clientId: given, disabled: false, roles, groups });
  });
}

async function setClientPassword(administration: OneCommand, command: Json): Promise<undefined> {
  const username = text(command, 'username');
  const password = text(command, 'password');
  if (password === '') throw new CommandRefused('Empty password is not allowed');
  memberOf(administration.access, username);
  const secret = await administration.hash(password);
  await administration.change((access) => {
    memberOf(access, username);
    access.setPassword(username, secret);
  });
}

async function modifyClient(administration: OneCommand, command: Json): Promise<undefined> {
  const { access } = administration;
  const username = text(command, 'username');
  memberOf(access, username);
  const changes: { -readonly [K in keyof Member]?: Member[K] } = {};
  const clientId = textIfAny(command, 'clientid');
  if (clientId !== undefined) changes.clientId = clientId === '' ? undefined : clientId;
  const title = textIfAny(command, 'textname');
  if (title !== undefined) changes.title = title;
  const description = textIfAny(command, 'textdescription');
  if (description !== undefined) changes.description = description;
  const roles = rolesIn(command);
  if (roles !== undefined) changes.roles = roles;
  const groups = listIn(command, 'groups', 'groupname');
  if (groups !== undefined) changes.groups = groups.filter(({ name }) => access.group(name) !== undefined);
  demandRoles(access, roles ?? []);
  const password = textIfAny(command, 'password') ?? '';
  const secret = password === '' ? undefined : await administration.hash(password);
  await administration.change((editor) => {
    const member = memberOf(editor, username);
    editor.setMember(username, { ...member, ...changes });
    if (secret !== undefined) editor.setPassword(username, secret);
  });
}

function modify(
  administration: OneCommand,
  command: Json,
  changes: () => Partial<Record<keyof Member, unknown>>,
): Promise<undefined> {
  const username = text(command, 'username');
  return changed(administration, (access) => {
    access.setMember(username, { ...memberOf(access, username), ...changes() } as Member);
  });
}

function shown(username: string, { clientId, title, description, disabled, roles, groups }: Member): Json {
  return {
    username,
    ...(clientId !== undefined && { clientid: clientId }),
    ...(title !== undefined && { textname: title }),
    ...(description !== undefined && { textdescription: description }),
    ...(disabled && { disabled: true }),
    roles: shownAssignments(roles, 'rolename'),
    groups: shownAssignments(groups, 'groupname'),
  };
}
