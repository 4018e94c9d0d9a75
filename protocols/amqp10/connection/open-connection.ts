/** The part of a connection that exists between open and its end: the broker's session, and the client's sessions. */
import {
  type AccessPending,
  ChannelCounts,
  MARK_NOW,
  type Output,
  type Session,
  type Share,
} from '../../../src/api/index.ts';
import * as descriptors from '../codec/descriptors.ts';
import type { FieldReader } from '../codec/field-reader.ts';
import { type Open, readAttach, readBegin, readDetach, readEnding } from '../codec/performatives.ts';
import { MessageSections } from '../codec/sections.ts';
import { Transfer } from '../codec/transfers.ts';
import { OutgoingMessage } from '../mapping/outgoing.ts';
import { StoredMessage } from '../mapping/stored.ts';
import type { Amqp10Limits } from '../options.ts';
import { SessionEndpoint } from '../session/session-endpoint.ts';
import type { SessionHost } from '../session/session-host.ts';
import type { Amqp10Stats } from '../stats.ts';
import { Amqp10Error, asAmqp10Error, INTERNAL_ERROR, NOT_ALLOWED } from './conditions.ts';
import type { ConnectionWriter } from './connection-writer.ts';

/** The connection on which it runs. */
export interface OpenConnectionHost {
  readonly output: Output;
  readonly writer: ConnectionWriter;
  readonly limits: Amqp10Limits;
  readonly stats: Amqp10Stats;
  readonly share: Share;
  nowMs(): number;
  awaitAnswer(pending: AccessPending, again: () => void): void;
  awaitReply(): void;
  replyReady(): void;
  reportMistake(channel: number, reason: string): void;
  failFor(error: unknown): void;
  closedByClient(): void;
}

/** Scratch for the frame at hand, shared by all connections: one is carried out at a time. */
const transfer = new Transfer();
const sections = new MessageSections();
const stored = new StoredMessage();

export class OpenConnection implements SessionHost {
  readonly session: Session;
  readonly containerId: string;
  readonly origin: string;
  readonly frameBytesMax: number;
  readonly sections = sections;
  readonly stored = stored;
  readonly message: OutgoingMessage;
  readonly counts = new ChannelCounts();
  gone = false;
  private readonly sessions = new Map<number, SessionEndpoint>();
  private readonly tags = new Map<string, number>();
  private readonly host: OpenConnectionHost;

  constructor(host: OpenConnectionHost, session: Session, open: Open) {
    this.host = host;
    this.session = session;
    this.containerId = open.containerId;
    this.origin = `amqp10:${open.containerId}`;
    // What a client can take without limit is still put together in memory here.
    this.frameBytesMax = Math.min(open.maxFrameSize, host.limits.frameSizeMax);
    this.message = new OutgoingMessage(host.stats);
  }

  get output(): Output {
    return this.host.output;
  }

  get writer(): ConnectionWriter {
    return this.host.writer;
  }

  get limits(): Amqp10Limits {
    return this.host.limits;
  }

  get stats(): Amqp10Stats {
    return this.host.stats;
  }

  get share(): Share {
    return this.host.share;
  }

  nowMs(): number {
    return this.host.nowMs();
  }

  consumerTag(linkName: string): string {
    const count = (this.tags.get(linkName) ?? 0) + 1;
    if (this.tags.size < 10_000) this.tags.set(linkName, count);
    return count === 1 ? linkName : `${linkName}#${count}`;
  }

  reportMistake(channel: number, reason: string): void {
    this.host.reportMistake(channel, reason);
  }

  failFor(error: unknown): void {
    this.host.failFor(error);
  }

  awaitAnswer(pending: AccessPending, again: () => void): void {
    this.host.awaitAnswer(pending, again);
  }

  whenSafe(done: () => void): void {
    const { host, session } = this;
    const mark = session.mark();
    if (mark === MARK_NOW) {
      done();
      return;
    }
    host.awaitReply();
    session.whenSafe(mark, (failed) => {
      if (this.gone) return;
      if (failed) {
        this.failFor(new Amqp10Error(INTERNAL_ERROR, 'the log could not make it safe', 'connection'));
        return;
      }
      done();
      host.replyReady();
    });
  }

  get sessionCount(): number {
    return this.sessions.size;
  }

  get heldBytes(): number {
    let bytes = 0;
    for (const session of this.sessions.values()) bytes += session.heldBytes;
    return bytes;
  }

  frame(channel: number, fields: FieldReader, buffer: Buffer, end: number): void {
    const code = descriptors.descriptorCode(fields.values.descriptor());
    if (code === descriptors.BEGIN) {
      this.begin(channel, fields);
      return;
    }
    if (code === descriptors.CLOSE) {
      readEnding(fields, 'close');
      this.host.closedByClient();
      return;
    }
    const session = this.sessions.get(channel);
    if (session === undefined) {
      throw new Amqp10Error(NOT_ALLOWED, `there is no session on channel ${channel}`, 'connection');
    }
    if (code === descriptors.END) {
      readEnding(fields, 'end');
      this.sessions.delete(channel);
      this.session.channelClosed();
      session.endedByClient();
      return;
    }
    if (session.ending) return;
    try {
      this.sessionFrame(session, code, fields, buffer, end);
    } catch (error) {
      const told = asAmqp10Error(error);
      if (told.extent !== 'session') throw error;
      this.stats.sessionErrors++;
      this.reportMistake(channel, told.message);
      session.fail(told);
    }
  }

  private sessionFrame(session: SessionEndpoint, code: number, fields: FieldReader, buffer: Buffer, end: number): void {
    switch (code) {
      case descriptors.TRANSFER:
        transfer.read(fields);
        session.transfer(transfer, buffer, fields.values.at, end);
        return;
      case descriptors.DISPOSITION:
        session.dispositionCame(fields);
        return;
      case descriptors.FLOW:
        session.flowCame(fields);
        return;
      case descriptors.ATTACH:
        session.attach(readAttach(fields));
        return;
      case descriptors.DETACH:
        session.detach(readDetach(fields));
        return;
      default:
        throw new Amqp10Error(NOT_ALLOWED, 'this performative is not one for a session', 'connection');
    }
  }

  private begin(channel: number, fields: FieldReader): void {
    const begin = readBegin(fields);
    if (this.sessions.has(channel)) {
      throw new Amqp10Error(NOT_ALLOWED, `channel ${channel} has a session already`, 'connection');
    }
    if (channel >= this.limits.sessionsMax) {
      throw new Amqp10Error(NOT_ALLOWED, `a channel is ${this.limits.sessionsMax - 1} at most`, 'connection');
    }
    this.session.channelOpened();
    this.sessions.set(channel, new SessionEndpoint(this, channel, begin));
  }

  /** The socket has room, or the broker takes messages again. */
  wake(): void {
    for (const session of this.sessions.values()) session.wake();
  }

  end(inOrder: boolean): void {
    this.gone = true;
    for (const session of this.sessions.values()) session.lost();
    this.sessions.clear();
    this.session.close(inOrder);
  }
}
