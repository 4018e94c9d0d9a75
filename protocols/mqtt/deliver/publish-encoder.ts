/**
 * Encoders of PUBLISH to a client. There are two: the one of 3.1 and 3.1.1, shared by all their connections, and the one of
 * 5.0, which knows what its client has said at CONNECT (`publish-encoder5.ts`).
 *
 *     prepare   looks at the message; everything that decides the packet's length is settled
 *     write     puts everything before the body into a buffer that has room for it
 */
import type { MessageView, Pinnable } from '../../../src/api/index.ts';
import { publishHeadLength, publishLength, writePublishHead } from '../codec/encode.ts';
import { REMAINING_LENGTH_MAX } from '../codec/packet.ts';
import { MQTT_DIALECT_ID } from '../mapping/dialect.ts';
import type { TopicWriter } from '../mapping/topic-writer.ts';
import type { FanoutCache } from './fanout-cache.ts';

/** Long bytes between head and body that are written from where they lie. */
export interface Apart {
  readonly buffer: Buffer;
  readonly start: number;
  readonly end: number;
  readonly memory: Pinnable | null;
}

export interface PublishEncoder {
  /** Whether the message just prepared has something that this version cannot carry. */
  readonly lossy: boolean;
  /** Where at-most-once messages so encoded are remembered for the next subscriber; null: each client's are its own. */
  readonly fanout: FanoutCache | null;
  /** Properties of the message just prepared that `write` leaves out, though its length counts them; null, nearly always: none. */
  readonly apart: Apart | null;
  /**
   * @param identified it will have a packet identifier
   * @param identifiers subscription identifiers, encoded; null for none
   * @param later it will be sent behind packets that are yet to be written
   * @returns the bytes before its body, or -1 if the client cannot be sent it because it is too long
   */
  prepare(view: MessageView, identified: boolean, identifiers: Buffer | null, later: boolean): number;
  /** Writes what was prepared; returns where it has stopped: at what lies apart, or the body. @param packetId 0 for none */
  write(buffer: Buffer, at: number, first: number, packetId: number): number;
}

/** 3.1 and 3.1.1: no properties. */
export class PublishEncoder3 implements PublishEncoder {
  lossy = false;
  readonly apart = null;
  readonly fanout: FanoutCache;
  private remaining = 0;
  private readonly topics: TopicWriter;

  constructor(topics: TopicWriter, fanout: FanoutCache) {
    this.topics = topics;
    this.fanout = fanout;
  }

  prepare(view: MessageView, identified: boolean): number {
    const { topics } = this;
    topics.of(view);
    this.lossy =
      view.propsEnd > view.propsStart ||
      view.notesEnd > view.notesStart ||
      (view.dialect !== MQTT_DIALECT_ID && topics.lossy);
    const { bodyLength } = view;
    const remaining = publishLength(topics.end - topics.start, identified ? 1 : 0, bodyLength);
    this.remaining = remaining;
    return remaining > REMAINING_LENGTH_MAX ? -1 : publishHeadLength(remaining, bodyLength);
  }

  write(buffer: Buffer, at: number, first: number, packetId: number): number {
    const { topics } = this;
    return writePublishHead(buffer, at, first, this.remaining, topics.buffer, topics.start, topics.end, packetId);
  }
}
