/**
 * PUBLISH packets that are encoded and wait: QoS 2 for its record, so that after any crash the same message goes out under
 * the same identifier, and QoS 1 behind one, so that all are sent again in the order in which they were sent first
 * [MQTT-4.6.0-1].
 */
import type { BodyReader } from '../../../src/api/index.ts';

export interface HeldPacket {
  readonly packetId: number;
  /** All of the packet, or what comes before its large body. */
  readonly bytes: Buffer;
  /** Where its large body comes from; null: it is in `bytes`. */
  readonly reader: BodyReader | null;
  /** The stage its identifier is at as long as it is to be sent (`packet-window.ts`). */
  readonly stage: number;
  /** Nothing holds it but what is before it. */
  ready: boolean;
}

export class HeldPackets {
  /** By packet identifier, in the order of sending. */
  private readonly packets = new Map<number, HeldPacket>();

  get size(): number {
    return this.packets.size;
  }

  hold(packet: HeldPacket): void {
    this.packets.set(packet.packetId, packet);
  }

  /** The record of a packet is safe. False: it is not here any more. */
  recorded(packetId: number): boolean {
    const packet = this.packets.get(packetId);
    if (packet === undefined) return false;
    packet.ready = true;
    return true;
  }

  /** Takes the packet that is next, if it is ready. */
  take(): HeldPacket | undefined {
    for (const packet of this.packets.values()) {
      if (!packet.ready) return undefined;
      this.packets.delete(packet.packetId);
      return packet;
    }
    return undefined;
  }

  close(): void {
    for (const { reader } of this.packets.values()) reader?.close();
    this.packets.clear();
  }
}
