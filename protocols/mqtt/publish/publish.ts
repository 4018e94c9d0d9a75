/** PUBLISH from a client [section 3.3] that lies in one piece; large bodies are in `publish-large.ts`. */
import { isUtf8 } from 'node:buffer';
import { equalRanges } from '../../../src/api/index.ts';
import { decodePublish } from '../codec/publish.ts';
import { PAYLOAD_FORMAT_INVALID, QUOTA_EXCEEDED, SUCCESS } from '../codec/reasons.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { administer } from './administer.ts';
import { sayOfDeliveries } from './delivery-words.ts';
import { fillDraft } from './fill-draft.ts';
import {
  acknowledgeAgain,
  isNew,
  propertiesOf,
  publishDraft,
  refusalOf,
  refusePublish,
  targetFor,
} from './incoming.ts';

export function publish(client: ConnectedClient, first: number, buffer: Buffer, start: number, end: number): void {
  const { context, lastTarget: last, session } = client;
  const { fields, limits } = context;
  decodePublish(first, buffer, start, end, client.level, fields);
  const properties = propertiesOf(client, buffer, end);
  const { qos, retain, packetId, topicStart, topicEnd, bodyStart } = fields;
  // The same topic as before, nearly always.
  const target =
    last?.valid && properties.alias === 0 && equalRanges(last.bytes, last.start, last.end, buffer, topicStart, topicEnd)
      ? last
      : targetFor(client, properties, buffer, topicStart, topicEnd);
  if (qos > 0 && !isNew(client, fields)) {
    acknowledgeAgain(client, packetId);
    return;
  }
  let reason = refusalOf(client, target, fields, properties, end - bodyStart);
  if (properties.text && limits.checkPayloadFormat && reason === SUCCESS) {
    if (!isUtf8(buffer.subarray(bodyStart, end))) reason = PAYLOAD_FORMAT_INVALID;
  }
  if (reason !== SUCCESS) {
    refusePublish(client, qos, packetId, reason);
    return;
  }
  if (target.administration !== null) {
    administer(client, target.administration, qos, packetId, buffer.subarray(bodyStart, end));
    return;
  }
  if (target.word !== '') {
    sayOfDeliveries(client, target.word, qos, packetId, properties);
    return;
  }
  if (client.held?.refuses(qos) === true) {
    refusePublish(client, qos, packetId, QUOTA_EXCEEDED);
    client.hold();
    return;
  }
  const { draft } = context;
  fillDraft(draft, target, qos, retain, client.origin, properties, session.user);
  draft.body = buffer;
  draft.bodyStart = bodyStart;
  draft.bodyEnd = end;
  publishDraft(client, target, draft, packetId, null);
}
