/** `entrepot policies` */
import type { Command } from 'commander';
import { CommandError, EXIT } from '../exit.ts';
import { api } from '../reach/client.ts';
import { asking, assignments, type CommonFlags, connected, done, family } from './context.ts';
import { type ListFlags, listing, pairs, show } from './lists.ts';

interface Policy {
  readonly vhost: string;
  readonly name: string;
  readonly pattern: string;
  readonly 'apply-to': string;
  readonly priority: number;
  readonly definition: Readonly<Record<string, unknown>>;
}

interface Kind {
  readonly operator?: boolean;
}

const pathOf = ({ operator }: Kind): string => (operator === true ? '/operator-policies' : '/policies');

export function addPolicies(program: Command): void {
  const policies = family(program, 'policies', 'settings for queues and exchanges whose names fit a pattern');
  withKind(asking(policies, 'list', 'all, or those in a vhost'))
    .option('--vhost <name>', 'in this one')
    .action(
      listing<Policy, ListFlags & Kind & { vhost?: string }>((flags) => ({
        path: pathOf(flags) + (flags.vhost === undefined ? '' : api`/${flags.vhost}`),
        fields: 'vhost,name,pattern,apply-to,priority,definition',
        columns: [
          { title: 'VHOST', text: ({ vhost }) => vhost, cuts: true },
          { title: 'NAME', text: ({ name }) => name, cuts: true },
          { title: 'PATTERN', text: ({ pattern }) => pattern, cuts: true },
          { title: 'APPLY TO', text: (policy) => policy['apply-to'], spare: 1 },
          { title: 'PRIORITY', text: ({ priority }) => String(priority), right: true },
          { title: 'DEFINITION', text: ({ definition }) => pairs(definition), cuts: true },
        ],
      })),
    );
  withKind(asking(policies, 'show <name>', 'one of them'))
    .option('--vhost <name>', 'where', '/')
    .action(
      connected<CommonFlags & Kind & { vhost: string }>((context, [name = ''], flags) =>
        show<Policy>(context, pathOf(flags) + api`/${flags.vhost}/${name}`, (policy) => [
          ['Vhost', policy.vhost],
          ['Name', policy.name],
          ['Pattern', policy.pattern],
          ['Apply to', policy['apply-to']],
          ['Priority', String(policy.priority)],
          ...Object.entries(policy.definition).map(([key, value]) => [key, String(value)] as const),
        ]),
      ),
    );
  withKind(asking(policies, 'set <name> <key=value...>', 'make one, or replace it'))
    .requiredOption('--pattern <pattern>', 'a regular expression of names')
    .option('--vhost <name>', 'where', '/')
    .option('--apply-to <kind>', 'queues, exchanges, or all', 'all')
    .option('--priority <n>', 'of several that fit the highest counts', '0')
    .addHelpText(
      'after',
      "\nExample:\n  entrepot policies set short --pattern '^log\\.' max-length=10000 overflow=reject-publish",
    )
    .action(
      connected<CommonFlags & Kind & { vhost: string; pattern: string; applyTo: string; priority: string }>(
        async (context, [name = '', ...given], flags) => {
          if (!/^-?\d{1,9}$/.test(flags.priority)) throw new CommandError(EXIT.usage, '--priority is a number');
          const body = {
            pattern: flags.pattern,
            'apply-to': flags.applyTo,
            priority: Number(flags.priority),
            definition: assignments(given),
          };
          const { made } = await context.client.send('PUT', pathOf(flags) + api`/${flags.vhost}/${name}`, { body });
          done(context, made ? 'made' : 'changed', `policy ${name}`);
        },
      ),
    );
  withKind(asking(policies, 'delete <name>', 'what it had set is as it was'))
    .option('--vhost <name>', 'where', '/')
    .action(
      connected<CommonFlags & Kind & { vhost: string }>(async (context, [name = ''], flags) => {
        await context.client.send('DELETE', pathOf(flags) + api`/${flags.vhost}/${name}`);
        done(context, 'deleted', `policy ${name}`);
      }),
    );
}

function withKind(command: Command): Command {
  return command.option('--operator', "of operators, which limit what the others' policies may say");
}
