/** What a queue of the quorum type counts of a message's deliveries is kept in the record of its death. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MODIFIED, REJECTED, RELEASED } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { decodeAnnotations } from '../../../src/message/deaths/annotations.ts';
import type { MessageView } from '../../../src/message/message.ts';
import { consume, DURABLE, openSession, queueArguments, type Recorder, send, startCore } from '../harness.ts';

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
