/** Filters of rules: which topics they match, and which subscriptions they cover. */
import { describe, expect, it } from 'vitest';
import { Filter, faultOf } from '../../../src/auth/roles/filter.ts';
import { respelled } from '../../../src/message/spelling.ts';

const ASKER = { user: 'ann', clientId: 'dev1' };

function matches(filter: string, topic: string, asker: { user: string; clientId?: string } = ASKER, allow = true) {
  return new Filter(filter, allow).matches(respelled(topic).split('.'), asker);
}

/** A subscription's filter as it is asked for: dotted, `+` as `*`. */
function asked(filter: string): string[] {
  return respelled(filter)
    .split('.')
    .map((level) => (level === '+' ? '*' : level));
}

function covers(filter: string, subscription: string): boolean {
  return new Filter(filter, true).covers(asked(subscription), ASKER);
}

describe('a filter matches', () => {
  it.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a/b/c', false],
    ['a/b', 'a', false],
    ['a/+', 'a/b', true],
    ['a/+', 'a', false],
    ['a/+', 'a/', true],
    ['a/+/c', 'a/b/c', true],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'ab', false],
    ['#', 'a/b', true],
    ['+/b', 'a/b', true],
    ['a.b/c', 'a.b/c', true],
    ['a.b/c', 'a/b.c', false],
    ['a/*', 'a/b', false],
    ['a/*', 'a/*', true],
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['$SYS/#', '$SYS/x', true],
    ['/a', '/a', true],
    ['', 'a', false],
  ])('%s and %s: %s', (filter, topic, expected) => {
    expect(matches(filter, topic)).toBe(expected);
  });

  it('in a time that grows with the topic alone, whatever it is', () => {
    const topic = Array.from({ length: 20_000 }, () => 'a').join('/');
    const begun = performance.now();
    for (const filter of ['#', `${'+/'.repeat(19_999)}b`, `${'a/'.repeat(19_999)}#`]) matches(filter, topic);
    expect(performance.now() - begun).toBeLessThan(1_000);
  });
});

describe('a filter covers', () => {
  it.each([
    ['t/#', 't/#', true],
    ['t/#', 't/a/#', true],
    ['t/#', 't/+', true],
    ['t/#', 't', true],
    ['t/#', '#', false],
    ['t/#', '+/a', false],
    ['p/+', 'p/a', true],
    ['p/+', 'p/+', true],
    ['p/+', 'p/#', false],
    ['p/+', 'p', false],
    ['p/a', 'p/+', false],
    ['#', '$SYS/#', true],
    ['#', '+/+', true],
    // A level that is `*` may be a wildcard elsewhere.
    ['p/*', 'p/*', false],
    ['p/+', 'p/*', true],
  ])('%s and the subscription %s: %s', (filter, subscription, expected) => {
    expect(covers(filter, subscription)).toBe(expected);
  });

  it("no binding of AMQP's that has # in the middle, unless it covers all of it", () => {
    const filter = (text: string) => new Filter(text, true);
    expect(filter('a/+/b').covers(['a', '#', 'b'], ASKER)).toBe(false);
    expect(filter('a/#').covers(['a', '#', 'b'], ASKER)).toBe(true);
  });
});

describe('a literal filter', () => {
  it('is the very subscription', () => {
    const is = (filter: string, subscription: string) => new Filter(filter, true).is(asked(subscription), ASKER);
    expect(is('l/#', 'l/#')).toBe(true);
    expect(is('l/#', 'l/a')).toBe(false);
    expect(is('l/+', 'l/+')).toBe(true);
    expect(is('l/+', 'l/a')).toBe(false);
    // It could be asked as l/+ from another protocol, which is more.
    expect(is('l/*', 'l/+')).toBe(false);
    expect(is('l/a', 'l/a')).toBe(true);
  });
});

describe('%u and %c', () => {
  it('are filled in, also as a part of a level', () => {
    expect(matches('u/%u/#', 'u/ann/x')).toBe(true);
    expect(matches('u/%u/#', 'u/bob/x')).toBe(false);
    expect(matches('dev-%c/%u', 'dev-dev1/ann')).toBe(true);
  });

  it('allow nothing to a name that is more than one level', () => {
    for (const clientId of ['+', '#', 'a/b', '']) {
      expect(matches('c/%c/#', `c/${clientId}/x`, { user: 'ann', clientId })).toBe(false);
      expect(matches('c/%c/#', 'c/a/x', { user: 'ann', clientId })).toBe(false);
    }
  });

  it('deny what they say all the same', () => {
    expect(matches('c/%c/#', 'c/a/b/x', { user: 'ann', clientId: 'a/b' }, false)).toBe(true);
    expect(matches('c/%c/#', 'c/a/x', { user: 'ann', clientId: '+' }, false)).toBe(false);
  });

  it('stand for nothing where there is no client identifier', () => {
    expect(matches('c/%c', 'c/%c', { user: 'ann' })).toBe(false);
  });
});

describe('a text', () => {
  it('is no filter where a wildcard is not alone in its level, or # not the last', () => {
    const texts = ['a/#', '+', '#', 'a//b', 'a/+/b', 'a+', 'a/#/b', '#a', 'a/b#', '+a/b'];
    expect(texts.filter((text) => faultOf(text) === undefined)).toEqual(['a/#', '+', '#', 'a//b', 'a/+/b']);
  });
});
