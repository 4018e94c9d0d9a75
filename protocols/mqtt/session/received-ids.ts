/**
 * The packet identifiers of QoS 2 messages that a client has published and not yet released: method B of
 * [MQTT 3.1.1, section 4.3.3]. A bit each; made when the first one is needed. Those of kept sessions are written down.
 */
import type { AdapterState } from '../../../src/api/index.ts';
import { deleteIn, putIn } from './session-records.ts';

export class ReceivedIds {
  size = 0;
  private bits: Uint8Array | null = null;
  private readonly clientId: string;
  /** Where records go; null for a session that is not kept. */
  private readonly state: AdapterState | null;

  constructor(clientId: string, state: AdapterState | null) {
    this.clientId = clientId;
    this.state = state;
  }

  has(packetId: number): boolean {
    return this.bits !== null && (this.bits[packetId >> 3]! & (1 << (packetId & 7))) !== 0;
  }

  add(packetId: number): void {
    this.enter(packetId);
    if (this.state !== null) putIn(this.state, this.clientId, packetId);
  }

  /** Enters those that a former run of the broker has written down. */
  restore(packetIds: readonly number[]): void {
    for (const packetId of packetIds) this.enter(packetId);
  }

  /** PUBREL has come; or the message was refused after all. Returns whether it was known. */
  delete(packetId: number): boolean {
    if (this.bits === null || !this.has(packetId)) return false;
    this.bits[packetId >> 3]! &= ~(1 << (packetId & 7));
    this.size--;
    if (this.state !== null) deleteIn(this.state, this.clientId, packetId);
    return true;
  }

  /** The session ends: no record stays. */
  clear(): void {
    if (this.size > 0) for (let packetId = 1; packetId < 65_536; packetId++) this.delete(packetId);
    this.bits = null;
  }

  private enter(packetId: number): void {
    if (this.has(packetId)) return;
    this.bits ??= new Uint8Array(8192);
    this.bits[packetId >> 3]! |= 1 << (packetId & 7);
    this.size++;
  }
}
