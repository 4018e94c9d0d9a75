/**
 * The performatives that come seldom: open, begin, attach, detach, end, close. Those of every message are in `transfers.ts`.
 * [AMQP 1.0 §2.7]
 *
 * `read…` reads what follows the descriptor; `…Value` makes the described list.
 */

import {
  type DeliveryState,
  type ErrorCondition,
  errorValue,
  readErrorField,
  readStateValue,
  stateValue,
} from './delivery-state.ts';
import * as descriptors from './descriptors.ts';
import { DecodeFault, FieldFault, mandatory } from './faults.ts';
import type { FieldReader } from './field-reader.ts';
import {
  type Coordinator,
  readSource,
  readTarget,
  type Source,
  sourceValue,
  type Target,
  targetValue,
} from './terminus.ts';
import { type AmqpValue, composite, symbolArray, ubyte, uint, ulong } from './values.ts';

export const UINT_MAX = 0xffff_ffff;

export interface Open {
  readonly containerId: string;
  readonly hostname?: string | undefined;
  /** Bytes; UINT_MAX for no limit. */
  readonly maxFrameSize: number;
  readonly channelMax: number;
  /** Undefined: it may be silent for ever. */
  readonly idleTimeOutMs?: number | undefined;
  readonly outgoingLocales: readonly string[];
  readonly incomingLocales: readonly string[];
  readonly offeredCapabilities: readonly string[];
  readonly desiredCapabilities: readonly string[];
  /** A map. */
  readonly properties?: AmqpValue | undefined;
}

export interface Begin {
  /** The channel that this one answers; undefined: it begins a session. */
  readonly remoteChannel?: number | undefined;
  readonly nextOutgoingId: number;
  readonly incomingWindow: number;
  readonly outgoingWindow: number;
  readonly handleMax: number;
  readonly offeredCapabilities: readonly string[];
  readonly desiredCapabilities: readonly string[];
  readonly properties?: AmqpValue | undefined;
}

export const SENDER = false;
export const RECEIVER = true;
/** SENDER or RECEIVER, as the wire has it. */
export type Role = boolean;

/** Who settles first. */
export const SEND_UNSETTLED = 0;
export const SEND_SETTLED = 1;
export const SEND_MIXED = 2;
export type SenderSettleMode = 0 | 1 | 2;
export const RECEIVE_FIRST = 0;
export const RECEIVE_SECOND = 1;
export type ReceiverSettleMode = 0 | 1;

export interface Attach {
  readonly name: string;
  readonly handle: number;
  readonly role: Role;
  readonly sndSettleMode: SenderSettleMode;
  readonly rcvSettleMode: ReceiverSettleMode;
  readonly source?: Source | undefined;
  readonly target?: Target | Coordinator | undefined;
  /** What its side has not settled of an earlier attachment: by delivery tag. Null: the tag alone is known. */
  readonly unsettled: readonly UnsettledEntry[];
  readonly incompleteUnsettled: boolean;
  /** A sender's; undefined for a receiver. */
  readonly initialDeliveryCount?: number | undefined;
  /** Bytes; undefined and 0: no limit. */
  readonly maxMessageSize?: number | undefined;
  readonly offeredCapabilities: readonly string[];
  readonly desiredCapabilities: readonly string[];
  readonly properties?: AmqpValue | undefined;
}

export type UnsettledEntry = readonly [tag: Buffer, state: DeliveryState | null];

export interface Detach {
  readonly handle: number;
  /** The link ends, rather than that it is parted from the session for a while. */
  readonly closed: boolean;
  readonly error?: ErrorCondition | undefined;
}

export function readOpen(fields: FieldReader): Open {
  fields.begin('open');
  const open: Open = {
    containerId: mandatory(fields.string('container-id'), 'container-id of open'),
    hostname: fields.string('hostname'),
    maxFrameSize: fields.uint('max-frame-size', UINT_MAX),
    channelMax: fields.ushort('channel-max', 0xffff),
    idleTimeOutMs: optional(fields.uint('idle-time-out', 0)),
    outgoingLocales: fields.symbols('outgoing-locales'),
    incomingLocales: fields.symbols('incoming-locales'),
    offeredCapabilities: fields.symbols('offered-capabilities'),
    desiredCapabilities: fields.symbols('desired-capabilities'),
    properties: fields.map('properties'),
  };
  fields.finish();
  return open;
}

export function openValue(open: Open): AmqpValue {
  return composite(descriptors.OPEN, [
    open.containerId,
    open.hostname ?? null,
    open.maxFrameSize === UINT_MAX ? null : uint(open.maxFrameSize),
    open.channelMax === 0xffff ? null : { type: 'ushort', value: open.channelMax },
    open.idleTimeOutMs === undefined ? null : uint(open.idleTimeOutMs),
    symbolArray(open.outgoingLocales),
    symbolArray(open.incomingLocales),
    symbolArray(open.offeredCapabilities),
    symbolArray(open.desiredCapabilities),
    open.properties ?? null,
  ]);
}

export function readBegin(fields: FieldReader): Begin {
  fields.begin('begin');
  const remoteChannel = fields.ushort('remote-channel', -1);
  const begin: Begin = {
    remoteChannel: remoteChannel < 0 ? undefined : remoteChannel,
    nextOutgoingId: fields.uint('next-outgoing-id'),
    incomingWindow: fields.uint('incoming-window'),
    outgoingWindow: fields.uint('outgoing-window'),
    handleMax: fields.uint('handle-max', UINT_MAX),
    offeredCapabilities: fields.symbols('offered-capabilities'),
    desiredCapabilities: fields.symbols('desired-capabilities'),
    properties: fields.map('properties'),
  };
  fields.finish();
  return begin;
}

export function beginValue(begin: Begin): AmqpValue {
  return composite(descriptors.BEGIN, [
    begin.remoteChannel === undefined ? null : { type: 'ushort', value: begin.remoteChannel },
    uint(begin.nextOutgoingId),
    uint(begin.incomingWindow),
    uint(begin.outgoingWindow),
    begin.handleMax === UINT_MAX ? null : uint(begin.handleMax),
    symbolArray(begin.offeredCapabilities),
    symbolArray(begin.desiredCapabilities),
    begin.properties ?? null,
  ]);
}

export function readAttach(fields: FieldReader): Attach {
  fields.begin('attach');
  const { buffer } = fields.values;
  const attach: Attach = {
    name: mandatory(fields.string('name'), 'name of attach'),
    handle: fields.uint('handle'),
    role: role(fields),
    sndSettleMode: mode(fields.ubyte('snd-settle-mode', SEND_MIXED), 2, 'snd-settle-mode') as SenderSettleMode,
    rcvSettleMode: mode(fields.ubyte('rcv-settle-mode', RECEIVE_FIRST), 1, 'rcv-settle-mode') as ReceiverSettleMode,
    source: readSource(fields, buffer),
    target: readTarget(fields, buffer),
    unsettled: unsettledOf(fields.map('unsettled')),
    incompleteUnsettled: fields.boolean('incomplete-unsettled', false),
    initialDeliveryCount: optionalCount(fields.uint('initial-delivery-count', -1)),
    maxMessageSize: fields.ulong('max-message-size'),
    offeredCapabilities: fields.symbols('offered-capabilities'),
    desiredCapabilities: fields.symbols('desired-capabilities'),
    properties: fields.map('properties'),
  };
  fields.finish();
  if (attach.role === SENDER && attach.initialDeliveryCount === undefined) {
    throw new FieldFault('initial-delivery-count', 'a sender must say its initial-delivery-count');
  }
  return attach;
}

export function attachValue(attach: Attach): AmqpValue {
  return composite(descriptors.ATTACH, [
    attach.name,
    uint(attach.handle),
    attach.role,
    attach.sndSettleMode === SEND_MIXED ? null : ubyte(attach.sndSettleMode),
    attach.rcvSettleMode === RECEIVE_FIRST ? null : ubyte(attach.rcvSettleMode),
    attach.source === undefined ? null : sourceValue(attach.source),
    attach.target === undefined ? null : targetValue(attach.target),
    unsettledValue(attach.unsettled),
    attach.incompleteUnsettled ? true : null,
    attach.initialDeliveryCount === undefined ? null : uint(attach.initialDeliveryCount),
    attach.maxMessageSize === undefined ? null : ulong(attach.maxMessageSize),
    symbolArray(attach.offeredCapabilities),
    symbolArray(attach.desiredCapabilities),
    attach.properties ?? null,
  ]);
}

export function readDetach(fields: FieldReader): Detach {
  fields.begin('detach');
  const detach: Detach = {
    handle: fields.uint('handle'),
    closed: fields.boolean('closed', false),
    error: readErrorField(fields, 'error', fields.values.buffer),
  };
  fields.finish();
  return detach;
}

export function detachValue(detach: Detach): AmqpValue {
  return composite(descriptors.DETACH, [
    uint(detach.handle),
    detach.closed ? true : null,
    detach.error === undefined ? null : errorValue(detach.error),
  ]);
}

/** The error of end and close; undefined: all is well. @param what 'end' or 'close' */
export function readEnding(fields: FieldReader, what: string): ErrorCondition | undefined {
  fields.begin(what);
  const error = readErrorField(fields, 'error', fields.values.buffer);
  fields.finish();
  return error;
}

/** @param code END or CLOSE */
export function endingValue(code: number, error?: ErrorCondition): AmqpValue {
  return composite(code, [error === undefined ? null : errorValue(error)]);
}

function role(fields: FieldReader): Role {
  return fields.boolean('role');
}

function mode(value: number, most: number, field: string): number {
  if (value > most) throw new FieldFault(field, `there is no ${field} ${value}`);
  return value;
}

/** Zero means none, where a client says that it has no time-out. */
function optional(value: number): number | undefined {
  return value === 0 ? undefined : value;
}

function optionalCount(value: number): number | undefined {
  return value < 0 ? undefined : value;
}

function unsettledOf(map: AmqpValue | undefined): readonly UnsettledEntry[] {
  if (map === undefined || typeof map !== 'object' || map?.type !== 'map') return [];
  return map.value.map(([tag, state]): UnsettledEntry => {
    if (typeof tag !== 'object' || tag?.type !== 'binary')
      throw new DecodeFault('unsettled must be a map by delivery tags');
    return [tag.value, state === null ? null : readStateValue(state)];
  });
}

function unsettledValue(entries: readonly UnsettledEntry[]): AmqpValue {
  if (entries.length === 0) return null;
  const value = entries.map(([tag, state]) => {
    const key: AmqpValue = { type: 'binary', value: tag };
    return [key, state === null ? null : stateValue(state)] as const;
  });
  return { type: 'map', value };
}
