/** What a queue, or an exchange and a binding key, mean to who consumes: for a dry run. */
import { BrokerError, DOT, type Subscriber, type SubscriptionMeaning } from '../../../src/api/index.ts';

/** @param address a queue's name; with a key an exchange's, to which a queue of the client's own is bound @throws BrokerError invalid */
export function subscriptionTo(address: string, { key }: Subscriber): SubscriptionMeaning {
  const consumed = { ownUse: false, retained: false } as const;
  if (key === undefined) {
    if (address === '') throw new BrokerError('invalid', "a queue's name is missing");
    return { ...consumed, queue: address, declares: false, shared: true, waits: 'queue', notes: [] };
  }
  if (address === '') throw new BrokerError('invalid', 'nothing is bound to the default exchange');
  return {
    ...{ ...consumed, declares: true, shared: false, waits: 'connection' },
    binding: { exchange: address, key, spelling: DOT },
    notes: [
      'As with a queue that the client makes for itself and binds so (queue.declare without a name, exclusive). One that is durable, and not exclusive, outlives its client.',
    ],
  };
}
