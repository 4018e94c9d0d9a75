/** Waiting by the clock that everything else goes by. */
import { type Clock, Timer } from '../clock/clock.ts';

/** Waits that can be cut short all at once. */
export class Waits {
  private readonly clock: Clock;
  private readonly under = new Map<Timer, () => void>();
  private over = false;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  after(ms: number): Promise<void> {
    if (this.over) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        this.under.delete(timer);
        resolve();
      };
      const timer = new Timer(end);
      this.under.set(timer, end);
      this.clock.schedule(timer, ms);
    });
  }

  /** Nothing is waited for any more. */
  end(): void {
    this.over = true;
    for (const [timer, end] of [...this.under]) {
      this.clock.cancel(timer);
      end();
    }
  }
}
