/** When messages that came one after the other may be read far apart, so that the log keeps its batches short. */
import { expect, it } from 'vitest';
import type { Session } from '../../../src/api/session.ts';
import { DURABLE, openSession, queueArguments, send, startCore, vhostOf } from '../harness.ts';

const readsAlone = (session: Session): boolean =>
  (vhostOf(session) as unknown as { readonly readsAlone: boolean }).readsAlone;

it('from eight queues on, and where something is retained', async () => {
  const broker = await startCore(null);
  const session = openSession(broker);
  expect(readsAlone(session)).toBe(false);
  for (let i = 0; i < 7; i++) session.declareQueue(`q${i}`, DURABLE);
  expect(readsAlone(session)).toBe(false);
  session.declareQueue('q7', DURABLE);
  expect(readsAlone(session)).toBe(true);
  session.deleteQueue('q7', false, false);
  expect(readsAlone(session)).toBe(false);
  send(session, 'topic', 'kept', { exchange: 'amq.topic', retain: true });
  expect(readsAlone(session)).toBe(true);
  await broker.close();
});

it('where a queue has levels', async () => {
  const broker = await startCore(null);
  const session = openSession(broker);
  session.declareQueue('q', { ...DURABLE, arguments: queueArguments({ 'x-max-priority': 5 }) });
  expect(readsAlone(session)).toBe(true);
  await broker.close();
});
