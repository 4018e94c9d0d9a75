/** The connection, as its sessions and links see it. */
import type { AccessPending, ChannelCounts, Output, Session, Share } from '../../../src/api/index.ts';
import type { MessageSections } from '../codec/sections.ts';
import type { ConnectionWriter } from '../connection/connection-writer.ts';
import type { OutgoingMessage } from '../mapping/outgoing.ts';
import type { StoredMessage } from '../mapping/stored.ts';
import type { Amqp10Limits } from '../options.ts';
import type { Amqp10Stats } from '../stats.ts';

export interface SessionHost {
  readonly session: Session;
  readonly containerId: string;
  /** What messages of its links say in `Draft.origin`, where a link leaves out its own. */
  readonly origin: string;
  readonly output: Output;
  readonly writer: ConnectionWriter;
  readonly limits: Amqp10Limits;
  readonly stats: Amqp10Stats;
  readonly share: Share;
  /** Bytes of a frame that the client takes. */
  readonly frameBytesMax: number;
  readonly counts: ChannelCounts;
  nowMs(): number;
  /** A consumer's name, as operators see it: the link's, if no other has it. */
  consumerTag(linkName: string): string;
  /** Scratch, each for one message at a time. */
  readonly sections: MessageSections;
  readonly stored: StoredMessage;
  readonly message: OutgoingMessage;
  reportMistake(channel: number, reason: string): void;
  /** An error that costs the client its connection. */
  failFor(error: unknown): void;
  /** Nothing is read until the answer has come; then `again` is called. */
  awaitAnswer(pending: AccessPending, again: () => void): void;
  /** Calls `done` once everything that was asked until now is safe; nothing is read until then. Not if the connection ends before. */
  whenSafe(done: () => void): void;
  /** The connection has gone: nothing is to be written. */
  readonly gone: boolean;
}
