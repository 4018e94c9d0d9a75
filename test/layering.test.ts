/**
 * The walls of the house, as a test. Every import and every word of `src/` and `protocols/` is looked at; each rule is
 * also shown a planted sample that breaks it, so that none can rot into one that never fails.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

/** From low to high: a file may import from its own layer and from lower ones. The longest prefix that fits counts. */
const LAYERS: readonly (readonly string[])[] = [
  ['src/message/', 'src/clock/', 'src/log/', 'src/metrics/', 'src/logger.ts', 'src/version.ts'],
  ['src/transport/output.ts', 'src/api/', 'src/deduplication/'],
  ['src/routing/', 'src/settlement/'],
  ['src/queue/'],
  ['src/vhost/', 'src/auth/', 'src/tracing/', 'src/cluster/'],
  ['src/broker/'],
  ['src/operator/'],
  ['src/transport/', 'src/management/', 'src/config/'],
  ['src/api/index.ts'],
  ['protocols/'],
  ['src/server/', 'src/index.ts', 'src/main.ts', 'src/command/'],
];

/** Beside the layers: who knows nothing of whom, though they lie side by side. */
const STRANGERS: readonly (readonly [string, string])[] = [
  // The log carries bytes; what they mean is for others to say. (Errors and checksums are no meaning.)
  ['src/log/', 'src/message/message.ts'],
  ['src/log/', 'src/message/properties.ts'],
  ['src/log/', 'src/message/dialect.ts'],
  ['src/message/', 'src/log/'],
  ['src/clock/', 'src/log/'],
  ['src/clock/', 'src/message/'],
  ['src/routing/', 'src/settlement/'],
  ['src/settlement/', 'src/routing/'],
  ['src/routing/', 'src/log/'],
  ['src/settlement/', 'src/log/'],
  // What is above the port knows no engine, and an engine knows nothing of what is above it.
  ['src/cluster/leader/', 'src/cluster/jetstream/'],
  ['src/cluster/follower/', 'src/cluster/jetstream/'],
  ['src/cluster/jetstream/', 'src/cluster/leader/'],
  ['src/cluster/jetstream/', 'src/cluster/follower/'],
  ['src/cluster/jetstream/', 'src/log/'],
  ['src/vhost/', 'src/cluster/'],
  ['src/management/v1/', 'src/management/rabbitmq/'],
  ['src/management/rabbitmq/', 'src/management/v1/'],
  ['src/management/http/', 'src/management/v1/'],
  ['src/management/http/', 'src/management/rabbitmq/'],
];

/** What reaches outside the process or asks the time, and the few files that are made for it. */
const GUARDED: readonly { what: string; pattern: RegExp; allowed: readonly string[] }[] = [
  { what: 'Date.now', pattern: /\bDate\.now\b|\bnew Date\(\s*\)/, allowed: ['src/clock/'] },
  { what: 'performance.now', pattern: /\bperformance\.now\b/, allowed: ['src/clock/', 'src/main.ts'] },
  {
    what: 'a timer',
    pattern: /\b(setTimeout|setInterval|setImmediate)\b|['"]node:timers/,
    // The log's file-system ports hand their completions to the event loop.
    allowed: ['src/clock/', 'src/log/files/'],
  },
  { what: 'Math.random', pattern: /\bMath\.random\b/, allowed: ['src/clock/'] },
  {
    what: 'node:fs',
    pattern: /['"](node:)?fs(\/promises)?['"]/,
    allowed: [
      'src/log/files/files.ts',
      'src/config/file.ts',
      'src/transport/descriptors.ts',
      'src/transport/tls/files.ts',
      'src/management/console.ts',
      'src/config/secret-file.ts',
      'src/command/doctor/directory.ts',
    ],
  },
  {
    what: 'node:net',
    // Types vanish; what counts is who opens sockets.
    pattern:
      /^\s*(?:import|export)\s+(?!type\b)[^;]*?['"](node:)?(net|tls|dgram)['"]|import\(['"](node:)?(net|tls)['"]\)/m,
    allowed: ['src/transport/', 'src/command/bench/link.ts'],
  },
  {
    what: 'node:http',
    pattern:
      /^\s*(?:import|export)\s+(?!type\b)[^;]*?\bfrom\s*['"](node:)?https?2?['"]|import\(['"](node:)?https?2?['"]\)/m,
    allowed: [
      'src/management/server.ts',
      'protocols/websocket/connection/upgrades.ts',
      'src/command/health.ts',
      'src/command/reach/client.ts',
      'src/auth/backends/http/request.ts',
      'src/tracing/exporter.ts',
    ],
  },
  { what: 'fetch', pattern: /(?<![.\w])fetch\(/, allowed: [] },
  { what: "the replication engine's client", pattern: /['"]@nats-io\//, allowed: ['src/cluster/jetstream/client.ts'] },
  { what: 'a thread', pattern: /['"](node:)?worker_threads['"]/, allowed: ['src/cluster/jetstream/'] },
];

/** Words that the core does not know, and where it may. */
const PROTOCOL_WORDS = /amqp|mqtt|stomp|redis(?![a-z])|web-?socket/i;
// RabbitMQ's dialect of HTTP shows protocols under the names that RabbitMQ gives them.
const MAY_NAME_PROTOCOLS = [
  'src/management/rabbitmq/',
  'src/main.ts',
  'src/index.ts',
  'src/server/',
  'src/command/',
  'src/config/',
];

interface Source {
  /** From the root, with slashes. */
  readonly path: string;
  readonly text: string;
}

function sources(tops: readonly string[]): Source[] {
  return tops.flatMap((top) =>
    readdirSync(join(ROOT, top), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => ({
        path: relative(ROOT, path).split(sep).join('/'),
        text: readFileSync(path, 'utf8'),
      })),
  );
}

/** Relative imports of a source, types included, as paths from the root. */
function importsOf(source: Source): string[] {
  const specifiers = source.text.matchAll(/\b(?:from|import)\s*\(?\s*['"](\.[^'"]*)['"]/g);
  return [...specifiers].map((match) => posix.normalize(posix.join(posix.dirname(source.path), match[1]!)));
}

function layerOf(path: string): number {
  let layer = -1;
  let longest = 0;
  LAYERS.forEach((prefixes, index) => {
    for (const prefix of prefixes) {
      if (!path.startsWith(prefix) || prefix.length <= longest) continue;
      layer = index;
      longest = prefix.length;
    }
  });
  return layer;
}

function layerFaults(source: Source): string[] {
  const own = layerOf(source.path);
  if (own < 0) return [`${source.path} belongs to no layer: give it one`];
  return importsOf(source)
    .filter((target) => layerOf(target) > own)
    .map((target) => `${source.path} imports ${target}, which is above it`);
}

function strangerFaults(source: Source): string[] {
  return importsOf(source).flatMap((target) =>
    STRANGERS.filter(([who, whom]) => source.path.startsWith(who) && target.startsWith(whom)).map(
      ([who, whom]) => `${source.path} imports ${target}: ${who} does not know ${whom}`,
    ),
  );
}

function adapterOf(path: string): string | undefined {
  return /^protocols\/([^/]+)\//.exec(path)?.[1];
}

function adapterFaults(source: Source): string[] {
  const own = adapterOf(source.path);
  if (own === undefined) return [];
  return importsOf(source)
    .filter((target) => adapterOf(target) !== undefined && adapterOf(target) !== own)
    .map((target) => `${source.path} imports another adapter's ${target}`);
}

/** The adapter contract is one module; nothing else of the broker is an adapter's business. */
function contractFaults(source: Source): string[] {
  if (!source.path.startsWith('protocols/')) return [];
  return importsOf(source)
    .filter((target) => target.startsWith('src/') && target !== 'src/api/index.ts')
    .map((target) => `${source.path} imports ${target}, which is not the contract (src/api/index.ts)`);
}

function wordFaults(source: Source): string[] {
  if (!source.path.startsWith('src/') || MAY_NAME_PROTOCOLS.some((prefix) => source.path.startsWith(prefix))) return [];
  const faults: string[] = [];
  source.text.split('\n').forEach((line, index) => {
    const word = PROTOCOL_WORDS.exec(line);
    if (word !== null) faults.push(`${source.path}:${index + 1} names ${word[0]}`);
  });
  return faults;
}

function guardedFaults(source: Source): string[] {
  const text = withoutComments(source.text);
  return GUARDED.filter(
    (rule) => rule.pattern.test(text) && !rule.allowed.some((prefix) => source.path.startsWith(prefix)),
  ).map((rule) => `${source.path} uses ${rule.what}`);
}

/** Comments may speak of what code may not do. Strings stay: they hold the names of modules. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

/** Groups of files that import each other, type imports included: each as its files, sorted. */
function circles(files: readonly Source[]): string[][] {
  const imports = new Map(files.map((file) => [file.path, importsOf(file)]));
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  // Tarjan's strongly connected components.
  const visit = (path: string): void => {
    index.set(path, index.size);
    low.set(path, index.get(path)!);
    stack.push(path);
    for (const target of imports.get(path)!) {
      if (!imports.has(target)) continue;
      if (!index.has(target)) {
        visit(target);
        low.set(path, Math.min(low.get(path)!, low.get(target)!));
      } else if (stack.includes(target)) low.set(path, Math.min(low.get(path)!, index.get(target)!));
    }
    if (low.get(path) !== index.get(path)) return;
    const group = stack.splice(stack.indexOf(path));
    if (group.length > 1 || imports.get(path)!.includes(path)) found.push(group.sort());
  };
  for (const path of imports.keys()) if (!index.has(path)) visit(path);
  return found;
}

const all = sources(['src', 'protocols']);

it('looks at the whole house', () => {
  expect(all.length).toBeGreaterThan(20);
  expect(all.some((s) => s.path === 'src/broker/broker.ts')).toBe(true);
  expect(all.some((s) => s.path === 'protocols/websocket/index.ts')).toBe(true);
});

const RULES: readonly {
  says: string;
  faults: (source: Source) => string[];
  breaks: readonly Source[];
  keeps: readonly Source[];
}[] = [
  {
    says: 'a lower layer imports no higher one',
    faults: layerFaults,
    breaks: [
      { path: 'src/queue/x.ts', text: "import { Vhost } from '../vhost/vhost.ts';" },
      { path: 'src/log/x.ts', text: "import type {\n  Queue,\n} from '../queue/queue.ts';" },
      { path: 'src/broker/broker.ts', text: "export { TcpTransport } from '../transport/tcp.ts';" },
      { path: 'src/transport/tcp.ts', text: "const x = await import('../../protocols/x/index.ts');" },
      { path: 'protocols/x/index.ts', text: "import { createBroker } from '../../src/index.ts';" },
      { path: 'src/nowhere/x.ts', text: '' },
    ],
    keeps: [
      { path: 'src/vhost/x.ts', text: "import { Queue } from '../queue/queue.ts';" },
      { path: 'src/api/protocol.ts', text: "import type { Output } from '../transport/output.ts';" },
      { path: 'src/index.ts', text: "import { x } from '../protocols/x/index.ts';" },
    ],
  },
  {
    says: 'neighbours that are strangers stay so',
    faults: strangerFaults,
    breaks: [
      { path: 'src/log/x.ts', text: "import { Draft } from '../message/message.ts';" },
      { path: 'src/settlement/x.ts', text: "import { Log } from '../log/log.ts';" },
      { path: 'src/management/v1/x.ts', text: "import { NODE } from '../rabbitmq/node-name.ts';" },
      { path: 'src/cluster/leader/x.ts', text: "import { JetStreamLog } from '../jetstream/shared-log.ts';" },
      { path: 'src/vhost/x.ts', text: "import type { Engine } from '../cluster/engine.ts';" },
    ],
    keeps: [
      { path: 'src/log/x.ts', text: "import { BrokerError } from '../message/errors.ts';" },
      { path: 'src/management/v1/x.ts', text: "import { Router } from '../http/router.ts';" },
    ],
  },
  {
    says: 'no adapter imports another',
    faults: adapterFaults,
    breaks: [
      { path: 'protocols/x/index.ts', text: "import { y } from '../y/index.ts';" },
      { path: 'protocols/x/codec/frame.ts', text: "import type { Y } from '../../y/codec/frame.ts';" },
    ],
    keeps: [
      { path: 'protocols/x/codec/frame.ts', text: "import { y } from '../index.ts';" },
      { path: 'protocols/x/index.ts', text: "import type { Protocol } from '../../src/api/index.ts';" },
    ],
  },
  {
    says: 'an adapter imports nothing of the broker but its contract',
    faults: contractFaults,
    breaks: [
      { path: 'protocols/x/index.ts', text: "import type { Queue } from '../../src/queue/queue.ts';" },
      { path: 'protocols/x/codec/frame.ts', text: "import { copyBytes } from '../../../src/message/bytes.ts';" },
      { path: 'protocols/x/index.ts', text: "import type { Session } from '../../src/api/session.ts';" },
    ],
    keeps: [
      { path: 'protocols/x/index.ts', text: "import type { Session } from '../../src/api/index.ts';" },
      { path: 'src/index.ts', text: "import { Queue } from './queue/queue.ts';" },
    ],
  },
  {
    says: 'the core names no protocol',
    faults: wordFaults,
    breaks: [
      { path: 'src/queue/x.ts', text: '// as AMQP has it' },
      { path: 'src/vhost/x.ts', text: "if (name === 'mqtt') return;" },
      { path: 'src/transport/x.ts', text: 'class WebSocketThing {}' },
      { path: 'src/vhost/x.ts', text: '// a list of Redis' },
    ],
    keeps: [
      { path: 'src/queue/x.ts', text: "const topic = 'amq.topic';" },
      { path: 'src/vhost/x.ts', text: '// redistributed' },
      { path: 'src/config/x.ts', text: 'const usual = { mqtt: 1883 };' },
      { path: 'protocols/mqtt/x.ts', text: '// MQTT' },
    ],
  },
  {
    says: 'time, timers, chance, files and sockets are used only where they are made for it',
    faults: guardedFaults,
    breaks: [
      { path: 'src/queue/x.ts', text: 'const now = Date.now();' },
      { path: 'src/queue/x.ts', text: 'const now = new Date();' },
      { path: 'protocols/x/x.ts', text: 'const now = performance.now();' },
      { path: 'protocols/x/x.ts', text: 'setTimeout(f, 10);' },
      { path: 'src/vhost/x.ts', text: 'queueMicrotask(() => setImmediate(f));' },
      { path: 'src/vhost/x.ts', text: 'Math.random()' },
      { path: 'src/cluster/leader/x.ts', text: "const x = await import('@nats-io/kv');" },
      { path: 'src/log/x.ts', text: "import { Worker } from 'node:worker_threads';" },
      { path: 'src/vhost/x.ts', text: "import { readFileSync } from 'node:fs';" },
      { path: 'src/vhost/x.ts', text: "import fs from 'fs/promises';" },
      { path: 'protocols/x/x.ts', text: "import { connect } from 'node:net';" },
      { path: 'protocols/x/x.ts', text: "import {\n  connect,\n} from 'node:tls';" },
      { path: 'src/vhost/x.ts', text: "import { createServer, type Server } from 'node:http';" },
      { path: 'protocols/x/x.ts', text: "const { request } = await import('https');" },
      { path: 'src/management/x.ts', text: 'await fetch(url);' },
    ],
    keeps: [
      { path: 'src/clock/x.ts', text: 'Date.now(); setInterval(f, 20);' },
      { path: 'src/queue/x.ts', text: '// Date.now is for the clock alone\nconst date = new Date(epochMs);' },
      { path: 'src/transport/x.ts', text: "import { createServer } from 'node:net';" },
      { path: 'protocols/x/x.ts', text: "import type { Socket } from 'node:net';" },
      { path: 'src/server/x.ts', text: "import type { Server } from 'node:http';" },
      { path: 'src/vhost/x.ts', text: 'store.fetch(seq);' },
    ],
  },
];

describe.each(RULES)('$says', ({ faults, breaks, keeps }) => {
  it('in all of it', () => {
    expect(all.flatMap(faults)).toEqual([]);
  });

  it('and the rule can fail', () => {
    for (const sample of breaks) expect(faults(sample), `${sample.path}: ${sample.text}`).not.toEqual([]);
    for (const sample of keeps) expect(faults(sample), `${sample.path}: ${sample.text}`).toEqual([]);
  });
});

describe('no two files import each other, not even through others', () => {
  it('in all of it', () => {
    expect(circles(sources(['src', 'protocols', 'bench', 'conformance', 'scripts']))).toEqual([]);
  });

  it('and the rule can fail', () => {
    const a = { path: 'src/x/a.ts', text: "import type { B } from './b.ts';" };
    const b = { path: 'src/x/b.ts', text: "export { C } from '../y/c.ts';" };
    const c = { path: 'src/y/c.ts', text: "const a = await import('../x/a.ts');" };
    const outside = { path: 'src/y/d.ts', text: "import { A } from '../x/a.ts';" };
    expect(circles([outside, a, b, c])).toEqual([['src/x/a.ts', 'src/x/b.ts', 'src/y/c.ts']]);
    expect(circles([outside, a, b, { ...c, text: '' }])).toEqual([]);
  });
});
