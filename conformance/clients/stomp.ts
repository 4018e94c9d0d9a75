/** STOMP 1.2 by stompit, over TCP. */
import stompit from 'stompit';
import { type Client, Failure, type OnMessage, type Outgoing } from './client.ts';
import { fromHeaders, queueDestination, toHeaders, topicDestination } from './stomp-headers.ts';

export async function connectStomp(port: number): Promise<Client> {
  const failure = new Failure();
  const client = await new Promise<stompit.Client>((resolve, reject) => {
    stompit.connect(
      {
        host: '127.0.0.1',
        port,
        connectHeaders: { host: '/', login: 'guest', passcode: 'guest', 'heart-beat': '0,0' },
      },
      (error, connected) => (error === null ? resolve(connected) : reject(error)),
    );
  });
  // It writes head, body and end of a frame one by one; with Nagle's algorithm each frame waits for a delayed ACK.
  client.getTransportSocket().setNoDelay(true);
  let closing = false;
  client.on('error', (error) => {
    if (!closing) failure.report(error);
  });

  // On an ERROR frame with a short text, stompit destroys the frame instead of itself, which nobody can catch.
  client.setCommandHandler('ERROR', (frame) => {
    frame.readString('utf8', (_, text) => {
      client.destroy(new Error(`ERROR ${frame.headers['message']}: ${text?.trim()}`));
    });
  });

  const publish = (destination: string, message: Outgoing): Promise<void> =>
    failure.guard((resolve) => {
      const frame = client.send(
        { destination, 'content-length': message.body.length, ...toHeaders(message.properties) },
        { onReceipt: () => resolve() },
      );
      if (message.body.length > 0) frame.write(message.body);
      frame.end();
    });

  const subscribe = (destination: string, headers: Record<string, string>, onMessage: OnMessage): Promise<void> =>
    failure.guard((resolve) => {
      const id = `s${++subscriptions}`;
      // stompit subscribes without a receipt; the scenario must know that the subscription is there.
      client.setImplicitSubscription(id, headers['ack'], (error, frame) => {
        if (error !== null || frame === undefined) return;
        const chunks: Buffer[] = [];
        frame.on('data', (chunk: Buffer) => chunks.push(chunk));
        frame.on('end', () => {
          if (closing) return;
          onMessage({
            body: Buffer.concat(chunks),
            properties: fromHeaders(frame.headers),
            redelivered: frame.headers['redelivered'] === 'true',
            accept: () =>
              headers['ack'] === 'auto'
                ? Promise.resolve()
                : failure.guard((done) => client.ack(frame, {}, { onReceipt: () => done() })),
          });
        });
      });
      client.sendFrame('SUBSCRIBE', { id, destination, ...headers }, { onReceipt: () => resolve() }).end();
    });
  let subscriptions = 0;

  return {
    wire: 'stomp',
    errors: failure.errors,
    publishTopic: (levels, message) => publish(topicDestination(levels), message),
    publishQueue: (queue, message) => publish(queueDestination(queue), message),
    subscribeTopic: (levels, onMessage) => subscribe(topicDestination(levels), { ack: 'auto' }, onMessage),
    consumeQueue: (queue, onMessage, options) =>
      subscribe(
        queueDestination(queue),
        { ack: 'client-individual', 'prefetch-count': String(options?.prefetch ?? 10) },
        onMessage,
      ),
    close() {
      closing = true;
      return new Promise((resolve) => client.disconnect(() => resolve()));
    },
    cut() {
      closing = true;
      client.destroy();
    },
  };
}
