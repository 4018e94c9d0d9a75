/** A disk that is full is an alarm, whatever its mark says: who asks for alarms is not told that all is well while publishers wait. */
import { expect, it } from 'vitest';
import { Broker } from '../../src/broker/broker.ts';
import { type Around, surroundingsOf } from '../../src/server/surroundings.ts';
import { MemoryFiles } from '../log/memory-files.ts';
import { until } from '../support/until.ts';
import { DURABLE, openSession, send } from '../vhost/harness.ts';

it('is told from when publishers wait until they go on', { timeout: 20_000 }, async () => {
  const files = new MemoryFiles();
  const broker = await Broker.start({ dataDirectory: '/data', dialects: [], files });
  const watermarks = { statistics: { memoryScarce: false, diskScarce: false } };
  const { machine } = surroundingsOf({ broker, watermarks, clients: {} } as unknown as Around);
  expect(machine().alarms).toEqual([]);
  const told: unknown[] = [];
  broker.events.add((event) => void (event.kind.startsWith('alarm') && told.push(event)));
  let full = true;
  files.fail = (call) => (full && call === 'write' ? Object.assign(new Error('full'), { code: 'ENOSPC' }) : undefined);
  const session = openSession(broker);
  session.declareQueue('q', DURABLE);
  send(session, 'q', 'x');
  await until(() => broker.diskFull, 'a full disk');
  expect(machine().alarms).toEqual(['disk']);
  expect(told).toEqual([{ kind: 'alarm-raised', resource: 'disk-full' }]);
  full = false;
  await until(() => !broker.diskFull, 'room', 10_000);
  expect(machine().alarms).toEqual([]);
  expect(told.slice(1)).toEqual([{ kind: 'alarm-cleared', resource: 'disk-full' }]);
  await broker.close();
});
