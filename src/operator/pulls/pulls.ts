/**
 * Pulling: messages of a queue for who asks for some, and comes back to say how each ended; no connection has to stay for it. What is
 * held is held by tokens (`Leases`), so that a worker that dies costs its messages no more than the time of a lease.
 */
import { ACCEPTED, MODIFIED, type Outcome, REJECTED, RELEASED } from '../../api/consume.ts';
import type { Identity } from '../../api/identity.ts';
import type { Session } from '../../api/session.ts';
import type { Broker } from '../../broker/broker.ts';
import { BrokerError } from '../../message/errors.ts';
import { LOCAL_OPERATOR } from '../local-operator.ts';
import type { PeekedMessage } from '../messages/peek.ts';
import type { Entering } from '../subscriptions/subscriptions.ts';
import { whenKnown } from '../when-known.ts';
import { type Deferral, LEASES_MAX, type LeaseGroup, Leases } from './leases.ts';
import { Pull, type PullQuery } from './pull.ts';

/** Pulls that wait, or hold something. */
const PULLS_MAX = 10_000;

/** Done with; to be tried again, as a failed attempt; to be dead-lettered; only given back. */
export type LeaseEnd = 'ack' | 'retry' | 'reject' | 'release';

const OUTCOMES: Readonly<Record<LeaseEnd, Outcome>> = {
  ack: ACCEPTED,
  retry: MODIFIED,
  reject: REJECTED,
  release: RELEASED,
};

export interface Pulled {
  readonly token: string;
  readonly message: PeekedMessage;
}

export class Pulls {
  private readonly broker: Broker;
  private readonly leases: Leases;
  private readonly open = new Set<Pull>();

  constructor(broker: Broker) {
    this.broker = broker;
    this.leases = new Leases(broker.clock);
  }

  /** Messages that are held, and how many leases have run out. */
  get counts(): { readonly held: number; readonly expired: number } {
    return { held: this.leases.size, expired: this.leases.expired };
  }

  /**
   * @param signal aborted: nobody waits for the answer any more
   * @throws BrokerError not-found, access-refused, resource-locked, invalid (the selector), unavailable: too much is held already
   */
  async pull(entering: Entering, queue: string, query: PullQuery, signal?: AbortSignal): Promise<readonly Pulled[]> {
    if (this.open.size >= PULLS_MAX || this.leases.size + query.max > LEASES_MAX) {
      throw new BrokerError('unavailable', `${this.leases.size} messages are held by ${this.open.size} pulls already`);
    }
    const pull = await this.begun(entering, queue, query);
    const aborted = (): void => pull.close();
    signal?.addEventListener('abort', aborted, { once: true });
    if (signal?.aborted === true) aborted();
    try {
      return await pull.messages((slot) => this.leases.add(pull, slot, query.leaseMs));
    } finally {
      signal?.removeEventListener('abort', aborted);
    }
  }

  private async begun(entering: Entering, queue: string, query: PullQuery): Promise<Pull> {
    let pull: Pull | undefined;
    let over = false;
    const close = (): void => {
      over = true;
      pull?.close();
    };
    const session = await entering({ uncongested() {}, accessLost: close, expired: close, kicked: close });
    try {
      pull = await whenKnown(() => this.made(session, queue, query));
    } catch (error) {
      session.close(true);
      throw error;
    }
    if (over) pull.close();
    return pull;
  }

  private made(session: Session, queue: string, query: PullQuery): Pull {
    const pull: Pull = new Pull(session, queue, query, this.broker.clock, () => {
      this.open.delete(pull);
      this.leases.drop(pull);
    });
    this.open.add(pull);
    return pull;
  }

  /**
   * Ends messages that this user holds; resolves when that is safe. Default, here and below: a program that holds the broker.
   * @returns the tokens that are nobody's: run out, ended already, another user's
   * @throws BrokerError unavailable: the log has failed
   */
  async end(tokens: readonly string[], end: LeaseEnd, { user }: Identity = LOCAL_OPERATOR): Promise<readonly string[]> {
    const { groups, gone } = this.leases.settle(user, tokens, OUTCOMES[end]);
    await this.whenSafe(groups);
    return gone;
  }

  /** Parks messages that this user holds; as `end`. Those that their queue cannot park are among those returned. */
  async defer(
    tokens: readonly string[],
    deferral: Deferral,
    { user }: Identity = LOCAL_OPERATOR,
  ): Promise<readonly string[]> {
    const { groups, gone } = this.leases.defer(user, tokens, deferral);
    await this.whenSafe(groups);
    return gone;
  }

  private async whenSafe(groups: ReadonlySet<LeaseGroup>): Promise<void> {
    const safe = [...groups].map(
      (group) =>
        new Promise<boolean>((resolve) => {
          const { session } = group;
          session.whenSafe(session.mark(), resolve);
        }),
    );
    const failed = (await Promise.all(safe)).includes(true);
    for (const group of groups) this.leases.release(group);
    if (failed) throw new BrokerError('unavailable', 'the log has failed');
  }

  /** They are held for so long from now on. @returns the tokens that are nobody's */
  renew(tokens: readonly string[], leaseMs: number, { user }: Identity = LOCAL_OPERATOR): readonly string[] {
    return this.leases.renew(user, tokens, leaseMs);
  }

  /** The broker stops: what is held goes back. */
  close(): void {
    for (const pull of [...this.open]) pull.close();
    this.leases.stop();
  }
}
