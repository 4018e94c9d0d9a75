/** Comes with a certificate, or without, and says what became of it. */
import { once } from 'node:events';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import amqplib from 'amqplib';
import * as wire from 'mqtt-packet';

/** `let in`; `refused in TLS`: there was no connection to say anything on; `refused`: in the protocol's own form. */
export type TlsAnswer = 'let in' | 'refused in TLS' | 'refused';

const SASL_EXTERNAL = amqplib.credentials.external();

/** AMQP, where EXTERNAL makes the certificate the login. */
export async function askAmqp(port: number, tls: ConnectionOptions): Promise<TlsAnswer> {
  try {
    const options = { ...tls, credentials: SASL_EXTERNAL, timeout: 10_000 };
    const connection = await amqplib.connect(`amqps://localhost:${port}`, options);
    await connection.close();
    return 'let in';
  } catch (error) {
    return /Handshake terminated by server|ACCESS_REFUSED/.test(String(error)) ? 'refused' : 'refused in TLS';
  }
}

/** MQTT, where a client that gives no name is whom its certificate names. */
export async function askMqtt(port: number, tls: ConnectionOptions): Promise<TlsAnswer> {
  const socket = connect({ port, ...tls });
  const answer = await Promise.race([connack(socket), brokenOff(socket)]);
  socket.destroy();
  return answer;
}

async function connack(socket: TLSSocket): Promise<TlsAnswer> {
  const parser = wire.parser({ protocolVersion: 4 });
  socket.on('data', (chunk) => parser.parse(chunk));
  socket.on('secureConnect', () => {
    socket.write(
      wire.generate({
        ...{ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'asks', clean: true, keepalive: 0 },
      } as wire.IConnectPacket),
    );
  });
  const [packet] = (await once(parser, 'packet')) as [wire.IConnackPacket];
  return packet.returnCode === 0 ? 'let in' : 'refused';
}

/** With TLS 1.3 the client hears only afterwards that its certificate was not good. */
function brokenOff(socket: TLSSocket): Promise<TlsAnswer> {
  return new Promise((resolve) => {
    socket.on('error', () => resolve('refused in TLS'));
    socket.on('close', () => resolve('refused in TLS'));
  });
}
