/**
 * The brokers with TLS: a client certificate is demanded, its common name is the client's user, and `known` is a user. Each says
 * which protocols it speaks.
 */
import { chmod } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createBroker } from '../../src/index.ts';
import type { Issued } from '../../test/support/certificates.ts';
import { startMosquitto, startRabbitmq } from '../peers/index.ts';
import { freePorts } from '../support/processes.ts';

export const MINIMUM_VERSIONS = ['1.2', '1.3'] as const;
export type MinimumVersion = (typeof MINIMUM_VERSIONS)[number];

export interface ServerFiles extends Issued {
  /** Who may have signed clients' certificates. */
  readonly authority: string;
}

export interface TlsBroker {
  readonly ports: { readonly amqps?: number; readonly mqtts: number };
  stop(): Promise<unknown>;
}

export async function startHere(files: ServerFiles, minimum: MinimumVersion): Promise<TlsBroker> {
  const running = await createBroker({
    listen: ['amqps://localhost:0', 'mqtts://localhost:0'],
    users: { known: { permissions: { '/': { configure: '.*', write: '.*', read: '.*' } } } },
    tls: { ...files, clientCertificates: 'demanded', minimumVersion: minimum },
  });
  return {
    ports: { amqps: running.port('amqps'), mqtts: running.port('mqtts') },
    stop: () => running.close(),
  };
}

export async function startThere(files: ServerFiles, minimum: MinimumVersion): Promise<TlsBroker> {
  const [amqps, mqtts] = (await freePorts(2)) as [number, number];
  const versions = minimum === '1.2' ? ['tlsv1.2', 'tlsv1.3'] : ['tlsv1.3'];
  const peer = await startRabbitmq({
    plugins: ['rabbitmq_auth_mechanism_ssl'],
    settings: [
      `listeners.ssl.local = 127.0.0.1:${amqps}`,
      `mqtt.listeners.ssl.local = 127.0.0.1:${mqtts}`,
      `ssl_options.cacertfile = ${files.authority}`,
      `ssl_options.certfile = ${files.certificate}`,
      `ssl_options.keyfile = ${files.key}`,
      'ssl_options.verify = verify_peer',
      'ssl_options.fail_if_no_peer_cert = true',
      ...versions.map((version, i) => `ssl_options.versions.${i + 1} = ${version}`),
      'auth_mechanisms.1 = EXTERNAL',
      'auth_mechanisms.2 = PLAIN',
      'ssl_cert_login_from = common_name',
      'mqtt.ssl_cert_login = true',
      'mqtt.allow_anonymous = false',
    ],
  });
  await peer.control(['add_user', 'known', 'p']);
  await peer.control(['set_permissions', 'known', '.*', '.*', '.*']);
  return { ports: { amqps, mqtts }, stop: () => peer.stop() };
}

/** It knows no users here: the certificate alone lets in. */
export async function startMosquittoWithTls(files: ServerFiles, minimum: MinimumVersion): Promise<TlsBroker> {
  const [mqtts] = (await freePorts(1)) as [number];
  // Readable by the user that it runs as, who need not be ours.
  for (const file of Object.values(files)) await chmod(file, 0o644);
  await chmod(dirname(files.certificate), 0o755);
  const peer = await startMosquitto({
    settings: [
      `listener ${mqtts} 127.0.0.1`,
      `cafile ${files.authority}`,
      `certfile ${files.certificate}`,
      `keyfile ${files.key}`,
      'require_certificate true',
      'use_identity_as_username true',
      `tls_version tlsv${minimum}`,
    ],
  });
  return { ports: { mqtts }, stop: () => peer.stop() };
}
