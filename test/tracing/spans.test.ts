/** Publish, deliver and settle as spans of the message's trace, over the wire and through three protocols, at a collector. */
import { Client } from '@stomp/stompjs';
import amqplib from 'amqplib';
import mqtt from 'mqtt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { socketTo } from '../../conformance/clients/stomp-socket.ts';
import { startTestBroker, type TestBroker } from '../support/broker.ts';
import { attribute, type CollectedSpan, type Collector, startCollector } from './collector.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const traceparent = `00-${TRACE}-${PARENT}-01`;

let collector: Collector;
let broker: TestBroker;
let connection: amqplib.ChannelModel;
let channel: amqplib.ConfirmChannel;

beforeEach(async () => {
  collector = await startCollector();
});

afterEach(async () => {
  await broker.close();
  await collector.close();
});

async function start(sample = 0): Promise<void> {
  broker = await startTestBroker({ tracing: { otlp: collector.url, sample } });
  connection = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}`);
  channel = await connection.createConfirmChannel();
  await channel.assertQueue('jobs');
}

/** Its spans, once all of them have been sent. */
async function spans(): Promise<CollectedSpan[]> {
  await connection.close();
  await broker.close();
  return collector.spans;
}

const named = (all: readonly CollectedSpan[], name: string): CollectedSpan => {
  const found = all.filter((span) => span.name === name);
  expect([name, found.length]).toEqual([name, 1]);
  return found[0]!;
};

async function takeOne(end: (message: amqplib.ConsumeMessage) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    void channel.consume('jobs', (message) => {
      end(message!);
      resolve();
    });
  });
  // The client sends what its channels say by turns: its close would overtake what was just said.
  await channel.checkQueue('jobs');
}

describe('a message with a traceparent', () => {
  it('has its publish, its delivery and its settling in that trace, each with its parent and its links', async () => {
    await start();
    const headers = { traceparent, tracestate: 'congo=t61' };
    channel.sendToQueue('jobs', Buffer.from('work'), { persistent: true, headers });
    await channel.waitForConfirms();
    let seen: unknown;
    await takeOne((message) => {
      seen = message.properties.headers;
      channel.ack(message);
    });
    const all = await spans();
    expect(seen).toEqual(headers);
    expect(all.map(({ traceId, traceState }) => [traceId, traceState])).toEqual(Array(3).fill([TRACE, 'congo=t61']));
    const [publish, deliver, settle] = ['publish', 'deliver', 'settle'].map((what) => named(all, `${what} jobs`));
    expect([publish!.parentSpanId, publish!.kind, publish!.links]).toEqual([PARENT, 2, undefined]);
    expect([deliver!.parentSpanId, deliver!.kind]).toEqual([PARENT, 4]);
    expect(deliver!.links).toEqual([{ traceId: TRACE, spanId: PARENT, traceState: 'congo=t61' }]);
    expect(settle!.parentSpanId).toBe(deliver!.spanId);
    expect(settle!.links).toMatchObject([{ spanId: deliver!.spanId }]);
    expect(attribute(settle!, 'entrepot.outcome')).toBe('accepted');
    expect(attribute(publish!, 'entrepot.routed')).toBe('1');
    expect(attribute(publish!, 'messaging.message.body.size')).toBe('4');
    for (const span of all) {
      expect(attribute(span, 'network.protocol.name')).toBe('amqp');
      expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
    }
  });

  it('is followed from one protocol into others', async () => {
    await start();
    await channel.bindQueue('jobs', 'amq.topic', 'tasks.#');
    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.ports.mqtt}`, { protocolVersion: 5 });
    const seen = new Promise<unknown>((resolve) =>
      device.on('message', (_topic, _body, { properties }) => resolve(properties?.userProperties?.['traceparent'])),
    );
    await device.subscribeAsync('tasks/clean', { qos: 0 });
    await device.publishAsync('tasks/clean', 'sweep', { qos: 1, properties: { userProperties: { traceparent } } });
    expect(await seen).toBe(traceparent);
    await takeOne((message) => channel.nack(message, false, false));
    await device.endAsync();
    const all = await spans();
    expect(attribute(named(all, 'publish amq.topic'), 'network.protocol.name')).toBe('mqtt');
    const delivered = all.filter(({ name }) => name.startsWith('deliver'));
    expect(delivered.map((span) => attribute(span, 'network.protocol.name')).sort()).toEqual(['amqp', 'mqtt']);
    const settled = named(all, 'settle jobs');
    expect([attribute(settled, 'entrepot.outcome'), settled.status?.code]).toEqual(['rejected', 2]);
    expect(new Set(all.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
  });

  it('that is not sampled is not recorded, nor is one that says nothing, unless a part of those is asked for', async () => {
    await start();
    channel.sendToQueue('jobs', Buffer.from('x'), { headers: { traceparent: traceparent.replace(/01$/, '00') } });
    channel.sendToQueue('jobs', Buffer.from('x'));
    await channel.waitForConfirms();
    await channel.get('jobs', { noAck: true });
    expect(await spans()).toEqual([]);
  });

  it('in a transaction is recorded when that is committed, and not when it is given up', async () => {
    await start();
    const client = new Client({
      webSocketFactory: () => socketTo(broker.ports.stomp),
      ...{ heartbeatIncoming: 0, heartbeatOutgoing: 0, reconnectDelay: 0 },
    });
    await new Promise<void>((resolve) => {
      client.onConnect = () => resolve();
      client.activate();
    });
    const [kept, given] = [client.begin(), client.begin()];
    const send = (transaction: string, body: string): void =>
      client.publish({ destination: '/queue/jobs', body, headers: { transaction, traceparent } });
    send(kept.id, 'kept');
    send(given.id, 'given up');
    given.abort();
    kept.commit();
    const done = new Promise<void>((resolve) => client.watchForReceipt('done', () => resolve()));
    client.publish({ destination: '/queue/jobs', body: 'x', headers: { receipt: 'done' } });
    await done;
    await client.deactivate();
    expect(attribute(named(await spans(), 'publish jobs'), 'messaging.message.body.size')).toBe('4');
  });

  it('is given back by a client that is lost: that is how it was settled', async () => {
    await start();
    channel.sendToQueue('jobs', Buffer.from('x'), { headers: { traceparent } });
    await channel.waitForConfirms();
    await takeOne(() => {});
    expect(attribute(named(await spans(), 'settle jobs'), 'entrepot.outcome')).toBe('released');
  });
});

it('messages that say nothing begin traces of their own, as many as are asked for', async () => {
  await start(1);
  channel.sendToQueue('jobs', Buffer.from('x'));
  await channel.waitForConfirms();
  await takeOne((message) => channel.ack(message));
  const all = await spans();
  const deliver = named(all, 'deliver jobs');
  expect(deliver).not.toHaveProperty('parentSpanId');
  expect(deliver).not.toHaveProperty('links');
  expect(named(all, 'settle jobs').traceId).toBe(deliver.traceId);
  expect(named(all, 'publish jobs').traceId).not.toBe(deliver.traceId);
});

it('shows how many spans were exported and lost', async () => {
  await start(1);
  channel.sendToQueue('jobs', Buffer.from('x'));
  await channel.waitForConfirms();
  const shown = await (await fetch(`http://127.0.0.1:${broker.ports.http}/metrics`)).text();
  expect(shown).toMatch(/^entrepot_trace_spans_total\{result="dropped"\} 0$/m);
  await spans();
});

it.each(['127.0.0.1:4318', 'ftp://h', 'http://user:secret@h:4318', 7])('%s is no collector', async (otlp) => {
  await expect(startTestBroker({ tracing: { otlp: otlp as string } })).rejects.toThrow(/tracing\.otlp/);
  broker = await startTestBroker();
});
