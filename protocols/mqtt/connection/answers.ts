/**
 * The answers that a client gets only once what they say is safe, in the order of what it asked: one ring a connection. An
 * entry is a number:
 *
 *     bits 0-15 packet identifier | 16-19 packet type | 20-27 reason code (5.0) | 28 the message was taken before (5.0)
 */
import type { ConfirmRing, ConfirmSink, Mark, ReadGate, Session } from '../../../src/api/index.ts';
import { writeAck } from '../codec/encode.ts';
import { REPEAT_ACK_BYTES, writeAck5, writeRepeatAck5 } from '../codec/encode5.ts';
import { CONNACK, PUBACK, PUBCOMP, PUBLISH, PUBREC, SUBACK, UNSUBACK } from '../codec/packet.ts';
import { REFUSALS_FROM, UNSPECIFIED_ERROR } from '../codec/reasons.ts';
import type { DeliveryWriter } from '../deliver/delivery-writer.ts';
import type { ReceiveQuota } from '../publish/receive-quota.ts';
import type { ReceivedIds } from '../session/received-ids.ts';
import type { NegotiatedOptions } from './negotiated-options.ts';
import { CONFIRMS } from './pause-reasons.ts';

/** The client whose answers these are; `ConnectedClient` in fact. */
export interface AnsweredClient {
  readonly session: Session;
  readonly writer: DeliveryWriter;
  readonly gate: ReadGate;
  readonly options: NegotiatedOptions;
  /** Null before 5.0, which has no word for a message that could not be stored. */
  readonly quota: ReceiveQuota | null;
  readonly mqttSession: { readonly received: ReceivedIds };
  disconnect(why: string, reason: number): void;
}

/** An answer that is more than an identifier and a reason code. */
export interface LongAnswer {
  /** CONNACK, SUBACK or UNSUBACK. */
  readonly type: number;
  /** 0 for CONNACK. */
  readonly packetId: number;
  send(): void;
  /** The log could not make it safe. Left out: the connection ends. */
  refuse?(): void;
}

const ENTRY_TYPE_SHIFT = 16;
const ENTRY_REASON_SHIFT = 20;
const ENTRY_REPEAT = 1 << 28;

export class Answers implements ConfirmSink {
  /** Those that wait, in the order of their entries in the ring. */
  private readonly long: LongAnswer[] = [];
  private readonly ring: ConfirmRing;
  private readonly client: AnsweredClient;
  private readonly writer: DeliveryWriter;
  private readonly quota: ReceiveQuota | null;
  private closed = false;
  private readonly waitingMax: number;

  /** @param waitingMax entries that may wait before the client is not read on */
  constructor(client: AnsweredClient, waitingMax: number) {
    this.client = client;
    this.writer = client.writer;
    this.quota = client.quota;
    this.ring = client.session.confirms(this);
    this.waitingMax = waitingMax;
  }

  /**
   * @param type of the packet to be sent; PUBLISH: a QoS 2 message whose record is safe then
   * @param repeat the message was taken before
   */
  push(type: number, packetId: number, mark: Mark, reason: number, repeat = false): void {
    const publish = type === PUBACK || type === PUBREC;
    const told = repeat && this.tellsRepeats ? ENTRY_REPEAT : 0;
    this.ring.push(told | (reason << ENTRY_REASON_SHIFT) | (type << ENTRY_TYPE_SHIFT) | packetId, mark, publish);
    if (this.ring.size >= this.waitingMax) this.client.gate.pause(CONFIRMS);
  }

  /** Who wants to hear no more than the reason code gets no more. [MQTT-3.1.2-29, MQTT-3.4.2-3] */
  private get tellsRepeats(): boolean {
    const { v5, asked } = this.client.options;
    return v5 && asked.wantsProblemInformation && asked.packetSizeMax >= REPEAT_ACK_BYTES;
  }

  pushLong(answer: LongAnswer, mark: Mark): void {
    this.long.push(answer);
    this.push(answer.type, answer.packetId, mark, 0);
  }

  close(): void {
    this.closed = true;
    this.ring.close();
  }

  confirm(entry: number, refused: boolean): void {
    if (this.closed) return;
    const type = (entry >>> ENTRY_TYPE_SHIFT) & 15;
    const packetId = entry & 0xffff;
    if (type === CONNACK || type === SUBACK || type === UNSUBACK) {
      const answer = this.long.shift()!;
      if (!refused) answer.send();
      else if (answer.refuse !== undefined) answer.refuse();
      else this.couldNotStore();
    } else if (refused) this.refused(type, packetId);
    else if (type === PUBLISH) this.writer.recorded(packetId);
    else this.acknowledge(type, packetId, (entry >>> ENTRY_REASON_SHIFT) & 0xff, (entry & ENTRY_REPEAT) !== 0);
  }

  confirmEnd(): void {
    if (this.ring.size < this.waitingMax) this.client.gate.resume(CONFIRMS);
  }

  private acknowledge(type: number, packetId: number, reason: number, repeat = false): void {
    const { quota, writer } = this;
    if (repeat) writeRepeatAck5(writer.out, type, packetId);
    else if (reason === 0) writeAck(writer.out, type, packetId);
    else writeAck5(writer.out, type, packetId, reason);
    if (quota === null) return;
    if (type === PUBACK || type === PUBCOMP || (type === PUBREC && reason >= REFUSALS_FROM)) quota.answered();
  }

  private refused(type: number, packetId: number): void {
    if (this.quota !== null && (type === PUBACK || type === PUBREC)) {
      if (type === PUBREC) this.client.mqttSession.received.delete(packetId);
      this.acknowledge(type, packetId, UNSPECIFIED_ERROR);
    } else this.couldNotStore();
  }

  /** 3.1.1 has no refusal: unanswered and closed, the client knows that it must send again. */
  private couldNotStore(): void {
    this.client.disconnect('the broker could not store what it was sent', UNSPECIFIED_ERROR);
  }
}
