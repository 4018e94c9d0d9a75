import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stomp } from '../../../../protocols/stomp/index.ts';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { until } from '../../../support/until.ts';
import { StompHarness } from '../harness.ts';
import { header, RawClient } from '../raw-client.ts';

let harness: StompHarness;
let clock: ManualClock;
beforeEach(async () => {
  clock = new ManualClock();
  harness = await StompHarness.start({ hostNames: ['broker.example'], server: 'test/1' }, { clock });
});
afterEach(() => harness.stop());

describe('CONNECT', () => {
  test.each([
    [undefined, '1.0'],
    ['1.0', '1.0'],
    ['1.0,1.1', '1.1'],
    ['1.2,1.1,1.0', '1.2'],
    ['1.1,2.0', '1.1'],
  ])('with accept-version %j is answered with %s', async (accept, version) => {
    const client = await RawClient.dial(harness.port);
    client.send('CONNECT', accept === undefined ? {} : { 'accept-version': accept, host: '/' });
    const frame = await client.next('CONNECTED');
    expect(frame.lines.map(([name]) => name)).toEqual(['version', 'session', 'server', 'heart-beat']);
    expect([header(frame, 'version'), header(frame, 'server'), header(frame, 'heart-beat')]).toEqual([
      version,
      'test/1',
      '0,0',
    ]);
  });

  test('STOMP means the same', async () => {
    const client = await RawClient.dial(harness.port);
    client.send('STOMP', { 'accept-version': '1.1', host: '/' });
    await client.next('CONNECTED');
  });

  test('in a version that is not spoken is refused with those that are', async () => {
    const client = await RawClient.dial(harness.port);
    const error = await client.refused('CONNECT', { 'accept-version': '2.0,1.3', host: '/' });
    expect(header(error, 'version')).toBe('1.0,1.1,1.2');
    expect(header(error, 'content-type')).toBe('text/plain;charset=utf-8');
    expect(error.body.toString()).toContain('1.0,1.1,1.2');
  });

  test.each(['/', '', 'localhost', 'LOCALHOST', '127.0.0.1', '127.1.2.3', '::1', 'broker.example', 'Broker.Example'])(
    'to the host %j is to the default vhost',
    async (host) => {
      await harness.open('1.2', { host });
    },
  );

  test('to a host that is no vhost is refused', async () => {
    const client = await RawClient.dial(harness.port);
    const error = await client.refused('CONNECT', { 'accept-version': '1.2', host: 'elsewhere' });
    expect(error.body.toString()).toBe("vhost 'elsewhere' not found\n");
  });

  test('with a wrong passcode is refused, and not told why', async () => {
    const client = await RawClient.dial(harness.port);
    const error = await client.refused('CONNECT', { 'accept-version': '1.2', login: 'guest', passcode: 'x' });
    expect([header(error, 'message'), error.body.toString()]).toEqual(['Bad CONNECT', 'Access refused.\n']);
  });

  test('with login and passcode, with a space after the colon in 1.0', async () => {
    const client = await RawClient.dial(harness.port);
    client.write('CONNECT\nlogin: guest\npasscode: guest\n\n\0');
    await client.next('CONNECTED');
  });

  test('a second time is an error', async () => {
    const client = await harness.open();
    const error = await client.refused('CONNECT', { 'accept-version': '1.2', host: '/' });
    expect(header(error, 'message')).toBe('Already connected');
  });

  test('must come first', async () => {
    const client = await RawClient.dial(harness.port);
    const error = await client.refused('SEND', { destination: '/queue/q', receipt: 'r:1' }, 'x');
    expect([header(error, 'message'), header(error, 'receipt-id')]).toEqual(['Illegal command', 'r:1']);
  });

  test('must come before a large body does', async () => {
    const client = await RawClient.dial(harness.port);
    client.write('SEND\ndestination:/queue/q\ncontent-length:10000000\n\nxxx');
    expect(header(await client.error(), 'message')).toBe('Illegal command');
  });

  test('may be followed by frames before it is answered', async () => {
    const client = await RawClient.dial(harness.port);
    client.write(
      'CONNECT\naccept-version:1.2\nhost:/\n\n\0\nSUBSCRIBE\nid:a\\cb\ndestination:/queue/q\n\n\0SEND\ndestination:/queue/q\n\nhi\0DISCONNECT\nreceipt:x\n\n\0',
    );
    await client.next('CONNECTED');
    const next = await client.next();
    if (next.command === 'MESSAGE') await client.next('RECEIPT');
    await client.untilEnded();
  });

  test('that does not come in time ends the connection', async () => {
    const client = await RawClient.dial(harness.port);
    client.write('CONN');
    await until(() => harness.handlers.length === 1);
    clock.advance(9_000);
    expect(client.ended).toBe(false);
    clock.advance(2_000);
    expect(header(await client.error(), 'message')).toBe('Handshake timeout');
    expect(harness.stats.handshakesTimedOut).toBe(1);
  });

  test('in time is not held to the handshake time afterwards', async () => {
    const client = await harness.open();
    clock.advance(60_000);
    await client.confirmed('SEND', { destination: '/queue/q' }, 'x');
  });

  test('gives each connection a session name of its own', async () => {
    const names = new Set<string | undefined>();
    for (let i = 0; i < 3; i++) {
      const client = await RawClient.dial(harness.port);
      client.send('CONNECT');
      names.add(header(await client.next('CONNECTED'), 'session'));
    }
    expect(names.size).toBe(3);
  });
});

describe('heart-beats', () => {
  const connect = async (beat: string): Promise<[RawClient, string | undefined]> => {
    const client = await RawClient.dial(harness.port);
    client.send('CONNECT', { 'accept-version': '1.2', host: '/', 'heart-beat': beat });
    return [client, header(await client.next('CONNECTED'), 'heart-beat')];
  };

  test.each([
    ['0,0', '0,0'],
    ['1000,2000', '2000,1000'],
    [' 1000 , 0 ', '0,1000'],
    ['1,5', '100,100'],
  ])('%s are answered with %s', async (asked, answered) => {
    expect((await connect(asked))[1]).toBe(answered);
  });

  test.each(['1', 'a,b', '1,2,3', '-1,0', ''])('%j is refused', async (beat) => {
    const client = await RawClient.dial(harness.port);
    expect(header(await client.refused('CONNECT', { 'heart-beat': beat }), 'message')).toBe('Invalid header');
  });

  test('go out in every silence of the agreed length', async () => {
    const [client] = await connect('0,1000');
    for (let beats = 1; beats <= 5; beats++) {
      clock.advance(1_000);
      await until(() => client.heartbeats >= beats, 'a heart-beat');
    }
  });

  test('end a connection from which nothing comes for two periods', async () => {
    const [client] = await connect('1000,0');
    clock.advance(1_900);
    expect(client.ended).toBe(false);
    clock.advance(300);
    expect(header(await client.error(), 'message')).toBe('Heart-beat missed');
    expect(harness.stats.heartbeatsMissed).toBe(1);
  });

  test('are kept up by single line ends', async () => {
    const [client] = await connect('1000,0');
    const { timers } = harness.internals(-1);
    for (let second = 0; second < 10; second++) {
      client.write('\n');
      await until(() => timers.received, 'the line end to come');
      clock.advance(1_000);
    }
    await client.confirmed('SEND', { destination: '/queue/q' }, 'x');
  });
});

describe('the end', () => {
  test('of the broker is told to every client', async () => {
    const client = await harness.open();
    harness.handlers[0]!.shutdown('the broker is stopping');
    const error = await client.error();
    expect([header(error, 'message'), error.body.toString()]).toEqual(['Shutting down', 'the broker is stopping\n']);
  });

  test('by DISCONNECT is answered, and what follows it is not looked at', async () => {
    const client = await harness.open();
    client.write('DISCONNECT\nreceipt:77\n\n\0NONSENSE\n\n\0');
    expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe('77');
    await client.untilEnded();
    expect(client.frames).toEqual([]);
  });

  test('by DISCONNECT without a receipt comes too', async () => {
    const client = await harness.open();
    client.send('DISCONNECT');
    await client.untilEnded();
    await until(() => harness.broker.sessionCount === 0, 'the session to end');
  });

  test('of a client that vanishes ends its session', async () => {
    const client = await harness.open();
    client.cut();
    await until(() => harness.broker.sessionCount === 0, 'the session to end');
  });
});

describe('the first bytes', () => {
  const { detect } = stomp();
  test.each<[string, boolean | undefined]>([
    ['', undefined],
    ['\n\r\n', undefined],
    ['C', undefined],
    ['\nCONNECT', undefined],
    ['CONNECT\n', true],
    ['CONNECT\r\n', true],
    ['\n\nSTOMP\naccept', true],
    ['CONNECTED\n', false],
    ['SEND\n', false],
    ['AMQP\0\0\x09\x01', false],
    ['\x10\x0c\0\x04MQTT', false],
    ['GET / HTTP/1.1', false],
    ['\n'.repeat(16), false],
  ])('%j: %s', (first, expected) => {
    expect(detect(Buffer.from(first, 'latin1'))).toBe(expected);
  });
});
