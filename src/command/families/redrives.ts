/** `entrepot redrives`: dead letters back to where they died, as jobs of the broker; this command only begins and watches them. */
import type { Command } from 'commander';
import { CommandError, EXIT } from '../exit.ts';
import { type Column, facts, table } from '../print/table.ts';
import { count } from '../print/units.ts';
import { api } from '../reach/client.ts';
import { asking, type CommonFlags, type Context, connected, done, family } from './context.ts';

interface Redrive {
  readonly id: string;
  readonly queue: string;
  readonly user: string | null;
  readonly to: 'origin' | { readonly queue?: string; readonly exchange?: string; readonly routingKey?: string };
  readonly state: string;
  readonly why: string;
  readonly moved: number;
  readonly scanned: number;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly left: { readonly noOrigin: number; readonly unroutable: number; readonly accessRefused: number };
}

interface Counted {
  readonly matching: number;
  readonly noOrigin: number;
  readonly others: number;
  readonly origins: readonly { readonly queue: string; readonly messages: number; readonly exists: boolean }[];
  readonly scanned: number;
  readonly next: string | null;
}

type Where = CommonFlags & { readonly vhost: string };
type Start = Where & {
  readonly to?: string;
  readonly exchange?: string;
  readonly key?: string;
  readonly selector?: string;
  readonly text?: string;
  readonly messageId?: readonly string[];
  readonly rate?: string;
  readonly limit?: string;
  readonly resetAttempts?: boolean;
  readonly dryRun?: boolean;
};

const COLUMNS: readonly Column<Redrive>[] = [
  { title: 'ID', text: ({ id }) => id },
  { title: 'QUEUE', text: ({ queue }) => queue, cuts: true },
  { title: 'TO', text: ({ to }) => target(to), cuts: true, spare: 1 },
  { title: 'STATE', text: ({ state }) => state },
  { title: 'MOVED', text: ({ moved }) => count(moved), right: true },
  { title: 'LEFT', text: (one) => count(leftOf(one)), right: true },
  { title: 'STARTED', text: ({ startedAt }) => startedAt, spare: 2 },
];

export function addRedrives(program: Command): void {
  const redrives = family(program, 'redrives', 'dead letters on their way back, as jobs of the broker');
  within(asking(redrives, 'start <queue>', 'begin to move what is in a queue back to where it died, or elsewhere'))
    .option('--to <queue>', 'a queue; left out: the queue that each message died in first')
    .option('--exchange <name>', 'an exchange instead')
    .option('--key <key>', "with --exchange; left out: each message's own")
    .option('--selector <selector>', "only those that match, in JMS' selector language")
    .option('--text <text>', 'only those with this text in body or routing key')
    .option('--message-id <id...>', 'only those')
    .option('--rate <n>', 'messages a second; left out: as fast as clients do not notice')
    .option('--limit <n>', 'as many at most')
    .option('--reset-attempts', 'they come as if they had never died')
    .option('--dry-run', 'only say what would be moved, and where to')
    .addHelpText('after', '\nExample:\n  entrepot redrives start orders.dead --selector "region = \'eu\'" --rate 100')
    .action(connected<Start>((context, [queue = ''], flags) => start(context, queue, flags)));
  within(asking(redrives, 'list', 'the newest first')).action(
    connected<Where>(async ({ client, json, out, width }, _, { vhost }) => {
      const { redrives: rows } = await client.get<{ redrives: readonly Redrive[] }>(api`/v1/vhosts/${vhost}/redrives`);
      if (json) out(JSON.stringify(rows));
      else for (const line of table(COLUMNS, rows, width)) out(line);
    }),
  );
  within(asking(redrives, 'show <id>', 'how far it has come')).action(
    connected<Where>(async (context, [id = ''], { vhost }) =>
      show(context, await context.client.get<Redrive>(api`/v1/vhosts/${vhost}/redrives/${id}`)),
    ),
  );
  for (const [verb, text] of [
    ['stop', 'it can go on later'],
    ['resume', 'have one go on that was stopped'],
  ] as const) {
    within(asking(redrives, `${verb} <id>`, text)).action(
      connected<Where>(async (context, [id = ''], { vhost }) => {
        const { body } = await context.client.send('POST', `${api`/v1/vhosts/${vhost}/redrives/${id}`}/${verb}`);
        show(context, body as Redrive);
      }),
    );
  }
  within(asking(redrives, 'delete <id>', 'stop it and forget it; what it has moved stays moved')).action(
    connected<Where>(async (context, [id = ''], { vhost }) => {
      await context.client.send('DELETE', api`/v1/vhosts/${vhost}/redrives/${id}`);
      done(context, 'forgotten', `redrive ${id}`);
    }),
  );
}

function within(command: Command): Command {
  return command.option('--vhost <name>', 'where', '/');
}

async function start(context: Context, queue: string, flags: Start): Promise<void> {
  const { vhost, to, exchange, key, selector, text, messageId, dryRun } = flags;
  if (to !== undefined && exchange !== undefined) {
    throw new CommandError(EXIT.usage, '--to and --exchange both say where: keep one of them');
  }
  const body = {
    to: to !== undefined ? { queue: to } : exchange !== undefined ? { exchange, routingKey: key } : 'origin',
    ...{ selector, text, messageIds: messageId },
    ...{ rate: number('--rate', flags.rate), limit: number('--limit', flags.limit) },
    attempts: flags.resetAttempts === true ? 'reset' : 'keep',
  };
  const path = api`/v1/vhosts/${vhost}/queues/${queue}/redrives`;
  if (dryRun !== true) {
    show(context, (await context.client.send('POST', path, { body })).body as Redrive);
    return;
  }
  const whole = { matching: 0, noOrigin: 0, others: 0, scanned: 0 };
  const origins = new Map<string, Counted['origins'][number]>();
  for (let from: string | null = 'oldest'; from !== null; ) {
    const part = (await context.client.send('POST', `${path}/count`, { body: { ...body, from } })).body as Counted;
    for (const name of ['matching', 'noOrigin', 'others', 'scanned'] as const) whole[name] += part[name];
    for (const one of part.origins) {
      origins.set(one.queue, { ...one, messages: one.messages + (origins.get(one.queue)?.messages ?? 0) });
    }
    from = part.next;
  }
  const { json, out, width } = context;
  if (json) {
    out(JSON.stringify({ ...whole, origins: [...origins.values()] }));
    return;
  }
  out(`${count(whole.matching)} of ${count(whole.scanned)} would be moved`);
  if (whole.noOrigin > 0) out(`${count(whole.noOrigin)} have never died, and would stay`);
  if (whole.others > 0) out(`${count(whole.others)} would go to queues that are not listed`);
  if (origins.size > 0) for (const line of table(ORIGINS, [...origins.values()], width)) out(line);
}

const ORIGINS: readonly Column<Counted['origins'][number]>[] = [
  { title: 'QUEUE', text: ({ queue }) => queue, cuts: true },
  { title: 'MESSAGES', text: ({ messages }) => count(messages), right: true },
  { title: 'THERE', text: ({ exists }) => (exists ? 'yes' : 'no: they would stay') },
];

function number(flag: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^[1-9]\d{0,14}$/.test(value)) throw new CommandError(EXIT.usage, `${flag} '${value}' is not a number above 0`);
  return Number(value);
}

function show({ json, out, width }: Context, redrive: Redrive): void {
  if (json) {
    out(JSON.stringify(redrive));
    return;
  }
  const { noOrigin, unroutable, accessRefused } = redrive.left;
  const rows: [string, string | undefined][] = [
    ['Redrive', redrive.id],
    ['Of', redrive.queue],
    ['To', target(redrive.to)],
    ['Begun', `${redrive.startedAt} by ${redrive.user ?? 'the operator on this machine'}`],
    ['State', redrive.why === '' ? redrive.state : `${redrive.state}: ${redrive.why}`],
    ['Ended', redrive.endedAt],
    ['Moved', count(redrive.moved)],
    ['Looked at', count(redrive.scanned)],
    ['Left, never died', noOrigin > 0 ? count(noOrigin) : undefined],
    ['Left, lead nowhere', unroutable > 0 ? count(unroutable) : undefined],
    ['Left, not permitted', accessRefused > 0 ? count(accessRefused) : undefined],
  ];
  for (const line of facts(rows, width)) out(line);
}

function target(to: Redrive['to']): string {
  if (to === 'origin') return 'where each died';
  if (to.queue !== undefined) return to.queue;
  return `${to.exchange === '' ? 'amq.default' : to.exchange}${to.routingKey === undefined ? '' : ` ${to.routingKey}`}`;
}

function leftOf({ left }: Redrive): number {
  return left.noOrigin + left.unroutable + left.accessRefused;
}
