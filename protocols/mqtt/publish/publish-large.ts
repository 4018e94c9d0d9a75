/** PUBLISH whose body arrives in pieces: it is written to the log as it comes, and published once it is whole. */
import { type BodyWriter, LimitError } from '../../../src/api/index.ts';
import { NO_PROPERTIES } from '../codec/properties/message-properties.ts';
import { decodePublish } from '../codec/publish.ts';
import { PAYLOAD_FORMAT_INVALID, QUOTA_EXCEEDED, SUCCESS } from '../codec/reasons.ts';
import { Utf8Check } from '../codec/text.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { fillDraft } from './fill-draft.ts';
import {
  acknowledgeAgain,
  isNew,
  propertiesOf,
  publishDraft,
  publishReasonOf,
  refusalOf,
  refusePublish,
  targetFor,
} from './incoming.ts';

export function publishBegin(
  client: ConnectedClient,
  first: number,
  buffer: Buffer,
  start: number,
  end: number,
  bodyLength: number,
): void {
  const { context, session } = client;
  const { fields, limits } = context;
  decodePublish(first, buffer, start, end, client.level, fields);
  const properties = propertiesOf(client, buffer, end);
  const { qos, retain, packetId, topicStart, topicEnd } = fields;
  const addressee = targetFor(client, properties, buffer, topicStart, topicEnd);
  const target = qos === 0 || isNew(client, fields) ? addressee : null;
  let reason = target === null ? SUCCESS : largeRefusalOf(client, target, fields, properties, bodyLength);
  if (target !== null && reason === SUCCESS && client.held?.refuses(qos) === true) reason = QUOTA_EXCEEDED;
  let writer: BodyWriter | null = null;
  if (target !== null && reason === SUCCESS) {
    try {
      const { draft } = context;
      fillDraft(draft, target, qos, retain, client.origin, properties, session.user);
      writer = session.openBody(bodyLength, draft.outlives);
    } catch (error) {
      if (!(error instanceof LimitError)) throw error;
      reason = publishReasonOf(error);
    }
  }
  const taken = writer !== null;
  client.arriving = {
    target,
    qos,
    retain,
    packetId,
    properties: taken ? properties.copy() : NO_PROPERTIES,
    writer,
    text: taken && properties.text && limits.checkPayloadFormat ? new Utf8Check() : null,
    reason,
  };
}

/** Commands come in one piece. */
function largeRefusalOf(...about: Parameters<typeof refusalOf>): number {
  const [, { administration, word }] = about;
  return administration === null && word === '' ? refusalOf(...about) : QUOTA_EXCEEDED;
}

export function publishPiece(client: ConnectedClient, buffer: Buffer, start: number, end: number): void {
  const { writer, text } = client.arriving!;
  writer?.append(buffer, start, end);
  text?.take(buffer, start, end);
  if (writer !== null && client.session.congested) client.hold();
}

export function publishEnd(client: ConnectedClient): void {
  const { target, qos, retain, packetId, properties, writer, text, reason } = client.arriving!;
  client.arriving = null;
  if (target === null) {
    acknowledgeAgain(client, packetId);
    return;
  }
  if (writer === null || text?.end() === false) {
    writer?.abort();
    refusePublish(client, qos, packetId, reason === SUCCESS ? PAYLOAD_FORMAT_INVALID : reason);
    if (client.session.congested) client.hold();
    return;
  }
  const { draft } = client.context;
  fillDraft(draft, target, qos, retain, client.origin, properties, client.session.user);
  draft.large = writer;
  publishDraft(client, target, draft, packetId, writer);
}
