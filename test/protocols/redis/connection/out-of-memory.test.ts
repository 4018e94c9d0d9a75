/** Memory that is past its mark, as clients of Redis see it: an error for what would bring more, everything else goes on. */
import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { RedisHarness } from '../harness.ts';
import { encode } from '../raw-client.ts';

it('what brings messages is refused at once in the words of Redis, counted, until memory is within its mark again', async () => {
  const harness = await RedisHarness.start();
  try {
    const client = await harness.open();
    const ask = (...words: string[]): Promise<string> => {
      client.write(encode(...words));
      return client.next().then((reply) => inspect(reply));
    };
    expect(await ask('RPUSH', 'list', 'before')).toContain('1');
    harness.broker.setScarce('memory', true);
    const oom = "OOM command not allowed when used memory > 'maxmemory'";
    for (const command of [
      ['RPUSH', 'list', 'x'],
      ['LPUSH', 'list', 'x'],
      ['PUBLISH', 'channel', 'x'],
    ]) {
      expect(await ask(...command)).toContain(oom);
    }
    expect(await ask('LPOP', 'list')).toContain('before');
    expect(harness.stats.refusedOutOfMemory).toBe(3);
    harness.broker.setScarce('memory', false);
    expect(await ask('RPUSH', 'list', 'after')).toContain('1');
  } finally {
    await harness.stop();
  }
});
