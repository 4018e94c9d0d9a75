/**
 * What a scenario is: a name, and one function over what a client sees. It is run with each client library against each
 * server, and expects the same of both, unless it asks `differs` for a difference that is written down in differences.ts.
 */
import { expect } from 'vitest';
import { RawClient } from '../../test/protocols/redis/raw-client.ts';
import type { TestServer } from './brokers.ts';
import { type ClientLibrary, type RedisClient, Refused, type Subscriber } from './clients/client.ts';
import { REDIS_DIFFERENCES, type RedisDifferenceId } from './differences.ts';

export interface Scenario {
  readonly name: string;
  readonly run: (t: Run) => Promise<void>;
  /** It sends bytes by hand, so the client library makes no difference: one run a server. */
  readonly raw: boolean;
}

export interface Topic {
  readonly name: string;
  readonly scenarios: readonly Scenario[];
}

export const scenario = (name: string, run: Scenario['run']): Scenario => ({ name, run, raw: false });
export const byHand = (name: string, run: Scenario['run']): Scenario => ({ name, run, raw: true });
export const topic = (name: string, scenarios: readonly Scenario[]): Topic => ({ name, scenarios });

let runs = 0;

/** One run of one scenario: what it is given, and what is cleared away after it. */
export class Run {
  readonly server: TestServer;
  private readonly library: ClientLibrary;
  private readonly suffix = `${process.pid.toString(36)}-${(++runs).toString(36)}`;
  private readonly opened: { close(): Promise<void> }[] = [];

  constructor(server: TestServer, library: ClientLibrary) {
    this.server = server;
    this.library = library;
  }

  /** A name that nobody else uses. */
  name(what: string): string {
    return `${what}-${this.suffix}`;
  }

  async client(): Promise<RedisClient> {
    return this.closing(await this.library.client(this.server.port));
  }

  async subscriber(): Promise<Subscriber> {
    return this.closing(await this.library.subscriber(this.server.port));
  }

  async raw(): Promise<RawClient> {
    const raw = await RawClient.open(this.server.port);
    this.opened.push({ close: async () => raw.cut() });
    return raw;
  }

  /** Whether the server this runs against does otherwise, which is then expected instead. */
  differs(id: RedisDifferenceId): boolean {
    return this.server.kind === 'redis' && REDIS_DIFFERENCES[id] !== undefined;
  }

  /** The call ends in an error reply that says so. */
  async refused(call: Promise<unknown>, text: RegExp | string): Promise<void> {
    const error = await call.then(
      () => new Error('it was not refused'),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof Refused)) throw error;
    expect(error.message).toMatch(text);
  }

  /** Leaves nothing behind, whatever happened. */
  async end(): Promise<void> {
    for (const one of this.opened) await one.close().catch(() => {});
  }

  private closing<T extends { close(): Promise<void> }>(one: T): T {
    this.opened.push(one);
    return one;
  }
}
