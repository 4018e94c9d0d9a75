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

/** What can be listened for, by its name in an address: what people call it, and the port that its clients dial. */
export interface ListenProtocol {
  readonly title: string;
  readonly port: number;
  /** Its clients may come without a name (`LoopbackOnly` lets them in from this machine). */
  readonly nameless?: true;
  /** It is no protocol for messages by itself: `ws` carries others, `http` answers operators. Neither shares a port. */
  readonly alone?: true;
}

/** The table of what can be listened for; the command's texts and the settings' are made from it. */
export const LISTEN_PROTOCOLS: Readonly<Record<string, ListenProtocol>> = {
  amqp: { title: 'AMQP', port: 5672 },
  mqtt: { title: 'MQTT', port: 1883, nameless: true },
  stomp: { title: 'STOMP', port: 61613, nameless: true },
  redis: { title: 'Redis', port: 6379, nameless: true },
  ws: { title: 'WebSocket', port: 15674, alone: true },
  http: { title: 'HTTP', port: 15672, alone: true },
};

/** The names that an address may have: `amqp`, `ws` … */
export const LISTEN_NAMES: readonly string[] = Object.keys(LISTEN_PROTOCOLS);

/** Titles in a row for a sentence, `A, B and C`. @param which true for those that are wanted */
export function titlesOf(which: (protocol: ListenProtocol, name: string) => boolean): string {
  const titles = Object.entries(LISTEN_PROTOCOLS).flatMap(([name, one]) => (which(one, name) ? [one.title] : []));
  return `${titles.slice(0, -1).join(', ')} and ${titles.at(-1)}`;
}

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
export function parseListen(text: string, known: readonly string[] = LISTEN_NAMES): ListenAddress {
  const match = /^([^:/]*):\/\/(\[[^\]]*\]|[^:/?#[\]]*)(?::([^/?]*))?\/?(?:\?(.*))?$/.exec(text.trim());
  if (match === null) throw wrong(text, 'it should look like amqp://127.0.0.1:5672');
  const protocols = match[1]!.toLowerCase().split('+');
  for (const name of protocols) {
    if (!known.includes(name)) {
      throw wrong(text, `there is no protocol '${name}'${didYouMean(name, known)} (there are: ${known.join(', ')})`);
    }
    if (protocols.length > 1 && LISTEN_PROTOCOLS[name]?.alone === true) {
      throw wrong(text, `${name} cannot share its port; WebSocket is also served on the http port`);
    }
  }
  if (new Set(protocols).size < protocols.length) throw wrong(text, 'a protocol is named twice');
  const host = match[2]!.startsWith('[') ? match[2]!.slice(1, -1) : match[2]!;
  const usual = protocols.length === 1 ? LISTEN_PROTOCOLS[protocols[0]!]?.port : undefined;
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
  if (LISTEN_PROTOCOLS[protocols[0]!]?.alone === true) {
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
