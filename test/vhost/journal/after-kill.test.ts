/** What a message was to a queue it is again when it is read back from the log: how sure it is, and whose subscription it is of. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { NO_BACKPRESSURE } from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import { ManualClock } from '../../../src/clock/clock.ts';
import type { MessageView } from '../../../src/message/message.ts';
import { withTemporaryDirectory } from '../../support/directory.ts';
import { until } from '../../support/until.ts';
import { DURABLE, openSession, safe, send, startCore } from '../harness.ts';

async function read(session: Session, count: number): Promise<unknown[]> {
  const seen: unknown[] = [];
  const sink = {
    deliver(view: MessageView): void {
      const { effectiveAssurance, subscriptionData, retained } = view;
      const body = view.body.toString('utf8', view.bodyStart, view.bodyEnd);
      seen.push([body, effectiveAssurance, subscriptionData, retained]);
    },
    cancelled(): void {},
  };
  const options = { tag: 'c', settled: false, exclusive: false, prefetch: 0, arguments: [] };
  session.consume('q', options, sink, NO_BACKPRESSURE);
  await until(() => seen.length === count, 'the messages');
  return seen;
}

it('after a kill', () =>
  withTemporaryDirectory(async (directory) => {
    const clock = new ManualClock();
    const broker = await startCore(join(directory, 'data'), { clock });
    const session = openSession(broker);
    session.declareQueue('q', DURABLE);
    const bind = (key: string, assurance: 1 | 2, data: number, keepRetain: boolean): unknown =>
      session.bindQueue('q', 'amq.topic', key, { spelling: 0, arguments: [], assurance, data, keepRetain });
    bind('a', 2, 7, false);
    bind('b', 1, 9, true);
    send(session, 'a', 'one', { exchange: 'amq.topic', assurance: 1 });
    send(session, 'a', 'two', { exchange: 'amq.topic', assurance: 2, retain: true });
    send(session, 'b', 'three', { exchange: 'amq.topic', assurance: 2, retain: true });
    await safe(session);
    // What a kill would leave behind.
    cpSync(join(directory, 'data', 'vhosts'), join(directory, 'copy', 'vhosts'), { recursive: true });
    const expected = [
      ['one', 1, 7, false],
      ['two', 2, 7, false],
      ['three', 1, 9, true],
    ];
    expect(await read(session, 3)).toEqual(expected);
    await broker.close();
    const again = await startCore(join(directory, 'copy'), { clock });
    expect(await read(openSession(again), 3)).toEqual(expected);
    await again.close();
  }));
