/** `entrepot limits`: how much a vhost or a user may take, as operators have set it beside the configuration. */
import { Argument, type Command } from 'commander';
import { CommandError, EXIT } from '../exit.ts';
import { table } from '../print/table.ts';
import { api } from '../reach/client.ts';
import { asking, type Context, connected, done, family } from './context.ts';

/** By RabbitMQ's names in lists, by ours to be set. */
const NAMES = {
  vhost: { 'max-connections': 'connections', 'max-queues': 'queues' },
  user: { 'max-connections': 'connections', 'max-channels': 'channels' },
} as const;
type Kind = keyof typeof NAMES;

interface Limit {
  readonly of: Kind;
  readonly name: string;
  readonly limit: string;
  readonly value: number;
}

const COLUMNS = [
  { title: 'OF', text: ({ of }: Limit) => of },
  { title: 'NAME', text: ({ name }: Limit) => name, cuts: true },
  { title: 'LIMIT', text: ({ limit }: Limit) => limit },
  { title: 'VALUE', text: ({ value }: Limit) => (value < 0 ? 'none' : String(value)), right: true },
];

export function addLimits(program: Command): void {
  const limits = family(program, 'limits', 'how much vhosts and users may take, as operators have set it');
  asking(limits, 'list', 'all that are set').action(connected((context) => list(context)));
  asking(limits, 'set', 'set some; the others stay')
    .addArgument(new Argument('<of>', 'whose').choices(['vhost', 'user']))
    .argument('<name>')
    .argument('<limit=value...>', 'connections, queues (of a vhost), channels (of a user); -1: any number')
    .addHelpText('after', '\nExample:\n  entrepot limits set user batch connections=2 channels=50')
    .action(connected((context, [of, name = '', ...given]) => set(context, of as Kind, name, valuesOf(given))));
  asking(limits, 'clear', 'take back those that are named, or all')
    .addArgument(new Argument('<of>', 'whose').choices(['vhost', 'user']))
    .argument('<name>')
    .argument('[limit...]')
    .action(
      connected((context, [of, name = '', ...given]) => {
        const wanted = given.length > 0 ? given : Object.values(NAMES[of as Kind]);
        return set(context, of as Kind, name, Object.fromEntries(wanted.map((limit) => [limit, null])));
      }),
    );
}

async function list({ client, json, out, width }: Context): Promise<void> {
  const rows: Limit[] = [];
  for (const kind of ['vhost', 'user'] as const) {
    const found = await client.get<readonly (Record<Kind, string> & { value: Record<string, number> })[]>(
      `/${kind}-limits`,
    );
    for (const { value, ...one } of found) {
      for (const [limit, set] of Object.entries(value)) {
        const names: Readonly<Record<string, string>> = NAMES[kind];
        rows.push({ of: kind, name: one[kind], limit: names[limit] ?? limit, value: set });
      }
    }
  }
  if (json) out(JSON.stringify(rows));
  else for (const line of table(COLUMNS, rows, width)) out(line);
}

async function set(context: Context, of: Kind, name: string, body: Record<string, number | null>): Promise<void> {
  const path = of === 'vhost' ? api`/v1/vhosts/${name}/limits` : api`/v1/users/${name}/limits`;
  await context.client.send('PUT', path, { body });
  done(context, 'limited', `${of} ${name}`);
}

/** @throws CommandError usage */
function valuesOf(given: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    given.map((text) => {
      const [, limit, value] = /^([a-z]+)=(-1|\d{1,10})$/.exec(text) ?? [];
      if (limit === undefined) throw new CommandError(EXIT.usage, `'${text}' is not LIMIT=NUMBER`);
      return [limit, Number(value)];
    }),
  );
}
