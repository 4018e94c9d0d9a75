/**
 * Dropped messages: of each way in which one ends without being delivered, the last few, so that «why was this dropped» has an
 * answer. All are counted elsewhere; here so many are described in a second at most, or a flood of them would cost what it should not.
 */
import type { TurnClock } from '../clock/turn-clock.ts';
import type { Dialects } from '../message/dialect.ts';
import type { MessageView } from '../message/message.ts';
import { dotted } from '../message/spelling.ts';

export const DROP_REASONS = [
  'rejected',
  'expired',
  'maxlen',
  'delivery_limit',
  'dead-letter-unroutable',
  'dead-letter-cycle',
  'dead-letter-room',
  'queue-full',
  'unroutable',
  'slow-subscriber',
  'access-refused',
  'exchange-gone',
  'duplicate',
  'cancelled',
] as const;
export type DropReason = (typeof DROP_REASONS)[number];

export interface DroppedMessage {
  readonly atMs: number;
  readonly reason: DropReason;
  /** Where it was, or was to go; '' where no queue was concerned. */
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageId?: string | undefined;
  /** Its place in the order of arrival; 0 if it was never stored. */
  readonly position: number;
  readonly bodyBytes: number;
  /** Who was publishing it; undefined: nobody was, it had been stored. */
  readonly by?: Publishing;
}

/** A publisher, as people name it. */
export interface Publishing {
  readonly protocol: string;
  readonly user: string;
  readonly client: string;
}

/** Of each reason. */
const KEPT_MAX = 100;
/** Of all reasons, in a second. */
const DESCRIBED_A_SECOND = 100;
const TEXT_MAX = 256;

export class DroppedMessages {
  private readonly time: TurnClock;
  private readonly dialects: Dialects;
  private readonly byReason = new Map<DropReason, { readonly ring: DroppedMessage[]; next: number }>();
  /** Who publishes now; null: nobody. */
  private readonly publishing: () => Publishing | null;
  private second = 0;
  private left = DESCRIBED_A_SECOND;

  constructor(time: TurnClock, dialects: Dialects, publishing: () => Publishing | null = () => null) {
    this.publishing = publishing;
    this.time = time;
    this.dialects = dialects;
  }

  /** Whether one more may be described now: ask before making a view of it. */
  get mayTell(): boolean {
    if (this.left > 0) return true;
    return Math.floor(this.time.epochMs() / 1_000) !== this.second;
  }

  /** @param view shows it; null: it cannot be looked at */
  tell(reason: DropReason, queue: string, view: MessageView | null): void {
    const atMs = this.time.epochMs();
    const second = Math.floor(atMs / 1_000);
    if (second !== this.second) {
      this.second = second;
      this.left = DESCRIBED_A_SECOND;
    }
    if (this.left === 0) return;
    this.left--;
    const by = view?.seq === 0 ? this.publishing() : null;
    const dropped = {
      ...{ atMs, reason, queue },
      exchange: view === null ? '' : cut(view.exchange()),
      routingKey: view === null ? '' : cut(dotted(view.key(), view.spelling)),
      messageId: view === null ? undefined : cut(this.dialects.messageId(view)),
      position: view?.seq ?? 0,
      bodyBytes: view?.bodyLength ?? 0,
      ...(by !== null && { by: { protocol: by.protocol, user: by.user, client: by.client } }),
    };
    let kept = this.byReason.get(reason);
    if (kept === undefined) this.byReason.set(reason, (kept = { ring: [], next: 0 }));
    kept.ring[kept.next] = dropped;
    kept.next = (kept.next + 1) % KEPT_MAX;
  }

  /** The latest first; of one reason, or of all. */
  latest(reason?: DropReason): DroppedMessage[] {
    const found: DroppedMessage[] = [];
    for (const [one, { ring, next }] of this.byReason) {
      if (reason !== undefined && one !== reason) continue;
      for (let i = 1; i <= ring.length; i++) found.push(ring[(next - i + ring.length) % ring.length]!);
    }
    return found.sort((a, b) => b.atMs - a.atMs);
  }
}

function cut(text: string): string;
function cut(text: string | undefined): string | undefined;
function cut(text: string | undefined): string | undefined {
  return text !== undefined && text.length > TEXT_MAX ? text.slice(0, TEXT_MAX) : text;
}
