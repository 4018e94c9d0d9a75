/**
 * User properties by which the broker says something of one delivery of a share, in front of the message's own: how often it came
 * back, where its queue tells that, and what it was parked under.
 */
import { DEFERRAL_TOKEN_HEADER, type MessageView } from '../../../src/api/index.ts';
import { PropertyWriter } from '../codec/properties/property-writer.ts';
import { ACQUIRED_COUNT, DELIVERY_COUNT } from '../mapping/property-names.ts';
import type { SubscriptionConsumer } from './subscription-consumer.ts';

/** The subscription's identifier, and what is told. */
export function toldProperties({ identifiers, handle }: SubscriptionConsumer, view: MessageView): Buffer {
  const writer = new PropertyWriter();
  if (identifiers !== null) writer.raw(identifiers, 0, identifiers.length);
  if (handle?.tellsAttempts === true && view.acquired > 0) {
    if (view.attempts > 0) writer.pair(DELIVERY_COUNT, String(view.attempts));
    writer.pair(ACQUIRED_COUNT, String(view.acquired));
  }
  if (view.deferralToken !== '') writer.pair(DEFERRAL_TOKEN_HEADER, view.deferralToken);
  return writer.buffer.subarray(0, writer.length);
}
