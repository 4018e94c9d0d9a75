/** `entrepot sessions` and `entrepot retained`: what is kept for clients that are away, and for those who subscribe later. */
import type { Command } from 'commander';
import { CommandError, EXIT } from '../exit.ts';
import { type Column, facts, table } from '../print/table.ts';
import { bytes, count } from '../print/units.ts';
import { api } from '../reach/client.ts';
import { asking, type CommonFlags, type Context, connected, done, family } from './context.ts';

/** As many as our own API gives in a page. */
const PAGE = 500;
const MOST = 500;

interface Session {
  readonly vhost: string;
  readonly protocol: string;
  readonly clientId: string;
  readonly user: string;
  readonly connected: boolean;
  readonly queue?: string;
  readonly expirySeconds: number | null;
  readonly endsAt?: string;
}

interface WholeSession extends Session {
  readonly ready: number;
  readonly unsettled: number;
  readonly subscriptions: readonly { readonly exchange: string; readonly key: string }[];
}

interface Retained {
  readonly key: string;
  readonly bytes: number;
  readonly expiresAt?: string;
}

type PageFlags = CommonFlags & { readonly vhost: string; readonly name?: string; readonly limit?: string };
type SessionFlags = CommonFlags & { readonly vhost: string; readonly protocol: string };

const SESSION_COLUMNS: readonly Column<Session>[] = [
  { title: 'PROTOCOL', text: ({ protocol }) => protocol, spare: 2 },
  { title: 'CLIENT', text: ({ clientId }) => clientId, cuts: 30 },
  { title: 'USER', text: ({ user }) => user, cuts: true },
  { title: 'HERE', text: (session) => (session.connected ? 'yes' : 'no') },
  { title: 'ENDS', text: ({ endsAt }) => endsAt ?? '', spare: 1 },
  { title: 'QUEUE', text: ({ queue }) => queue ?? '', cuts: true, spare: 3 },
];

const RETAINED_COLUMNS: readonly Column<Retained>[] = [
  { title: 'KEY', text: ({ key }) => key, cuts: 30 },
  { title: 'SIZE', text: (one) => bytes(one.bytes), right: true },
  { title: 'EXPIRES', text: ({ expiresAt }) => expiresAt ?? '', spare: 1 },
];

export function addSessions(program: Command): void {
  const sessions = family(program, 'sessions', 'sessions that outlive the connections of their clients');
  paged(asking(sessions, 'list', 'those in a vhost')).action(
    connected<PageFlags>((context, _, flags) =>
      list(context, api`/v1/vhosts/${flags.vhost}/sessions`, 'sessions', SESSION_COLUMNS, flags),
    ),
  );
  ofProtocol(asking(sessions, 'show <client>', 'one of them, with its subscriptions')).action(
    connected<SessionFlags>(async ({ client, json, out, width }, [name = ''], { vhost, protocol }) => {
      const session = await client.get<WholeSession>(api`/v1/vhosts/${vhost}/sessions/${protocol}/${name}`);
      if (json) out(JSON.stringify(session, undefined, 2));
      else for (const line of facts(factsOf(session), width)) out(line);
    }),
  );
  ofProtocol(asking(sessions, 'delete <client>', 'with all that waits in it; its client is disconnected')).action(
    connected<SessionFlags>(async (context, [name = ''], { vhost, protocol }) => {
      await context.client.send('DELETE', api`/v1/vhosts/${vhost}/sessions/${protocol}/${name}`);
      done(context, 'ended', `session ${name}`);
    }),
  );
}

export function addRetained(program: Command): void {
  const retained = family(program, 'retained', 'the last messages of topics, for who subscribes later');
  paged(asking(retained, 'list', 'those in a vhost')).action(
    connected<PageFlags>((context, _, flags) =>
      list(context, api`/v1/vhosts/${flags.vhost}/retained`, 'retained', RETAINED_COLUMNS, flags),
    ),
  );
  asking(retained, 'show <key>', 'the whole message, as JSON')
    .option('--vhost <name>', 'where', '/')
    .action(
      connected<CommonFlags & { vhost: string }>(async ({ client, out }, [key = ''], { vhost }) => {
        const path = api`/v1/vhosts/${vhost}/retained/${key}`;
        out(JSON.stringify(await client.get(path, { bodyBytes: 1024 * 1024 }), undefined, 2));
      }),
    );
  asking(retained, 'delete <key>', 'subscribers hear nothing of it')
    .option('--vhost <name>', 'where', '/')
    .action(
      connected<CommonFlags & { vhost: string }>(async (context, [key = ''], { vhost }) => {
        await context.client.send('DELETE', api`/v1/vhosts/${vhost}/retained/${key}`);
        done(context, 'deleted', `retained message of ${key}`);
      }),
    );
}

function paged(command: Command): Command {
  return command
    .option('--vhost <name>', 'where', '/')
    .option('--name <text>', 'only those with this in their names')
    .option('--limit <n>', `as many at most; 0 for all (default: ${MOST})`);
}

function ofProtocol(command: Command): Command {
  return command.option('--vhost <name>', 'where', '/').option('--protocol <name>', 'that it speaks', 'mqtt');
}

async function list<T>(
  { client, json, out, note, width }: Context,
  path: string,
  part: 'sessions' | 'retained',
  columns: readonly Column<T>[],
  { name, limit = String(MOST) }: PageFlags,
): Promise<void> {
  if (!/^\d{1,9}$/.test(limit)) throw new CommandError(EXIT.usage, `--limit '${limit}' is not a number`);
  const most = Number(limit) || Number.POSITIVE_INFINITY;
  const rows: T[] = [];
  let matching = Number.POSITIVE_INFINITY;
  while (rows.length < Math.min(most, matching)) {
    const query = { name, skip: rows.length, limit: Math.min(PAGE, most - rows.length) };
    const page = await client.get<{ readonly matching: number } & Readonly<Record<string, readonly T[]>>>(path, query);
    const items = page[part]!;
    matching = page.matching;
    if (items.length === 0) break;
    for (const item of items) rows.push(item);
  }
  if (json) out(JSON.stringify(rows));
  else for (const line of table(columns, rows, width)) out(line);
  if (rows.length < matching) note(`${rows.length} of ${matching} are shown; --limit 0 shows all`);
}

function factsOf(session: WholeSession): [string, string | undefined][] {
  const { expirySeconds, subscriptions } = session;
  return [
    ['Client', session.clientId],
    ['Protocol', session.protocol],
    ['User', session.user],
    ['Here', session.connected ? 'yes' : 'no'],
    ['Outlives its connection', expirySeconds === null ? 'for good' : `${count(expirySeconds)} s`],
    ['Ends', session.endsAt],
    ['Queue', session.queue],
    ['Ready', count(session.ready)],
    ['Unsettled', count(session.unsettled)],
    ...subscriptions.map(({ key }): [string, string] => ['Subscription', key]),
  ];
}
