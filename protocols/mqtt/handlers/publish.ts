/** PUBLISH from a client [section 3.3] that lies in one piece; large bodies are in `publish-large.ts`. */
import { isUtf8 } from 'node:buffer';
import { PAYLOAD_FORMAT_INVALID, SUCCESS } from '../codec/reasons.ts';
import type { Connection } from '../connection.ts';
import { admit, decodeHead, fill, handOver, obstacle, refuse, repeated } from './incoming.ts';

export function publish(connection: Connection, first: number, buffer: Buffer, start: number, end: number): void {
  const { adapter } = connection;
  const { fields } = adapter;
  const properties = decodeHead(connection, first, buffer, start, end);
  const { qos, retain, packetId, bodyStart } = fields;
  const target = admit(connection, fields, properties, buffer);
  if (target === null) {
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
  fill(draft, target, qos, retain, connection.client.queue, properties);
  draft.body = buffer;
  draft.bodyStart = bodyStart;
  draft.bodyEnd = end;
  handOver(connection, target, draft, packetId, null);
}
