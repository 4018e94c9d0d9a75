/**
 * What a channel, or a connection of a protocol without channels, has done since it was opened, for operators: plain numbers that rise.
 * The adapter keeps one for as long as the channel is there, and adds to it.
 */
export class ChannelCounts {
  /** Messages it has sent, of those: confirmed to it, given back to it because nothing took them, dropped for the same reason. */
  published = 0;
  confirmed = 0;
  returned = 0;
  dropped = 0;
  /** Deliveries to consumers that settle, and to those that do not. */
  delivered = 0;
  deliveredSettled = 0;
  /** The same on demand. */
  got = 0;
  gotSettled = 0;
  /** Asked on demand, and there was none. */
  gotNothing = 0;
  /** Deliveries that had been delivered before. */
  redelivered = 0;
  acknowledged = 0;

  private seen = 0;

  /** Whether something has been counted since this was last asked. */
  moved(): boolean {
    const { published, confirmed, delivered, deliveredSettled, got, gotSettled, gotNothing, acknowledged } = this;
    const total = published + confirmed + delivered + deliveredSettled + got + gotSettled + gotNothing + acknowledged;
    const { seen } = this;
    this.seen = total;
    return total !== seen;
  }
}
