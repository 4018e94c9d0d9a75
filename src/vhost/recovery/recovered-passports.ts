/**
 * Recovered passports. What a checkpoint repeats takes the place of what was known once all of it is there: of one that a crash has cut
 * short nothing is taken, or what it had not come to would be forgotten.
 */
import type { PassportRecord } from '../journal/records/passports.ts';
import { PassportEvents } from '../passports/events.ts';

export class RecoveredPassports {
  events: PassportEvents;
  private readonly max: number;
  /** What a checkpoint repeats, so far; null: none is under way. And what has happened meanwhile, which comes behind all of that. */
  private coming: PassportEvents | null = null;
  private meanwhile: PassportEvents;

  /** @param max events that are kept */
  constructor(max: number) {
    this.max = max;
    this.events = new PassportEvents(max);
    this.meanwhile = new PassportEvents(max);
  }

  take({ events, part }: PassportRecord): void {
    if (part?.first === true) {
      this.coming = new PassportEvents(this.max);
      this.meanwhile = new PassportEvents(this.max);
    }
    for (const event of events) {
      if (part === null) {
        this.events.add(event);
        if (this.coming !== null) this.meanwhile.add(event);
      } else this.coming?.add(event);
    }
    if (part?.last !== true || this.coming === null) return;
    const { coming, meanwhile } = this;
    for (let number = meanwhile.first; number < meanwhile.next; number++) coming.add(meanwhile.at(number));
    this.events = coming;
    this.meanwhile = new PassportEvents(this.max);
    this.coming = null;
  }
}
