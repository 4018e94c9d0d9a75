/** Mosquitto as a peer, wholly inside a directory of the run's own. */
import { spawnSync } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts, startChild, temporaryDirectory } from '../support/processes.ts';
import { installed } from './installed.ts';
import type { Peer } from './peer.ts';

export interface MosquittoOptions {
  /** Passwords by user name; whoever gives no name is let in all the same. Default: anybody is let in. */
  readonly users?: Readonly<Record<string, string>>;
  /**
   * Its default limits (1000 queued, 20 in flight) would drop part of a benchmark's load instead of measuring it, so they are
   * off unless asked for.
   */
  readonly limits?: 'default' | 'none';
  /** Whoever gives no name is let in. Default true. */
  readonly anonymous?: boolean;
  /** Lines behind the listeners', for more of them. */
  readonly settings?: readonly string[];
}

/** Mosquitto as it comes, MQTT over TCP and WebSocket, nothing persisted. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Peer> {
  const server = installed('mosquitto');
  if (server === undefined) throw new Error('mosquitto is not installed');
  const home = await temporaryDirectory('mosquitto');
  const [mqttPort, wsPort] = (await freePorts(2)) as [number, number];
  const file = join(home.path, 'mosquitto.conf');
  const passwords = join(home.path, 'passwords');
  if (options.users !== undefined) {
    // Readable by the user that it runs as, who need not be ours.
    await chmod(home.path, 0o755);
    await writeFile(
      passwords,
      Object.entries(options.users)
        .map(([user, password]) => `${user}:${password}\n`)
        .join(''),
    );
    spawnSync('mosquitto_passwd', ['-U', passwords]);
    await chmod(passwords, 0o644);
  }
  await writeFile(
    file,
    [
      'per_listener_settings false',
      `allow_anonymous ${options.anonymous ?? true}`,
      ...(options.users === undefined ? [] : [`password_file ${passwords}`]),
      ...(options.limits === 'default' ? [] : ['max_queued_messages 0', 'max_inflight_messages 0']),
      `listener ${mqttPort} 127.0.0.1`,
      `listener ${wsPort} 127.0.0.1`,
      'protocol websockets',
      ...(options.settings ?? []),
      '',
    ].join('\n'),
  );
  const child = await startChild({
    name: 'mosquitto',
    command: server,
    arguments: ['-c', file],
    directory: home.path,
    readyPorts: [mqttPort, wsPort],
  });
  return {
    kind: 'mosquitto',
    version: /mosquitto version (\S+)/.exec(child.transcript())?.[1] ?? 'unknown',
    amqpPort: -1,
    mqttPort,
    stompPort: -1,
    httpPort: -1,
    wsPort,
    wsMqttUrl: `ws://127.0.0.1:${wsPort}/mqtt`,
    wsStompUrl: '',
    pid: child.pid,
    transcript: () => child.transcript(),
    async stop() {
      await child.stop();
      await home.remove();
    },
  };
}
