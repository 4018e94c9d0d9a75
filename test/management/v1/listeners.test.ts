/** Where clients come in, and the certificates that they are shown there. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authority, OPENSSL } from '../../support/certificates.ts';
import { temporaryDirectory } from '../../support/directory.ts';
import { startV1, type V1Broker } from './harness.ts';

const DAY_MS = 86_400_000;

describe.skipIf(OPENSSL === undefined)('listeners with TLS', () => {
  const directory = temporaryDirectory();
  let broker: V1Broker;
  let file: string;

  beforeAll(async () => {
    const authority = new Authority(directory.path, 'an authority');
    const now = Date.now();
    const issue = (name: string, days: number) =>
      authority.issue(name, {
        subject: `/O=Example/CN=${name}`,
        validity: { fromMs: now - 20 * DAY_MS, toMs: now + days * DAY_MS + DAY_MS / 2 },
      });
    const usual = authority.issue('usual', {
      ...{ dns: ['usual.example.org'], subject: '/O=Example/CN=usual', days: 91 },
    });
    const soon = issue('soon', 5);
    const over = issue('over', -2);
    file = usual.certificate;
    const own = ({ certificate, key }: { certificate: string; key: string }) =>
      `certificate=${encodeURIComponent(certificate)}&key=${encodeURIComponent(key)}`;
    broker = await startV1({
      tls: { certificate: usual.certificate, key: usual.key },
      listen: [
        ...['http://127.0.0.1:0', 'amqps://127.0.0.1:0', 'mqtts://127.0.0.1:0'],
        ...[`stomps://127.0.0.1:0?${own(soon)}`, `redis+tls://127.0.0.1:0?${own(over)}`.replace('redis+tls', 'rediss')],
      ],
      users: {
        guest: { password: 'guest', tags: ['administrator'], permissions: {} },
        clerk: { password: 'clerk', tags: ['management'], permissions: {} },
      },
    });
  }, 30_000);
  afterAll(async () => {
    await broker.close();
    directory.remove();
  });

  it('are told of with their certificates, those that expire first in front', async () => {
    const { body } = await broker.ask('/listeners');
    expect(body.listeners).toContainEqual({
      protocols: ['amqps'],
      addresses: [{ address: '127.0.0.1', port: broker.port('amqps') }],
    });
    expect(
      body.certificates.map(({ state, daysLeft }: { state: string; daysLeft: number }) => [state, daysLeft]),
    ).toEqual([
      ['expired', -2],
      ['expires-soon', 5],
      ['good', 90],
    ]);
    const { serialNumber, fingerprint256, validFrom } = new X509Certificate(readFileSync(file));
    expect(body.certificates[2]).toMatchObject({
      ...{ subject: 'CN=usual, O=Example', issuer: expect.stringContaining('an authority') },
      ...{ names: ['DNS:usual.example.org'], path: file, serial: serialNumber, fingerprint: fingerprint256 },
      from: new Date(validFrom).toISOString(),
      listeners: ['amqps://127.0.0.1:0', 'mqtts://127.0.0.1:0'],
    });
    expect(JSON.stringify(body)).not.toMatch(/PRIVATE|BEGIN/);
  });

  it('are for who watches the broker', async () => {
    expect((await broker.ask('/listeners', { login: 'clerk:clerk' })).status).toBe(403);
  });
});
