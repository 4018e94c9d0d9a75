/** Roles: which rule of which role decides, in what order; and what is kept of them. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { AdapterState, Assignment, FilterRule, Member, RuleKind } from '../../../src/api/index.ts';
import { RoleAccess } from '../../../src/auth/roles/role-access.ts';
import { RoleStore } from '../../../src/auth/roles/role-store.ts';

let values: Map<string, Buffer>;
let store: RoleStore;
let access: RoleAccess;

beforeEach(() => {
  values = new Map();
  open();
});

function open(): void {
  const state: AdapterState = {
    get: (key) => values.get(key),
    put: (key, value) => void values.set(key, value),
    delete: (key) => values.delete(key),
    keys: (prefix) => [...values.keys()].filter((key) => key.startsWith(prefix)),
  };
  store = new RoleStore(state);
  access = new RoleAccess(store, 'anonymous');
}

function rule(kind: RuleKind, filter: string, allow: boolean, priority = 0): FilterRule {
  return { kind, filter, allow, priority };
}

function role(name: string, ...rules: FilterRule[]): void {
  store.putRole({ name, rules });
}

function given(roles: readonly string[], groups: readonly Assignment[] = []): Member {
  return { disabled: false, roles: roles.map((name) => ({ name, priority: -1 })), groups };
}

const ANN = { user: 'ann', clientId: 'c' };

describe('who decides', () => {
  it('is the rule of the highest priority that fits, and of the same the first', () => {
    role('r', rule('publish', 'a/#', true), rule('publish', 'a/b', false), rule('publish', 'a/c', false, 5));
    store.putMember('ann', given(['r']));
    expect(['a.x', 'a.b', 'a.c', 'b'].map((key) => access.permits('publish', key, ANN))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(access.decide('publish', 'a.c', ANN)).toMatchObject({ by: { role: 'r', rule: { filter: 'a/c' } } });
    expect(access.decide('publish', 'b', ANN).by).toBeUndefined();
  });

  it('is the role of the highest priority first; of the same, by name', () => {
    role('x-allow', rule('publish', 'a', true));
    role('y-deny', rule('publish', 'a', false, 9));
    store.putMember('ann', given(['y-deny', 'x-allow']));
    expect(access.permits('publish', 'a', ANN)).toBe(true);
    store.putMember('ann', {
      ...given([]),
      roles: [
        { name: 'y-deny', priority: 2 },
        { name: 'x-allow', priority: 1 },
      ],
    });
    expect(access.permits('publish', 'a', ANN)).toBe(false);
  });

  it("are the user's own roles before those of its groups, whatever their priorities", () => {
    role('own', rule('publish', 'a', true, 1));
    role('theirs', rule('publish', 'a', false, 100), rule('publish', 'b', true));
    store.putGroup({ name: 'g', roles: [{ name: 'theirs', priority: 100 }] });
    store.putMember('ann', given(['own'], [{ name: 'g', priority: 50 }]));
    expect(access.permits('publish', 'a', ANN)).toBe(true);
    expect(access.decide('publish', 'b', ANN)).toMatchObject({ allowed: true, by: { role: 'theirs', group: 'g' } });
  });

  it('is of subscriptions a literal rule before the patterns of its role', () => {
    role('r', rule('subscribePattern', 'a/#', false, 9), rule('subscribeLiteral', 'a/#', true));
    store.putMember('ann', given(['r']));
    expect(access.permits('subscribe', 'a.#', ANN)).toBe(true);
    expect(access.permits('subscribe', 'a.b', ANN)).toBe(false);
  });

  it('is the default where no rule fits, which is never for $CONTROL', () => {
    role('r');
    store.putMember('ann', given(['r']));
    const uses = ['publish', 'receive', 'subscribe', 'unsubscribe'] as const;
    expect(uses.map((use) => access.permits(use, 'a', ANN))).toEqual([false, true, false, true]);
    store.setDefaults({ publish: true, subscribe: true });
    expect(uses.map((use) => access.permits(use, 'a', ANN))).toEqual([true, true, true, true]);
    expect(uses.map((use) => access.permits(use, '$CONTROL.x', ANN))).toEqual([false, false, false, false]);
  });
});

describe('who is judged by roles', () => {
  it('has been given some, and stays so when they are taken away', () => {
    role('r');
    expect(access.judges('ann')).toBe(false);
    store.putMember('ann', { ...given([]), title: 'only a title' });
    expect(access.judges('ann')).toBe(false);
    store.putMember('ann', given(['r']));
    store.putMember('ann', given([]));
    expect(access.judges('ann')).toBe(true);
  });

  it('is the client without a name once there is a group for it', () => {
    role('r', rule('publish', 'a', true));
    store.putGroup({ name: 'g', roles: [{ name: 'r', priority: 0 }] });
    expect(access.judges('anonymous')).toBe(false);
    store.setAnonymousGroup('g');
    expect(access.judges('anonymous')).toBe(true);
    expect(access.permits('publish', 'a', { user: 'anonymous' })).toBe(true);
    store.deleteGroup('g');
    expect(store.anonymousGroup).toBeUndefined();
  });
});

describe('what is deleted', () => {
  it('is gone everywhere, and another of its name is another', () => {
    role('r', rule('publish', 'a', true));
    store.putGroup({ name: 'g', roles: [{ name: 'r', priority: 0 }] });
    store.putMember('ann', given(['r'], [{ name: 'g', priority: 0 }]));
    store.deleteRole('r');
    role('r', rule('publish', 'a', true));
    expect(access.permits('publish', 'a', ANN)).toBe(false);
    expect(store.member('ann').roles).toEqual([]);
    expect(store.group('g')!.roles).toEqual([]);
    store.deleteGroup('g');
    store.putGroup({ name: 'g', roles: [{ name: 'r', priority: 0 }] });
    expect([store.member('ann').groups, store.usersOf('g')]).toEqual([[], []]);
    open();
    expect(access.permits('publish', 'a', ANN)).toBe(false);
  });

  it('is not said to be there after a start', () => {
    role('r', rule('publish', 'a', true));
    store.putMember('ann', given(['r']));
    store.setDefaults({ receive: false });
    open();
    expect(access.permits('publish', 'a', ANN)).toBe(true);
    expect(store.defaults.receive).toBe(false);
    store.forget('ann');
    open();
    expect(access.judges('ann')).toBe(false);
  });
});

describe('a bound', () => {
  it('is kept to: rules a role and in all, roles each, texts, filters', () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => rule('publish', `${i}`, true));
    expect(() => role('r', ...many(1_001))).toThrow('1000 rules a role');
    for (let i = 0; i < 20; i++) role(`r${i}`, ...many(1_000));
    expect(() => role('more', rule('publish', 'a', true))).toThrow('20000 rules in all');
    expect(() => role('bad', rule('publish', 'a/#/b', true))).toThrow('filter');
    expect(() => role('long', rule('publish', 'a'.repeat(1_025), true))).toThrow('filter');
    expect(() => role('')).toThrow("a role's name");
    expect(() => role('r', rule('publish', 'a', true), rule('publish', 'a', false))).toThrow('one rule of a kind');
    expect(() => store.putMember('ann', given(Array.from({ length: 101 }, (_, i) => `r${i}`)))).toThrow('100 roles');
    expect(() => store.putMember('ann', { ...given([]), title: 'x'.repeat(1_025) })).toThrow('1024 characters');
    const long = Array.from({ length: 70 }, (_, i) => rule('publish', `${i}${'x'.repeat(1_000)}`, true));
    expect(() => store.putRole({ name: 'r0', rules: long })).toThrow('65536 bytes');
  });

  it('that is passed leaves everything as it was', () => {
    role('r', rule('publish', 'a', true));
    store.putMember('ann', given(['r']));
    expect(() => store.putMember('ann', given(['r', 'nothing']))).toThrow("no role 'nothing'");
    expect(access.permits('publish', 'a', ANN)).toBe(true);
  });
});
