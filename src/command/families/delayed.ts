/** `entrepot delayed`: messages that wait for their time: looked at, and dropped before it. */
import type { Command } from 'commander';
import { CommandError, EXIT } from '../exit.ts';
import { type Column, table } from '../print/table.ts';
import { bytes, UNKNOWN } from '../print/units.ts';
import { api } from '../reach/client.ts';
import { asking, type CommonFlags, type Context, connected, done, family } from './context.ts';

interface DelayedMessage {
  readonly position: number;
  readonly dueAt: string;
  readonly exchange?: string;
  readonly routingKeys?: readonly string[];
  readonly messageId?: string;
  readonly bodyBytes?: number;
}

interface Page {
  readonly delayed: readonly DelayedMessage[];
  readonly total: number;
  readonly next: string | null;
}

type Where = CommonFlags & { readonly vhost: string };
type ListFlags = Where & { readonly limit?: string };

/** As many as the broker gives in a page. */
const PAGE = 500;

const COLUMNS: readonly Column<DelayedMessage>[] = [
  { title: 'POSITION', text: ({ position }) => String(position), right: true },
  { title: 'DUE', text: ({ dueAt }) => dueAt },
  { title: 'TO', text: to, cuts: true },
  { title: 'ID', text: ({ messageId }) => messageId ?? UNKNOWN, cuts: true, spare: 1 },
  { title: 'BODY', text: ({ bodyBytes }) => bytes(bodyBytes), right: true, spare: 2 },
];

/** A queue, or an exchange and the key; more keys are counted. */
function to({ exchange, routingKeys = [] }: DelayedMessage): string {
  if (exchange === undefined) return 'cannot be read';
  const [first = '', ...others] = routingKeys;
  const more = others.length === 0 ? '' : ` +${others.length}`;
  return `${exchange === '' ? first : `${exchange}/${first}`}${more}`;
}

export function addDelayed(program: Command): void {
  const delayed = family(program, 'delayed', 'messages that wait for their time');
  within(asking(delayed, 'list', 'those that are due next first'))
    .option('--limit <n>', `as many at most; 0 for all (default: ${PAGE})`)
    .action(connected<ListFlags>(async (context, _, flags) => list(context, flags)));
  within(asking(delayed, 'drop <position...>', 'before they are due: they are never routed')).action(
    connected<Where>(async (context, positions, { vhost }) => {
      for (const position of positions) {
        await context.client.send('DELETE', api`/v1/vhosts/${vhost}/delayed/${position}`);
        done(context, 'dropped', `delayed message ${position}`);
      }
    }),
  );
}

async function list({ client, json, out, note, width }: Context, flags: ListFlags): Promise<void> {
  const { vhost, limit = String(PAGE) } = flags;
  if (!/^\d{1,9}$/.test(limit)) throw new CommandError(EXIT.usage, `--limit '${limit}' is not a number`);
  const most = Number(limit) || Number.POSITIVE_INFINITY;
  const rows: DelayedMessage[] = [];
  let total = 0;
  let after: string | undefined;
  do {
    const query = { limit: Math.min(PAGE, most - rows.length), after };
    const page = await client.get<Page>(api`/v1/vhosts/${vhost}/delayed`, query);
    rows.push(...page.delayed);
    total = page.total;
    after = page.next ?? undefined;
  } while (after !== undefined && rows.length < most);
  if (json) out(JSON.stringify(rows));
  else for (const line of table(COLUMNS, rows, width)) out(line);
  if (after !== undefined) note(`${rows.length} of ${total} are shown; --limit 0 shows all`);
}

function within(command: Command): Command {
  return command.option('--vhost <name>', 'where', '/');
}
