/**
 * One life of a broker, from its start to its end or its death, with those who use it: a publisher, consumers, someone who
 * asks what is safe. It passes on what the broker says; what comes from a dead life is nobody's business.
 */
import {
  type ConfirmRing,
  type Consumer,
  type DeliverySink,
  NO_BACKPRESSURE,
  type Outcome,
  type Refusal,
} from '../../../src/api/index.ts';
import type { Session } from '../../../src/api/session.ts';
import { Broker } from '../../../src/broker/broker.ts';
import type { Clock } from '../../../src/clock/clock.ts';
import type { FileSystem } from '../../../src/log/files/files.ts';
import type { MessageView } from '../../../src/message/message.ts';
import { MessageStore } from '../../../src/queue/store/message-store.ts';
import type { Durability, LogLayout } from '../../../src/vhost/options.ts';
import { VhostQueueServices } from '../../../src/vhost/queue-services.ts';
import { vhostOf } from '../../vhost/harness.ts';
import { type Copy, keyOfDraft, type ModelQueue, type Unit } from './model.ts';

/** What a life tells the history. */
export interface Witness {
  delivered(reader: Reader, view: MessageView, slot: number): void;
  /** A publish has been confirmed or refused. */
  confirmed(unit: Unit, refused: boolean): void;
  wrong(text: string): void;
}

export class Reader implements DeliverySink {
  readonly queue: ModelQueue;
  readonly settled: boolean;
  readonly held: Copy[] = [];
  /** Its connection is gone, its session stays. */
  suspended = false;
  /** What is to come again before anything new. */
  again: Copy[] = [];
  consumer!: Consumer;
  private readonly life: Life;

  constructor(life: Life, queue: ModelQueue, settled: boolean) {
    this.life = life;
    this.queue = queue;
    this.settled = settled;
  }

  deliver(view: MessageView, slot: number): void {
    if (this.life.alive) this.life.witness.delivered(this, view, slot);
  }

  cancelled(): void {
    this.letGoOfAll();
    this.life.readers.delete(this);
  }

  /** It holds this one no longer. */
  letGo(copy: Copy): void {
    this.held.splice(this.held.indexOf(copy), 1);
    const at = this.again.indexOf(copy);
    if (at >= 0) this.again.splice(at, 1);
  }

  letGoOfAll(): void {
    this.held.length = 0;
    this.again.length = 0;
  }

  settle(copy: Copy, outcome: Outcome): void {
    this.letGo(copy);
    const { slot } = copy;
    copy.slot = -1;
    this.consumer.settle(slot, outcome);
  }
}

/** One start of a broker, and what it does by itself from then on: that may be before there is a life to speak of. */
export class Watch {
  alive = true;
  /** How many messages each queue has ended by itself. */
  readonly ended = new Map<string, number>();
  /** The keys of messages that lives before this one have taken. */
  readonly names: ReadonlyMap<number, string>;
  private readonly onEnded: (queue: string, key: string | undefined, reason: string) => void;

  constructor(
    names: ReadonlyMap<number, string>,
    onEnded: (queue: string, key: string | undefined, reason: string) => void,
  ) {
    this.names = names;
    this.onEnded = onEnded;
  }

  sees(queue: string, key: string | undefined, reason: string): void {
    if (!this.alive) return;
    this.ended.set(queue, (this.ended.get(queue) ?? 0) + 1);
    this.onEnded(queue, key, reason);
  }
}

/** The keys of messages by their numbers, for each store. */
const names = new WeakMap<MessageStore, Map<number, string>>();
const { append } = MessageStore.prototype;
MessageStore.prototype.append = function (this: MessageStore, draft, ...rest) {
  const seq = append.call(this, draft, ...rest);
  let mine = names.get(this);
  if (mine === undefined) {
    mine = new Map();
    names.set(this, mine);
  }
  mine.set(seq, keyOfDraft(draft));
  return seq;
};

/** By the logger that each broker is given for its own. */
const watches = new WeakMap<object, Watch>();

/** The broker says what it does by itself to no client: so it is asked where it does it. */
const { died } = VhostQueueServices.prototype;
VhostQueueServices.prototype.died = function (this: VhostQueueServices, queue, seq, flags, decision) {
  const watch = watches.get((this as unknown as { parts: { unreadable: { logger: object } } }).parts.unreadable.logger);
  const goesOn = queue.contents.isDying(seq);
  if (watch !== undefined && !goesOn && (decision.reason === 'expired' || decision.reason === 'maxlen')) {
    watch.sees(queue.name, names.get(this.store)?.get(seq) ?? watch.names.get(seq), decision.reason);
  }
  died.call(this, queue, seq, flags, decision);
};

export class Life {
  alive = true;
  /** What it has found when it began is known. */
  judged = false;
  readonly witness: Witness;
  readonly broker: Broker;
  session!: Session;
  ring!: ConfirmRing;
  readonly readers = new Set<Reader>();
  /** Units asked for in this life that are not known to be safe yet. */
  asked: Unit[] = [];
  /** Publishes that wait for their confirms, by id. */
  private readonly awaited = new Map<number, Unit>();
  private nextId = 1;
  private lastConfirmed = 0;

  constructor(broker: Broker, witness: Witness) {
    this.broker = broker;
    this.witness = witness;
    this.enter();
  }

  static start(
    files: FileSystem,
    clock: Clock,
    log: LogLayout,
    onWarning: (text: string) => void,
    watch?: Watch,
    durability: Durability = { level: 'fsync', intervalMs: 0 },
  ): Promise<Broker> {
    const logger = {
      debug() {},
      info() {},
      warn: (_: object, text?: string) => onWarning(text ?? ''),
      error: (_: object, text?: string) => onWarning(text ?? ''),
    };
    if (watch !== undefined) watches.set(logger, watch);
    // Transient messages are spilled early and to many files, so that what is on the disk comes and goes in each history.
    const { blockBytes = 4096 } = log;
    const transient = { blockBytes, residentBytesMax: blockBytes, fullBytes: 2 ** 40, spillFileBytes: 4 * blockBytes };
    return Broker.start({ dataDirectory: null, dialects: [], files, clock, log, transient, logger, durability });
  }

  private enter(): void {
    let opened: Session | Refusal | undefined;
    const request = { client: 'simulation', loopback: true, user: undefined, password: undefined, vhost: undefined };
    this.broker.open(request, { uncongested() {}, kicked() {} }, (result) => {
      opened = result;
    });
    if (opened === undefined || 'refused' in opened) throw new Error('the session was refused');
    this.session = opened;
    this.lastConfirmed = this.nextId - 1;
    this.awaited.clear();
    const { session } = this;
    this.ring = session.confirms({
      confirm: (id, refused) => {
        if (!this.alive || session !== this.session) return;
        const unit = this.awaited.get(id);
        if (unit === undefined || id !== this.lastConfirmed + 1) this.witness.wrong(`confirm ${id} is out of order`);
        this.lastConfirmed = id;
        this.awaited.delete(id);
        if (unit !== undefined) this.witness.confirmed(unit, refused);
      },
      confirmEnd() {},
    });
  }

  /** What this life has taken, by its numbers. */
  namesTaken(into: Map<number, string>): void {
    const { store } = vhostOf(this.session);
    for (const [seq, key] of names.get(store) ?? []) into.set(seq, key);
  }

  /** The client goes and comes again. What it held is the broker's again. */
  reconnect(inOrder: boolean): void {
    const { session } = this;
    session.close(inOrder);
    this.readers.clear();
    this.enter();
  }

  awaitConfirm(unit: Unit, mark: number): void {
    const id = this.nextId++;
    this.awaited.set(id, unit);
    this.ring.push(id, mark);
  }

  get unconfirmed(): number {
    return this.awaited.size;
  }

  consume(queue: ModelQueue, settled: boolean, prefetch: number): Reader {
    const reader = new Reader(this, queue, settled);
    const options = { tag: 'c', settled, exclusive: false, prefetch, arguments: [] };
    reader.consumer = this.session.consume(queue.name, options, reader, NO_BACKPRESSURE);
    this.readers.add(reader);
    return reader;
  }

  /** Everything asked for until now is certain once the broker says so. */
  certify(then: () => void): void {
    const asked = this.asked;
    this.asked = [];
    this.session.whenSafe(this.session.mark(), (failed) => {
      if (!this.alive) return;
      if (failed) this.asked.push(...asked);
      else for (const unit of asked) unit.certain = true;
      then();
    });
  }
}
