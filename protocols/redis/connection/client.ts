/** The client of a connection once it is let in, and not before: all that a command's handler may use of it. */
import {
  AccessPending,
  type ConfirmRing,
  type ConfirmSink,
  MARK_NOW,
  type Mark,
  type Route,
  RouteMemo,
  type Session,
  type Share,
} from '../../../src/api/index.ts';
import type { Adapter } from '../adapter.ts';
import type { ReplyWriter } from '../codec/reply.ts';
import type { DeliveryWriter } from '../deliver/delivery-writer.ts';
import { Subscriptions } from '../deliver/subscriptions.ts';
import { Lists } from '../topology/lists.ts';

export interface ClientHost {
  readonly adapter: Adapter;
  readonly writer: DeliveryWriter;
  readonly share: Share;
  /** The next command waits until `answered`. */
  unanswered(): void;
  answered(): void;
  /** Nothing more is carried out until the answer has come; then `again` is called. */
  awaitAnswer(pending: AccessPending, again: () => void): void;
  /** What was owed has been written. */
  paid(): void;
  /** An error reply, or the connection's end if it is our own fault. */
  failed(error: unknown): void;
  /** The connection ends: its subscriptions were deleted. */
  unsubscribed(): void;
}

const NOT_KEPT = 'ERR the list is full, as much waits as may, or the log has failed: it is not kept';
/** What a step costs of `eachStep`, whatever it does. */
const STEP_UNITS = 8;

export class Client implements ConfirmSink {
  readonly adapter: Adapter;
  readonly session: Session;
  readonly writer: DeliveryWriter;
  readonly reply: ReplyWriter;
  readonly lists: Lists;
  readonly subscriptions: Subscriptions;
  /** Channels that it has published to lately. */
  readonly channelRoutes = new RouteMemo<Route>();
  private readonly ring: ConfirmRing;
  private readonly host: ClientHost;
  private abort: (() => void) | null = null;
  private sent: (() => void) | null = null;

  constructor(host: ClientHost, session: Session) {
    this.host = host;
    this.adapter = host.adapter;
    this.session = session;
    this.writer = host.writer;
    this.reply = host.writer.reply;
    this.lists = new Lists(session);
    this.subscriptions = new Subscriptions(host.adapter, session, host.writer, () => host.unsubscribed());
    this.ring = session.confirms(this);
  }

  /** Replies that wait for the log. */
  get owed(): number {
    return this.ring.size;
  }

  /** A command waits for something, and the client for its reply. */
  get waiting(): boolean {
    return this.abort !== null;
  }

  /** Replies with this number once `mark` is safe, after what is owed already; with an error if it was refused. */
  integerWhenSafe(value: number, mark: Mark): void {
    if (this.ring.size === 0 && mark === MARK_NOW) this.reply.integer(value);
    else this.ring.push(value, mark);
  }

  confirm(value: number, refused: boolean): void {
    if (!refused) this.reply.integer(value);
    else {
      this.adapter.stats.errorsSent++;
      this.reply.error(NOT_KEPT);
    }
  }

  confirmEnd(): void {
    this.host.paid();
  }

  /**
   * A command that goes on: the next one waits until `answered`.
   * @param abort the connection has gone meanwhile; nothing may be called any more
   */
  unanswered(abort: () => void): void {
    this.abort = abort;
    this.host.unanswered();
  }

  answered(): void {
    this.abort = null;
    this.host.answered();
  }

  /** What a callback has thrown: an error reply, as if the command itself had; or our own fault. */
  failed(error: unknown): void {
    this.host.failed(error);
  }

  /** Calls back once the large body that was begun is out. */
  whenSent(done: () => void): void {
    this.sent = done;
  }

  bodiesSent(): void {
    const { sent } = this;
    this.sent = null;
    sent?.();
  }

  /** Does `count` steps within the budget of work, then `done`; the next command waits for both. */
  eachStep(count: number, step: (index: number) => void, done: () => void): void {
    const { host } = this;
    const { share } = host;
    let next = 0;
    let failed = false;
    let pending: AccessPending | null = null;
    const guarded = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        if (error instanceof AccessPending) pending = error;
        else {
          failed = true;
          this.failed(error);
        }
      }
    };
    const goOn = (): void =>
      share.run(
        () => {
          while (next < count && !failed) {
            guarded(() => {
              step(next);
              next++;
            });
            share.work.spend(STEP_UNITS);
            if (pending !== null) return true;
            if (share.work.over) return failed || next === count;
          }
          return true;
        },
        () => {
          const awaited = pending;
          pending = null;
          // The same step again, once it is known whether it is permitted.
          if (awaited !== null) host.awaitAnswer(awaited, goOn);
          else if (!failed) guarded(done);
        },
      );
    goOn();
  }

  /** @param inOrder the client has said that it leaves */
  close(inOrder: boolean): void {
    this.abort?.();
    this.abort = null;
    this.sent = null;
    this.ring.close();
    this.subscriptions.close();
    this.session.close(inOrder);
  }
}
