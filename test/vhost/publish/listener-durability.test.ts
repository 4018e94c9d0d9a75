/** A listener that promises less than its vhost: what it means for a confirm that a flush is written and not yet synced. */
import { expect, it } from 'vitest';
import type { FileSystem, LogFile } from '../../../src/log/files/files.ts';
import { MemoryFiles } from '../../../src/log/files/memory-files.ts';
import { until } from '../../support/until.ts';
import { DURABLE, openSession, send, startCore } from '../harness.ts';

/** A disk on which syncs of the log take until they are let go. */
class SlowSync {
  readonly held: (() => void)[] = [];
  holding = false;

  files(): FileSystem {
    const files = new MemoryFiles();
    const { open } = files;
    files.open = async (path, how) => this.slow(await open.call(files, path, how), path);
    return files;
  }

  private slow(file: LogFile, path: string): LogFile {
    const { sync } = file;
    if (!path.endsWith('.log') && !path.includes('spare')) return file;
    file.sync = (done) => {
      if (this.holding) this.held.push(() => sync.call(file, done));
      else sync.call(file, done);
    };
    return file;
  }
}

it('confirms after the write, while others wait for the sync', async () => {
  const disk = new SlowSync();
  const broker = await startCore(null, { files: disk.files() });
  const careful = openSession(broker);
  const hasty = openSession(broker, { uncongested() {}, kicked() {}, transport: { confirmsAtWrite: true } });
  careful.declareQueue('q', DURABLE);
  const told: string[] = [];
  const ring = (session: typeof careful, name: string) =>
    session.confirms({
      confirm: (id, refused) => told.push(`${name} ${id}${refused ? ' refused' : ''}`),
      confirmEnd() {},
    });
  const carefulRing = ring(careful, 'careful');
  const hastyRing = ring(hasty, 'hasty');
  await new Promise<void>((resolve) => careful.whenSafe(careful.mark(), () => resolve()));

  disk.holding = true;
  carefulRing.push(1, send(careful, 'q', 'a').mark);
  hastyRing.push(1, send(hasty, 'q', 'b').mark);
  await until(() => disk.held.length > 0 && told.length > 0);
  expect(told).toEqual(['hasty 1']);
  disk.holding = false;
  for (const letGo of disk.held) letGo();
  await until(() => told.length === 2);
  expect(told).toEqual(['hasty 1', 'careful 1']);
  await broker.close();
});
