/** What a queue of the quorum type counts of a message's deliveries is kept in the record of its death. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MODIFIED, REJECTED, RELEASED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import { decodeAnnotations } from '../../../src/message/deaths/annotations.ts';
import type { MessageView } from '../../../src/message/message.ts';
import { withTemporaryDirectory } from '../../support/directory.ts';
import { consume, DURABLE, openSession, queueArguments, type Recorder, safe, send, startCore } from '../harness.ts';

let broker: Broker;
let session: Session;

beforeEach(async () => {
  broker = await startCore(null);
  session = openSession(broker);
  session.declareQueue('dead', DURABLE);
});
afterEach(() => broker.close());

function declare(queue: string, type: string): Recorder {
  const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead', 'x-queue-type': type };
  session.declareQueue(queue, { ...DURABLE, arguments: queueArguments(args) });
  return consume(session, queue);
}
/** The acquired counts in the record of the one dead letter. */
function acquired(): (number | undefined)[] {
  let found: (number | undefined)[] = [];
  const deliver = (view: MessageView): void => {
    found = decodeAnnotations(view.notes, view.notesStart, view.notesEnd)!.deaths.map((death) => death.acquired);
  };
  session.get('dead', true, { deliver, cancelled() {} }, () => {});
  return found;
}

it('each return and each failure counts, and so does the delivery that it died of', () => {
  const reader = declare('q', 'quorum');
  send(session, 'q', 'x', { persistent: true });
  broker.turn.end();
  for (const outcome of [RELEASED, RELEASED, MODIFIED, REJECTED] as const) {
    reader.consumer.settle(reader.seen.at(-1)!.slot, outcome);
    broker.turn.end();
  }
  expect(acquired()).toEqual([4]);
});

it('a queue of another type counts nothing', () => {
  const reader = declare('q', 'classic');
  send(session, 'q', 'x', { persistent: true });
  broker.turn.end();
  reader.consumer.settle(reader.seen.at(-1)!.slot, REJECTED);
  broker.turn.end();
  expect(acquired()).toEqual([undefined]);
});

it('is the same for one that waited for room while the broker was killed', () =>
  withTemporaryDirectory(async (directory) => {
    const clock = new ManualClock();
    const start = async (name: string): Promise<void> => {
      await broker.close();
      broker = await startCore(join(directory, name), { clock });
      session = openSession(broker);
    };
    await start('data');
    const one = queueArguments({ 'x-max-length': 1, 'x-overflow': 'reject-publish' });
    session.declareQueue('dead', { ...DURABLE, arguments: one });
    send(session, 'dead', 'in the way', { persistent: true });
    const reader = declare('q', 'quorum');
    send(session, 'q', 'x', { persistent: true });
    broker.turn.end();
    for (const outcome of [RELEASED, MODIFIED, REJECTED] as const) {
      reader.consumer.settle(reader.seen.at(-1)!.slot, outcome);
      broker.turn.end();
    }
    await safe(session);
    cpSync(join(directory, 'data', 'vhosts'), join(directory, 'copy', 'vhosts'), { recursive: true });
    await start('copy');
    session.purgeQueue('dead', () => {});
    clock.advance(1_100);
    broker.turn.end();
    expect(acquired()).toEqual([3]);
    await broker.close();
  }));
