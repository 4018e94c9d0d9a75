/** Checks of a CONNECT that come before anybody asks whose it is, and the reason codes of 5.0 for what is refused. */
import { isUtf8 } from 'node:buffer';
import type { Credentials, Refusal, Transport } from '../../../src/api/index.ts';
import type { Connect } from '../codec/connect.ts';
import { LEVEL_3_1_1, LEVEL_5 } from '../codec/packet.ts';
import {
  BAD_USER_NAME_OR_PASSWORD_5,
  CLIENT_IDENTIFIER_NOT_VALID,
  CONNECTION_RATE_EXCEEDED,
  NOT_AUTHORIZED_5,
  PAYLOAD_FORMAT_INVALID,
  QUOTA_EXCEEDED,
  SERVER_MOVED,
  SERVER_UNAVAILABLE_5,
  USE_ANOTHER_SERVER,
} from '../codec/reasons.ts';
import type { AdapterContext } from '../context.ts';
import { splitUserName } from '../mapping/names.ts';
import { CLIENT_ID_BYTES_MAX } from '../options.ts';

/** The longest identifier of 3.1, in characters [MQTT 3.1, section 3.1]. */
const CLIENT_ID_LENGTH_MAX_3_1 = 23;

/**
 * Why a client is refused, whoever it is: a reason code of 5.0; null: it is not.
 * @param nowMs monotonic
 */
export function refusalOf(context: AdapterContext, request: Connect, nowMs: number): number | null {
  const { connectRate, limits, stats } = context;
  const { will } = request;
  if (will?.properties.text === true && limits.checkPayloadFormat && !isUtf8(will.payload)) {
    return PAYLOAD_FORMAT_INVALID;
  }
  if (!mayHaveIdentifier(request)) return CLIENT_IDENTIFIER_NOT_VALID;
  if (!connectRate.take(nowMs)) {
    stats.connectRateRefused++;
    return CONNECTION_RATE_EXCEEDED;
  }
  const { redirect } = limits;
  if (redirect !== null) return redirect.permanent ? SERVER_MOVED : USE_ANOTHER_SERVER;
  return null;
}

/** @returns who the client says it is, and the vhost that it wants; undefined: the default one */
export function credentialsOf(
  { loopback, remote, certificate }: Transport,
  request: Connect,
): { credentials: Credentials; vhost: string | undefined } {
  const { vhost, user } = splitUserName(request.user);
  const client = `mqtt ${remote.address}:${remote.port}`;
  // A name of no length is none, and its password then means nothing: clients of Mosquitto rely on it.
  const nameless = user === '';
  return {
    credentials: {
      client,
      address: remote.address,
      loopback,
      certificate,
      user: nameless ? undefined : user,
      password: nameless ? undefined : request.password,
    },
    vhost,
  };
}

/** Whether a client of this version may have this identifier, or none. */
function mayHaveIdentifier({ level, bridge, clean, clientId }: Connect): boolean {
  if (Buffer.byteLength(clientId) > CLIENT_ID_BYTES_MAX) return false;
  if (level === LEVEL_5) return true; // it is told what it is given [MQTT5-3.1.3-6]
  // One that gives no identifier cannot come back to its session [MQTT-3.1.3-8]; 3.1 wants one in any case.
  if (level === LEVEL_3_1_1) return clientId !== '' || clean;
  // A bridge's is made of the names of its host and its connection, which are longer than that.
  return clientId !== '' && (bridge || clientId.length <= CLIENT_ID_LENGTH_MAX_3_1);
}

/** The reason code of 5.0 for what the broker refuses. */
export function reasonOf(refusal: Refusal): number {
  switch (refusal.refused) {
    // The user name names the vhost, so a wrong one is a wrong user name.
    case 'credentials':
    case 'vhost-not-found':
      return BAD_USER_NAME_OR_PASSWORD_5;
    case 'forbidden':
      return NOT_AUTHORIZED_5;
    case 'unavailable':
      return SERVER_UNAVAILABLE_5;
    case 'limit':
      return QUOTA_EXCEEDED;
    case 'rate':
      return CONNECTION_RATE_EXCEEDED;
  }
}
