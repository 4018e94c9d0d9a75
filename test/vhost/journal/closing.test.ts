/** A stop on a full disk: what is under way cannot be finished, and must not go on. */
import { expect, it, onTestFinished } from 'vitest';
import { FaultCounts, SimulatedDisk } from '../../simulation/world/disk.ts';
import { Random } from '../../simulation/world/random.ts';
import { until } from '../../support/until.ts';
import { DURABLE, openSession, send, startCore, vhostOf } from '../harness.ts';

const QUEUES = 3000;
const LOG = {
  blockBytes: 4096,
  segmentBytes: 16_384,
  residentBytesMax: 65_536,
  checkpointBytes: 16_384,
  // Less than a block a turn: the checkpoint lasts until the disk is full, and until after the end.
  checkpointSliceBytes: 1024,
};

it('leaves a checkpoint that is under way as it is, and the next start finds everything', async () => {
  let disk = new SimulatedDisk(new Random(1), new FaultCounts());
  disk.inOrder = true;
  let answering = true;
  const answer = (): void => {
    disk.step();
    if (answering) setImmediate(answer);
  };
  answer();
  onTestFinished(() => {
    answering = false;
  });
  const broker = await startCore(null, { files: disk, log: LOG });
  const session = openSession(broker);
  const vhost = vhostOf(session);
  const checkpointing = (): boolean => (vhost as unknown as { checkpoint: { running: boolean } }).checkpoint.running;
  for (let i = 0; i < QUEUES; i++) session.declareQueue(`q${i}`, DURABLE);
  await until(() => vhost.log.unsyncedBytes === 0 && !checkpointing(), 'rest');
  let confirmed = 0;
  const publish = (): void => {
    session.whenSafe(send(session, 'q0', 'x'.repeat(300)).mark, (failed) => {
      if (!failed) confirmed++;
    });
  };
  await until(() => {
    if (!checkpointing()) publish();
    return checkpointing();
  }, 'a checkpoint');
  disk.capacityBytes = disk.bytesUsed;
  await until(() => {
    if (!vhost.log.full) publish();
    return vhost.log.full;
  }, 'a full disk');
  expect(checkpointing()).toBe(true);
  const closing = broker.close();
  // Slices come with the turns, of which there may be any number before the last flush is written.
  expect(() => {
    for (let i = 0; i < 20; i++) vhost.turn.end();
  }).not.toThrow();
  await closing;

  disk = disk.crash(false);
  disk.capacityBytes = Number.POSITIVE_INFINITY;
  const again = await startCore(null, { files: disk, log: LOG });
  const there = openSession(again);
  expect(confirmed).toBeGreaterThan(0);
  expect(there.checkQueue('q0').messages).toBeGreaterThanOrEqual(confirmed);
  for (let i = 0; i < QUEUES; i++) expect(there.queueExists(`q${i}`), `q${i}`).toBe(true);
  await again.close();
});
