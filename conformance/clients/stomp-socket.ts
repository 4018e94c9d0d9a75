/** A TCP connection in the shape of a WebSocket, as far as @stomp/stompjs asks for one. */
import { connect } from 'node:net';
import { type IStompSocket, StompSocketState } from '@stomp/stompjs';

export function socketTo(port: number): IStompSocket {
  const tcp = connect({ host: '127.0.0.1', port, noDelay: true });
  const socket: IStompSocket = {
    url: `tcp://127.0.0.1:${port}`,
    binaryType: 'arraybuffer',
    readyState: StompSocketState.CONNECTING,
    onclose: undefined,
    onerror: undefined,
    onmessage: undefined,
    onopen: undefined,
    send: (data) => {
      tcp.write(typeof data === 'string' ? data : Buffer.from(data as Uint8Array));
    },
    close: () => {
      tcp.end();
    },
  } as IStompSocket;
  tcp.on('connect', () => {
    (socket as { readyState: number }).readyState = StompSocketState.OPEN;
    socket.onopen?.({} as never);
  });
  tcp.on('data', (chunk: Buffer) => {
    const data = chunk.buffer.slice(chunk.byteOffset, chunk.byteOffset + chunk.length) as ArrayBuffer; // a copy: the chunk is the socket's
    socket.onmessage?.({ data } as never);
  });
  tcp.on('close', () => {
    (socket as { readyState: number }).readyState = StompSocketState.CLOSED;
    socket.onclose?.({ code: 1000, reason: '' } as never);
  });
  tcp.on('error', () => {});
  return socket;
}
