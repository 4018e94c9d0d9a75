/** From the protocol header to connection.open-ok, and every way in which that is refused. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { amqp } from '../../../../protocols/amqp/index.ts';
import { ManualClock } from '../../../../src/clock/clock.ts';
import { startTestBroker, type TestBroker } from '../../../support/broker.ts';
import {
  CHANNEL_OPEN,
  closeOf,
  frame,
  GREETING,
  header,
  long,
  method,
  methodOf,
  NO_TABLE,
  OPEN,
  START_OK,
  short,
  TUNE_OK,
  u8,
  u16,
  u32,
  Wire,
} from '../wire.ts';

const table = (...fields: [string, Buffer][]): Buffer =>
  long(Buffer.concat(fields.flatMap(([name, value]) => [short(name), value])));
const CAPABLE = table([
  'capabilities',
  Buffer.concat([u8(0x46), table(['authentication_failure_close', Buffer.from('t\x01', 'latin1')])]),
]);
const startOk = (mechanism: string, response: string | Buffer, properties = CAPABLE): Buffer =>
  method(0, 10, 11, properties, short(mechanism), long(response), short('en_US'));

let broker: TestBroker;
let port: number;
beforeAll(async () => {
  broker = await startTestBroker({ listen: ['amqp://127.0.0.1:0'] });
  port = broker.ports.amqp;
});
afterAll(() => broker.close());

async function refusal(...bytes: Buffer[]): Promise<string> {
  const wire = await Wire.connect(port);
  wire.send(...bytes);
  const text = closeOf(await wire.until('10.50'));
  wire.send(method(0, 10, 51));
  await wire.closed();
  return text;
}

describe('the protocol header', () => {
  test('of 0-9 is taken for 0-9-1, as RabbitMQ does', async () => {
    const wire = await Wire.connect(port);
    wire.send(Buffer.from('AMQP\x01\x01\0\x09', 'latin1'));
    expect(methodOf(await wire.next())).toBe('10.10');
    wire.destroy();
  });

  test.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['AMQP 0-8', Buffer.from('AMQP\x01\x01\x08\0', 'latin1')],
    ['a wrong last byte', Buffer.from('AMQP\0\0\x09\0', 'latin1')],
  ])('%s is answered with the one that is spoken here, and closed', async (_name, bytes) => {
    const wire = await Wire.connect(port);
    wire.send(bytes);
    expect(await wire.rest()).toEqual(GREETING);
  });

  test('is understood in any pieces, with what follows in the same packet', async () => {
    for (let cut = 1; cut <= 12; cut++) {
      const wire = await Wire.connect(port);
      const bytes = Buffer.concat([GREETING, START_OK, TUNE_OK, OPEN, CHANNEL_OPEN]);
      wire.send(bytes.subarray(0, cut));
      wire.send(bytes.subarray(cut));
      await wire.until('20.11');
      wire.destroy();
    }
  });

  test('is told from other protocols by its first bytes', () => {
    const { detect } = amqp();
    expect(detect(GREETING)).toBe(true);
    expect(detect(Buffer.from('AMQP'))).toBe(true);
    expect(detect(Buffer.from('AM'))).toBeUndefined();
    expect(detect(Buffer.from('AX'))).toBe(false);
    expect(detect(Buffer.from('CONNECT'))).toBe(false);
  });
});

describe('logging in', () => {
  test('connection.start names the mechanisms and what this broker can do', async () => {
    const wire = await Wire.connect(port);
    wire.send(GREETING);
    const start = (await wire.next()).payload;
    expect([start[4], start[5]]).toEqual([0, 9]);
    const text = start.toString('latin1');
    for (const name of [
      'publisher_confirms',
      'basic.nack',
      'consumer_cancel_notify',
      'per_consumer_qos',
      'direct_reply_to',
    ]) {
      expect(text).toContain(`${name}t\x01`);
    }
    expect(text).toContain('PLAIN AMQPLAIN ANONYMOUS');
    wire.destroy();
  });

  test('PLAIN and AMQPLAIN let guest in', async () => {
    (await Wire.open(port)).destroy();
    const amqplain = Buffer.concat([
      short('LOGIN'),
      u8(0x53),
      long('guest'),
      short('PASSWORD'),
      u8(0x53),
      long('guest'),
    ]);
    (await Wire.open(port, startOk('AMQPLAIN', amqplain))).destroy();
  });

  test('ANONYMOUS lets anybody in whom the authenticator lets in, as nobody', async () => {
    const wire = await Wire.open(port, startOk('ANONYMOUS', 'trace'));
    const claim = Buffer.concat([u16(0x0010), short('guest')]);
    wire.send(method(1, 60, 40, u16(0), short(''), short('q'), u8(0)), header(1, 0, claim));
    expect(closeOf(await wire.until('20.40'))).toBe(
      "406 PRECONDITION_FAILED - user_id property set to 'guest' but authenticated user was 'anonymous'",
    );
    wire.destroy();
  });

  test.each([
    ['a wrong password', 'PLAIN', '\0guest\0wrong'],
    ['an unknown user', 'PLAIN', '\0nobody\0guest'],
    ['no NUL', 'PLAIN', 'guest'],
    ['half an AMQPLAIN table', 'AMQPLAIN', Buffer.from([5, 0x4c])],
  ])('%s: 403, for clients that understand it', async (_name, mechanism, response) => {
    expect(await refusal(GREETING, startOk(mechanism, response))).toBe(
      `403 ACCESS_REFUSED - Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`,
    );
  });

  test('a wrong password: the socket is closed without a word, for clients that do not', async () => {
    const wire = await Wire.connect(port);
    wire.send(GREETING, startOk('PLAIN', '\0guest\0wrong', NO_TABLE));
    await wire.closed();
    expect(wire.frames.map(methodOf)).toEqual(['10.10']);
  });

  test('an unknown mechanism: 503', async () => {
    expect(await refusal(GREETING, startOk('EXTERNAL', ''))).toBe(
      "503 COMMAND_INVALID - unknown authentication mechanism 'EXTERNAL'",
    );
  });

  test('an unknown vhost: 530', async () => {
    const open = method(0, 10, 40, short('nowhere'), short(''), u8(0));
    expect(await refusal(GREETING, START_OK, TUNE_OK, open)).toBe('530 NOT_ALLOWED - vhost nowhere not found');
  });

  test('the vhost that a URI has named by mistake: 530, with how the URI is written', async () => {
    const asked = (vhost: string): Promise<string> =>
      refusal(GREETING, START_OK, TUNE_OK, method(0, 10, 40, short(vhost), short(''), u8(0)));
    expect(await asked('')).toMatch(/^530 NOT_ALLOWED - vhost {2}not found .*%2F/);
    expect(await asked('%2F')).toMatch(/^530 NOT_ALLOWED - vhost %2F not found .*once/);
  });
});

describe('tuning', () => {
  const tuneOk = (channels: number, frameSize: number): Buffer =>
    method(0, 10, 31, u16(channels), u32(frameSize), u16(0));

  test.each([
    ['too many channels', tuneOk(2048, 131072), 'channel_max = 2048 is higher than the maximum allowed value (2047)'],
    ['any number', tuneOk(0, 131072), 'channel_max = 0 (no limit) is higher than the maximum allowed value (2047)'],
    ['too large frames', tuneOk(1, 131073), 'frame_max = 131073 is higher than the maximum allowed value (131072)'],
    ['too small frames', tuneOk(1, 4095), 'frame_max = 4095 is lower than the minimum allowed value (4096)'],
  ])('%s: 530', async (_name, bytes, text) => {
    expect(await refusal(GREETING, START_OK, bytes)).toBe(`530 NOT_ALLOWED - negotiated ${text}`);
  });

  test('a frame larger than agreed ends the connection with 501', async () => {
    const wire = await Wire.open(port, START_OK, tuneOk(1, 4096));
    wire.send(frame(8, 0, Buffer.alloc(4089)));
    expect(closeOf(await wire.until('10.50'))).toMatch(/^501 FRAME_ERROR - /);
    await wire.closed();
  });

  test('before the login only small frames are taken', async () => {
    const wire = await Wire.connect(port);
    wire.send(GREETING, Buffer.from([1, 0, 0, 0, 1, 0, 0]));
    expect(closeOf(await wire.until('10.50'))).toMatch(/^501 FRAME_ERROR - /);
    await wire.closed();
  });
});

describe('out of turn', () => {
  test.each([
    ['a channel before the login', [CHANNEL_OPEN], '505 UNEXPECTED_FRAME - type 1, all octets = <<0,20,0,10,0>>'],
    ['open before the login', [OPEN], '504 CHANNEL_ERROR - unexpected method in connection state starting'],
    ['tune-ok before start-ok', [TUNE_OK], '504 CHANNEL_ERROR - unexpected method in connection state starting'],
    ['open before tune-ok', [START_OK, OPEN], '504 CHANNEL_ERROR - unexpected method in connection state tuning'],
    ['a body frame before the login', [frame(3, 1, u8(1))], '505 UNEXPECTED_FRAME - type 3, all octets = <<1>>'],
    ['half a start-ok', [method(0, 10, 11, NO_TABLE)], '501 FRAME_ERROR - cannot decode <<0,10,0,11,0,0,0,0>>'],
  ])('%s', async (_name, bytes, expected) => {
    expect(await refusal(GREETING, ...bytes)).toBe(expected);
  });

  test('connection.close is answered at any time', async () => {
    const wire = await Wire.connect(port);
    wire.send(GREETING, method(0, 10, 50, u16(200), short('bye'), u16(0), u16(0)));
    await wire.until('10.51');
    await wire.closed();
  });
});

describe('time', () => {
  test('who does not finish the handshake is closed, who has is not', async () => {
    const clock = new ManualClock();
    const timed = await startTestBroker({
      listen: ['amqp://127.0.0.1:0'],
      clock,
      connections: { handshakeTimeout: 10_000 },
    });
    try {
      const silent = await Wire.connect(timed.ports.amqp);
      const half = await Wire.connect(timed.ports.amqp);
      half.send(GREETING, START_OK);
      await half.until('10.30');
      const done = await Wire.open(timed.ports.amqp);
      // `silent` has been accepted before `half`.
      clock.advance(11_000);
      await silent.closed();
      await half.closed();
      done.send(method(1, 60, 10, u32(0), u16(1), u8(0)));
      await done.until('60.11');
      done.destroy();
    } finally {
      await timed.close();
    }
  });

  test('heartbeats go both ways; a client that falls silent for two intervals is dropped', async () => {
    const clock = new ManualClock();
    const timed = await startTestBroker({ listen: ['amqp://127.0.0.1:0'], clock });
    try {
      const wire = await Wire.open(timed.ports.amqp, START_OK, method(0, 10, 31, u16(10), u32(4096), u16(4)));
      for (let i = 0; i < 6; i++) {
        // One every half interval, whatever was said just before.
        clock.advance(2_000);
        await wire.heartbeat();
        clock.advance(2_000);
        await wire.heartbeat();
        expect(wire.frames).toEqual([]);
        wire.send(frame(8, 0), method(1, 60, 10, u32(0), u16(1), u8(0)));
        await wire.until('60.11');
      }
      clock.advance(2_000);
      await wire.heartbeat();
      for (let i = 0; i < 3; i++) {
        expect(wire.ended).toBe(false);
        clock.advance(2_000);
        await wire.heartbeat();
      }
      clock.advance(2_000);
      await wire.closed();
    } finally {
      await timed.close();
    }
  });
});
