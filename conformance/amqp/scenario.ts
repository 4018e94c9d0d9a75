/**
 * What a scenario is: a name, the place in the specification (`§…` of AMQP 0-9-1) or the page of RabbitMQ's
 * documentation that it checks, and one function over what a client sees. It is run with each client library against
 * each broker, and expects the same of all of them, unless it asks `differs` for a difference that is written down in
 * differences.ts.
 */
import { expect } from 'vitest';
import { until, within } from '../support/inbox.ts';
import type { Policy, TestBroker } from './brokers.ts';
import { PATIENCE_MS } from './clients/arrivals.ts';
import {
  type AmqpChannel,
  type AmqpClient,
  ClosedByBroker,
  type Closing,
  type Connect,
  type ConnectOptions,
} from './clients/client.ts';
import { RawConnection, type RawOptions } from './clients/raw.ts';
import { type AmqpDifferenceId, differenceHere } from './differences.ts';

export interface Scenario {
  readonly name: string;
  readonly spec: string;
  readonly run: (t: Run) => Promise<void>;
  /** It sends frames by hand, so the client library makes no difference: one run a broker. */
  readonly raw: boolean;
  /** It changes something that all clients of the broker feel: nothing else runs meanwhile. */
  readonly alone: boolean;
  /** A peer cannot do it at all: run here only, for the reason of this difference. */
  readonly hereOnly: AmqpDifferenceId | undefined;
}

export interface Topic {
  readonly name: string;
  readonly scenarios: readonly Scenario[];
}

type Choices = Partial<Pick<Scenario, 'raw' | 'alone' | 'hereOnly'>>;

export function scenario(name: string, spec: string, run: Scenario['run'], choices: Choices = {}): Scenario {
  return { name, spec, run, raw: false, alone: false, hereOnly: undefined, ...choices };
}

/** One that sends frames by hand. */
export function rawScenario(name: string, spec: string, run: Scenario['run'], choices: Choices = {}): Scenario {
  return scenario(name, spec, run, { raw: true, ...choices });
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
  private readonly clients: AmqpClient[] = [];
  private readonly raws: RawConnection[] = [];
  private readonly policies = new Map<string, Policy>();
  private first: Promise<AmqpClient> | undefined = undefined;

  constructor(broker: TestBroker, connect: Connect) {
    this.broker = broker;
    this.connect = connect;
  }

  /** A name that nobody else uses. */
  name(what = 'q'): string {
    return `${what}-${this.suffix}`;
  }

  /** A connection of its own. */
  async client(options: Partial<ConnectOptions> = {}): Promise<AmqpClient> {
    const client = await this.connect({ port: this.broker.amqpPort, ...options });
    this.clients.push(client);
    return client;
  }

  /** A channel on the scenario's first connection. */
  async channel(): Promise<AmqpChannel> {
    this.first ??= this.client();
    return (await this.first).openChannel();
  }

  /** A channel in confirm mode. */
  async confirming(): Promise<AmqpChannel> {
    const channel = await this.channel();
    await channel.confirmSelect();
    return channel;
  }

  async raw(options: Partial<RawOptions> = {}): Promise<RawConnection> {
    const raw = await RawConnection.open({ port: this.broker.amqpPort, ...options });
    this.raws.push(raw);
    return raw;
  }

  /** A raw connection with channel 1 open. */
  async rawChannel(options: Partial<RawOptions> = {}): Promise<RawConnection> {
    const raw = await this.raw(options);
    await raw.openChannel(1);
    return raw;
  }

  async setPolicy(name: string, policy: Policy): Promise<void> {
    this.policies.set(name, policy);
    await this.broker.setPolicy(name, policy);
  }

  async clearPolicy(name: string): Promise<void> {
    const kind = this.policies.get(name)?.kind;
    this.policies.delete(name);
    await this.broker.clearPolicy(name, kind);
  }

  /** Whether the broker this runs against does otherwise, which is then expected instead. */
  differs(id: AmqpDifferenceId): boolean {
    return differenceHere(this.broker.kind, id) !== undefined;
  }

  /** The call is refused by closing its channel (or its connection) with exactly this. */
  async refused(call: Promise<unknown>, replyCode: number, replyText: string): Promise<void> {
    const outcome = await within(
      call.then(
        () => 'it was allowed',
        (error: unknown) => (error instanceof ClosedByBroker ? word(error) : error),
      ),
      PATIENCE_MS,
      () => `no answer, where ${replyCode} ${replyText} was expected`,
    );
    expect(outcome).toBe(word({ replyCode, replyText }));
  }

  /** The channel or the connection is closed with exactly this. */
  async closes(what: { readonly closed: Promise<Closing> }, replyCode: number, replyText: string): Promise<void> {
    const closing = await within(what.closed, PATIENCE_MS, () => `not closed with ${replyCode} ${replyText}`);
    expect(word(closing)).toBe(word({ replyCode, replyText }));
  }

  /** Leaves nothing behind, whatever happened. */
  async end(): Promise<void> {
    for (const raw of this.raws) raw.cut();
    for (const [name, { kind }] of this.policies) await this.broker.clearPolicy(name, kind).catch(() => {});
    const closing = this.clients.map((client) => client.close().catch(() => client.cut()));
    await within(Promise.all(closing), 2_000, () => '').catch(() => {
      for (const client of this.clients) client.cut();
    });
  }
}

/** One line, so that a difference can be read at a glance. */
export const word = ({ replyCode, replyText }: Closing): string => `${replyCode} ${replyText}`;

/** Bodies as text, which is how most scenarios tell their messages apart. */
export const texts = (messages: readonly { readonly body: Buffer }[]): string[] =>
  messages.map((message) => message.body.toString('utf8'));

/** Takes everything out of a queue by basic.get, without acknowledgement. */
export async function drain(channel: AmqpChannel, queue: string): Promise<string[]> {
  const bodies: string[] = [];
  for (;;) {
    const message = await channel.get(queue, { noAck: true });
    if (message === undefined) return bodies;
    bodies.push(message.body.toString('utf8'));
  }
}

/** Asks again and again until the answer is this one. */
export async function eventually<T>(ask: () => T | Promise<T>, expected: T, timeoutMs = PATIENCE_MS): Promise<void> {
  let last: T | undefined;
  const holds = async (): Promise<boolean> => (last = await ask()) === expected;
  await until(holds, () => `${String(last)} is to become ${String(expected)}`, timeoutMs);
}

/** How many messages a queue has ready. */
export async function ready(channel: AmqpChannel, queue: string): Promise<number> {
  return (await channel.declareQueue(queue, { passive: true })).messageCount;
}
