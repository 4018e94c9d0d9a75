/** The clients that people use: stompit, and @stomp/stompjs with a TCP socket in the place of its WebSocket. */
import { Client, type IMessage, type StompConfig } from '@stomp/stompjs';
import stompit from 'stompit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { socketTo } from '../../../../conformance/clients/stomp-socket.ts';
import { StompHarness } from '../harness.ts';

let harness: StompHarness;
beforeEach(async () => {
  harness = await StompHarness.start();
});
afterEach(() => harness.stop());

describe('stompit', () => {
  const open = (headers: Record<string, string> = {}): Promise<stompit.Client> =>
    new Promise((resolve, reject) => {
      const connectHeaders = { host: '/', login: 'guest', passcode: 'guest', ...headers };
      stompit.connect({ host: '127.0.0.1', port: harness.port, connectHeaders }, (error, client) =>
        error === null ? resolve(client) : reject(error),
      );
    });
  const send = (client: stompit.Client, headers: Record<string, string>, body: string): Promise<void> =>
    new Promise((resolve, reject) => {
      client.send(headers, { onReceipt: resolve, onError: reject }).end(body);
    });
  /** The next `count` messages of a subscription. */
  const receive = (
    client: stompit.Client,
    headers: Record<string, string>,
    count: number,
  ): Promise<[stompit.Frame, string][]> =>
    new Promise((resolve, reject) => {
      const seen: [stompit.Frame, string][] = [];
      client.subscribe(headers, (error, frame) => {
        if (error !== null || frame === undefined) return reject(error);
        frame.readString('utf-8', (failed, body) => {
          if (failed !== null) return reject(failed);
          seen.push([frame, body!]);
          if (seen.length === count) resolve(seen);
        });
      });
    });

  test('survives an ERROR: with plain text/plain it reads the body by itself and dies of its own stream', async () => {
    await expect(open({ passcode: 'wrong' })).rejects.toThrow('Bad CONNECT');
  });

  test('sends, receives, acknowledges and disconnects', async () => {
    const client = await open({ 'heart-beat': '1000,1000' });
    for (const body of ['one', 'two:\n', 'drei €'])
      await send(client, { destination: '/queue/q', persistent: 'true', 'x:y': 'a:b\\\n' }, body);
    const messages = await receive(client, { destination: '/queue/q', ack: 'client-individual' }, 3);
    expect(messages.map(([, body]) => body)).toEqual(['one', 'two:\n', 'drei €']);
    expect(messages[0]![0].headers).toMatchObject({ destination: '/queue/q', persistent: 'true', 'x:y': 'a:b\\\n' });
    for (const [frame] of messages) {
      await new Promise<void>((resolve, reject) => {
        client.ack(frame, {}, { onReceipt: () => resolve(), onError: reject });
      });
    }
    await new Promise<void>((resolve, reject) => {
      client.disconnect((error) => (error === null ? resolve() : reject(error)));
    });
    const core = await harness.session();
    expect(core.checkQueue('q').messages).toBe(0);
  });

  test('sees a NACKed message again', async () => {
    const client = await open();
    await send(client, { destination: '/queue/q' }, 'x');
    const [frame, again] = await new Promise<stompit.Frame[]>((resolve) => {
      const seen: stompit.Frame[] = [];
      client.subscribe({ destination: '/queue/q', ack: 'client' }, (_, message) => {
        message!.readString('utf-8', () => {
          seen.push(message!);
          if (seen.length === 1) client.nack(message!);
          else resolve(seen);
        });
      });
    });
    expect([frame!.headers['redelivered'], again!.headers['redelivered']]).toEqual([undefined, 'true']);
    client.destroy();
  });

  test('commits and aborts transactions', async () => {
    const client = await open();
    await send(client, { destination: '/queue/q' }, 'first');
    const undone = client.begin();
    undone.send({ destination: '/queue/q' }).end('never');
    await new Promise<void>((resolve) => undone.abort({ onReceipt: resolve }));
    const done = client.begin();
    done.send({ destination: '/queue/q' }).end('second');
    await new Promise<void>((resolve) => done.commit({ onReceipt: resolve }));
    const messages = await receive(client, { destination: '/queue/q', ack: 'auto' }, 2);
    expect(messages.map(([, body]) => body)).toEqual(['first', 'second']);
    client.destroy();
  });
});

describe('@stomp/stompjs', () => {
  const open = async (more: StompConfig = {}): Promise<Client> => {
    const client = new Client({
      webSocketFactory: () => socketTo(harness.port),
      connectHeaders: { login: 'guest', passcode: 'guest', host: '/' },
      reconnectDelay: 0,
      ...more,
    });
    await new Promise<void>((resolve, reject) => {
      client.onConnect = () => resolve();
      client.onStompError = (frame) => reject(new Error(`${frame.headers['message']}: ${frame.body}`));
      client.activate();
    });
    return client;
  };
  const receipt = (client: Client, act: (headers: { receipt: string }) => void): Promise<void> =>
    new Promise((resolve) => {
      const id = `receipt:${Math.random()}`;
      client.watchForReceipt(id, () => resolve());
      act({ receipt: id });
    });

  test('negotiates 1.2 with heart-beats, sends and receives text and bytes', async () => {
    const client = await open({ heartbeatIncoming: 5_000, heartbeatOutgoing: 5_000 });
    expect(client.connectedVersion).toBe('1.2');
    const seen: IMessage[] = [];
    await receipt(client, (headers) => client.subscribe('/topic/news.#', (message) => seen.push(message), headers));
    client.publish({ destination: '/topic/news.today', body: 'Grüße: a\nb', headers: { cr: 'c\\d\r\ne:' } });
    client.publish({ destination: '/topic/news', binaryBody: new Uint8Array([0, 1, 2, 0, 255]) });
    await receipt(client, (headers) => client.publish({ destination: '/queue/other', body: 'x', headers }));
    await expect.poll(() => seen.length).toBe(2);
    expect([seen[0]!.body, seen[0]!.headers['cr'], seen[0]!.headers['destination']]).toEqual([
      'Grüße: a\nb',
      'c\\d\r\ne:',
      '/topic/news.today',
    ]);
    expect([...seen[1]!.binaryBody]).toEqual([0, 1, 2, 0, 255]);
    await client.deactivate();
  });

  test('acknowledges one by one, in a transaction as well', async () => {
    const client = await open();
    for (let i = 0; i < 3; i++) client.publish({ destination: '/queue/q', body: `${i}` });
    const seen: IMessage[] = [];
    client.subscribe('/queue/q', (message) => seen.push(message), { ack: 'client-individual' });
    await expect.poll(() => seen.length).toBe(3);
    const transaction = client.begin();
    seen[0]!.ack({ transaction: transaction.id });
    client.publish({ destination: '/queue/out', body: 'done', headers: { transaction: transaction.id } });
    transaction.commit();
    await receipt(client, (headers) => seen[1]!.ack(headers));
    await client.deactivate();
    const core = await harness.session();
    await expect.poll(() => core.checkQueue('q').messages).toBe(1);
    expect(core.checkQueue('out').messages).toBe(1);
  });

  test('hears of an error', async () => {
    const client = await open();
    const error = new Promise<string>((resolve) => {
      client.onStompError = (frame) => resolve(frame.body);
    });
    client.publish({ destination: '/exchange/nowhere/k', body: 'x' });
    expect(await error).toBe("NOT_FOUND - no exchange 'nowhere' in vhost '/'\n");
    await client.deactivate();
  });
});
