/**
 * The performatives of every message: transfer, flow, disposition. Each is read into an object that is used again, and nothing is
 * allocated for the common ones. [AMQP 1.0 §2.7.4 to §2.7.6]
 */

import { type DeliveryState, readDeliveryState, stateValue } from './delivery-state.ts';
import * as descriptors from './descriptors.ts';
import { FieldFault } from './faults.ts';
import { DELIVERY_TAG_BYTES_MAX, type FieldReader } from './field-reader.ts';
import type { ReceiverSettleMode, Role } from './performatives.ts';
import { type AmqpValue, composite, uint } from './values.ts';

const NOTHING = Buffer.alloc(0);

/** What stands for a number that was left out. */
export const ABSENT = -1;

export class Transfer {
  handle = 0;
  /** ABSENT in what continues a delivery, where it may be left out. */
  deliveryId = ABSENT;
  /** `buffer[tagStart, tagEnd)`; where it is left out, `hasTag` is false. */
  buffer: Buffer = NOTHING;
  tagStart = 0;
  tagEnd = 0;
  hasTag = false;
  messageFormat = 0;
  /** Null: not said. */
  settled: boolean | null = null;
  more = false;
  rcvSettleMode: ReceiverSettleMode | -1 = ABSENT;
  state: DeliveryState | null = null;
  resume = false;
  aborted = false;
  batchable = false;

  read(fields: FieldReader): void {
    fields.begin('transfer');
    const { buffer } = fields.values;
    this.handle = fields.uint('handle');
    this.deliveryId = fields.uint('delivery-id', ABSENT);
    this.hasTag = fields.bytes('delivery-tag', DELIVERY_TAG_BYTES_MAX);
    this.buffer = buffer;
    this.tagStart = fields.start;
    this.tagEnd = fields.end;
    this.messageFormat = fields.uint('message-format', 0);
    this.settled = fields.maybe('settled');
    this.more = fields.boolean('more', false);
    const mode = fields.ubyte('rcv-settle-mode', ABSENT);
    if (mode > 1) throw new FieldFault('rcv-settle-mode', `there is no rcv-settle-mode ${mode}`);
    this.rcvSettleMode = mode as ReceiverSettleMode | -1;
    this.state = fields.described('state') ? readDeliveryState(buffer, fields.start, fields.end) : null;
    this.resume = fields.boolean('resume', false);
    this.aborted = fields.boolean('aborted', false);
    this.batchable = fields.boolean('batchable', false);
    fields.finish();
  }

  /** The tag, copied. */
  tag(): Buffer {
    return Buffer.from(this.buffer.subarray(this.tagStart, this.tagEnd));
  }
}

/** As a transfer is written. */
export interface TransferFields {
  readonly handle: number;
  readonly deliveryId?: number | undefined;
  readonly tag?: Buffer | undefined;
  readonly messageFormat?: number | undefined;
  readonly settled?: boolean | undefined;
  readonly more?: boolean | undefined;
  readonly rcvSettleMode?: ReceiverSettleMode | undefined;
  readonly state?: DeliveryState | undefined;
  readonly resume?: boolean | undefined;
  readonly aborted?: boolean | undefined;
  readonly batchable?: boolean | undefined;
}

export function transferValue(transfer: TransferFields): AmqpValue {
  return composite(descriptors.TRANSFER, [
    uint(transfer.handle),
    transfer.deliveryId === undefined ? null : uint(transfer.deliveryId),
    transfer.tag === undefined ? null : { type: 'binary', value: transfer.tag },
    transfer.messageFormat === undefined ? null : uint(transfer.messageFormat),
    transfer.settled ?? null,
    transfer.more === true ? true : null,
    transfer.rcvSettleMode === undefined ? null : { type: 'ubyte', value: transfer.rcvSettleMode },
    transfer.state === undefined ? null : stateValue(transfer.state),
    transfer.resume === true ? true : null,
    transfer.aborted === true ? true : null,
    transfer.batchable === true ? true : null,
  ]);
}

export class Flow {
  nextIncomingId = ABSENT;
  incomingWindow = 0;
  nextOutgoingId = 0;
  outgoingWindow = 0;
  /** ABSENT: it is about the session alone. */
  handle = ABSENT;
  deliveryCount = ABSENT;
  linkCredit = ABSENT;
  available = ABSENT;
  drain = false;
  echo = false;
  /** A map. */
  properties: AmqpValue | undefined = undefined;

  read(fields: FieldReader): void {
    fields.begin('flow');
    this.nextIncomingId = fields.uint('next-incoming-id', ABSENT);
    this.incomingWindow = fields.uint('incoming-window');
    this.nextOutgoingId = fields.uint('next-outgoing-id');
    this.outgoingWindow = fields.uint('outgoing-window');
    this.handle = fields.uint('handle', ABSENT);
    this.deliveryCount = fields.uint('delivery-count', ABSENT);
    this.linkCredit = fields.uint('link-credit', ABSENT);
    this.available = fields.uint('available', ABSENT);
    this.drain = fields.boolean('drain', false);
    this.echo = fields.boolean('echo', false);
    this.properties = fields.map('properties');
    fields.finish();
  }
}

/** As a flow is written; ABSENT for what is left out. */
export type FlowFields = Partial<
  Pick<Flow, 'handle' | 'deliveryCount' | 'linkCredit' | 'available' | 'drain' | 'echo' | 'properties'>
> &
  Pick<Flow, 'nextIncomingId' | 'incomingWindow' | 'nextOutgoingId' | 'outgoingWindow'>;

export function flowValue(flow: FlowFields): AmqpValue {
  return composite(descriptors.FLOW, [
    maybeUint(flow.nextIncomingId),
    uint(flow.incomingWindow),
    uint(flow.nextOutgoingId),
    uint(flow.outgoingWindow),
    maybeUint(flow.handle),
    maybeUint(flow.deliveryCount),
    maybeUint(flow.linkCredit),
    maybeUint(flow.available),
    flow.drain === true ? true : null,
    flow.echo === true ? true : null,
    flow.properties ?? null,
  ]);
}

export class Disposition {
  role: Role = false;
  first = 0;
  last = 0;
  settled = false;
  /** Null: not said, which settles with what is known. */
  state: DeliveryState | null = null;
  batchable = false;

  read(fields: FieldReader): void {
    fields.begin('disposition');
    const { buffer } = fields.values;
    this.role = fields.boolean('role');
    this.first = fields.uint('first');
    this.last = fields.uint('last', this.first);
    this.settled = fields.boolean('settled', false);
    this.state = fields.described('state') ? readDeliveryState(buffer, fields.start, fields.end) : null;
    this.batchable = fields.boolean('batchable', false);
    fields.finish();
  }
}

export interface DispositionFields {
  readonly role: Role;
  readonly first: number;
  readonly last?: number | undefined;
  readonly settled?: boolean | undefined;
  readonly state?: DeliveryState | undefined;
  readonly batchable?: boolean | undefined;
}

export function dispositionValue(disposition: DispositionFields): AmqpValue {
  return composite(descriptors.DISPOSITION, [
    disposition.role,
    uint(disposition.first),
    disposition.last === undefined || disposition.last === disposition.first ? null : uint(disposition.last),
    disposition.settled === true ? true : null,
    disposition.state === undefined ? null : stateValue(disposition.state),
    disposition.batchable === true ? true : null,
  ]);
}

function maybeUint(value: number | undefined): AmqpValue {
  return value === undefined || value === ABSENT ? null : uint(value);
}
