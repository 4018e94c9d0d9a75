/** Who is let in, when, and what a client that is not may do. */
import { afterEach, describe, expect, it } from 'vitest';
import type { AccessRequest, Authenticator, Identity, Refusal } from '../../../../src/api/index.ts';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { RedisHarness } from '../harness.ts';
import { ErrorReply, encode } from '../raw-client.ts';

let harness: RedisHarness;
afterEach(() => harness.stop());

const NOAUTH = new ErrorReply('NOAUTH Authentication required.');

/** Lets `ann` in with `secret`, nobody without a name; `answer` says when. */
class Door implements Authenticator {
  readonly waiting: (() => void)[] = [];
  private readonly late: boolean;

  constructor(late = false) {
    this.late = late;
  }

  authenticate(
    credentials: { user: string | undefined; password: Buffer | undefined },
    done: (result: Identity | Refusal) => void,
  ): void {
    const good = credentials.user === 'ann' && credentials.password?.toString() === 'secret';
    const result = good ? { user: 'ann' } : ({ refused: 'credentials', reason: 'no' } as const);
    if (this.late) this.waiting.push(() => done(result));
    else done(result);
  }

  permits(_: Identity, { action, name: resource }: AccessRequest): boolean {
    return !(action === 'read' && resource === 'secret');
  }
}

describe('who gives no name', () => {
  it('is let in from this machine by the first command that needs it', async () => {
    harness = await RedisHarness.start();
    const raw = await harness.open();
    expect(await raw.call('QUIET')).toMatchObject({ text: expect.stringMatching(/^ERR unknown command/) });
    expect(harness.broker.sessionCount).toBe(1);
    expect(await raw.call('LPUSH', 'q', ...'abcdefghijklmn')).toBe(14);
    expect(harness.broker.sessionCount).toBe(1);
  });

  it('may do nothing but say who it is, or leave, where names are wanted', async () => {
    harness = await RedisHarness.start({}, { authenticator: new Door() });
    const raw = await harness.open();
    for (const word of ['PING', 'INFO', 'NONSENSE']) expect(await raw.call(word)).toEqual(NOAUTH);
    expect(await raw.call('LPUSH', 'q', 'x')).toEqual(NOAUTH);
    expect(await raw.call('SUBSCRIBE', 'q')).toEqual(NOAUTH);
    expect((await raw.call('HELLO', '3')) as ErrorReply).toMatchObject({
      text: expect.stringMatching(/^NOAUTH HELLO/),
    });
    expect(await raw.call('AUTH', 'secret')).toMatchObject({ text: expect.stringMatching(/^WRONGPASS/) });
    expect(await raw.call('AUTH', 'ann', 'secret')).toBe('OK');
    expect(await raw.call('LPUSH', 'q', 'x')).toBe(1);
    expect(await raw.call('RESET')).toBe('RESET');
    expect(await raw.call('LLEN', 'q')).toEqual(NOAUTH);
    expect(harness.broker.sessionCount).toBe(0);
  });

  it('sends short commands only', async () => {
    harness = await RedisHarness.start({}, { authenticator: new Door() });
    const raw = await harness.open();
    raw.send('LPUSH', 'q', ...'abcdefghij');
    expect(await raw.next()).toEqual(new ErrorReply('ERR Protocol error: unauthenticated multibulk length'));
    await raw.closed();
    const other = await harness.open();
    other.send('LPUSH', 'q', 'x'.repeat(20_000));
    expect(await other.next()).toEqual(new ErrorReply('ERR Protocol error: unauthenticated bulk length'));
    await other.closed();
  });

  it('is hung up on after a while', async () => {
    const clock = new ManualClock();
    harness = await RedisHarness.start({ handshakeTimeoutMs: 5_000 }, { clock });
    const raw = await harness.open();
    const other = await harness.open();
    expect(await other.call('INFO')).toContain('redis_version');
    clock.advance(6_000);
    await raw.closed();
    expect(harness.stats.handshakesTimedOut).toBe(1);
    expect(await other.call('PING')).toBe('PONG');
  });
});

describe('an answer that takes its time', () => {
  it('holds up what the client says next, in order', async () => {
    const door = new Door(true);
    harness = await RedisHarness.start({}, { authenticator: door });
    const raw = await harness.open();
    raw.write(Buffer.concat([encode('AUTH', 'ann', 'secret'), encode('LPUSH', 'q', 'x'), encode('LLEN', 'q')]));
    for (let i = 0; i < 200 && door.waiting.length === 0; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(raw.unread).toEqual([]);
    door.waiting.shift()!();
    for (const reply of ['OK', 1, 1]) expect(await raw.next()).toBe(reply);
  });

  it('to who has gone lets nobody in', async () => {
    const door = new Door(true);
    harness = await RedisHarness.start({}, { authenticator: door });
    const raw = await harness.open();
    raw.send('LLEN', 'q');
    for (let i = 0; i < 200 && door.waiting.length === 0; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    raw.cut();
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    door.waiting.shift()!();
    expect(harness.broker.sessionCount).toBe(0);
  });
});

it('what is not permitted is refused, and the connection goes on', async () => {
  harness = await RedisHarness.start({}, { authenticator: new Door() });
  const raw = await harness.open();
  await raw.call('AUTH', 'ann', 'secret');
  expect(await raw.call('LPUSH', 'secret', 'x')).toBe(1);
  expect(await raw.call('RPOP', 'secret')).toMatchObject({
    text: expect.stringMatching(/^NOPERM access to queue 'secret'/),
  });
  expect(await raw.call('BRPOP', 'other', 'secret', '1')).toMatchObject({ text: expect.stringMatching(/^NOPERM/) });
  expect(await raw.call('LLEN', 'other')).toBe(0);
});

it('a vhost is chosen in the user name, and is a world of its own', async () => {
  harness = await RedisHarness.start({}, { vhosts: [{ name: '/' }, { name: 'b' }] });
  const [one, two] = [await harness.open(), await harness.open()];
  expect(await one.call('AUTH', 'guest', 'guest')).toBe('OK');
  expect(await two.call('AUTH', 'b:guest', 'guest')).toBe('OK');
  expect(await one.call('LPUSH', 'q', 'x')).toBe(1);
  expect(await two.call('LLEN', 'q')).toBe(0);
  await two.call('SUBSCRIBE', 'c');
  expect(await one.call('PUBSUB', 'NUMSUB', 'c')).toEqual(['c', 0]);
  expect(await one.call('AUTH', 'nowhere:guest', 'guest')).toMatchObject({ text: expect.stringMatching(/vhost/) });
  expect(await two.call('AUTH', 'guest', 'guest')).toMatchObject({
    text: expect.stringMatching(/only \(P\|S\)SUBSCRIBE/),
  });
});
