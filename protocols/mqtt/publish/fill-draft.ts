/**
 * Fills the draft that a message is handed to the broker with. It is the only place of the adapter that writes one, and
 * begins with `reset`: whatever became of the message before, which may be another client's, nothing of it stays.
 */
import type { Draft } from '../../../src/api/index.ts';
import { type MessageProperties, NO_PROPERTIES } from '../codec/properties/message-properties.ts';
import type { Qos } from '../codec/publish.ts';
import { MQTT_DIALECT_ID } from '../mapping/dialect.ts';
import { readHints } from '../mapping/hints.ts';
import type { PublishTarget } from './publish-target.ts';

/**
 * Says everything about a message but its body, which the caller puts in afterwards: `body` and its range, or `large`.
 * @param origin the queue of the session that publishes it; '' where nobody asks
 * @param user who publishes it
 */
export function fillDraft(
  draft: Draft,
  target: PublishTarget,
  qos: Qos,
  retain: boolean,
  origin: string,
  properties: MessageProperties,
  user: string,
): void {
  draft.reset();
  draft.dialect = MQTT_DIALECT_ID;
  draft.assurance = qos;
  draft.retain = retain && target.retainable;
  if (origin !== '') draft.origin = origin;
  if (properties !== NO_PROPERTIES) {
    const { buffer, start, end, expiryS } = properties;
    draft.props = buffer;
    draft.propsStart = start;
    draft.propsEnd = end;
    if (expiryS >= 0) draft.ttlMs = expiryS * 1000;
    if (properties.hasUserProperties) readHints(buffer, start, end, draft, user);
  }
  // A delay in the topic counts before one in a property.
  if (target.delayMs >= 0) draft.delayMs = target.delayMs;
}
