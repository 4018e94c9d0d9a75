/** The scheduler: messages that come again and again, and how they are looked at and ended. */
import { expect } from 'vitest';
import type { Message } from '../clients/client.ts';
import { scenario, topic } from '../scenario.ts';

const MANAGEMENT = '/topic/ActiveMQ.Scheduler.Management';

export const scheduler = topic('scheduler', [
  scenario('a message comes once and then as often as it says', 'activemq:delay and schedule', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    const subscription = await client.subscribe(queue);
    const headers = { AMQ_SCHEDULED_DELAY: '300', AMQ_SCHEDULED_PERIOD: '300', AMQ_SCHEDULED_REPEAT: '2' };
    await client.send(queue, 'again', { persistent: 'true', mine: 'kept', ...headers });
    const messages = await subscription.take(3);
    expect(messages.map(({ body }) => body.toString())).toEqual(['again', 'again', 'again']);
    for (const { headers: got } of messages) {
      expect([got['mine'], got['AMQ_SCHEDULED_PERIOD'], got['AMQ_SCHEDULED_REPEAT']]).toEqual([
        'kept',
        undefined,
        undefined,
      ]);
      expect(got['scheduledJobId']).toBeDefined();
    }
    expect(new Set(messages.map(({ headers: got }) => got['message-id'])).size).toBe(3);
    // That was all.
    await client.send(queue, 'last');
    expect(await subscription.texts(1)).toEqual(['last']);
  }),

  scenario('without a delay it comes after its period', 'activemq:delay and schedule', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    const subscription = await client.subscribe(queue);
    await client.send(queue, 'again', { AMQ_SCHEDULED_PERIOD: '400', AMQ_SCHEDULED_REPEAT: '1' });
    await client.send(queue, 'first');
    expect(await subscription.texts(3)).toEqual(['first', 'again', 'again']);
  }),

  scenario('BROWSE shows what is scheduled, and REMOVE ends it', 'activemq:scheduler management', async (t) => {
    const [queue, jobs] = [t.queue(), t.queue('jobs')];
    const client = await t.client();
    const headers = { AMQ_SCHEDULED_DELAY: '60000', AMQ_SCHEDULED_PERIOD: '5000', AMQ_SCHEDULED_REPEAT: '9' };
    await client.send(queue, 'job', headers);
    const shown = await client.subscribe(jobs);
    const browse = async (): Promise<Message[]> => {
      await client.send(MANAGEMENT, '', { AMQ_SCHEDULER_ACTION: 'BROWSE', 'reply-to': jobs });
      await client.send(jobs, 'end');
      const found: Message[] = [];
      for (;;) {
        const message = await shown.next();
        if (message.body.toString() === 'end') return found;
        if (message.headers['original-destination'] === queue) found.push(message);
      }
    };
    const [job, ...others] = await browse();
    const { scheduledJobId, AMQ_SCHEDULED_DELAY, AMQ_SCHEDULED_PERIOD, AMQ_SCHEDULED_REPEAT } = job!.headers;
    expect([AMQ_SCHEDULED_DELAY, AMQ_SCHEDULED_PERIOD, AMQ_SCHEDULED_REPEAT]).toEqual(['60000', '5000', '9']);
    expect([job!.body.toString(), others]).toEqual(['job', []]);
    await client.send(MANAGEMENT, '', { AMQ_SCHEDULER_ACTION: 'REMOVE', scheduledJobId: scheduledJobId! });
    expect(await browse()).toEqual([]);
  }),

  scenario(
    'one that never ends goes on',
    'activemq:delay and schedule',
    async (t) => {
      const queue = t.queue();
      const client = await t.client();
      const subscription = await client.subscribe(queue);
      await client.send(queue, 'again', { AMQ_SCHEDULED_PERIOD: '100', AMQ_SCHEDULED_REPEAT: '-1' });
      const messages = await subscription.take(4);
      const { scheduledJobId } = messages[0]!.headers;
      await client.send(MANAGEMENT, '', { AMQ_SCHEDULER_ACTION: 'REMOVE', scheduledJobId: scheduledJobId! });
    },
    ['no-end-refused'],
  ),
]);
