/** `entrepot definitions`: what a broker has but for its messages, as a file that RabbitMQ reads too. */
import type { Command } from 'commander';
import { CommandError, EXIT } from '../exit.ts';
import { textOf } from '../import-files.ts';
import { table } from '../print/table.ts';
import { count } from '../print/units.ts';
import { api } from '../reach/client.ts';
import { asking, type CommonFlags, type Context, connected, family } from './context.ts';
import { written } from './lists.ts';

interface Item {
  readonly kind: string;
  readonly name: string;
  readonly vhost?: string;
  readonly outcome: string;
  readonly reason?: string;
}

const pathOf = ({ vhost }: { readonly vhost?: string }): string =>
  vhost === undefined ? '/definitions' : api`/definitions/${vhost}`;

export function addDefinitions(program: Command): void {
  const definitions = family(
    program,
    'definitions',
    'users, vhosts, policies, exchanges, queues and bindings in one file',
  );
  asking(definitions, 'export', "print them; users' hashed passwords are in it")
    .option('--vhost <name>', 'only what is in this one')
    .action(
      connected<CommonFlags & { vhost?: string }>(({ client }, _, flags) => client.pipe(pathOf(flags), {}, written)),
    );
  asking(definitions, 'import <file>', 'make what a file has; what is there already stays')
    .option('--vhost <name>', 'into this one')
    .option('--dry-run', 'say of each thing what would become of it, and change nothing')
    .action(
      connected<CommonFlags & { vhost?: string; dryRun?: boolean }>(async (context, [file = ''], flags) => {
        const text = await textOf(file);
        demandObject(text, file);
        const dryRun = flags.dryRun === true;
        const query = dryRun ? { dry_run: 'true' } : { report: 'true' };
        const { body } = await context.client.send('POST', pathOf(flags), { query, text });
        const { items } = body as { readonly items: readonly Item[] };
        if (context.json) context.out(JSON.stringify(body));
        else tell(context, items, dryRun);
        if (items.some(({ outcome }) => outcome === 'failed')) {
          throw new CommandError(EXIT.failed, 'not all of it could be taken');
        }
      }),
    );
}

/** Of an import all that is not as it is in the file; of a dry run everything. */
function tell({ out, width }: Context, items: readonly Item[], dryRun: boolean): void {
  const told = dryRun ? items : items.filter(({ outcome }) => outcome !== 'done');
  const columns = [
    { title: 'KIND', text: ({ kind }: Item) => kind },
    { title: 'VHOST', text: ({ vhost }: Item) => vhost ?? '', cuts: true, spare: 1 },
    { title: 'NAME', text: ({ name }: Item) => name, cuts: true },
    { title: 'OUTCOME', text: ({ outcome }: Item) => outcome.replaceAll('-', ' ') },
    { title: 'WHY', text: ({ reason }: Item) => reason ?? '', cuts: true },
  ];
  if (told.length > 0) for (const line of table(columns, told, width)) out(line);
  const counts = new Map<string, number>();
  for (const { outcome } of items) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  const summary = [...counts].map(([outcome, n]) => `${count(n)} ${outcome.replaceAll('-', ' ')}`).join(', ');
  out(`${count(items.length)} in all${summary === '' ? '' : `: ${summary}`}`);
}

/** @throws CommandError usage */
function demandObject(text: string, file: string): void {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  } catch {
    // said below
  }
  throw new CommandError(EXIT.usage, `${file} holds no definitions: it is no JSON object`);
}
