/**
 * What a scenario is: a name, the section of the STOMP specification (`1.2 §ACK`) or the page of RabbitMQ's (`rabbitmq:…`)
 * or ActiveMQ's documentation (`activemq:…`) that it checks, and one function over what a client sees. It is run by each
 * client against each broker, and expects the same of all of them, unless it asks `differs` for a difference that is
 * written down in differences.ts.
 */
import type { RawClient } from '../../test/protocols/stomp/raw-client.ts';
import { within } from '../support/inbox.ts';
import type { TestBroker } from './brokers.ts';
import { type Connect, type Headers, PATIENCE_MS, Refused, type StompClient } from './clients/client.ts';
import { RawClient as Dialled, ends, errorOf, openRaw, type RawFrame } from './clients/frames.ts';
import { differenceHere, type StompDifferenceId } from './differences.ts';

export interface Scenario {
  readonly name: string;
  readonly spec: string;
  readonly run: (t: Run) => Promise<void>;
  /** It sends frames by hand, so the client library makes no difference: one run a broker. */
  readonly raw: boolean;
  /** Peers that cannot do it at all have one of these differences: it is not run there. */
  readonly unless: readonly StompDifferenceId[];
}

export interface Topic {
  readonly name: string;
  readonly scenarios: readonly Scenario[];
}

export function scenario(
  name: string,
  spec: string,
  run: Scenario['run'],
  unless: readonly StompDifferenceId[] = [],
): Scenario {
  return { name, spec, run, raw: false, unless };
}

/** One that sends frames by hand. */
export function frames(
  name: string,
  spec: string,
  run: Scenario['run'],
  unless: readonly StompDifferenceId[] = [],
): Scenario {
  return { name, spec, run, raw: true, unless };
}

export function topic(name: string, scenarios: readonly Scenario[]): Topic {
  return { name, scenarios };
}

let runs = 0;

/** One run of one scenario: what it is given, and what is cleared away after it. */
export class Run {
  readonly broker: TestBroker;
  private readonly connect: Connect;
  private readonly suffix = `${process.pid.toString(36)}-${(++runs).toString(36)}`;
  private readonly clients: StompClient[] = [];
  private readonly raws: RawClient[] = [];

  constructor(broker: TestBroker, connect: Connect) {
    this.broker = broker;
    this.connect = connect;
  }

  /** A name that nobody else uses. */
  name(what: string): string {
    return `${what}-${this.suffix}`;
  }

  queue(what = 'q'): string {
    return `/queue/${this.name(what)}`;
  }

  /** A topic's first level, to be followed by more. */
  topic(what = 't'): string {
    return `/topic/${this.name(what)}`;
  }

  /** A connection of its own. */
  async client(headers: Headers = {}): Promise<StompClient> {
    const client = await this.connect(this.broker, headers);
    this.clients.push(client);
    return client;
  }

  /** Frames by hand on a connection that has been admitted. */
  async raw(version = '1.2', headers: Headers = {}): Promise<RawClient> {
    const raw = await openRaw(this.broker.stompPort, version, headers);
    this.raws.push(raw);
    return raw;
  }

  /** A connection that has said nothing yet. */
  async dial(): Promise<RawClient> {
    const raw = await Dialled.dial(this.broker.stompPort);
    this.raws.push(raw);
    return raw;
  }

  /** Whether the broker this runs against does otherwise, which is then expected instead. */
  differs(id: StompDifferenceId): boolean {
    return differenceHere(this.broker.kind, id) !== undefined;
  }

  /** The call ends in an ERROR frame. */
  async refused(call: Promise<unknown>): Promise<void> {
    try {
      await call;
    } catch (error) {
      if (error instanceof Refused || this.differs('web-closes-without-a-word')) return;
      throw error;
    }
    throw new Error('it was not refused');
  }

  /** An ERROR frame comes, and then the connection ends [STOMP 1.2, ERROR]. */
  async error(client: RawClient): Promise<RawFrame> {
    const frame = await errorOf(client);
    if (!this.differs('errors-keep-open')) await ends(client);
    return frame;
  }

  /** Leaves nothing behind, whatever happened. */
  async end(): Promise<void> {
    for (const raw of this.raws) raw.cut();
    const leaving = this.clients.map((client) => client.disconnect().catch(() => client.cut()));
    await within(Promise.all(leaving), PATIENCE_MS, () => '').catch(() => {});
    for (const client of this.clients) client.cut();
  }
}
