/** Listeners and contexts as RabbitMQ shows them, and its names of their protocols. */
import type { ListenerView } from '../../../operator/surroundings.ts';
import { NODE } from '../node-name.ts';

/** By the name that this broker listens under. What is not in here keeps its name. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  amqp: ['amqp'],
  amqps: ['amqp/ssl'],
  mqtt: ['mqtt'],
  mqtts: ['mqtt/ssl'],
  stomp: ['stomp'],
  stomps: ['stomp/ssl'],
  ws: ['http/web-mqtt', 'http/web-stomp'],
  wss: ['https/web-mqtt', 'https/web-stomp'],
  http: ['http'],
  https: ['https'],
};

export interface ListenerShape {
  readonly node: string;
  readonly protocol: string;
  readonly ip_address: string;
  readonly port: number;
  readonly socket_opts: object;
}

/** One for each protocol at each address, by protocol. */
export function listenerShapes(listeners: readonly ListenerView[]): ListenerShape[] {
  const shapes = listeners.flatMap(({ protocols, addresses }) =>
    protocols.flatMap((name) =>
      (NAMES[name] ?? [name]).flatMap((protocol) =>
        addresses.map(({ address, port }) => ({
          ...{ node: NODE, protocol, ip_address: address, port },
          socket_opts: {},
        })),
      ),
    ),
  );
  return shapes.sort((a, b) => (a.protocol < b.protocol ? -1 : a.protocol > b.protocol ? 1 : a.port - b.port));
}

/** Where this API is. Ports are text here. */
export function contexts(listeners: readonly ListenerView[]): object[] {
  return listenerShapes(listeners)
    .filter(({ protocol }) => protocol === 'http' || protocol === 'https')
    .map(({ ip_address, port }) => ({
      ssl_opts: [],
      node: NODE,
      description: 'RabbitMQ Management',
      path: '/',
      cowboy_opts: '[]',
      ip: ip_address,
      port: String(port),
    }));
}

/** RabbitMQ's name of what a health check asks for. */
export function protocolAsked(name: string): string {
  const known = name.toLowerCase();
  const aliases: Readonly<Record<string, string>> = {
    amqp091: 'amqp',
    'amqp0.9.1': 'amqp',
    'amqp0-9-1': 'amqp',
    amqps: 'amqp/ssl',
    mqtts: 'mqtt/ssl',
    stomps: 'stomp/ssl',
    'web-mqtt': 'http/web-mqtt',
    'web-stomp': 'http/web-stomp',
  };
  return aliases[known] ?? known;
}
