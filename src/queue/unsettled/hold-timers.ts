/** The timers that queues look at what their consumers hold by: a few for all queues of a vhost, whatever the number of deliveries. */
import { type Clock, Timer } from '../../clock/clock.ts';
import type { Share } from '../../clock/work.ts';

/** A queue whose consumers may not hold deliveries for ever. */
export interface HoldingQueue {
  /** Looks at what is held. In parts: true when it has looked at all. */
  look(nowMs: number): boolean;
}

class Ticker {
  readonly queues = new Set<HoldingQueue>();
  readonly timer: Timer;
  private readonly clock: Clock;
  private readonly chores: Share;
  private readonly tickMs: number;

  constructor(clock: Clock, chores: Share, tickMs: number) {
    this.clock = clock;
    this.chores = chores;
    this.tickMs = tickMs;
    this.timer = new Timer(() => this.tick());
  }

  start(): void {
    if (!this.timer.scheduled) this.clock.schedule(this.timer, this.tickMs);
  }

  private tick(): void {
    const { chores, queues } = this;
    const { work } = chores;
    const nowMs = this.clock.monotonicMs();
    const left = queues.values();
    let queue = left.next().value;
    chores.run(
      () => {
        while (queue !== undefined) {
          if (queues.has(queue) && !queue.look(nowMs)) return false;
          queue = left.next().value;
          work.spend(1);
          if (work.over) return queue === undefined;
        }
        return true;
      },
      () => {
        if (queues.size > 0) this.start();
      },
    );
  }
}

export class HoldTimers {
  private readonly clock: Clock;
  private readonly chores: Share;
  private readonly tickers = new Map<number, Ticker>();

  constructor(clock: Clock, chores: Share) {
    this.clock = clock;
    this.chores = chores;
  }

  /** This queue is looked at every `tickMs` from now on. */
  add(queue: HoldingQueue, tickMs: number): void {
    let ticker = this.tickers.get(tickMs);
    if (ticker === undefined) {
      ticker = new Ticker(this.clock, this.chores, tickMs);
      this.tickers.set(tickMs, ticker);
    }
    ticker.queues.add(queue);
    ticker.start();
  }

  remove(queue: HoldingQueue, tickMs: number): void {
    this.tickers.get(tickMs)?.queues.delete(queue);
  }

  stop(): void {
    for (const { queues, timer } of this.tickers.values()) {
      queues.clear();
      this.clock.cancel(timer);
    }
  }
}
