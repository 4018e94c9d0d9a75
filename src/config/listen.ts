/**
 * Listen addresses, as operators write them:
 *
 *     PROTOCOL[+PROTOCOL…]://HOST[:PORT][?SETTING=VALUE[&…]]
 *
 *     amqp://localhost:5672              one protocol; localhost is 127.0.0.1 and ::1
 *     amqp+mqtt+stomp://0.0.0.0:7000     several on one port, told apart by a client's first bytes
 *     ws://[::1]:15674                   WebSocket: the sub-protocol says what is spoken on it
 *     http://127.0.0.1:0                 port 0: any free one
 *     amqps://0.0.0.0                    over TLS: the protocol's name and an s; on a shared port each has it (amqps+mqtts)
 *
 *     amqp://0.0.0.0:5673?durability=none    its clients hear when what they sent is written, whether it is synced or not
 *     amqp://*?proxy=v1+v2               behind a proxy that says who the client is (see proxy.from)
 *     mqtt://*?connections=1000&connectionRate=50   limits of all its clients together (connections, connectionRate, channels, consumers,
 *                                                    publishRate, publishSize, messageSize)
 *     mqtts://*?clientCertificates=demanded&authority=/etc/devices.pem    TLS settings that are this listener's own
 *
 * Without a port it is the protocol's usual one. `*` and an empty host mean every address of the machine. Values may be
 * percent-encoded, as in any URL.
 */
import { BrokerError } from '../message/errors.ts';
import { DURABILITY_LEVELS } from './kinds.ts';
import { FAMILIAR_NAMES, type ScopeLimitsConfig, scopeLimits, writtenLimits } from './limits.ts';
import { didYouMean } from './suggest.ts';

/** Whether clients are asked for a certificate of their own; one that is shown must be good in any case. */
export const CLIENT_CERTIFICATES = ['none', 'asked', 'demanded'] as const;

/** Versions of the PROXY protocol, or both. */
export const PROXY_VERSIONS = ['v1', 'v2', 'v1+v2'] as const;

/** What a listener's address may set of `tls`; what it leaves out is as the settings say. */
export interface ListenTls {
  /** A PEM file: the certificate, then those that lead to its authority. */
  readonly certificate?: string;
  /** A PEM file. Default: the certificate's. */
  readonly key?: string;
  /** A PEM file: who may have signed clients' certificates. */
  readonly authority?: string;
  readonly clientCertificates?: (typeof CLIENT_CERTIFICATES)[number];
}

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
  /** All of it over TLS. Default false. */
  readonly secure?: boolean | undefined;
  /** Every connection begins with a proxy's header, of one of these versions (PROXY protocol). */
  readonly proxy?: (typeof PROXY_VERSIONS)[number] | undefined;
  /** Of a secure listener: what differs from the settings. */
  readonly tls?: ListenTls | undefined;
  /** Of all its clients together; `sessions` is none of them. */
  readonly limits?: ScopeLimitsConfig | undefined;
}

/** What can be listened for, by its name in an address: what people call it, and the port that its clients dial. */
export interface ListenProtocol {
  readonly title: string;
  readonly port: number;
  /** The same over TLS. */
  readonly securePort: number;
  /** Its clients may come without a name (`LoopbackOnly` lets them in from this machine). */
  readonly nameless?: true;
  /** It is no protocol for messages by itself: `ws` carries others, `http` answers operators. Neither shares a port. */
  readonly alone?: true;
}

/** The table of what can be listened for; the command's texts and the settings' are made from it. */
export const LISTEN_PROTOCOLS: Readonly<Record<string, ListenProtocol>> = {
  amqp: { title: 'AMQP', port: 5672, securePort: 5671 },
  mqtt: { title: 'MQTT', port: 1883, securePort: 8883, nameless: true },
  stomp: { title: 'STOMP', port: 61613, securePort: 61614, nameless: true },
  redis: { title: 'Redis', port: 6379, securePort: 6380, nameless: true },
  ws: { title: 'WebSocket', port: 15674, securePort: 15673, alone: true },
  http: { title: 'HTTP', port: 15672, securePort: 15671, alone: true },
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

/** What a listener's address may say behind its `?`. */
const TLS_PARTS = ['certificate', 'key', 'authority', 'clientCertificates'];
const LIMIT_PARTS = Object.keys(scopeLimits).filter((name) => name !== 'sessions');
const PARTS = ['durability', ...TLS_PARTS, 'proxy', ...LIMIT_PARTS];

/**
 * Reads one address. Throws a BrokerError that says what is wrong with it.
 * @param known the names of the protocols there are; each may have an `s` behind it
 */
export function parseListen(text: string, known: readonly string[] = LISTEN_NAMES): ListenAddress {
  const match = /^([^:/]*):\/\/(\[[^\]]*\]|[^:/?#[\]]*)(?::([^/?]*))?\/?(?:\?(.*))?$/.exec(text.trim());
  if (match === null) throw wrong(text, 'it should look like amqp://127.0.0.1:5672');
  const { protocols, secure } = readProtocols(text, match[1]!.toLowerCase().split('+'), known);
  const host = match[2]!.startsWith('[') ? match[2]!.slice(1, -1) : match[2]!;
  const usual = protocols.length === 1 ? LISTEN_PROTOCOLS[protocols[0]!]?.[secure ? 'securePort' : 'port'] : undefined;
  const portText = match[3];
  if ((portText === undefined || portText === '') && usual === undefined) throw wrong(text, 'it needs a port');
  const port = portText === undefined || portText === '' ? usual! : Number(portText);
  if (!Number.isInteger(port) || port < 0 || port > 65_535 || (portText !== undefined && !/^\d*$/.test(portText))) {
    throw wrong(text, `'${portText}' is not a port number (0 to 65535)`);
  }
  const address = { protocols, host: host === '' ? '*' : host, port, ...(secure && { secure }) };
  const query = match[4];
  return query === undefined ? address : { ...address, ...readQuery(text, query, protocols, secure) };
}

function readProtocols(
  text: string,
  names: readonly string[],
  known: readonly string[],
): { protocols: string[]; secure: boolean } {
  const protocols: string[] = [];
  let overTls = 0;
  for (const name of names) {
    const plain = known.includes(name) ? name : name.endsWith('s') ? name.slice(0, -1) : '';
    if (!known.includes(plain)) {
      throw wrong(text, `there is no protocol '${name}'${didYouMean(name, known)} (there are: ${known.join(', ')})`);
    }
    if (plain !== name) overTls++;
    if (names.length > 1 && LISTEN_PROTOCOLS[plain]?.alone === true) {
      throw wrong(text, `${name} cannot share its port; WebSocket is also served on the http port`);
    }
    protocols.push(plain);
  }
  if (new Set(protocols).size < protocols.length) throw wrong(text, 'a protocol is named twice');
  if (overTls > 0 && overTls < names.length) {
    throw wrong(text, `a port has TLS for all or for none; write ${protocols.map((name) => `${name}s`).join('+')}`);
  }
  return { protocols, secure: overTls > 0 };
}

/** What an address says of its own. */
type Own = { -readonly [P in 'durability' | 'tls' | 'proxy' | 'limits']?: ListenAddress[P] };

function readQuery(text: string, query: string, protocols: readonly string[], secure: boolean): Own {
  const own: Own = {};
  const tls: Record<string, string> = {};
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    const given = equals < 0 ? part : part.slice(0, equals);
    const name = Object.hasOwn(FAMILIAR_NAMES, given) ? FAMILIAR_NAMES[given]! : given;
    const value = equals < 0 ? '' : decoded(text, part.slice(equals + 1));
    if (name === 'durability') own.durability = readDurability(text, value, protocols);
    else if (name === 'proxy') own.proxy = readProxy(text, value);
    else if (LIMIT_PARTS.includes(name)) own.limits = { ...own.limits, [name]: readLimit(text, name, value) };
    else if (!PARTS.includes(name)) {
      throw wrong(text, `there is no setting '${name}'${didYouMean(name, PARTS)}`);
    } else if (!secure)
      throw wrong(text, `${name} is for TLS; write ${protocols.map((one) => `${one}s`).join('+')}://`);
    else if (value === '') throw wrong(text, `${name} has no value`);
    else if (name === 'clientCertificates' && !(CLIENT_CERTIFICATES as readonly string[]).includes(value)) {
      throw wrong(text, `clientCertificates is one of ${CLIENT_CERTIFICATES.join(', ')}, not '${value}'`);
    } else tls[name] = value;
  }
  if (Object.keys(tls).length > 0) own.tls = tls;
  return own;
}

function decoded(text: string, value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw wrong(text, `'${value}' is not percent-encoded as it should be`);
  }
}

function readDurability(text: string, value: string, protocols: readonly string[]): ListenAddress['durability'] {
  const level = DURABILITY_LEVELS.find((one) => one === value);
  if (level === undefined) throw wrong(text, `durability is one of ${DURABILITY_LEVELS.join(', ')}, not '${value}'`);
  if (LISTEN_PROTOCOLS[protocols[0]!]?.alone === true) {
    throw wrong(text, `${protocols[0]} cannot have a durability of its own`);
  }
  return level;
}

function readLimit(text: string, name: string, value: string): number | undefined {
  const result = scopeLimits[name as keyof typeof scopeLimits].safeParse(value);
  if (!result.success) throw wrong(text, `${name} ${result.error.issues[0]!.message}, not '${value}'`);
  return result.data;
}

function readProxy(text: string, value: string): ListenAddress['proxy'] {
  const version = PROXY_VERSIONS.find((one) => one === value);
  if (version === undefined) throw wrong(text, `proxy is one of ${PROXY_VERSIONS.join(', ')}, not '${value}'`);
  return version;
}

/** The versions of the PROXY protocol that a listener takes; none: it takes no header. */
export function proxyVersions({ proxy }: ListenAddress): readonly ('v1' | 'v2')[] {
  return proxy === undefined ? [] : (proxy.split('+') as ('v1' | 'v2')[]);
}

/** `amqps+mqtts` */
export function listenName({ protocols, secure }: Pick<ListenAddress, 'protocols' | 'secure'>): string {
  return protocols.map((name) => (secure === true ? `${name}s` : name)).join('+');
}

/** `amqp+mqtt://127.0.0.1:5672` */
export function formatListen(address: ListenAddress): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  const { durability, proxy, tls, limits = {} } = address;
  const parts = Object.entries({ durability, proxy, ...tls, ...writtenLimits(limits) })
    .filter(([, value]) => value !== undefined)
    .map(
      ([name, value]) =>
        `${name}=${encodeURIComponent(String(value).replace(/ (?=\w*B$)/, ''))
          .replaceAll('%2F', '/')
          .replaceAll('%2B', '+')}`,
    );
  return `${listenName(address)}://${host}:${address.port}${parts.length === 0 ? '' : `?${parts.join('&')}`}`;
}

/** What two addresses have alike that differ in their limits alone. */
export function formatWithoutLimits(address: ListenAddress): string {
  return formatListen({ ...address, limits: undefined });
}

function wrong(text: string, why: string): BrokerError {
  return new BrokerError('invalid', `cannot listen on '${text}': ${why}`);
}
