/**
 * `node bench/handshakes.ts [--connections N] [--only TEXT]`: what an ordinary client notices, and what it costs in memory, while two
 * thousand others come, begin their handshake and never finish it: port by port, once with attackers that take processors like everybody
 * else and once with attackers that take only what is left (`nice -n 19`). A third of them say nothing, a third a part of what is said
 * first, a third all of it; so some of them wait for an answer to their login.
 *
 *     alone  beside   ratio │  alone  beside   ratio (yielding) │  MiB before, most, a while after they have left │ port
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, connect as dial, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as dialTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startEntrepot } from '../conformance/peers/index.ts';
import { freePorts } from '../conformance/support/processes.ts';
import { Bystander } from '../test/budget/bystander.ts';
import { Authority } from '../test/support/certificates.ts';

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '2000' },
    only: { type: 'string', default: '' },
    attack: { type: 'string' },
    first: { type: 'string', default: '' },
  },
});
const COUNT = Number(values.connections);
const MEASURED_MS = 4_000;

if (values.attack === undefined) await measure();
else await attack(Number(values.attack), Buffer.from(values.first, 'base64'));

/** The attackers' process: opens them as fast as they are let in, holds them, and says how many are there. */
async function attack(port: number, first: Buffer): Promise<void> {
  process.stdout.write('prepared\n');
  await once(process.stdin, 'data');
  for (let i = 0; i < COUNT; i += 100) {
    await Promise.all(
      Array.from({ length: 100 }, async (_, n) => {
        const socket = dial(port, '127.0.0.1');
        socket.on('error', () => {});
        socket.on('data', () => {});
        await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {});
        const said = [0, first.length >> 1, first.length][n % 3]!;
        if (said > 0) socket.write(first.subarray(0, said));
      }),
    );
  }
  process.stdout.write('sent\n');
  await once(process.stdin, 'end');
}

async function measure(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'entrepot-handshakes-'));
  const authority = new Authority(directory, 'authority');
  const { certificate, key } = authority.issue('localhost', { dns: ['localhost'] });
  const hello = await clientHello(readFileSync(authority.certificate));
  const upgrade = 'GET /mqtt HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
  const firsts: Record<string, Buffer> = {
    amqp: Buffer.from('414d515000000901', 'hex'),
    mqtt: Buffer.from('100d00044d5154540402000a000161', 'hex').subarray(0, 14),
    stomp: Buffer.from('CONNECT\naccept-version:1.2\nhost:/\n'),
    redis: Buffer.from('*3\r\n$5\r\nHELLO\r\n$1\r\n3\r\n'),
    ws: Buffer.from(upgrade),
    http: Buffer.from('GET /healthz HTTP/1.1\r\nHost: x\r\n'),
    ...{ amqps: hello, mqtts: hello, stomps: hello, rediss: hello, wss: hello, https: hello },
  };
  console.log(' alone  beside   ratio │  alone  beside   ratio (yielding) │  MiB before, most, after │ port');
  for (const [name, first] of Object.entries(firsts)) {
    if (!name.includes(values.only)) continue;
    const columns: string[] = [];
    let memory = '';
    for (const yielding of [false, true]) {
      const [securePort] = await freePorts(1);
      const broker = await startEntrepot({
        ...(name.endsWith('s') && { listen: [`${name}://127.0.0.1:${securePort}`] }),
        environment: { ENTREPOT_TLS_CERTIFICATE: certificate, ENTREPOT_TLS_KEY: key },
      });
      const ports: Record<string, number> = {
        amqp: broker.amqpPort,
        mqtt: broker.mqttPort,
        stomp: broker.stompPort,
        redis: broker.redisPort,
        ws: broker.wsPort,
        http: broker.httpPort,
      };
      const command = [process.execPath, fileURLToPath(import.meta.url)];
      command.push('--attack', String(ports[name] ?? securePort), '--first', first.toString('base64'));
      command.push('--connections', String(COUNT));
      if (yielding) command.unshift('nice', '-n', '19');
      const attackers: ChildProcess = spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
      await once(attackers.stdout!, 'data');
      const bystander = await Bystander.open(broker.amqpPort);
      await bystander.work(500, 2_000);
      const alone = await bystander.work(2_000, 2_000);
      const before = memoryOf(broker.pid, 'VmRSS');
      attackers.stdin!.write('begin\n');
      const beside = await bystander.work(MEASURED_MS, 10_000);
      const most = memoryOf(broker.pid, 'VmHWM');
      attackers.kill('SIGKILL');
      await bystander.work(2_000, 10_000);
      memory = `${before} ${most} ${memoryOf(broker.pid, 'VmRSS')}`;
      bystander.close();
      await broker.stop();
      const ratio = beside.p99Ms / alone.p99Ms;
      columns.push(
        `${alone.p99Ms.toFixed(1).padStart(6)} ${beside.p99Ms.toFixed(1).padStart(7)} ${ratio.toFixed(1).padStart(7)}`,
      );
    }
    console.log(`${columns.join(' │ ')}            │ ${memory.padStart(14)} │ ${name}`);
  }
  rmSync(directory, { recursive: true });
}

/** In MiB. */
function memoryOf(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const [, kilobytes] = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(
    readFileSync(`/proc/${pid}/status`, 'latin1'),
  )!;
  return Math.round(Number(kilobytes) / 1024);
}

/** What a client says first over TLS. */
async function clientHello(ca: Buffer): Promise<Buffer> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = dialTls({ port, host: '127.0.0.1', ca });
  client.on('error', () => {});
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  server.close();
  return bytes;
}
