/** How much of a checkpoint is written in one go, while clients wait for their turn. */
import { expect, it, onTestFinished } from 'vitest';
import { CreepingClock } from '../../support/creeping-clock.ts';
import { DURABLE, openSession, startCore, vhostOf } from '../harness.ts';

const QUEUES = 400;

it('is in slices that are over after a while, however little they have written', async () => {
  const clock = new CreepingClock();
  const broker = await startCore(null, { clock, log: { checkpointSliceBytes: 1024 * 1024 } });
  onTestFinished(() => broker.close());
  const session = openSession(broker);
  const vhost = vhostOf(session);
  for (let i = 0; i < QUEUES; i++) session.declareQueue(`q${i}`, DURABLE);
  const { checkpoint } = vhost as unknown as { checkpoint: { running: boolean; start(): void } };
  checkpoint.start();
  clock.stepMs = 0.1;
  let turns = 0;
  for (; checkpoint.running && turns < QUEUES; turns++) vhost.turn.end();
  expect(checkpoint.running).toBe(false);
  // Half a millisecond of a clock that goes on by a tenth of one each time it is asked: once in eight steps.
  expect(turns).toBeGreaterThan(QUEUES / 64);
});
