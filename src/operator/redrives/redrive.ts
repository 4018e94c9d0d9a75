/**
 * One redrive at work: it moves what its plan wants out of a queue, round by round, each message a commit unit of its own, so that none
 * is ever twice or nowhere. How far it has come is written down now and then; what a restart does again finds only what is left.
 *
 * What cannot go anywhere (it has no origin, its queue is gone, its publisher may not) is left where it is and counted; where there is
 * no room, it waits and tries again.
 */
import type { Route } from '../../api/route.ts';
import type { Session, SessionClient } from '../../api/session.ts';
import type { Clock } from '../../clock/clock.ts';
import { Timer } from '../../clock/clock.ts';
import { BrokerError } from '../../message/errors.ts';
import { DOT, type MessageView } from '../../message/message.ts';
import { bytesOf } from '../../message/text.ts';
import type { BrowsedEntry } from '../../queue/browse/queue-browser.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import type { Pace } from '../listing/pace.ts';
import { type RelocateQuery, relocate } from '../messages/relocate.ts';
import { Outcomes } from './outcomes.ts';
import { ended, type LeftReason, type RedriveRecord } from './plan.ts';
import { originOf, Wanted } from './wanted.ts';

/** How often a rate is kept to. */
const TICK_MS = 20;
/** How long it waits before it tries again what was in the way. */
const WAIT_MS = 1_000;
/** Messages in a round at most, so that its record is never far behind. */
const ROUND_MAX = 20_000;
/** Routes to origins that are remembered. */
const ORIGINS_MAX = 1_000;

/** What a redrive is given to work with. */
export interface RedriveGround {
  readonly vhost: Vhost;
  readonly clock: Clock;
  readonly pace: Pace;
  /** A session of whoever began it. @throws BrokerError he may not, or nobody can tell who he is */
  enter(client: SessionClient): Session;
  /** Whether he may still take messages out of the queue. */
  mayRead(): boolean;
  /** Its record has changed. @param now it has come to an end or a halt */
  changed(record: RedriveRecord, now: boolean): void;
  /** It has come to an end or a halt. */
  ended(record: RedriveRecord): void;
}

export class Redrive {
  readonly record: RedriveRecord;
  /** Of the last messages, one by one. */
  readonly outcomes = new Outcomes();
  private readonly ground: RedriveGround;
  private readonly wanted: Wanted;
  private readonly origins = new Map<string, Route>();
  private readonly timer = new Timer(() => this.wake());
  private session: Session | null = null;
  private working = false;
  /** Why the last one led nowhere. */
  private leftWhy: 'unroutable' | 'no-origin' = 'unroutable';
  /** Where the message at hand goes. */
  private goesTo = '';
  private closed = false;
  /** Messages that the rate allows, and when that was worked out. */
  private allowed = 0;
  private allowedAtMs = 0;
  private wake: () => void = () => {};

  /** @throws BrokerError invalid: its selector cannot be read */
  constructor(record: RedriveRecord, ground: RedriveGround) {
    this.record = record;
    this.ground = ground;
    this.wanted = new Wanted(record.plan, ground.vhost);
  }

  /** Goes on, if it is not at work and has not come to its end. */
  start(): void {
    const { record } = this;
    const { progress } = record;
    if (this.closed || progress.state === 'done') return;
    progress.state = 'running';
    progress.why = '';
    progress.endedAtMs = 0;
    this.ground.changed(record, true);
    if (this.working) return;
    this.working = true;
    void this.work();
  }

  /** After the message at hand. */
  stop(why: string): void {
    if (ended(this.record)) return;
    this.end('stopped', why);
  }

  /** The broker stops: the next start goes on with it. */
  close(): void {
    this.closed = true;
    this.ground.changed(this.record, true);
    this.release();
  }

  private async work(): Promise<void> {
    const { record, ground } = this;
    try {
      this.session = ground.enter({ uncongested() {}, kicked: (reason) => this.stop(reason) });
      this.allowedAtMs = ground.clock.monotonicMs();
      while (!this.closed && !ended(record)) await this.round();
    } catch (error) {
      if (!this.closed) this.stop((error as Error).message);
    } finally {
      this.working = false;
      this.release();
    }
  }

  private async round(): Promise<void> {
    const { record, ground } = this;
    const { plan, progress } = record;
    const most = Math.min(plan.limit - progress.moved, this.allowance(), ROUND_MAX);
    if (most < 1) return this.wait(TICK_MS);
    const queue = ground.vhost.topology.queues.get(record.queue);
    if (queue === undefined || queue.abandoned) throw new BrokerError('not-found', `queue '${record.queue}' is gone`);
    if (!ground.mayRead()) {
      throw new BrokerError('access-refused', `user '${record.user}' may not read queue '${record.queue}' any more`);
    }
    const query: RelocateQuery = {
      from: { position: progress.next, backwards: false },
      ...{ filter: this.wanted.filter, keep: false, limit: most, before: record.before },
      ...{ to: (view: MessageView) => this.routeOf(view), forgetDeaths: plan.attempts === 'reset' },
      ...(this.session !== null && { by: this.session }),
      onDone: ({ seq }: BrowsedEntry) => this.outcomes.add(seq, ground.vhost.clock.epochMs(), undefined, this.goesTo),
      wants: (entry: BrowsedEntry, view: MessageView) => this.wants(entry, view),
    };
    this.leftWhy = 'unroutable';
    const result = await relocate(ground.vhost, queue, query, ground.pace);
    progress.scanned += result.scanned;
    progress.moved += result.done;
    this.allowed -= result.done;
    progress.next = result.next?.position ?? record.before;
    if (ended(record) || this.closed) return;
    if (progress.moved >= plan.limit || (result.next === undefined && result.stopped === undefined)) {
      this.end('done', '');
      return;
    }
    if (result.stopped === 'queue-full' || result.stopped === 'no-room') {
      progress.state = 'waiting';
      progress.why =
        result.stopped === 'queue-full' ? 'a queue that it leads to is full' : 'the broker takes no more for now';
      ground.changed(record, false);
      return this.wait(WAIT_MS);
    }
    if (result.stopped !== undefined) {
      const why = result.stopped === 'access-refused' ? 'access-refused' : (this.leftWhy as LeftReason);
      progress.left[why]++;
      this.outcomes.add(progress.next, ground.vhost.clock.epochMs(), why, why === 'no-origin' ? '' : this.goesTo);
      progress.scanned++;
      progress.next++;
    }
    progress.state = 'running';
    progress.why = '';
    ground.changed(record, false);
  }

  /** How many the rate allows now. */
  private allowance(): number {
    const { rate } = this.record.plan;
    if (rate === 0) return Number.POSITIVE_INFINITY;
    const nowMs = this.ground.clock.monotonicMs();
    this.allowed = Math.min(Math.max(1, rate), this.allowed + ((nowMs - this.allowedAtMs) * rate) / 1_000);
    this.allowedAtMs = nowMs;
    return Math.floor(this.allowed);
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
      this.ground.clock.schedule(this.timer, ms);
    });
  }

  private wants(entry: BrowsedEntry, view: MessageView): boolean {
    return !this.closed && !ended(this.record) && this.wanted.includes(entry, view);
  }

  private routeOf(view: MessageView): Route | null {
    const { to } = this.record.plan;
    const session = this.session!;
    if (to !== 'origin') this.goesTo = 'queue' in to ? to.queue : to.exchange;
    if (to !== 'origin' && 'exchange' in to && to.routingKey === undefined) {
      return session.route(to.exchange, view.spelling, view.head, view.keyStart, view.keyEnd);
    }
    if (to !== 'origin' && 'exchange' in to) return this.known(to.exchange, to.routingKey!);
    const queue = to === 'origin' ? originOf(view) : to.queue;
    if (queue === undefined) {
      this.leftWhy = 'no-origin';
      return null;
    }
    this.leftWhy = 'unroutable';
    this.goesTo = queue;
    return this.known('', queue);
  }

  private known(exchange: string, key: string): Route {
    const known = this.origins.get(key);
    if (known?.valid === true) return known;
    if (this.origins.size >= ORIGINS_MAX) this.origins.clear();
    const bytes = bytesOf(key);
    const route = this.session!.route(exchange, DOT, bytes, 0, bytes.length);
    this.origins.set(key, route);
    return route;
  }

  private end(state: 'done' | 'stopped', why: string): void {
    const { record, ground } = this;
    const { progress } = record;
    progress.state = state;
    progress.why = why;
    progress.endedAtMs = ground.clock.epochMs();
    ground.changed(record, true);
    ground.ended(record);
    this.wakeUp();
  }

  private release(): void {
    this.wakeUp();
    this.session?.close(true);
    this.session = null;
  }

  private wakeUp(): void {
    this.ground.clock.cancel(this.timer);
    this.wake();
  }
}
