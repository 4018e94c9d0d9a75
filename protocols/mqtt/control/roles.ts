/** Commands of dynamic security about roles, and what is allowed where none decides. */
import { type AccessReader, BrokerError, type FilterRule, type Role, type TopicUse } from '../../../src/api/index.ts';
import {
  ACL_TYPES,
  CommandRefused,
  DEFAULT_TYPES,
  filterIn,
  isObject,
  type Json,
  kindIn,
  nameIn,
  optionalText,
  ruleIn,
  rulesIn,
  text,
  textIfAny,
  typeIn,
} from './fields.ts';
import { changed, type Handler, listed } from './handler.ts';

export const ROLE_COMMANDS: Readonly<Record<string, Handler>> = {
  createRole(administration, command) {
    const name = nameIn(command, 'rolename');
    const title = optionalText(command, 'textname');
    const description = optionalText(command, 'textdescription');
    return changed(administration, (access) => {
      if (access.role(name) !== undefined) throw new CommandRefused('Role already exists');
      const rules = rulesIn(command) ?? [];
      access.putRole({ name, title, description, rules });
    });
  },
  deleteRole(administration, command) {
    const name = text(command, 'rolename');
    return changed(administration, (access) => {
      if (!access.deleteRole(name)) throw new CommandRefused('Role not found');
    });
  },
  addRoleACL(administration, command) {
    const name = text(command, 'rolename');
    return changed(administration, (access) => {
      const role = roleOf(access, name);
      const rule = ruleIn(command);
      if (role.rules.some((known) => isSame(known, rule)))
        throw new CommandRefused('ACL with this topic already exists');
      try {
        access.putRole({ ...role, rules: [...role.rules, rule] });
      } catch (error) {
        if (error instanceof BrokerError && error.code === 'invalid') throw new CommandRefused('Invalid ACL topic');
        throw error;
      }
    });
  },
  removeRoleACL(administration, command) {
    const name = text(command, 'rolename');
    return changed(administration, (access) => {
      const role = roleOf(access, name);
      const gone = { kind: kindIn(command), filter: filterIn(command) };
      const rules = role.rules.filter((rule) => !isSame(rule, gone));
      if (rules.length === role.rules.length) throw new CommandRefused('ACL not found');
      access.putRole({ ...role, rules });
    });
  },
  modifyRole(administration, command) {
    const name = text(command, 'rolename');
    return changed(administration, (access) => {
      const role = roleOf(access, name, 'Role does not exist');
      const title = textIfAny(command, 'textname') ?? role.title;
      const description = textIfAny(command, 'textdescription') ?? role.description;
      access.putRole({ name, title, description, rules: rulesIn(command) ?? role.rules });
    });
  },
  getRole: ({ access }, command) => ({ role: shown(roleOf(access, text(command, 'rolename'))) }),
  listRoles: ({ access }, command) => listed(command, 'roles', access.roles(), (name) => shown(access.role(name)!)),
  setDefaultACLAccess(administration, command) {
    const { acls } = command;
    if (!Array.isArray(acls)) throw new CommandRefused('Missing/invalid actions array');
    return changed(administration, (access) => access.setDefaults(defaultsIn(acls)));
  },
  getDefaultACLAccess: ({ access }) => ({
    acls: [...DEFAULT_TYPES].map(([acltype, use]) => ({ acltype, allow: access.defaults[use] })),
  }),
};

/** What is not understood is passed over. `"access": "allow"` is mosquitto_ctrl's form: 2.0.11 passes over it and changes nothing. */
function defaultsIn(acls: readonly unknown[]): Partial<Record<TopicUse, boolean>> {
  const defaults: Partial<Record<TopicUse, boolean>> = {};
  for (const acl of acls) {
    if (!isObject(acl)) continue;
    const use = typeIn(DEFAULT_TYPES, textIfAny(acl, 'acltype') ?? '');
    const { allow = ACCESS.get(acl['access']) } = acl;
    if (use !== undefined && typeof allow === 'boolean') defaults[use] = allow;
  }
  return defaults;
}

const ACCESS: ReadonlyMap<unknown, boolean> = new Map([
  ['allow', true],
  ['deny', false],
]);

/** @throws CommandRefused */
function roleOf(access: AccessReader, name: string, otherwise = 'Role not found'): Role {
  const role = access.role(name);
  if (role === undefined) throw new CommandRefused(otherwise);
  return role;
}

function isSame(rule: FilterRule, { kind, filter }: Pick<FilterRule, 'kind' | 'filter'>): boolean {
  return rule.kind === kind && rule.filter === filter;
}

/** By kind, then highest priority first. */
function shown({ name, title, description, rules }: Role): Json {
  const acls = [...ACL_TYPES].flatMap(([acltype, kind]) =>
    rules
      .filter((rule) => rule.kind === kind)
      .sort((a, b) => b.priority - a.priority)
      .map(({ filter, priority, allow }) => ({ acltype, topic: filter, priority, allow })),
  );
  return {
    rolename: name,
    ...(title !== undefined && { textname: title }),
    ...(description !== undefined && { textdescription: description }),
    acls,
  };
}
