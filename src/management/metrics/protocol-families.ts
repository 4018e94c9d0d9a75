/** Families by protocol: what its clients sent and got, what was refused and why, how long they waited; what its adapter counts. */
import type { DeliveryCounts, ProtocolTraffic } from '../../metrics/traffic.ts';
import { QUEUE_KINDS } from '../../metrics/traffic.ts';
import { type Family, histogramSamples, type Sample } from './exposition.ts';
import { snake } from './names.ts';
import type { BrokerStatistics } from './statistics.ts';

type Read = (traffic: ProtocolTraffic) => number;

const COUNTED: readonly (readonly [name: string, help: string, read: Read])[] = [
  ['entrepot_received_messages_total', 'Messages from clients', (t) => t.received],
  ['entrepot_confirmed_messages_total', 'Messages that clients were told are safe', (t) => t.confirmed],
  ['entrepot_delivered_messages_total', 'Messages to clients', (t) => delivered(t)],
  ['entrepot_settled_messages_total', 'Deliveries that clients have accepted', (t) => sum(t, 'acknowledged')],
  [
    'entrepot_dropped_direct_messages_total',
    'At-most-once copies dropped: their client was gone or too slow',
    (t) => sum(t, 'droppedDirect'),
  ],
];

/** @param traffic of protocols; what the broker does by itself has the name '' */
export function trafficFamilies(
  traffic: readonly ProtocolTraffic[],
  refusals: BrokerStatistics['loginRefusals'],
): Family[] {
  const named = traffic.filter(({ protocol }) => protocol !== '');
  const all = (read: (one: ProtocolTraffic) => readonly Sample[]): Sample[] => named.flatMap(read);
  const labels = ({ protocol }: ProtocolTraffic) => ({ protocol });
  return [
    ...COUNTED.map(
      ([name, help, read]): Family => ({
        ...{ type: 'counter', name, help },
        values: named.map((one) => ({ labels: labels(one), value: read(one) })),
      }),
    ),
    {
      type: 'counter',
      name: 'entrepot_publish_refusals_total',
      help: 'Messages of clients that were not taken',
      values: all((one) =>
        Object.entries(one.refusals).map(([reason, value]) => ({
          labels: { protocol: one.protocol, reason: snake(reason) },
          value,
        })),
      ),
    },
    {
      type: 'counter',
      name: 'entrepot_login_refusals_total',
      help: 'Clients that were not let in',
      values: [...refusals].flatMap(([protocol, reasons]) =>
        Object.entries(reasons).map(([reason, value]) => ({
          labels: { protocol, reason: reason.replaceAll('-', '_') },
          value,
        })),
      ),
    },
    {
      type: 'histogram',
      name: 'entrepot_confirm_seconds',
      help: 'From a message to its confirm, in whatever form its protocol has that',
      values: all((one) => histogramSamples('entrepot_confirm_seconds', labels(one), one.confirmTimes, 1_000)),
    },
    {
      type: 'histogram',
      name: 'entrepot_login_seconds',
      help: 'What it took to find out who a client is, a wait after failures among it',
      values: all((one) => histogramSamples('entrepot_login_seconds', labels(one), one.loginTimes, 1_000)),
    },
    {
      type: 'histogram',
      name: 'entrepot_message_size_bytes',
      help: 'Bodies of the messages from clients',
      values: all((one) => histogramSamples('entrepot_message_size_bytes', labels(one), one.sizes)),
    },
  ];
}

/** Over all kinds of queues. */
export function sum({ deliveries }: ProtocolTraffic, of: keyof DeliveryCounts): number {
  return QUEUE_KINDS.reduce((total, kind) => total + deliveries[kind][of], 0);
}

function delivered(traffic: ProtocolTraffic): number {
  return QUEUE_KINDS.reduce((total, kind) => total + deliveredTo(traffic.deliveries[kind]), 0);
}

export function deliveredTo(counts: DeliveryCounts): number {
  return counts.consumedSettled + counts.consumedUnsettled + counts.gotSettled + counts.gotUnsettled;
}

/** What each adapter says of itself. */
export function adapterFamilies(protocols: BrokerStatistics['protocols']): Family[] {
  const values: Sample[] = [];
  const lossy: Sample[] = [];
  for (const [protocol, counts] of protocols) {
    for (const [name, value] of Object.entries(counts)) {
      if (typeof value !== 'number') continue;
      if (name === 'lossyConversions') lossy.push({ labels: { protocol }, value });
      else values.push({ labels: { protocol, event: snake(name) }, value });
    }
  }
  return [
    {
      type: 'counter',
      name: 'entrepot_lossy_conversions_total',
      help: 'Properties, topics and headers that the protocol on the other side could not carry as they were',
      values: lossy,
    },
    {
      type: 'counter',
      name: 'entrepot_protocol_events_total',
      help: 'What an adapter did to the disadvantage of a client, or without telling it; the event says what',
      values,
    },
  ];
}
