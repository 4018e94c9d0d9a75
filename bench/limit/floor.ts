/**
 * `node bench/limit/floor.ts`: a bare server, the yardstick for what an ordinary client can notice at least while another floods one
 * thread of Node. It reads what the flood sends and throws it away; the ordinary client's messages it sends back, each with its confirm.
 * No parsing, no queue, no store.
 *
 * Clients that prepare themselves wait for marks in what comes back, whatever their protocol: so the first pieces of each connection are
 * answered with all of those marks. The ordinary client (`test/budget/bystander.ts`) comes to a port of its own, since its bytes are the only
 * ones that mean anything here.
 *
 * It prints `floor FLOOD_PORT ECHO_PORT` when it listens.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { method, u8, u64 } from '../../conformance/amqp/clients/frames.ts';
import { message } from '../../test/budget/wire.ts';

/** What any of `test/budget/wire.ts` and its cases waits for. */
const MARKS = Buffer.concat([
  method(1, 'channel.open-ok').subarray(7, 11),
  method(1, 'basic.qos-ok').subarray(7, 11),
  Buffer.from([0x20, 2, 0, 0, 0xd0, 0]), // CONNACK, PINGRESP
  Buffer.from('CONNECTED receipt-id:there synchronised'),
]);
/** A case asks for no more. */
const ANSWERED = 32;
/** The ordinary client logs in, and declares what it uses. */
const PREPARING = 2;
const MESSAGE_BYTES = message('', 'bystander', Buffer.alloc(16)).length;

function discard(socket: Socket): void {
  let answered = 0;
  socket.on('error', () => {});
  socket.on('data', () => {
    if (answered++ < ANSWERED) socket.write(MARKS);
  });
}

function echo(socket: Socket): void {
  let prepared = 0;
  let rest = Buffer.alloc(0);
  let confirmed = 0n;
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    if (prepared < PREPARING) {
      prepared++;
      socket.write(MARKS);
      return;
    }
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = bytes.length - (bytes.length % MESSAGE_BYTES);
    rest = Buffer.from(bytes.subarray(whole));
    if (whole === 0) return;
    confirmed += BigInt(whole / MESSAGE_BYTES);
    socket.write(Buffer.concat([bytes.subarray(0, whole), method(1, 'basic.ack', u64(confirmed), u8(1))]));
  });
}

async function listen(accept: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer({ noDelay: true }, accept);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

console.log(`floor ${await listen(discard)} ${await listen(echo)}`);
