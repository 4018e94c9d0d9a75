/**
 * The unsettled packets of one client: sent and not answered, across its connections and, for kept sessions, across restarts
 * of the broker. They are the packet window, and the records that stand behind it (`session-records.ts`).
 */
import {
  ACCEPTED,
  type AdapterState,
  type DeferralTime,
  MODIFIED,
  RELEASED as OUTCOME_RELEASED,
} from '../../../src/api/index.ts';
import type { SubscriptionConsumer } from '../deliver/subscription-consumer.ts';
import type { MqttStats } from '../stats.ts';
import {
  DORMANT,
  ENDED_1,
  FREE,
  PacketWindow,
  PUBLISHED_1,
  PUBLISHED_2,
  RECORDING,
  RELEASED,
} from './packet-window.ts';
import { deleteOut, type Leftovers, putOutReleased, putOutSent } from './session-records.ts';

export class UnsettledPackets {
  private packets: PacketWindow | null = null;
  /** After a restart: sequence number to identifier of QoS 2 messages that were sent and not answered. */
  private restored: Map<number, number> | null = null;
  private restoredSeqMax = 0;
  private readonly clientId: string;
  /** Where records go; null for a clean session, which has none. */
  private readonly state: AdapterState | null;
  private readonly stats: MqttStats;

  constructor(clientId: string, state: AdapterState | null, stats: MqttStats) {
    this.clientId = clientId;
    this.state = state;
    this.stats = stats;
  }

  /** Made with the first message that needs it. */
  get window(): PacketWindow {
    this.packets ??= new PacketWindow();
    return this.packets;
  }

  get size(): number {
    return this.packets === null ? 0 : this.packets.size;
  }

  /** After a restart, until every message that was under way has come by. */
  get restoring(): boolean {
    return this.restored !== null;
  }

  /** Enters what a former run of the broker had under way. */
  restore(leftovers: Leftovers): void {
    for (const { id, seq } of leftovers.outbound) {
      this.window.restore(id, seq === 0 ? RELEASED : PUBLISHED_2 | DORMANT);
      if (seq === 0) continue;
      this.restored ??= new Map();
      this.restored.set(seq, id);
      this.restoredSeqMax = Math.max(this.restoredSeqMax, seq);
    }
  }

  // ------------------------------------------------------------------------------------------------------ records

  recordSent(id: number, seq: number): void {
    if (this.state !== null) putOutSent(this.state, this.clientId, id, seq);
  }

  recordReleased(id: number): void {
    if (this.state !== null) putOutReleased(this.state, this.clientId, id);
  }

  /** The exchange is over: the identifier is free. */
  free(place: number): void {
    const window = this.window;
    const stage = window.stages[place]! & ~DORMANT;
    if (this.state !== null && stage !== PUBLISHED_1 && stage !== ENDED_1)
      deleteOut(this.state, this.clientId, window.ids[place]!);
    window.free(place);
  }

  // ------------------------------------------------------------------- deliveries of shares, in QoS 1, that end otherwise

  /** The place of a QoS 1 delivery that this client holds of a share; -1: it holds none under this identifier. */
  private sharedPlace(id: number): number {
    const place = this.packets === null ? -1 : this.packets.find(id);
    if (place < 0 || this.window.stages[place] !== PUBLISHED_1) return -1;
    return this.window.consumers[place]?.shared === true ? place : -1;
  }

  /** Its lease is renewed. False: it is not held any more. */
  renew(id: number): boolean {
    const place = this.sharedPlace(id);
    if (place < 0) return false;
    const { consumers, slots } = this.window;
    return consumers[place]!.handle?.renew(slots[place]!) === true;
  }

  /** It is parked; its client answers it still. False: it is not held any more, or cannot be parked. */
  defer(id: number, token: string, at: DeferralTime): boolean {
    const place = this.sharedPlace(id);
    if (place < 0) return false;
    const { consumers, slots, stages } = this.window;
    if (consumers[place]!.handle?.defer(slots[place]!, token, at) !== true) return false;
    stages[place] = ENDED_1;
    consumers[place] = null; // nobody counts its answer
    return true;
  }

  /** The broker takes these deliveries back. Returns those that it may: QoS 2 can go to nobody else [MQTT-4.8.2-5]. */
  letGo(consumer: SubscriptionConsumer, slots: readonly number[]): number[] {
    const asked = new Set(slots);
    const gone: number[] = [];
    this.forEach((window, place, of, stage) => {
      if (of !== consumer || stage !== PUBLISHED_1 || !asked.has(window.slots[place]!)) return;
      window.stages[place] = ENDED_1;
      gone.push(window.slots[place]!);
    });
    return gone;
  }

  /** The client has answered what had ended before, or was not sent it: the identifier is free. */
  answeredLate(place: number): void {
    const consumer = this.window.consumers[place];
    this.free(place);
    consumer?.handle?.answered(1);
  }

  // --------------------------------------------------------------------------------------------------- connections

  /** Identifiers whose PUBREL must be sent again, in order [MQTT-4.6.0-4]. */
  released(): number[] {
    return this.packets === null ? [] : this.packets.idsAt(RELEASED);
  }

  /** Tells each consumer which of its deliveries go out again under which identifier [MQTT-4.4.0-1]. */
  prepareAgain(): void {
    const window = this.packets;
    if (window === null) return;
    for (let place = 0; place < window.places; place++) {
      const consumer = window.consumers[place];
      if ((window.stages[place]! & DORMANT) === 0 || !consumer) continue;
      consumer.again ??= new Map();
      consumer.again.set(window.slots[place]!, window.ids[place]!);
    }
  }

  /** A dormant identifier is about to be sent again. Returns its place, -1 if it is not in use. */
  wake(id: number): number {
    const place = this.window.find(id);
    if (place >= 0) this.window.stages[place]! &= ~DORMANT;
    return place;
  }

  /**
   * After a restart: the place of the QoS 2 message `seq`, if this client was sent it before; else -1.
   * `stale` is called for identifiers whose message will not come any more, because a later one has: they are released.
   */
  placeRestored(consumer: SubscriptionConsumer, seq: number, slot: number, stale: (id: number) => void): number {
    if (this.restored === null) return -1;
    const window = this.window;
    const id = this.restored.get(seq);
    if (id === undefined) {
      if (!consumer.shared && seq > this.restoredSeqMax) this.releaseStale(stale);
      return -1;
    }
    this.restored.delete(seq);
    if (this.restored.size === 0) this.restored = null;
    const place = this.wake(id);
    if (place < 0) return -1;
    window.consumers[place] = consumer;
    window.slots[place] = slot;
    return place;
  }

  private releaseStale(stale: (id: number) => void): void {
    const ids = [...this.restored!.values()];
    this.restored = null;
    for (const id of ids) {
      const place = this.wake(id);
      if (place < 0) continue;
      this.window.stages[place] = RELEASED;
      this.recordReleased(id);
      stale(id);
    }
  }

  /**
   * The connection is gone. What belongs to the session's own queue stays, dormant; of shared subscriptions QoS 1 goes
   * back to the group and QoS 2 stays, because it may go to no one else [MQTT-4.8.2-5].
   */
  park(inOrder: boolean): void {
    this.forEach((window, place, consumer, stage) => {
      if (stage === ENDED_1) {
        this.free(place);
        return;
      }
      if (stage === RELEASED || consumer === null) return;
      if (!consumer.shared) {
        window.stages[place] = stage | DORMANT;
        return;
      }
      const slot = window.slots[place]!;
      if (stage === PUBLISHED_2 && consumer.handle?.active) {
        window.stages[place] = stage | DORMANT;
      } else if (stage === PUBLISHED_2) {
        // Unsubscribed meanwhile: it cannot be sent again.
        this.stats.sharedDropped++;
        window.stages[place] = RELEASED;
        window.consumers[place] = null;
        this.recordReleased(window.ids[place]!);
        consumer.handle?.endFor(slot, ACCEPTED, 'consumer-ended');
      } else {
        this.free(place);
        const outcome = stage === RECORDING || inOrder ? OUTCOME_RELEASED : MODIFIED;
        consumer.handle?.endFor(slot, outcome, 'consumer-ended');
      }
    });
  }

  /** The session ends: nothing is held any more, and no record stays. */
  end(inOrder: boolean): void {
    this.forEach((window, place, consumer, stage) => {
      const slot = window.slots[place]!;
      this.free(place);
      if (consumer === null || !consumer.shared || stage === RELEASED || stage === ENDED_1) return;
      const sent = stage === PUBLISHED_2;
      if (sent) this.stats.sharedDropped++;
      const outcome = sent ? ACCEPTED : stage === RECORDING || inOrder ? OUTCOME_RELEASED : MODIFIED;
      consumer.handle?.endFor(slot, outcome, 'consumer-ended');
    });
    this.restored = null;
  }

  /** A queue is gone, and what was held of it. Returns how many identifiers of this connection that frees. */
  forget(consumer: SubscriptionConsumer): number {
    let live = 0;
    this.forEach((window, place, of, stage) => {
      if (of !== consumer || stage === RELEASED) return;
      if ((window.stages[place]! & DORMANT) === 0) live++;
      this.free(place);
    });
    consumer.again = null;
    return live;
  }

  private forEach(
    visit: (window: PacketWindow, place: number, consumer: SubscriptionConsumer | null, stage: number) => void,
  ): void {
    const window = this.packets;
    if (window === null || window.size === 0) return;
    for (let place = 0; place < window.places; place++) {
      const stage = window.stages[place]! & ~DORMANT;
      if (stage !== FREE) visit(window, place, window.consumers[place]!, stage);
    }
  }
}
