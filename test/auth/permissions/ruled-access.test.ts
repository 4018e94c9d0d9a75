/** Permissions by rules: what RabbitMQ's patterns let a user do, and which of them says so. */
import { describe, expect, it } from 'vitest';
import type { AccessRequest } from '../../../src/api/index.ts';
import { checkPattern, RuledAccess } from '../../../src/auth/permissions/ruled-access.ts';
import type { PermissionPatterns, TopicPatterns } from '../../../src/auth/permissions/rules.ts';

function accessOf(patterns: Partial<PermissionPatterns> | undefined, topics: readonly TopicPatterns[] = []) {
  const all = { configure: '', write: '', read: '', ...patterns };
  return new RuledAccess({
    permissionsOf: (_user, vhost) => (vhost === '/' && patterns !== undefined ? all : undefined),
    topicPermissionsOf: () => topics,
  });
}

const USER = { user: 'u' };

function ask(request: Partial<AccessRequest>): AccessRequest {
  return { vhost: '/', action: 'write', resource: 'queue', name: 'q', ...request };
}

describe('a permission', () => {
  it('is looked for anywhere in the name of a queue or an exchange', () => {
    const access = accessOf({ write: 'ord', read: '^ord', configure: '^ord$' });
    const may = (action: AccessRequest['action'], name: string) => access.permits(USER, ask({ action, name }));
    expect([may('write', 'my-orders'), may('read', 'my-orders'), may('read', 'orders')]).toEqual([true, false, true]);
    expect([may('configure', 'orders'), may('configure', 'ord'), may('configure', 'ord\n')]).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('that is empty matches nothing', () => {
    const access = accessOf({ write: '' });
    expect(access.permits(USER, ask({ name: 'q' }))).toBe(false);
    expect(access.permits(USER, ask({ resource: 'exchange', name: '' }))).toBe(false);
  });

  it('has the default exchange under the name amq.default', () => {
    const access = accessOf({ write: '^amq\\.default$' });
    expect(access.permits(USER, ask({ resource: 'exchange', name: '' }))).toBe(true);
    expect(access.permits(USER, ask({ resource: 'queue', name: '' }))).toBe(false);
  });

  it('is wanting in a vhost that has none for the user, whom it does not let in', () => {
    const access = accessOf(undefined);
    expect(access.mayEnter(USER, '/')).toBe(false);
    expect(access.permits(USER, ask({}))).toBe(false);
    expect(accessOf({}).mayEnter(USER, '/')).toBe(true);
    expect(accessOf({}).mayEnter(USER, 'other')).toBe(false);
  });

  it('whose pattern cannot be read refuses, and says why', () => {
    const access = accessOf({ write: '^(?!x)' });
    expect(access.permits(USER, ask({}))).toBe(false);
    expect(access.explain(USER, ask({})).fault).toContain('not a valid regular expression');
  });

  it('is taken only if its pattern can be read', () => {
    expect(() => checkPattern('^(?!x)')).toThrow('not a valid regular expression');
    expect(() => checkPattern('a'.repeat(1025))).toThrow('longer than 1024 characters');
    checkPattern('^a.*');
  });
});

describe('a topic permission', () => {
  const topic = (routingKey: string, more: Partial<AccessRequest> = {}) =>
    ask({ resource: 'topic', name: 'amq.topic', routingKey, ...more });

  it('is asked only of the exchange that it is for', () => {
    const access = accessOf({}, [{ exchange: 'amq.topic', write: '^a\\.', read: '' }]);
    expect(access.permits(USER, topic('a.b'))).toBe(true);
    expect(access.permits(USER, topic('b.a'))).toBe(false);
    expect(access.permits(USER, topic('b.a', { name: 'other' }))).toBe(true);
    expect(access.permits(USER, topic('a.b', { action: 'read' }))).toBe(false);
  });

  it('has its variables filled in literally', () => {
    const access = accessOf({}, [{ exchange: 'amq.topic', write: '^{username}\\.{vhost}\\.{client_id}$', read: '' }]);
    expect(access.permits(USER, topic('u./.c1', { clientId: 'c1' }))).toBe(true);
    expect(access.permits(USER, topic('u./.c2', { clientId: 'c1' }))).toBe(false);
    // It would match every key, were it read as a pattern.
    expect(access.permits(USER, topic('u./.c2', { clientId: '.*' }))).toBe(false);
    expect(access.permits(USER, topic('u./..*', { clientId: '.*' }))).toBe(true);
  });

  it('with a variable that the client has not said matches only that text', () => {
    const access = accessOf({}, [{ exchange: 'amq.topic', write: '^{client_id}$', read: '' }]);
    expect(access.permits(USER, topic(''))).toBe(false);
    expect(access.permits(USER, topic('{client_id}'))).toBe(true);
  });

  it('that would grow too long by what a client calls itself refuses', () => {
    const access = accessOf({}, [{ exchange: 'amq.topic', write: '{client_id}', read: '' }]);
    const clientId = 'x'.repeat(2000);
    expect(access.permits(USER, topic(clientId, { clientId }))).toBe(false);
    expect(access.explain(USER, topic(clientId, { clientId })).fault).toContain('longer than');
  });
});

describe('an explanation', () => {
  it('says which rule decides, and what it looked at', () => {
    const access = accessOf({ write: '^a' }, [{ exchange: 'amq.topic', write: '^{username}\\.', read: '' }]);
    expect(access.explain(USER, ask({ name: 'b' }))).toMatchObject({
      allowed: false,
      decidedBy: 'permission',
      subject: 'b',
      pattern: '^a',
    });
    expect(access.explain(USER, ask({ resource: 'exchange', name: '' }))).toMatchObject({
      allowed: true,
      subject: 'amq.default',
    });
    expect(access.explain(USER, ask({ resource: 'topic', name: 'amq.topic', routingKey: 'u.x' }))).toMatchObject({
      allowed: true,
      decidedBy: 'topic-permission',
      pattern: '^{username}\\.',
      expanded: '^u\\.',
    });
    expect(access.explain(USER, ask({ resource: 'topic', name: 'e', routingKey: 'x' }))).toMatchObject({
      allowed: true,
      decidedBy: 'no-topic-permission',
    });
    expect(access.explain(USER, ask({ vhost: 'other' }))).toMatchObject({
      allowed: false,
      decidedBy: 'no-permissions',
    });
  });
});
