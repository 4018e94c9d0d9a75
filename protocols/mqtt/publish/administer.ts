/** A PUBLISH to the control topic: its payload is commands, and it goes to nobody. */
import type { Administration } from '../../../src/api/index.ts';
import { PUBACK, PUBREC } from '../codec/packet.ts';
import type { Qos } from '../codec/publish.ts';
import { QUOTA_EXCEEDED } from '../codec/reasons.ts';
import type { ConnectedClient } from '../connection/connected-client.ts';
import { COMMANDS_BYTES_MAX } from '../control/dynamic-security.ts';
import { refusePublish } from './incoming.ts';

/** It is acknowledged when it is taken; its answer says what became of it. */
export function administer(
  client: ConnectedClient,
  administration: Administration,
  qos: Qos,
  packetId: number,
  payload: Buffer,
): void {
  if (payload.length > COMMANDS_BYTES_MAX) refusePublish(client, qos, packetId, QUOTA_EXCEEDED);
  else if (!client.requests.take(administration, payload)) refusePublish(client, qos, packetId, QUOTA_EXCEEDED);
  else if (qos === 1) client.answer(PUBACK, packetId, client.session.mark());
  else if (qos === 2) {
    client.mqttSession.received.add(packetId);
    client.answer(PUBREC, packetId, client.session.mark());
  }
}
