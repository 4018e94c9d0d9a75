/** One pull: some messages of a queue, as many as there are, or the first that comes; each is held by a token until its holder says how it ended. */
import type { Backpressure, CancelReason, Consumer, DeliverySink } from '../../api/consume.ts';
import type { Session } from '../../api/session.ts';
import { type Clock, Timer } from '../../clock/clock.ts';
import { BrokerError } from '../../message/errors.ts';
import type { MessageView } from '../../message/message.ts';
import { deliveredMessage, type PeekedMessage } from '../messages/peek.ts';
import type { LeaseGroup } from './leases.ts';

export interface PullQuery {
  /** Messages at most. */
  readonly max: number;
  /** How long it waits for the first one; 0: not at all. */
  readonly waitMs: number;
  /** How long each is held. */
  readonly leaseMs: number;
  /** Of each body. */
  readonly bodyBytes: number;
  readonly selector?: string | undefined;
  /** Messages that are parked under these come first. */
  readonly deferralTokens?: readonly string[] | undefined;
}

/** What is not said of a query. */
export const PULL_DEFAULTS: PullQuery = { max: 1, waitMs: 0, leaseMs: 30_000, bodyBytes: 1024 * 1024 };

/** What a queue has may have to be read from the disk first. */
const FETCH_MS = 1_000;
/** Bytes of bodies in one answer, beside one message's. */
const BYTES_MAX = 4 * 1024 * 1024;

export class Pull implements DeliverySink, Backpressure, LeaseGroup {
  readonly user: string;
  readonly session: Session;
  consumer!: Consumer;
  held = 0;
  private readonly query: PullQuery;
  private readonly mayHaveSome: boolean;
  private readonly taken: { readonly slot: number; readonly message: PeekedMessage | Promise<PeekedMessage> }[] = [];
  private bytes = 0;
  private enough = false;
  private closed = false;
  /** Its user may not read the queue any more. */
  private refused = false;
  private resolve: () => void = () => {};
  private readonly timer = new Timer(() => this.resolve());
  private readonly clock: Clock;
  private readonly onClosed: () => void;

  /**
   * @param session of who pulls; closed with this
   * @throws BrokerError not-found, access-refused, resource-locked, not-allowed; AccessPending
   */
  constructor(session: Session, queue: string, query: PullQuery, clock: Clock, onClosed: () => void) {
    this.user = session.user;
    this.session = session;
    this.query = query;
    this.clock = clock;
    this.onClosed = onClosed;
    const { max, selector, deferralTokens } = query;
    this.mayHaveSome = session.checkQueue(queue).messages > 0 || deferralTokens !== undefined;
    session.consume(
      queue,
      {
        ...{ tag: 'pull', settled: false, exclusive: false, prefetch: max, passing: true, arguments: [] },
        ...(selector !== undefined && { selector }),
        ...(deferralTokens !== undefined && { deferralTokens }),
      },
      this,
      this,
    );
  }

  attached(consumer: Consumer): void {
    this.consumer = consumer;
  }

  get congested(): boolean {
    return this.enough || this.closed || this.taken.length >= this.query.max || this.bytes >= BYTES_MAX;
  }

  deliver(view: MessageView, slot: number): void {
    const { session, consumer } = this;
    const { bodyBytes } = this.query;
    this.bytes += Math.min(view.bodyLength, bodyBytes) + view.propsEnd - view.propsStart;
    this.taken.push({ slot, message: deliveredMessage(session, view, bodyBytes, consumer.tellsAttempts) });
    // What its queue hands out now comes together.
    if (this.taken.length === 1) queueMicrotask(() => this.resolve());
  }

  cancelled(reason: CancelReason): void {
    if (reason === 'queue-deleted') this.taken.length = 0;
    if (reason === 'access-refused') this.refused = true;
    this.resolve();
  }

  /**
   * What it has got, when there is something or the time is up.
   * @param lease returns the token of a slot
   * @throws BrokerError access-refused: that was taken away while it waited
   */
  async messages(lease: (slot: number) => string): Promise<{ token: string; message: PeekedMessage }[]> {
    // Without a wait it is what the queue hands out at the next turn's end, or has to fetch.
    if (this.taken.length === 0 && !this.closed) {
      await new Promise<void>((resolve) => {
        this.resolve = resolve;
        this.clock.schedule(this.timer, Math.max(this.query.waitMs, this.mayHaveSome ? FETCH_MS : 0));
      });
      this.clock.cancel(this.timer);
    }
    this.enough = true;
    if (this.refused && this.taken.length === 0) {
      this.close();
      throw new BrokerError('access-refused', `user '${this.user}' may not read the queue any more`);
    }
    if (this.closed) return [];
    const got = this.taken.map(({ slot, message }) => ({ token: lease(slot), message }));
    if (this.held === 0) this.close();
    else this.consumer.cancel();
    const whole: { token: string; message: PeekedMessage }[] = [];
    for (const { token, message } of got) whole.push({ token, message: await message });
    return whole;
  }

  onEmpty(): void {
    this.close();
  }

  /** What it holds goes back to its queue. Called at any time, from within a delivery too. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.onClosed();
    this.resolve();
    queueMicrotask(() => this.session.close(true));
  }
}
