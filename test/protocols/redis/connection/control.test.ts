/** What clients ask of a connection before they use it, and what they are told of commands. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { RedisHarness } from '../harness.ts';

let harness: RedisHarness;
beforeEach(async () => {
  harness = await RedisHarness.start();
});
afterEach(() => harness.stop());

it('a name of a connection is given in one word, neither none nor two', async () => {
  const raw = await harness.open();
  for (const words of [[], ['a', 'b']]) {
    expect(await raw.call('CLIENT', 'SETNAME', ...words)).toMatchObject({ text: expect.stringMatching(/^ERR /) });
  }
  expect(await raw.call('CLIENT', 'GETNAME')).toBe(null);
});

it('COMMAND tells six things of each command, and the next reply is its own', async () => {
  const raw = await harness.open();
  const all = (await raw.call('COMMAND')) as unknown[][];
  expect(all.length).toBe(await raw.call('COMMAND', 'COUNT'));
  for (const one of all) expect(one).toEqual([expect.any(String), expect.any(Number), [], 0, 0, 0]);
  expect(await raw.call('ECHO', 'x')).toBe('x');
});
