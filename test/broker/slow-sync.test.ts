/** The operator hears of a disk that takes long, from the broker's log and not only from a histogram. */
import { expect, it } from 'vitest';
import { Broker } from '../../src/broker/broker.ts';
import { ManualClock } from '../../src/clock/clock.ts';
import { SLOW_MS } from '../../src/log/write/flusher.ts';
import type { Logger } from '../../src/logger.ts';
import { MemoryFiles } from '../log/memory-files.ts';
import { until } from '../support/until.ts';
import { DURABLE, openSession, send } from '../vhost/harness.ts';

it('is told once, with how long it took and for which vhost', async () => {
  const files = new MemoryFiles();
  const clock = new ManualClock();
  const said: unknown[] = [];
  const logger: Logger = {
    debug() {},
    info() {},
    warn: (fields, text) => void said.push({ ...fields, text }),
    error() {},
  };
  const broker = await Broker.start({ dataDirectory: '/data', dialects: [], files, clock, logger });
  const events: unknown[] = [];
  broker.events.add((event) => void (event.kind === 'disk-slow' && events.push(event)));
  const session = openSession(broker);
  session.declareQueue('q', DURABLE);
  await until(() => files.pending === 0, 'the queue');
  files.hold = 'write';
  send(session, 'q', 'x');
  await until(() => files.waiting > 0, 'the write');
  clock.advance(SLOW_MS + 234);
  files.release();
  await until(() => said.length > 0, 'a word of it');
  const text = 'the disk is slow: a flush took long';
  expect(said).toEqual([{ vhost: '/', kind: 'slow-flush', ms: SLOW_MS + 234, more: 0, text }]);
  expect(events).toEqual([{ kind: 'disk-slow', vhost: '/', ms: SLOW_MS + 234, more: 0 }]);
  await broker.close();
});
