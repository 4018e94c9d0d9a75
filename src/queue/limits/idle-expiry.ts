/** Idle expiry (x-expires): the time that a queue may go unused, without consumers, and nobody declares it or asks it for a message. */
import { type Clock, Timer } from '../../clock/clock.ts';

export class IdleExpiry {
  private readonly clock: Clock;
  private readonly ms: number;
  private readonly timer: Timer;

  constructor(clock: Clock, ms: number, onEnd: () => void) {
    this.clock = clock;
    this.ms = ms;
    this.timer = new Timer(onEnd);
  }

  /** It is in use until the next `restart`. */
  stop(): void {
    this.clock.cancel(this.timer);
  }

  /** It was used just now. */
  restart(): void {
    this.clock.schedule(this.timer, this.ms);
  }
}
