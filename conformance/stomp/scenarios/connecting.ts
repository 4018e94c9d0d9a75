/** Connecting: versions, hosts, credentials, heart-beats, and what may not come before or twice. */
import { expect } from 'vitest';
import { until } from '../../support/inbox.ts';
import { ends, header } from '../clients/frames.ts';
import { frames, scenario, topic } from '../scenario.ts';

const LOGIN = { host: '/', login: 'guest', passcode: 'guest' };

export const connecting = topic('connecting', [
  frames('CONNECTED tells the version, the session and the server', '1.2 §CONNECTED', async (t) => {
    const client = await t.dial();
    client.send('CONNECT', { 'accept-version': '1.0,1.1,1.2', ...LOGIN });
    const frame = await client.next('CONNECTED');
    expect(header(frame, 'version')).toBe('1.2');
    expect(header(frame, 'session')).toMatch(/./);
    expect(header(frame, 'server')).toMatch(/^[^ ]+\/\d/);
  }),

  frames('STOMP is CONNECT by another name', '1.1 §STOMP', async (t) => {
    const client = await t.dial();
    client.send('STOMP', { 'accept-version': '1.1,1.2', ...LOGIN });
    expect(header(await client.next('CONNECTED'), 'version')).toBe('1.2');
  }),

  frames('the highest version of both sides is agreed on', '1.2 §Protocol Negotiation', async (t) => {
    for (const [accepted, version] of [
      ['1.0', '1.0'],
      ['1.1', '1.1'],
      ['1.0,1.1', '1.1'],
      ['1.1,1.0', '1.1'],
      ['1.2,1.1,1.0', '1.2'],
      ['1.2,2.1', '1.2'],
    ] as const) {
      const client = await t.dial();
      client.send('CONNECT', { 'accept-version': accepted, ...LOGIN });
      expect(header(await client.next('CONNECTED'), 'version')).toBe(version);
    }
  }),

  frames('without accept-version it is 1.0', '1.1 §Protocol Negotiation', async (t) => {
    const client = await t.dial();
    client.send('CONNECT', LOGIN);
    expect(header(await client.next('CONNECTED'), 'version')).toBe('1.0');
  }),

  frames(
    'a version that nobody speaks is refused with those that are spoken',
    '1.2 §Protocol Negotiation',
    async (t) => {
      const client = await t.dial();
      client.send('CONNECT', { 'accept-version': '9.9', ...LOGIN });
      const frame = await t.error(client);
      if (t.differs('versions-untold')) return;
      expect(header(frame, 'version')?.split(',').sort()).toEqual(['1.0', '1.1', '1.2']);
    },
  ),

  frames('a wrong password is refused, without saying what was wrong', '1.2 §CONNECT', async (t) => {
    const client = await t.dial();
    client.send('CONNECT', { 'accept-version': '1.2', ...LOGIN, passcode: 'wrong' });
    const frame = await t.error(client);
    expect(frame.body.toString()).not.toContain('wrong');
  }),

  frames('nothing may come before CONNECT', '1.2 §Connecting', async (t) => {
    const client = await t.dial();
    client.send('SEND', { destination: t.queue() }, 'x');
    await t.error(client);
  }),

  frames('a second CONNECT is refused', '1.2 §CONNECT', async (t) => {
    const client = await t.raw();
    client.send('CONNECT', { 'accept-version': '1.2', ...LOGIN });
    if (t.differs('closes-without-a-word')) await ends(client);
    else await t.error(client);
  }),

  frames('lines may end in CR LF', '1.2 §STOMP Frames', async (t) => {
    const client = await t.dial();
    client.write('CONNECT\r\naccept-version:1.2\r\nhost:/\r\nlogin:guest\r\npasscode:guest\r\n\r\n\0\r\n');
    await client.next('CONNECTED');
    const queue = t.queue();
    client.write(`SUBSCRIBE\r\nid:1\r\ndestination:${queue}\r\n\r\n\0\r\n`);
    client.write(`SEND\r\ndestination:${queue}\r\nodd:a b\r\n\r\nbody\r\n\0\r\n`);
    const message = await client.next('MESSAGE');
    expect([header(message, 'odd'), message.body.toString()]).toEqual(['a b', 'body\r\n']);
  }),

  frames('empty lines may stand between frames', '1.2 §STOMP Frames', async (t) => {
    const client = await t.dial();
    client.write('\n\n\nCONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n\0\n\n\n\n');
    await client.next('CONNECTED');
    client.write('\n\n');
    await client.confirmed('SEND', { destination: t.queue() }, 'x');
  }),

  frames('no heart-beats are agreed on where the client offers none', '1.2 §Heart-beating', async (t) => {
    const client = await t.dial();
    client.send('CONNECT', { 'accept-version': '1.2', ...LOGIN, 'heart-beat': '0,0' });
    const theirs = header(await client.next('CONNECTED'), 'heart-beat')!
      .split(',')
      .map(Number);
    expect(theirs).toHaveLength(2);
    client.write('\n');
    await client.confirmed('SEND', { destination: t.queue() }, 'x');
  }),

  frames('the broker sends something as often as it was asked to', '1.2 §Heart-beating', async (t) => {
    const client = await t.dial();
    client.send('CONNECT', { 'accept-version': '1.2', ...LOGIN, 'heart-beat': '0,300' });
    const [sends] = header(await client.next('CONNECTED'), 'heart-beat')!
      .split(',')
      .map(Number);
    expect(sends).toBeGreaterThan(0);
    await until(() => client.heartbeats > 2, 'three heart-beats');
  }),

  frames('a client that promised heart-beats and is silent is dropped', '1.2 §Heart-beating', async (t) => {
    const client = await t.dial();
    client.send('CONNECT', { 'accept-version': '1.2', ...LOGIN, 'heart-beat': '500,0' });
    await client.next('CONNECTED');
    await ends(client);
  }),

  frames('a client that keeps its promise stays', '1.2 §Heart-beating', async (t) => {
    const client = await t.dial();
    client.send('CONNECT', { 'accept-version': '1.2', ...LOGIN, 'heart-beat': '1000,300' });
    await client.next('CONNECTED');
    const beat = setInterval(() => client.write('\n'), 200);
    try {
      await until(() => client.heartbeats > 8, 'nine heart-beats', 15_000);
      await client.confirmed('SEND', { destination: t.queue() }, 'x');
    } finally {
      clearInterval(beat);
    }
  }),

  frames('heart-beats that are no numbers are refused', '1.2 §Heart-beating', async (t) => {
    const client = await t.dial();
    client.send('CONNECT', { 'accept-version': '1.2', ...LOGIN, 'heart-beat': 'often' });
    await t.error(client);
  }),

  scenario('DISCONNECT is answered when all before it has been taken', '1.2 §DISCONNECT', async (t) => {
    const queue = t.queue();
    const client = await t.client();
    const sent = Promise.all([1, 2, 3].map((i) => client.send(queue, String(i))));
    await sent;
    await client.disconnect();
    const reader = await t.client();
    expect(await (await reader.subscribe(queue)).texts(3)).toEqual(['1', '2', '3']);
  }),

  frames('after the receipt of a DISCONNECT the connection ends', '1.2 §DISCONNECT', async (t) => {
    const client = await t.raw();
    client.send('DISCONNECT', { receipt: 'bye' });
    expect(header(await client.next('RECEIPT'), 'receipt-id')).toBe('bye');
    await ends(client);
  }),

  frames('localhost is a host like any other', 'activemq:host header', async (t) => {
    const client = await t.dial();
    client.send('CONNECT', { 'accept-version': '1.2', ...LOGIN, host: 'localhost' });
    await client.next(t.differs('hosts-are-vhosts') ? 'ERROR' : 'CONNECTED');
  }),
]);
