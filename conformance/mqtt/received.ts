/** What goes over the wire, as scenarios write and read it: options of packets, what comes, and how it is told. */

/** MQTT's protocol level: 3 is 3.1, 4 is 3.1.1, 5 is 5.0. */
export type Level = 3 | 4 | 5;

/** A packet from the broker; which fields there are depends on `cmd`. */
export interface Received {
  readonly cmd: string;
  readonly bytes: Buffer;
  readonly messageId: number;
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: number;
  readonly dup: boolean;
  readonly retain: boolean;
  readonly sessionPresent: boolean;
  readonly returnCode: number;
  readonly reasonCode: number;
  readonly granted: readonly number[];
  readonly properties: Readonly<Record<string, unknown>>;
}

export interface ConnectOptions {
  readonly clientId?: string;
  /** Default true. */
  readonly clean?: boolean;
  /** Seconds; default 0, none. */
  readonly keepalive?: number;
  readonly username?: string;
  readonly password?: string;
  readonly will?: {
    readonly topic: string;
    readonly payload: string;
    readonly qos?: number;
    readonly retain?: boolean;
    readonly properties?: Readonly<Record<string, unknown>>;
  };
  readonly properties?: Readonly<Record<string, unknown>>;
  /** See `RawClient.answers`. */
  readonly answers?: boolean;
}

export interface Filter {
  readonly topic: string;
  readonly qos: number;
  readonly nl?: boolean;
  readonly rap?: boolean;
  readonly rh?: number;
}

export interface PublishOptions {
  readonly qos?: number;
  readonly retain?: boolean;
  readonly dup?: boolean;
  /** Default: the next unused one. */
  readonly messageId?: number;
  readonly properties?: Readonly<Record<string, unknown>>;
}

/** The return code of 3.1.1, the reason code of 5.0; 0 where neither is given. */
export const codeOf = (received: Received): number => received.reasonCode ?? received.returnCode ?? 0;

export const hex = (code: number): string => `0x${code.toString(16).padStart(2, '0')}`;

export function describe(received: Received): string {
  const name = received.cmd.toUpperCase();
  if (received.cmd === 'publish') return `${name} ${received.topic}`;
  if (received.cmd === 'suback' || received.cmd === 'unsuback') return `${name} ${(received.granted ?? []).map(hex)}`;
  return received.cmd === 'pingresp' ? name : `${name} ${hex(codeOf(received))}`;
}

/** The whole length of the packet that these bytes begin with; undefined when they are too few to tell. */
export function packetLength(bytes: Buffer): number | undefined {
  let length = 0;
  for (let at = 1; at < bytes.length && at < 5; at++) {
    length += (bytes[at]! & 127) * 128 ** (at - 1);
    if (bytes[at]! < 128) return at + 1 + length;
  }
  return undefined;
}
