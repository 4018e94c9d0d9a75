/** A consumer as RabbitMQ shows it. */
import type { ConnectionView, ConsumerView } from '../../../operator/connections.ts';
import { NODE } from '../node-name.ts';
import { argumentsJson } from './arguments.ts';
import { channelName, connectionName } from './names.ts';

const ACTIVITY = { up: 'up', 'single-active': 'single_active', waiting: 'waiting' } as const;

export function consumer(view: ConsumerView): object {
  return {
    arguments: argumentsJson(view.arguments),
    ack_required: !view.settled,
    active: view.activity !== 'waiting',
    activity_status: ACTIVITY[view.activity],
    channel_details: channelDetails(view.connection, view.channel),
    consumer_tag: view.tag,
    // Of RabbitMQ 4: what is made for it does not do without.
    consumer_timeout: view.settleTimeoutMs,
    exclusive: view.exclusive,
    prefetch_count: view.prefetch,
    queue: { name: view.queue, vhost: view.vhost },
  };
}

function channelDetails(connection: ConnectionView, number: number): object {
  return {
    connection_name: connectionName(connection),
    name: channelName(connection, number),
    node: NODE,
    number,
    peer_host: connection.remote.address,
    peer_port: connection.remote.port,
    user: connection.user,
  };
}
