import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameError } from '../../../../protocols/stomp/codec/errors.ts';
import {
  addressOf,
  type Destination,
  formatDestination,
  formatReplyTo,
  listedDestinations,
  parseDestination,
} from '../../../../protocols/stomp/mapping/destinations.ts';
import { DOT, SLASH } from '../../../../src/message/message.ts';

describe('a destination', () => {
  test.each<[string, Destination]>([
    ['/queue/q', { kind: 'queue', name: 'q' }],
    ['q', { kind: 'queue', name: 'q' }],
    ['a.b', { kind: 'queue', name: 'a.b' }],
    ['/queue/a%2Fb%20c%25', { kind: 'queue', name: 'a/b c%' }],
    ['/queue/%C3%BC', { kind: 'queue', name: 'ü' }],
    ['/queue/ü', { kind: 'queue', name: 'ü' }],
    ['/amq/queue/q', { kind: 'existing-queue', name: 'q' }],
    ['/reply-queue/a/b%2Fc', { kind: 'existing-queue', name: 'a/b/c' }],
    ['/topic/a.b.#', { kind: 'exchange', exchange: 'amq.topic', key: 'a.b.#' }],
    ['/exchange/x', { kind: 'exchange', exchange: 'x', key: '' }],
    ['/exchange/x/', { kind: 'exchange', exchange: 'x', key: '' }],
    ['/exchange/x%2Fy/k.*', { kind: 'exchange', exchange: 'x/y', key: 'k.*' }],
    ['/temp-queue/n', { kind: 'temporary-queue', name: 'n' }],
    ['/temp-topic/n', { kind: 'temporary-topic', name: 'n' }],
    ['/remote-temp-queue/amq.gen-1', { kind: 'remote-queue', name: 'amq.gen-1' }],
    ['/remote-temp-topic/temp-topic.1', { kind: 'remote-topic', key: 'temp-topic.1' }],
  ])('%s', (text, expected) => {
    expect(parseDestination(text)).toEqual(expected);
  });

  test.each([
    '',
    '/',
    '/queue',
    '/queue/',
    '/queue/a/b',
    '/topic/',
    '/topic/a/b',
    '/exchange/',
    '/exchange//k',
    '/exchange/x/k/l',
    '/amq/queue/',
    '/reply-queue/',
    '/temp-queue/',
    '/nowhere/x',
    'a/b',
    '/queue/%',
    '/queue/%zz',
    '/queue/%ff',
    '/temp-topic/',
    '/remote-temp-queue/',
    '/remote-temp-topic/',
  ])('%j is refused', (text) => {
    expect(() => parseDestination(text)).toThrow(FrameError);
  }); // prettier-ignore

  test.each([
    ['/exchange//k', 'A name is missing.'],
    ['/exchange/', 'A name is missing.'],
    ['/exchange/x/k/l', "It has too many parts; a '/' within a name is written %2F."],
    ['/queue/a/b', "It has too many parts; a '/' within a name is written %2F."],
  ])('%j: it is told what is wrong with it', (text, why) => {
    expect(() => parseDestination(text)).toThrow(`'${text}' is not a valid destination. ${why}`);
  });

  test.each([
    ['/queue/a,b', false, ['/queue/a,b']],
    ['/queue/a,/topic/b.c', false, ['/queue/a', '/topic/b.c']],
    ['/queue/a,b,/topic/c', false, ['/queue/a,b', '/topic/c']],
    ['/queue/a,b,/topic/c', true, ['/queue/a', '/queue/b', '/topic/c']],
    ['/topic/a,b', true, ['/topic/a', '/topic/b']],
    ['a,b', true, ['a', 'b']],
    ['/queue/a,/queue/a', false, ['/queue/a']],
  ])('%s: those that it lists, where bare names may follow: %s', (text, bare, expected) => {
    expect(listedDestinations(text, bare)).toEqual(expected);
  });

  test('that is shown leads to the same place', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(name, name, (exchange, key) => {
        expect(parseDestination(formatDestination('', key, DOT))).toEqual({ kind: 'queue', name: key });
        expect(parseDestination(formatDestination(exchange, key, DOT))).toEqual({ kind: 'exchange', exchange, key });
        expect(addressOf(formatReplyTo({ exchange: '', key }))).toEqual({ exchange: '', key });
      }),
    );
  });

  test('is shown in the words of STOMP', () => {
    expect([
      formatDestination('', 'a/b', DOT),
      formatDestination('amq.topic', 'a/b', SLASH),
      formatDestination('amq.topic', 'a/b.c', DOT),
      formatDestination('x', '', DOT),
      formatReplyTo({ exchange: '', key: 'amq.gen-1' }),
      formatReplyTo({ exchange: '', key: 'q' }),
    ]).toEqual(['/queue/a%2Fb', '/topic/a.b', '/topic/a%2Fb.c', '/exchange/x', '/reply-queue/amq.gen-1', '/queue/q']);
  });

  test('of a session alone is no address for others', () => {
    expect([addressOf('/temp-queue/x'), addressOf('/queue/a/b')]).toEqual([undefined, undefined]);
  });
});
