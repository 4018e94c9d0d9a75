/**
 * Holds publishers back while the vhost cannot keep up: too much is not on the disk yet, too much transient fills the memory,
 * or the disk is full; and while the machine's memory or disk is past its mark (`broker/watermarks.ts`).
 *
 * ```
 *         too much unsynced, or in memory            the disk is full, a mark is passed
 * off ──────────────────────────────────────▶ on ◀──────────────────────────────────── off
 *  ▲                                           │
 *  └── half of it synced; 40 ms gone by; room ─┘   never while the disk is full or a mark is passed
 * ```
 *
 * Too much unsynced or in memory holds each publisher once it has sent 4 KiB more: who sends little does not wait for what another
 * does. A full disk and a passed mark hold everybody at once.
 *
 * What fills the memory may also be a disk that takes no spilled messages, and consumers that settle on a publishing
 * connection: so that wait has an end, and publishing then goes on slowly rather than not at all. What is unsynced goes whatever
 * consumers do, so that wait lasts: a hundred publishers of large bodies would otherwise be let go 25 times a second, each for as much as
 * is read at a time, and fill the memory. Meanwhile everybody may send 4 KiB every 40 ms, until twice as much is unsynced; not who is in
 * the middle of a large body.
 */
import { type Clock, Timer } from '../../clock/clock.ts';
import type { Log } from '../../log/log.ts';
import type { TransientStore } from '../../log/transient/transient-store.ts';
import type { Logger } from '../../logger.ts';

const UNSYNCED_BYTES_MAX = 64 * 1024 * 1024;
/** The transient store may have this much in memory: its spill file lags behind. */
const TRANSIENT_BYTES_MAX = 128 * 1024 * 1024;
const HOLD_BACK_MS = 40;
/** What each publisher may send in such a hold before it waits. */
const LITTLE_BYTES_MAX = 4 * 1024;

/** What a broker may have too little of. */
export type Resource = 'memory' | 'disk';

export interface PublishFlowControlOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Pick<Log, 'unsyncedBytes' | 'full' | 'failed'>;
  readonly transient: Pick<TransientStore, 'residentBytes'>;
  readonly logger: Logger;
  readonly unsyncedBytesMax?: number;
  readonly onUncongested: () => void;
  readonly onAlarm?: (alarm: 'disk-full', on: boolean) => void;
}

export class PublishFlowControl {
  on = false;
  /** Rises when a hold begins: what publishers have sent is counted from there. */
  period = 0;
  /** What the machine has too little of. */
  private readonly scarce = new Set<Resource>();
  private readonly unsyncedBytesMax: number;
  private readonly log: Pick<Log, 'unsyncedBytes' | 'full' | 'failed'>;
  private readonly transient: Pick<TransientStore, 'residentBytes'>;
  private readonly options: PublishFlowControlOptions;
  private readonly easing = new Timer(() => this.ease());

  constructor(options: PublishFlowControlOptions) {
    this.options = options;
    this.log = options.log;
    this.transient = options.transient;
    this.unsyncedBytesMax = options.unsyncedBytesMax ?? UNSYNCED_BYTES_MAX;
    if (this.log.full) this.diskFull(); // it may be before anybody has published
  }

  /** Something was stored: publishers must not get further ahead of the disk than memory allows. */
  watch(durable: boolean): void {
    if (durable) {
      if (this.log.unsyncedBytes > this.unsyncedBytesMax) this.hold();
    } else if (this.transient.residentBytes > TRANSIENT_BYTES_MAX) this.hold();
  }

  /** The machine's memory or disk has passed its mark, or is within it again. */
  setScarce(resource: Resource, scarce: boolean): void {
    if (scarce) {
      this.scarce.add(resource);
      this.on = true;
    } else if (this.scarce.delete(resource)) this.resume();
  }

  /** The machine has too little of this: it holds publishers back until consumers or the operator have made room. */
  isScarce(resource: Resource): boolean {
    return this.scarce.has(resource);
  }

  /** It holds everybody back until there is room. */
  get outOfRoom(): boolean {
    return this.log.full || this.scarce.size > 0;
  }

  /** Whether a publisher is to wait that has sent so many bytes since this `period` began. */
  holds(period: number, sentBytes: number): boolean {
    if (!this.on) return false;
    return (period === this.period && sentBytes > LITTLE_BYTES_MAX) || this.outOfRoom;
  }

  private hold(): void {
    if (!this.on) this.period++;
    this.on = true;
    if (!this.easing.scheduled) this.options.clock.schedule(this.easing, HOLD_BACK_MS);
  }

  /** A while has passed since publishers were held back, or since they got a little more. */
  private ease(): void {
    const { log, unsyncedBytesMax } = this;
    if (log.unsyncedBytes <= unsyncedBytesMax || log.failed !== undefined) {
      this.resume();
      return;
    }
    this.options.clock.schedule(this.easing, HOLD_BACK_MS);
    if (log.unsyncedBytes > 2 * unsyncedBytesMax) return;
    this.period++;
    this.options.onUncongested();
  }

  /** A flush is on the disk. */
  synced(): void {
    if (this.on && this.log.unsyncedBytes < this.unsyncedBytesMax / 2) this.resume();
  }

  /** Publishers wait until consumers, or the operator, have made room; what is settled meanwhile is still written. */
  diskFull(): void {
    const { logger, name, onAlarm } = this.options;
    onAlarm?.('disk-full', true);
    logger.error({ vhost: name }, 'the disk is full: publishers wait until there is room again');
    this.on = true;
  }

  diskHasRoom(): void {
    const { logger, name, onAlarm } = this.options;
    onAlarm?.('disk-full', false);
    logger.info({ vhost: name }, 'the disk has room again');
    this.resume();
  }

  resume(): void {
    if (!this.on || this.outOfRoom) return;
    this.on = false;
    this.options.clock.cancel(this.easing);
    this.options.onUncongested();
  }
}
