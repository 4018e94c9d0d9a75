/** PUBLISH from a client [section 3.3] that lies in one piece; large bodies are in `publish-large.ts`. */
import { isUtf8 } from 'node:buffer';
import { decodePublish } from '../codec/publish.ts';
import { PAYLOAD_FORMAT_INVALID, SUCCESS } from '../codec/reasons.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
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
  const { context, session } = client;
  const { fields, limits } = context;
  decodePublish(first, buffer, start, end, client.level, fields);
  const properties = propertiesOf(client, buffer, end);
  const { qos, retain, packetId, topicStart, topicEnd, bodyStart } = fields;
  const target = targetFor(client, properties, buffer, topicStart, topicEnd);
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
  const { draft } = context;
  fillDraft(draft, target, qos, retain, client.origin, properties, session.user);
  draft.body = buffer;
  draft.bodyStart = bodyStart;
  draft.bodyEnd = end;
  publishDraft(client, target, draft, packetId, null);
}
