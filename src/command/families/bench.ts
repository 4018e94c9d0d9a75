/** `entrepot bench`: how much goes through a broker, and how long it takes, as its clients see it. */
import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { Option } from 'commander';
import { SystemClock } from '../../clock/clock.ts';
import { PASSWORD_VARIABLE } from '../../config/load.ts';
import { parseSize } from '../../config/units.ts';
import type { Latencies } from '../bench/latencies.ts';
import type { LinkTarget } from '../bench/link.ts';
import { BENCH_PROTOCOLS, type BenchProtocol } from '../bench/protocols.ts';
import { Bench, BODY_BYTES_MIN, LinkError, type Load, type Outcome } from '../bench/run.ts';
import { CommandError, EXIT, EXIT_CODES } from '../exit.ts';
import { Progress } from '../print/progress.ts';
import { facts } from '../print/table.ts';
import { bytes, count } from '../print/units.ts';
import { addAccessOptions, reachBroker, secretIn } from '../reach/access.ts';
import { type CommonFlags, type Context, printing, reported, withUsageCode } from './context.ts';

const SIZE_MAX = 16 * 1024 * 1024;
const CONNECTIONS_MAX = 1_000;
const WINDOW_MAX = 10_000;
const PORTS: Readonly<Record<string, number>> = {
  amqp: 5672,
  mqtt: 1883,
  stomp: 61613,
  amqps: 5671,
  mqtts: 8883,
  stomps: 61614,
};

type BenchFlags = CommonFlags & {
  readonly protocol: BenchProtocol;
  readonly address?: string;
  readonly vhost: string;
  readonly size: string;
  readonly count: string;
  readonly rate?: string;
  readonly producers: string;
  readonly consumers: string;
  readonly confirms: boolean;
  readonly window: string;
  readonly transient?: boolean;
};

export function addBench(program: Command): void {
  const command = withUsageCode(
    program.command('bench').description('put a load on a broker, and say how fast it went and how long messages took'),
  );
  addAccessOptions(command)
    .addOption(new Option('--protocol <name>', 'as whose client').choices([...BENCH_PROTOCOLS]).default('amqp'))
    .option(
      '--address <url>',
      'amqp://HOST:PORT, mqtts://HOST:PORT …: any broker (default: where the one of --data listens)',
    )
    .option('--vhost <name>', 'where', '/')
    .option('--count <n>', 'messages in all', '100000')
    .option('--size <size>', 'of a body', '1KiB')
    .option('--rate <n>', 'messages a second, in all (default: as fast as it goes)')
    .option('--producers <n>', 'connections that publish', '1')
    .option('--consumers <n>', 'connections that consume; 0 for none', '1')
    .option('--window <n>', 'messages of a producer that may wait for their confirms', '1000')
    .option('--no-confirms', 'neither confirms nor acknowledgements: QoS 0, no-ack, no receipts')
    .option('--transient', 'they need not outlive the broker')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Consumers share a queue of AMQP or STOMP; in MQTT each subscriber gets every message. What it makes it takes away again. All of it is one
process: where that is busy (see Generator), it may be what is slow, and a second one beside it tells.

Examples:
  entrepot bench
  entrepot bench --protocol mqtt --rate 5000 --consumers 3 --size 64
  entrepot bench --address amqp://127.0.0.1:5672 --user guest      # another broker, as well
${EXIT_CODES}`,
    )
    .action((flags: BenchFlags) => reported(() => bench(printing(flags.json === true), flags)));
}

async function bench(printer: Omit<Context, 'client'>, flags: BenchFlags): Promise<void> {
  const load = await loadOf(flags);
  const clock = new SystemClock();
  const release = clock.hold();
  const total = load.consumers === 0 ? load.count : load.protocol === 'mqtt' ? load.count * load.consumers : load.count;
  const progress = new Progress({ what: 'done', total, unit: 'items', clock, terminal: process.stderr });
  const running = new Bench(load, clock, (done, more) => progress.at(done, more));
  const stop = (): void => running.stop();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  let outcome: Outcome;
  try {
    outcome = await running.run();
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    const { host, port } = load.target;
    throw new CommandError(
      error.unreachable ? EXIT.unreachable : EXIT.failed,
      `${load.protocol}://${host}:${port}: ${error.message}`,
    );
  } finally {
    progress.end();
    process.removeListener('SIGINT', stop);
    process.removeListener('SIGTERM', stop);
    release();
    clock.stop();
  }
  tell(printer, load, outcome);
}

function tell({ json, out, note, width }: Omit<Context, 'client'>, load: Load, outcome: Outcome): void {
  const { published, publishMs, received, expected, receiveMs, endToEnd, confirms, busy, stopped, sent } = outcome;
  const perSecond = (n: number, ms: number): number => (n * 1_000) / Math.max(1, ms);
  const rates = { published: perSecond(published, publishMs), received: perSecond(received, receiveMs) };
  const { protocol, producers, consumers, bodyBytes, window, persistent, rate } = load;
  if (json) {
    out(
      JSON.stringify({
        ...{ protocol, producers, consumers, bodyBytes, window, persistent, rate },
        ...{
          sent,
          published,
          publishedPerSecond: rates.published,
          received,
          expected,
          receivedPerSecond: rates.received,
        },
        endToEndMs: percentilesOf(endToEnd),
        confirmMs: percentilesOf(confirms),
        generatorBusy: busy,
        stopped,
      }),
    );
  } else {
    const many = (n: number, one: string): string => `${count(n)} ${one}${n === 1 ? '' : 's'}`;
    const kind = `${persistent ? 'persistent' : 'transient'}, ${window > 0 ? `confirmed, ${count(window)} open at most` : 'not confirmed'}`;
    const lines: (readonly [string, string | undefined])[] = [
      ['Load', `${protocol}, ${many(producers, 'producer')}, ${many(consumers, 'consumer')}`],
      ['Messages', `${bytes(bodyBytes)}, ${kind}`],
      [window > 0 ? 'Confirmed' : 'Sent', paced(published, rates.published, bodyBytes, publishMs)],
      ['Received', consumers === 0 ? undefined : paced(received, rates.received, bodyBytes, receiveMs)],
      ['End to end', consumers === 0 ? undefined : timesOf(endToEnd)],
      ['Confirms', window > 0 ? timesOf(confirms) : undefined],
      ['Generator', `${Math.round(busy * 100)} % of a processor${busy > 0.9 ? ': it may be what is slow here' : ''}`],
    ];
    for (const line of facts(lines, width)) out(line);
  }
  if (stopped) throw new CommandError(EXIT.failed, 'stopped before the end');
  if (received < expected) {
    const missing = `${count(expected - received)} messages of ${count(expected)} did not come`;
    if (window > 0) throw new CommandError(EXIT.failed, missing);
    note(`${missing}: nobody promised that they would`);
  }
  if (published < load.count)
    throw new CommandError(EXIT.failed, `${count(load.count - published)} were not confirmed`);
}

function paced(n: number, perSecond: number, bodyBytes: number, ms: number): string {
  return `${count(n)} in ${(ms / 1_000).toFixed(2)} s: ${count(perSecond)}/s, ${bytes(perSecond * bodyBytes)}/s`;
}

const PERCENTILES = { p50: 0.5, p95: 0.95, p99: 0.99, p999: 0.999 } as const;

function percentilesOf(latencies: Latencies): Record<string, number | null> {
  const all = Object.entries(PERCENTILES).map(([name, part]) => [name, latencies.percentile(part) ?? null] as const);
  return { ...Object.fromEntries(all), max: latencies.count === 0 ? null : latencies.maxMs };
}

function timesOf(latencies: Latencies): string {
  const shown = (ms: number | undefined): string =>
    ms === undefined ? '-' : `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`;
  const parts = Object.entries(PERCENTILES).map(([name, part]) => `${name} ${shown(latencies.percentile(part))}`);
  return [...parts, `max ${shown(latencies.count === 0 ? undefined : latencies.maxMs)}`].join(', ');
}

async function loadOf(flags: BenchFlags): Promise<Load> {
  const bodyBytes = /^\d{1,9}$/.test(flags.size) ? Number(flags.size) : parseSize(flags.size);
  if (typeof bodyBytes !== 'number' || bodyBytes < BODY_BYTES_MIN || bodyBytes > SIZE_MAX) {
    throw new CommandError(EXIT.usage, `--size '${flags.size}' is not a size from ${BODY_BYTES_MIN} B to 16 MiB`);
  }
  const load = {
    bodyBytes,
    count: wholeOf('--count', flags.count, 1, 1_000_000_000),
    rate: flags.rate === undefined ? 0 : wholeOf('--rate', flags.rate, 1, 10_000_000),
    producers: wholeOf('--producers', flags.producers, 1, CONNECTIONS_MAX),
    consumers: wholeOf('--consumers', flags.consumers, 0, CONNECTIONS_MAX),
    window: flags.confirms ? wholeOf('--window', flags.window, 1, WINDOW_MAX) : 0,
    persistent: flags.transient !== true,
    vhost: flags.vhost,
    name: `entrepot-bench-${randomBytes(6).toString('hex')}`,
    ...loginOf(flags),
  };
  return { ...load, ...(await placeOf(flags)) };
}

function wholeOf(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,12}$/.test(text) ? Number(text) : -1;
  if (value >= least && value <= most) return value;
  throw new CommandError(EXIT.usage, `${option} '${text}' is not a number from ${least} to ${count(most)}`);
}

/** `guest`, who may come from this machine while there are no users, unless somebody is named. */
function loginOf({ user, passwordFile }: BenchFlags): { readonly user: string; readonly password: string } {
  if (user === undefined) return { user: 'guest', password: 'guest' };
  if (passwordFile !== undefined) return { user, password: secretIn(passwordFile, '--password-file') };
  const password = process.env[PASSWORD_VARIABLE];
  if (password === undefined || password === '') {
    throw new CommandError(EXIT.usage, `the password of ${user} is missing: --password-file, or ${PASSWORD_VARIABLE}`);
  }
  return { user, password };
}

async function placeOf(flags: BenchFlags): Promise<{ readonly protocol: BenchProtocol; readonly target: LinkTarget }> {
  const { address, ca, protocol } = flags;
  const authority = ca === undefined ? undefined : Buffer.from(secretIn(ca, '--ca'));
  if (address === undefined) return { protocol, target: { ...(await listenerOf(flags)), authority } };
  const url = URL.parse(address);
  const [, scheme = '', secure = ''] = /^(amqp|mqtt|stomp)(s?):$/.exec(url?.protocol ?? '') ?? [];
  if (url === null || scheme === '' || url.password !== '' || url.hostname === '') {
    throw new CommandError(EXIT.usage, '--address is no URL such as amqp://127.0.0.1:5672, without user and password');
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? PORTS[scheme + secure]! : Number(url.port);
  return { protocol: scheme as BenchProtocol, target: { host, port, secure: secure === 's', authority } };
}

interface Listener {
  readonly protocol: string;
  readonly ip_address: string;
  readonly port: number;
}

async function listenerOf(flags: BenchFlags): Promise<{ host: string; port: number; secure: boolean }> {
  const { user: _, ...local } = flags;
  const client = await reachBroker(flags.url === undefined ? local : flags, process.env);
  try {
    const { listeners } = await client.get<{ readonly listeners: readonly Listener[] }>('/overview');
    const found =
      listeners.find((one) => one.protocol === flags.protocol) ??
      listeners.find((one) => one.protocol === `${flags.protocol}/ssl`);
    if (found === undefined) throw new CommandError(EXIT.failed, `nothing listens for ${flags.protocol} there`);
    const host = new URL(client.url).hostname.replace(/^\[|\]$/g, '');
    return { host, port: found.port, secure: found.protocol.endsWith('/ssl') };
  } finally {
    client.close();
  }
}
