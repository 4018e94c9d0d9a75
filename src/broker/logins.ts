/** Logins: whoever wants in is shown to the authenticator; how that ends, and how long it took, is counted, and told to the operator if it is no. */
import type { AuthExchange, Authenticator, Credentials, Identity, Refusal } from '../api/identity.ts';
import type { Clock } from '../clock/clock.ts';
import type { Traffic } from '../metrics/traffic.ts';
import type { ClientLog } from './client-log.ts';

/** Since the start. */
export interface LoginStatistics {
  readonly succeeded: number;
  readonly failed: number;
  /** Had to wait because of failures before them. */
  readonly delayed: number;
}

/** How often each reason has kept somebody out, by protocol. */
export type LoginRefusals = ReadonlyMap<string, Readonly<Partial<Record<Refusal['refused'], number>>>>;

export class Logins {
  succeeded = 0;
  failed = 0;
  /** Logins that were refused, by protocol; and how often each reason has kept somebody out. */
  readonly failedBy = new Map<string, number>();
  readonly refusals = new Map<string, Partial<Record<Refusal['refused'], number>>>();
  private readonly clock: Clock;
  private readonly traffic: Traffic;
  private readonly authenticator: Authenticator;
  private readonly clientLog: ClientLog;

  constructor(authenticator: Authenticator, clientLog: ClientLog, clock: Clock, traffic: Traffic) {
    this.clock = clock;
    this.traffic = traffic;
    this.authenticator = authenticator;
    this.clientLog = clientLog;
  }

  authenticate(credentials: Credentials, done: (result: Identity | Refusal) => void): void {
    const sinceMs = this.clock.monotonicMs();
    this.authenticator.authenticate(credentials, (result) => {
      this.ended(credentials, result, sinceMs);
      done(result);
    });
  }

  /** Undefined: there is no such mechanism. */
  begin(mechanism: string, credentials: Credentials): AuthExchange | undefined {
    const exchange = this.authenticator.begin?.(mechanism, credentials);
    if (exchange === undefined) {
      this.clientLog.refused(credentials.client, `there is no mechanism '${mechanism}'`);
      return undefined;
    }
    // What the client takes for its answers is not the broker's time.
    let workMs = 0;
    return {
      step: (data, done) => {
        const sinceMs = this.clock.monotonicMs();
        exchange.step(data, (step) => {
          workMs += this.clock.monotonicMs() - sinceMs;
          if (!('challenge' in step)) this.ended(credentials, step, this.clock.monotonicMs() - workMs);
          done(step);
        });
      },
    };
  }

  /** What the two may do is the same, as far as anybody can tell without asking. */
  sameRights(one: Identity, other: Identity): boolean {
    return this.authenticator.sameRights?.(one, other) ?? true;
  }

  private ended(
    { client }: Credentials,
    result: { readonly identity: Identity } | Identity | Refusal,
    sinceMs: number,
  ): void {
    const protocol = client.slice(0, Math.max(client.indexOf(' '), 0));
    this.traffic.of(protocol).loginTimes.add(this.clock.monotonicMs() - sinceMs);
    if ('refused' in result) {
      this.failed++;
      this.failedBy.set(protocol, (this.failedBy.get(protocol) ?? 0) + 1);
      this.refused(protocol, result.refused);
      this.clientLog.refused(client, result.reason);
    } else this.succeeded++;
  }

  /** Counts somebody who is kept out: here, or later on the way in. */
  refused(protocol: string, reason: Refusal['refused']): void {
    const counts = this.refusals.get(protocol) ?? {};
    counts[reason] = (counts[reason] ?? 0) + 1;
    this.refusals.set(protocol, counts);
  }
}
