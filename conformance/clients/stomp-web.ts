/** STOMP 1.2 over WebSocket by @stomp/stompjs, the library web pages use. */
import { type IMessage, Client as StompClient } from '@stomp/stompjs';
import { WebSocket } from 'ws';
import { type Client, Failure, type OnMessage, type Outgoing } from './client.ts';
import { fromHeaders, queueDestination, toHeaders, topicDestination } from './stomp-headers.ts';

export async function connectStompWeb(url: string): Promise<Client> {
  const failure = new Failure();
  let closing = false;
  let receipts = 0;
  const client = new StompClient({
    webSocketFactory: () => new WebSocket(url, ['v12.stomp', 'v11.stomp', 'v10.stomp']) as never,
    connectHeaders: { host: '/', login: 'guest', passcode: 'guest' },
    reconnectDelay: 0,
    heartbeatIncoming: 0,
    heartbeatOutgoing: 0,
  });
  client.onStompError = (frame) => failure.report(new Error(`ERROR ${frame.headers['message']}: ${frame.body}`));
  client.onWebSocketError = (event) =>
    failure.report(new Error(`the WebSocket failed: ${(event as { message?: string }).message}`));
  client.onWebSocketClose = () => {
    if (!closing) failure.report(new Error('the WebSocket was closed'));
  };
  await failure.guard<void>((resolve) => {
    client.onConnect = () => resolve();
    client.activate();
  });

  /** Sends a frame that asks for a receipt; resolves when it comes. */
  const confirmed = (send: (receipt: string) => void): Promise<void> =>
    failure.guard((resolve) => {
      const receipt = `r${++receipts}`;
      client.watchForReceipt(receipt, () => resolve());
      send(receipt);
    });

  const publish = (destination: string, message: Outgoing): Promise<void> =>
    confirmed((receipt) =>
      client.publish({
        destination,
        headers: { ...toHeaders(message.properties), receipt },
        binaryBody: message.body,
      }),
    );

  const subscribe = (destination: string, headers: Record<string, string>, onMessage: OnMessage): Promise<void> =>
    confirmed((receipt) => {
      client.subscribe(
        destination,
        (message: IMessage) =>
          onMessage({
            body: Buffer.from(message.binaryBody),
            properties: fromHeaders(message.headers),
            redelivered: message.headers['redelivered'] === 'true',
            accept: () =>
              headers['ack'] === 'auto' ? Promise.resolve() : confirmed((ack) => message.ack({ receipt: ack })),
          }),
        { ...headers, receipt },
      );
    });

  return {
    wire: 'stomp-ws',
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
    async close() {
      closing = true;
      await client.deactivate();
    },
    cut() {
      closing = true;
      void client.deactivate({ force: true });
    },
  };
}
