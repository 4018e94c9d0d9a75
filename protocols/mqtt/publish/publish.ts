/** PUBLISH from a client [section 3.3] that lies in one piece; large bodies are in `publish-large.ts`. */
import { isUtf8 } from 'node:buffer';
import { equalRanges } from '../../../src/api/index.ts';
import { decodePublish } from '../codec/publish.ts';
import { PAYLOAD_FORMAT_INVALID, SUCCESS } from '../codec/reasons.ts';
import type { Connection } from '../connection/connection.ts';
import { addressed, admit, fill, handOver, obstacle, propertiesOf, refuse, repeated } from './incoming.ts';

export function publish(connection: Connection, first: number, buffer: Buffer, start: number, end: number): void {
  const { adapter, lastTarget: last } = connection;
  const { fields } = adapter;
  decodePublish(first, buffer, start, end, connection.level, fields);
  const properties = propertiesOf(connection, buffer, end);
  const { qos, retain, packetId, topicStart, topicEnd, bodyStart } = fields;
  // The same topic as before, nearly always.
  const target =
    last?.valid && properties.alias === 0 && equalRanges(last.bytes, last.start, last.end, buffer, topicStart, topicEnd)
      ? last
      : addressed(connection, properties, buffer, topicStart, topicEnd);
  if (qos > 0 && !admit(connection, fields)) {
    repeated(connection, packetId);
    return;
  }
  let reason = obstacle(connection, target, fields, properties, end - bodyStart);
  if (properties.text && adapter.limits.checkPayloadFormat && reason === SUCCESS) {
    if (!isUtf8(buffer.subarray(bodyStart, end))) reason = PAYLOAD_FORMAT_INVALID;
  }
  if (reason !== SUCCESS) {
    refuse(connection, qos, packetId, reason);
    return;
  }
  const draft = adapter.newDraft();
  fill(draft, target, qos, retain, connection.origin, properties, connection.session.user);
  draft.body = buffer;
  draft.bodyStart = bodyStart;
  draft.bodyEnd = end;
  handOver(connection, target, draft, packetId, null);
}
