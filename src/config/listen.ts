/**
 * Listen addresses, as operators write them:
 *
 *     PROTOCOL[+PROTOCOL…]://HOST[:PORT]
 *
 *     amqp://localhost:5672              one protocol; localhost is 127.0.0.1 and ::1
 *     amqp+mqtt+stomp://0.0.0.0:7000     several on one port, told apart by a client's first bytes
 *     ws://[::1]:15674                   WebSocket: the sub-protocol says what is spoken on it
 *     http://127.0.0.1:0                 port 0: any free one
 *
 *     amqp://0.0.0.0:5673?durability=none    its clients hear when what they sent is written, whether it is synced or not
 *
 * Without a port it is the protocol's usual one. `*` and an empty host mean every address of the machine.
 */
import { BrokerError } from '../message/errors.ts';
import { DURABILITY_LEVELS } from './kinds.ts';
import { didYouMean } from './suggest.ts';

export interface ListenAddress {
  /** One name, or several that share the port. `ws` and `http` stand alone. */
  readonly protocols: readonly string[];
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /**
   * What its clients are promised; default: what the vhost promises. `interval` and `none` mean the same here: confirms
   * follow the write. When that is synced is the vhost's matter.
   */
  readonly durability?: (typeof DURABILITY_LEVELS)[number] | undefined;
}

export const USUAL_PORTS: Readonly<Record<string, number>> = {
  amqp: 5672,
  mqtt: 1883,
  stomp: 61613,
  redis: 6379,
  ws: 15674,
  http: 15672,
};

/** What listens when nobody says otherwise: the ports that clients already dial, reachable from this machine alone. */
export const DEFAULT_LISTEN: readonly string[] = [
  'amqp://localhost:5672',
  'mqtt://localhost:1883',
  'stomp://localhost:61613',
  'ws://localhost:15674',
  'ws://localhost:15675',
  'http://localhost:15672',
];

/** Reads one address. `known`: the protocol names there are. Throws a BrokerError that says what is wrong with it. */
export function parseListen(text: string, known: readonly string[] = Object.keys(USUAL_PORTS)): ListenAddress {
  const match = /^([^:/]*):\/\/(\[[^\]]*\]|[^:/?#[\]]*)(?::([^/?]*))?\/?(?:\?(.*))?$/.exec(text.trim());
  if (match === null) throw wrong(text, 'it should look like amqp://127.0.0.1:5672');
  const protocols = match[1]!.toLowerCase().split('+');
  for (const name of protocols) {
    if (!known.includes(name)) {
      throw wrong(text, `there is no protocol '${name}'${didYouMean(name, known)} (there are: ${known.join(', ')})`);
    }
    if (protocols.length > 1 && (name === 'ws' || name === 'http')) {
      throw wrong(text, `${name} cannot share its port; WebSocket is also served on the http port`);
    }
  }
  if (new Set(protocols).size < protocols.length) throw wrong(text, 'a protocol is named twice');
  const host = match[2]!.startsWith('[') ? match[2]!.slice(1, -1) : match[2]!;
  const usual = protocols.length === 1 ? USUAL_PORTS[protocols[0]!] : undefined;
  const portText = match[3];
  if ((portText === undefined || portText === '') && usual === undefined) throw wrong(text, 'it needs a port');
  const port = portText === undefined || portText === '' ? usual! : Number(portText);
  if (!Number.isInteger(port) || port < 0 || port > 65_535 || (portText !== undefined && !/^\d*$/.test(portText))) {
    throw wrong(text, `'${portText}' is not a port number (0 to 65535)`);
  }
  const address = { protocols, host: host === '' ? '*' : host, port };
  const query = match[4];
  return query === undefined ? address : { ...address, durability: parseQuery(text, query, protocols) };
}

function parseQuery(text: string, query: string, protocols: readonly string[]): (typeof DURABILITY_LEVELS)[number] {
  const [name = '', value = ''] = query.split('=');
  if (name !== 'durability') throw wrong(text, `there is no setting '${name}'${didYouMean(name, ['durability'])}`);
  const level = DURABILITY_LEVELS.find((one) => one === value);
  if (level === undefined) throw wrong(text, `durability is one of ${DURABILITY_LEVELS.join(', ')}, not '${value}'`);
  if (protocols[0] === 'ws' || protocols[0] === 'http') {
    throw wrong(text, `${protocols[0]} cannot have a durability of its own`);
  }
  return level;
}

/** `amqp+mqtt://127.0.0.1:5672` */
export function formatListen(address: ListenAddress): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  const query = address.durability === undefined ? '' : `?durability=${address.durability}`;
  return `${address.protocols.join('+')}://${host}:${address.port}${query}`;
}

function wrong(text: string, why: string): BrokerError {
  return new BrokerError('invalid', `cannot listen on '${text}': ${why}`);
}
