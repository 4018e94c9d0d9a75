/**
 * The text format of every path of metrics, with traffic and names that are hard to write: read by rules of our own, and by
 * Prometheus' own reader (`promtool check metrics`) where that is installed.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import { execFileSync, spawnSync } from 'node:child_process';
import amqplib from 'amqplib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Scraped, scrape } from '../../../conformance/metrics/scraped.ts';
import { GROUPS } from '../../../src/management/metrics/rabbitmq/broker-families.ts';
import { CLIENT_GROUPS } from '../../../src/management/metrics/rabbitmq/client-families.ts';
import { CLUSTER_GROUPS, QUEUE_GROUPS } from '../../../src/management/metrics/rabbitmq/queue-families.ts';
import { startTestBroker, type TestBroker, temporaryDirectory } from '../../support/broker.ts';

const GROUP_NAMES = [GROUPS, QUEUE_GROUPS, CLIENT_GROUPS, CLUSTER_GROUPS].flatMap((groups) => Object.keys(groups));

/** Each path that there is (src/management/metrics/routes.ts), with what it can be asked. */
const PATHS = [
  '',
  '?family=queues',
  '?family=queues&top=1',
  '?family=queues&top=all',
  '?prefix=rabbitmq',
  '/per-object',
  '/detailed',
  `/detailed?vhost=/&${GROUP_NAMES.map((name) => `family=${name}`).join('&')}`,
];
const NAMES = ['plain', 'a "quoted" \\ name', 'Größe ☃', '{}'];

let broker: TestBroker;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let connection: amqplib.ChannelModel;

beforeAll(async () => {
  directory = await temporaryDirectory();
  broker = await startTestBroker({ data: directory.path, vhosts: { '/': {}, 'plant "7"': {} } });
  connection = await amqplib.connect(`amqp://127.0.0.1:${broker.ports.amqp}`);
  const channel = await connection.createConfirmChannel();
  for (const name of NAMES) {
    await channel.assertExchange(`x ${name}`, 'topic');
    await channel.assertQueue(name, { durable: true });
    await channel.bindQueue(name, `x ${name}`, 'a.#');
    for (let i = 0; i < 3; i++) channel.publish(`x ${name}`, 'a.b', Buffer.alloc(150), { persistent: true });
    await channel.consume(name, () => {});
  }
  await channel.waitForConfirms();
});

afterAll(async () => {
  await connection.close();
  await broker.close();
  await directory.remove();
});

const url = (path: string): string => `http://127.0.0.1:${broker.ports.http}/metrics${path}`;

/** What a scraper takes amiss, family by family. */
function faultsIn({ samples, types, helped }: Scraped): string[] {
  const faults: string[] = [];
  for (const [name, type] of types) {
    if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) faults.push(`${name} is no name`);
    if (!['counter', 'gauge', 'histogram', 'untyped'].includes(type)) faults.push(`${name} is a ${type}`);
    if (!helped.has(name)) faults.push(`${name} has no HELP`);
    if (type === 'counter' && !name.endsWith('_total') && !name.startsWith('rabbitmq_'))
      faults.push(`the counter ${name} does not end with _total`);
  }
  for (const name of helped) if (!types.has(name)) faults.push(`${name} has no TYPE`);
  const buckets = new Map<string, [number, number][]>();
  for (const { name, labels, value } of samples) {
    const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
    const type = types.get(family);
    if (type === undefined) faults.push(`${name} belongs to no family`);
    if (name !== family && type !== 'histogram') faults.push(`${name} is of no histogram`);
    if (name === family && type === 'histogram') faults.push(`the histogram ${family} has a sample of its own name`);
    if (!Number.isFinite(value)) faults.push(`${name} is ${value}`);
    if (type === 'counter' && value < 0) faults.push(`the counter ${name} is ${value}`);
    for (const label of Object.keys(labels)) {
      if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label) || label.startsWith('__'))
        faults.push(`${name} has a label ${label}`);
    }
    if (!name.endsWith('_bucket') || type !== 'histogram') continue;
    const { le = '', ...others } = labels;
    const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
    if (le === '' || Number.isNaN(bound)) faults.push(`${name} has the bound '${le}'`);
    const key = `${family} ${JSON.stringify(others)}`;
    buckets.set(key, [...(buckets.get(key) ?? []), [bound, value]]);
  }
  const count = (key: string): number | undefined => {
    const at = key.indexOf(' ');
    const same = JSON.stringify(JSON.parse(key.slice(at + 1)));
    return samples.find(({ name, labels }) => name === `${key.slice(0, at)}_count` && JSON.stringify(labels) === same)
      ?.value;
  };
  for (const [key, bounds] of buckets) {
    const [last] = bounds.at(-1)!;
    if (last !== Number.POSITIVE_INFINITY) faults.push(`${key} does not end with +Inf`);
    const grows = bounds.every(
      ([bound, value], at) => at === 0 || (bounds[at - 1]![0] < bound && bounds[at - 1]![1] <= value),
    );
    if (!grows) faults.push(`the buckets of ${key} do not grow`);
    if (count(key) !== bounds.at(-1)![1]) faults.push(`${key} counts otherwise than its last bucket`);
  }
  return faults;
}

describe.each(PATHS)('/metrics%s', (path) => {
  it('has the content type, ends its last line, and is what a scraper takes', async () => {
    const response = await fetch(url(path));
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    expect(text.endsWith('\n')).toBe(true);
    expect(text).not.toMatch(/\r|\n\n/);
    const shown = await scrape(url(path));
    expect(faultsIn(shown)).toEqual([]);
  });
});

it('names of queues come back as they were given', async () => {
  for (const [path, label] of [
    ['?family=queues&top=all', 'queue'],
    ['/per-object', 'queue'],
  ] as const) {
    const { samples } = await scrape(url(path));
    const names = new Set(samples.map(({ labels }) => labels[label]));
    for (const name of NAMES) expect([path, names.has(name)]).toEqual([path, true]);
  }
});

const promtool = spawnSync('promtool', ['--version']).status === 0;

describe.skipIf(!promtool)('by promtool (Debian: prometheus)', () => {
  /** What it finds; nothing where all is well. */
  const lint = (text: string): string[] => {
    try {
      execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8', stdio: 'pipe' });
      return [];
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      return `${stdout}${stderr}`.split('\n').filter((line) => line !== '');
    }
  };

  it.each(PATHS)('/metrics%s is clean', async (path) => {
    expect(lint(await (await fetch(url(path))).text())).toEqual([]);
  });
});

it.skipIf(promtool)('is not tried by promtool: it is not installed here (Debian: prometheus)', () => {});
