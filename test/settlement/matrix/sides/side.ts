/** What a program says in a protocol: it publishes, and reads a queue. Client libraries only; a file a protocol. */
import { until } from '../../../support/until.ts';

export const PROTOCOLS = ['AMQP 0-9-1', 'MQTT 5', 'STOMP', 'HTTP'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** What a publisher is told. */
export type Answer = 'taken' | 'repeat' | 'refused';
/** How a reader ends a delivery: done, try again, not ever. */
export type End = 'accept' | 'fail' | 'reject';

export interface Outgoing {
  /** Numbers are text where the protocol has nothing else. */
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly messageId?: string;
}

export interface Delivery {
  readonly body: string;
  /** As text; undefined: it is not there. A header, a user property, whatever the protocol has. */
  header(name: string): string | undefined;
  end(how: End): Promise<void>;
  /** Parks it for so long, under a token or ''. Undefined: the protocol has no word for it. */
  park?(token: string, ms: number): Promise<void>;
}

export interface Reader {
  /** The next one, once it is there. */
  next(): Promise<Delivery>;
  /** What has come and was not taken. */
  readonly waiting: number;
  /** Holds what it has for as long again. False: it was too late. Undefined: the protocol has no word for it. */
  renew?(): Promise<boolean>;
  /** What is parked under the token comes next. */
  claim?(token: string): Promise<void>;
  /** What it was told when it had held a delivery for too long, once it is. */
  told?(): Promise<string>;
  leave(): Promise<void>;
}

export interface Side {
  publish(queue: string, body: string, out?: Outgoing): Promise<Answer>;
  /** The name of a queue that it can read. */
  nameOf(queue: string): string;
  read(queue: string): Promise<Reader>;
  /** Takes up to so many that are there, or waits for one where it can. Undefined: the protocol has no word for it. */
  pull?(queue: string, max: number, waitMs: number): Promise<Delivery[]>;
  close(): Promise<void>;
}

export function asText(headers: Readonly<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

/** Deliveries in the order in which they came. */
export class Inbox {
  private readonly come: Delivery[] = [];

  add(delivery: Delivery): void {
    this.come.push(delivery);
  }

  get waiting(): number {
    return this.come.length;
  }

  async next(): Promise<Delivery> {
    await until(() => this.come.length > 0, 'a delivery');
    return this.come.shift()!;
  }
}
