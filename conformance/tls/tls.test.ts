/**
 * Client certificates on this broker and, when the peers are asked for (`npm run conformance`), on RabbitMQ with its
 * rabbitmq_auth_mechanism_ssl and on Mosquitto: the same clients come over TLS, and the same become of them.
 */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Authority, type Issued, OPENSSL } from '../../test/support/certificates.ts';
import { temporaryDirectory } from '../../test/support/directory.ts';
import { installed } from '../peers/index.ts';
import { askAmqp, askMqtt, type TlsAnswer } from './ask.ts';
import {
  MINIMUM_VERSIONS,
  type MinimumVersion,
  type ServerFiles,
  startHere,
  startMosquittoWithTls,
  startThere,
  type TlsBroker,
} from './brokers.ts';
import { DIFFERENCES, type DifferenceId } from './differences.ts';

type Kind = 'this broker' | 'RabbitMQ' | 'Mosquitto';

interface Client {
  readonly certificate?: () => Issued;
  readonly newest?: 'TLSv1.2' | 'TLSv1.3';
  readonly answer: (minimum: MinimumVersion) => TlsAnswer;
  /** Where a broker does otherwise. */
  readonly but?: Partial<Record<Kind, TlsAnswer>>;
  readonly because?: DifferenceId;
}

const directory = temporaryDirectory();
let authority: Authority;
let server: ServerFiles;
const issued = new Map<string, Issued>();

const CLIENTS: Readonly<Record<string, Client>> = {
  'without a certificate': { answer: () => 'refused in TLS' },
  'with the certificate of a user': { certificate: () => issued.get('known')!, answer: () => 'let in' },
  'with that and TLS 1.2 at most': {
    certificate: () => issued.get('known')!,
    newest: 'TLSv1.2',
    answer: (minimum) => (minimum === '1.2' ? 'let in' : 'refused in TLS'),
  },
  'with the certificate of somebody unknown': {
    certificate: () => issued.get('unknown')!,
    answer: () => 'refused',
    but: { Mosquitto: 'let in' },
    because: 'unlisted-user',
  },
  'with a certificate of another authority, of the same name and serial': {
    certificate: () => issued.get('other')!,
    answer: () => 'refused in TLS',
  },
  'with one that another has signed in the name of that authority': {
    certificate: () => issued.get('impostor')!,
    answer: () => 'refused in TLS',
  },
  'with one that has signed itself': { certificate: () => issued.get('self')!, answer: () => 'refused in TLS' },
  'with one that is for servers alone': {
    certificate: () => issued.get('server-only')!,
    answer: () => 'refused in TLS',
  },
};

const all = process.env['CONFORMANCE_PEERS'] === 'all';
const BROKERS: readonly [Kind, typeof startHere, boolean][] = [
  ['this broker', startHere, true],
  ['RabbitMQ', startThere, all && installed('rabbitmq') !== undefined],
  ['Mosquitto', startMosquittoWithTls, all && installed('mosquitto') !== undefined],
];

beforeAll(() => {
  if (OPENSSL === undefined) return;
  authority = new Authority(directory.path, 'authority');
  server = { ...authority.issue('server', { dns: ['localhost'] }), authority: authority.certificate };
  issued.set('known', authority.issue('a', { subject: '/CN=known', serial: 7 }));
  issued.set('unknown', authority.issue('b', { subject: '/CN=unknown' }));
  const known = { subject: '/CN=known', serial: 7 };
  issued.set('other', new Authority(directory.path, 'another').issue('c', known));
  const twin = temporaryDirectory();
  issued.set('impostor', new Authority(twin.path, 'authority').issue('d', known));
  twins.push(twin);
  const self = new Authority(directory.path, 'known');
  issued.set('self', { certificate: self.certificate, key: self.certificate.replace(/pem$/, 'key') });
  issued.set('server-only', authority.issue('e', { subject: '/CN=known', usage: 'serverAuth' }));
});
const twins: ReturnType<typeof temporaryDirectory>[] = [];

afterAll(() => {
  for (const { remove } of [directory, ...twins]) remove();
});

for (const [kind, start, there] of BROKERS) {
  describe.skipIf(!there || OPENSSL === undefined).each(MINIMUM_VERSIONS)(
    `${kind} with TLS %s at least, and a certificate demanded`,
    (minimum) => {
      let broker: TlsBroker;

      beforeAll(async () => {
        broker = await start(server, minimum);
      }, 120_000);

      afterAll(() => broker?.stop(), 60_000);

      it.each(Object.keys(CLIENTS))('meets a client %s', async (name) => {
        const { certificate, newest, answer, but } = CLIENTS[name]!;
        const shown = certificate?.();
        const options: ConnectionOptions = {
          host: '127.0.0.1',
          servername: 'localhost',
          ca: readFileSync(authority.certificate),
          ...(shown !== undefined && { cert: readFileSync(shown.certificate), key: readFileSync(shown.key) }),
          ...(newest !== undefined && { maxVersion: newest }),
        };
        const { amqps, mqtts } = broker.ports;
        const wanted = but?.[kind] ?? answer(minimum);
        if (amqps !== undefined) expect(await askAmqp(amqps, options), 'AMQP').toBe(wanted);
        expect(await askMqtt(mqtts, options), 'MQTT').toBe(wanted);
      });
    },
  );
}

it('every difference has its reason, and every reason a client', () => {
  const used = Object.values(CLIENTS).flatMap(({ because }) => because ?? []);
  expect(new Set(used)).toEqual(new Set(Object.keys(DIFFERENCES)));
});
