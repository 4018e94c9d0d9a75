/** A client's certificate is its login, in every protocol; who the certificate names is the authenticator's to say. */
import { readFileSync } from 'node:fs';
import amqp from 'amqplib';
import { Redis } from 'ioredis';
import mqtt from 'mqtt';
import stompit from 'stompit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { certificateUser } from '../../src/auth/certificate-user.ts';
import type { Authenticator, BrokerOptions, Credentials } from '../../src/index.ts';
import { startTestBroker, type TestBroker, temporaryDirectory } from '../support/broker.ts';
import { Authority, OPENSSL } from '../support/certificates.ts';

/** Lets in whom a certificate names, and who gives a name with the password `secret`. */
class ByCertificate implements Authenticator {
  readonly asked: Credentials[] = [];

  authenticate(credentials: Credentials, done: Parameters<Authenticator['authenticate']>[1]): void {
    this.asked.push(credentials);
    const { certificate, user, password } = credentials;
    const named = certificate === undefined ? undefined : certificateUser(certificate, 'commonName');
    if (user === undefined && named !== undefined) done({ user: named });
    else if (user !== undefined && password?.toString() === 'secret') done({ user });
    else done({ refused: 'credentials', reason: 'unknown' });
  }

  permits(): boolean {
    return true;
  }
}

describe.skipIf(OPENSSL === undefined)("a client's certificate", () => {
  const directory = temporaryDirectory();
  const users = new ByCertificate();
  let broker: TestBroker;
  let plain: TestBroker;
  let options: BrokerOptions;
  let tls: { ca: Buffer; cert: Buffer; key: Buffer };
  const port = (name: string, of = broker): number => of.port(name);

  beforeAll(async () => {
    const authority = new Authority(directory.path, 'authority');
    const server = authority.issue('localhost', { dns: ['localhost'] });
    const client = authority.issue('sensor-1', { subject: '/O=Example/CN=sensor-1' });
    tls = {
      ca: readFileSync(authority.certificate),
      cert: readFileSync(client.certificate),
      key: readFileSync(client.key),
    };
    options = {
      tls: {
        certificate: server.certificate,
        key: server.key,
        authority: authority.certificate,
        clientCertificates: 'asked' as const,
      },
      listen: ['amqps', 'mqtts', 'stomps', 'rediss', 'wss'].map((name) => `${name}://localhost:0`),
    };
    broker = await startTestBroker({ ...options, authenticator: users });
    plain = await startTestBroker(options);
  });
  afterAll(async () => {
    await broker?.close();
    await plain?.close();
    directory.remove();
  });

  const last = () => {
    const { user, password, certificate, address } = users.asked.at(-1)!;
    return { user, password: password?.toString(), names: certificate?.commonNames, address };
  };
  const byCertificate = { user: undefined, password: undefined, names: ['sensor-1'], address: expect.any(String) };

  it('is a login in AMQP by EXTERNAL, which is offered to who has one', async () => {
    const url = `amqps://localhost:${port('amqps')}`;
    const connection = await amqp.connect(url, { ...tls, credentials: amqp.credentials.external() });
    expect(last()).toEqual(byCertificate);
    await connection.close();
    const nobody = amqp.connect(url, { ca: tls.ca, credentials: amqp.credentials.external() });
    await expect(nobody).rejects.toThrow(/EXTERNAL|PLAIN|closed/);
  });

  it('is not looked at in AMQP where a client says by another mechanism who it is', async () => {
    const connection = await amqp.connect(`amqps://a:secret@localhost:${port('amqps')}`, tls);
    expect(last()).toEqual({ ...byCertificate, user: 'a', password: 'secret', names: undefined });
    await connection.close();
  });

  it('does not let a client in as another whom it names in EXTERNAL', async () => {
    const as = (name: string) =>
      amqp.connect(`amqps://localhost:${port('amqps')}`, {
        ...tls,
        credentials: { mechanism: 'EXTERNAL', response: () => Buffer.from(name) },
      });
    await (await as('sensor-1')).close();
    await expect(as('sensor-2')).rejects.toThrow(/ACCESS.REFUSED/);
  });

  it('is a login in MQTT without a user name, also over WebSocket', async () => {
    for (const url of [`mqtts://localhost:${port('mqtts')}`, `wss://localhost:${port('wss')}/mqtt`]) {
      const client = await mqtt.connectAsync(url, tls);
      expect(last()).toEqual(byCertificate);
      await client.endAsync();
    }
  });

  it('is a login in STOMP without `login`, and in Redis without AUTH', async () => {
    const client = await new Promise<stompit.Client>((resolve, reject) => {
      const options = { host: 'localhost', port: port('stomps'), ssl: true, ...tls };
      stompit.connect(options as never, (error, connected) => (error ? reject(error) : resolve(connected)));
    });
    expect(last()).toEqual(byCertificate);
    await new Promise<void>((resolve) => client.disconnect(() => resolve()));
    const redis = new Redis({ host: 'localhost', port: port('rediss'), tls, lazyConnect: true });
    await redis.connect();
    expect(await redis.lpush('l', 'x')).toBe(1);
    expect(last()).toEqual(byCertificate);
    redis.disconnect();
  });

  it('that names nobody is refused, though a client without one would be let in from here', async () => {
    const url = `mqtts://localhost:${port('mqtts', plain)}`;
    await expect(mqtt.connectAsync(url, { ...tls, reconnectPeriod: 0 }, false)).rejects.toThrow(
      /user ?name|authori[sz]ed/i,
    );
    await (await mqtt.connectAsync(url, { ca: tls.ca })).endAsync();
    const external = { ...tls, credentials: amqp.credentials.external() };
    await expect(amqp.connect(`amqps://localhost:${port('amqps', plain)}`, external)).rejects.toThrow(/ACCESS.REFUSED/);
  });

  it("lets in the broker's own user of that name, whom no password knows", async () => {
    const own = await startTestBroker({
      tls: { ...options.tls, userFrom: 'commonName' },
      listen: ['amqps://localhost:0', 'mqtts://localhost:0'],
      users: { 'sensor-1': { permissions: { '/': { configure: '.*', write: '.*', read: '.*' } } } },
    });
    const external = { ...tls, credentials: amqp.credentials.external() };
    const connection = await amqp.connect(`amqps://localhost:${port('amqps', own)}`, external);
    await connection.close();
    const url = `mqtts://localhost:${port('mqtts', own)}`;
    await (await mqtt.connectAsync(url, tls)).endAsync();
    const empty = { ca: tls.ca, username: 'sensor-1', password: '', reconnectPeriod: 0 };
    await expect(mqtt.connectAsync(url, empty, false)).rejects.toThrow(/user ?name|authori[sz]ed/i);
    await own.close();
  });
});
