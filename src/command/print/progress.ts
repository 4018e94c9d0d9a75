/**
 * How far something is that takes long: one line on the terminal that people look at, written over and gone when it is done. Nothing
 * where standard error is no terminal, nor for the first half second.
 *
 *     copied  [########------------]  41 %  1.2 GiB of 2.9 GiB  210 MiB/s  8 s left
 */
import type { Clock } from '../../clock/clock.ts';
import { cutTo } from './text.ts';
import { bytes, count, duration } from './units.ts';

const EVERY_MS = 200;
const QUIET_MS = 500;
const BAR_CELLS = 20;
const START = '\r';
const END_OF_LINE = '\x1b[K';

/** Where it is shown; `process.stderr` fits. */
export interface ProgressTerminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface ProgressOptions {
  /** In a word or two. */
  readonly what: string;
  /** Undefined: it is not known how much there is. */
  readonly total: number | undefined;
  readonly unit: 'bytes' | 'items';
  readonly clock: Clock;
  readonly terminal: ProgressTerminal;
}

export class Progress {
  private readonly options: ProgressOptions;
  private readonly beganMs: number;
  private nextMs: number;
  private shown = false;

  constructor(options: ProgressOptions) {
    this.options = options;
    this.beganMs = options.clock.monotonicMs();
    this.nextMs = this.beganMs + QUIET_MS;
  }

  /** So much is done. Cheap: it is shown a few times a second. @param more behind the line */
  at(done: number, more = ''): void {
    const { clock, terminal } = this.options;
    if (terminal.isTTY !== true) return;
    const nowMs = clock.monotonicMs();
    if (nowMs < this.nextMs) return;
    this.nextMs = nowMs + EVERY_MS;
    this.shown = true;
    const line = this.line(done, nowMs - this.beganMs) + (more === '' ? '' : `  ${more}`);
    terminal.write(START + cutTo(line, (terminal.columns ?? 80) - 1) + END_OF_LINE);
  }

  private line(done: number, tookMs: number): string {
    const { what, total, unit } = this.options;
    const text = unit === 'bytes' ? bytes : count;
    const perSecond = (done * 1_000) / Math.max(1, tookMs);
    const speed = `${text(perSecond)}${unit === 'bytes' ? '/s' : ' a second'}`;
    if (total === undefined || total <= 0) return `${what}  ${text(done)}  ${speed}`;
    const part = Math.min(1, done / total);
    const filled = Math.round(part * BAR_CELLS);
    const bar = `[${'#'.repeat(filled)}${'-'.repeat(BAR_CELLS - filled)}]`;
    const left = perSecond > 0 ? `  ${duration(Math.max(1_000, ((total - done) / perSecond) * 1_000))} left` : '';
    return `${what}  ${bar}  ${Math.floor(part * 100)} %  ${text(done)} of ${text(total)}  ${speed}${left}`;
  }

  /** The line goes. */
  end(): void {
    if (this.shown) this.options.terminal.write(START + END_OF_LINE);
    this.shown = false;
  }
}
