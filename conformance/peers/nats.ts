/**
 * NATS as a peer: its MQTT 3.1.1 listener (QoS 0 and 1), which stands on JetStream, wholly inside a directory of the run's own.
 */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts, startChild, temporaryDirectory } from '../support/processes.ts';
import { installed } from './installed.ts';
import type { Peer } from './peer.ts';

export async function startNats(): Promise<Peer> {
  const server = installed('nats');
  if (server === undefined) throw new Error('nats-server is not installed');
  const home = await temporaryDirectory('nats');
  const [clientPort, mqttPort] = (await freePorts(2)) as [number, number];
  const file = join(home.path, 'nats.conf');
  await writeFile(
    file,
    [
      'server_name: peer',
      `listen: 127.0.0.1:${clientPort}`,
      `jetstream { store_dir: "${join(home.path, 'jetstream')}" }`,
      // Its defaults (64 MB unsent, 1024 unacknowledged) would drop slow consumers under a load without pauses.
      'max_pending: 1GB',
      `mqtt { listen: "127.0.0.1:${mqttPort}", max_ack_pending: 65535 }`,
      '',
    ].join('\n'),
  );
  const child = await startChild({
    name: 'nats',
    command: server,
    arguments: ['-c', file],
    directory: home.path,
    readyPorts: [mqttPort],
  });
  const version = spawnSync(server, ['--version']).stdout.toString('utf8');
  return {
    kind: 'nats',
    version: /v?(\d+\.\d+\.\d+)/.exec(version)?.[1] ?? 'unknown',
    amqpPort: -1,
    mqttPort,
    stompPort: -1,
    httpPort: -1,
    wsPort: -1,
    wsMqttUrl: '',
    wsStompUrl: '',
    pid: child.pid,
    transcript: () => child.transcript(),
    async stop() {
      await child.stop();
      await home.remove();
    },
  };
}
