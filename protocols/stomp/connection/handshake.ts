/** CONNECT and STOMP: version, virtual host, user, heart-beats; and the CONNECTED that answers. */
import type { Refusal, Session, SessionClient, Transport } from '../../../src/api/index.ts';
import type { Adapter } from '../adapter.ts';
import { FrameError } from '../codec/errors.ts';
import type { Frame } from '../codec/frame.ts';
import { connectedFrame } from '../codec/server-frames.ts';
import { negotiate, V1_0 } from '../codec/version.ts';
import type { ConnectedClient, Negotiated } from './connected-client.ts';
import { agreeHeartbeat, type HeartbeatAgreement } from './heartbeat.ts';

/** The connection of a client that is about to be admitted. */
export interface HandshakeHost extends SessionClient {
  /** Set from CONNECT's header. */
  clientId?: string;
  readonly adapter: Adapter;
  readonly transport: Transport;
  /** The broker has answered. Called while CONNECT is handled or later. */
  opened(result: Session | Refusal, negotiated: Negotiated): void;
}

/**
 * Asks the broker to admit the client.
 *
 * @throws FrameError for a CONNECT that cannot be obeyed
 */
export function connect(host: HandshakeHost, frame: Frame): void {
  const { adapter, transport } = host;
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
  if (clientId !== undefined) host.clientId = clientId;
  const heartbeatHeader = header('heart-beat');
  agreeHeartbeat(heartbeatHeader, 0); // refuse a malformed one before anyone is let in
  adapter.broker.open(
    {
      client: `stomp ${transport.remote.address}:${transport.remote.port}`,
      address: transport.remote.address,
      loopback: transport.loopback,
      certificate: transport.certificate,
      user,
      password: passcode === undefined ? undefined : Buffer.from(passcode),
      vhost: vhostOf(host, header('host')),
      ...(clientId !== undefined && { clientId }),
    },
    host,
    (result) => host.opened(result, { version, clientId, heartbeatHeader }),
  );
}

/** Writes CONNECTED; returns what it says of heart-beats. */
export function sendConnected(client: ConnectedClient, heartbeatHeader: string | undefined): HeartbeatAgreement {
  const { adapter, output, version, sessionName } = client;
  const agreement = agreeHeartbeat(heartbeatHeader, adapter.options.heartbeatMinMs);
  output.output.append(connectedFrame(version, sessionName, adapter.options.server, agreement));
  output.wrote = true;
  return agreement;
}

/**
 * The virtual host that `host` names; undefined for the default one. Clients of other brokers put the name they dialled
 * there, so this machine's names and addresses mean the default, too.
 */
function vhostOf({ transport, adapter }: HandshakeHost, host: string | undefined): string | undefined {
  if (host === undefined || host === '' || host === '/' || isLoopbackName(host)) return undefined;
  if (host === transport.local.address) return undefined;
  const name = host.toLowerCase();
  if (adapter.options.hostNames.some((known) => known.toLowerCase() === name)) return undefined;
  return host;
}

function isLoopbackName(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}
