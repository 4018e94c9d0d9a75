/** How connections end that their clients do not end. */
import { afterEach, expect, it } from 'vitest';
import { RedisHarness } from '../harness.ts';
import { ErrorReply, encode, type RawClient } from '../raw-client.ts';

let harness: RedisHarness;
afterEach(() => harness.stop());

async function waiting(): Promise<RawClient> {
  const raw = await harness.open();
  await raw.call('PING');
  const session = await harness.session();
  raw.send('BRPOP', 'q', '0');
  for (let i = 0; i < 200 && !session.queueExists('q'); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  session.close(true);
  return raw;
}

it('when the broker stops, who waits for a reply gets one, and who does not hears nothing', async () => {
  harness = await RedisHarness.start();
  const raw = await waiting();
  const idle = await harness.open();
  await idle.call('PING');
  for (const handler of harness.handlers) handler.shutdown('the broker is stopping');
  expect(await raw.next()).toEqual(new ErrorReply('UNBLOCKED the broker is stopping'));
  await raw.closed();
  await idle.closed();
  expect(idle.unread).toEqual([]);
  expect(harness.broker.sessionCount).toBe(0);
});

it('who holds too much of what is unfinished is told, and let go', async () => {
  harness = await RedisHarness.start();
  const raw = await harness.open();
  await raw.call('PING');
  raw.write(encode('LPUSH', 'q', 'x'.repeat(100_000)).subarray(0, 60_000));
  const [handler] = harness.handlers;
  for (let i = 0; i < 200 && handler!.heldBytes! < 60_000; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(handler!.heldBytes).toBeLessThan(130_000);
  handler!.exceeded!('too much is unfinished');
  expect(await raw.next()).toEqual(new ErrorReply('ERR too much is unfinished'));
  await raw.closed();
});

it('a client that does not read its replies is not read from', async () => {
  harness = await RedisHarness.start();
  const raw = await harness.open();
  raw.socket.pause();
  const echo = encode('ECHO', 'x'.repeat(50_000));
  for (let i = 0; i < 1_000; i++) raw.write(echo);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(harness.stats.commands).toBeLessThan(1_000);
  raw.socket.resume();
  for (let i = 0; i < 1_000; i++) expect(await raw.next()).toHaveLength(50_000);
});
