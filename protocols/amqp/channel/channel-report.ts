/** A channel as an operator sees it. */
import type { ChannelReport, ConnectionState } from '../../../src/api/index.ts';
import type { Channel } from './channel.ts';

export function channelReport(channel: Channel, blocked: boolean): ChannelReport {
  const { transaction, confirms } = channel;
  return {
    number: channel.id,
    state: stateOf(channel, blocked),
    confirms: confirms !== null,
    transactional: transaction !== null,
    prefetch: channel.prefetch,
    sharedPrefetch: channel.sharedCredit.limit,
    consumers: channel.consumers.size,
    unacknowledged: channel.tags.count,
    unconfirmed: confirms?.waiting ?? 0,
    uncommittedPublishes: transaction?.publishCount ?? 0,
    uncommittedAcknowledgements: transaction?.settlementCount ?? 0,
    counts: channel.counts,
  };
}

function stateOf(channel: Channel, blocked: boolean): ConnectionState {
  if (!channel.isOpen) return 'closing';
  return blocked ? 'blocked' : 'running';
}
