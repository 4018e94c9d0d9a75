/**
 * What users may do may have changed: durable subscriptions lose the bindings that those whose they are may not make any more. Their
 * queues stay, with what had come before.
 */
import {
  AccessPending,
  type BindingInfo,
  BrokerError,
  type BrokerServices,
  type Session,
  type SessionClient,
} from '../../../src/api/index.ts';
import { disown, ownedQueues, ownerOf } from './durable-owners.ts';
import { isMarked } from './durable-subscriptions.ts';

/** For what is done on behalf of a client that is not there. */
const NOBODY: SessionClient = { uncongested() {}, kicked() {} };

/** A step for each. */
export function* reviewDurables(broker: BrokerServices): Generator<void> {
  for (const vhost of broker.vhostNames) {
    let queues: string[] = [];
    asAdapter(broker, vhost, ({ state }) => {
      queues = ownedQueues(state);
    });
    for (const queue of queues) {
      lookAt(broker, vhost, queue);
      yield;
    }
  }
}

/** Once it is known what its user may. */
function lookAt(broker: BrokerServices, vhost: string, queue: string): void {
  asAdapter(broker, vhost, (session) => {
    const owner = ownerOf(session.state, queue);
    if (owner === undefined || !session.queueExists(queue)) {
      disown(session.state, queue);
      return;
    }
    // Who reads it is there to be judged by what reading takes; its client has lost it by now if it may not.
    if (session.checkQueue(queue).consumers > 0) return;
    const marked = session.bindings(queue).filter(isMarked);
    try {
      for (const { exchange, key, options } of lostOf(broker, vhost, owner.user, queue, marked))
        session.unbindQueue(queue, exchange, key, options);
    } catch (error) {
      if (!(error instanceof AccessPending)) throw error;
      error.whenKnown(() => lookAt(broker, vhost, queue));
    }
  });
}

/** Those of the bindings that this user may not make any more, as it would be told on its return. @throws AccessPending */
function lostOf(
  broker: BrokerServices,
  vhost: string,
  user: string,
  queue: string,
  bindings: readonly BindingInfo[],
): readonly BindingInfo[] {
  const owner = broker.recall(user);
  if (owner === undefined) return [];
  const session = broker.enter(owner, vhost, NOBODY);
  if ('refused' in session) return session.refused === 'forbidden' ? bindings : [];
  try {
    return bindings.filter(({ exchange, key, options }) => {
      try {
        session.bindQueue(queue, exchange, key, options);
        return false;
      } catch (error) {
        if (!(error instanceof BrokerError) || error.code !== 'access-refused') throw error;
        return true;
      }
    });
  } finally {
    session.close(true);
  }
}

function asAdapter(broker: BrokerServices, vhost: string, act: (session: Session) => void): void {
  const session = broker.enterAsAdapter('stomp', vhost, NOBODY);
  if ('refused' in session) return; // the broker is stopping
  try {
    act(session);
  } catch (error) {
    broker.reportFault(error);
  } finally {
    session.close(true);
  }
}
