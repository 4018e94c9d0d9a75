/**
 * `node bench/limit/relay.ts`: a bare relay, the yardstick for what one thread of Node can move. It reads from publishers and
 * writes what it has read to the subscriber, and does nothing else: no parsing, no copy of its own, no store.
 *
 * It speaks as much MQTT 3.1.1 as a load generator needs to take it for a broker: CONNECT and SUBSCRIBE are answered, and every
 * byte that a publisher sends after CONNECT goes to whoever has subscribed last, as it is. (A PUBLISH of QoS 0 looks the same on
 * its way in and on its way out.)
 *
 * It prints `relay PORT` when it listens.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net';

const CONNACK = Buffer.from([0x20, 2, 0, 0]);
const SUBACK = 0x90;
const SUBSCRIBE = 0x82;

let subscriber: Socket | undefined;

function relay(from: Socket, chunk: Buffer): void {
  if (subscriber === undefined || subscriber.write(chunk)) return;
  from.pause();
  subscriber.once('drain', () => from.resume());
}

function accept(socket: Socket): void {
  socket.on('error', () => {});
  socket.once('data', () => {
    socket.write(CONNACK);
    socket.once('data', (chunk: Buffer) => {
      if (chunk[0] === SUBSCRIBE) {
        subscriber = socket;
        socket.write(Buffer.from([SUBACK, 3, chunk[2]!, chunk[3]!, 0]));
        return;
      }
      relay(socket, chunk);
      socket.on('data', (next: Buffer) => relay(socket, next));
    });
  });
}

const server = createServer({ noDelay: true }, accept);
server.listen(0, '127.0.0.1', () => console.log(`relay ${(server.address() as AddressInfo).port}`));
