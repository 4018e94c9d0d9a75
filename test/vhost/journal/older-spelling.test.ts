/** What older builds have written down about slashed keys is read as what it meant. */
import { describe, expect, it } from 'vitest';
import { DOT, Draft, MessageView, SLASH, type Spelling } from '../../../src/message/message.ts';
import { messageBytes, readMessage, spellingOf, writeMessage } from '../../../src/message/storage.ts';
import { RECORD_RETAINED } from '../../../src/vhost/journal/records/types.ts';
import { RecoveredVhost } from '../../../src/vhost/recovery/recovered-vhost.ts';

/** Of a retained record's flags: when it expires and what it counts for follow. */
const RETAINED_LONG = 16;

/** A message as it lies in the log, its key flagged as slashed or not. */
function stored(exchange: string, key: string, spelling: Spelling): Buffer {
  const bytes = Buffer.from(exchange + key);
  const address = { spelling, bytes, start: 0, keyStart: exchange.length, end: bytes.length };
  const draft = new Draft();
  const record = Buffer.alloc(messageBytes(draft, bytes.length, null, null));
  writeMessage(record, 0, draft, address, 0, 1, null, null);
  return record;
}

describe('a message', () => {
  it.each([
    ['amq.topic', SLASH, SLASH],
    ['amq.topic', DOT, DOT],
    // A queue's name was flagged as a topic was; it is none.
    ['', SLASH, DOT],
    ['', DOT, DOT],
  ] as const)('of exchange %j, flagged %i, has spelling %i', (exchange, flagged, shown) => {
    const record = stored(exchange, 'a.b/c', flagged);
    const view = new MessageView();
    readMessage(record, 0, view);
    expect([view.key(), view.spelling]).toEqual(['a.b/c', shown]);
    expect(spellingOf(record, 0)).toBe(flagged);
  });
});

describe('a retained message of a checkpoint', () => {
  it.each([
    [0, 'a.b/c', 'a.b/c'],
    [1, 'a.b/c', 'a/b.c'],
    [RETAINED_LONG, 'a.b/c', 'a.b/c'],
    [RETAINED_LONG | 1, 'a.b/c', 'a/b.c'],
  ])('with flags %i and key %s is that of %s', (flags, key, dotted) => {
    const recovery = new RecoveredVhost('/');
    const index = recovery.retained;
    const head = Buffer.alloc((flags & RETAINED_LONG) === 0 ? 7 : 17);
    head[0] = 9;
    head[6] = flags;
    const record = Buffer.concat([head, Buffer.from(key)]);
    recovery.replay(RECORD_RETAINED, 0, record, 0, record.length);
    expect(index.get(dotted)?.seq).toBe(9);
    expect([...index.all()].map((message) => message.key)).toEqual([dotted]);
  });
});
