/** Where a broker listens, in the words of its settings: RabbitMQ's API tells of each protocol at each address. */
import type { ListenerShape } from '../../management/rabbitmq/shapes/listeners.ts';

export type ListenerRow = Pick<ListenerShape, 'protocol' | 'ip_address' | 'port'>;

export interface OpenPort {
  readonly port: number;
  /** `amqp+mqtt`, `ws`, `amqps` */
  readonly name: string;
  /** `127.0.0.1 and ::1` */
  readonly hosts: string;
}

/** Each port once; one that listens on one address and on another with other protocols, twice. */
export function openPorts(listeners: readonly ListenerRow[]): OpenPort[] {
  const hosts = new Map<string, Set<string>>();
  for (const { port, ip_address } of listeners) {
    const names = listeners.filter((one) => one.port === port && one.ip_address === ip_address);
    const key = `${port} ${[...new Set(names.map(({ protocol }) => nameOf(protocol)))].join('+')}`;
    hosts.set(key, (hosts.get(key) ?? new Set()).add(ip_address));
  }
  return [...hosts].map(([key, at]) => {
    const [port = '', name = ''] = key.split(' ');
    return { port: Number(port), name, hosts: [...at].join(' and ') };
  });
}

/** `amqp 5672, mqtt 1883 on 127.0.0.1; http 15672 on ::` */
export function listening(listeners: readonly ListenerRow[]): string {
  const byHosts = Map.groupBy(openPorts(listeners), ({ hosts }) => hosts);
  return [...byHosts]
    .map(([hosts, ports]) => `${ports.map(({ name, port }) => `${name} ${port}`).join(', ')} on ${hosts}`)
    .join('; ');
}

/** `http/web-mqtt` and `http/web-stomp` are one listener, and `amqp/ssl` is written `amqps`. */
function nameOf(protocol: string): string {
  if (/^https?\/web-/.test(protocol)) return protocol.startsWith('https') ? 'wss' : 'ws';
  return protocol.endsWith('/ssl') ? `${protocol.slice(0, -4)}s` : protocol;
}
