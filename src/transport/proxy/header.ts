/**
 * The header of the PROXY protocol, versions 1 and 2: what a proxy says, before anything else, of the client whose bytes follow.
 *
 *     1   PROXY TCP4 192.0.2.1 198.51.100.7 51234 5672\r\n           text, 107 bytes at most
 *     2   12 bytes that no text begins with · version and command · family · length · addresses · more, which is skipped
 *
 * A proxy also connects by itself, to see whether the broker is there: LOCAL, or UNKNOWN. That names no client.
 */
import { isIPv4, isIPv6 } from 'node:net';
import type { Endpoint } from '../../api/endpoint.ts';
import { plainAddress } from '../address.ts';

export type ProxyVersion = 'v1' | 'v2';

/** A whole header. */
export interface ProxyHeader {
  /** Bytes it takes up; what follows is the client's. */
  readonly length: number;
  /** Undefined: it names no client. */
  readonly client: Endpoint | undefined;
}

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V1_START = Buffer.from('PROXY ', 'latin1');
const V1_LENGTH_MAX = 107;
const V2_HEAD_BYTES = 16;
/** Behind the head. The addresses are 216 bytes at most; some put certificates' names and the like behind. */
const V2_LENGTH_MAX = 4_096;
/** As much as a header can be. */
export const HEADER_BYTES_MAX = V2_HEAD_BYTES + V2_LENGTH_MAX;

const COMMAND_LOCAL = 0;
const COMMAND_PROXY = 1;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;

/**
 * Undefined: there is more to come. Null: it is no header of these versions.
 * @param bytes from the first that the client's side has sent
 */
export function parseProxyHeader(bytes: Buffer, versions: readonly ProxyVersion[]): ProxyHeader | undefined | null {
  if (versions.includes('v2') && startsAlike(bytes, SIGNATURE)) return parseV2(bytes);
  if (versions.includes('v1') && startsAlike(bytes, V1_START)) return parseV1(bytes);
  return null;
}

function startsAlike(bytes: Buffer, start: Buffer): boolean {
  const n = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, n, 0, n) === 0;
}

function parseV1(bytes: Buffer): ProxyHeader | undefined | null {
  const end = bytes.subarray(0, V1_LENGTH_MAX).indexOf('\r\n');
  if (end < 0) return bytes.length < V1_LENGTH_MAX ? undefined : null;
  const length = end + 2;
  const [, family, source, destination, sourcePort, destinationPort, more] = bytes.latin1Slice(0, end).split(' ');
  if (family === 'UNKNOWN') return { length, client: undefined };
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined;
  if (isAddress === undefined || more !== undefined) return null;
  if (!isAddress(source ?? '') || !isAddress(destination ?? '')) return null;
  const port = portOf(sourcePort);
  if (port === undefined || portOf(destinationPort) === undefined) return null;
  return { length, client: { address: plainAddress(source), port } };
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^(0|[1-9]\d{0,4})$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65_535 ? port : undefined;
}

function parseV2(bytes: Buffer): ProxyHeader | undefined | null {
  if (bytes.length < V2_HEAD_BYTES) return undefined;
  const version = bytes[12]! >>> 4;
  const command = bytes[12]! & 0x0f;
  const family = bytes[13]!;
  const size = bytes.readUInt16BE(14);
  if (version !== 2 || command > COMMAND_PROXY || size > V2_LENGTH_MAX) return null;
  const length = V2_HEAD_BYTES + size;
  if (bytes.length < length) return undefined;
  if (command === COMMAND_LOCAL) return { length, client: undefined };
  if (family === TCP_OVER_IPV4) {
    if (size < 12) return null;
    const address = bytes.subarray(16, 20).join('.');
    return { length, client: { address, port: bytes.readUInt16BE(24) } };
  }
  if (family === TCP_OVER_IPV6) {
    if (size < 36) return null;
    return { length, client: { address: ipv6(bytes.subarray(16, 32)), port: bytes.readUInt16BE(48) } };
  }
  // Sockets of Unix, datagrams, and what is not specified: a client, but none that has an address.
  return { length, client: undefined };
}

/** As the operating system writes it: the longest run of zeros left out. */
function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  const text = new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.test(text);
  return mapped ? bytes.subarray(12, 16).join('.') : text;
}
