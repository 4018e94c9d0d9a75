/**
 * Carries the Dockerfile out without a container engine: every step of every stage, in order, in a clean folder.
 *
 *     node scripts/dockerfile.ts            says each step; exits with 1 at the first promise that does not hold
 *     node scripts/dockerfile.ts --keep     leaves the folder behind
 *
 * What is real: the build context (what git has, less what .dockerignore leaves out), COPY, RUN, ENV and WORKDIR; the last
 * stage's command as process 1 of a process namespace of its own and as its USER, where this machine lets us; HEALTHCHECK's
 * own command; a root file system that is read-only; SIGTERM; a second start on the same volume. What is not: the base image. Its place takes this machine with
 * the pinned Node, and the folders that the Dockerfile names (WORKDIR, VOLUME) are folders in the temporary one.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import amqplib from 'amqplib';
import { kept, lastOf, parseDockerfile, type Stage, variables } from './dockerfile/parse.ts';

const SOURCE = dirname(dirname(fileURLToPath(import.meta.url)));
const READY_WITHIN_MS = 60_000;
/** Makes everything read-only but the volume `$1`, as `docker run --read-only` does, then becomes the rest of its words. */
const READ_ONLY =
  'set -e; mount --make-rprivate /; mount --bind "$1" "$1"; mount -o remount,ro,bind /; shift; exec "$@"';
/** How long engines wait after SIGTERM before they kill. */
const STOP_WITHIN_MS = 10_000;

const home = mkdtempSync(join(tmpdir(), 'entrepot-image-'));
chmodSync(home, 0o755); // the image's user must get through
const isRoot = process.getuid?.() === 0;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

interface Built {
  readonly root: string;
  readonly environment: Record<string, string>;
  workdir: string;
  user: string | undefined;
  readonly volumes: string[];
}

const stages = parseDockerfile(readFileSync(join(SOURCE, 'Dockerfile'), 'utf8'));
/** The folders that exist only in the image; their paths are rewritten wherever they are named. */
const folders = [
  ...new Set(
    stages.flatMap((stage) =>
      stage.steps.flatMap((step) => (step.name === 'WORKDIR' || step.name === 'VOLUME' ? step.words : [])),
    ),
  ),
];

const built = new Map<string, Built>();
let process1: ChildProcess | undefined;
try {
  const context = contextOf();
  let last: Built | undefined;
  for (const [index, stage] of stages.entries()) {
    last = build(stage, stage.name ?? String(index), context);
  }
  await tryOut(stages.at(-1)!, last!);
  say('The Dockerfile keeps its promises.');
} finally {
  process1?.kill('SIGKILL');
  if (process.argv.includes('--keep')) say(`Left behind: ${home}`);
  else rmSync(home, { recursive: true, force: true });
}

/** What `docker build .` would send. */
function contextOf(): string {
  const listed = execFileSync('git', ['ls-files', '-z'], { cwd: SOURCE, encoding: 'utf8' }).split('\0').filter(Boolean);
  const paths = kept(listed, readFileSync(join(SOURCE, '.dockerignore'), 'utf8'));
  const context = join(home, 'context');
  for (const path of paths) {
    mkdirSync(join(context, dirname(path)), { recursive: true });
    cpSync(join(SOURCE, path), join(context, path));
  }
  say(`context: ${paths.length} of ${listed.length} files`);
  return context;
}

function build(stage: Stage, name: string, context: string): Built {
  say(`stage ${name}, in place of ${stage.image}`);
  const result: Built = { root: join(home, name), environment: {}, workdir: '/', user: undefined, volumes: [] };
  mkdirSync(result.root, { recursive: true });
  built.set(name, result);
  for (const step of stage.steps) {
    say(`  ${step.line}: ${step.name} ${step.text.slice(0, 90)}`);
    switch (step.name) {
      case 'WORKDIR':
        result.workdir = step.words[0]!;
        mkdirSync(inside(result, result.workdir), { recursive: true });
        break;
      case 'COPY':
        copy(result, step.words, step.flags.get('from'), context);
        break;
      case 'RUN':
        carryOut(result, ['sh', '-c', rewritten(result, step.text)]);
        break;
      case 'ENV':
        for (const [key, value] of variables(step)) result.environment[key] = value;
        break;
      case 'USER':
        result.user = step.text;
        break;
      case 'VOLUME':
        result.volumes.push(...step.words);
        break;
      default: // said of the image, not done in it
    }
  }
  return result;
}

function inside({ root, workdir }: Built, path: string): string {
  return join(root, resolve(workdir, path));
}

function copy(into: Built, words: readonly string[], from: string | undefined, context: string): void {
  const target = words.at(-1)!;
  for (const word of words.slice(0, -1)) {
    const origin = from === undefined ? join(context, word) : inside(built.get(from)!, word);
    const to = target.endsWith('/') ? join(inside(into, target), basename(word)) : inside(into, target);
    if (!existsSync(origin))
      throw new Error(`COPY: ${word} is not there${from === undefined ? ', or .dockerignore leaves it out' : ''}`);
    mkdirSync(dirname(to), { recursive: true });
    cpSync(origin, to, { recursive: true, verbatimSymlinks: true });
  }
}

/** The image's folders become ours, and its user us, where we may not be somebody else. */
function rewritten(image: Built, text: string): string {
  let result = text;
  for (const folder of folders) {
    result = result.replaceAll(new RegExp(`(?<=^|[\\s="':])${folder}(?=$|[\\s/"';])`, 'g'), join(image.root, folder));
  }
  return isRoot
    ? result
    : result.replace(/-([og]) 1000\b/g, (_, who) => `-${who} ${who === 'o' ? process.getuid!() : process.getgid!()}`);
}

function environmentOf(image: Built): Record<string, string> {
  const own = Object.entries(image.environment).map(([key, value]) => [key, rewritten(image, value)]);
  // The Node that runs this is the pinned one, and stands for the image's.
  return { PATH: `${dirname(process.execPath)}:${process.env['PATH']}`, HOME: home, ...Object.fromEntries(own) };
}

function carryOut(image: Built, [command, ...args]: readonly string[]): void {
  const registry = Object.fromEntries(Object.entries(process.env).filter(([key]) => /^npm_config_|_proxy$/i.test(key)));
  const done = spawnSync(command!, args, {
    cwd: inside(image, '.'),
    env: { ...registry, ...environmentOf(image), HOME: process.env['HOME'] ?? home },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (done.status !== 0) throw new Error(`RUN ended with ${done.status ?? done.signal}`);
}

/** Starts it, waits until it is healthy, keeps a message in it, stops it, and finds the message again. */
async function tryOut(stage: Stage, image: Built): Promise<void> {
  const ports = await freePorts(6);
  const health = lastOf(stage, 'HEALTHCHECK');
  if (health === undefined) throw new Error('there is no HEALTHCHECK');
  const data = inside(image, image.volumes[0]!);
  const owner = statSync(data).uid;
  // A volume is not in the image: a fresh one has the owner that the image's folder has.
  rmSync(data, { recursive: true });
  mkdirSync(data);
  if (isRoot) chownSync(data, owner, owner);
  const names = image.environment['ENTREPOT_LISTEN']!.split(' ').map((address) => address.split('://')[0]!);
  const listen = names.map((name, i) => `${name}://127.0.0.1:${ports[i]}`).join(' ');
  const environment = { ...environmentOf(image), ENTREPOT_LISTEN: listen };
  const command = [...lastOf(stage, 'ENTRYPOINT')!.words, ...lastOf(stage, 'CMD')!.words].map((word) =>
    rewritten(image, word),
  );
  const check = health.words.map((word) => rewritten(image, word));
  const url = `amqp://127.0.0.1:${ports[0]}`;

  const before = await start(image, command, environment);
  await healthy(image, check, environment);
  say('  healthy, by its own HEALTHCHECK');
  const connection = await amqplib.connect(url);
  const told = once(connection, 'close');
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue('kept', { durable: true });
  channel.sendToQueue('kept', Buffer.from('still here'), { persistent: true });
  await channel.waitForConfirms();
  await stop(before);
  await told;
  if (!readdirSync(data).includes('vhosts')) throw new Error('the log is not in the volume');
  if (isRoot && statSync(join(data, 'vhosts')).uid === 0) throw new Error('the broker ran as root');

  const after = await start(image, command, environment);
  await healthy(image, check, environment);
  const again = await amqplib.connect(url);
  const message = await (await again.createChannel()).get('kept', { noAck: true });
  if (message === false || message.content.toString() !== 'still here')
    throw new Error('what was confirmed is not there');
  await again.close();
  await stop(after);
  say('  what was confirmed is there after a stop and a start');
}

interface Running {
  readonly child: ChildProcess;
  /** The broker's own. */
  readonly pid: number;
}

async function start(image: Built, command: readonly string[], env: Record<string, string>): Promise<Running> {
  const [uid = '', gid = uid] = (image.user ?? '').split(':');
  if (uid === '' || uid === '0' || uid === 'root') throw new Error('the image runs as root');
  const apart = isRoot && spawnSync('unshare', ['--pid', '--mount', '--fork', 'true']).status === 0;
  const asUser = isRoot ? ['setpriv', '--reuid', uid, '--regid', gid, '--clear-groups', '--'] : [];
  const data = inside(image, image.volumes[0]!);
  const namespaces = ['unshare', '--pid', '--mount', '--fork', '--kill-child', '--', 'sh', '-c', READ_ONLY, 'sh', data];
  const all = [...(apart ? namespaces : []), ...asUser, ...command];
  const child = spawn(all[0]!, all.slice(1), { cwd: inside(image, '.'), env, stdio: ['ignore', 'pipe', 'inherit'] });
  process1 = child;
  let out = '';
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout!.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (/^Ready in /m.test(out)) resolve();
    });
    child.once('exit', (code) => reject(new Error(`it ended with ${code} before it was ready:\n${out}`)));
    setTimeout(() => reject(new Error(`not ready after ${READY_WITHIN_MS} ms:\n${out}`)), READY_WITHIN_MS).unref();
  });
  await ready;
  const below = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  const pid = apart ? Number(below) : child.pid!;
  say(
    `  runs as ${isRoot ? `user ${uid}` : 'this user'}, ${apart ? 'as process 1 on a read-only root' : 'not as process 1, nor on a read-only root: that needs root here'}`,
  );
  return { child, pid };
}

async function healthy(
  image: Built,
  [command, ...args]: readonly string[],
  env: Record<string, string>,
): Promise<void> {
  const done = spawnSync(command!, args, { cwd: inside(image, '.'), env, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`HEALTHCHECK ended with ${done.status}: ${done.stderr}`);
}

async function stop({ child, pid }: Running): Promise<void> {
  const ended = once(child, 'exit');
  const begun = performance.now();
  process.kill(pid, 'SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
  const [code] = (await ended) as [number | null];
  clearTimeout(timer);
  if (code !== 0) throw new Error(`SIGTERM: it ended with ${code}`);
  say(`  stopped in order ${Math.round(performance.now() - begun)} ms after SIGTERM`);
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}
