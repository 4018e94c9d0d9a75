/** `entrepot top`: what goes on in a broker, once a second. */
import type { Command } from 'commander';
import { SystemClock, Timer } from '../../clock/clock.ts';
import { CommandError, EXIT } from '../exit.ts';
import { type Column, table } from '../print/table.ts';
import { cutTo, safeText } from '../print/text.ts';
import { bytes, count, counted, duration, rate } from '../print/units.ts';
import type { BrokerClient } from '../reach/client.ts';
import { CONNECTION_COLUMNS, CONNECTION_FIELDS } from './connections.ts';
import { asking, type CommonFlags, type Context, connected } from './context.ts';
import { QUEUE_COLUMNS, QUEUE_FIELDS, RATES } from './queues.ts';
import { alarmsOf, type State, stateOf } from './status.ts';

const EVERY_MS = 1_000;
const ROWS_ONCE = 20;
const ROWS_MAX = 500;
/** Lines that are no rows: those above the table, its head, and the last. */
const OTHER_LINES = 9;

const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const END_OF_LINE = '\x1b[K';
const END_OF_SCREEN = '\x1b[J';
const CONTROL_C = '\u0003';

interface Pane {
  readonly name: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string | number>>;
  // biome-ignore lint/suspicious/noExplicitAny: each pane has rows of its own kind
  readonly columns: readonly Column<any>[];
  /** What it can be sorted by; the first at first. */
  readonly sorts: readonly string[];
}

const QUEUES: Pane = {
  name: 'queues',
  path: '/queues',
  query: { ...RATES, columns: QUEUE_FIELDS },
  columns: QUEUE_COLUMNS,
  sorts: ['messages', 'messages_unacknowledged', 'consumers', 'name'],
};
const CONNECTIONS: Pane = {
  name: 'connections',
  path: '/connections',
  query: { columns: CONNECTION_FIELDS },
  columns: CONNECTION_COLUMNS,
  sorts: ['recv_oct', 'send_oct', 'connected_at', 'user'],
};
/** What is sorted from the least on: names. */
const UPWARDS = new Set(['name', 'user']);

interface View {
  readonly pane: Pane;
  readonly sort: string;
}

interface Seen {
  readonly state: State;
  readonly rows: readonly unknown[];
  readonly total: number;
}

export function addTop(program: Command): void {
  asking(program, 'top', 'what goes on in the broker, once a second; q leaves')
    .option('--once', 'print it once, without the terminal')
    .action(
      connected<CommonFlags & { once?: boolean }>(async (context, _, { once }) => {
        const live = once !== true && !context.json && process.stdout.isTTY === true && process.stdin.isTTY === true;
        if (live) await new Top(context.client).run();
        else await printOnce(context);
      }),
    );
}

async function printOnce({ client, json, out, width }: Context): Promise<void> {
  const view = { pane: QUEUES, sort: QUEUES.sorts[0]! };
  const seen = await look(client, view, ROWS_ONCE);
  if (json) out(JSON.stringify({ ...seen.state, queues: seen.rows }));
  else for (const line of linesOf(seen, view, client.url, width)) out(line);
}

async function look(client: BrokerClient, { pane, sort }: View, rows: number): Promise<Seen> {
  const order = { sort, sort_reverse: UPWARDS.has(sort) ? 'false' : 'true', page: 1, page_size: Math.max(1, rows) };
  const state = await stateOf(client);
  const { items, filtered_count: total } = await client.get<{ items: readonly unknown[]; filtered_count: number }>(
    pane.path,
    { ...pane.query, ...order },
  );
  return { state, rows: items, total };
}

function linesOf(
  { state: { overview, node, failure }, rows, total }: Seen,
  { pane }: View,
  url: string,
  width: number,
): string[] {
  const { object_totals: objects, queue_totals: waiting, message_stats: stats } = overview;
  const version = node.applications.find(({ name }) => name === 'entrepot')?.version ?? '';
  const limit = node.mem_limit > 0 ? ` of ${bytes(node.mem_limit)}` : '';
  const head = [
    `entrepot ${version}   ${url}   up ${duration(node.uptime)}   ${failure === undefined ? `alarms: ${alarmsOf(node) ?? 'none'}` : `FAILED: ${failure}`}`,
    '',
    `Messages   ${count(waiting.messages_ready ?? 0)} ready   ${count(waiting.messages_unacknowledged ?? 0)} unsettled`,
    `Rates      ${rate(stats.publish_details?.rate ?? 0)} in   ${rate(stats.deliver_get_details?.rate ?? 0)} out   ${rate(stats.ack_details?.rate ?? 0)} settled`,
    `Clients    ${counted(objects.connections, 'connection')}   ${counted(objects.channels, 'channel')}   ${counted(objects.consumers, 'consumer')}`,
    `Machine    ${bytes(node.mem_used)} memory${limit}   ${bytes(node.disk_free)} disk free`,
    '',
  ].map((line) => cutTo(safeText(line), width));
  const shown = table(pane.columns, rows, width);
  const more = total > rows.length ? [`${count(total - rows.length)} more ${pane.name}`] : [];
  return [...head, ...shown, ...more];
}

/** The terminal, from when it is taken to when it is given back. */
class Top {
  private readonly client: BrokerClient;
  private readonly clock = new SystemClock();
  private readonly timer = new Timer(() => void this.refresh());
  private view: View = { pane: QUEUES, sort: QUEUES.sorts[0]! };
  private lines: readonly string[] = [];
  private looking = false;
  private ended = false;
  private end: (error?: unknown) => void = () => {};

  constructor(client: BrokerClient) {
    this.client = client;
  }

  async run(): Promise<void> {
    const { stdin, stdout } = process;
    // What is wrong from the start is told where it can be read.
    await stateOf(this.client);
    const over = new Promise<void>((resolve, reject) => {
      this.end = (error) => (error === undefined ? resolve() : reject(error as Error));
    });
    const key = (chunk: string): void => this.pressed(chunk);
    const resized = (): void => void this.refresh();
    stdin.setRawMode(true);
    stdin.setEncoding('utf8');
    stdin.on('data', key);
    stdout.on('resize', resized);
    stdout.write(ENTER);
    try {
      void this.refresh();
      await over;
    } finally {
      this.ended = true;
      this.clock.stop();
      stdin.off('data', key);
      stdout.off('resize', resized);
      stdout.write(LEAVE);
      stdin.setRawMode(false);
      stdin.pause();
    }
  }

  private pressed(key: string): void {
    const { pane, sort } = this.view;
    if (key === 'q' || key === CONTROL_C) this.end();
    else if (key === 'c') {
      const other = pane === QUEUES ? CONNECTIONS : QUEUES;
      this.view = { pane: other, sort: other.sorts[0]! };
      void this.refresh();
    } else if (key === 's') {
      this.view = { pane, sort: pane.sorts[(pane.sorts.indexOf(sort) + 1) % pane.sorts.length]! };
      void this.refresh();
    }
  }

  private async refresh(): Promise<void> {
    if (this.looking || this.ended) return;
    this.looking = true;
    const { view } = this;
    const { columns: width = 80, rows: height = 24 } = process.stdout;
    let problem = '';
    try {
      const room = Math.min(ROWS_MAX, height - OTHER_LINES - 1);
      this.lines = linesOf(await look(this.client, view, room), view, this.client.url, width);
    } catch (error) {
      // It may come back; who is refused is not let in by asking again.
      if (!(error instanceof CommandError) || error.exitCode === EXIT.refused) this.end(error);
      else problem = safeText(error.message);
    }
    this.looking = false;
    if (this.ended) return;
    this.draw(problem, width, height);
    if (view === this.view) this.clock.schedule(this.timer, EVERY_MS);
    else void this.refresh();
  }

  private draw(problem: string, width: number, height: number): void {
    const { pane, sort } = this.view;
    const other = pane === QUEUES ? 'connections' : 'queues';
    const last = problem === '' ? `q leave   s sort (${sort})   c ${other}` : problem;
    const shown = this.lines.slice(0, height - 1);
    while (shown.length < height - 1) shown.push('');
    const text = [...shown, cutTo(last, width)].map((line) => line + END_OF_LINE).join('\r\n');
    process.stdout.write(HOME + text + END_OF_SCREEN);
  }
}
