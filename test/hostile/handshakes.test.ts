/**
 * Two thousand connections that never finish their handshake, on every port of every protocol, with TLS and without: those who are in
 * notice nothing, those who come get in, and what the others cost is given back.
 */
import { readFileSync } from 'node:fs';
import { createServer, connect as dial, type Socket } from 'node:net';
import { connect as dialTls } from 'node:tls';
import mqtt from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EntrepotPeer, startEntrepot } from '../../conformance/peers/index.ts';
import { until } from '../../conformance/support/inbox.ts';
import { freePorts } from '../../conformance/support/processes.ts';
import { Authority, OPENSSL } from '../support/certificates.ts';
import { temporaryDirectory } from '../support/directory.ts';

const CONNECTIONS = 2_000;
const SECURE = ['amqps', 'mqtts', 'stomps', 'rediss', 'wss', 'https'] as const;
/** What a client says first, without its end. */
const PLAIN = {
  amqp: Buffer.from('AMQP\0\0\x09\x01'),
  mqtt: Buffer.from('\x10\x0d\0\x04MQTT\x04\x02\0\x0a\0\x01', 'latin1'),
  stomp: Buffer.from('CONNECT\naccept-version:1.2\nhost:/\n'),
  redis: Buffer.from('*3\r\n$5\r\nHELLO\r\n$1\r\n3\r\n'),
  ws: Buffer.from('GET /mqtt HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'),
  http: Buffer.from('GET /healthz HTTP/1.1\r\nHost: x\r\n'),
};
const NAMES = [...SECURE, ...(Object.keys(PLAIN) as (keyof typeof PLAIN)[])];
const GROWTH_MAX_BYTES = 150 * 1024 * 1024;
/** What the allocator may keep. */
const KEPT_MAX_BYTES = 100 * 1024 * 1024;
const ROUNDS = 200;
/** The attackers share their process with the client that is measured. */
const SHARED_MS = 50;

describe.skipIf(process.platform !== 'linux' || OPENSSL === undefined)('slow handshakes', () => {
  const directory = temporaryDirectory();
  const sockets: Socket[] = [];
  let broker: EntrepotPeer;
  let ports: number[];
  let ca: Buffer;

  beforeAll(async () => {
    const authority = new Authority(directory.path, 'authority');
    const { certificate, key } = authority.issue('localhost', { dns: ['localhost'] });
    ca = readFileSync(authority.certificate);
    ports = await freePorts(NAMES.length);
    broker = await startEntrepot({
      listen: NAMES.map((name, i) => `${name}://127.0.0.1:${ports[i]}`),
      environment: { ENTREPOT_TLS_CERTIFICATE: certificate, ENTREPOT_TLS_KEY: key },
    });
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await broker?.stop();
    directory.remove();
  });

  const enter = () =>
    mqtt.connectAsync(`mqtts://127.0.0.1:${ports[1]}`, { rejectUnauthorized: false, reconnectPeriod: 0 }, false);

  /** Milliseconds, of a hundred publishes the slowest but one. */
  async function p99(client: mqtt.MqttClient): Promise<number> {
    const times: number[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      const beganMs = performance.now();
      await client.publishAsync('bystander', 'x', { qos: 1 });
      times.push(performance.now() - beganMs);
    }
    return times.sort((a, b) => a - b)[Math.floor(ROUNDS * 0.99) - 1]!;
  }

  function resident(): number {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${broker.pid}/status`, 'latin1'))![1]) * 1024;
  }

  it('harm nobody', { timeout: 240_000 }, async () => {
    const { pid } = broker;
    const hello = await clientHello();
    const bystander = await enter();
    await p99(bystander);
    const quietMs = await p99(bystander);
    const beforeBytes = resident();
    /** Silence, one byte, half of what is said first, all of it, another protocol's, a record that says it is longer than any. */
    const wordsOf = (first: Buffer, other: Buffer): Buffer[] => [
      Buffer.alloc(0),
      first.subarray(0, 1),
      first.subarray(0, first.length >> 1),
      first,
      other,
      Buffer.from([0x16, 3, 1, 0x3f, 0xff, 1, 0, 0xff, 0xff]),
    ];
    for (const [index, port] of ports.entries()) {
      const plain: Buffer | undefined = (PLAIN as Record<string, Buffer>)[NAMES[index]!];
      const words = plain === undefined ? wordsOf(hello, PLAIN.http) : wordsOf(plain, hello);
      const before = sockets.length;
      const residentBefore = resident();
      let connected = 0;
      for (let i = 0; i < CONNECTIONS; i++) {
        const socket = dial(port, '127.0.0.1', () => {
          connected++;
          socket.write(words[i % words.length]!);
          if (i % 7 === 0) socket.resetAndDestroy();
        });
        socket.on('error', () => {});
        socket.on('data', () => {});
        sockets.push(socket);
        if (i % 200 === 199) await until(() => connected >= i - 100, 'the attackers are there');
      }
      // The machine may be busy with other tests: what the broker itself costs is in the best of three.
      const attackedMs = Math.min(await p99(bystander), await p99(bystander), await p99(bystander));
      expect(attackedMs, `99 of 100 publishes, with ${NAMES[index]} under attack`).toBeLessThan(
        3 * quietMs + SHARED_MS,
      );
      const newcomer = await enter();
      await newcomer.publishAsync('newcomer', 'x', { qos: 1 });
      await newcomer.endAsync();
      expect((await fetch(`http://127.0.0.1:${broker.httpPort}/healthz`)).status).toBe(200);
      expect(resident() - residentBefore, `bytes more, with ${NAMES[index]} under attack`).toBeLessThan(
        GROWTH_MAX_BYTES,
      );
      console.log(
        `${NAMES[index]}: 99 of 100 publishes ${attackedMs.toFixed(1)} ms, alone ${quietMs.toFixed(1)} ms; ${Math.round((resident() - residentBefore) / 1024 / 1024)} MiB more`,
      );
      for (const socket of sockets.slice(before)) socket.destroy();
    }
    expect(broker.pid).toBe(pid);
    expect(bystander.connected).toBe(true);
    await bystander.endAsync();
    const metrics = await (await fetch(`http://127.0.0.1:${broker.httpPort}/metrics`)).text();
    const counted = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(metrics)?.[1]);
    expect(counted('entrepot_tls_handshakes_failed_total')).toBeGreaterThan(CONNECTIONS);
    await until(
      () => resident() < beforeBytes + KEPT_MAX_BYTES,
      () => `memory is given back: ${beforeBytes} before, ${resident()} now`,
      30_000,
    );
  });

  /** What a client says first. */
  async function clientHello(): Promise<Buffer> {
    return new Promise((resolve) => {
      const server = createServer((socket) => {
        socket.once('data', (bytes) => {
          resolve(bytes);
          socket.destroy();
          server.close();
        });
      });
      server.listen(0, '127.0.0.1', () => {
        const client = dialTls({ port: (server.address() as { port: number }).port, host: '127.0.0.1', ca });
        client.on('error', () => {});
      });
    });
  }
});
