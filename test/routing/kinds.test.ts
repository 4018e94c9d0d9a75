import { describe, expect, it } from 'vitest';
import type { BindOptions } from '../../src/api/index.ts';
import type { Headers, Properties } from '../../src/message/properties.ts';
import { Binding, type RouteTarget } from '../../src/routing/binding.ts';
import { Exchange } from '../../src/routing/exchange.ts';
import { matchesHeaders } from '../../src/routing/kinds/headers.ts';

const NONE: BindOptions = { spelling: 0, arguments: [] };

function exchange(type: string, args: Headers = []): Exchange<RouteTarget> {
  return new Exchange('x', type, { durable: true, autoDelete: false, internal: false, arguments: args });
}

function bind(to: Exchange<RouteTarget>, name: string, key: string, id = Number(name.slice(1))): Binding<RouteTarget> {
  to.kind.checkBinding(key, NONE);
  const binding = new Binding<RouteTarget>(to, { id, name, durable: true, origin: name }, null, key, NONE);
  to.add(binding);
  return binding;
}

function led(from: Exchange<RouteTarget>, key: string, properties?: Properties): string[] {
  const found: string[] = [];
  from.kind.match(key, properties, (binding) => found.push(binding.queue!.name));
  return found;
}

describe('x-consistent-hash', () => {
  it('spreads keys in proportion to the weights', () => {
    const x = exchange('x-consistent-hash');
    bind(x, 'q1', '1');
    bind(x, 'q2', '1');
    bind(x, 'q3', '2');
    const counts = new Map<string, number>();
    for (let i = 0; i < 40_000; i++) {
      const [name] = led(x, `key-${i}`);
      counts.set(name!, (counts.get(name!) ?? 0) + 1);
    }
    expect(counts.get('q1')! / 10_000).toBeCloseTo(1, 1);
    expect(counts.get('q2')! / 10_000).toBeCloseTo(1, 1);
    expect(counts.get('q3')! / 20_000).toBeCloseTo(1, 1);
  });

  it('moves only what a destination takes when it comes, and what it had when it goes', () => {
    const x = exchange('x-consistent-hash');
    for (const name of ['q1', 'q2', 'q3']) bind(x, name, '10');
    const keys = Array.from({ length: 2_000 }, (_, i) => `order.${i}`);
    const before = keys.map((key) => led(x, key)[0]);
    const fourth = bind(x, 'q4', '10');
    const during = keys.map((key) => led(x, key)[0]);
    expect(during.filter((name, i) => name !== 'q4' && name !== before[i])).toEqual([]);
    expect(during.filter((name) => name === 'q4').length).toBeGreaterThan(300);
    x.remove(fourth);
    expect(keys.map((key) => led(x, key)[0])).toEqual(before);
  });

  it('keeps its choices for good: they are the same in every version', () => {
    const x = exchange('x-consistent-hash');
    for (let i = 0; i < 5; i++) bind(x, `q${i}`, '1');
    expect(Array.from({ length: 12 }, (_, i) => led(x, `key-${i}`)[0]).join(' ')).toBe(
      'q0 q3 q0 q2 q1 q4 q2 q2 q2 q1 q3 q4',
    );
  });

  it('hashes a header or a property where that is asked for', () => {
    const byHeader = exchange('x-consistent-hash', [{ name: 'hash-header', value: 'tenant' }]);
    const byProperty = exchange('x-consistent-hash', [{ name: 'hash-property', value: 'message_id' }]);
    for (let i = 0; i < 8; i++) {
      bind(byHeader, `q${i}`, '1');
      bind(byProperty, `q${i}`, '1');
    }
    const tenant = (value: string): string[] => led(byHeader, 'any', { headers: [{ name: 'tenant', value }] });
    const places = new Set(Array.from({ length: 50 }, (_, i) => tenant(`t${i}`)[0]));
    expect(places.size).toBe(8);
    expect(tenant('t1')).toEqual(tenant('t1'));
    expect(led(byHeader, 'other', { headers: [{ name: 'tenant', value: 't1' }] })).toEqual(tenant('t1'));
    const ids = new Set(
      Array.from({ length: 50 }, (_, i) => led(byProperty, '', { messageId: `m${i}`, headers: [] })[0]),
    );
    expect(ids.size).toBe(8);
  });

  it('refuses weights and arguments that mean nothing', () => {
    const x = exchange('x-consistent-hash');
    expect(() => bind(x, 'q1', 'heavy')).toThrow('The binding key must be an integer: <<"heavy">>');
    expect(() => bind(x, 'q1', '0')).toThrow('The binding key must be greater than 0');
    const both = [
      { name: 'hash-header', value: 'a' },
      { name: 'hash-property', value: 'message_id' },
    ];
    expect(() => exchange('x-consistent-hash', both)).toThrow('hash-header and hash-property are mutually exclusive');
    expect(() => exchange('x-consistent-hash', [{ name: 'hash-property', value: 'user_id' }])).toThrow(
      'Unsupported property: user_id',
    );
  });
});

describe('x-modulus-hash and x-random', () => {
  it('send each message through one binding, and none where there is none', () => {
    for (const type of ['x-modulus-hash', 'x-random']) {
      const x = exchange(type);
      expect(led(x, 'k', { headers: [] })).toEqual([]);
      for (let i = 0; i < 4; i++) bind(x, `q${i}`, '');
      const found = Array.from({ length: 200 }, (_, i) => led(x, `k${i}`, { headers: [] }));
      expect(found.every((names) => names.length === 1)).toBe(true);
      expect(new Set(found.map(([name]) => name)).size).toBe(4);
    }
  });
});

describe('x-delayed-message', () => {
  it('routes what is due as the type it was given', () => {
    const x = exchange('x-delayed-message', [{ name: 'x-delayed-type', value: 'topic' }]);
    bind(x, 'q1', 'a.*');
    expect(led(x, 'a.b')).toEqual(['q1']);
    expect(led(x, 'b.b')).toEqual([]);
  });

  it('refuses to be declared without a type, or with itself', () => {
    expect(() => exchange('x-delayed-message')).toThrow(
      "Invalid argument, 'x-delayed-type' must be an existing exchange type",
    );
    expect(() => exchange('x-delayed-message', [{ name: 'x-delayed-type', value: 'x-delayed-message' }])).toThrow(
      "can't be used for 'x-delayed-type'",
    );
    expect(() => exchange('x-delayed-message', [{ name: 'x-delayed-type', value: 'nonsense' }])).toThrow(
      "unknown exchange type 'nonsense'",
    );
  });
});

describe('headers', () => {
  const headers: Headers = [
    { name: 'a', value: '1' },
    { name: 'x-b', value: '2' },
  ];
  const wanted = (match: string | undefined, ...args: [string, string | null][]): boolean =>
    matchesHeaders(
      [
        ...(match === undefined ? [] : [{ name: 'x-match', value: match }]),
        ...args.map(([name, value]) => ({ name, value })),
      ],
      headers,
    );

  it.each([
    ['all without arguments: every message', undefined, [], true],
    ['all of the spelled kind: every message', 'all', [], true],
    ['any without arguments: none', 'any', [], false],
    ['all', 'all', [['a', '1']], true],
    ['all, another value', 'all', [['a', '2']], false],
    [
      'all passes over x- arguments',
      'all',
      [
        ['a', '1'],
        ['x-b', '9'],
      ],
      true,
    ],
    [
      'all-with-x does not',
      'all-with-x',
      [
        ['a', '1'],
        ['x-b', '9'],
      ],
      false,
    ],
    ['any passes over x- arguments', 'any', [['x-b', '2']], false],
    ['any-with-x does not', 'any-with-x', [['x-b', '2']], true],
    ['void asks for the header alone', 'all', [['a', null]], true],
    ['void, and it is not there', 'any', [['c', null]], false],
  ] as [string, string | undefined, [string, string | null][], boolean][])('%s', (_what, match, args, expected) => {
    expect(wanted(match, ...args)).toBe(expected);
  });

  it('refuses an x-match that is none', () => {
    const x = exchange('headers');
    const match = (value: string): BindOptions => ({ spelling: 0, arguments: [{ name: 'x-match', value }] });
    expect(() => x.kind.checkBinding('', match('most'))).toThrow('Invalid x-match field value <<"most">>');
    expect(() => x.kind.checkBinding('', match('any-with-x'))).not.toThrow();
  });
});
