/** ACK, NACK, ack modes, redelivery, prefetch. */
import { expect } from 'vitest';
import { texts } from '../clients/client.ts';
import { errorOf, header } from '../clients/frames.ts';
import { frames, type Run, scenario, topic } from '../scenario.ts';

/** A queue with these messages in it. */
async function filled(t: Run, ...bodies: string[]): Promise<string> {
  const queue = t.queue();
  const client = await t.client();
  for (const body of bodies) await client.send(queue, body, { persistent: 'true' });
  return queue;
}

export const settling = topic('settling', [
  scenario('in mode auto a message is done when it is sent', '1.2 §SUBSCRIBE ack', async (t) => {
    const queue = await filled(t, '1', '2');
    const first = await t.client();
    await (await first.subscribe(queue)).take(2);
    await first.disconnect();
    const second = await t.client();
    const subscription = await second.subscribe(queue);
    await second.send(queue, 'marker');
    expect(await subscription.texts(1)).toEqual(['marker']);
  }),

  scenario('in mode client-individual an ACK is for one message', '1.2 §SUBSCRIBE ack', async (t) => {
    const queue = await filled(t, '1', '2', '3');
    const first = await t.client();
    const got = await (await first.subscribe(queue, { ack: 'client-individual' })).take(3);
    await first.ack(got[1]!);
    await first.disconnect();
    const second = await t.client();
    expect(await (await second.subscribe(queue)).texts(2)).toEqual(['1', '3']);
  }),

  scenario('in mode client an ACK is for all before it as well', '1.2 §SUBSCRIBE ack', async (t) => {
    const queue = await filled(t, '1', '2', '3');
    const first = await t.client();
    const got = await (await first.subscribe(queue, { ack: 'client' })).take(3);
    await first.ack(got[1]!);
    await first.disconnect();
    const second = await t.client();
    expect(await (await second.subscribe(queue)).texts(1)).toEqual(['3']);
  }),

  scenario('what a lost connection held comes again, and says so', '1.2 §SUBSCRIBE ack', async (t) => {
    const queue = await filled(t, '1', '2');
    const first = await t.client();
    const held = await (await first.subscribe(queue, { ack: 'client' })).take(2);
    expect(held.map(({ headers }) => headers['redelivered'] ?? 'false')).toEqual(['false', 'false']);
    first.cut();
    const second = await t.client();
    const again = await (await second.subscribe(queue)).take(2);
    expect(texts(again)).toEqual(['1', '2']);
    expect(again.map(({ headers }) => headers['redelivered'])).toEqual(['true', 'true']);
  }),

  scenario('what an ended subscription held goes to another', '1.2 §UNSUBSCRIBE', async (t) => {
    const queue = await filled(t, '1', '2');
    const first = await t.client();
    const subscription = await first.subscribe(queue, { ack: 'client' });
    await subscription.take(2);
    await subscription.unsubscribe();
    const second = await t.client();
    const other = await second.subscribe(queue);
    if (t.differs('unsubscribe-keeps-held')) await first.disconnect();
    expect(await other.texts(2)).toEqual(['1', '2']);
  }),

  scenario('NACK gives a message back', 'rabbitmq:NACK', async (t) => {
    const queue = await filled(t, '1');
    const client = await t.client();
    const subscription = await client.subscribe(queue, { ack: 'client-individual' });
    await client.nack(await subscription.next());
    await client.send(queue, 'marker');
    if (t.differs('nack-dead-letters')) {
      expect(await subscription.texts(1)).toEqual(['marker']);
      return;
    }
    const again = await subscription.next();
    expect([again.body.toString(), again.headers['redelivered']]).toEqual(['1', 'true']);
  }),

  scenario('NACK with requeue:false gives it up', 'rabbitmq:NACK', async (t) => {
    const queue = await filled(t, '1');
    const client = await t.client();
    const subscription = await client.subscribe(queue, { ack: 'client-individual' });
    await client.nack(await subscription.next(), { requeue: 'false' });
    await client.send(queue, 'marker');
    expect(await subscription.texts(1)).toEqual(['marker']);
  }),

  ...(['prefetch-count', 'activemq.prefetchSize'] as const).map((name) =>
    scenario(
      `${name} bounds what a subscription holds`,
      name === 'prefetch-count' ? 'rabbitmq:prefetch' : 'activemq:subscribe headers',
      async (t) => {
        const queue = await filled(t, '1', '2', '3');
        const client = await t.client();
        const subscription = await client.subscribe(queue, { ack: 'client-individual', [name]: '1' });
        for (const body of ['1', '2', '3']) {
          const message = await subscription.next();
          expect(message.body.toString()).toBe(body);
          // Whatever else had been handed out would be here before the receipt.
          await client.send(t.queue('other'), 'x');
          expect(subscription.messages.at(-1)).toBe(message);
          await client.ack(message);
        }
      },
      name === 'prefetch-count' ? ['no-prefetch-count'] : ['no-activemq-headers'],
    ),
  ),

  frames('1.0 acknowledges by message-id', '1.0 §ACK', async (t) => {
    const queue = await filled(t, '1', '2');
    const client = await t.raw('1.0');
    await client.confirmed('SUBSCRIBE', { id: '1', destination: queue, ack: 'client' });
    await client.take('MESSAGE');
    const message = await client.take('MESSAGE');
    await client.confirmed('ACK', { 'message-id': header(message, 'message-id')! });
    await client.confirmed('DISCONNECT');
    const second = await t.client();
    const subscription = await second.subscribe(queue);
    await second.send(queue, 'marker');
    expect(await subscription.texts(1)).toEqual(['marker']);
  }),

  frames('1.1 acknowledges by message-id and subscription', '1.1 §ACK', async (t) => {
    const queue = await filled(t, '1', '2');
    const client = await t.raw('1.1');
    await client.confirmed('SUBSCRIBE', { id: 's', destination: queue, ack: 'client-individual' });
    const message = await client.take('MESSAGE');
    await client.take('MESSAGE');
    await client.confirmed('ACK', { subscription: 's', 'message-id': header(message, 'message-id')! });
    await client.confirmed('DISCONNECT');
    expect(await (await (await t.client()).subscribe(queue)).texts(1)).toEqual(['2']);
  }),

  frames('1.2 acknowledges by the ack header, which comes where it is needed', '1.2 §ACK', async (t) => {
    const queue = await filled(t, '1', '2');
    const client = await t.raw();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: queue, ack: 'client-individual' });
    const message = await client.take('MESSAGE');
    expect(header(message, 'ack')).toMatch(/./);
    await client.confirmed('ACK', { id: header(message, 'ack')! });
  }),

  frames('an ACK of what was never delivered is refused', '1.2 §ACK', async (t) => {
    const client = await t.raw();
    await client.confirmed('SUBSCRIBE', { id: '1', destination: t.queue(), ack: 'client-individual' });
    client.send('ACK', { id: 'nothing' });
    await errorOf(client);
  }),

  frames('an ACK without an id is refused', '1.2 §ACK', async (t) => {
    const client = await t.raw();
    client.send('ACK', {});
    await errorOf(client);
  }),
]);
