/** The subscription identifiers that a PUBLISH carries. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { TopicWriter } from '../../../../protocols/mqtt/mapping/topic-writer.ts';
import {
  identifierBytes,
  SubscriptionIdentifiers,
} from '../../../../protocols/mqtt/session/subscription-identifiers.ts';
import { DATA_SEVERAL } from '../../../../src/api/index.ts';
import type { MessageView } from '../../../../src/message/message.ts';

let identifiers: SubscriptionIdentifiers;
let asked: number;

beforeEach(() => {
  identifiers = new SubscriptionIdentifiers();
  asked = 0;
});

function of(subscriptionData: number, topic = 'a/b'): string | null {
  const buffer = Buffer.from(`..${topic}.`);
  const topics = { of: () => asked++, buffer, start: 2, end: buffer.length - 1 } as unknown as TopicWriter;
  const bytes = identifiers.of({ subscriptionData } as MessageView, topics);
  return bytes === null ? null : bytes.toString('hex');
}

describe('an identifier', () => {
  it('is a property with a number of as many bytes as it needs; 0 is none', () => {
    expect(identifierBytes(0)).toBeNull();
    expect(identifierBytes(1)!.toString('hex')).toBe('0b01');
    expect(identifierBytes(127)!.toString('hex')).toBe('0b7f');
    expect(identifierBytes(128)!.toString('hex')).toBe('0b8001');
    expect(identifierBytes(268_435_455)!.toString('hex')).toBe('0bffffff7f');
  });

  it('comes with the binding where there is one alone', () => {
    expect(of(0)).toBeNull();
    expect([of(5), of(5), of(300)]).toEqual(['0b05', '0b05', '0bac02']);
    expect(asked).toBe(0);
    for (let i = 1; i < 1_000; i++) expect(of(i)).toBe(identifierBytes(i)!.toString('hex'));
  });

  it('is each of those whose filters match, once, where several subscriptions met', () => {
    identifiers.set('a/+', 1, false);
    identifiers.set('a/#', 2, false);
    identifiers.set('#', 1, false);
    identifiers.set('b', 3, false);
    expect(of(DATA_SEVERAL)).toBe('0b010b02');
    expect(of(DATA_SEVERAL, 'b')).toBe('0b010b03');
    expect(identifiers.size).toBe(4);
  });

  it('is another as soon as the subscription is, and none when it has none', () => {
    identifiers.set('a/b', 1, false);
    expect(of(DATA_SEVERAL)).toBe('0b01');
    identifiers.set('a/b', 2, false);
    expect(of(DATA_SEVERAL)).toBe('0b02');
    identifiers.set('a/b', 0, false);
    expect([of(DATA_SEVERAL), identifiers.size]).toEqual([null, 0]);
  });

  it('is right for any number of topics', () => {
    identifiers.set('t/7/+', 9, false);
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 600; i++) expect(of(DATA_SEVERAL, `t/${i}/x`)).toBe(i === 7 ? '0b09' : null);
    }
  });
});
