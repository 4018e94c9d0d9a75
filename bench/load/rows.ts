/** The rows of the tables: each is a piece of work, and how many messages make each broker busy for some seconds. */
import type { PeerKind } from '../../conformance/peers/index.ts';
import type { LoadProtocol, Work } from './work.ts';

export type BenchPeer = PeerKind;

export interface Row {
  readonly name: string;
  readonly work: Partial<Work> & { publish: LoadProtocol; consume: LoadProtocol };
  /** Messages: so many that each broker is busy for some seconds. A broker that is not named does not speak it. */
  readonly counts: Partial<Record<BenchPeer, number>>;
  readonly note?: string;
}

export const ROWS: readonly Row[] = [
  {
    name: 'AMQP no-ack, 64 B',
    work: { publish: 'amqp', consume: 'amqp' },
    counts: { entrepot: 3_000_000, rabbitmq: 200_000 },
  },
  {
    name: 'AMQP no-ack, 1 KiB',
    work: { publish: 'amqp', consume: 'amqp', bodyBytes: 1024 },
    counts: { entrepot: 1_500_000, rabbitmq: 150_000 },
  },
  {
    name: 'AMQP persistent, confirm, manual ack',
    work: { publish: 'amqp', consume: 'amqp', window: 1000, persistent: true, acknowledge: true },
    counts: { entrepot: 1_500_000, rabbitmq: 150_000 },
  },
  {
    name: 'AMQP persistent 1 KiB, confirm, publish only',
    work: { publish: 'amqp', consume: 'amqp', bodyBytes: 1024, window: 1000, persistent: true, publishOnly: true },
    counts: { entrepot: 600_000, rabbitmq: 40_000 },
  },
  {
    name: 'MQTT QoS 0',
    work: { publish: 'mqtt', consume: 'mqtt' },
    counts: { entrepot: 8_000_000, rabbitmq: 80_000, mosquitto: 300_000, nats: 2_000_000 },
  },
  {
    name: 'MQTT QoS 0, 1 to 100',
    work: { publish: 'mqtt', consume: 'mqtt', subscribers: 100, fanout: true },
    counts: { entrepot: 100_000, rabbitmq: 600, mosquitto: 4_000, nats: 40_000 },
    note: 'deliveries',
  },
  {
    name: 'MQTT QoS 0, 1,000 subscribers of 1,000 wildcard filters',
    work: { publish: 'mqtt', consume: 'mqtt', subscribers: 1000, filters: true },
    counts: { entrepot: 2_000_000, rabbitmq: 40_000, mosquitto: 200_000, nats: 500_000 },
    note: 'each message to one',
  },
  {
    name: 'MQTT QoS 1',
    work: { publish: 'mqtt', consume: 'mqtt', window: 1000, acknowledge: true },
    counts: { entrepot: 1_500_000, rabbitmq: 25_000, mosquitto: 100_000, nats: 80_000 },
    note: 'clean sessions',
  },
  {
    name: 'STOMP auto',
    work: { publish: 'stomp', consume: 'stomp' },
    counts: { entrepot: 2_000_000, rabbitmq: 80_000, activemq: 80_000 },
  },
  {
    name: 'STOMP persistent, receipts, client-individual',
    work: { publish: 'stomp', consume: 'stomp', window: 1000, persistent: true, acknowledge: true },
    counts: { entrepot: 800_000, rabbitmq: 15_000, activemq: 2_500 },
  },
  {
    name: 'MQTT in, AMQP out',
    work: { publish: 'mqtt', consume: 'amqp' },
    counts: { entrepot: 3_000_000, rabbitmq: 100_000 },
  },
  {
    name: 'MQTT in, STOMP out',
    work: { publish: 'mqtt', consume: 'stomp' },
    counts: { entrepot: 3_000_000, rabbitmq: 60_000 },
  },
  {
    name: 'STOMP in, AMQP out',
    work: { publish: 'stomp', consume: 'amqp' },
    counts: { entrepot: 2_000_000, rabbitmq: 60_000 },
  },
  {
    name: 'AMQP in, MQTT out',
    work: { publish: 'amqp', consume: 'mqtt' },
    counts: { entrepot: 3_000_000, rabbitmq: 60_000 },
  },
];

/** What a row says nothing of. */
export const ORDINARY = {
  bodyBytes: 64,
  subscribers: 1,
  fanout: false,
  window: 0,
  persistent: false,
  acknowledge: false,
  prefetch: 500,
  publishOnly: false,
  filters: false,
} as const satisfies Partial<Work>;
