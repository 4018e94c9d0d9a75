/** A broker without sockets: sessions, drafts and sinks in plain calls, so that the core is tested as it is. */
import {
  type ConsumeOptions,
  type Consumer,
  type DeliverySink,
  NO_BACKPRESSURE,
  type QueueOptions,
  type Refusal,
  type SessionClient,
} from '../../src/api/index.ts';
import type { Session } from '../../src/api/session.ts';
import { Broker } from '../../src/broker/broker.ts';
import type { StartOptions } from '../../src/broker/options.ts';
import { Turn } from '../../src/clock/turn.ts';
import { Draft, type MessageView } from '../../src/message/message.ts';
import type { Headers } from '../../src/message/properties.ts';
import { PositionArena } from '../../src/queue/positions/position-arena.ts';
import type { Queue } from '../../src/queue/queue.ts';
import type { QueueServices } from '../../src/queue/queue-services.ts';
import { Router } from '../../src/routing/router.ts';
import { LimitsInForce, type TopologyLimits } from '../../src/vhost/topology/limits.ts';
import { Policies, type PolicyJournal } from '../../src/vhost/topology/policies.ts';
import { Registry } from '../../src/vhost/topology/registry.ts';
import { Topology } from '../../src/vhost/topology/topology.ts';
import type { TopologyJournal } from '../../src/vhost/topology/topology-journal.ts';
import type { Vhost } from '../../src/vhost/vhost.ts';

const CLIENT: SessionClient = { uncongested() {}, kicked() {} };

export function startCore(dataDirectory: string | null, options: Partial<StartOptions> = {}): Promise<Broker> {
  return Broker.start({ dataDirectory, dialects: [], ...options });
}

export function openSession(broker: Broker, client: SessionClient = CLIENT): Session {
  let opened: Session | Refusal | undefined;
  const request = { client: 'test', loopback: true, user: undefined, password: undefined, vhost: undefined };
  broker.open(request, client, (result) => {
    opened = result;
  });
  if (opened === undefined || 'refused' in opened) throw new Error('the session was refused');
  return opened;
}

/** The vhost that a session is in, for what no session may see. */
export function vhostOf(session: Session): Vhost {
  return (session as unknown as { services: Vhost }).services;
}

const NO_JOURNAL: TopologyJournal & PolicyJournal = {
  exchange() {},
  exchangeDeleted() {},
  queue() {},
  queueDeleted() {},
  bound() {},
  unbound() {},
  windowCleared() {},
  policy() {},
  policyCleared() {},
};

export interface TopologyOptions {
  /** What is told of what changes. */
  readonly journal?: TopologyJournal & PolicyJournal;
  readonly limits?: TopologyLimits;
  /** Bounds the route cache. */
  readonly targetsMax?: number;
}

/** Topology without a vhost around it. */
export function makeTopology(options: TopologyOptions = {}): { topology: Topology; router: Router<Queue> } {
  const { journal = NO_JOURNAL, limits = {}, targetsMax } = options;
  const turn = new Turn();
  const registry = new Registry('/');
  const router = new Router<Queue>(registry, targetsMax);
  const services = {
    vhost: '/',
    counters: {},
    store: {},
    arena: new PositionArena(),
    windowMemory: { bytes: 0, bytesMax: Number.POSITIVE_INFINITY },
    turn,
    chores: turn.work.share(),
    unused() {},
  } as unknown as QueueServices<Queue>;
  const policies = new Policies(journal);
  return {
    topology: new Topology({ registry, router, journal, services, policies, limits: new LimitsInForce(limits) }),
    router,
  };
}

export const DURABLE: QueueOptions = { durable: true, exclusive: false, autoDelete: false, arguments: [] };
export const TRANSIENT: QueueOptions = { ...DURABLE, durable: false };

export interface SendOptions {
  readonly exchange?: string;
  readonly persistent?: boolean;
  readonly assurance?: 0 | 1 | 2;
  readonly retain?: boolean;
  readonly spelling?: 0 | 1;
  readonly ttlMs?: number;
  readonly priority?: number;
}

/** Publishes `body` and returns the mark and the number of queues that took it. */
export function send(session: Session, key: string, body: string | Buffer, options: SendOptions = {}) {
  const keyBytes = Buffer.from(key);
  const route = session.route(options.exchange ?? '', options.spelling ?? 0, keyBytes, 0, keyBytes.length);
  const draft = makeDraft(body, options);
  const mark = session.publish(route, draft);
  return { mark, routed: draft.routed };
}

export function makeDraft(body: string | Buffer, options: SendOptions = {}): Draft {
  const draft = new Draft();
  draft.dialect = 9;
  draft.assurance = options.assurance ?? (options.persistent === false ? 0 : 1);
  draft.retain = options.retain ?? false;
  draft.ttlMs = options.ttlMs ?? -1;
  draft.priority = options.priority ?? -1;
  draft.body = Buffer.from(body);
  draft.bodyEnd = draft.body.length;
  return draft;
}

export interface Seen {
  readonly body: string;
  readonly slot: number;
  readonly redelivered: boolean;
  readonly attempts: number;
  readonly exchange: string;
  readonly key: string;
  readonly retained: boolean;
  readonly assurance: number;
  readonly notes: string;
}

export function seenFrom(view: MessageView, slot: number): Seen {
  return {
    body: view.body.toString('utf8', view.bodyStart, view.bodyEnd),
    slot,
    redelivered: view.redelivered,
    attempts: view.attempts,
    exchange: view.exchange(),
    key: view.key(),
    retained: view.retained,
    assurance: view.effectiveAssurance,
    notes: view.notes.toString('utf8', view.notesStart, view.notesEnd),
  };
}

/** A consumer that writes down what it gets. */
export class Recorder implements DeliverySink {
  readonly seen: Seen[] = [];
  readonly ended: string[] = [];
  consumer!: Consumer;

  deliver(view: MessageView, slot: number): void {
    this.seen.push(seenFrom(view, slot));
  }

  cancelled(reason: string): void {
    this.ended.push(reason);
  }

  get bodies(): string[] {
    return this.seen.map((seen) => seen.body);
  }
}

export function consume(session: Session, queue: string, options: Partial<ConsumeOptions> = {}): Recorder {
  const recorder = new Recorder();
  const all = { tag: 'c', settled: false, exclusive: false, prefetch: 0, arguments: [], ...options };
  recorder.consumer = session.consume(queue, all, recorder, NO_BACKPRESSURE);
  return recorder;
}

/** Queue arguments from plain values: whole numbers as 64-bit ones. */
export function queueArguments(values: Record<string, string | number | boolean>): Headers {
  return Object.entries(values).map(([name, value]) => ({
    name,
    value: typeof value === 'number' ? { type: 'int64' as const, value: BigInt(value) } : value,
  }));
}

export function safe(session: Session, mark = session.mark()): Promise<boolean> {
  return new Promise((resolve) => session.whenSafe(mark, resolve));
}
