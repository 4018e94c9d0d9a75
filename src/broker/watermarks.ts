/**
 * The watermarks of memory and disk: while the process has more in memory, or the disk less free, than its mark says, publishers
 * of every vhost are held back. Consumers and what they settle go on, since they are what makes room; so it ends by itself.
 *
 *     within ──resident memory over the mark, or free disk under it──▶ passed: publishers wait; a line in the log, counted
 *       ▲                                                                │
 *       └────────── memory EASED under the mark; disk back over it ──────┘
 *
 * Memory that was let go of is given back only when the heap is collected, and a process whose publishers wait allocates too
 * little for that to come by itself: so while the mark is passed, it is asked for (`collect`).
 *
 * Refuses: to guess. What cannot be measured (no descriptor to read it with, a file system that does not say) stays as it was.
 */
import { type Clock, Timer } from '../clock/clock.ts';
import type { Logger } from '../logger.ts';
import type { Resource } from '../vhost/flow/publish-flow-control.ts';

/** How often memory is looked at: a fast publisher adds some hundred MiB a second. */
export const MEMORY_CHECK_MS = 100;
/** How often the disk is. */
export const DISK_CHECK_MS = 1_000;
/** Publishers go on once memory is this part of the mark: at the mark itself they would stop and go all the time. */
const EASED = 0.95;
/** How often memory is asked back while its mark is passed; rarer if that takes long, so that it takes no more than COLLECT_PART of the time. */
const COLLECT_MS = 2_000;
const COLLECT_PART = 0.05;

/** Bytes; undefined: no mark. */
export interface Marks {
  /** Publishers wait while the process has more resident memory than this. */
  readonly memoryMax: number | undefined;
  /** Publishers wait while the disk has less free than this. */
  readonly diskFreeMin: number | undefined;
}

/** What is measured and done; a test brings its own. */
export interface MachinePort {
  /** Of this process. May throw. */
  residentBytes(): number;
  /** On the disk that the data are on. Undefined: there is none. */
  freeBytes: (() => Promise<number>) | undefined;
  /** Gives back what memory is not used any more. */
  collect(): void;
}

export interface WatermarkStatistics {
  /** 0: no mark. */
  readonly memoryMaxBytes: number;
  readonly memoryScarce: boolean;
  readonly diskFreeMinBytes: number;
  /** As last seen; undefined: not known. */
  readonly diskFreeBytes: number | undefined;
  readonly diskScarce: boolean;
  /** How often a mark was passed. */
  readonly memoryPassed: number;
  readonly diskPassed: number;
}

export class Watermarks {
  private marks: Marks;
  private readonly clock: Clock;
  private readonly logger: Logger;
  private readonly port: MachinePort;
  private readonly onScarce: (resource: Resource, scarce: boolean) => void;
  private memoryScarce = false;
  private diskScarce = false;
  private memoryPassed = 0;
  private diskPassed = 0;
  private diskFreeBytes: number | undefined = undefined;
  private askingDisk = false;
  private collectAtMs = 0;
  private stopped = false;
  private readonly memoryTimer = new Timer(() => this.checkMemory());
  private readonly diskTimer = new Timer(() => this.checkDisk());

  /** @param onScarce holds publishers back, or lets them go on */
  constructor(
    marks: Marks,
    clock: Clock,
    logger: Logger,
    port: MachinePort,
    onScarce: (resource: Resource, scarce: boolean) => void,
  ) {
    this.marks = marks;
    this.clock = clock;
    this.logger = logger;
    this.port = port;
    this.onScarce = onScarce;
  }

  /** Looks at once, and again and again from now on. */
  start(): void {
    this.checkMemory();
    this.checkDisk();
  }

  stop(): void {
    this.stopped = true;
    this.clock.cancel(this.memoryTimer);
    this.clock.cancel(this.diskTimer);
  }

  /** Other marks are in force from now on. */
  setMarks(marks: Marks): void {
    this.marks = marks;
    this.start();
  }

  get statistics(): WatermarkStatistics {
    return {
      memoryMaxBytes: this.marks.memoryMax ?? 0,
      memoryScarce: this.memoryScarce,
      diskFreeMinBytes: this.marks.diskFreeMin ?? 0,
      diskFreeBytes: this.diskFreeBytes,
      diskScarce: this.diskScarce,
      memoryPassed: this.memoryPassed,
      diskPassed: this.diskPassed,
    };
  }

  private checkMemory(): void {
    if (this.stopped) return;
    const { memoryMax } = this.marks;
    const resident = this.residentBytes();
    if (memoryMax === undefined) this.memoryIs(false, 0, 0);
    else if (resident !== undefined) {
      // Before anybody waits it is seen whether that is only what nobody has collected yet.
      if (resident > memoryMax && !this.memoryScarce) {
        this.collect();
        this.memoryIs((this.residentBytes() ?? resident) > memoryMax, resident, memoryMax);
      } else if (this.memoryScarce) {
        if (resident > memoryMax * EASED && this.clock.monotonicMs() >= this.collectAtMs) this.collect();
        this.memoryIs((this.residentBytes() ?? resident) > memoryMax * EASED, resident, memoryMax);
      }
    }
    this.clock.schedule(this.memoryTimer, MEMORY_CHECK_MS);
  }

  private collect(): void {
    const now = this.clock.monotonicMs();
    if (now < this.collectAtMs) return;
    this.port.collect();
    const end = this.clock.monotonicMs();
    this.collectAtMs = end + Math.max(COLLECT_MS, (end - now) / COLLECT_PART);
  }

  private residentBytes(): number | undefined {
    try {
      return this.port.residentBytes();
    } catch {
      return undefined;
    }
  }

  private memoryIs(scarce: boolean, residentBytes: number, memoryMaxBytes: number): void {
    if (scarce === this.memoryScarce) return;
    this.memoryScarce = scarce;
    if (scarce) {
      this.memoryPassed++;
      this.logger.warn({ residentBytes, memoryMaxBytes }, 'memory is past memory.highWatermark: publishers wait');
    } else this.logger.info({ residentBytes, memoryMaxBytes }, 'memory is within memory.highWatermark again');
    this.onScarce('memory', scarce);
  }

  private checkDisk(): void {
    if (this.stopped) return;
    const { freeBytes } = this.port;
    if (this.marks.diskFreeMin === undefined || freeBytes === undefined) {
      this.diskFreeBytes = undefined;
      this.diskIs(false, 0, 0);
      return;
    }
    this.clock.schedule(this.diskTimer, DISK_CHECK_MS);
    if (this.askingDisk) return;
    this.askingDisk = true;
    freeBytes().then(
      (free) => {
        this.askingDisk = false;
        const { diskFreeMin } = this.marks;
        if (this.stopped || diskFreeMin === undefined) return;
        this.diskFreeBytes = free;
        this.diskIs(free < diskFreeMin, free, diskFreeMin);
      },
      () => {
        this.askingDisk = false;
      },
    );
  }

  private diskIs(scarce: boolean, freeBytes: number, freeMinBytes: number): void {
    if (scarce === this.diskScarce) return;
    this.diskScarce = scarce;
    if (scarce) {
      this.diskPassed++;
      this.logger.warn({ freeBytes, freeMinBytes }, 'the disk has less free than disk.freeMin: publishers wait');
    } else this.logger.info({ freeBytes, freeMinBytes }, 'the disk has as much free as disk.freeMin again');
    this.onScarce('disk', scarce);
  }
}
