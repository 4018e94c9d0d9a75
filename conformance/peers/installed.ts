/** Where the peers' programs are on this machine. One that is not there is no error: whoever asked skips it in words. */
import { spawnSync } from 'node:child_process';
import { activemqInstalled } from './activemq.ts';
import type { PeerKind } from './peer.ts';

const RABBITMQ_SERVER = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/** Where each peer's program is, or undefined. Debian's packages put `rabbitmq-server` behind a wrapper that wants root. */
export function installed(kind: PeerKind): string | undefined {
  if (kind === 'entrepot') return process.execPath;
  if (kind === 'activemq') return activemqInstalled();
  const candidates =
    kind === 'rabbitmq'
      ? [RABBITMQ_SERVER]
      : kind === 'mosquitto'
        ? ['/usr/sbin/mosquitto', 'mosquitto']
        : ['/usr/sbin/nats-server', 'nats-server'];
  for (const candidate of candidates) {
    const found = spawnSync('sh', ['-c', `command -v ${candidate}`]);
    if (found.status === 0) return found.stdout.toString('utf8').trim();
  }
  return undefined;
}
