/**
 * An hour of the console in a minute: a page's clock is wound on, and a stand-in before a real broker tells it what a broker with 50,000
 * messages a second would. How much memory and how many nodes the page has is measured on the way.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { chromium, type Page } from 'playwright-core';

/** What is told live, by the end of its path. */
export type Stream = 'overview/live' | 'events' | 'subscription';

interface Told {
  readonly event: string;
  readonly data: unknown;
}

/** In front of a broker: what is told live comes from here, all else from there. */
export class StandIn {
  readonly url: string;
  private readonly listening: ReturnType<typeof createServer>;
  private readonly open = new Map<ServerResponse, Stream>();

  private constructor(listening: ReturnType<typeof createServer>) {
    this.listening = listening;
    this.url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}/`;
  }

  static async start(brokerPort: number): Promise<StandIn> {
    const listening = createServer((asked, answer) => made.answer(brokerPort, asked, answer));
    listening.on('upgrade', (asked, socket) => {
      const lines = asked.rawHeaders.flatMap((name, i, all) => (i % 2 === 0 ? [`${name}: ${all[i + 1]}`] : []));
      const broker = connect(brokerPort, '127.0.0.1');
      broker.write(`${asked.method} ${asked.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      broker.pipe(socket).pipe(broker);
      for (const one of [socket, broker]) one.on('error', () => [socket, broker].forEach((end) => void end.destroy()));
    });
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    const made = new StandIn(listening);
    return made;
  }

  private answer(brokerPort: number, asked: IncomingMessage, answer: ServerResponse): void {
    const path = asked.url!.split('?')[0]!;
    const stream = (['overview/live', 'events', 'subscription'] as const).find((one) => path.endsWith(`/${one}`));
    if (stream !== undefined) {
      answer.writeHead(200, { 'content-type': 'text/event-stream' });
      answer.flushHeaders();
      this.open.set(answer, stream);
      answer.on('close', () => this.open.delete(answer));
      return;
    }
    const passed = request(
      { port: brokerPort, host: '127.0.0.1', method: asked.method, path: asked.url, headers: asked.headers },
      (from) => {
        answer.writeHead(from.statusCode!, from.headers);
        from.pipe(answer);
      },
    );
    passed.on('error', () => answer.destroy());
    asked.pipe(passed);
  }

  /** To all who listen to that; resolved once it has been taken from here. */
  async tell(stream: Stream, events: readonly Told[]): Promise<void> {
    const text = events.map(({ event, data }) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join('');
    const to = [...this.open].filter(([, of]) => of === stream);
    await Promise.all(to.map(([answer]) => new Promise<void>((resolve) => answer.write(text, () => resolve()))));
  }

  async stop(): Promise<void> {
    this.listening.close();
    this.listening.closeAllConnections();
  }
}

export interface Measured {
  readonly atSeconds: number;
  readonly heapBytes: number;
  readonly nodes: number;
  readonly listeners: number;
}

export interface HourOptions {
  readonly executablePath: string;
  readonly url: string;
  readonly login: readonly [name: string, password: string];
  /** Behind `#/`. */
  readonly at: string;
  readonly seconds: number;
  /** The clock is wound on by so much at a time. */
  readonly stepSeconds: number;
  /** Once the page is there. */
  readonly begin?: (page: Page) => Promise<unknown>;
  /** What a step brings. */
  readonly step?: (second: number, page: Page) => Promise<unknown>;
}

/** At a quarter, in the middle and at the end: by the first all that the page keeps is as full as it gets. */
const MEASURED_AT = [0.25, 0.5, 0.75, 1];
/** Nobody signs out who moves. */
const MOVES_SECONDS = 600;

export async function hour(options: HourOptions): Promise<Measured[]> {
  const { executablePath, url, login, at, seconds, stepSeconds, begin, step } = options;
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--enable-precise-memory-info'] });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.setDefaultTimeout(20_000);
    await page.clock.install();
    await page.goto(url);
    await page.getByRole('textbox', { name: 'Name' }).fill(login[0]);
    await page.getByLabel('Password', { exact: true }).fill(login[1]);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
    await page.goto(`${url}#/${at}`);
    await page.locator('h1').first().waitFor();
    await begin?.(page);
    const developer = await page.context().newCDPSession(page);
    const measured: Measured[] = [];
    const due = MEASURED_AT.map((part) => Math.floor((part * seconds) / stepSeconds) * stepSeconds);
    for (let second = stepSeconds; second <= seconds; second += stepSeconds) {
      await step?.(second, page);
      await page.clock.fastForward(stepSeconds * 1_000);
      if (second % MOVES_SECONDS < stepSeconds) await page.mouse.wheel(0, 1);
      if (!due.includes(second)) continue;
      for (let n = 0; n < 2; n++) await developer.send('HeapProfiler.collectGarbage');
      const { usedSize } = (await developer.send('Runtime.getHeapUsage')) as { usedSize: number };
      const { nodes, jsEventListeners } = await developer.send('Memory.getDOMCounters');
      measured.push({ atSeconds: second, heapBytes: usedSize, nodes, listeners: jsEventListeners });
    }
    if ((await page.getByRole('button', { name: 'Sign out' }).count()) !== 1)
      throw new Error('the page has signed out');
    return measured;
  } finally {
    await browser.close();
  }
}

const RATE = 50_000;
const STARTED_MS = Date.UTC(2026, 0, 1);

/** What the overview is told each two seconds, with a little of everything. */
export function glance(second: number): object {
  const at = new Date(STARTED_MS + second * 1_000).toISOString();
  const wave = Math.round(RATE * (1 + Math.sin(second / 60) / 4));
  const carried = (part: number): object => ({ messages: wave * part, bytes: wave * part * 400 });
  const protocols = ['amqp', 'mqtt', 'stomp', 'redis', 'http'].map((protocol, i) => ({
    ...{ protocol, connections: 20 + (second % 7), in: carried(1 / (i + 2)), out: carried(1 / (i + 2)) },
  }));
  return {
    ...{ at, sampledAt: at, vhosts: 3, queues: 500 + (second % 50), exchanges: 40, consumers: 900, connections: 1_200 },
    flow: { in: wave, out: wave, accepted: wave },
    waiting: { ready: second * 10, unsettled: 400, delayed: 3, retrying: 1, undelivered: 0 },
    failing: [{ kind: 'dropped', reason: 'maxlen', text: 'The oldest of too many', total: second * 30, rate: 30 }],
    alarms: second % 300 < 20 ? [{ kind: 'memory', severity: 'warn', text: `At ${second}`, advice: 'Look.' }] : [],
    protocols,
    disk: { usedBytes: second * 1e6, freeBytes: 1e11, freeMinBytes: 64e6, syncMilliseconds: 3 },
    memory: { residentBytes: 4e8, maxBytes: 1e10 },
  };
}

let number = 0;

/** Such as a subscription brings. */
export function message(second: number, topics: number): object {
  number++;
  const at = new Date(STARTED_MS + second * 1_000).toISOString();
  const topic = `plant/${number % 30}/machine-${number % topics}/temperature`;
  return {
    ...{ position: number, state: 'ready', redelivered: false, attempts: 0, deaths: 0, exchange: 'amq.topic' },
    ...{ routingKey: topic, spelling: 'slashes', persistent: false, arrivedAt: at, properties: {}, headers: {} },
    ...{ bodyBytes: 400, body: `${number} `.repeat(30), bodyForm: 'text', cut: true },
  };
}

/** A page that is shown an hour of a broker at 50,000 messages a second: what it is told in a step. */
export interface LivePage {
  readonly name: string;
  readonly at: string;
  readonly begin?: (page: Page) => Promise<unknown>;
  readonly step?: (standIn: StandIn, second: number, stepSeconds: number) => Promise<unknown>;
}

const SHOWN_A_SECOND = 20;
/** What a page of topics gets through; the broker passes over the others. */
const PASSED_A_SECOND = 30;
/** More than the tree has room for. */
const TOPICS = 20_000;

export const LIVE_PAGES: readonly LivePage[] = [
  {
    name: 'the overview',
    at: 'overview',
    step: async (standIn, second, stepSeconds) => {
      const seconds = Array.from({ length: stepSeconds / 2 }, (_, i) => second - stepSeconds + 2 * (i + 1));
      await standIn.tell(
        'overview/live',
        seconds.map((at) => ({ event: 'overview', data: glance(at) })),
      );
      const events = Array.from({ length: stepSeconds }, (_, i) => ({
        event: i % 2 === 0 ? 'queue-made' : 'queue-deleted',
        data: { at: new Date(STARTED_MS + second * 1_000).toISOString(), vhost: '/', queue: `q${second}.${i}` },
      }));
      await standIn.tell('events', events);
    },
  },
  {
    name: 'a live tail',
    at: 'tail?kind=exchange&name=amq.topic&key=%23',
    step: async (standIn, second, stepSeconds) => {
      const shown = Array.from({ length: SHOWN_A_SECOND * stepSeconds }, () => ({
        event: 'message',
        data: message(second, TOPICS),
      }));
      const dropped = { event: 'dropped', data: { count: (RATE - SHOWN_A_SECOND) * stepSeconds } };
      await standIn.tell('subscription', [...shown, dropped]);
    },
  },
  {
    name: 'the topics',
    at: 'topics?vhost=%2F',
    step: async (standIn, second, stepSeconds) => {
      const taken = Array.from({ length: PASSED_A_SECOND * stepSeconds }, () => ({
        event: 'message',
        data: message(second, TOPICS),
      }));
      const first = second === stepSeconds ? [{ event: 'subscribed', data: { subscription: '1', queue: 'q' } }] : [];
      const dropped = { event: 'dropped', data: { count: (RATE - PASSED_A_SECOND) * stepSeconds } };
      await standIn.tell('subscription', [...first, ...taken, dropped]);
    },
  },
  { name: 'the list of queues', at: 'queues' },
  { name: 'a queue', at: 'queues/%2F/jobs.1' },
  { name: 'connections', at: 'connections' },
  { name: 'dead letters', at: 'dead-letters' },
];

/** Whether it has stayed as large as it was when all was full: what is measured of a heap is not the same twice. */
export function grew(measured: readonly Measured[]): string | undefined {
  const [first, last] = [measured[0]!, measured.at(-1)!];
  const heap = last.heapBytes - first.heapBytes;
  if (heap > Math.max(1_000_000, first.heapBytes * 0.1)) return `the heap grew by ${Math.round(heap / 1_000)} kB`;
  if (last.nodes > first.nodes * 1.1 + 100) return `from ${first.nodes} to ${last.nodes} nodes`;
  if (last.listeners > first.listeners * 1.1 + 20) return `from ${first.listeners} to ${last.listeners} listeners`;
  return undefined;
}
