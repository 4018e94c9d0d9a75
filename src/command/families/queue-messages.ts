/** `entrepot queues peek`, `purge`, `move`, `copy`, `pause` and `resume`: what our own API does with a queue. */
import type { Command } from 'commander';
import { CommandError, EXIT } from '../exit.ts';
import { table } from '../print/table.ts';
import { bytes, count } from '../print/units.ts';
import { api } from '../reach/client.ts';
import { asking, type CommonFlags, type Context, connected, done } from './context.ts';

/** Of one request. */
const PEEKED_MAX = 1_000;
const MOVED_MAX = 1_000_000;

interface Message {
  readonly position: number;
  readonly state: string;
  readonly redelivered: boolean;
  readonly exchange: string;
  readonly routingKey: string;
  readonly arrivedAt: string;
  readonly bodyBytes: number;
  readonly body?: unknown;
}

interface Looked {
  readonly scanned: number;
  readonly of: number;
  /** Null: that was the end. */
  readonly next: string | null;
}

type Which = CommonFlags & {
  readonly vhost: string;
  readonly selector?: string;
  readonly text?: string;
  readonly limit?: string;
};

export function addQueueMessages(queues: Command): void {
  which(asking(queues, 'peek <name>', 'look at messages without taking them'))
    .option('--newest', 'the newest first')
    .addHelpText('after', '\nExample:\n  entrepot queues peek orders --newest --selector "region = \'eu\'" --limit 5')
    .action(connected<Which & { newest?: boolean }>((context, [name = ''], flags) => peek(context, name, flags)));
  which(asking(queues, 'purge <name>', 'throw away what waits in it, or some of it'))
    .addHelpText('after', '\nExample:\n  entrepot queues purge orders --selector "region = \'eu\'"')
    .action(connected<Which>((context, [name = ''], flags) => purge(context, name, flags)));
  for (const verb of ['move', 'copy'] as const) {
    which(asking(queues, `${verb} <name> <to>`, `${verb} messages that wait to another queue`)).action(
      connected<Which>((context, [name = '', to = ''], flags) => relocate(context, verb, name, to, flags)),
    );
  }
  const pausing = {
    pause: 'stop it handing out messages; publishing goes on',
    resume: 'have it hand out messages again',
  };
  for (const [verb, text] of Object.entries(pausing)) {
    asking(queues, `${verb} <name>`, text)
      .option('--vhost <name>', 'where', '/')
      .action(
        connected<CommonFlags & { vhost: string }>(async (context, [name = ''], { vhost }) => {
          const { body } = await context.client.send(
            'POST',
            own(vhost, name) + (verb === 'pause' ? '/pause' : '/resume'),
          );
          const { changed } = body as { changed: boolean };
          done(context, changed ? `${verb}d` : `was ${verb}d`, `queue ${name}`);
        }),
      );
  }
}

function own(vhost: string, queue: string): string {
  return api`/v1/vhosts/${vhost}/queues/${queue}`;
}

function which(command: Command): Command {
  return command
    .option('--vhost <name>', 'where', '/')
    .option('--selector <selector>', "only those that match, in JMS' selector language")
    .option('--text <text>', 'only those with this text in body or routing key')
    .option('--limit <n>', 'as many at most (peek: 20, else all)');
}

function limitOf(limit: string | undefined, otherwise: number): number {
  if (limit === undefined) return otherwise;
  if (!/^[1-9]\d{0,8}$/.test(limit)) throw new CommandError(EXIT.usage, `--limit '${limit}' is not a number above 0`);
  return Number(limit);
}

/** As JSON a line a message, as they come. */
async function peek(context: Context, name: string, flags: Which & { newest?: boolean }): Promise<void> {
  const { client, json, out, note, width } = context;
  const { vhost, selector, text } = flags;
  const most = limitOf(flags.limit, 20);
  const shown: Message[] = [];
  let from: string | null = flags.newest === true ? 'newest' : 'oldest';
  let scanned = 0;
  let of = 0;
  let count = 0;
  while (from !== null && count < most) {
    const query = {
      from,
      selector,
      text,
      limit: Math.min(PEEKED_MAX, most - count),
      bodyBytes: json ? undefined : 200,
    };
    const looked: Looked & { messages: readonly Message[] } = await client.get(`${own(vhost, name)}/messages`, query);
    for (const message of looked.messages) {
      if (json) out(JSON.stringify(message));
      else shown.push(message);
    }
    count += looked.messages.length;
    scanned += looked.scanned;
    of = Math.max(of, looked.of);
    from = looked.next;
  }
  if (!json) for (const line of table(COLUMNS, shown, width)) out(line);
  if (selector !== undefined || text !== undefined) note(`scanned ${scanned} of ${of}`);
}

const COLUMNS = [
  { title: 'POSITION', text: ({ position }: Message) => String(position), right: true },
  { title: 'STATE', text: ({ state }: Message) => state, spare: 1 },
  { title: 'ARRIVED', text: ({ arrivedAt }: Message) => arrivedAt, spare: 2 },
  { title: 'KEY', text: ({ routingKey }: Message) => routingKey, cuts: true },
  { title: 'SIZE', text: ({ bodyBytes }: Message) => bytes(bodyBytes), right: true },
  {
    title: 'BODY',
    text: ({ body }: Message) => (typeof body === 'string' ? body : JSON.stringify(body ?? '')),
    cuts: true,
  },
];

/** All of it at once, or what is chosen, a part at a time. */
async function purge(context: Context, name: string, flags: Which): Promise<void> {
  const { client, json, out } = context;
  const { vhost, selector, text, limit } = flags;
  if (selector === undefined && text === undefined && limit === undefined) {
    await client.send('DELETE', api`/queues/${vhost}/${name}/contents`);
    done(context, 'purged', `queue ${name}`);
    return;
  }
  const most = limitOf(limit, Number.POSITIVE_INFINITY);
  let from: string | null = 'oldest';
  let gone = 0;
  while (from !== null && gone < most) {
    const query = { from, selector, text, limit: Math.min(MOVED_MAX, most - gone) };
    const answer = (await client.send('DELETE', `${own(vhost, name)}/messages`, { query })).body;
    const result = answer as Looked & { readonly done: number };
    gone += result.done;
    from = result.next;
  }
  out(json ? JSON.stringify({ done: gone }) : `${count(gone)} removed`);
}

async function relocate(
  context: Context,
  verb: 'move' | 'copy',
  name: string,
  to: string,
  flags: Which,
): Promise<void> {
  const { client, json, out } = context;
  const { vhost, selector, text } = flags;
  const most = limitOf(flags.limit, Number.POSITIVE_INFINITY);
  let from: string | null = 'oldest';
  let moved = 0;
  let stopped: string | null = null;
  while (from !== null && stopped === null && moved < most) {
    const body = { to: { queue: to }, from, selector, text, limit: Math.min(MOVED_MAX, most - moved) };
    const answer = (await client.send('POST', `${own(vhost, name)}/messages/${verb}`, { body })).body;
    const result = answer as Looked & { readonly done: number; readonly stopped: string | null };
    moved += result.done;
    stopped = result.stopped;
    from = result.next;
  }
  const word = verb === 'move' ? 'moved' : 'copied';
  out(json ? JSON.stringify({ done: moved, stopped }) : `${count(moved)} ${word} to ${to}`);
  if (stopped !== null)
    throw new CommandError(EXIT.failed, `the next one could not be ${word}: ${stopped.replace('-', ' ')}`);
}
