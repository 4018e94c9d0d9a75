/** Certificates of clients whose time is over, or has not come: their own, and those that lead to their authority. */
import { readFileSync } from 'node:fs';
import { connect as dialTls } from 'node:tls';
import amqp from 'amqplib';
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestBroker, type TestBroker, temporaryDirectory } from '../support/broker.ts';
import { Authority, type Issued, OPENSSL } from '../support/certificates.ts';
import { until } from '../support/until.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.now();
const GOOD = { fromMs: NOW_MS - DAY_MS, toMs: NOW_MS + DAY_MS };
const OVER = { fromMs: NOW_MS - 3 * DAY_MS, toMs: NOW_MS - DAY_MS };
const TO_COME = { fromMs: NOW_MS + DAY_MS, toMs: NOW_MS + 3 * DAY_MS };

describe.skipIf(OPENSSL === undefined)("a client's certificate", () => {
  const directory = temporaryDirectory();
  /** Of each case: what the client shows. */
  const shown = new Map<string, { cert: string; key: string }>();
  const warnings: string[] = [];
  let ca: string;
  let asking: TestBroker;
  let demanding: TestBroker;

  beforeAll(async () => {
    const root = new Authority(directory.path, 'root');
    ca = readFileSync(root.certificate, 'utf8');
    const server = root.issue('localhost', { dns: ['localhost'] });
    const show = (name: string, { certificate, key }: Issued, chain?: Authority): void => {
      const between = chain === undefined ? '' : readFileSync(chain.certificate, 'utf8');
      shown.set(name, { cert: readFileSync(certificate, 'utf8') + between, key: readFileSync(key, 'utf8') });
    };
    show('good', root.issue('good', { validity: GOOD }));
    show('over', root.issue('over', { validity: OVER }));
    show('to come', root.issue('to-come', { validity: TO_COME }));
    const between = new Authority(directory.path, 'between', root, GOOD);
    show('good, by a good one between', between.issue('device', { validity: GOOD }), between);
    const past = new Authority(directory.path, 'past', root, OVER);
    show('good, by one between whose time is over', past.issue('device-2', { validity: GOOD }), past);
    const logger = {
      ...{ debug() {}, info() {}, error() {} },
      warn: (details: object) => void warnings.push(JSON.stringify(details)),
    };
    const start = (clientCertificates: 'asked' | 'demanded') =>
      startTestBroker({
        tls: { certificate: server.certificate, key: server.key, authority: root.certificate, clientCertificates },
        listen: ['mqtts://localhost:0', 'amqps://localhost:0'],
        logger: logger as never,
      });
    asking = await start('asked');
    demanding = await start('demanded');
  });
  afterAll(async () => {
    await asking?.close();
    await demanding?.close();
    directory.remove();
  });

  const brokers = () => [asking, demanding];

  it.each(['good', 'good, by a good one between'])('that is %s lets its client through', async (name) => {
    for (const broker of brokers()) {
      const socket = dialTls({ port: broker.port('mqtts'), host: 'localhost', ca, ...shown.get(name)! });
      socket.on('error', () => {});
      // It is through once the broker answers what it says.
      socket.write(Buffer.from('100d00044d5154540402000a000161', 'hex'));
      const answer = await new Promise<Buffer | undefined>((resolve) => {
        socket.once('data', resolve);
        socket.once('close', () => resolve(undefined));
      });
      socket.destroy();
      expect(answer?.[0]).toBe(0x20);
    }
  });

  it.each([
    ['over', 'CERT_HAS_EXPIRED'],
    ['to come', 'CERT_NOT_YET_VALID'],
    ['good, by one between whose time is over', 'CERT_HAS_EXPIRED'],
  ])('that is %s ends its connection, asked for or demanded, and the log says why', async (name, code) => {
    for (const broker of brokers()) {
      const tls = { ca, ...shown.get(name)!, reconnectPeriod: 0 };
      warnings.length = 0;
      await expect(mqtt.connectAsync(`mqtts://localhost:${broker.port('mqtts')}`, tls, false)).rejects.toThrow();
      await until(() => warnings.join().includes(`its certificate is not good: ${code}`));
      const url = `amqps://guest:guest@localhost:${broker.port('amqps')}`;
      await expect(amqp.connect(url, tls)).rejects.toThrow();
    }
  });
});
