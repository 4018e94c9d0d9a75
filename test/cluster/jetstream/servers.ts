/**
 * Three nats-servers on loopback with a store each, started for a test and ended with it, and a relay before each of them that can swallow
 * what comes back. `missing` says in words why there are none.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SERVERS = 3;

function serverPath(): string | undefined {
  try {
    return execFileSync('sh', ['-c', 'command -v nats-server'], { encoding: 'utf8' }).trim();
  } catch {
    return ['/usr/sbin/nats-server', '/usr/local/bin/nats-server'].find((path) => existsSync(path));
  }
}

/** Why the tests on real servers cannot run here; undefined: they can. */
export function missing(): string | undefined {
  if (serverPath() === undefined) return 'nats-server is not installed';
  try {
    createRequire(import.meta.url).resolve('@nats-io/transport-node');
    return undefined;
  } catch {
    return '@nats-io/transport-node is not installed';
  }
}

async function freePorts(count: number): Promise<number[]> {
  const held = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise<Server>((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
    }),
  );
  const ports = held.map((server) => (server.address() as { port: number }).port);
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Passes bytes on to a server; what comes back can be swallowed. */
export class Relay {
  swallowing = false;
  readonly port: number;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  static start(to: number): Promise<Relay> {
    return new Promise((resolve) => {
      const server = createServer();
      server.listen(0, '127.0.0.1', () => resolve(new Relay(server, to)));
    });
  }

  private constructor(server: Server, to: number) {
    this.server = server;
    this.port = (server.address() as { port: number }).port;
    server.on('connection', (client) => {
      const upstream = dial(to, '127.0.0.1');
      for (const socket of [client, upstream]) {
        this.sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => {
          this.sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
      }
      client.on('data', (chunk) => upstream.write(chunk));
      upstream.on('data', (chunk) => {
        if (!this.swallowing) client.write(chunk);
      });
    });
  }

  /** What was swallowed is missing in the middle of a conversation: those do not go on. */
  heal(): void {
    this.swallowing = false;
    this.cut();
  }

  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  close(): void {
    this.cut();
    this.server.close();
  }
}

export class NatsServers {
  readonly directory = mkdtempSync(join(tmpdir(), 'entrepot-nats-'));
  readonly ports: readonly number[];
  readonly processes: ChildProcess[] = [];

  static async start(): Promise<NatsServers> {
    const [...ports] = await freePorts(2 * SERVERS);
    return new NatsServers(ports.slice(0, SERVERS), ports.slice(SERVERS));
  }

  private constructor(ports: readonly number[], routes: readonly number[]) {
    this.ports = ports;
    for (let i = 0; i < SERVERS; i++) {
      const file = join(this.directory, `${i}.conf`);
      writeFileSync(
        file,
        `listen: 127.0.0.1:${ports[i]}
server_name: n${i}
jetstream { store_dir: "${join(this.directory, `${i}`)}" }
cluster { name: test, listen: 127.0.0.1:${routes[i]}, routes: [${routes.map((port) => `"nats://127.0.0.1:${port}"`).join(', ')}] }
`,
      );
      this.processes.push(spawn(serverPath()!, ['-c', file], { stdio: 'ignore' }));
    }
  }

  get urls(): string[] {
    return this.ports.map((port) => `nats://127.0.0.1:${port}`);
  }

  async close(): Promise<void> {
    await Promise.all(
      this.processes.map((process) => {
        if (process.exitCode !== null || process.signalCode !== null) return undefined;
        const ended = new Promise((resolve) => process.once('exit', resolve));
        process.kill('SIGKILL');
        return ended;
      }),
    );
    rmSync(this.directory, { recursive: true, force: true });
  }
}
