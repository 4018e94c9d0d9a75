/** A copy of a running broker's logs, and who reads it too slowly. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Backup, LOOK_MS, READ_BYTES_MIN } from '../../src/broker/backup.ts';
import { Broker } from '../../src/broker/broker.ts';
import { ManualClock } from '../../src/clock/clock.ts';
import { MemoryFiles } from '../../src/log/files/memory-files.ts';
import { DURABLE, openSession, safe, send } from '../vhost/harness.ts';

let clock: ManualClock;
let broker: Broker;
let backup: Backup;
beforeEach(async () => {
  clock = new ManualClock();
  broker = await Broker.start({ dataDirectory: 'memory', dialects: [], clock, files: new MemoryFiles() });
  const session = openSession(broker);
  session.declareQueue('q', DURABLE);
  for (let i = 0; i < 40; i++) {
    for (let n = 0; n < 8; n++) send(session, 'q', Buffer.alloc(100_000, i));
    await safe(session);
  }
  backup = await broker.backup();
});
afterEach(async () => {
  backup.close();
  await broker.close();
});

/** All pieces of all files. */
async function* pieces(): AsyncGenerator<Buffer> {
  for (const at of backup.files.keys()) yield* backup.read(at);
}

it('of which less is read in a minute than it must be is over, so that another may begin and nothing is held back', async () => {
  const reading = pieces();
  await reading.next();
  clock.advance(LOOK_MS);
  await expect(reading.next()).rejects.toThrow('it was read too slowly to keep all this back for it');
  (await broker.backup()).close();
});

it('that is read as fast as it must be goes on', async () => {
  let read = 0;
  let sinceLook = 0;
  let looks = 0;
  for await (const piece of pieces()) {
    read += piece.length;
    sinceLook += piece.length;
    if (sinceLook < READ_BYTES_MIN) continue;
    sinceLook = 0;
    looks++;
    clock.advance(LOOK_MS);
  }
  expect(looks).toBeGreaterThan(0);
  expect(read).toBe(backup.files.reduce((sum, { bytes }) => sum + bytes, 0));
});
