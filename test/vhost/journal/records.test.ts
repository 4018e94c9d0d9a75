/** Each record of the vhost's journal lies in the log byte for byte as it always has, and is read back as what was written. */
import { describe, expect, it } from 'vitest';
import type { AdmittedId } from '../../../src/deduplication/window.ts';
import { bytesOf } from '../../../src/message/text.ts';
import { FLAG_DURABLE } from '../../../src/queue/entry-flags.ts';
import { type Chunk, pack, unpackedRoom } from '../../../src/queue/positions/packed-positions.ts';
import { RetainedMessage } from '../../../src/queue/store/retained-index.ts';
import { readHeld, readPositions, writeHeld, writePositions } from '../../../src/vhost/journal/records/contents.ts';
import {
  readDelayed,
  readDelayedKeys,
  readDelayOver,
  writeDelayed,
  writeDelayedKeys,
  writeDelayedMany,
  writeDelayOver,
} from '../../../src/vhost/journal/records/delays.ts';
import {
  readDeathReason,
  readDeferralToken,
  readEntry,
  readQueueNumber,
  readRetryTime,
  readSettled,
  writeDeferred,
  writeDying,
  writeEnqueued,
  writeRetry,
  writeReturned,
  writeSettled,
} from '../../../src/vhost/journal/records/entries.ts';
import { readLargeBody, writeLargeBody } from '../../../src/vhost/journal/records/large-bodies.ts';
import { readPassportEvents, writePassportEvents } from '../../../src/vhost/journal/records/passports.ts';
import {
  readPolicy,
  readPolicyCleared,
  writePolicy,
  writePolicyCleared,
} from '../../../src/vhost/journal/records/policies.ts';
import type { RecordOutput } from '../../../src/vhost/journal/records/record-output.ts';
import { readRetained, writeRetained } from '../../../src/vhost/journal/records/retained.ts';
import { readRetainer, writeRetainer } from '../../../src/vhost/journal/records/retainers.ts';
import {
  readState,
  readStateDeleted,
  writeState,
  writeStateDeleted,
} from '../../../src/vhost/journal/records/state.ts';
import {
  mergeTargets,
  readTargets,
  type TargetRecord,
  writeTargets,
} from '../../../src/vhost/journal/records/targets.ts';
import * as topology from '../../../src/vhost/journal/records/topology.ts';
import * as types from '../../../src/vhost/journal/records/types.ts';
import {
  readIdsAdmitted,
  readPublishersAdmitted,
  readWindow,
  writeIdAdmitted,
  writeIdsAdmitted,
  writePublishersAdmitted,
  writeWindowCleared,
} from '../../../src/vhost/journal/records/windows.ts';

/** Records as a log takes them: each somewhere in a buffer that has other bytes before and behind it. */
class Records implements RecordOutput {
  buffer = Buffer.alloc(4 * 1024 * 1024, 0xee);
  recordBytesMax = 1024 * 1024;
  readonly written: { type: number; start: number; end: number }[] = [];
  private position = 3;

  append(type: number, payloadBytes: number): number {
    const start = this.position;
    this.written.push({ type, start, end: start + payloadBytes });
    this.position += payloadBytes + 5;
    return start;
  }

  /** The payloads, in hexadecimal digits, by their types. */
  get bytes(): [number, string][] {
    return this.written.map(({ type, start, end }) => [type, this.buffer.toString('hex', start, end)]);
  }

  read<T>(read: (buffer: Buffer, start: number, end: number) => T): T[] {
    return this.written.map(({ start, end }) => read(this.buffer, start, end));
  }
}

function written(write: (out: RecordOutput) => void, recordBytesMax?: number): Records {
  const records = new Records();
  if (recordBytesMax !== undefined) records.recordBytesMax = recordBytesMax;
  write(records);
  return records;
}

const utf8 = (text: string): string => Buffer.from(text).toString('hex');

it('no two types of records are alike, and all are of the vhost', () => {
  const all = Object.values(types);
  expect(new Set(all).size).toBe(all.length);
  expect([Math.min(...all), Math.max(...all)]).toEqual([130, 160]);
  expect(all.length).toBe(31);
});

describe('topology', () => {
  const exchange = {
    name: 'x',
    type: 'topic',
    durable: true,
    autoDelete: false,
    internal: false,
    arguments: [],
  } as const;

  it('exchange declared, and deleted', () => {
    const records = written((out) => topology.writeExchange(out, exchange));
    const text = '{"name":"x","type":"topic","durable":true,"autoDelete":false,"internal":false,"arguments":[]}';
    expect(records.bytes).toEqual([[130, utf8(text)]]);
    expect(records.read(topology.readExchange)).toEqual([exchange]);
    const deleted = written((out) => topology.writeExchangeDeleted(out, 'ä'));
    expect(deleted.bytes).toEqual([[131, 'c3a4']]);
    expect(deleted.read(topology.readExchangeDeleted)).toEqual(['ä']);
  });

  it('queue declared, and deleted', () => {
    const queue = { id: 7, name: 'q', durable: true, autoDelete: false, arguments: [] };
    const records = written((out) => {
      topology.writeQueue(out, queue);
      topology.writeQueue(out, { ...queue, atMostOnce: 'direct', mayExpire: true, grouped: false });
    });
    expect(records.bytes).toEqual([
      [132, utf8('{"id":7,"name":"q","durable":true,"autoDelete":false,"arguments":[]}')],
      [
        132,
        utf8(
          '{"id":7,"name":"q","durable":true,"autoDelete":false,"atMostOnce":"direct","arguments":[],"mayExpire":true}',
        ),
      ],
    ]);
    expect(records.read(topology.readQueue)).toEqual([queue, { ...queue, atMostOnce: 'direct', mayExpire: true }]);
    const deleted = written((out) => topology.writeQueueDeleted(out, 0x01020304));
    expect(deleted.bytes).toEqual([[133, '04030201']]);
    expect(deleted.read(topology.readQueueDeleted)).toEqual([0x01020304]);
  });

  it('bound, and unbound', () => {
    const options = { spelling: 0 as const, arguments: [{ name: 'n', value: { type: 'int64' as const, value: 1n } }] };
    const binding = { source: 'x', queue: 7, key: 'a.*', options };
    const records = written((out) => {
      topology.writeBound(out, binding);
      topology.writeUnbound(out, { source: 'x', exchange: 'y', key: '', options });
    });
    expect(records.written.map(({ type }) => type)).toEqual([134, 135]);
    expect(records.read(topology.readBinding)).toEqual([binding, { source: 'x', exchange: 'y', key: '', options }]);
  });

  it('numbers', () => {
    const records = written((out) => topology.writeNumbers(out, { nextQueue: 258, nextList: 3 }));
    expect(records.bytes).toEqual([[143, '0201000003000000']]);
    expect(records.read(topology.readNumbers)).toEqual([{ nextQueue: 258, nextList: 3 }]);
  });

  it('a name or arguments that no record can hold are refused', () => {
    const much = 'x'.repeat(16 * 1024 * 1024);
    expect(() => written((out) => topology.writeExchange(out, { ...exchange, name: much }))).toThrow(/too large/);
  });
});

it('policy set, and cleared', () => {
  const policy = {
    kind: 'operator' as const,
    name: 'p',
    pattern: '^a',
    applyTo: 'queues' as const,
    priority: 1,
    definition: { 'max-length': 5 },
  };
  const records = written((out) => writePolicy(out, policy));
  expect(records.bytes).toEqual([
    [
      151,
      utf8(
        '{"kind":"operator","name":"p","pattern":"^a","applyTo":"queues","priority":1,"definition":{"max-length":5}}',
      ),
    ],
  ]);
  expect(records.read(readPolicy)).toEqual([policy]);
  const cleared = written((out) => writePolicyCleared(out, { kind: 'policy', name: 'p' }));
  expect(cleared.bytes).toEqual([[152, utf8('{"kind":"policy","name":"p"}')]]);
  expect(cleared.read(readPolicyCleared)).toEqual([{ kind: 'policy', name: 'p' }]);
});

describe('targets', () => {
  it('name each queue and its flags', () => {
    const targets = [
      { queue: 1, flags: 2 },
      { queue: 0x10000, flags: 0x7ffe2 },
    ];
    const records = written((out) => writeTargets(out, 9, targets));
    expect(records.bytes).toEqual([[136, '090000000000000002000000010000000200000000000100e2ff0700']]);
    expect(records.read(readTargets)).toEqual([{ list: 9, first: 0, targets }]);
  });

  it('of an empty list are a record, too', () => {
    const records = written((out) => writeTargets(out, 9, []));
    expect(records.bytes).toEqual([[136, '090000000000000000000000']]);
    expect(records.read(readTargets)).toEqual([{ list: 9, first: 0, targets: [] }]);
  });

  it('of a long list take several, and a list that is written again begins anew', () => {
    const targets = Array.from({ length: 40_000 }, (_, i) => ({ queue: i, flags: i & 3 }));
    const records = written((out) => writeTargets(out, 9, targets));
    const read = records.read(readTargets);
    expect(read.map(({ first }) => first)).toEqual([0, 16_384, 32_768]);
    let list: TargetRecord[] | undefined;
    for (const record of [...read, ...read]) list = mergeTargets(list, record);
    expect(list).toEqual(targets);
  });
});

describe('entries', () => {
  const SEQ = 0x0102_0304_0506;

  it('settled', () => {
    const records = written((out) => writeSettled(out, 7, Float64Array.of(1, SEQ, 99), 2));
    expect(records.bytes).toEqual([[137, '0700000002000000010000000000060504030201']]);
    expect(records.read(readQueueNumber)).toEqual([7]);
    const seqs: number[] = [];
    records.read((buffer, start) => readSettled(buffer, start, (seq) => seqs.push(seq)));
    expect(seqs).toEqual([1, SEQ]);
  });

  it('settled are parted where one record would be too large, or nothing at all', () => {
    const all = Float64Array.from({ length: 40_000 }, (_, i) => i + 1);
    for (const recordBytesMax of [100, 1_000_000]) {
      const records = written((out) => writeSettled(out, 7, all, all.length), recordBytesMax);
      const seqs: number[] = [];
      records.read((buffer, start) => readSettled(buffer, start, (seq) => seqs.push(seq)));
      expect(seqs).toEqual([...all]);
      for (const { start, end } of records.written) expect(end - start).toBeLessThanOrEqual(recordBytesMax);
    }
    expect(written((out) => writeSettled(out, 7, all, 0)).written).toEqual([]);
  });

  it('returned, enqueued', () => {
    const records = written((out) => {
      writeReturned(out, 7, SEQ, 0xfff0_0009);
      writeEnqueued(out, 8, 1, 2);
    });
    expect(records.bytes).toEqual([
      [138, '070000000605040302010900f0ff'],
      [142, '0800000001000000000002000000'],
    ]);
    expect(records.read(readEntry)).toEqual([
      { queue: 7, seq: SEQ, flags: 0xfff0_0009 },
      { queue: 8, seq: 1, flags: 2 },
    ]);
  });

  it('dying, of each reason', () => {
    const reasons = ['rejected', 'expired', 'maxlen', 'delivery_limit'] as const;
    const records = written((out) => {
      for (const reason of reasons) writeDying(out, 7, SEQ, 9, reason);
    });
    expect(records.bytes).toEqual(reasons.map((_, i) => [150, `0700000006050403020109000000${`0${i}`}`]));
    expect(records.read(readEntry)).toEqual(reasons.map(() => ({ queue: 7, seq: SEQ, flags: 9 })));
    expect(records.read(readDeathReason)).toEqual(reasons);
    records.buffer[records.written[0]!.end - 1] = 9;
    expect(records.read(readDeathReason)[0]).toBeUndefined();
  });

  it('retry', () => {
    const records = written((out) => writeRetry(out, 7, SEQ, 9, 0x0a0b_0c0d_0e0f));
    expect(records.bytes).toEqual([[153, '07000000060504030201090000000f0e0d0c0b0a']]);
    expect(records.read(readEntry)).toEqual([{ queue: 7, seq: SEQ, flags: 9 }]);
    expect(records.read(readRetryTime)).toEqual([0x0a0b_0c0d_0e0f]);
  });

  it('deferred', () => {
    const records = written((out) => writeDeferred(out, 7, SEQ, 9, 0x0a0b_0c0d_0e0f, 'jöb'));
    expect(records.bytes).toEqual([[159, '07000000060504030201090000000f0e0d0c0b0a046ac3b662']]);
    expect(records.read(readEntry)).toEqual([{ queue: 7, seq: SEQ, flags: 9 }]);
    expect(records.read(readRetryTime)).toEqual([0x0a0b_0c0d_0e0f]);
    expect(records.read(readDeferralToken)).toEqual(['jöb']);
  });
});

describe('contents', () => {
  function chunk(entries: readonly (readonly [number, number])[]): Chunk {
    const room = unpackedRoom();
    entries.forEach(([seq, flags], i) => {
      room.seqs[i] = seq;
      room.flagSets[i] = flags;
    });
    return pack(room, entries.length);
  }

  it('positions', () => {
    const even = chunk([
      [5, FLAG_DURABLE],
      [6, FLAG_DURABLE],
    ]);
    const uneven = chunk([
      [5, 1],
      [6, 1],
      [200, 2],
      [100_000_000_000, 2],
    ]);
    const records = written((out) => {
      writePositions(out, { queue: 7, replaces: true, chunk: even });
      writePositions(out, { queue: 7, replaces: false, chunk: uneven });
      writePositions(out, { queue: 7, replaces: true, chunk: null });
    });
    expect(records.bytes).toEqual([
      [144, '0700000000020000000500000000000000000001000000' + '0200000008000000'],
      [
        144,
        `070000000104000000050000000000${'09000000'}02000000${'01c201b8cedbc3f402'}02000000010000000200000002000000`,
      ],
      [144, '070000000000000000'],
    ]);
    expect(records.read(readPositions)).toEqual([
      { queue: 7, replaces: true, chunk: even },
      { queue: 7, replaces: false, chunk: uneven },
      { queue: 7, replaces: true, chunk: null },
    ]);
  });

  it('held', () => {
    const records = written((out) => writeHeld(out, 7, [3, 1, 2], [9, 8, 0xfff0_0000]));
    expect(records.bytes).toEqual([
      [145, '0700000003000000' + '03000000000009000000' + '01000000000008000000' + '0200000000000000f0ff'],
    ]);
    const seen: number[][] = [];
    records.read((buffer, start) => readHeld(buffer, start, (seq, flags) => seen.push([seq, flags])));
    expect(seen).toEqual([
      [3, 9],
      [1, 8],
      [2, 0xfff0_0000],
    ]);
    expect(written((out) => writeHeld(out, 7, [], [])).written).toEqual([]);
    expect(written((out) => writeHeld(out, 7, [1, 2, 3], [1, 2, 3]), 29).written.length).toBe(2);
  });
});

it('state put, and deleted', () => {
  const records = written((out) => writeState(out, { key: 'ä', value: Buffer.from([1, 2]) }));
  expect(records.bytes).toEqual([[139, '0200c3a40102']]);
  expect(records.read(readState)).toEqual([{ key: 'ä', value: Buffer.from([1, 2]) }]);
  const deleted = written((out) => writeStateDeleted(out, 'ä'));
  expect(deleted.bytes).toEqual([[140, 'c3a4']]);
  expect(deleted.read(readStateDeleted)).toEqual(['ä']);
});

it('retained', () => {
  const messages = [
    new RetainedMessage(1, 'a.b', 2, true, 300, 0x0a0b_0c0d_0e0f),
    // A key need not be UTF-8: what is not keeps its bytes.
    new RetainedMessage(2, '\udcff', 0, false, 0, 0),
  ];
  const records = written((out) => {
    for (const message of messages) writeRetained(out, message);
  });
  expect(records.bytes[0]).toEqual([141, '0100000000001c0f0e0d0c0b0a2c010000612e62']);
  expect(records.read(readRetained)).toEqual(messages);
});

it('retainer', () => {
  const records = [
    { seq: 1, retainer: { user: 'ä', clientId: 'c' } },
    { seq: 2, retainer: { user: '', clientId: '' } },
  ];
  const out = written((to) => {
    for (const record of records) writeRetainer(to, record);
  });
  expect(out.bytes[0]).toEqual([160, '010000000000' + '02000000' + 'c3a4' + '63']);
  expect(out.read(readRetainer)).toEqual(records);
});

it('large body', () => {
  const body = { seq: 5, extents: { length: 300, seqs: [1, 3], sizes: [200, 100] } };
  const records = written((out) => writeLargeBody(out, body));
  expect(records.bytes).toEqual([
    [146, '0500000000002c01000002000000' + '010000000000c8000000' + '03000000000064000000'],
  ]);
  expect(records.read(readLargeBody)).toEqual([body]);
});

describe('delays', () => {
  function readAll(records: Records): { seq: number; due: number; flags: number }[] {
    const all: { seq: number; due: number; flags: number }[] = [];
    records.read((buffer, start) => readDelayed(buffer, start, (seq, due, flags) => all.push({ seq, due, flags })));
    return all;
  }

  it('delayed, one by one or many', () => {
    const messages = [
      { seq: 1, due: 0x0a0b_0c0d_0e0f, flags: 3 },
      { seq: 2, due: 5, flags: 4 },
    ];
    const one = written((out) => writeDelayed(out, 1, 0x0a0b_0c0d_0e0f, 3));
    expect(one.bytes).toEqual([[147, '01000000' + '0100000000000f0e0d0c0b0a03']]);
    expect(readAll(one)).toEqual(messages.slice(0, 1));
    const many = written((out) => writeDelayedMany(out, messages));
    expect(many.bytes).toEqual([[147, '02000000' + '0100000000000f0e0d0c0b0a03' + '02000000000005000000000004']]);
    expect(readAll(many)).toEqual(messages);
    const parted = written((out) => writeDelayedMany(out, messages), 20);
    expect([parted.written.length, readAll(parted)]).toEqual([2, messages]);
    expect(written((out) => writeDelayedMany(out, [])).written).toEqual([]);
  });

  it('delay over', () => {
    for (const [recordBytesMax, count] of [
      [100, 1],
      [12, 2],
    ] as const) {
      const records = written((out) => writeDelayOver(out, [1, 2]), recordBytesMax);
      expect(records.written.length).toBe(count);
      const seqs: number[] = [];
      records.read((buffer, start) => readDelayOver(buffer, start, (seq) => seqs.push(seq)));
      expect(seqs).toEqual([1, 2]);
      if (count === 1) expect(records.bytes).toEqual([[148, '02000000010000000000020000000000']]);
    }
  });

  it('delayed keys', () => {
    const record = { seq: 5, keys: ['a.b', '', '\udcff'] };
    const records = written((out) => writeDelayedKeys(out, record));
    expect(records.bytes).toEqual([[149, '0500000000000300' + '0300612e62' + '0000' + '0100ff']]);
    expect(records.read(readDelayedKeys)).toEqual([record]);
  });
});

describe('windows', () => {
  const entries = [
    { id: 'a1', seq: 5, untilMs: 0x0a0b_0c0d_0e0f, whilePresent: false },
    { id: 'ä\udcff', seq: 6, untilMs: 0, whilePresent: true },
  ];
  const first = '00' + '050000000000' + '0f0e0d0c0b0a' + '0200' + '6131';
  const second = '01' + '060000000000' + '000000000000' + '0300' + 'c3a4ff';

  it('ids admitted, one by one or many, of a queue or of an exchange', () => {
    const admitted = (entry: (typeof entries)[number]): AdmittedId => {
      const id = bytesOf(entry.id);
      return { ...entry, bytes: Buffer.concat([Buffer.from('xx'), id, id]), start: 2, end: 2 + id.length };
    };
    const one = written((out) => writeIdAdmitted(out, 7, 100, admitted(entries[0]!)));
    expect(one.bytes).toEqual([[154, '07000000' + '64000000' + '01000000' + first]]);
    expect(one.read(readIdsAdmitted)).toEqual([{ owner: 7, size: 100, entries: entries.slice(0, 1) }]);
    const other = written((out) => writeIdAdmitted(out, 'xé', 100, admitted(entries[1]!)));
    expect(other.bytes).toEqual([[154, '00000000' + '0378c3a9' + '64000000' + '01000000' + second]]);
    expect(other.read(readIdsAdmitted)).toEqual([{ owner: 'xé', size: 100, entries: entries.slice(1) }]);
    const many = { owner: 7, size: 100, entries: entries.map(admitted) };
    expect(written((out) => writeIdsAdmitted(out, many)).read(readIdsAdmitted)).toEqual([{ ...many, entries }]);
    const parted = written((out) => writeIdsAdmitted(out, many), 30);
    expect(parted.read(readIdsAdmitted).flatMap((record) => record.entries)).toEqual(entries);
    expect(parted.written.length).toBe(2);
    expect(written((out) => writeIdsAdmitted(out, { ...many, entries: [] })).written).toEqual([]);
  });

  it('publishers admitted', () => {
    const publishers = [
      { name: 'p', seq: 5, untilMs: 9, highest: 0xffff_ffff_ffff_fffen, open: [3n, 4n] },
      { name: 'qé', seq: 6, untilMs: 0, highest: -1n, open: [] },
    ];
    const records = written((out) => writePublishersAdmitted(out, { owner: 7, size: 2, publishers }));
    expect(records.bytes[0]).toEqual([
      155,
      '07000000' +
        '02000000' +
        '01000000' +
        '050000000000' +
        '090000000000' +
        'ffffffffffffffff' +
        '010070' +
        '0200' +
        '0300000000000000' +
        '0400000000000000',
    ]);
    expect(records.read(readPublishersAdmitted).flatMap((record) => record.publishers)).toEqual(publishers);
  });

  it('window cleared', () => {
    const records = written((out) => {
      writeWindowCleared(out, 7);
      writeWindowCleared(out, 'x');
    });
    expect(records.bytes).toEqual([
      [156, '0700000000000000'],
      [156, '00000000017800000000'],
    ]);
    expect(records.read(readWindow).map(({ owner }) => owner)).toEqual([7, 'x']);
  });
});

it('passport events: parties once a record, and what happened', () => {
  const party = { protocol: 'amqp', user: 'me', client: 'c', consumer: '' };
  const events = [
    { what: 1, seq: 5, queue: 3, atMs: 7, detail: 2, by: party, durable: true },
    { what: 9, seq: 6, queue: 3, atMs: 8, detail: 0, by: null, durable: true },
  ];
  const records = written((out) => {
    writePassportEvents(out, events, { first: true, last: true });
    writePassportEvents(out, []);
  });
  expect(records.bytes).toEqual([
    [
      157,
      `070100${'0400'}${utf8('amqp')}0200${utf8('me')}0100${utf8('c')}0000` +
        '01030000000500000000000700000000000100' +
        '0000000000000040' +
        '09030000000600000000000800000000000000' +
        '0000000000000000',
    ],
  ]);
  expect(records.read(readPassportEvents)).toEqual([{ part: { first: true, last: true }, events }]);
});
