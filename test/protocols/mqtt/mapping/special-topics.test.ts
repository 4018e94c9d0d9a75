/** What topics that begin with `$` mean to who publishes and to who subscribes, one by one. */
import { expect, it } from 'vitest';
import { meaningOf, subscribable } from '../../../../protocols/mqtt/mapping/special-topics.ts';

const NOT_AUTHORIZED = 0x87;
const NAME_INVALID = 0x90;
const FILTER_INVALID = 0x8f;
const PLAIN = { reason: 0, skip: 0, isQueue: false, isControl: false, word: '', delayMs: -1 };

it.each([
  ['a/b', PLAIN],
  ['$other', PLAIN],
  ['$queues/q', PLAIN],
  ['$SYSTEM', PLAIN],
  ['$delay/5/t', PLAIN],
  ['$queue/q', { ...PLAIN, skip: 7, isQueue: true }],
  ['$queue/$SYS/x', { ...PLAIN, skip: 7, isQueue: true }],
  ['$delayed/5/t', { ...PLAIN, skip: 11, delayMs: 5_000 }],
  ['$delayed/0/t', { ...PLAIN, skip: 11, delayMs: 0 }],
  ['$delayed/5//', { ...PLAIN, skip: 11, delayMs: 5_000 }],
  ['$delayed/5/\n', { ...PLAIN, skip: 11, delayMs: 5_000 }],
  ['$delayed/4294967/t', { ...PLAIN, skip: 17, delayMs: 4_294_967_000 }],
  ['$delayed/0000000005/t', { ...PLAIN, skip: 20, delayMs: 5_000 }],
  ['$delayed/5/$queue/q', { ...PLAIN, skip: 18, isQueue: true, delayMs: 5_000 }],
  ['$CONTROL/dynamic-security/v1', { ...PLAIN, isControl: true }],
  ['$CONTROLS', PLAIN],
  ['$deliveries', PLAIN],
  ['$delivery/renew', { ...PLAIN, word: 'renew' }],
  ['$delivery/defer', { ...PLAIN, word: 'defer' }],
  ['$delivery/claim', { ...PLAIN, word: 'claim' }],
  ['$SYS/broker/connection/me/state', PLAIN],
  ['$SYS/broker/connection//state', PLAIN],
  ['$delayed/5/$SYS/broker/connection/me/state', { ...PLAIN, skip: 11, delayMs: 5_000 }],
])('%j leads where the table says', (topic, meaning) => {
  expect(meaningOf(topic)).toEqual(meaning);
});

it.each([
  ['$SYS', NOT_AUTHORIZED],
  ['$SYS/x', NOT_AUTHORIZED],
  ['$SYS/broker/connection/a/b/state', NOT_AUTHORIZED],
  ['$SYS/broker/connection/a/state/x', NOT_AUTHORIZED],
  ['$SYS/broker/connection/a/states', NOT_AUTHORIZED],
  ['$share', NOT_AUTHORIZED],
  ['$share/g/t', NOT_AUTHORIZED],
  ['$queue', NAME_INVALID],
  ['$queue/', NAME_INVALID],
  ['$delivery', NAME_INVALID],
  ['$delivery/other', NAME_INVALID],
  ['$delayed/5/$delivery/renew', NAME_INVALID],
  ['$delayed', NAME_INVALID],
  ['$delayed/5', NAME_INVALID],
  ['$delayed/5/', NAME_INVALID],
  ['$delayed//t', NAME_INVALID],
  ['$delayed/-5/t', NAME_INVALID],
  ['$delayed/5x/t', NAME_INVALID],
  ['$delayed/00000000005/t', NAME_INVALID],
  ['$delayed/4294968/t', NAME_INVALID],
  ['$delayed/5/$delayed/5/t', NAME_INVALID],
  ['$delayed/5/$delayed/0/t', NAME_INVALID],
  ['$delayed/5/$queue/', NAME_INVALID],
  ['$delayed/5/$SYS/x', NOT_AUTHORIZED],
])('%j is refused', (topic, reason) => {
  expect(meaningOf(topic).reason).toBe(reason);
});

it.each<[string, number]>([
  ['a/#', 0],
  ['$SYS/#', 0],
  ['$queues/#', 0],
  ['$queue/q', FILTER_INVALID],
  ['$queue', FILTER_INVALID],
  ['$delayed/5/t', FILTER_INVALID],
  ['$delayed/#', FILTER_INVALID],
  ['$share/g/t', FILTER_INVALID],
  ['$share', FILTER_INVALID],
])('a subscription to %j is told %i', (filter, reason) => {
  expect(subscribable(filter)).toBe(reason);
});
