/** The log on real files, in a real process that is killed while it writes. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { nodeFiles } from '../../src/log/files/files.ts';
import { TestLog } from './harness.ts';

const OPTIONS = { blockBytes: 16 * 1024, segmentBytes: 256 * 1024, residentBytesMax: 128 * 1024 };

/** Appends records of all sizes, and prints the highest number that is confirmed whenever a flush is done. */
const PROGRAM = `
  const { nodeFiles } = await import('${new URL('../../src/log/files/files.ts', import.meta.url)}');
  const { TestLog } = await import('${new URL('./harness.ts', import.meta.url)}');
  const it = await TestLog.open(nodeFiles, { ...${JSON.stringify(OPTIONS)}, directory: process.argv[1] });
  it.adopt();
  for (;;) {
    let last = 0;
    for (let i = 0; i < 50; i++) last = it.message('message ' + it.sequence.next + ' ' + 'x'.repeat((it.sequence.next * 37) % 2000));
    await it.safe();
    process.stdout.write(last + '\\n');
  }
`;

test('killed in mid-write again and again, a log has everything that was confirmed', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'entrepot-kill-'));
  try {
    let confirmed = 0;
    for (let round = 0; round < 6; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, join(directory, 'a', 'log')], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let said = '';
      await new Promise<void>((resolve) => {
        let lines = 0;
        child.stdout.on('data', (chunk: Buffer) => {
          said += chunk.toString();
          lines += chunk.toString().split('\n').length - 1;
          if (lines >= 20 + round * 7) child.kill('SIGKILL');
        });
        child.on('close', () => resolve());
      });
      confirmed = Math.max(confirmed, ...said.split('\n').slice(0, -1).map(Number));
    }
    const it = await TestLog.open(nodeFiles, { ...OPTIONS, directory: join(directory, 'a', 'log') });
    it.adopt();
    expect(confirmed).toBeGreaterThan(1000);
    const seqs = it.replayed.filter(({ type }) => type === 1).map(({ seq }) => seq);
    expect(seqs.length).toBeGreaterThanOrEqual(confirmed);
    expect(seqs.slice(0, confirmed)).toEqual(Array.from({ length: confirmed }, (_, i) => i + 1));
    const expected = (seq: number) => `message ${seq} ${'x'.repeat((seq * 37) % 2000)}`;
    for (const { type, seq, text } of it.replayed) if (type === 1) expect(text).toBe(expected(seq));
    for (let seq = 1; seq <= confirmed; seq += 101) expect(await it.read(seq)).toBe(expected(seq));
    expect(it.kinds()).not.toContain('rot');
    await it.close();
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
