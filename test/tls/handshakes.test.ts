/** What a listener demands in TLS handshakes, what it bounds, and how its certificates change while it runs. */
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { connect as dialTcp, type Socket } from 'node:net';
import { join } from 'node:path';
import { type ConnectionOptions, connect as dialTls, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ManualClock } from '../../src/clock/clock.ts';
import { createBroker, type Transport } from '../../src/index.ts';
import type { BrokerOptions } from '../../src/server/options.ts';
import { temporaryDirectory } from '../support/broker.ts';
import { Authority, brokenFile, type Issued, OPENSSL } from '../support/certificates.ts';
import { RecordingProtocol } from '../support/recording.ts';
import { until } from '../support/until.ts';

interface Line {
  readonly level: string;
  readonly text: string;
  readonly [field: string]: unknown;
}

/** A clock that goes through days as quickly as it is told. */
class Calendar extends ManualClock {
  todayMs = 0;

  override epochMs(): number {
    return this.todayMs;
  }
}

describe.skipIf(OPENSSL === undefined)('TLS handshakes', () => {
  const directory = temporaryDirectory();
  let authority: Authority;
  let server: Issued;
  let ca: Buffer;
  const open: { close(): unknown }[] = [];
  const sockets: Socket[] = [];
  const lines: Line[] = [];

  beforeAll(() => {
    authority = new Authority(directory.path, 'authority');
    server = authority.issue('localhost', { dns: ['localhost'] });
    ca = readFileSync(authority.certificate);
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const broker of open.splice(0)) await broker.close();
    lines.length = 0;
  });
  afterAll(() => directory.remove());

  async function start(tls: BrokerOptions['tls'], more: BrokerOptions = {}) {
    const protocol = new RecordingProtocol('lines');
    const clock = new ManualClock();
    const say =
      (level: string) =>
      (fields: object, text: string): void =>
        void lines.push({ level, text, ...fields });
    const logger = { debug: () => {}, info: say('info'), warn: say('warn'), error: say('error') };
    const broker = await createBroker({
      protocols: [protocol],
      listen: 'liness://127.0.0.1:0',
      logger,
      clock,
      tls: { certificate: server.certificate, key: server.key, ...tls },
      ...more,
    });
    open.push(broker);
    const port = broker.listeners[0]!.port;
    /** Undefined: the broker did not take it. */
    const enter = async (options: ConnectionOptions = {}): Promise<Transport | undefined> => {
      const socket = dial(port, options);
      let closed = false;
      socket.on('close', () => {
        closed = true;
      });
      const taken = (): Transport | undefined =>
        protocol.handlers.find(({ transport }) => transport.remote.port === socket.localPort)?.transport;
      await until(() => closed || taken() !== undefined, 'a client taken or not');
      return taken();
    };
    return { broker, port, clock, protocol, enter };
  }

  function dial(port: number, options: ConnectionOptions = {}): TLSSocket {
    const socket = dialTls({ port, host: '127.0.0.1', servername: 'localhost', ca, ...options });
    socket.on('error', () => {});
    sockets.push(socket);
    return socket;
  }

  const pair = ({ certificate, key }: Issued) => ({ cert: readFileSync(certificate), key: readFileSync(key) });
  const mistakes = (): unknown[] => lines.filter((line) => line.level === 'warn').map((line) => line['reason']);

  it('tell the adapter that the stream is encrypted, and who the client is by its certificate', async () => {
    const { enter } = await start({ authority: authority.certificate, clientCertificates: 'asked' });
    const nobody = await enter();
    expect(nobody).toMatchObject({ secure: true, loopback: true, certificate: undefined });
    const client = authority.issue('sensor-1', { subject: '/O=Example/CN=sensor-1', dns: ['s1.example'] });
    const somebody = await enter(pair(client));
    expect(somebody?.certificate).toMatchObject({
      subject: 'CN=sensor-1,O=Example',
      commonNames: ['sensor-1'],
      dnsNames: ['s1.example'],
    });
  });

  it('ask for no certificate unless told so', async () => {
    const { enter } = await start({ authority: authority.certificate });
    expect((await enter(pair(authority.issue('unasked'))))?.certificate).toBeUndefined();
  });

  it.each(['asked', 'demanded'] as const)('where certificates are %s, refuse one that is not good', async (how) => {
    const { enter } = await start({ authority: authority.certificate, clientCertificates: how });
    const good = authority.issue('good', { subject: '/O=Example/CN=good', serial: 7 });
    expect(await enter(pair(good))).toBeDefined();

    // Another authority of the same name, that has signed the same subject under the same serial number.
    const forger = new Authority(temporarySubdirectory('forger'), 'authority');
    const forged = forger.issue('good', { subject: '/O=Example/CN=good', serial: 7 });
    expect(await enter(pair(forged))).toBeUndefined();
    expect(
      await enter(pair({ certificate: good.certificate, key: forged.key })).catch(() => undefined),
    ).toBeUndefined();

    // Who has a certificate is no authority: it cannot sign another's.
    const between = Object.assign(Object.create(Authority.prototype), {
      directory: directory.path,
      certificate: good.certificate,
      key: good.key,
    }) as Authority;
    const leaf = between.issue(`leaf-${how}`);
    const chain = Buffer.concat([readFileSync(leaf.certificate), readFileSync(good.certificate)]);
    expect(await enter({ cert: chain, key: readFileSync(leaf.key) })).toBeUndefined();

    // For servers alone.
    expect(await enter(pair(authority.issue('web', { usage: 'serverAuth' })))).toBeUndefined();

    await until(() => mistakes().length >= 3, 'the operator is told');
    expect(mistakes().filter((reason) => /certificate is not good/.test(String(reason))).length).toBeGreaterThan(2);
  });

  it('accept one whose chain the client shows whole', async () => {
    const { enter } = await start({ authority: authority.certificate, clientCertificates: 'demanded' });
    const middle = new Authority(directory.path, 'middle', authority);
    const leaf = middle.issue('leaf');
    const chain = Buffer.concat([readFileSync(leaf.certificate), readFileSync(middle.certificate)]);
    expect((await enter({ cert: chain, key: readFileSync(leaf.key) }))?.certificate?.commonNames).toEqual(['leaf']);
    expect(await enter(pair(leaf))).toBeUndefined();
  });

  it('where certificates are demanded, let nobody in without one, and say so', async () => {
    const { enter } = await start({ authority: authority.certificate, clientCertificates: 'demanded' });
    expect(await enter()).toBeUndefined();
    await until(() => mistakes().includes('it showed no certificate'), 'the operator is told');
  });

  it('refuse versions below the one that is set', async () => {
    const { enter } = await start({ minimumVersion: '1.3' });
    expect(await enter({ maxVersion: 'TLSv1.2' })).toBeUndefined();
    expect(await enter()).toBeDefined();
    const older = await start({});
    expect(await older.enter({ maxVersion: 'TLSv1.2' })).toBeDefined();
    expect(await older.enter({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1' })).toBeUndefined();
  });

  it('show the certificate whose names fit the one that is asked for, else the first', async () => {
    const other = authority.issue('other', { dns: ['*.other.example'] });
    const { port } = await start({
      certificate: [server.certificate, other.certificate],
      key: [server.key, other.key],
    });
    const shown = async (servername: string): Promise<unknown> => {
      const socket = dial(port, { servername, checkServerIdentity: () => undefined });
      await new Promise((resolve) => socket.once('secureConnect', resolve));
      return socket.getPeerCertificate().subject.CN;
    };
    expect(await shown('a.other.example')).toBe('other');
    expect(await shown('localhost')).toBe('localhost');
    expect(await shown('unknown.example')).toBe('localhost');
  });

  it("are bounded in time, by the broker's clock", async () => {
    const { port, clock, broker } = await start({});
    const socket = dialTcp(port, '127.0.0.1');
    socket.on('error', () => {});
    sockets.push(socket);
    let closed = false;
    socket.on('close', () => {
      closed = true;
    });
    await until(() => broker.connections === 1, 'the socket has a place');
    clock.advance(9_900);
    expect(broker.connections).toBe(1);
    clock.advance(200);
    await until(() => closed && broker.connections === 0, 'given up');
    expect(mistakes()).toEqual(['no TLS handshake in time']);
  });

  it('are bounded in number: the oldest is given up for a new one, which goes on', async () => {
    const { port, broker, enter } = await start({ handshakesMax: 10 });
    const silent = Array.from({ length: 50 }, () => {
      const socket = dialTcp(port, '127.0.0.1');
      socket.on('error', () => {});
      sockets.push(socket);
      return socket;
    });
    let gone = 0;
    for (const socket of silent) socket.on('close', () => gone++);
    await until(() => gone >= 40, 'the oldest are gone');
    expect(await enter()).toBeDefined();
    expect(broker.connections).toBeLessThanOrEqual(11);
  });

  it('that are no TLS are told of, by address and within bounds', async () => {
    const { port } = await start({});
    const socket = dialTcp(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\n\r\n'));
    sockets.push(socket);
    socket.on('error', () => {});
    await until(() => mistakes().length === 1);
    expect(lines.find((line) => line.level === 'warn')).toMatchObject({
      client: `tls 127.0.0.1:${socket.localPort}`,
      reason: 'it did not speak TLS',
    });
  });

  it('go by new files as soon as these have changed, and nobody is dropped', async () => {
    const files = temporarySubdirectory('renewed');
    const [certificate, key] = [join(files, 'now.pem'), join(files, 'now.key')];
    const put = (issued: Issued): void => {
      copyFileSync(issued.certificate, certificate);
      copyFileSync(issued.key, key);
    };
    put(server);
    const { port, clock, protocol, enter, broker } = await start({ certificate, key });
    const serial = async (): Promise<string> => {
      const socket = dial(port);
      await new Promise((resolve) => socket.once('secureConnect', resolve));
      return socket.getPeerCertificate().serialNumber;
    };
    const first = await enter();
    const before = await serial();

    copyFileSync(brokenFile(files), certificate);
    clock.advance(10_000);
    const problem = lines.find((line) => /those in force stay/.test(line.text));
    expect(problem?.['problem']).toBe(`TLS: ${certificate} holds no certificate in PEM`);
    expect(await serial()).toBe(before);

    copyFileSync(server.certificate, certificate);
    copyFileSync(authority.issue('stranger').key, key);
    broker.reloadCertificates();
    expect(lines.at(-1)?.['problem']).toBe(`the TLS key ${key} does not belong to the certificate ${certificate}`);
    expect(await serial()).toBe(before);

    put(authority.issue('renewed', { dns: ['localhost'], serial: 99 }));
    clock.advance(10_000);
    expect(await serial()).toBe('63');
    const handler = protocol.handlers.find((one) => one.transport === first)!;
    expect(handler.closes).toBe(0);
    first!.output.appendAscii('still here');
    expect(lines.some((line) => line.level === 'info' && /read again/.test(line.text))).toBe(true);
  });

  it('resume no session of an authority that is none any more', async () => {
    const files = temporarySubdirectory('authorities');
    const named = join(files, 'authority.pem');
    copyFileSync(authority.certificate, named);
    const { port, enter, broker } = await start({ authority: named, clientCertificates: 'demanded' });
    const client = pair(authority.issue('resumer'));
    const session = await new Promise<Buffer>((resolve) => {
      dial(port, { ...client, maxVersion: 'TLSv1.2' }).once('session', resolve);
    });
    const again = dial(port, { ...client, session, maxVersion: 'TLSv1.2' });
    await new Promise((resolve) => again.once('secureConnect', resolve));
    expect(again.isSessionReused()).toBe(true);
    await until(() => broker.connections === 2);

    copyFileSync(new Authority(files, 'next').certificate, named);
    broker.reloadCertificates();
    expect((await enter({ ...client, session, maxVersion: 'TLSv1.2' })) === undefined).toBe(true);
  });

  it('are warned of 30 and 7 days before a certificate expires, and when it has', async () => {
    const short = authority.issue('short', { dns: ['localhost'], days: 40 });
    const expiresMs = new X509Certificate(readFileSync(short.certificate)).validToDate.getTime();
    const clock = new Calendar();
    clock.todayMs = expiresMs - 35 * 86_400_000;
    await start({ certificate: short.certificate, key: short.key }, { clock });
    const said = (): string[] =>
      lines.filter((line) => /expire/.test(line.text)).map(({ level, text }) => `${level}: ${text}`);
    const toDays = (days: number): void => {
      clock.todayMs = expiresMs - days * 86_400_000;
      clock.advance(10_000);
    };
    toDays(31);
    expect(said()).toEqual([]);
    toDays(29.9);
    toDays(20);
    expect(said()).toEqual(['warn: a TLS certificate expires soon']);
    toDays(6.9);
    expect(said().length).toBe(2);
    toDays(-1);
    expect(said()[2]).toBe('error: a TLS certificate has expired');
    toDays(-2);
    expect(said().length).toBe(3);
  });

  it.each([
    ['no certificate', { certificate: [] }, /TLS needs a certificate: set tls.certificate and tls.key/],
    [
      'a file that is not there',
      { certificate: '/nowhere.pem' },
      /certificate \/nowhere.pem cannot be read: there is no such file/,
    ],
    ['more certificates than keys', { certificate: ['/a', '/b'], key: ['/a'] }, /2 of tls.certificate, 1 of tls.key/],
    [
      'certificates asked for without an authority',
      { clientCertificates: 'asked' as const },
      /asked, and tls.authority says nobody/,
    ],
    ['ciphers that there are not', { ciphers: 'ROT13' }, /tls.ciphers names no cipher there is: ROT13/],
  ])('do not begin with %s', async (_what, tls, problem) => {
    await expect(start(tls)).rejects.toThrow(problem);
  });

  it("begin with a key in its certificate's file, and tell nothing of a key that is wrong", async () => {
    const both = join(directory.path, 'both.pem');
    writeFileSync(both, Buffer.concat([readFileSync(server.certificate), readFileSync(server.key)]));
    expect(await (await start({ certificate: both, key: [] })).enter()).toBeDefined();
    const locked = join(directory.path, 'locked.key');
    execFileSync(OPENSSL!, ['ec', '-in', server.key, '-aes256', '-passout', 'pass:secret', '-out', locked], {
      stdio: 'pipe',
    });
    await expect(start({ key: locked })).rejects.toThrow(`TLS: ${locked} holds no key in PEM, or one with a password`);
  });

  function temporarySubdirectory(name: string): string {
    const path = join(directory.path, `${name}-${sockets.length}-${lines.length}-${open.length}`);
    execFileSync('mkdir', ['-p', path]);
    return path;
  }
});
