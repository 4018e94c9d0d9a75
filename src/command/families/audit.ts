/** `entrepot audit`: who has changed what. */
import type { Command } from 'commander';
import { CommandError, EXIT } from '../exit.ts';
import { type Column, table } from '../print/table.ts';
import { asking, type CommonFlags, connected } from './context.ts';

interface Entry {
  readonly at: string;
  readonly times: number;
  readonly user: string | null;
  readonly from?: string;
  readonly what: string;
  readonly on: Readonly<Record<string, string>>;
  readonly outcome: string;
  readonly why?: string;
}

type Flags = CommonFlags & {
  readonly by?: string;
  readonly vhost?: string;
  readonly name?: string;
  readonly outcome?: string;
  readonly limit: string;
};

/** As many as the broker gives in a page. */
const PAGE = 500;

const COLUMNS: readonly Column<Entry>[] = [
  { title: 'AT', text: ({ at }) => at },
  { title: 'WHO', text: ({ user }) => user ?? '(operator)', cuts: true },
  { title: 'FROM', text: ({ from }) => from ?? '', cuts: true, spare: 3 },
  { title: 'WHAT', text: ({ what, times }) => (times > 1 ? `${what} (${times} times)` : what) },
  { title: 'ON', text: ({ on }) => Object.values(on).join(' '), cuts: true },
  { title: 'OUTCOME', text: ({ outcome }) => outcome },
  { title: 'WHY', text: ({ why }) => why ?? '', cuts: true, spare: 2 },
];

export function addAudit(program: Command): void {
  asking(program, 'audit', 'who has changed what over HTTP, the latest first')
    .option('--by <user>', 'only what this user did')
    .option('--vhost <name>', 'only what was done in this one')
    .option('--name <text>', 'only what has this in the name of what it was done to, or in what was done')
    .option('--outcome <outcome>', 'only these: done, refused or failed')
    .option('--limit <n>', 'as many at most; 0 for all', '100')
    .addHelpText(
      'after',
      '\nThe last 5,000 changes since the start of the broker are kept; its log has them all (area audit).\n\nExample:\n  entrepot audit --name orders --outcome refused',
    )
    .action(
      connected<Flags>(async ({ client, json, out, note, width }, _, { limit, ...filter }) => {
        if (!/^\d{1,9}$/.test(limit)) throw new CommandError(EXIT.usage, `--limit '${limit}' is not a number`);
        const { by: user, vhost, name, outcome } = filter;
        const most = Number(limit) || Number.POSITIVE_INFINITY;
        const rows: Entry[] = [];
        for (let matching = 1; rows.length < Math.min(most, matching); ) {
          const asked = { user, vhost, name, outcome, skip: rows.length, limit: Math.min(PAGE, most - rows.length) };
          const page = await client.get<{ entries: readonly Entry[]; matching: number }>('/v1/audit', asked);
          ({ matching } = page);
          rows.push(...page.entries);
          if (page.entries.length === 0) break;
          if (rows.length >= most && matching > most) note(`${most} of ${matching} are shown; --limit 0 shows all`);
        }
        if (json) out(JSON.stringify(rows));
        else for (const line of table(COLUMNS, rows, width)) out(line);
      }),
    );
}
