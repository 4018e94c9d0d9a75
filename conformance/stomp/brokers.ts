/** The three brokers of these scenarios: this one, in the test's own process with its data on the disk; RabbitMQ; ActiveMQ. */
import type { Compatibility } from '../../src/api/index.ts';
import { createBroker } from '../../src/index.ts';
import { startActivemq } from '../peers/activemq.ts';
import { type Peer, type PeerKind, startRabbitmq } from '../peers/index.ts';
import { temporaryDirectory } from '../support/processes.ts';
import type { Addresses } from './clients/client.ts';

export interface TestBroker extends Addresses {
  readonly kind: PeerKind;
  readonly version: string;
  stop(): Promise<void>;
}

/** The part of the peers that speak STOMP. */
export type StompPeerKind = 'rabbitmq' | 'activemq';

/** @param compat whose habits its clients have. Default: RabbitMQ's */
export async function startHere(compat: Compatibility = 'rabbitmq-3'): Promise<TestBroker> {
  const data = await temporaryDirectory('stomp');
  const running = await createBroker({
    data: data.path,
    listen: ['stomp://127.0.0.1:0', 'ws://127.0.0.1:0'],
    stomp: { wildcards: 'activemq' },
    compat,
  });
  return {
    kind: 'entrepot',
    version: 'this tree',
    stompPort: running.port('stomp'),
    wsStompUrl: `ws://127.0.0.1:${running.port('ws')}/stomp`,
    async stop() {
      await running.close();
      await data.remove();
    },
  };
}

export const startThere: Readonly<Record<StompPeerKind, () => Promise<Peer>>> = {
  rabbitmq: () => startRabbitmq(),
  activemq: () => startActivemq(),
};
