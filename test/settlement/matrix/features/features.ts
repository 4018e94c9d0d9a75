/**
 * What the settlement pipeline can do, a scenario each, as a program of one protocol uses it: it publishes, or it reads. What the scenario
 * needs besides (queues, a look at what has become of it) comes from the scene. A scenario returns what it has seen, in a few words.
 */
import { expect } from 'vitest';
import { until } from '../../../support/until.ts';
import type { Scene } from '../scene.ts';
import { mqttClient } from '../sides/mqtt.ts';
import { type Feature, readable, reading } from './feature.ts';
import { HOLDING } from './holding.ts';
import { TELLING } from './telling.ts';

export const FEATURES: readonly Feature[] = [
  {
    name: 'delay in milliseconds',
    async run({ scene, side }) {
      const queue = await scene.queue('delayed');
      expect(await side.publish(queue, 'later', { headers: { 'x-opt-delivery-delay': 400 } })).toBe('taken');
      await scene.pass(200);
      expect(await scene.count(queue)).toBe(0);
      await scene.pass(300);
      await scene.until(queue, 1);
      return 'not before, then there';
    },
  },
  {
    name: 'delivery at a time',
    async run({ scene, side }) {
      const queue = await scene.queue('timed');
      const headers = { 'x-opt-delivery-time': Math.ceil(scene.nowMs) + 500 };
      expect(await side.publish(queue, 'later', { headers })).toBe('taken');
      await scene.pass(200);
      expect(await scene.count(queue)).toBe(0);
      await scene.pass(400);
      await scene.until(queue, 1);
      return 'not before, then there';
    },
  },
  {
    name: 'retry with backoff',
    async run(cell) {
      const { scene } = cell;
      const queue = await readable(cell, 'retried', { 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': 400 });
      await scene.put(queue, 'poor');
      return reading(cell, queue, async (reader) => {
        await (await reader.next()).end('fail');
        await scene.pass(200);
        expect((await scene.count(queue)) + reader.waiting).toBe(0);
        await scene.pass(300);
        const again = await reader.next();
        expect(again.body).toBe('poor');
        await again.end('accept');
        return 'failed, waited, came again';
      });
    },
  },
  {
    name: 'dead letter, its history read',
    async run(cell) {
      const { scene } = cell;
      const dead = await readable(cell, 'dead');
      const args = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead };
      const queue = await readable(cell, 'fatal', args);
      await scene.put(queue, 'poison');
      await reading(cell, queue, async (reader) => (await reader.next()).end('reject'));
      await scene.until(dead, 1);
      return reading(cell, dead, async (reader) => {
        const letter = await reader.next();
        const flat = letter.header('x-first-death-queue');
        expect(flat).toBe(queue);
        expect(letter.header('x-first-death-reason')).toBe('rejected');
        await letter.end('accept');
        return 'queue and reason told';
      });
    },
  },
  {
    name: 'redrive to where it died',
    async run(cell) {
      const { scene, protocol } = cell;
      const dead = await scene.queue('dead');
      if (protocol === 'MQTT 5') {
        const { device, came } = await rejectedByMqtt(scene, dead);
        await scene.v1(`/queues/${dead}/redrives`, { to: 'origin', attempts: 'reset' });
        await until(() => came.length === 2, 'the way back');
        expect(came[1]).toBe('poison');
        await device.endAsync();
        return 'back in the session';
      }
      const queue = await scene.queue('fatal', { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead });
      await scene.put(queue, 'poison');
      return reading(cell, queue, async (reader) => {
        await (await reader.next()).end('reject');
        await scene.until(dead, 1);
        await scene.v1(`/queues/${dead}/redrives`, { to: 'origin' });
        const back = await reader.next();
        expect(back.body).toBe('poison');
        await back.end('accept');
        return 'back to the reader';
      });
    },
  },
  {
    name: 'once only, by message id',
    async run({ scene, side, protocol }) {
      const args = { 'x-message-deduplication': true, 'x-cache-size': 100, 'x-deduplication-header': 'message-id' };
      const queue = await scene.queue('once', args);
      expect(await side.publish(queue, 'first', { messageId: 'm1' })).toBe('taken');
      const again = await side.publish(queue, 'second', { messageId: 'm1' });
      expect(again).toBe(protocol === 'AMQP 0-9-1' ? 'taken' : 'repeat');
      expect(await side.publish(queue, 'third', { messageId: 'm2' })).toBe('taken');
      expect(await scene.drain(queue)).toEqual(['first', 'third']);
      return again === 'repeat' ? 'the repeat is told' : 'the repeat is confirmed';
    },
  },
  {
    name: 'once only, by publisher and number',
    async run({ scene, side }) {
      const queue = await scene.queue('numbered', { 'x-message-deduplication': true, 'x-cache-size': 100 });
      for (const number of ['1', '2', '2', '1', '3']) {
        const headers = { 'x-publisher-name': 'p', 'x-publishing-id': number };
        expect(await side.publish(queue, number, { headers })).not.toBe('refused');
      }
      expect(await scene.drain(queue)).toEqual(['1', '2', '3']);
      return 'up to the highest taken once';
    },
  },
  {
    name: 'half message: commit, roll back',
    async run({ scene, side }) {
      const queue = await scene.queue('halves');
      const half = (action: string, id: string): object => ({
        headers: { 'x-half-message': action, 'x-half-id': `${queue}/${id}` },
      });
      for (const id of ['a', 'b']) expect(await side.publish(queue, id, half('prepare', id))).toBe('taken');
      expect(await scene.count(queue)).toBe(0);
      expect(await side.publish(queue, '', half('rollback', 'a'))).toBe('taken');
      expect(await side.publish(queue, '', half('commit', 'b'))).toBe('taken');
      await scene.until(queue, 1);
      expect(await scene.drain(queue)).toEqual(['b']);
      return 'unseen, then one of them there';
    },
  },
  {
    name: 'half message: the silent are asked',
    async run({ scene, side, protocol }) {
      const [queue, checks] = [await scene.queue('halves'), await scene.queue('checks')];
      const address = protocol === 'STOMP' ? `/queue/${checks}` : protocol === 'MQTT 5' ? `$queue/${checks}` : checks;
      const headers = { 'x-half-message': 'prepare', 'x-half-id': queue, 'x-check-address': address };
      expect(await side.publish(queue, 'silent', { headers })).toBe('taken');
      await scene.pass(6_500);
      await scene.until(checks, 1);
      expect(await side.publish(queue, '', { headers: { 'x-half-message': 'commit', 'x-half-id': queue } })).toBe(
        'taken',
      );
      await scene.until(queue, 1);
      return 'asked after 6 s, committed';
    },
  },
  ...TELLING,
  ...HOLDING,
  {
    name: 'groups in order through a retry',
    async run({ scene, side }) {
      const args = { 'x-group-in-flight': 1, 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': 400 };
      const queue = await scene.queue('groups', args);
      for (const body of ['a1', 'b1', 'a2', 'b2'])
        await side.publish(queue, body, { headers: { JMSXGroupID: body[0]! } });
      const seen: string[] = [];
      const { channel } = scene;
      const { consumerTag } = await channel.consume(queue, (message) => {
        const body = message!.content.toString();
        const fails = body === 'a1' && !seen.includes('a1');
        seen.push(body);
        if (fails) channel.nack(message!);
        else channel.ack(message!);
      });
      await until(() => seen.includes('b2'), 'the other group');
      expect(seen).toEqual(['a1', 'b1', 'b2']);
      await scene.pass(500);
      await until(() => seen.length === 5, 'the retry');
      expect(seen.slice(3)).toEqual(['a1', 'a2']);
      await channel.cancel(consumerTag);
      return 'its group waited, the other flowed';
    },
  },
  {
    name: 'groups by a header of their own',
    async run({ scene, side }) {
      const queue = await scene.queue('customers', { 'x-group-by': 'customer' });
      for (const body of ['a1', 'a2', 'b1']) await side.publish(queue, body, { headers: { customer: body[0]! } });
      const { channel } = scene;
      const [first, second] = [await channel.get(queue), await channel.get(queue)];
      const bodies = [first, second].map((message) => message !== false && message.content.toString());
      expect(bodies).toEqual(['a1', 'b1']);
      for (const message of [first, second]) if (message !== false) channel.ack(message);
      await scene.until(queue, 1);
      expect(await scene.drain(queue)).toEqual(['a2']);
      return 'the next of a group when the one before is settled';
    },
  },
  {
    name: 'a group that its last message closes',
    async run({ scene, side }) {
      const queue = await scene.queue('closed');
      const { channel } = scene;
      const seen: string[] = [];
      const tags: string[] = [];
      for (const name of ['first', 'second']) {
        const { consumerTag } = await channel.consume(queue, (message) => {
          seen.push(`${name} ${message!.content.toString()}`);
          channel.ack(message!);
        });
        tags.push(consumerTag);
      }
      const put = (body: string, more: object = {}) =>
        side.publish(queue, body, { headers: { JMSXGroupID: 'g', ...more } });
      for (const body of ['1', '2', '3']) await put(body);
      await put('last', { JMSXGroupSeq: -1 });
      await until(() => seen.length === 4, 'the group');
      const owner = seen[0]!.split(' ')[0]!;
      expect(seen).toEqual(['1', '2', '3', 'last'].map((body) => `${owner} ${body}`));
      await scene.pass(20);
      await put('anew');
      await until(() => seen.length === 5, 'the next');
      expect(seen[4]).not.toContain(owner);
      for (const tag of tags) await channel.cancel(tag);
      return 'one reader until then, the next from then on';
    },
  },
  {
    name: 'strict order through a retry',
    async run(cell) {
      const { scene } = cell;
      const args = { 'x-strict-order': true, 'x-delayed-retry-type': 'all', 'x-delayed-retry-min': 400 };
      const queue = await readable(cell, 'strict', args);
      for (const body of ['1', '2']) await scene.put(queue, body);
      return reading(cell, queue, async (reader) => {
        await (await reader.next()).end('fail');
        await scene.pass(200);
        expect(reader.waiting).toBe(0);
        await scene.pass(300);
        for (const body of ['1', '2']) {
          const next = await reader.next();
          expect(next.body).toBe(body);
          await next.end('accept');
        }
        return 'the whole queue waited';
      });
    },
  },
  {
    name: 'fair between tenants',
    async run({ scene, side }) {
      const queue = await scene.queue('fair', { 'x-fair-by': 'tenant' });
      for (const body of ['a1', 'a2', 'a3', 'b1']) await side.publish(queue, body, { headers: { tenant: body[0]! } });
      expect(await scene.drain(queue)).toEqual(['a1', 'b1', 'a2', 'a3']);
      return 'in turn';
    },
  },
  {
    name: 'passport',
    async run({ scene, side, protocol }) {
      const queue = await scene.queue('noted', { 'x-passport': true });
      expect(await side.publish(queue, 'x', { messageId: queue })).toBe('taken');
      await scene.drain(queue);
      const { events } = await scene.v1<{ events: { event: string; by: { protocol: string; user: string } }[] }>(
        `/passport?messageId=${queue}`,
      );
      expect(events.map(({ event }) => event)).toEqual(['published', 'delivered', 'accepted']);
      const expected = { 'AMQP 0-9-1': 'amqp', 'MQTT 5': 'mqtt', STOMP: 'stomp', HTTP: '' }[protocol];
      expect(events[0]!.by.protocol).toContain(expected);
      return `published by ${events[0]!.by.user}`;
    },
  },
];

/** A message that an MQTT client has refused, and that has come to `dead` for that. */
async function rejectedByMqtt(scene: Scene, dead: string) {
  const clientId = scene.name('session');
  const definition = { 'dead-letter-exchange': '', 'dead-letter-routing-key': dead };
  await scene.v1(`/policies/${clientId}`, { pattern: `^mqtt-subscription-${clientId}`, definition }, 'PUT');
  const came: string[] = [];
  const device = await mqttClient(scene, {
    clientId,
    clean: false,
    properties: { sessionExpiryInterval: 600 },
    customHandleAcks(_topic, message, _packet, done) {
      came.push(message.toString());
      // Only the first time.
      done(null as unknown as Error, came.length === 1 ? 0x80 : 0);
    },
  });
  await device.subscribeAsync(clientId, { qos: 1 });
  scene.channel.publish('amq.topic', clientId, Buffer.from('poison'), { persistent: true });
  await scene.until(dead, 1);
  return { device, came };
}
