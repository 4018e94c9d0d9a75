/**
 * Half messages: stored, in no queue, until their publisher says that they are to be (`HalfMessage`). Each lies among the delayed
 * messages as one without a time; what is known of it besides is a fact in the vhost's state (`half:ID`), of the same commit unit.
 *
 *     prepare ──▶ half:ID, held ──commit──▶ delayed until now: routed like any delayed message, and half-over:ID
 *                     │  ▲      └─rollback─▶ gone, and half-over:ID
 *              silent ▼  │ asked at its check address, in growing intervals; after the last the vhost's default
 *
 * How one ended is remembered for a while, so that who has lost the answer may ask again; nobody but its publisher may end it.
 */
import { MARK_REFUSED, type Mark } from '../../api/confirms.ts';
import { type Clock, Timer } from '../../clock/clock.ts';
import { BrokerError } from '../../message/errors.ts';
import { HALF_HEADER, HALF_ID_HEADER, type HalfMessage } from '../../message/half-message.ts';
import { AT_LEAST_ONCE, DOT, Draft } from '../../message/message.ts';
import { encodeNeutral, NEUTRAL_DIALECT } from '../../message/neutral-dialect.ts';
import { dotted } from '../../message/spelling.ts';
import { bytesOf } from '../../message/text.ts';
import type { Queue } from '../../queue/queue.ts';
import type { Exchange } from '../../routing/exchange.ts';
import type { CompiledRoute } from '../../routing/route.ts';
import type { Router } from '../../routing/router.ts';
import type { CommitUnits } from '../commit-units.ts';
import type { Counters } from '../counters.ts';
import type { SubscriberFlowControl } from '../flow/subscriber-flow-control.ts';
import type { JournaledState } from '../journal/adapter-state.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { Publisher } from '../publish/publisher.ts';
import type { Delays } from '../timers/delays.ts';
import { DueHeap } from '../timers/due-heap.ts';

export interface HalfMessageRules {
  /** How long its publisher may be silent before the broker asks; each further interval is twice as long, up to `CHECK_MAX_MS`. */
  readonly checkAfterMs: number;
  /** How often it asks. */
  readonly checks: number;
  /** What becomes of one whose publisher never answers. */
  readonly otherwise: 'commit' | 'rollback';
}

/** RocketMQ's: 6 s (`transactionTimeOut`), 15 times (`transactionCheckMax`), then it is not delivered. */
export const HALF_MESSAGE_RULES: HalfMessageRules = { checkAfterMs: 6_000, checks: 15, otherwise: 'rollback' };

const PREFIX = 'half:';
const OVER = 'half-over:';
/** Of a vhost; more are refused. */
export const HALF_MESSAGES_MAX = 100_000;
const CHECK_MAX_MS = 300_000;
/** How long the end of one is remembered, and of how many at most. */
const OVER_MS = 600_000;
const OVER_MAX = 10_000;
/** The wall clock may be set: nothing is waited for longer than this without a look at it. */
const WAIT_MAX_MS = 60_000;
const TOPICS = 'amq.topic';
/** Asked for in one turn. */
const CHECKED_A_TURN = 100;

interface Held {
  readonly seq: number;
  readonly user: string;
  readonly check: string;
  readonly preparedAtMs: number;
  /** It is delayed once it is committed. */
  readonly delayMs: number;
  /** Where it goes, and its keys, dotted; '' is the default exchange. Undefined: an earlier build has not written it down. */
  readonly exchange?: string;
  readonly keys?: readonly string[];
  /** How often it was asked for, and when it is next. */
  asked: number;
  nextMs: number;
}

/** Where a message goes: its sender is asked for that. */
export interface HalfMessageAddress {
  /** Undefined: it is gone by now, or the default one. */
  readonly exchange: Exchange<Queue> | undefined;
  readonly exchangeName: string;
  /** Dotted. */
  readonly keys: readonly string[];
}

interface Over {
  readonly user: string;
  readonly committed: boolean;
  readonly untilMs: number;
}

export interface HalfMessageView {
  readonly id: string;
  readonly user: string;
  readonly checkAddress: string;
  readonly preparedAtMs: number;
  readonly asked: number;
  readonly nextMs: number;
}

export interface HalfMessagesParts {
  readonly vhost: string;
  readonly clock: Clock;
  readonly state: JournaledState;
  readonly delays: Delays;
  readonly units: CommitUnits;
  readonly router: Router<Queue>;
  readonly publisher: Publisher;
  readonly counters: Counters;
  readonly subscriberFlow: SubscriberFlowControl;
  readonly lifecycle: Lifecycle;
  readonly queues: ReadonlyMap<string, Queue>;
  readonly exchanges: ReadonlyMap<string, Exchange<Queue>>;
  readonly rules: HalfMessageRules;
}

export class HalfMessages {
  private readonly parts: HalfMessagesParts;
  private readonly held = new Map<string, Held>();
  private readonly idBySeq = new Map<number, string>();
  private readonly over = new Map<string, Over>();
  /** When each is asked for next; entries of those that have ended say nothing. */
  private readonly heap = new DueHeap();
  private readonly timer = new Timer(() => this.check());

  constructor(parts: HalfMessagesParts) {
    this.parts = parts;
    const { state } = parts;
    for (const key of state.keys(PREFIX)) this.keep(key.slice(PREFIX.length), JSON.parse(state.get(key)!.toString()));
    for (const key of state.keys(OVER)) {
      this.over.set(key.slice(OVER.length), JSON.parse(state.get(key)!.toString()) as Over);
    }
  }

  get size(): number {
    return this.held.size;
  }

  /** Everything else is there. */
  begin(): void {
    this.arm();
  }

  stop(): void {
    this.parts.clock.cancel(this.timer);
  }

  *all(): Generator<HalfMessageView> {
    for (const [id, { user, check, preparedAtMs, asked, nextMs }] of this.held) {
      yield { id, user, checkAddress: check, preparedAtMs, asked, nextMs };
    }
  }

  /**
   * Carries out what a publish says. MARK_REFUSED: there is none of this name, it is another's, or there are too many.
   * @throws BrokerError precondition-failed: what it says makes no sense
   */
  take(route: CompiledRoute<Queue>, draft: Draft): Mark {
    const half = draft.half!;
    if (half.wrong !== undefined) {
      this.parts.delays.discard(draft);
      throw new BrokerError('precondition-failed', half.wrong);
    }
    draft.routed = 1;
    if (half.action === 'prepare') return this.prepare(route, draft, half);
    this.parts.delays.discard(draft);
    return this.end(half.id, half.user, half.action);
  }

  private prepare(route: CompiledRoute<Queue>, draft: Draft, { id, user, checkAddress }: HalfMessage): Mark {
    const { clock, counters, delays, state, units, rules } = this.parts;
    const known = this.held.get(id) ?? this.remembered(id);
    if (known !== undefined && known.user === user) {
      // Its publisher has lost the answer: it is stored already.
      counters.halfRepeated++;
      delays.discard(draft);
      return units.mark();
    }
    if (known !== undefined || this.held.size >= HALF_MESSAGES_MAX) {
      counters.refusedHalf++;
      delays.discard(draft);
      return MARK_REFUSED;
    }
    if (draft.assurance < AT_LEAST_ONCE) draft.assurance = AT_LEAST_ONCE;
    const nowMs = clock.epochMs();
    const delayMs = draft.dueMs >= 0 ? Math.max(0, draft.dueMs - nowMs) : Math.max(0, draft.delayMs);
    units.begin();
    const seq = delays.hold(route, draft);
    if (seq >= 0) {
      const nextMs = nowMs + rules.checkAfterMs;
      const exchange = route.exchange === null ? '' : route.exchange.name;
      const keys = route.keys === null ? [route.key] : route.keys.map((key) => dotted(key, route.spelling));
      const address = { exchange, keys };
      const held: Held = { seq, user, check: checkAddress, preparedAtMs: nowMs, delayMs, ...address, asked: 0, nextMs };
      state.put(PREFIX + id, Buffer.from(JSON.stringify(held)));
      this.keep(id, held);
      counters.halfPrepared++;
      this.arm();
    }
    const mark = units.end();
    return seq >= 0 ? mark : MARK_REFUSED;
  }

  /** @param user whose it must be; null: an operator's word */
  end(id: string, user: string | null, action: 'commit' | 'rollback'): Mark {
    const { counters, delays, units } = this.parts;
    const held = this.held.get(id);
    const committed = action === 'commit';
    if (held === undefined) {
      const over = this.remembered(id);
      if (over !== undefined && (user === null || over.user === user) && over.committed === committed)
        return units.mark();
    }
    if (held === undefined || (user !== null && held.user !== user)) {
      counters.refusedHalf++;
      return MARK_REFUSED;
    }
    units.begin();
    if (committed) delays.letGo(held.seq, this.parts.clock.epochMs() + held.delayMs);
    else delays.drop(held.seq);
    if (committed) counters.halfCommitted++;
    else counters.halfRolledBack++;
    this.forget(id, held, committed);
    return units.end();
  }

  private keep(id: string, held: Held): void {
    this.held.set(id, held);
    this.idBySeq.set(held.seq, id);
    this.heap.add(held.nextMs, held.seq, 0);
  }

  private forget(id: string, { seq, user }: Held, committed: boolean): void {
    const { clock, state } = this.parts;
    this.held.delete(id);
    this.idBySeq.delete(seq);
    state.delete(PREFIX + id);
    const nowMs = clock.epochMs();
    for (const [old, { untilMs }] of this.over) {
      if (untilMs > nowMs && this.over.size < OVER_MAX) break;
      this.over.delete(old);
      state.delete(OVER + old);
    }
    const over: Over = { user, committed, untilMs: nowMs + OVER_MS };
    this.over.set(id, over);
    state.put(OVER + id, Buffer.from(JSON.stringify(over)));
  }

  private remembered(id: string): Over | undefined {
    const over = this.over.get(id);
    return over !== undefined && over.untilMs > this.parts.clock.epochMs() ? over : undefined;
  }

  // ---------------------------------------------------------------------------------------- asking who says nothing

  private arm(): void {
    if (this.heap.size === 0) return;
    const waitMs = Math.min(WAIT_MAX_MS, this.heap.due - this.parts.clock.epochMs());
    this.parts.clock.schedule(this.timer, Math.max(0, waitMs));
  }

  private check(): void {
    const { clock, counters, lifecycle, rules, state, publisher, subscriberFlow } = this.parts;
    if (lifecycle.stopping) return;
    const { heap } = this;
    const nowMs = clock.epochMs();
    let done = 0;
    while (heap.size > 0 && heap.due <= nowMs && done++ < CHECKED_A_TURN) {
      const { due, seq } = heap;
      heap.shift();
      const id = this.idBySeq.get(seq);
      const held = id === undefined ? undefined : this.held.get(id);
      if (id === undefined || held === undefined || held.nextMs !== due) continue;
      if (held.asked >= rules.checks) {
        counters.halfUnanswered++;
        this.end(id, null, rules.otherwise);
        continue;
      }
      held.asked++;
      held.nextMs = nowMs + Math.min(CHECK_MAX_MS, rules.checkAfterMs * 2 ** held.asked);
      state.put(PREFIX + id, Buffer.from(JSON.stringify(held)));
      heap.add(held.nextMs, seq, 0);
      if (held.check !== '') publisher.publish(this.routeTo(held.check), checkDraft(id, held.asked));
    }
    subscriberFlow.nobodyWaits();
    this.arm();
  }

  /** Where the message of this name goes that waits; undefined: there is none, or that is not known. */
  addressOf(id: string): HalfMessageAddress | undefined {
    const { exchange, keys } = this.held.get(id) ?? {};
    if (exchange === undefined || keys === undefined) return undefined;
    return { exchange: this.parts.exchanges.get(exchange), exchangeName: exchange, keys };
  }

  /** A queue of that name, or else whoever has bound the topic. */
  routeTo(address: string): CompiledRoute<Queue> {
    const { queues, router, vhost } = this.parts;
    const key = bytesOf(address);
    return router.route(queues.has(address) ? '' : TOPICS, DOT, key, 0, key.length, vhost);
  }
}

function checkDraft(id: string, asked: number): Draft {
  const draft = new Draft();
  const props = encodeNeutral({
    headers: [
      { name: HALF_HEADER, value: 'check' },
      { name: HALF_ID_HEADER, value: id },
      { name: 'x-half-checks', value: { type: 'int32', value: asked } },
    ],
  });
  draft.dialect = NEUTRAL_DIALECT.id;
  draft.assurance = AT_LEAST_ONCE;
  draft.props = props;
  draft.propsEnd = props.length;
  return draft;
}
