/** `traceparent` and `tracestate` from every protocol that has headers into every other, and the spans of each publish and delivery. */
import { Client } from '@stomp/stompjs';
import amqplib from 'amqplib';
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { socketTo } from '../../conformance/clients/stomp-socket.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { until } from '../support/until.ts';
import { type CollectedSpan, type Collector, startCollector } from './collector.ts';

const PUBLISHERS = ['amqp', 'mqtt', 'stomp', 'http'] as const;
const RECEIVERS = ['amqp', 'mqtt', 'stomp', 'http'] as const;
const STATE = 'congo=t61,rojo=00f067aa0ba902b7';

interface Seen {
  readonly body: string;
  readonly traceparent: unknown;
  readonly tracestate: unknown;
}

const traceOf = (publisher: string): string => Buffer.from(`trace of ${publisher}`.padEnd(16, '.')).toString('hex');
const parentOf = (publisher: string): string => `00-${traceOf(publisher)}-00f067aa0ba902b7-01`;

let collector: Collector;
let broker: TestBroker;
let spans: readonly CollectedSpan[];
const seen: Record<string, Seen[]> = { amqp: [], mqtt: [], stomp: [], http: [] };

async function api(path: string, body: object): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${broker.ports.http}/api${path}`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect([path, response.status]).toEqual([path, 200]);
  return response.json();
}

beforeAll(async () => {
  collector = await startCollector();
  broker = await startTestBroker({ tracing: { otlp: collector.url, sample: 0 } });
  const connection = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}`);
  const channel = await connection.createConfirmChannel();
  for (const queue of ['for amqp', 'for http']) {
    await channel.assertQueue(queue);
    await channel.bindQueue(queue, 'amq.topic', 'traced.#');
  }
  await channel.consume('for amqp', (message) => {
    const { headers } = message!.properties;
    const { traceparent, tracestate } = headers as Record<string, unknown>;
    seen['amqp']!.push({ body: String(message!.content), traceparent, tracestate });
    channel.ack(message!);
  });
  const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.ports.mqtt}`, { protocolVersion: 5 });
  device.on('message', (_topic, body, { properties }) => {
    const { traceparent, tracestate } = (properties?.userProperties ?? {}) as Record<string, unknown>;
    seen['mqtt']!.push({ body: String(body), traceparent, tracestate });
  });
  await device.subscribeAsync('traced/#', { qos: 1 });
  const stomp = new Client({
    webSocketFactory: () => socketTo(broker.ports.stomp),
    ...{ heartbeatIncoming: 0, heartbeatOutgoing: 0, reconnectDelay: 0 },
  });
  await new Promise<void>((resolve) => {
    stomp.onConnect = () => resolve();
    stomp.activate();
  });
  const subscribed = new Promise<void>((resolve) => stomp.watchForReceipt('subscribed', () => resolve()));
  stomp.subscribe(
    '/topic/traced.#',
    ({ body, headers: { traceparent, tracestate } }) => seen['stomp']!.push({ body, traceparent, tracestate }),
    { receipt: 'subscribed' },
  );
  await subscribed;

  const headersOf = (publisher: string) => ({ traceparent: parentOf(publisher), tracestate: STATE });
  channel.publish('amq.topic', 'traced.x', Buffer.from('amqp'), { headers: headersOf('amqp') });
  await device.publishAsync('traced/x', 'mqtt', { qos: 1, properties: { userProperties: headersOf('mqtt') } });
  stomp.publish({ destination: '/topic/traced.x', body: 'stomp', headers: headersOf('stomp') });
  await api('/exchanges/%2F/amq.topic/publish', {
    ...{ routing_key: 'traced.x', payload: 'http', payload_encoding: 'string' },
    properties: { headers: headersOf('http') },
  });
  const all = PUBLISHERS.length;
  await until(
    () => ['amqp', 'mqtt', 'stomp'].every((receiver) => seen[receiver]!.length === all),
    'what was published',
  );
  const got = await api('/queues/%2F/for%20http/get', { count: 9, ackmode: 'ack_requeue_false', encoding: 'auto' });
  for (const { payload, properties } of got as {
    payload: string;
    properties: { headers: Record<string, unknown> };
  }[]) {
    const { traceparent, tracestate } = properties.headers;
    seen['http']!.push({ body: payload, traceparent, tracestate });
  }
  await channel.checkQueue('for amqp');
  await stomp.deactivate();
  await device.endAsync();
  await connection.close();
  await broker.close();
  spans = collector.spans;
}, 30_000);

afterAll(() => collector.close());

describe.each(PUBLISHERS)('a message that came over %s', (publisher) => {
  it.each(RECEIVERS)('has its traceparent and its tracestate over %s', (receiver) => {
    const found = seen[receiver]!.filter(({ body }) => body === publisher);
    expect(found).toEqual([{ body: publisher, traceparent: parentOf(publisher), tracestate: STATE }]);
  });

  it('has a span of its publish, and one of each delivery that is linked to where the trace began', () => {
    const own = spans.filter(({ traceId }) => traceId === traceOf(publisher));
    // What comes or goes over HTTP says of no protocol's client.
    const protocols = (what: string): string[] =>
      own
        .filter(({ name }) => name.startsWith(what))
        .map(
          ({ attributes }) =>
            attributes.find(({ key }) => key === 'network.protocol.name')?.value['stringValue'] ?? 'http',
        )
        .map(String)
        .sort();
    expect(protocols('publish')).toEqual([publisher]);
    expect(protocols('deliver')).toEqual([...RECEIVERS].sort());
    for (const { name, links } of own) {
      if (name.startsWith('deliver')) expect(links).toMatchObject([{ spanId: '00f067aa0ba902b7' }]);
    }
  });
});
