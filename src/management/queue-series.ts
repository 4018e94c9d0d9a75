/**
 * A series for each queue, in Prometheus' text format: written a few queues at a time, since a broker may have a hundred
 * thousand of them and other things to do. No more than `max` are shown; the rest is counted.
 */
import type { QueueStatistics } from '../vhost/statistics.ts';

const SERIES: readonly (readonly [name: string, help: string, read: (queue: QueueStatistics) => number])[] = [
  ['entrepot_queue_ready', 'Messages that wait in the queue', (queue) => queue.ready],
  ['entrepot_queue_unacked', 'Messages that its consumers hold', (queue) => queue.unsettled],
  ['entrepot_queue_consumers', 'Its consumers', (queue) => queue.consumers],
];
/** Queues at a time: some 30 µs. */
const AT_ONCE = 32;
const LINES_A_PIECE = 512;
const encoder = new TextEncoder();

export class QueueSeries {
  /** For each series: lines, and what has been made bytes of, so that no part of it takes long. */
  private readonly lines: string[][];
  private readonly done: Uint8Array[][] = SERIES.map(() => []);
  private shown = 0;
  private left = 0;
  private readonly queues: Iterator<QueueStatistics>;
  private readonly max: number;

  constructor(queues: Iterator<QueueStatistics>, max: number) {
    this.queues = queues;
    this.max = max;
    this.lines = SERIES.map(([name, help]) => [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`]);
  }

  /** Takes some more in; true when that was all. */
  step(): boolean {
    for (let n = 0; n < AT_ONCE; n++) {
      const { done, value: queue } = this.queues.next();
      if (done === true) return true;
      if (this.shown === this.max) {
        this.left++;
        continue;
      }
      this.shown++;
      const labels = `{vhost="${escaped(queue.vhost)}",queue="${escaped(queue.name)}"}`;
      for (const [i, [name, , read]] of SERIES.entries()) this.lines[i]!.push(`${name}${labels} ${read(queue)}`);
      if (this.shown % LINES_A_PIECE === 0) this.encode();
    }
    return false;
  }

  private encode(): void {
    for (const [i, lines] of this.lines.entries()) {
      if (lines.length === 0) continue;
      this.done[i]!.push(encoder.encode(`${lines.join('\n')}\n`));
      lines.length = 0;
    }
  }

  /** All of it, in UTF-8. */
  bytes(): Uint8Array<ArrayBuffer> {
    this.encode();
    const name = 'entrepot_queues_not_shown';
    const rest = `# HELP ${name} Queues beyond the bound of this answer\n# TYPE ${name} gauge\n${name} ${this.left}\n`;
    const pieces = [...this.done.flat(), encoder.encode(rest)];
    const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}

function escaped(label: string): string {
  return /[\\\n"]/.test(label) ? label.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"') : label;
}
