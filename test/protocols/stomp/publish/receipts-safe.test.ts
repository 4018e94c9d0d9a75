/** A receipt means that what its frame asked for is on the disk. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Session } from '../../../../src/api/session.ts';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { MemoryFiles } from '../../../log/memory-files.ts';
import { until } from '../../../support/until.ts';
import { StompHarness } from '../harness.ts';
import { header, type RawClient } from '../raw-client.ts';

let harness: StompHarness;
let files: MemoryFiles;
let client: RawClient;
let other: Session;
beforeEach(async () => {
  files = new MemoryFiles();
  harness = await StompHarness.start({}, { dataDirectory: '/data', files });
  client = await harness.open();
  other = await harness.session();
});
afterEach(async () => {
  files.release();
  await harness.stop();
});

const LARGE = 'x'.repeat(300_000);
const durable = { id: 's', destination: '/topic/t', durable: 'true' };

/** A persistent message that the client holds; its token. */
async function unsettled(): Promise<string> {
  await client.confirmed('SEND', { destination: '/queue/q', persistent: 'true' }, 'x');
  await client.confirmed('SUBSCRIBE', { id: '1', destination: '/queue/q', ack: 'client-individual' });
  return header(await client.next('MESSAGE'), 'ack')!;
}

type Step = readonly [command: string, headers: Record<string, string>, body?: string];

test.each<[string, () => Promise<Step>]>([
  [
    'SEND of a persistent message',
    async () => {
      await client.confirmed('SEND', { destination: '/queue/q' }, 'x');
      return ['SEND', { destination: '/queue/q', persistent: 'true' }, 'x'];
    },
  ],
  [
    'SEND of a large persistent message',
    async () => {
      await client.confirmed('SEND', { destination: '/queue/q' }, 'x');
      const length = { 'content-length': String(LARGE.length) };
      return ['SEND', { destination: '/queue/q', persistent: 'true', ...length }, LARGE];
    },
  ],
  ['SEND that makes a queue', async () => ['SEND', { destination: '/queue/made' }, 'x']],
  [
    'large SEND that makes a queue',
    async () => ['SEND', { destination: '/queue/made', 'content-length': String(LARGE.length) }, LARGE],
  ],
  [
    'SEND that makes a queue again',
    async () => {
      await client.confirmed('SEND', { destination: '/queue/q' }, 'x');
      const { mark } = other.deleteQueue('q', false, false);
      await new Promise((safe) => other.whenSafe(mark, safe));
      return ['SEND', { destination: '/queue/q' }, 'x'];
    },
  ],
  ['ACK', async () => ['ACK', { id: await unsettled() }]],
  ['NACK', async () => ['NACK', { id: await unsettled(), requeue: 'false' }]],
  [
    'COMMIT',
    async () => {
      await client.confirmed('SEND', { destination: '/queue/q' }, 'x');
      await client.confirmed('BEGIN', { transaction: 't' });
      await client.confirmed('SEND', { destination: '/queue/q', transaction: 't', persistent: 'true' }, 'x');
      return ['COMMIT', { transaction: 't' }];
    },
  ],
  ['SUBSCRIBE', async () => ['SUBSCRIBE', durable]],
  [
    'UNSUBSCRIBE',
    async () => {
      await client.confirmed('SUBSCRIBE', durable);
      return ['UNSUBSCRIBE', { id: 's', durable: 'true' }];
    },
  ],
])('%s', async (_, prepare) => {
  const [command, headers, body] = await prepare();
  const beside = await harness.open();
  const { stats } = harness;
  const receipts = harness.internals().client!.receipts;
  files.hold = 'sync';
  const before = stats.receiptsOut;
  client.send(command, { ...headers, receipt: 'r' }, body);
  await until(() => receipts.owed === 1, 'the frame to be taken');
  await until(() => files.waiting > 0, 'the disk to be asked');
  // A frame that asks for nothing of the disk is answered meanwhile.
  await beside.confirmed('BEGIN', { transaction: 'b' });
  expect([stats.receiptsOut - before, receipts.owed]).toEqual([1, 1]);
  files.release();
  expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe('r');
});

test('a client whose frames wait for the disk is not taken for silent', async () => {
  const clock = new ManualClock();
  const slow = new MemoryFiles();
  const own = await StompHarness.start({ receiptsPendingMax: 1 }, { dataDirectory: '/other', files: slow, clock });
  try {
    const patient = await own.open('1.2', { 'heart-beat': '1000,0' });
    await patient.confirmed('SEND', { destination: '/queue/q', persistent: 'true' }, 'x');
    slow.hold = 'sync';
    for (const receipt of ['1', '2']) {
      patient.send('SEND', { destination: '/queue/q', persistent: 'true', receipt }, 'x');
    }
    await until(() => own.internals().gate.reasons !== 0, 'the gate to be closed');
    // Its heart-beats lie unread in the socket.
    for (let i = 0; i < 6; i++) clock.advance(1_000);
    expect(own.stats.heartbeatsMissed).toBe(0);
    slow.release();
    for (const id of ['1', '2']) expect(header(await patient.next('RECEIPT'), 'receipt-id')).toBe(id);
    // Once it is read again, silence is silence.
    for (let i = 0; i < 6; i++) clock.advance(1_000);
    expect(header(await patient.error(), 'message')).toBe('Heart-beat missed');
  } finally {
    slow.release();
    await own.stop();
  }
});
