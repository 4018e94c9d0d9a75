/**
 * The vhost's records in its log: topology, lists of targets, settlements, times, adapters' state. The state is a fold over
 * them: `journal.ts` writes, `recovery.ts` reads. Message and extent records are `queue/store/message-store.ts`'s.
 *
 * Little endian. Topology is JSON: it is rare, and a person can read it in a dump.
 *
 * ```
 * 130 exchange declared   JSON {name, type, durable, autoDelete, internal, arguments}
 * 131 exchange deleted    name
 * 132 queue declared      JSON {id, name, durable, autoDelete, atMostOnce, arguments, mayExpire, grouped}
 * 133 queue deleted       u32 queue
 * 134 bound               JSON {source, queue|exchange, key, options}
 * 135 unbound             JSON, the same
 * 136 targets             u32 list, u32 first, u32 count, count × (u32 queue, u32 flags); a long list takes several records,
 *                         `first` is the place of the record's first entry
 * 137 settled             u32 queue, u32 count, count × u48 sequence number
 * 138 returned            u32 queue, u48 sequence number, u32 flags
 * 139 state put           u16 key bytes, key, value
 * 140 state deleted       key
 * 141 retained            u48 sequence number, u8 flags (bit 0 slash-spelled, by older builds; bits 1-2 assurance, bit 3 large body, bit 4 the
 *                         next two are there), u48 epoch milliseconds of its expiry or 0, u32 bytes it counts for, key
 * 142 enqueued            u32 queue, u48 sequence number, u32 flags
 * 143 numbers             u32 next queue, u32 next list
 * 144 positions           u32 queue, u8 kind (0: replaces what is known; 1: more), u32 count, and if count is not 0:
 *                         u48 first, u32 gap bytes, u32 runs of flags, gaps (`queue/positions/packed-positions.ts`), runs × (u32 length, u32 flags)
 * 145 held                u32 queue, u32 count, count × (u48 sequence number, u32 flags): not waiting in order
 * 146 large body          u48 sequence number, u32 bytes, u32 count, count × (u48 extent, u32 bytes)
 * 147 delayed             u32 count, count × (u48 sequence number, u48 epoch ms when due, u8 flags: bit 0 large body, bit 1 to
 *                         be retained when due, bit 2 has several keys): kept aside, in no queue
 * 148 delay over          u32 count, count × u48 sequence number: routed under another number, or nowhere any more
 * 149 delayed keys        u48 sequence number, u16 count, count × (u16 bytes, key)
 * 150 dying               u32 queue, u48 sequence number, u32 flags, u8 reason (0 rejected, 1 expired, 2 maxlen, 3 delivery_limit):
 *                         it has died, and what becomes of it is still to be published
 * 151 policy set          JSON {kind, name, pattern, applyTo, priority, definition}
 * 152 policy cleared      JSON {kind, name}
 * 153 retry               u32 queue, u48 sequence number, u32 flags, u48 epoch ms: it failed, and is tried again then
 * ```
 */
import type { BindOptions, ExchangeOptions, ExchangeType, QueueOptions } from '../../api/topology.ts';
import type { DeathReason } from '../../message/annotations.ts';
import { readU16 } from '../../message/bytes.ts';
import { textOf } from '../../message/text.ts';

export const RECORD_EXCHANGE = 130;
export const RECORD_EXCHANGE_DELETED = 131;
export const RECORD_QUEUE = 132;
export const RECORD_QUEUE_DELETED = 133;
export const RECORD_BOUND = 134;
export const RECORD_UNBOUND = 135;
export const RECORD_TARGETS = 136;
export const RECORD_SETTLED = 137;
export const RECORD_RETURNED = 138;
export const RECORD_STATE = 139;
export const RECORD_STATE_DELETED = 140;
export const RECORD_RETAINED = 141;
export const RECORD_ENQUEUED = 142;
export const RECORD_NUMBERS = 143;
export const RECORD_POSITIONS = 144;
export const RECORD_HELD = 145;
export const RECORD_LARGE = 146;
export const RECORD_DELAYED = 147;
export const RECORD_DELAY_OVER = 148;
export const RECORD_DELAYED_KEYS = 149;

export const RECORD_DYING = 150;
export const RECORD_POLICY = 151;
export const RECORD_POLICY_CLEARED = 152;
export const RECORD_RETRY = 153;

/** Flags of a delayed message. */
export const DELAYED_LARGE = 1;
export const DELAYED_RETAIN = 2;
export const DELAYED_SEVERAL_KEYS = 4;

/** Reasons by their numbers in a record. */
export const DEATH_REASONS: readonly DeathReason[] = ['rejected', 'expired', 'maxlen', 'delivery_limit'];

/** Of a retained record's flags: when it expires and what it counts for follow. */
export const RETAINED_LONG = 16;

export interface ExchangeRecord extends ExchangeOptions {
  readonly name: string;
  readonly type: ExchangeType;
}

export interface QueueRecord extends Omit<QueueOptions, 'exclusive'> {
  readonly id: number;
  readonly name: string;
  /** A message that expires may be among those of a checkpoint, which says nothing of each. */
  readonly mayExpire?: boolean;
  /** One that has a group as well. */
  readonly grouped?: boolean;
}

export interface BindingRecord {
  readonly source: string;
  readonly queue?: number;
  readonly exchange?: string;
  readonly key: string;
  readonly options: BindOptions;
}

/** The keys of a DELAYED_KEYS record. */
export function delayedKeys(buffer: Buffer, start: number): string[] {
  const count = readU16(buffer, start + 6);
  const keys: string[] = [];
  for (let at = start + 8, i = 0; i < count; i++) {
    const end = at + 2 + readU16(buffer, at);
    keys.push(textOf(buffer, at + 2, end));
    at = end;
  }
  return keys;
}
