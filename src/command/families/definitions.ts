/** `entrepot definitions`: what a broker has but for its messages, as a file that RabbitMQ reads too. */
import type { Command } from 'commander';
import { CommandError, EXIT } from '../exit.ts';
import { textOf } from '../import-files.ts';
import { api } from '../reach/client.ts';
import { asking, type CommonFlags, connected, done, family } from './context.ts';

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
      connected<CommonFlags & { vhost?: string }>(async ({ client, out }, _, flags) => {
        out(JSON.stringify(await client.get(pathOf(flags)), undefined, 2));
      }),
    );
  asking(definitions, 'import <file>', 'make what a file has; what is there already stays')
    .option('--vhost <name>', 'into this one')
    .option('--dry-run', 'say of each thing what would become of it, and change nothing')
    .action(
      connected<CommonFlags & { vhost?: string; dryRun?: boolean }>(async (context, [file = ''], flags) => {
        const body = definitionsIn(await textOf(file), file);
        const query = { dry_run: flags.dryRun === true ? 'true' : undefined };
        const answer = (await context.client.send('POST', pathOf(flags), { query, body })).body;
        if (answer !== undefined) context.out(JSON.stringify(answer, undefined, 2));
        else done(context, 'taken', file);
      }),
    );
}

function definitionsIn(text: string, file: string): object {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // said below
  }
  throw new CommandError(EXIT.usage, `${file} holds no definitions: it is no JSON object`);
}
