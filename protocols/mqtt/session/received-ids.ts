/**
 * The packet identifiers of QoS 2 messages that a client has published and not yet released: method B of
 * [MQTT 3.1.1, section 4.3.3]. A bit each; made when the first one is needed.
 */
export class ReceivedIds {
  size = 0;
  private readonly bits = new Uint8Array(8192);

  has(id: number): boolean {
    return (this.bits[id >> 3]! & (1 << (id & 7))) !== 0;
  }

  add(id: number): void {
    if (this.has(id)) return;
    this.bits[id >> 3]! |= 1 << (id & 7);
    this.size++;
  }

  /** Returns whether it was there. */
  delete(id: number): boolean {
    if (!this.has(id)) return false;
    this.bits[id >> 3]! &= ~(1 << (id & 7));
    this.size--;
    return true;
  }

  forEach(visit: (id: number) => void): void {
    if (this.size === 0) return;
    for (let id = 1; id < 65_536; id++) if (this.has(id)) visit(id);
  }
}
