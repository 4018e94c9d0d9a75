/**
 * What goes through a queue, since it was made: plain numbers that rise. A queue has them from its first message on; a vhost has
 * them over all its queues, those that are gone included.
 */
export class QueueTraffic {
  /** Messages that came in for the first time. */
  published = 0;
  /** Deliveries to consumers that settle them, and to those that need not. */
  delivered = 0;
  deliveredSettled = 0;
  /** The same on demand. */
  got = 0;
  gotSettled = 0;
  /** Asked on demand, and there was none. */
  gotNothing = 0;
  /** Of all deliveries: of messages that had been delivered before. */
  redelivered = 0;
  /** Deliveries that were accepted by who had to settle them. */
  acknowledged = 0;

  private seen = 0;

  /** Whether something has been counted since this was last asked. */
  moved(): boolean {
    const total =
      this.published + this.delivered + this.deliveredSettled + this.got + this.gotSettled + this.acknowledged;
    const { seen } = this;
    this.seen = total;
    return total !== seen;
  }

  /** So many were delivered to one consumer. @param redelivered how many of them had been before */
  handedOut(count: number, settled: boolean, redelivered: number): void {
    this.redelivered += redelivered;
    if (settled) this.deliveredSettled += count;
    else this.delivered += count;
  }

  /** One was asked for, and there was one. */
  gotOne(settled: boolean, redelivered: boolean): void {
    if (redelivered) this.redelivered++;
    if (settled) this.gotSettled++;
    else this.got++;
  }
}
