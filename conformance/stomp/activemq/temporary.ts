/** Temporary queues and topics: a connection's own, which others reach by the remote name that they are shown. */
import { expect } from 'vitest';
import { frames, scenario, topic } from '../scenario.ts';

const KINDS = ['queue', 'topic'] as const;

export const temporary = topic('temporary destinations', [
  ...KINDS.map((kind) =>
    scenario(
      `a request is answered to the remote name of a temporary ${kind}`,
      'activemq:temp destinations',
      async (t) => {
        const requests = t.queue();
        const server = await t.client();
        const asked = await server.subscribe(requests);
        const client = await t.client();
        const own = `/temp-${kind}/answers`;
        const answers = await client.subscribe(own);
        await client.send(requests, 'ping', { 'reply-to': own });
        const request = await asked.next();
        expect(request.headers['reply-to']).toMatch(new RegExp(`^/remote-temp-${kind}/.`));
        await server.send(request.headers['reply-to']!, 'pong');
        const answer = await answers.next();
        expect([answer.body.toString(), answer.headers['destination']]).toEqual(['pong', own]);
      },
    ),
  ),

  ...KINDS.map((kind) =>
    scenario(`a temporary ${kind} is sent to by its owner`, 'activemq:temp destinations', async (t) => {
      const client = await t.client();
      const own = `/temp-${kind}/mine`;
      const subscription = await client.subscribe(own);
      await client.send(own, 'to myself');
      const message = await subscription.next();
      expect([message.body.toString(), message.headers['destination']]).toEqual(['to myself', own]);
    }),
  ),

  scenario('one name is another queue on another connection', 'activemq:temp destinations', async (t) => {
    const [a, b] = [await t.client(), await t.client()];
    const ofA = await a.subscribe('/temp-queue/same');
    const ofB = await b.subscribe('/temp-queue/same');
    await a.send('/temp-queue/same', 'a');
    await b.send('/temp-queue/same', 'b');
    expect([await ofA.texts(1), await ofB.texts(1)]).toEqual([['a'], ['b']]);
  }),

  scenario('what was sent before its owner has subscribed waits', 'activemq:temp destinations', async (t) => {
    const client = await t.client();
    await client.send('/temp-queue/early', 'x');
    const subscription = await client.subscribe('/temp-queue/early');
    expect(await subscription.texts(1)).toEqual(['x']);
  }),

  frames("another connection's is not to be subscribed to", 'activemq:temp destinations', async (t) => {
    const requests = t.queue();
    const owner = await t.client();
    const asked = await owner.subscribe(requests);
    await owner.subscribe('/temp-queue/t');
    await owner.send(requests, 'x', { 'reply-to': '/temp-queue/t' });
    const remote = (await asked.next()).headers['reply-to']!;
    const thief = await t.raw();
    thief.send('SUBSCRIBE', { id: '1', destination: remote.replaceAll(':', '\\c') });
    if (t.differs('remote-read-by-anybody')) await thief.confirmed('UNSUBSCRIBE', { id: '1' });
    else await t.error(thief);
  }),
]);
