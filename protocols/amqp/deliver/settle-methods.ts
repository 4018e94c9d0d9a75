/** Settling: basic.ack, nack, reject, recover. [§1.8.3.13 to §1.8.3.16] */
import { ACCEPTED, MODIFIED, type Outcome, REJECTED, RELEASED, type Session } from '../../../src/api/index.ts';
import { BASIC_RECOVER_OK } from '../codec/constants.ts';
import { FieldsFault } from '../codec/faults.ts';
import type { FieldReader } from '../codec/field-reader.ts';
import type { MethodWriter } from '../codec/method-writer.ts';
import { AmqpError, unknownTag } from '../connection/errors.ts';
import type { Unsettled } from './unsettled.ts';

/** The channel as settling sees it. */
export interface SettleChannel {
  readonly session: Pick<Session, 'compat'>;
  readonly unsettled: Unsettled;
  readonly isOpen: boolean;
  begin(method: number): MethodWriter;
  send(frame: MethodWriter): void;
}

/** Delivery tags are counted from 1, so one that a number cannot hold has never been given. */
const TAG_HIGH_MAX = 0x1f_ffff;

/*
 * basic.ack, basic.nack and basic.reject come as often as deliveries go out, so they are read straight from the bytes: u64 delivery tag | u8 bits
 */

export function acknowledge(channel: SettleChannel, buffer: Buffer, start: number, end: number): void {
  const tag = tagAt(buffer, start, end);
  channel.unsettled.settle(tag, (buffer[start + 8]! & 1) !== 0, ACCEPTED);
}

/** Returns whether it goes back. */
export function reject(channel: SettleChannel, buffer: Buffer, start: number, end: number): boolean {
  const tag = tagAt(buffer, start, end);
  const requeue = (buffer[start + 8]! & 1) !== 0;
  channel.unsettled.settle(tag, false, refusal(channel, requeue));
  return requeue;
}

/** RabbitMQ's basic.nack. https://www.rabbitmq.com/docs/nack Returns whether it goes back. */
export function nack(channel: SettleChannel, buffer: Buffer, start: number, end: number): boolean {
  const tag = tagAt(buffer, start, end);
  const bits = buffer[start + 8]!;
  const requeue = (bits & 2) !== 0;
  channel.unsettled.settle(tag, (bits & 1) !== 0, refusal(channel, requeue));
  return requeue;
}

/** @param reply false for basic.recover-async, which has no answer */
export function recover(channel: SettleChannel, fields: FieldReader, reply: boolean): void {
  const requeue = fields.bit();
  fields.finish();
  if (!requeue) throw new AmqpError('NOT_IMPLEMENTED', 'requeue=false');
  channel.unsettled.recover(() => {
    if (reply && channel.isOpen) channel.send(channel.begin(BASIC_RECOVER_OK));
  });
}

function tagAt(buffer: Buffer, start: number, end: number): number {
  if (end - start !== 9) throw new FieldsFault(buffer, start, end);
  const high = buffer.readUInt32BE(start);
  if (high > TAG_HIGH_MAX) throw unknownTag(buffer.readBigUInt64BE(start));
  return (
    high * 0x1_0000_0000 +
    (((buffer[start + 4]! << 24) | (buffer[start + 5]! << 16) | (buffer[start + 6]! << 8) | buffer[start + 7]!) >>> 0)
  );
}

/**
 * Without requeue it is a dead letter. With it, it is a failed attempt up to RabbitMQ 3; since 4.3 (`rabbit_quorum_queue:settle`) it is only
 * given back, and what failed is what a consumer held that went away.
 */
function refusal({ session }: SettleChannel, requeue: boolean): Outcome {
  if (!requeue) return REJECTED;
  return session.compat === 'rabbitmq-4' ? RELEASED : MODIFIED;
}
