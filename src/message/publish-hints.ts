/** Headers that the broker itself goes by when a message is published, in the neutral form: for those who have them decoded. */
import { CHECK_ADDRESS_HEADER, HALF_HEADER, HALF_ID_HEADER, halfMessage } from './half-message.ts';
import type { Draft } from './message.ts';
import type { Headers, Value } from './properties.ts';
import { integerOf } from './values.ts';

export const DELIVERY_TIME_HEADER = 'x-opt-delivery-time';
/** What a message is parked under, and asked for by. RabbitMQ 4.4, where it is an annotation of the outcome `modified`. */
export const DEFERRAL_TOKEN_HEADER = 'x-opt-deferral-token';
export const DELIVERY_DELAY_HEADER = 'x-opt-delivery-delay';

/**
 * When it is to be routed (`x-opt-delivery-time`, epoch milliseconds or a timestamp, counts before `x-opt-delivery-delay`, milliseconds;
 * only integers count), and whether it is a half message.
 */
export function takeHints(draft: Draft, headers: Headers, user: string): void {
  const dueMs = timeMsOf(valueUnder(headers, DELIVERY_TIME_HEADER));
  const delayMs = integerOf(valueUnder(headers, DELIVERY_DELAY_HEADER));
  if (dueMs !== undefined && dueMs >= 0) draft.dueMs = dueMs;
  else if (delayMs !== undefined && delayMs > 0) draft.delayMs = delayMs;
  const action = valueUnder(headers, HALF_HEADER);
  if (action === undefined) return;
  const id = textOf(valueUnder(headers, HALF_ID_HEADER));
  draft.half = halfMessage(textOf(action) ?? '', id, textOf(valueUnder(headers, CHECK_ADDRESS_HEADER)), user);
}

/** A timestamp is of whole seconds. */
function timeMsOf(value: Value | undefined): number | undefined {
  const isTimestamp = typeof value === 'object' && value?.type === 'timestamp';
  return isTimestamp ? Number(value.value) * 1_000 : integerOf(value);
}

function valueUnder(headers: Headers, wanted: string): Value | undefined {
  return headers.find(({ name }) => name === wanted)?.value;
}

function textOf(value: Value | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
