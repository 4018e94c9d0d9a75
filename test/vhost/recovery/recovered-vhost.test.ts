/** What recovery makes of the journal's records: what is left, in which order, and what is passed over. */
import { beforeEach, expect, it } from 'vitest';
import { FLAG_DELIVERED, FLAG_DURABLE, type QueueEntryFlags } from '../../../src/queue/entry-flags.ts';
import { pack, unpack, unpackedRoom } from '../../../src/queue/positions/packed-positions.ts';
import type { Queue } from '../../../src/queue/queue.ts';
import { writeHeld, writePositions } from '../../../src/vhost/journal/records/contents.ts';
import { writeDelayed, writeDelayedKeys, writeDelayOver } from '../../../src/vhost/journal/records/delays.ts';
import {
  writeDying,
  writeEnqueued,
  writeRetry,
  writeReturned,
  writeSettled,
} from '../../../src/vhost/journal/records/entries.ts';
import type { RecordOutput } from '../../../src/vhost/journal/records/record-output.ts';
import {
  writeBound,
  writeExchange,
  writeExchangeDeleted,
  writeNumbers,
  writeQueue,
  writeQueueDeleted,
  writeUnbound,
} from '../../../src/vhost/journal/records/topology.ts';
import { RecoveredVhost } from '../../../src/vhost/recovery/recovered-vhost.ts';

const BIND = { spelling: 0 as const, arguments: [] };
const F = FLAG_DURABLE;

let recovery: RecoveredVhost;
/** Whatever is written is replayed at once. */
let log: RecordOutput;

beforeEach(() => {
  recovery = new RecoveredVhost('/');
  let pending: (() => void) | null = null;
  const flush = (): void => {
    pending?.();
    pending = null;
  };
  log = {
    buffer: Buffer.alloc(1024 * 1024),
    recordBytesMax: 1024 * 1024,
    append(type, payloadBytes) {
      flush();
      pending = () => recovery.replay(type, 0, this.buffer, 8, 8 + payloadBytes);
      return 8;
    },
  };
  done = flush;
});

/** The last record has been written whole. */
let done: () => void;

function exchange(name: string, autoDelete = false): void {
  writeExchange(log, { name, type: 'fanout', durable: true, autoDelete, internal: false, arguments: [] });
}

function queue(id: number, priorities = false): void {
  const args = priorities ? [{ name: 'x-max-priority', value: { type: 'int64' as const, value: 5n } }] : [];
  writeQueue(log, { id, name: `q${id}`, durable: true, autoDelete: false, arguments: args });
}

function settle(id: number, ...seqs: number[]): void {
  writeSettled(log, id, Float64Array.from(seqs), seqs.length);
}

const declared = (): string[] => {
  done();
  return [...recovery.topology.exchanges.keys()].filter((name) => !name.startsWith('amq.'));
};

type Entry = readonly [seq: number, flags: QueueEntryFlags];

/** What a queue gets that is made of what was found: in order, given back, dying, to be tried again. */
function restored(
  id: number,
  unclean = false,
): { ready: Entry[]; back: Entry[]; dying: unknown[]; retrying: unknown[] } {
  done();
  const found = { ready: [] as Entry[], back: [] as Entry[], dying: [] as unknown[], retrying: [] as unknown[] };
  const contents: Partial<Queue['contents']> = {
    recoverChunk(chunk) {
      const room = unpackedRoom();
      unpack(chunk, room);
      for (let i = 0; i < chunk.count; i++) found.ready.push([room.seqs[i]!, room.flagSets[i]!]);
    },
    recoverHeld: (seq, flags) => found.back.push([seq, flags]),
    recoverDying: (...all) => found.dying.push(all),
    recoverRetry: (...all) => found.retrying.push(all),
  };
  const live = { contents, expectExpiry() {}, expectGroups() {} } as unknown as Queue;
  recovery.topology.queues.get(id)!.restore(live, unclean);
  return found;
}

it('an exchange that goes with its last binding goes, though its own record was lost', () => {
  for (const name of ['a', 'b', 'c']) exchange(name, true);
  exchange('kept');
  exchange('end');
  queue(1);
  queue(2);
  writeBound(log, { source: 'a', queue: 1, key: '', options: BIND });
  writeBound(log, { source: 'a', queue: 2, key: '', options: BIND });
  writeBound(log, { source: 'b', exchange: 'end', key: '', options: BIND });
  writeBound(log, { source: 'c', exchange: 'b', key: '', options: BIND });
  writeBound(log, { source: 'kept', queue: 1, key: '', options: BIND });
  writeQueueDeleted(log, 1);
  expect(declared()).toEqual(['a', 'b', 'c', 'kept', 'end']);
  writeUnbound(log, { source: 'a', queue: 2, key: '', options: BIND });
  expect(declared()).toEqual(['b', 'c', 'kept', 'end']);
  // The last exchange takes those with it that led to nothing but it.
  writeExchangeDeleted(log, 'end');
  expect(declared()).toEqual(['kept']);
  expect(recovery.topology.exchanges.get('kept')!.bindings.size).toBe(0);
});

it('a binding that is made again keeps its place and has the last data', () => {
  exchange('x');
  queue(1);
  queue(2);
  writeBound(log, { source: 'x', queue: 1, key: 'k', options: { ...BIND, data: 1 } });
  writeBound(log, { source: 'x', queue: 2, key: 'k', options: BIND });
  writeBound(log, { source: 'x', queue: 1, key: 'k', options: { ...BIND, data: 2 } });
  done();
  const bindings = [...recovery.topology.exchanges.get('x')!.bindings.values()];
  expect(bindings.map(({ record }) => [record.queue, record.options.data])).toEqual([
    [1, 2],
    [2, undefined],
  ]);
  writeUnbound(log, { source: 'x', queue: 1, key: 'k', options: BIND });
  done();
  expect(recovery.topology.exchanges.get('x')!.bindings.size).toBe(1);
});

it('records about what is not known are passed over', () => {
  writeBound(log, { source: 'x', queue: 9, key: '', options: BIND });
  writeUnbound(log, { source: 'x', exchange: 'y', key: '', options: BIND });
  writeExchangeDeleted(log, 'x');
  writeQueueDeleted(log, 9);
  settle(9, 1);
  writeReturned(log, 9, 1, F);
  writeEnqueued(log, 9, 1, F);
  writeDying(log, 9, 1, F, 'expired');
  writeRetry(log, 9, 1, F, 5);
  writePositions(log, { queue: 9, replaces: true, chunk: null });
  writeHeld(log, 9, [1], [F]);
  done();
  expect(declared()).toEqual([]);
  expect(recovery.topology.queues.size).toBe(0);
});

it('numbers of queues are not used again, whoever says how far they have come', () => {
  queue(7);
  done();
  expect(recovery.topology.nextQueue).toBe(8);
  writeNumbers(log, { nextQueue: 5, nextList: 3 });
  done();
  expect([recovery.topology.nextQueue, recovery.nextList]).toEqual([8, 3]);
  writeNumbers(log, { nextQueue: 50, nextList: 2 });
  done();
  expect([recovery.topology.nextQueue, recovery.nextList]).toEqual([50, 3]);
});

it.each([false, true])(
  'what waits is in order, what came back beside it, what was settled gone (priorities: %s)',
  (prio) => {
    queue(1, prio);
    for (const seq of [10, 20, 30, 40, 50, 60]) writeEnqueued(log, 1, seq, F);
    writeReturned(log, 1, 30, F | 0x10_0000);
    settle(1, 10, 50);
    writeHeld(log, 1, [5, 15], [F, F]);
    settle(1, 15);
    const { ready, back } = restored(1);
    expect(ready).toEqual([
      [20, F],
      [30, F | 0x10_0000],
      [40, F],
      [60, F],
    ]);
    expect(back).toEqual([[5, F]]);
  },
);

it('all may have been handed out where the end was not clean', () => {
  queue(1);
  writeEnqueued(log, 1, 5, F);
  writeHeld(log, 1, [3], [F]);
  const { ready, back } = restored(1, true);
  expect([ready, back]).toEqual([[[5, F | FLAG_DELIVERED]], [[3, F | FLAG_DELIVERED]]]);
});

it('what has died, or is to be tried again, does not wait; until it is settled, or comes back', () => {
  queue(1);
  for (const seq of [1, 2, 3, 4, 5]) writeEnqueued(log, 1, seq, F);
  writeDying(log, 1, 1, F, 'maxlen');
  writeRetry(log, 1, 2, F, 99);
  writeDying(log, 1, 3, F, 'expired');
  settle(1, 3);
  writeRetry(log, 1, 4, F, 98);
  writeReturned(log, 1, 4, F | FLAG_DELIVERED);
  // A retry that has died meanwhile is no retry any more.
  writeRetry(log, 1, 5, F, 97);
  writeDying(log, 1, 5, F, 'rejected');
  expect(restored(1)).toEqual({
    ready: [],
    back: [[4, F | FLAG_DELIVERED]],
    dying: [
      [1, F, 'maxlen'],
      [5, F, 'rejected'],
    ],
    retrying: [[2, F, 99, '']],
  });
});

it('positions of a checkpoint supersede what was known, or come on top', () => {
  queue(1);
  for (const seq of [1, 2]) writeEnqueued(log, 1, seq, F);
  writeDying(log, 1, 1, F, 'maxlen');
  writeRetry(log, 1, 2, F, 99);
  writeHeld(log, 1, [3], [F]);
  const room = unpackedRoom();
  [10, 11, 12].forEach((seq, i) => {
    room.seqs[i] = seq;
    room.flagSets[i] = F;
  });
  writePositions(log, { queue: 1, replaces: true, chunk: pack(room, 2) });
  room.seqs[0] = 12;
  writePositions(log, { queue: 1, replaces: false, chunk: pack(room, 1) });
  expect(restored(1)).toEqual({
    ready: [
      [10, F],
      [11, F],
      [12, F],
    ],
    back: [],
    dying: [],
    retrying: [],
  });
});

it('the keys of a delayed message are forgotten with it, also where a checkpoint repeats them behind its end', () => {
  for (const seq of [1, 2]) {
    writeDelayed(log, seq, 5_000, 4);
    writeDelayedKeys(log, { seq, keys: ['a', `b${seq}`] });
  }
  writeDelayOver(log, [1]);
  done();
  recovery.finish();
  expect([...recovery.delays.keys]).toEqual([[2, ['a', 'b2']]]);
});

it('queues that adapters have made for their clients are known as such', () => {
  const record = { durable: true, autoDelete: false, arguments: [] };
  writeQueue(log, { ...record, id: 1, name: 'session', ownUse: true });
  writeQueue(log, { ...record, id: 2, name: 'share', ownUse: 'shared' });
  writeQueue(log, { ...record, id: 3, name: 'subscription', forSubscription: true });
  writeQueue(log, { ...record, id: 4, name: 'named', ownUse: false, forSubscription: false });
  done();
  const found = [...recovery.topology.queues.values()].map(({ options: { ownUse, forSubscription } }) => [
    ownUse,
    forSubscription,
  ]);
  expect(found).toEqual([
    [true, undefined],
    ['shared', undefined],
    [undefined, true],
    [undefined, undefined],
  ]);
});
