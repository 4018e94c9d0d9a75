/** Delivery states and outcomes, and the error that a rejection carries. [AMQP 1.0 §3.4, §4.5.5, §4.5.8, §2.8.14] */
import { ByteSink } from '../../../src/api/index.ts';
import * as descriptors from './descriptors.ts';
import { DecodeFault, mandatory } from './faults.ts';
import { FieldReader } from './field-reader.ts';
import { writeValue } from './value-writer.ts';
import { type AmqpValue, composite, symbol, uint, ulong } from './values.ts';

/** An error as it is told in rejected, detach, end and close. */
export interface ErrorCondition {
  readonly condition: string;
  readonly description?: string | undefined;
  /** A map. */
  readonly info?: AmqpValue | undefined;
}

export type DeliveryState =
  | { readonly kind: 'received'; readonly sectionNumber: number; readonly sectionOffset: number }
  | { readonly kind: 'accepted' }
  | { readonly kind: 'rejected'; readonly error?: ErrorCondition | undefined }
  | { readonly kind: 'released' }
  | ModifiedState
  | { readonly kind: 'declared'; readonly txnId: Buffer }
  | { readonly kind: 'transactional'; readonly txnId: Buffer; readonly outcome?: DeliveryState | undefined };

export interface ModifiedState {
  readonly kind: 'modified';
  readonly deliveryFailed: boolean;
  readonly undeliverableHere: boolean;
  /** A map, merged into the message's. */
  readonly messageAnnotations?: AmqpValue | undefined;
}

export const ACCEPTED_STATE: DeliveryState = { kind: 'accepted' };
export const RELEASED_STATE: DeliveryState = { kind: 'released' };

/** The most common state by far in its shortest spelling: 0x00 0x53 0x24 0x45. */
function isPlainAccepted(buffer: Buffer, start: number, end: number): boolean {
  return (
    end - start === 4 &&
    buffer[start] === 0x00 &&
    buffer[start + 1] === 0x53 &&
    buffer[start + 2] === descriptors.ACCEPTED &&
    buffer[start + 3] === 0x45
  );
}

/** Reads the described value that is `buffer[start, end)`. */
export function readDeliveryState(buffer: Buffer, start: number, end: number, depth = 0): DeliveryState {
  if (isPlainAccepted(buffer, start, end)) return ACCEPTED_STATE;
  const fields = new FieldReader();
  fields.values.begin(buffer, start, end);
  const code = descriptors.descriptorCode(fields.values.descriptor());
  const state = readState(fields, code, buffer, depth);
  fields.finish();
  return state;
}

function readState(fields: FieldReader, code: number, buffer: Buffer, depth: number): DeliveryState {
  switch (code) {
    case descriptors.ACCEPTED:
      fields.begin('accepted');
      return ACCEPTED_STATE;
    case descriptors.RELEASED:
      fields.begin('released');
      return RELEASED_STATE;
    case descriptors.REJECTED:
      fields.begin('rejected');
      return { kind: 'rejected', error: readErrorField(fields, 'error', buffer) };
    case descriptors.MODIFIED:
      fields.begin('modified');
      return {
        kind: 'modified',
        deliveryFailed: fields.boolean('delivery-failed', false),
        undeliverableHere: fields.boolean('undeliverable-here', false),
        messageAnnotations: fields.map('message-annotations'),
      };
    case descriptors.RECEIVED:
      fields.begin('received');
      return {
        kind: 'received',
        sectionNumber: fields.uint('section-number'),
        sectionOffset: fields.ulong('section-offset') ?? 0,
      };
    case descriptors.DECLARED:
      fields.begin('declared');
      return { kind: 'declared', txnId: mandatory(fields.binary('txn-id'), 'txn-id of declared') };
    case descriptors.TRANSACTIONAL_STATE: {
      if (depth > 0) throw new DecodeFault('a transactional state within another');
      fields.begin('transactional-state');
      const txnId = mandatory(fields.binary('txn-id'), 'txn-id of transactional-state');
      const has = fields.described('outcome');
      return {
        kind: 'transactional',
        txnId,
        outcome: has ? readDeliveryState(buffer, fields.start, fields.end, depth + 1) : undefined,
      };
    }
    default:
      throw new DecodeFault('a delivery state that the specification does not know');
  }
}

/** A state that was read as a value. */
export function readStateValue(value: AmqpValue): DeliveryState {
  const sink = new ByteSink();
  writeValue(sink, value);
  return readDeliveryState(sink.buffer, 0, sink.length);
}

/** Reads the error in the next field, if it is there. */
export function readErrorField(fields: FieldReader, field: string, buffer: Buffer): ErrorCondition | undefined {
  if (!fields.described(field)) return undefined;
  const inner = new FieldReader();
  inner.values.begin(buffer, fields.start, fields.end);
  if (descriptors.descriptorCode(inner.values.descriptor()) !== descriptors.ERROR) {
    throw new DecodeFault(`${field} must be an error`);
  }
  inner.begin('error');
  const condition = inner.symbol('condition');
  const error = {
    condition: mandatory(condition, 'condition of error'),
    description: inner.string('description'),
    info: inner.map('info'),
  };
  inner.finish();
  return error;
}

export function errorValue(error: ErrorCondition): AmqpValue {
  return composite(descriptors.ERROR, [symbol(error.condition), error.description ?? null, error.info ?? null]);
}

/** The same state as a value. */
export function stateValue(state: DeliveryState): AmqpValue {
  switch (state.kind) {
    case 'accepted':
      return composite(descriptors.ACCEPTED, []);
    case 'released':
      return composite(descriptors.RELEASED, []);
    case 'rejected':
      return composite(descriptors.REJECTED, [state.error === undefined ? null : errorValue(state.error)]);
    case 'modified':
      return composite(descriptors.MODIFIED, [
        state.deliveryFailed ? true : null,
        state.undeliverableHere ? true : null,
        state.messageAnnotations ?? null,
      ]);
    case 'received':
      return composite(descriptors.RECEIVED, [uint(state.sectionNumber), ulong(state.sectionOffset)]);
    case 'declared':
      return composite(descriptors.DECLARED, [{ type: 'binary', value: state.txnId }]);
    case 'transactional':
      return composite(descriptors.TRANSACTIONAL_STATE, [
        { type: 'binary', value: state.txnId },
        state.outcome === undefined ? null : stateValue(state.outcome),
      ]);
  }
}
