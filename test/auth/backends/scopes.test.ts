/** RabbitMQ's scopes: what each permits. */
import { describe, expect, it } from 'vitest';
import type { AccessRequest } from '../../../src/api/identity.ts';
import { scopesOf } from '../../../src/auth/backends/jwt/claims.ts';
import { Rights } from '../../../src/auth/backends/jwt/scopes.ts';

const queue = (action: AccessRequest['action'], name: string, vhost = '/'): AccessRequest => ({
  ...{ action, vhost, name, resource: 'queue' },
});
const exchange = (action: AccessRequest['action'], name: string): AccessRequest => ({
  ...{ action, vhost: '/', name, resource: 'exchange' },
});
const topic = (action: 'write' | 'read', name: string, routingKey: string): AccessRequest => ({
  ...{ action, vhost: '/', name, routingKey, resource: 'topic' },
});

describe('a scope', () => {
  it.each<[string, AccessRequest, boolean]>([
    ['read:*/*', queue('read', 'q'), true],
    ['read:*/*', queue('write', 'q'), false],
    ['read:%2F/q1', queue('read', 'q1'), true],
    ['read:%2f/q1', queue('read', 'q1'), true],
    ['read:%2F/q1', queue('read', 'q12'), false],
    ['read:%2F/q*', queue('read', 'q12'), true],
    ['read:%2F/*-in', queue('read', 'plant-in'), true],
    ['read:%2F/*-in', queue('read', 'plant-in2'), false],
    ['read:%2F/a*b*c', queue('read', 'aXbYc'), true],
    ['read:%2F/a*b*c', queue('read', 'abc'), true],
    ['read:%2F/a*b*c', queue('read', 'acb'), false],
    ['read:%2F/a*a', queue('read', 'a'), false],
    ['read:%2F/%2A', queue('read', '*'), true],
    ['read:%2F/%2A', queue('read', 'q'), false],
    ['read:v1/*', queue('read', 'q', 'v1'), true],
    ['read:v1/*', queue('read', 'q', 'v2'), false],
    ['write:*/amq.default', exchange('write', ''), true],
    ['write:*/x', exchange('write', ''), false],
    ['write:*/amq.topic', topic('write', 'amq.topic', 'a.b'), false],
    ['write:*/amq.topic/a.*', topic('write', 'amq.topic', 'a.b.c'), true],
    ['write:*/amq.topic/a.*', topic('write', 'amq.topic', 'b'), false],
    ['write:*/amq.topic/a.*', exchange('write', 'amq.topic'), true],
    ['write:*/amq.topic/*/x', topic('write', 'amq.topic', 'a'), false],
    ['write:*', queue('write', 'q'), false],
    ['WRITE:*/*', queue('write', 'q'), false],
    ['write:*/%zz', queue('write', 'q'), false],
  ])('%s', (scope, request, permitted) => {
    expect(new Rights([`rabbitmq.${scope}`], 'rabbitmq.').permits(request)).toBe(permitted);
  });

  it('of another resource server is none', () => {
    const rights = new Rights(['read:*/*', 'other.read:*/*', 'rabbitmqread:*/*'], 'rabbitmq.');
    expect(rights.permits(queue('read', 'q'))).toBe(false);
    expect(rights.mayEnter('/')).toBe(false);
  });

  it('of any kind lets its user into the vhost', () => {
    expect(new Rights(['p.configure:v1/q'], 'p.').mayEnter('v1')).toBe(true);
    expect(new Rights(['p.configure:v1/q'], 'p.').mayEnter('/')).toBe(false);
    expect(new Rights(['p.tag:administrator'], 'p.').mayEnter('/')).toBe(false);
  });
});

describe('the scopes of a token', () => {
  it('are a text or a list, and more may be in another claim, by audience as well', () => {
    expect(scopesOf({ scope: ' a  b' }, undefined, [])).toEqual(['a', 'b']);
    expect(scopesOf({ scope: ['a', 7, 'b c'] }, undefined, [])).toEqual(['a', 'b c']);
    expect(scopesOf({ scope: { a: 1 } }, undefined, [])).toEqual([]);
    expect(scopesOf({ scope: 'a', extra: ['b'] }, 'extra', [])).toEqual(['a', 'b']);
    expect(scopesOf({ extra: { inner: 'b c' } }, 'extra.inner', [])).toEqual(['b', 'c']);
    expect(scopesOf({ extra: { rabbitmq: ['b'], other: ['c'] } }, 'extra', ['rabbitmq'])).toEqual(['rabbitmq.b']);
    expect(scopesOf({ scope: 'a' }, 'constructor.name', [])).toEqual(['a']);
  });
});
