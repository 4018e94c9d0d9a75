/** What becomes of elements: of connections that end in the middle, of full lists, of a stop and a start. */
import { afterEach, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../../support/directory.ts';
import { RedisHarness } from '../harness.ts';
import { ErrorReply, encode } from '../raw-client.ts';

let harness: RedisHarness;
afterEach(() => harness.stop());

describe('an element', () => {
  it('that is still going out when its connection is lost goes back to its place', async () => {
    harness = await RedisHarness.start({ commandSizeMax: 64 * 1024 * 1024 });
    const [raw, other] = [await harness.open(), await harness.open()];
    await other.call('LPUSH', 'q', 'x'.repeat(8_000_000), 'second');
    raw.socket.pause();
    raw.send('RPOP', 'q');
    for (let i = 0; i < 200 && (await other.call('LLEN', 'q')) !== 1; i++);
    raw.cut();
    for (let i = 0; i < 200 && (await other.call('LLEN', 'q')) !== 2; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(((await other.call('RPOP', 'q')) as string).length).toBe(8_000_000);
    expect(await other.call('RPOP', 'q')).toBe('second');
  });

  it('whose waiting client has gone is for the next', async () => {
    harness = await RedisHarness.start();
    const [raw, other] = [await harness.open(), await harness.open()];
    raw.send('BRPOP', 'q', '0');
    await other.call('PING');
    raw.cut();
    for (let i = 0; i < 200 && harness.broker.sessionCount > 0; i++) await new Promise((r) => setTimeout(r, 5));
    expect(await other.call('LPUSH', 'q', 'x')).toBe(1);
    expect(await other.call('BRPOP', 'q', '1')).toEqual(['q', 'x']);
  });

  it('that is longer than a piece is not moved, and stays', async () => {
    harness = await RedisHarness.start();
    const raw = await harness.open();
    const long = 'x'.repeat(200_000);
    await raw.call('LPUSH', 'q', long);
    expect(await raw.call('LMOVE', 'q', 'r', 'RIGHT', 'LEFT')).toMatchObject({
      text: expect.stringMatching(/^ERR LMOVE/),
    });
    expect(await raw.call('RPOP', 'q')).toBe(long);
  });

  it('that a full list refuses is not kept, and one that cannot be moved stays', async () => {
    harness = await RedisHarness.start();
    const session = await harness.session();
    const full = [
      { name: 'x-max-length', value: { type: 'int32', value: 1 } as const },
      { name: 'x-overflow', value: 'reject-publish' },
    ];
    session.declareQueue('full', { durable: true, exclusive: false, autoDelete: false, arguments: full });
    const raw = await harness.open();
    expect(await raw.call('LPUSH', 'full', 'a')).toBe(1);
    expect(await raw.call('LPUSH', 'full', 'b')).toEqual(
      new ErrorReply('ERR the list is full, as much waits as may, or the log has failed: it is not kept'),
    );
    await raw.call('LPUSH', 'q', 'c');
    expect(await raw.call('LMOVE', 'q', 'full', 'RIGHT', 'LEFT')).toMatchObject({
      text: expect.stringMatching(/does not take it/),
    });
    expect(await raw.call('RPOP', 'q')).toBe('c');
    expect(await raw.call('LLEN', 'full')).toBe(1);
  });
});

it('a wait for a list that somebody deletes ends in words', async () => {
  harness = await RedisHarness.start();
  const raw = await harness.open();
  raw.write(Buffer.concat([encode('BRPOP', 'p', 'q', '0'), encode('PING')]));
  const session = await harness.session();
  for (let i = 0; i < 200 && !session.queueExists('q'); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  session.deleteQueue('q', false, false);
  expect(await raw.next()).toEqual(new ErrorReply("UNBLOCKED list 'q' was deleted"));
  expect(await raw.next()).toBe('PONG');
  expect(await raw.call('LPUSH', 'p', 'x')).toBe(1);
  expect(await raw.call('LLEN', 'p')).toBe(1);
});

it('so many lists can be waited for', async () => {
  harness = await RedisHarness.start({ blockingListsMax: 2 });
  const raw = await harness.open();
  expect(await raw.call('BRPOP', 'a', 'b', '0.01')).toBe(null);
  expect(await raw.call('BRPOP', 'a', 'b', 'c', '1')).toEqual(
    new ErrorReply('ERR more than 2 lists cannot be waited for'),
  );
});

it('what a waiting client sends meanwhile is kept, and only so much of it read', async () => {
  harness = await RedisHarness.start();
  const [raw, other] = [await harness.open(), await harness.open()];
  raw.send('BRPOP', 'q', '0');
  for (let i = 0; i < 5_000; i++) raw.send('ECHO', `${i} ${'x'.repeat(200)}`);
  for (let i = 0; i < 20; i++) await other.call('PING');
  expect(harness.handlers[0]!.heldBytes).toBeLessThan(1024 * 1024);
  await other.call('LPUSH', 'q', 'x');
  expect(await raw.next()).toEqual(['q', 'x']);
  for (let i = 0; i < 5_000; i++) expect(await raw.next()).toMatch(new RegExp(`^${i} `));
});

it('elements and the direction of a list outlive the broker', async () => {
  const directory = await temporaryDirectory();
  const start = { dataDirectory: directory.path };
  harness = await RedisHarness.start({}, start);
  const raw = await harness.open();
  await raw.call('RPUSH', 'q', 'a', 'b');
  expect(await raw.call('LPOP', 'q')).toBe('a');
  await harness.stop();
  harness = await RedisHarness.start({}, start);
  const again = await harness.open();
  expect(await again.call('RPOP', 'q')).toMatchObject({ text: expect.stringMatching(/filled with RPUSH/) });
  expect(await again.call('LPOP', 'q')).toBe('b');
  await harness.stop();
  harness = await RedisHarness.start();
  await directory.remove();
});
