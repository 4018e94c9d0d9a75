/** CONNECT and STOMP: version, virtual host, who it is, heart-beats; and the CONNECTED that answers. */
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { connectedFrame } from '../codec/server-frames.ts';
import { negotiate, V1_0 } from '../codec/version.ts';
import type { Connection } from './connection.ts';
import { agreeHeartbeat, type HeartbeatAgreement } from './heartbeat.ts';

/** Asks the broker to admit the client; it answers `connection.opened`, perhaps later. */
export function connect(connection: Connection, frame: Frame): void {
  const { adapter, transport } = connection;
  const version = negotiate(frame.header('accept-version'));
  if (version === undefined) {
    // [STOMP 1.2, Protocol Negotiation] the ERROR lists what the server speaks
    throw new FrameError('Version mismatch', 'Supported versions are 1.0,1.1,1.2.', ['version:1.0,1.1,1.2']);
  }
  // Escapes are not in force here; 1.0's clients may put a space after the colon.
  const header = (name: string): string | undefined => {
    const value = frame.header(name);
    return version === V1_0 ? value?.trimStart() : value;
  };
  // Clients that are given no name send an empty one.
  const user = header('login') || undefined;
  const passcode = header('passcode');
  const clientId = header('client-id');
  transport.label = clientId ?? '';
  const heartbeat = header('heart-beat');
  agreeHeartbeat(heartbeat, 0); // refuse a malformed one before anyone is let in
  adapter.broker.open(
    {
      client: `stomp ${transport.remote.address}:${transport.remote.port}`,
      loopback: transport.loopback,
      user,
      password: passcode === undefined ? undefined : Buffer.from(passcode),
      vhost: vhostOf(connection, header('host')),
    },
    connection,
    (result) => connection.opened(result, version, clientId, heartbeat),
  );
}

/** Writes CONNECTED. */
export function connected(connection: Connection, heartbeatHeader: string | undefined): HeartbeatAgreement {
  const { options } = connection.adapter;
  const agreement = agreeHeartbeat(heartbeatHeader, options.heartbeatMinMs);
  const frame = connectedFrame(connection.version, connection.sessionName, options.server, agreement);
  connection.outlet.output.append(frame);
  connection.outlet.wrote = true;
  return agreement;
}

/**
 * The virtual host that `host` names; undefined for the default one. Clients of other brokers put the name they dialled
 * there, so this machine's names and addresses mean the default, too.
 */
function vhostOf(connection: Connection, host: string | undefined): string | undefined {
  if (host === undefined || host === '' || host === '/' || isLoopbackName(host)) return undefined;
  if (host === connection.transport.local.address) return undefined;
  const name = host.toLowerCase();
  if (connection.adapter.options.hostNames.some((known) => known.toLowerCase() === name)) return undefined;
  return host;
}

function isLoopbackName(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}
