/**
 * Lists, which are queues: one way in and one way out.
 *
 *     filled with LPUSH   newest ─▶ │ d │ c │ b │ a │ ─▶ oldest    emptied with RPOP, BRPOP
 *     filled with RPUSH   the same queue seen from the other side  emptied with LPOP, BLPOP
 *
 * Which of the two a list is, is found out with the first command that fills or empties it, and kept in the vhost's log
 * until DEL. What takes from the end that is filled, or fills the end that is taken from, would need a stack, and is refused.
 */
import {
  BrokerError,
  DOT,
  MARK_NOW,
  type Mark,
  type QueueInfo,
  type QueueOptions,
  type Route,
  RouteMemo,
  type Session,
  textOf,
} from '../../../src/api/index.ts';
import { CommandError } from '../connection/error-replies.ts';

/** The end that a list is filled at. */
export type End = 'left' | 'right';

/** Where elements for a list go. */
export interface PublishTarget {
  readonly name: string;
  readonly filledAt: End;
  readonly route: Route;
}

const LIST: QueueOptions = { durable: true, exclusive: false, autoDelete: false, arguments: [] };
const STATE_PREFIX = 'redis/list/';

export class Lists {
  private readonly targets = new RouteMemo<PublishTarget>();
  private readonly session: Session;

  constructor(session: Session) {
    this.session = session;
  }

  /** Elements that wait in it; 0 for one that is not there. @throws BrokerError resource-locked, access-refused; AccessPending */
  length(name: string): number {
    return this.told(name)?.messages ?? 0;
  }

  /** What it is like, for whoever may do anything with it; of others even that it is not there is not for everybody. */
  private told(name: string): QueueInfo | undefined {
    try {
      return this.session.passiveQueue(name);
    } catch (error) {
      if (error instanceof BrokerError && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  /**
   * The list, made if it has to be, to be filled at this end or emptied at the other one.
   * @throws CommandError it is filled at the other end; BrokerError not permitted
   */
  open(name: string, filledAt: End): void {
    const { session } = this;
    if (!session.queueExists(name)) {
      session.declareQueue(name, LIST);
      session.state.put(STATE_PREFIX + name, Buffer.from(filledAt));
    } else this.demand(name, filledAt);
  }

  /** Whether it is there, to be emptied. @throws CommandError it is filled at the other end */
  find(name: string, filledAt: End): boolean {
    if (!this.session.queueExists(name) && this.told(name) === undefined) return false;
    this.demand(name, filledAt);
    return true;
  }

  private demand(name: string, filledAt: End): void {
    const known = this.session.state.get(STATE_PREFIX + name);
    if (known !== undefined && known.latin1Slice() !== filledAt) throw turned(name, filledAt);
  }

  /** The list, which is there, has been filled or emptied at this end by who may: from now on it is that. */
  remember(name: string, filledAt: End): void {
    const { state } = this.session;
    if (state.get(STATE_PREFIX + name) === undefined) state.put(STATE_PREFIX + name, Buffer.from(filledAt));
  }

  /** Where elements for this list go. Throws as `open`. */
  resolveTarget(key: Buffer, start: number, end: number, filledAt: End): PublishTarget {
    const known = this.targets.find(key, start, start, start, end);
    if (known?.route.valid === true && known.filledAt === filledAt) return known;
    const name = textOf(key, start, end);
    this.open(name, filledAt);
    const target = { name, filledAt, route: this.session.route('', DOT, key, start, end) };
    this.remember(name, filledAt);
    const { keyBytes } = target.route;
    this.targets.set(keyBytes, 0, 0, 0, keyBytes.length, target);
    return target;
  }

  /**
   * DEL: the list goes, unless others read it, and then only its elements do. `done` is told whether there were any.
   * @throws BrokerError not permitted
   */
  delete(name: string, done: (had: boolean, mark: Mark) => void): void {
    const { session } = this;
    const there = this.told(name);
    if (there === undefined) {
      done(false, MARK_NOW);
      return;
    }
    if (there.consumers > 0) {
      session.purgeQueue(name, ({ messages, mark }) => done(messages > 0, mark));
      return;
    }
    const { messages } = session.deleteQueue(name, false, false);
    session.state.delete(STATE_PREFIX + name);
    done(messages > 0, session.mark());
  }
}

function turned(name: string, filledAt: End): CommandError {
  const [fills, empties] = filledAt === 'left' ? ['RPUSH', 'LPOP'] : ['LPUSH', 'RPOP'];
  return new CommandError(
    `ERR list '${name}' is a queue that is filled with ${fills} and emptied with ${empties}: it has no other order (DEL turns it round)`,
  );
}
