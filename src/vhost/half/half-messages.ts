/**
 * Half messages: stored, in no queue, until their publisher says that they are to be (`HalfMessage`). Each lies among the delayed
 * messages as one without a time; what is known of it besides is a fact in the vhost's state (`half:ID`), of the same commit unit.
 *
 *     prepare ──▶ half:ID, held ──commit──▶ delayed until now: routed like any delayed message, and half-over:ID
 *                     │  ▲      └─rollback─▶ gone, and half-over:ID
 *              silent ▼  │ asked at its check address, in growing intervals; after the last the policy's default, or the vhost's
 *
 * How one ended is remembered for a while, so that who has lost the answer may ask again; nobody but its publisher may end it. Ids are each
 * user's own: nobody can take another's name for his message, or learn by trying whether it is in use.
 *
 * What the broker publishes by itself (a question, or a message whose publisher stays silent) is published in the sender's name: he must be one who may.
 */
import { MARK_REFUSED, type Mark } from '../../api/confirms.ts';
import { AccessPending } from '../../api/pending.ts';
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
import type { HalfMessageRules } from './rules.ts';

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
/** Somebody has to be asked first what its sender may do. */
const RETRY_MS = 100;

interface Held {
  /** Undefined: an earlier build has it in the fact's name. */
  readonly id?: string;
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
  /** As of `Held`. */
  readonly id?: string;
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
  /** What policies say of messages to an exchange, and key. */
  policy(exchange: string, key: string): Partial<HalfMessageRules>;
  /** As `VhostOptions.mayPublish`. @throws AccessPending */
  mayPublish(user: string, exchange: string, key: string): boolean;
}

/** One that waits, and the name of its fact. */
interface Waiting {
  readonly id: string;
  readonly fact: string;
  readonly held: Held;
}

export class HalfMessages {
  private readonly parts: HalfMessagesParts;
  /** By whose it is and its id (`nameOf`). */
  private readonly held = new Map<string, Waiting>();
  private readonly bySeq = new Map<number, Waiting>();
  private readonly over = new Map<string, { readonly fact: string; readonly over: Over }>();
  /** When each is asked for next; entries of those that have ended say nothing. */
  private readonly heap = new DueHeap();
  private readonly timer = new Timer(() => this.check());

  constructor(parts: HalfMessagesParts) {
    this.parts = parts;
    const { state } = parts;
    for (const fact of state.keys(PREFIX)) {
      const held = JSON.parse(state.get(fact)!.toString()) as Held;
      this.keep(held.id ?? fact.slice(PREFIX.length), fact, held);
    }
    for (const fact of state.keys(OVER)) {
      const over = JSON.parse(state.get(fact)!.toString()) as Over;
      this.over.set(nameOf(over.user, over.id ?? fact.slice(OVER.length)), { fact, over });
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
    for (const { id, held } of this.held.values()) {
      const { user, check, preparedAtMs, asked, nextMs } = held;
      yield { id, user, checkAddress: check, preparedAtMs, asked, nextMs };
    }
  }

  /**
   * Carries out what a publish says. MARK_REFUSED: its user has none of this name, or there are too many.
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
    const { clock, counters, delays, state, units } = this.parts;
    const name = nameOf(user, id);
    if (this.held.has(name) || this.remembered(name) !== undefined) {
      // Its publisher has lost the answer: it is stored already.
      counters.halfRepeated++;
      delays.discard(draft);
      return units.mark();
    }
    if (this.held.size >= HALF_MESSAGES_MAX) {
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
      const exchange = route.exchange === null ? '' : route.exchange.name;
      const keys = route.keys === null ? [route.key] : route.keys.map((key) => dotted(key, route.spelling));
      const address = { exchange, keys };
      const nextMs = nowMs + this.rulesOf(address).checkAfterMs;
      const made = { preparedAtMs: nowMs, delayMs, ...address, asked: 0, nextMs };
      const held: Held = { id, seq, user, check: checkAddress, ...made };
      state.put(PREFIX + name, Buffer.from(JSON.stringify(held)));
      this.keep(id, PREFIX + name, held);
      counters.halfPrepared++;
      this.arm();
    }
    const mark = units.end();
    return seq >= 0 ? mark : MARK_REFUSED;
  }

  /** Ends one of this user's. MARK_REFUSED: he has none of this name. */
  end(id: string, user: string, action: 'commit' | 'rollback'): Mark {
    const { counters, units } = this.parts;
    const name = nameOf(user, id);
    const waiting = this.held.get(name);
    if (waiting !== undefined) return this.endOne(waiting, action);
    if (this.remembered(name)?.committed === (action === 'commit')) return units.mark();
    counters.refusedHalf++;
    return MARK_REFUSED;
  }

  /** Whose messages have this id, those that wait and those whose end is remembered: an operator knows no more of them. */
  usersOf(id: string): string[] {
    const found = new Set<string>();
    for (const { id: one, held } of this.held.values()) if (one === id) found.add(held.user);
    for (const [name, { over }] of this.over) if (name === nameOf(over.user, id)) found.add(over.user);
    return [...found];
  }

  private endOne(waiting: Waiting, action: 'commit' | 'rollback'): Mark {
    const { clock, counters, delays, units } = this.parts;
    const { seq, delayMs } = waiting.held;
    const committed = action === 'commit';
    units.begin();
    if (committed) delays.letGo(seq, clock.epochMs() + delayMs);
    else delays.drop(seq);
    if (committed) counters.halfCommitted++;
    else counters.halfRolledBack++;
    this.forget(waiting, committed);
    return units.end();
  }

  private keep(id: string, fact: string, held: Held): void {
    const waiting: Waiting = { id, fact, held };
    this.held.set(nameOf(held.user, id), waiting);
    this.bySeq.set(held.seq, waiting);
    this.heap.add(held.nextMs, held.seq, 0);
  }

  private forget({ id, fact, held: { seq, user } }: Waiting, committed: boolean): void {
    const { clock, state } = this.parts;
    const name = nameOf(user, id);
    this.held.delete(name);
    this.bySeq.delete(seq);
    state.delete(fact);
    const nowMs = clock.epochMs();
    for (const [old, ended] of this.over) {
      if (ended.over.untilMs > nowMs && this.over.size < OVER_MAX) break;
      this.over.delete(old);
      state.delete(ended.fact);
    }
    const over: Over = { id, user, committed, untilMs: nowMs + OVER_MS };
    this.over.set(name, { fact: OVER + name, over });
    state.put(OVER + name, Buffer.from(JSON.stringify(over)));
  }

  private remembered(name: string): Over | undefined {
    const over = this.over.get(name)?.over;
    return over !== undefined && over.untilMs > this.parts.clock.epochMs() ? over : undefined;
  }

  // ---------------------------------------------------------------------------------------- asking who says nothing

  private arm(): void {
    if (this.heap.size === 0) return;
    const waitMs = Math.min(WAIT_MAX_MS, this.heap.due - this.parts.clock.epochMs());
    this.parts.clock.schedule(this.timer, Math.max(0, waitMs));
  }

  private check(): void {
    const { clock, lifecycle, subscriberFlow } = this.parts;
    if (lifecycle.stopping) return;
    const { heap } = this;
    const nowMs = clock.epochMs();
    let done = 0;
    while (heap.size > 0 && heap.due <= nowMs && done++ < CHECKED_A_TURN) {
      const { due, seq } = heap;
      heap.shift();
      const waiting = this.bySeq.get(seq);
      if (waiting?.held.nextMs !== due) continue;
      try {
        this.ask(waiting, nowMs);
      } catch (error) {
        if (!(error instanceof AccessPending)) throw error;
        waiting.held.nextMs = nowMs + RETRY_MS;
        heap.add(waiting.held.nextMs, seq, 0);
      }
    }
    subscriberFlow.nobodyWaits();
    this.arm();
  }

  /** Asks for it, or ends it. @throws AccessPending: nothing was done */
  private ask(waiting: Waiting, nowMs: number): void {
    const { counters, publisher, state } = this.parts;
    const { id, fact, held } = waiting;
    const rules = this.rulesOf(held);
    if (held.asked >= rules.checks) {
      const action = rules.otherwise === 'commit' && this.mayGo(held) ? 'commit' : 'rollback';
      counters.halfUnanswered++;
      if (action !== rules.otherwise) counters.withheldHalf++;
      this.endOne(waiting, action);
      return;
    }
    const route = held.check === '' ? null : this.routeTo(held.check);
    const may = route !== null && this.parts.mayPublish(held.user, route.exchange?.name ?? '', route.key);
    held.asked++;
    const { checkAfterMs } = rules;
    held.nextMs = nowMs + Math.min(Math.max(checkAfterMs, CHECK_MAX_MS), checkAfterMs * 2 ** held.asked);
    state.put(fact, Buffer.from(JSON.stringify(held)));
    this.heap.add(held.nextMs, held.seq, 0);
    if (route === null) return;
    if (may) publisher.publish(route, checkDraft(id, held.asked));
    else counters.withheldHalf++;
  }

  /** What is in force now: of several keys the first counts. */
  private rulesOf({ exchange, keys }: Pick<Held, 'exchange' | 'keys'>): HalfMessageRules {
    const { rules, policy } = this.parts;
    return exchange === undefined ? rules : { ...rules, ...policy(exchange, keys?.[0] ?? '') };
  }

  /** Whether its sender may still publish where it goes. @throws AccessPending */
  private mayGo({ user, exchange, keys }: Held): boolean {
    if (exchange === undefined || keys === undefined) return true;
    return keys.every((key) => this.parts.mayPublish(user, exchange, key));
  }

  /** Where this user's message of this name goes that waits; undefined: there is none, or that is not known. */
  addressOf(user: string, id: string): HalfMessageAddress | undefined {
    const { exchange, keys } = this.held.get(nameOf(user, id))?.held ?? {};
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

/** Of whose it is and its id: no two of them the same, whatever either holds. */
function nameOf(user: string, id: string): string {
  return `${user.length}:${user}:${id}`;
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
