/**
 * Mosquitto's ACL file as roles:
 *
 *     topic …             before any user     a role of clients without a name, by a group of their own
 *     user NAME, topic …                      a role of that user
 *     pattern …                               a role of every user, in which %u and %c are filled in
 *
 * `read` is what is received, `write` what is published, `readwrite` (or no word) both; `deny` comes before all of them. Whatever
 * is not named is neither published nor received. Subscribing is free there, and is here: what is not to be received does not come.
 */
import type { FilterRule } from '../../api/administration.ts';
import type { Plan } from './plan.ts';

const ANONYMOUS = 'acl-anonymous';
const PATTERNS = 'acl-patterns';
const DENY_PRIORITY = 1;
const LINE = /^(topic|pattern)\s+(?:(read|write|readwrite|deny)\s+)?(\S.*)$/;
/** Subscriptions and their ends are free. */
const FREE: readonly FilterRule[] = [
  { kind: 'subscribePattern', filter: '#', priority: 0, allow: true },
  { kind: 'unsubscribePattern', filter: '#', priority: 0, allow: true },
];

/** @param users those who are there or are taken from the password file */
export function planAcl(text: string, plan: Plan, users: ReadonlySet<string>): void {
  const roles = new Map<string, FilterRule[]>();
  const owners = new Map<string, string>();
  let role = ANONYMOUS;
  for (const [index, full] of text.split(/\r?\n/).entries()) {
    const line = full.trim();
    const at = `line ${index + 1}`;
    if (line === '' || line.startsWith('#')) continue;
    const user = /^user\s+(\S.*)$/.exec(line)?.[1];
    if (user !== undefined) {
      role = `acl-user-${user}`;
      owners.set(role, user);
      if (!roles.has(role)) roles.set(role, []);
      continue;
    }
    const [, kind, access = 'readwrite', filter] = LINE.exec(line) ?? [];
    if (filter === undefined) {
      plan.leftOut.push(`${at}: neither user nor topic nor pattern`);
      continue;
    }
    const name = kind === 'pattern' ? PATTERNS : role;
    if (kind === 'topic' && /%[uc]/.test(filter)) {
      plan.leftOut.push(
        `${at}: topic ${filter}: %u and %c are plain text in a topic line there, and would be filled in here`,
      );
      continue;
    }
    const rules = roles.get(name) ?? [];
    roles.set(name, rules);
    for (const rule of rulesOf(access, filter)) {
      // Only the first counts there too, of what allows and of what denies.
      const known = rules.findIndex((one) => one.kind === rule.kind && one.filter === rule.filter);
      if (known < 0) rules.push(rule);
      else if (!rule.allow) rules[known] = rule;
    }
  }
  if (!roles.has(PATTERNS)) roles.set(PATTERNS, []);
  for (const [name, rules] of roles) {
    plan.add(`role '${name}' of ${rules.length} rules`, ({ roles: store }) => {
      store.putRole({ name, title: "of Mosquitto's ACL file", rules: [...rules, ...FREE] });
    });
  }
  for (const user of owners.values()) {
    if (!users.has(user))
      plan.leftOut.push(`user '${user}' of the ACL file is not there: its role is, and nobody has it`);
  }
  for (const user of users) {
    const own = owners.has(`acl-user-${user}`) ? [`acl-user-${user}`] : [];
    plan.add(`roles of user '${user}': ${[...own, PATTERNS].join(', ')}`, ({ roles: store }) => {
      // Its own lines are looked at first there, too.
      const given = [...own, PATTERNS].map((each, i) => ({ name: each, priority: -1 - i }));
      store.putMember(user, { ...store.member(user), roles: given }, true);
    });
  }
  if (roles.has(ANONYMOUS)) {
    plan.add(`group '${ANONYMOUS}' of clients without a name`, ({ roles: store }) => {
      const given = [ANONYMOUS, PATTERNS].map((each, i) => ({ name: each, priority: -1 - i }));
      store.putGroup({ name: ANONYMOUS, roles: given });
      store.setAnonymousGroup(ANONYMOUS);
    });
  }
  plan.add('default access: nothing is published or received that no rule allows', ({ roles: store }) => {
    store.setDefaults({ publish: false, receive: false, subscribe: true, unsubscribe: true });
  });
}

function rulesOf(access: string, filter: string): FilterRule[] {
  const deny = access === 'deny';
  const rule = (kind: 'publish' | 'receive'): FilterRule => ({
    kind,
    filter,
    priority: deny ? DENY_PRIORITY : 0,
    allow: !deny,
  });
  return [...(access === 'read' ? [] : [rule('publish')]), ...(access === 'write' ? [] : [rule('receive')])];
}
