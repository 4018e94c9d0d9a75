/** The handshake, and how connections close: versions, logins, what is negotiated. Mostly frames by hand. */
import { expect } from 'vitest';
import { within } from '../../support/inbox.ts';
import { HANDSHAKE_TIMEOUT_MS } from '../brokers.ts';
import { PATIENCE_MS } from '../clients/arrivals.ts';
import { bits, field, GREETING, long, METHODS, method, Reader, short, table, u8, u16, u32 } from '../clients/frames.ts';
import { CAPABILITIES, clientProperties, plain, type RawConnection } from '../clients/raw.ts';
import { type Run, rawScenario, scenario, topic, word } from '../scenario.ts';

const gone = (promise: Promise<void>, what = 'the broker closes the socket'): Promise<void> =>
  within(promise, PATIENCE_MS, () => `${what}: it did not`);

const startOk = (mechanism: string, response: Buffer, capabilities: readonly string[] = CAPABILITIES): Buffer =>
  method(0, 'connection.start-ok', clientProperties(capabilities), short(mechanism), response, short('en_US'));

const tuneOk = (channelMax: number, frameMax: number, heartbeatS = 0): Buffer =>
  method(0, 'connection.tune-ok', u16(channelMax), u32(frameMax), u16(heartbeatS));

const open = (vhost = '/'): Buffer => method(0, 'connection.open', short(vhost), short(''), bits(false));

/** The names in a field table, and nothing else of it. */
function namesIn(bytes: Buffer): string[] {
  const fields = new Reader(bytes);
  const names: string[] = [];
  for (let left = bytes.length; left > 0; left = fields.rest().length) {
    names.push(fields.short());
    const type = String.fromCharCode(fields.u8());
    if (type === 'S' || type === 'F') fields.long();
    else if (type === 't') fields.u8();
    else throw new Error(`a field of type ${type} in the server's properties`);
  }
  return names;
}

/** Logs in by hand up to tune, answers it like this, and expects this close. */
async function tuned(t: Run, answer: Buffer, replyText: string): Promise<void> {
  const raw = await t.raw({ greetOnly: true });
  raw.send(startOk('PLAIN', plain('guest', 'guest')));
  await raw.expect('connection.tune');
  raw.send(answer);
  await explained(t, raw, `530 ${replyText}`);
}

/** A fault before the connection is open: closed with this, where the broker says anything. */
async function explained(t: Run, raw: RawConnection, expected: string): Promise<void> {
  if (!t.differs('silent-handshake')) expect(word(await raw.connectionClose())).toBe(expected);
  await gone(raw.ended);
}

export const handshake = topic('handshake', [
  ...(
    [
      ['AMQP 0-8', Buffer.from('AMQP\x01\x01\x08\x00', 'latin1')],
      ['AMQP 0-10', Buffer.from('AMQP\x01\x01\x00\x0a', 'latin1')],
      ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n', 'latin1')],
      ['zeros', Buffer.alloc(8)],
    ] as const
  ).map(([what, greeting]) =>
    rawScenario(
      `a greeting of ${what} is answered with AMQP 0 0 9 1, and the socket is closed`,
      '§4.2.2 protocol header',
      async (t) => {
        const raw = await t.raw({ silent: true });
        raw.send(greeting);
        if (what === 'AMQP 0-8' && t.differs('older-versions')) {
          await raw.expect('connection.start');
          return;
        }
        await gone(raw.ended);
        expect(raw.unframed).toEqual(GREETING);
      },
    ),
  ),
  rawScenario('a greeting of AMQP 0-9 is taken for 0-9-1', 'protocol (0-9 clients)', async (t) => {
    const raw = await t.raw({ silent: true });
    raw.send(Buffer.from('AMQP\x01\x01\x00\x09', 'latin1'));
    await raw.expect('connection.start');
  }),
  rawScenario('a greeting in eight pieces', '§4.2.2', async (t) => {
    const raw = await t.raw({ silent: true });
    for (const octet of GREETING) {
      raw.send(Buffer.from([octet]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await raw.expect('connection.start');
  }),
  rawScenario(
    'start offers version 0-9, PLAIN and AMQPLAIN, en_US, and says what the server can',
    '§1.4.2.1 start',
    async (t) => {
      const raw = await t.raw({ silent: true });
      raw.send(GREETING);
      const start = await raw.expect('connection.start');
      expect([start.u8(), start.u8()]).toEqual([0, 9]);
      const properties = start.long();
      expect(namesIn(properties)).toEqual(
        expect.arrayContaining(['capabilities', 'cluster_name', 'information', 'platform', 'product', 'version']),
      );
      const all = properties.toString('latin1');
      for (const capability of [
        'publisher_confirms',
        'exchange_exchange_bindings',
        'basic.nack',
        'consumer_cancel_notify',
        'connection.blocked',
        'consumer_priorities',
        'authentication_failure_close',
        'per_consumer_qos',
        'direct_reply_to',
      ]) {
        expect(all, capability).toContain(`${capability}t\x01`);
      }
      const mechanisms = start.long().toString('utf8').split(' ');
      expect(mechanisms).toEqual(expect.arrayContaining(['PLAIN', 'AMQPLAIN']));
      expect(start.long().toString('utf8')).toBe('en_US');
    },
  ),
  rawScenario('tune offers 2047 channels, frames of 128 KiB, a heartbeat of 60 s', '§1.4.2.5 tune', async (t) => {
    const raw = await t.raw({ greetOnly: true });
    raw.send(startOk('PLAIN', plain('guest', 'guest')));
    const tune = await raw.expect('connection.tune');
    expect([tune.u16(), tune.u32(), tune.u16()]).toEqual([2_047, 131_072, 60]);
  }),
  rawScenario('AMQPLAIN', 'access-control#mechanisms', async (t) => {
    const raw = await t.raw({ greetOnly: true });
    const response = Buffer.concat([field('LOGIN', 'S', long('guest')), field('PASSWORD', 'S', long('guest'))]);
    raw.send(startOk('AMQPLAIN', long(response)));
    await raw.expect('connection.tune');
    raw.send(tuneOk(2_047, 131_072), open());
    await raw.expect('connection.open-ok');
  }),
  rawScenario('a wrong password, for a client that says it understands', 'auth-notification', async (t) => {
    const raw = await t.raw({ greetOnly: true });
    raw.send(startOk('PLAIN', plain('guest', 'wrong')));
    expect(word(await raw.connectionClose())).toBe(
      '403 ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.',
    );
    await gone(raw.ended);
  }),
  rawScenario(
    'a wrong password, for one that does not: the socket is closed',
    'auth-notification; §4.8.1',
    async (t) => {
      const raw = await t.raw({ greetOnly: true });
      raw.send(startOk('PLAIN', plain('guest', 'wrong'), []));
      await gone(raw.ended);
      expect(raw.frames.all.length).toBe(1);
    },
  ),
  scenario('a wrong password, by a client library', 'auth-notification', async (t) => {
    await t.refused(
      t.client({ user: 'guest', password: 'wrong' }),
      403,
      'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.',
    );
  }),
  scenario('an unknown user, by a client library', 'auth-notification', async (t) => {
    await t.refused(
      t.client({ user: 'nobody', password: 'x' }),
      403,
      'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.',
    );
  }),
  rawScenario('a mechanism that was not offered', '§1.4.2.2.2 mechanism', async (t) => {
    const raw = await t.raw({ greetOnly: true });
    raw.send(startOk('KERBEROS', long('x')));
    await explained(t, raw, "503 COMMAND_INVALID - unknown authentication mechanism 'KERBEROS'");
  }),
  rawScenario('a PLAIN response that is none', '§1.4.2.2.3 response', async (t) => {
    const raw = await t.raw({ greetOnly: true });
    raw.send(startOk('PLAIN', long('nonsense')));
    await explained(
      t,
      raw,
      '403 ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.',
    );
  }),
  rawScenario('a vhost that is not there', '§1.4.2.7.1 virtual-host', async (t) => {
    const raw = await t.raw({ greetOnly: true });
    raw.send(startOk('PLAIN', plain('guest', 'guest')));
    await raw.expect('connection.tune');
    raw.send(tuneOk(2_047, 131_072), open('nowhere'));
    expect(word(await raw.connectionClose())).toBe('530 NOT_ALLOWED - vhost nowhere not found');
  }),
  rawScenario('fewer bytes a frame than the minimum', '§1.4.2.6.2 frame-max', (t) =>
    tuned(
      t,
      tuneOk(2_047, 1_000),
      'NOT_ALLOWED - negotiated frame_max = 1000 is lower than the minimum allowed value (4096)',
    ),
  ),
  rawScenario('more bytes a frame than were offered', '§1.4.2.6.2 frame-max', (t) =>
    tuned(
      t,
      tuneOk(2_047, 200_000),
      'NOT_ALLOWED - negotiated frame_max = 200000 is higher than the maximum allowed value (131072)',
    ),
  ),
  rawScenario('no limit of frames where there is one', '§1.4.2.6.2 frame-max', (t) =>
    tuned(
      t,
      tuneOk(2_047, 0),
      'NOT_ALLOWED - negotiated frame_max = 0 (no limit) is higher than the maximum allowed value (131072)',
    ),
  ),
  rawScenario('more channels than were offered', '§1.4.2.6.1 channel-max', (t) =>
    tuned(
      t,
      tuneOk(4_000, 131_072),
      'NOT_ALLOWED - negotiated channel_max = 4000 is higher than the maximum allowed value (2047)',
    ),
  ),
  rawScenario('no limit of channels where there is one', '§1.4.2.6.1 channel-max', (t) =>
    tuned(
      t,
      tuneOk(0, 131_072),
      'NOT_ALLOWED - negotiated channel_max = 0 (no limit) is higher than the maximum allowed value (2047)',
    ),
  ),
  rawScenario('one channel more than was agreed', '§1.4.2.6.1 channel-max', async (t) => {
    const raw = await t.raw({ channelMax: 4 });
    for (const channel of [1, 2, 3, 4]) await raw.openChannel(channel);
    raw.send(method(5, 'channel.open', short('')));
    expect(word(await raw.connectionClose())).toBe(
      '530 NOT_ALLOWED - number of channels opened (4) has reached the negotiated channel_max (4)',
    );
  }),
  rawScenario('as many channels as were agreed', '§1.4.2.6.1 channel-max', async (t) => {
    const raw = await t.raw({ channelMax: 3 });
    for (const channel of [1, 2, 3]) await raw.openChannel(channel);
    raw.send(method(2, 'channel.close', u16(200), short(''), u16(0), u16(0)));
    await raw.expect('channel.close-ok', 2);
    await raw.openChannel(2);
  }),
  rawScenario('a method out of turn', '§2.2.4', async (t) => {
    const raw = await t.raw({ greetOnly: true });
    raw.send(open());
    await explained(t, raw, '504 CHANNEL_ERROR - unexpected method in connection state starting');
  }),
  rawScenario('a channel before the connection is open', '§2.2.4', async (t) => {
    const raw = await t.raw({ greetOnly: true });
    raw.send(method(1, 'channel.open', short('')));
    await explained(t, raw, '505 UNEXPECTED_FRAME - type 1, all octets = <<0,20,0,10,0>>');
  }),
  rawScenario('a client that does not finish its handshake in time', 'networking (handshake_timeout)', async (t) => {
    const raw = await t.raw({ greetOnly: true });
    const before = performance.now();
    await gone(raw.ended);
    expect(performance.now() - before).toBeLessThan(HANDSHAKE_TIMEOUT_MS * 4);
  }),
  rawScenario('a client that does not even greet', 'networking (handshake_timeout)', async (t) => {
    const raw = await t.raw({ silent: true });
    await gone(raw.ended);
  }),
  rawScenario('close is answered', '§1.4.2.10 close', async (t) => {
    const raw = await t.raw();
    raw.send(method(0, 'connection.close', u16(200), short('bye'), u16(0), u16(0)));
    await raw.expect('connection.close-ok');
  }),
  rawScenario('close with channels open, with work on them', '§1.4.2.10 close', async (t) => {
    const q = t.name();
    const raw = await t.rawChannel();
    raw.send(
      method(1, 'queue.declare', u16(0), short(q), bits(false, false, false, false, true), table()),
      method(0, 'connection.close', u16(200), short('bye'), u16(0), u16(0)),
    );
    for (;;) {
      const next = await raw.method();
      if (next.name === 'connection.close-ok') break;
    }
    await (await t.channel()).declareQueue(q, { passive: true });
  }),
  rawScenario('after its own close the broker hears nothing but the answer', '§1.4.2.10, §1.4.2.11', async (t) => {
    const raw = await t.rawChannel();
    const q = t.name();
    raw.send(
      method(1, 'exchange.declare', u16(0), short(t.name('x')), short('nonsense'), bits(), table()),
      method(1, 'queue.declare', u16(0), short(q), bits(), table()),
    );
    const [next] = await raw.frames.next(1);
    expect(next!.payload.readUInt32BE(0)).toBe(METHODS['connection.close']);
    raw.send(method(0, 'connection.close-ok'));
    await gone(raw.ended);
    expect(raw.frames.all.at(-1)).toBe(next);
    const ch = await t.channel();
    await t.refused(ch.declareQueue(q, { passive: true }), 404, `NOT_FOUND - no queue '${q}' in vhost '/'`);
  }),
  rawScenario('update-secret is answered', 'oauth2 (connection.update-secret)', async (t) => {
    const raw = await t.raw();
    raw.send(method(0, 'connection.update-secret', long('guest'), short('refresh')));
    await raw.expect('connection.update-secret-ok');
    await raw.openChannel(1);
  }),
  rawScenario('client properties may be large and nested', '§1.4.2.2.1 client-properties', async (t) => {
    const raw = await t.raw({ greetOnly: true });
    const deep = table(field('a', 'F', table(field('b', 'F', table(field('c', 'S', long('x'.repeat(2_000))))))));
    raw.send(
      method(
        0,
        'connection.start-ok',
        table(
          field('deep', 'F', deep),
          field('product', 'S', long('test')),
          field('n', 'I', u32(7)),
          field('on', 't', u8(1)),
        ),
        short('PLAIN'),
        plain('guest', 'guest'),
        short('en_US'),
      ),
    );
    await raw.expect('connection.tune');
  }),
]);
