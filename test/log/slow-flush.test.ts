/** A disk that takes long is told of, once in a while with how often it happened. */
import { expect, it } from 'vitest';
import { SLOW_MS, TELL_SLOW_MS } from '../../src/log/write/flusher.ts';
import { until } from '../support/until.ts';
import { TestLog } from './harness.ts';
import { MemoryFiles } from './memory-files.ts';

it('a flush that takes long is told of, others meanwhile are counted, quick ones are not', async () => {
  const files = new MemoryFiles();
  const log = await TestLog.open(files);
  const flush = async (ms: number): Promise<void> => {
    files.hold = 'write';
    log.message('one');
    log.turn.end();
    log.clock.advance(ms);
    files.release();
    await until(() => files.pending === 0, 'the flush');
  };
  await flush(SLOW_MS - 1);
  expect(told()).toEqual([]);
  await flush(SLOW_MS);
  await flush(SLOW_MS + 5);
  await flush(SLOW_MS + 6);
  expect(told()).toEqual([{ kind: 'slow-flush', ms: SLOW_MS, more: 0 }]);
  log.clock.advance(TELL_SLOW_MS);
  await flush(SLOW_MS + 7);
  expect(told().at(-1)).toEqual({ kind: 'slow-flush', ms: SLOW_MS + 7, more: 2 });

  function told(): unknown[] {
    return log.events.filter(({ kind }) => kind === 'slow-flush');
  }
});
