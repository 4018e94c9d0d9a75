import { expect, it } from 'vitest';
import { UserStore } from '../../src/auth/user-store.ts';

const ALL = { configure: '.*', write: '.*', read: '.*' };

/** State of an adapter that is kept in memory. */
function storeWith(kept: Iterable<[string, unknown]>): UserStore {
  const values = new Map<string, Buffer>([...kept].map(([key, value]) => [key, Buffer.from(JSON.stringify(value))]));
  const state = {
    get: (key: string) => values.get(key),
    put: (key: string, value: Buffer) => void values.set(key, value),
    delete: (key: string) => values.delete(key),
    keys: (prefix: string) => [...values.keys()].filter((key) => key.startsWith(prefix)),
  };
  return new UserStore({ state, checkPattern: () => {}, hasVhost: () => true });
}

it('a user has ten thousand permissions at most, and those it has may still be changed', () => {
  const kept: [string, unknown][] = [['user:anna', { tags: [] }]];
  for (let i = 1; i < 10_000; i++) kept.push([`permissions:${JSON.stringify(['anna', `v${i}`])}`, ALL]);
  const users = storeWith(kept);
  users.setPermissions('anna', 'last', ALL);
  expect(() => users.setPermissions('anna', 'one more', ALL)).toThrow('a user has 10000 permissions at most');
  users.setPermissions('anna', 'v1', { ...ALL, write: '^$' });
  expect(users.clearPermissions('anna', 'last')).toBe(true);
  users.setPermissions('anna', 'one more', ALL);
});

it('topic permissions are those that were given, each once, and go with the last', () => {
  const users = storeWith([['user:anna', { tags: [] }]]);
  const topics = () => users.find('anna')!.describe().topicPermissions;
  users.setTopicPermissions('anna', '/', 'amq.topic', { write: '^a', read: '^b' });
  users.setTopicPermissions('anna', '/', 'amq.topic', { write: '^c', read: '^d' });
  expect(topics()).toEqual([{ vhost: '/', exchange: 'amq.topic', write: '^c', read: '^d' }]);
  expect(users.clearTopicPermissions('anna', '/', undefined)).toBe(true);
  expect(topics()).toEqual([]);
});
