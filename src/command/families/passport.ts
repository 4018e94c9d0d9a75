/** `entrepot passport`: where a message is, and what happened to it. */
import type { Command } from 'commander';
import { CommandError, EXIT } from '../exit.ts';
import { type Column, facts, table } from '../print/table.ts';
import { bytes } from '../print/units.ts';
import { api } from '../reach/client.ts';
import { asking, type CommonFlags, type Context, connected } from './context.ts';

interface Named {
  readonly protocol?: string;
  readonly user: string;
  readonly client: string;
  readonly consumer?: string;
}

interface Step {
  readonly at: string;
  readonly event: string;
  readonly position: number;
  readonly queue: string | null;
  readonly by: Named | null;
  readonly attempts?: number;
  readonly dueAt?: string;
  readonly reason?: string;
  readonly continues?: number;
}

interface Passport {
  readonly positions: readonly number[];
  readonly message: {
    readonly arrivedAt: string;
    readonly exchange: string;
    readonly routingKey: string;
    readonly messageId?: string;
    readonly bodyBytes: number;
    readonly expiresAt?: string;
  } | null;
  readonly now: readonly {
    readonly queue: string;
    readonly position: number;
    readonly state: string;
    readonly attempts: number;
    readonly heldBy?: Named;
    readonly dueAt?: string;
  }[];
  readonly events: readonly Step[];
  readonly dropped: readonly {
    readonly at: string;
    readonly reason: string;
    readonly queue: string;
    readonly by?: Named;
  }[];
  readonly eventsSince: string | null;
}

type Flags = CommonFlags & { readonly vhost: string; readonly id?: string };

const STEPS: readonly Column<Step>[] = [
  { title: 'AT', text: ({ at }) => at },
  { title: 'EVENT', text: said },
  { title: 'QUEUE', text: ({ queue }) => (queue === '' ? '(none)' : (queue ?? '(gone)')), cuts: true },
  { title: 'BY', text: ({ by }) => (by === null ? 'the broker' : named(by)), cuts: true, spare: 1 },
];

export function addPassport(program: Command): void {
  asking(program, 'passport [position]', 'where a message is, and what happened to it')
    .option('--vhost <name>', 'where', '/')
    .option('--id <id>', 'the message id that its publisher gave it, in the place of a position')
    .addHelpText(
      'after',
      "\nWhat happens to messages is kept for queues with the argument x-passport, or under a policy:\n  entrepot policies set trace --pattern '^orders' passport=true\n\nExample:\n  entrepot passport --id order-4711",
    )
    .action(connected<Flags>((context, [position], flags) => show(context, position, flags)));
}

async function show({ client, json, out, width }: Context, position: string | undefined, flags: Flags): Promise<void> {
  const { vhost, id } = flags;
  if ((position === undefined) === (id === undefined)) {
    throw new CommandError(EXIT.usage, 'name a position, or a message id with --id');
  }
  if (position !== undefined && !/^[1-9]\d{0,14}$/.test(position)) {
    throw new CommandError(EXIT.usage, `'${position}' is no position: with --id a message is found by its id`);
  }
  const which = position === undefined ? `messageId=${encodeURIComponent(id!)}` : `position=${position}`;
  const passport = await client.get<Passport>(`${api`/v1/vhosts/${vhost}/passport`}?${which}`);
  if (json) {
    out(JSON.stringify(passport));
    return;
  }
  const { positions, message, now, events, dropped, eventsSince } = passport;
  if (positions.length === 0 && dropped.length === 0) {
    throw new CommandError(
      EXIT.notFound,
      eventsSince === null
        ? 'nothing is known of it: no queue has it noted what happens to its messages (x-passport)'
        : `nothing is known of it; what happened is kept since ${eventsSince}`,
    );
  }
  const rows: [string, string | undefined][] = [
    ['Message', positions.join(', then ')],
    ['Id', message?.messageId],
    ['Published to', message === null ? undefined : `${message.exchange || 'amq.default'} ${message.routingKey}`],
    ['Came in', message?.arrivedAt],
    ['Expires', message?.expiresAt],
    ['Body', message === null ? undefined : bytes(message.bodyBytes)],
    ...now.map((place): [string, string] => ['Now', placed(place)]),
    ...(now.length === 0 ? [['Now', 'in no queue'] as [string, string]] : []),
    ...dropped.map(({ at, reason, queue, by }): [string, string] => [
      'Dropped',
      `${at} ${reason} ${queue}${by === undefined ? '' : `, of ${named(by)}`}`,
    ]),
  ];
  for (const line of facts(rows, width)) out(line);
  if (events.length === 0) return;
  out('');
  for (const line of table(STEPS, events, width)) out(line);
}

function placed({ queue, state, heldBy, dueAt, attempts }: Passport['now'][number]): string {
  const failed = attempts > 0 ? `, failed ${attempts} times` : '';
  if (heldBy !== undefined) return `${queue}: held by ${named(heldBy)}${failed}`;
  return `${queue}: ${state}${dueAt === undefined ? '' : ` until ${dueAt}`}${failed}`;
}

function said({ event, attempts, dueAt, reason, continues }: Step): string {
  if (reason !== undefined) return `${event}: ${reason}`;
  if (dueAt !== undefined) return `${event} at ${dueAt}`;
  if (continues !== undefined) return `${event}, was ${continues}`;
  return attempts === undefined || attempts === 0 ? event : `${event}, attempt ${attempts + 1}`;
}

function named({ user, client, consumer }: Named): string {
  return [user, client, consumer ?? ''].filter((name) => name !== '').join(' ');
}
