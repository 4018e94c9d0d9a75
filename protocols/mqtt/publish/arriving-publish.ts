/** A PUBLISH whose body arrives in pieces, between its first piece and its last: what is known of it before its body. */
import type { BodyWriter } from '../../../src/api/index.ts';
import type { MessageProperties } from '../codec/properties/message-properties.ts';
import type { Qos } from '../codec/publish.ts';
import type { Utf8Check } from '../codec/text.ts';
import type { PublishTarget } from './publish-target.ts';

export interface ArrivingPublish {
  /** Null: it was sent before; its body is read and forgotten. */
  readonly target: PublishTarget | null;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly packetId: number;
  readonly properties: MessageProperties;
  /** Null: its body is forgotten. */
  readonly writer: BodyWriter | null;
  /** Its payload is declared to be text, and that is looked at. */
  readonly text: Utf8Check | null;
  /** Why it is not taken: a reason code of 5.0. */
  readonly reason: number;
}
