/** AUTH [section 3.15] from a client that is connected: it proves anew who it is. */
import type { AuthStep } from '../../../src/api/index.ts';
import { decodeAuth } from '../codec/disconnect-auth.ts';
import { writeAuth } from '../codec/encode5.ts';
import { MalformedPacket } from '../codec/packet.ts';
import {
  CONTINUE_AUTHENTICATION,
  NOT_AUTHORIZED_5,
  PACKET_TOO_LARGE,
  PROTOCOL_ERROR,
  REAUTHENTICATE,
  SUCCESS,
} from '../codec/reasons.ts';
import type { ConnectedClient } from './connected-client.ts';
import { AUTHENTICATING } from './pause-reasons.ts';

/** @throws MalformedPacket for an AUTH out of place */
export function reauthenticate(client: ConnectedClient, buffer: Buffer, start: number, end: number): void {
  const { reason, method, data } = decodeAuth(buffer, start, end);
  const { authentication } = client;
  if (authentication === null || method !== authentication.method) {
    throw new MalformedPacket('a method that CONNECT did not have [MQTT5-4.12.1-1]', PROTOCOL_ERROR);
  }
  if (reason === REAUTHENTICATE) authentication.begin();
  else if (reason !== CONTINUE_AUTHENTICATION) throw new MalformedPacket('an AUTH that ends', PROTOCOL_ERROR);
  if (!authentication.begun) throw new MalformedPacket('an AUTH out of place', PROTOCOL_ERROR);
  client.gate.pause(AUTHENTICATING);
  authentication.step(data, (result) => {
    if (!client.ended) stepped(client, method, result);
  });
}

function stepped(client: ConnectedClient, method: string, result: AuthStep): void {
  if ('challenge' in result) send(client, CONTINUE_AUTHENTICATION, method, result.challenge);
  else if ('refused' in result || client.session.renewIdentity(result.identity) !== undefined) {
    // Whoever proves to be somebody else has a session that is not theirs.
    client.disconnect('not authenticated again [MQTT5-4.12.1-2]', NOT_AUTHORIZED_5);
    return;
  } else send(client, SUCCESS, method, result.data);
  client.gate.resume(AUTHENTICATING);
}

function send(client: ConnectedClient, reason: number, method: string, data: Buffer | undefined): void {
  const { context, control, options, writer } = client;
  if (writeAuth(writer.out, reason, method, data, context.writer, options.asked.packetSizeMax)) return;
  control.fail(new MalformedPacket('an AUTH longer than the client takes', PACKET_TOO_LARGE));
}
