/** The channels of one connection, and what is counted over all of them. */
import type { BodySender, Session } from '../../../src/api/index.ts';
import type { Channel } from './channel.ts';
import type { ChannelTotals } from './channel-host.ts';

export class Channels implements ChannelTotals {
  /** The channel of the last frame. */
  current: Channel | undefined = undefined;
  /** Publishes whose body is not whole yet. */
  openContents = 0;
  /** Channels in transaction mode. */
  transactional = 0;
  private readonly byId = new Map<number, Channel>();
  private readonly session: Pick<Session, 'channelClosed'>;

  /** @param session counts the channels of its user */
  constructor(session: Pick<Session, 'channelClosed'>) {
    this.session = session;
  }

  get size(): number {
    return this.byId.size;
  }

  get(id: number): Channel | undefined {
    return this.byId.get(id);
  }

  add(channel: Channel): void {
    this.byId.set(channel.id, channel);
  }

  forget(channel: { readonly id: number }): void {
    if (this.byId.delete(channel.id)) this.session.channelClosed();
    if (this.current === channel) this.current = undefined;
  }

  /** The senders of large bodies, one a channel. */
  *bodySenders(): Iterable<BodySender> {
    for (const channel of this.byId.values()) yield channel.writer.bodies;
  }

  /** The chunk that drafts may point into is about to go. */
  detachFromChunk(): void {
    if (this.openContents > 0) for (const channel of this.byId.values()) channel.assembler.detachFromChunk();
  }

  all(): Iterable<Channel> {
    return this.byId.values();
  }

  wake(): void {
    for (const channel of this.byId.values()) channel.wake();
  }

  /** Bytes of publishes that are not whole, or wait for a commit. */
  get unfinishedBytes(): number {
    if (this.openContents === 0 && this.transactional === 0) return 0;
    let bytes = 0;
    for (const { assembler, transaction } of this.byId.values()) {
      bytes += assembler.heldBytes;
      if (transaction !== null) bytes += transaction.heldBytes;
    }
    return bytes;
  }

  /** Bytes that wait behind large bodies. */
  get heldBytes(): number {
    let bytes = 0;
    for (const channel of this.byId.values()) bytes += channel.writer.heldBytes;
    return bytes;
  }

  /** The connection is over; what was delivered is given back with its session. */
  end(): void {
    for (const channel of this.byId.values()) {
      channel.dispose();
    }
    this.byId.clear();
    this.current = undefined;
  }
}
