import { ManualClock } from '../../src/clock/clock.ts';

/** A clock that moves on by so much whenever somebody looks how long something took: work takes time. */
export class CreepingClock extends ManualClock {
  stepMs = 0;
  private crept = 0;
  override monotonicMs(): number {
    this.crept += this.stepMs;
    return super.monotonicMs() + this.crept;
  }
}
