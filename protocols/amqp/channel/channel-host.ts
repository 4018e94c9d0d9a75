/** The connection as channels and the handlers of their methods see it. `OpenConnection` implements it. */
import type { Mark, Share } from '../../../src/api/index.ts';
import type { FieldReader } from '../codec/field-reader.ts';
import type { ConsumeHost } from '../deliver/consume-methods.ts';
import type { DeliveryHost } from '../deliver/delivery-writer.ts';
import type { PublishHost } from '../publish/publish.ts';
import type { TransactionHost } from '../publish/transaction.ts';
import type { Notices } from './notices.ts';

/** Counts over the channels of one connection. `Channels` implements it. */
export interface ChannelTotals {
  /** Publishes whose body is not whole yet. */
  openContents: number;
  /** Channels in transaction mode. */
  transactional: number;
  /** A channel's number is free again. */
  forget(channel: { readonly id: number }): void;
}

export interface ChannelHost extends PublishHost, TransactionHost, ConsumeHost, DeliveryHost {
  readonly channels: ChannelTotals;
  /** Its part of the budget of work. */
  readonly share: Share;
  readonly notices: Notices;
  /** Reads the fields of one method; one for all channels. */
  readonly fields: FieldReader;
  /** Calls `reply` as soon as what `mark` stands for is safe; until then nothing more is parsed. */
  whenSafe(mark: Mark, reply: () => void): void;
  /** Carries out what is left of a method; what it throws ends the channel, or the connection. */
  resumeMethod(channelId: number, rest: () => void): void;
}
