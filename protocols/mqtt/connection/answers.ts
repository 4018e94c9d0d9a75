/**
 * What a client is told only once it is safe, in the order of what it asked: one ring a connection. An entry is a number:
 *
 *     bits 0-15 packet identifier | 16-19 packet type | 20-27 reason code (5.0)
 */
import type { ConfirmRing, ConfirmSink, Mark } from '../../../src/api/index.ts';
import { writeAck } from '../codec/encode.ts';
import { writeAck5 } from '../codec/encode5.ts';
import { CONNACK, PUBACK, PUBCOMP, PUBLISH, PUBREC, SUBACK, UNSUBACK } from '../codec/packet.ts';
import { REFUSALS_FROM, SERVER_UNAVAILABLE_5, UNSPECIFIED_ERROR } from '../codec/reasons.ts';
import { finishSubscribe, finishUnsubscribe, type Granted } from '../deliver/subscribe.ts';
import type { Connection } from './connection.ts';
import { HOLD_CONFIRMS } from './intake.ts';

export class Answers implements ConfirmSink {
  /** SUBACKs and UNSUBACKs that wait, in the order of their entries in the ring. */
  private readonly granted: Granted[] = [];
  private readonly ring: ConfirmRing;
  private readonly connection: Connection;
  private readonly waitingMax: number;

  constructor(connection: Connection) {
    this.connection = connection;
    this.ring = connection.session.confirms(this);
    this.waitingMax = connection.adapter.limits.receiveMax;
  }

  push(type: number, packetId: number, mark: Mark, reason: number): void {
    this.ring.push((reason << 20) | (type << 16) | packetId, mark);
    if (this.ring.size >= this.waitingMax) this.connection.intake.hold(HOLD_CONFIRMS);
  }

  pushGranted(granted: Granted, mark: Mark): void {
    this.granted.push(granted);
    this.push(granted.type, granted.packetId, mark, 0);
  }

  close(): void {
    this.ring.close();
  }

  confirm(entry: number, refused: boolean): void {
    const { connection } = this;
    if (connection.closing) return;
    const type = (entry >>> 16) & 15;
    const packetId = entry & 0xffff;
    if (refused) this.refused(type, packetId);
    else if (type === CONNACK) connection.established();
    else if (type === SUBACK) finishSubscribe(connection, this.granted.shift()!);
    else if (type === UNSUBACK) finishUnsubscribe(connection, this.granted.shift()!);
    else if (type === PUBLISH) connection.outbound.recorded(packetId);
    else this.acknowledge(type, packetId, entry >>> 20);
  }

  confirmEnd(): void {
    if (this.ring.size < this.waitingMax) this.connection.intake.unhold(HOLD_CONFIRMS);
  }

  private acknowledge(type: number, packetId: number, reason: number): void {
    const { connection } = this;
    if (reason === 0) writeAck(connection.output, type, packetId);
    else writeAck5(connection.output, type, packetId, reason);
    const { terms } = connection;
    if (terms === null) return;
    if (type === PUBACK || type === PUBCOMP || (type === PUBREC && reason >= REFUSALS_FROM)) terms.answered();
  }

  /** The log could not make it safe. */
  private refused(type: number, packetId: number): void {
    const { connection } = this;
    if (connection.terms !== null && (type === PUBACK || type === PUBREC)) {
      if (type === PUBREC) connection.client.release(packetId);
      this.acknowledge(type, packetId, UNSPECIFIED_ERROR);
    } else if (type === CONNACK) connection.refuseConnect(SERVER_UNAVAILABLE_5);
    // 3.1.1 has no refusal: unanswered and closed, the client knows that it must send again.
    else connection.broken('the broker could not store what it was sent', UNSPECIFIED_ERROR);
  }
}
