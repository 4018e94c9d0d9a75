/** Connections and channels as RabbitMQ shows them. */
import type { ChannelView, ConnectionView } from '../../../operator/connections.ts';
import type { Measured } from '../../../operator/rates/measured.ts';
import type { ChannelColumn } from '../../../operator/rates/rows.ts';
import { NODE } from '../node-name.ts';
import { argumentsJson } from './arguments.ts';
import { consumer } from './consumer.ts';
import { detailed, type HistoryQuery } from './details.ts';
import { channelStats } from './message-stats.ts';
import { channelName, connectionName } from './names.ts';

/** @param single it was asked for alone: then what is absent is '' and not null */
export function connection(view: ConnectionView, single: boolean): object {
  const { report, rates, remote, local, certificate } = view;
  const { properties } = report;
  const absent = single ? '' : null;
  const given = properties.find(({ name }) => name === 'connection_name')?.value;
  const clientId = properties.find(({ name }) => name === 'client_id')?.value;
  // Protocols that have no channels of their own come through RabbitMQ's core directly.
  const direct = report.channelMax === 1;
  return {
    auth_mechanism: report.mechanism,
    channel_max: report.channelMax,
    channels: report.channels,
    client_properties: argumentsJson(properties),
    connected_at: view.sinceMs,
    frame_max: report.frameSizeMax,
    host: local.address,
    name: connectionName(view),
    node: NODE,
    ...(!direct && {
      peer_cert_issuer: absent,
      peer_cert_subject: certificate?.subject ?? absent,
      peer_cert_validity: absent,
    }),
    peer_host: remote.address,
    peer_port: remote.port,
    port: local.port,
    protocol: report.protocol,
    ...detailed('recv_oct', view.bytesIn, rates?.inPerSecond ?? 0),
    ...detailed('send_oct', view.bytesOut, rates?.outPerSecond ?? 0),
    send_pend: 0,
    ssl: view.secure,
    ...(!direct && { ssl_cipher: absent, ssl_hash: absent, ssl_key_exchange: absent, ssl_protocol: absent }),
    state: report.state,
    ...(!direct && { timeout: report.heartbeatS }),
    type: direct ? 'direct' : 'network',
    user: view.user,
    ...(typeof given === 'string' && { user_provided_name: given }),
    user_who_performed_action: view.user,
    ...(direct && typeof clientId === 'string' && { variable_map: { client_id: clientId } }),
    vhost: view.vhost,
  };
}

/** The same where all that is asked is which there are. */
export function connectionOf(view: ConnectionView): object {
  return { name: connectionName(view), vhost: view.vhost, user: view.user, node: NODE };
}

/** @param measured what it has counted; undefined: nothing is known of that */
export function channel(
  view: ChannelView,
  measured: Measured<ChannelColumn> | undefined,
  history: HistoryQuery,
  single: boolean,
): object {
  const { connection: of, report } = view;
  return {
    acks_uncommitted: report.uncommittedAcknowledgements,
    confirm: report.confirms,
    connection_details: { name: connectionName(of), peer_host: of.remote.address, peer_port: of.remote.port },
    consumer_count: report.consumers,
    ...(single && { consumer_details: view.consumers().map(consumer), deliveries: [], publishes: [] }),
    global_prefetch_count: report.sharedPrefetch,
    message_stats: channelStats(measured, history),
    messages_unacknowledged: report.unacknowledged,
    messages_uncommitted: report.uncommittedPublishes,
    messages_unconfirmed: report.unconfirmed,
    name: channelName(of, report.number),
    node: NODE,
    number: report.number,
    pending_raft_commands: 0,
    prefetch_count: report.prefetch,
    state: report.state,
    transactional: report.transactional,
    user: of.user,
    user_who_performed_action: of.user,
    vhost: of.vhost,
  };
}
