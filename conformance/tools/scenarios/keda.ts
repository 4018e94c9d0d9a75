/** KEDA's rabbitmq scaler with `protocol: http` (pkg/scalers/rabbitmq_scaler.go): how long queues are, and how fast they fill. */
import amqp from 'amqplib';
import { z } from 'zod';
import { decoded, go } from '../decode.ts';
import { queryEscape } from '../rabbit-hole.ts';
import type { Tool, World } from '../scenario.ts';

const RATE = z.object({ rate: go.number }).nullish();
const QUEUE = z.object({
  ...{ messages: go.whole, messages_ready: go.whole, messages_unacknowledged: go.whole, name: go.text },
  message_stats: z.object({ publish_details: RATE, deliver_get_details: RATE }).nullish(),
});
const QUEUES = z.object({ items: go.list(QUEUE), page_count: go.whole });

/** Anything but 200 is an error that quotes the answer. */
async function asked<T extends z.ZodType>(world: World, path: string, type: T): Promise<z.output<T>> {
  // Go sends what stands before the host as a login of Basic, and asks for gzip by itself.
  const { status, text } = await world.send({ method: 'GET', path, headers: { 'accept-encoding': 'gzip' } });
  if (status !== 200) throw new Error(`error requesting RabbitMQ API status: ${status}, response: ${text}`);
  return decoded(type, text);
}

async function filled(world: World, names: readonly string[]): Promise<amqp.ChannelModel> {
  const client = await amqp.connect(`amqp://guest:guest@127.0.0.1:${world.amqp}`);
  const channel = await client.createConfirmChannel();
  for (const name of names) {
    await channel.assertQueue(name, { durable: true });
    for (let n = 0; n < 5; n++) channel.sendToQueue(name, Buffer.from('x'));
  }
  await channel.waitForConfirms();
  await channel.prefetch(2);
  await channel.consume(names[0]!, () => {});
  return client;
}

const one = (world: World, queue: string, vhost = '%2F') =>
  asked(world, `/api/queues/${vhost}/${queryEscape(queue)}`, QUEUE);

export const KEDA: Tool = {
  name: "KEDA's rabbitmq scaler (2026-08)",
  scenarios: [
    {
      name: 'the length of a queue, with and without what is not acknowledged, and its rates',
      async run(world) {
        const name = `${world.own}.orders/é`;
        const client = await filled(world, [name]);
        try {
          const queue = await world.until(
            () => one(world, name),
            (found) =>
              found.messages === 5 && found.messages_ready === 3 && found.message_stats?.deliver_get_details != null,
          );
          const { publish_details: published, deliver_get_details: delivered } = queue.message_stats!;
          return {
            ...{ named: queue.name === name, messages: queue.messages, ready: queue.messages_ready },
            rates: [typeof published?.rate, typeof delivered?.rate],
          };
        } finally {
          await client.close();
        }
      },
      sees: { named: true, messages: 5, ready: 3, rates: ['number', 'number'] },
    },
    {
      name: 'several queues by a pattern, on one page, summed up',
      async run(world) {
        const names = ['a', 'b', 'c'].map((end) => `${world.own}-work-${end}`);
        const client = await filled(world, [...names, `${world.own}-rest`]);
        try {
          const pattern = queryEscape(`^${world.own}-work-[a-c]$`);
          const ask = (size: number) =>
            asked(
              world,
              `/api/queues/%2F?page=1&use_regex=true&pagination=false&name=${pattern}&page_size=${size}`,
              QUEUES,
            );
          const all = await world.until(
            () => ask(100),
            ({ items }) => items.length === 3 && items.every(({ messages }) => messages === 5),
          );
          const few = await ask(2);
          return {
            names: all.items.map(({ name }) => names.indexOf(name)),
            messages: all.items.reduce((sum, { messages }) => sum + messages, 0),
            // More pages than one are an error to it.
            pages: [all.page_count, few.page_count],
          };
        } finally {
          await client.close();
        }
      },
      sees: { names: [0, 1, 2], messages: 15, pages: [1, 2] },
    },
    {
      name: 'no queue matches a pattern: that is 0 and no error',
      run: async (world) =>
        asked(world, `/api/queues/%2F?page=1&use_regex=true&pagination=false&name=${world.own}&page_size=100`, QUEUES),
      sees: { items: [], page_count: 0 },
    },
    {
      name: 'a queue that is not there, and a vhost that is not: the scaler’s error quotes the answer',
      async run(world) {
        const failed = (error: Error) => error.message;
        return [await one(world, world.own).catch(failed), await one(world, 'q', world.own).catch(failed)];
      },
      sees: Array.from(
        { length: 2 },
        () => 'error requesting RabbitMQ API status: 404, response: {"error":"Object Not Found","reason":"Not Found"}',
      ),
    },
  ],
};
