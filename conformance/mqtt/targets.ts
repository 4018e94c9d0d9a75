/** The brokers that the MQTT scenarios run against: this one, Mosquitto as Debian has it, and aedes inside this process. */
import { createServer, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { installed, startEntrepot, startMosquitto } from '../peers/index.ts';
import type { Target } from './harness.ts';

export type TargetName = 'entrepot' | 'mosquitto' | 'aedes';
export const TARGETS: readonly TargetName[] = ['entrepot', 'mosquitto', 'aedes'];

export interface RunningTarget extends Target {
  readonly version: string;
  stop(): Promise<void>;
}

/** False with a reason in words. */
export const available = (name: TargetName): boolean => name === 'aedes' || installed(name) !== undefined;

export async function startTarget(name: TargetName): Promise<RunningTarget> {
  if (name === 'aedes') return startAedes();
  const peer =
    name === 'entrepot'
      ? await startEntrepot()
      : await startMosquitto({ users: { guest: 'guest' }, limits: 'default' });
  return {
    name,
    version: peer.version,
    mqttPort: peer.mqttPort,
    wsMqttUrl: peer.wsMqttUrl,
    amqpPort: peer.amqpPort,
    levels: [3, 4, 5],
    offers: name === 'entrepot' ? ['websocket', 'shared', 'scram', 'queues'] : ['websocket', 'shared'],
    stop: () => peer.stop(),
  };
}

/** 3.1 and 3.1.1 over TCP; it has no 5.0 and no shared subscriptions. */
async function startAedes(): Promise<RunningTarget> {
  const broker = await Aedes.createBroker();
  broker.authenticate = (_client, user, password, done) =>
    done(null, user === undefined || (user === 'guest' && password?.toString() === 'guest'));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    broker.handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return {
    name: 'aedes',
    version: '1.2',
    mqttPort: address.port,
    wsMqttUrl: '',
    amqpPort: -1,
    levels: [3, 4],
    offers: [],
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await new Promise<void>((resolve) => broker.close(() => resolve()));
    },
  };
}
