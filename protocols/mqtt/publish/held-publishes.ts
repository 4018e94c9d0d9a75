/**
 * What becomes of the publishes of a client of 5.0 while memory or the disk is past its mark. The client is not read, which it cannot
 * tell from a broker that is dead; so a message of QoS 1 or 2 that has waited for a second is refused in words, and is the client's still.
 *
 *     held ──a second──▶ read on, up to the next PUBLISH ──QoS 1, 2: refused with 0x97──▶ held
 *                                                        └─QoS 0: no answer to it─▶ it waits, and all behind it
 *
 * One a second is what a client loses at most that does not listen to reason codes. Whatever comes before the PUBLISH is carried out:
 * acknowledgements make room. 3.1.1 has no such word: there the wait is all.
 */
import { AccessPending, type Clock, type ReadGate, type Session, Timer } from '../../../src/api/index.ts';
import type { Qos } from '../codec/publish.ts';
import { CONGESTED } from '../connection/pause-reasons.ts';

/** A shorter wait is not worth a word. */
export const HELD_NOTICE_MS = 1_000;

export interface HeldClient {
  readonly session: Session;
  readonly gate: ReadGate;
  /** A PUBLISH whose large body is arriving; `writer` is null where it is dropped. */
  readonly arriving: { readonly writer: object | null } | null;
}

export class HeldPublishes {
  private readonly client: HeldClient;
  private readonly clock: Clock;
  private readonly count: () => void;
  private readonly timer = new Timer(() => this.look());
  private sinceMs = 0;
  /** The next PUBLISH hears that it waits. */
  private refusing = false;
  /** Carries out what is held in the middle of that. */
  private goOn: (() => void) | null = null;

  /** @param count a message was refused */
  constructor(client: HeldClient, clock: Clock, count: () => void) {
    this.client = client;
    this.clock = clock;
    this.count = count;
  }

  /** Publishing has to wait: nothing more is read. */
  hold(): void {
    this.refusing = false;
    this.client.gate.pause(CONGESTED);
    this.sinceMs = this.clock.monotonicMs();
    // One that was set for an earlier wait looks at how long this one is.
    if (!this.timer.scheduled) this.clock.schedule(this.timer, HELD_NOTICE_MS);
  }

  /** It need not wait any more. */
  over(): void {
    const { goOn } = this;
    this.refusing = false;
    this.goOn = null;
    this.client.gate.resume(CONGESTED);
    goOn?.();
  }

  /** Whether a message is to be refused for that; `hold` follows when its last byte has come. @throws AccessPending: it has to wait itself */
  refuses(qos: Qos): boolean {
    if (!this.refusing) return false;
    if (!this.client.session.congested) {
      this.refusing = false;
      return false;
    }
    if (qos === 0) {
      throw new AccessPending({
        failed: false,
        whenKnown: (done) => {
          this.goOn = done;
        },
      });
    }
    this.count();
    this.refusing = false;
    return true;
  }

  private look(): void {
    const { arriving, gate, session } = this.client;
    if ((gate.reasons & CONGESTED) === 0) return;
    const leftMs = this.sinceMs + HELD_NOTICE_MS - this.clock.monotonicMs();
    const midBody = arriving !== null && arriving.writer !== null;
    if (leftMs > 0 || midBody || !session.outOfRoom) {
      this.clock.schedule(this.timer, Math.max(leftMs, 1) > 1 ? leftMs : HELD_NOTICE_MS);
      return;
    }
    this.refusing = true;
    gate.resume(CONGESTED);
  }

  close(): void {
    this.clock.cancel(this.timer);
    this.goOn = null;
  }
}
