/** BEGIN, COMMIT, ABORT. */
import { expect } from 'vitest';
import { errorOf, header } from '../clients/frames.ts';
import { frames, scenario, topic } from '../scenario.ts';

export const transactions = topic('transactions', [
  scenario('what is sent in a transaction comes with its COMMIT, in order', '1.2 §COMMIT', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    const subscription = await client.subscribe(queue);
    const transaction = await client.begin();
    client.post(queue, '1', { transaction: transaction.id });
    client.post(queue, '2', { transaction: transaction.id });
    await client.send(queue, 'outside');
    expect(await subscription.texts(1)).toEqual(['outside']);
    await transaction.commit();
    expect(await subscription.texts(2)).toEqual(['1', '2']);
  }),

  scenario('what is sent in a transaction is forgotten with its ABORT', '1.2 §ABORT', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    const subscription = await client.subscribe(queue);
    const transaction = await client.begin();
    client.post(queue, 'never', { transaction: transaction.id });
    await transaction.abort();
    await client.send(queue, 'marker');
    expect(await subscription.texts(1)).toEqual(['marker']);
  }),

  scenario('a connection that ends aborts its transactions', '1.2 §BEGIN', async (t) => {
    const queue = t.queue();
    const first = await t.client();
    const transaction = await first.begin();
    first.post(queue, 'never', { transaction: transaction.id });
    await first.disconnect();
    const second = await t.client();
    const subscription = await second.subscribe(queue);
    await second.send(queue, 'marker');
    expect(await subscription.texts(1)).toEqual(['marker']);
  }),

  scenario('an ACK in a transaction counts with its COMMIT', '1.2 §ACK transaction', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    for (const body of ['1', '2']) await client.send(queue, body, { persistent: 'true' });
    const subscription = await client.subscribe(queue, { ack: 'client-individual' });
    const [one] = await subscription.take(2);
    const transaction = await client.begin();
    await client.ack(one!, { transaction: transaction.id });
    await transaction.commit();
    await client.disconnect();
    expect(await (await (await t.client()).subscribe(queue)).texts(1)).toEqual(['2']);
  }),

  scenario(
    'an ACK in a transaction that ends with the connection does not count',
    '1.2 §ACK transaction',
    async (t) => {
      const queue = t.queue();
      const client = await t.client();
      for (const body of ['1', '2']) await client.send(queue, body, { persistent: 'true' });
      const subscription = await client.subscribe(queue, { ack: 'client-individual' });
      const [one] = await subscription.take(2);
      const transaction = await client.begin();
      await client.ack(one!, { transaction: transaction.id });
      await client.disconnect();
      expect((await (await (await t.client()).subscribe(queue)).texts(2)).sort()).toEqual(['1', '2']);
    },
  ),

  scenario('several transactions are open side by side', '1.2 §BEGIN', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    const subscription = await client.subscribe(queue);
    const [a, b] = [await client.begin(), await client.begin()];
    client.post(queue, 'a', { transaction: a.id });
    client.post(queue, 'b', { transaction: b.id });
    await b.commit();
    expect(await subscription.texts(1)).toEqual(['b']);
    await a.commit();
    expect(await subscription.texts(1)).toEqual(['a']);
  }),

  frames('a receipt for a SEND in a transaction says that it was taken', '1.2 §RECEIPT', async (t) => {
    const client = await t.raw();
    await client.confirmed('BEGIN', { transaction: 't' });
    client.send('SEND', { destination: t.queue(), transaction: 't', receipt: 'sent' }, 'x');
    client.send('COMMIT', { transaction: 't', receipt: 'committed' });
    const ids = [await client.next('RECEIPT'), await client.next('RECEIPT')].map((frame) =>
      header(frame, 'receipt-id'),
    );
    expect(ids.sort()).toEqual(['committed', 'sent']);
    client.send('BEGIN', { transaction: 'u' });
    client.send('SEND', { destination: t.queue(), transaction: 'u', receipt: 'undone' }, 'x');
    await client.confirmed('SEND', { destination: t.queue() }, 'x').then(
      () => expect(t.differs('receipts-with-commit')).toBe(true),
      (error: Error) => expect(error.message).toContain('undone'),
    );
  }),

  frames('a transaction cannot be begun twice', '1.2 §BEGIN', async (t) => {
    const client = await t.raw();
    await client.confirmed('BEGIN', { transaction: 't' });
    client.send('BEGIN', { transaction: 't', receipt: 'r' });
    await client.next(t.differs('begins-twice') ? 'RECEIPT' : 'ERROR');
  }),
  frames('its name can be used again after its end', '1.2 §BEGIN', async (t) => {
    const client = await t.raw();
    for (const end of ['COMMIT', 'ABORT', 'COMMIT']) {
      await client.confirmed('BEGIN', { transaction: 't' });
      await client.confirmed(end, { transaction: 't' });
    }
  }),
  ...(['COMMIT', 'ABORT', 'SEND'] as const).map((command) =>
    frames(`${command} of a transaction that is not open is refused`, `1.2 §${command}`, async (t) => {
      const client = await t.raw();
      client.send(command, {
        transaction: 'nothing',
        receipt: 'r',
        ...(command === 'SEND' ? { destination: t.queue() } : {}),
      });
      await errorOf(client);
    }),
  ),
  frames('BEGIN must name its transaction', '1.2 §BEGIN', async (t) => {
    const client = await t.raw();
    client.send('BEGIN', {});
    await errorOf(client);
  }),
]);
