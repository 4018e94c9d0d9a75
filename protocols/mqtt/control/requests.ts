/**
 * The requests to the control topic of one client: carried out one after the other, each answered to that client alone, if it has
 * subscribed to where answers come.
 */
import type { Administration } from '../../../src/api/index.ts';
import { filterMatches } from '../codec/text.ts';
import { carryOut } from './dynamic-security.ts';
import { RESPONSE_TOPIC } from './topics.ts';

/** Requests that wait; each may be as long as `COMMANDS_BYTES_MAX`. */
const WAITING_MAX = 8;

/** The client, as far as its requests know it; `ConnectedClient` in fact. */
export interface Requester {
  readonly ended: boolean;
  /** Filters that it has subscribed to. */
  filters(): Iterable<string>;
  mayReceive(topic: string): boolean;
  /** Sends it a message of the broker's own, at most once. */
  sendOwn(topic: string, payload: string): void;
  fault(error: unknown): void;
}

export class ControlRequests {
  private readonly requester: Requester;
  private readonly waiting: { readonly administration: Administration; readonly payload: Buffer }[] = [];
  private running = false;

  constructor(requester: Requester) {
    this.requester = requester;
  }

  /** Takes a request, whose payload is copied. False: too many wait. */
  take(administration: Administration, payload: Buffer): boolean {
    if (this.waiting.length >= WAITING_MAX) return false;
    this.waiting.push({ administration, payload: Buffer.from(payload) });
    if (!this.running) {
      this.running = true;
      void this.run();
    }
    return true;
  }

  private async run(): Promise<void> {
    const { requester } = this;
    for (;;) {
      const next = this.waiting.shift();
      if (next === undefined) break;
      try {
        const answer = await carryOut(next.administration, next.payload, (error) => requester.fault(error));
        if (!requester.ended) this.answer(answer);
      } catch (error) {
        requester.fault(error);
      }
    }
    this.running = false;
  }

  private answer(answer: string): void {
    const { requester } = this;
    for (const filter of requester.filters()) {
      if (!filterMatches(filter, RESPONSE_TOPIC)) continue;
      if (requester.mayReceive(RESPONSE_TOPIC)) requester.sendOwn(RESPONSE_TOPIC, answer);
      return;
    }
  }
}
