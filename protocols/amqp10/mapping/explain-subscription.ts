/** What an address means to who receives from it, without filters and capabilities that say more: for a dry run. */
import { DOT, type Subscriber, type SubscriptionMeaning } from '../../../src/api/index.ts';
import { nodeOf } from './addresses.ts';

/** @param subscriber whose key is that of a filter that binds @throws BrokerError invalid */
export function subscriptionTo(address: string, { key }: Subscriber): SubscriptionMeaning {
  const node = nodeOf(address);
  const common = { ownUse: false, retained: false } as const;
  if (node.kind === 'queue') {
    const { queue, declares } = node;
    return { ...common, queue, declares, shared: true, waits: 'queue', notes: [] };
  }
  return {
    ...{ ...common, declares: true, shared: false, waits: 'connection' },
    binding: { exchange: node.exchange, key: key ?? node.key ?? '#', spelling: DOT },
    notes: [
      'With durable 1 or 2, or the expiry policy never, its queue outlives the link; the capability shared lets several links read one.',
    ],
  };
}
