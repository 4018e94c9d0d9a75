/**
 * What lists of very many connections and channels can be sorted by without the whole of each being made: columns that `connection.ts`
 * shows, by their dotted names. Any other is looked for in what is shown.
 */

import type { ChannelView, ConnectionView } from '../../../operator/connections.ts';
import type { SortKey } from '../../../operator/listing/order.ts';
import { NODE } from '../node-name.ts';
import { channelName, connectionName } from './names.ts';

type OrderOf<T> = Readonly<Record<string, (view: T) => SortKey>>;

export const CONNECTION_ORDER: OrderOf<ConnectionView> = {
  name: connectionName,
  node: () => NODE,
  vhost: ({ vhost }) => vhost,
  user: ({ user }) => user,
  user_who_performed_action: ({ user }) => user,
  connected_at: ({ sinceMs }) => sinceMs,
  host: ({ local }) => local.address,
  port: ({ local }) => local.port,
  peer_host: ({ remote }) => remote.address,
  peer_port: ({ remote }) => remote.port,
  ssl: ({ secure }) => secure,
  recv_oct: ({ bytesIn }) => bytesIn,
  send_oct: ({ bytesOut }) => bytesOut,
  'recv_oct_details.rate': ({ rates }) => rates?.inPerSecond ?? 0,
  'send_oct_details.rate': ({ rates }) => rates?.outPerSecond ?? 0,
  send_pend: () => 0,
  state: ({ report }) => report.state,
  protocol: ({ report }) => report.protocol,
  channels: ({ report }) => report.channels,
};

export const CHANNEL_ORDER: OrderOf<ChannelView> = {
  name: ({ connection, report }) => channelName(connection, report.number),
  node: () => NODE,
  vhost: ({ connection }) => connection.vhost,
  user: ({ connection }) => connection.user,
  user_who_performed_action: ({ connection }) => connection.user,
  number: ({ report }) => report.number,
  state: ({ report }) => report.state,
  confirm: ({ report }) => report.confirms,
  transactional: ({ report }) => report.transactional,
  consumer_count: ({ report }) => report.consumers,
  prefetch_count: ({ report }) => report.prefetch,
  global_prefetch_count: ({ report }) => report.sharedPrefetch,
  messages_unacknowledged: ({ report }) => report.unacknowledged,
  messages_unconfirmed: ({ report }) => report.unconfirmed,
  messages_uncommitted: ({ report }) => report.uncommittedPublishes,
  acks_uncommitted: ({ report }) => report.uncommittedAcknowledgements,
};
