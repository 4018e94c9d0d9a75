/** `entrepot exchanges` and `entrepot bindings` */
import type { Command } from 'commander';
import { CommandError, EXIT } from '../exit.ts';
import { rate } from '../print/units.ts';
import { api } from '../reach/client.ts';
import { asking, assignments, type CommonFlags, connected, done, family, repeated } from './context.ts';
import { addPageOptions, type ListFlags, listing, pairs, show } from './lists.ts';

interface Exchange {
  readonly vhost: string;
  readonly name: string;
  readonly type: string;
  readonly durable: boolean;
  readonly auto_delete: boolean;
  readonly internal: boolean;
  readonly policy?: string | null;
  readonly arguments?: Readonly<Record<string, unknown>>;
  readonly message_stats?: {
    readonly publish_in_details?: { readonly rate: number };
    readonly publish_out_details?: { readonly rate: number };
  };
}

interface Binding {
  readonly vhost: string;
  readonly source: string;
  readonly destination: string;
  readonly destination_type: string;
  readonly routing_key: string;
  readonly properties_key: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** What the default exchange is called in paths. */
const inPath = (exchange: string): string => (exchange === '' ? 'amq.default' : exchange);
const shownName = (name: string): string => (name === '' ? '(default)' : name);

export function addExchanges(program: Command): void {
  const exchanges = family(program, 'exchanges', 'where messages come in');
  addPageOptions(asking(exchanges, 'list', 'all, or those in a vhost'))
    .option('--vhost <name>', 'in this one')
    .action(
      listing<Exchange, ListFlags & { vhost?: string }>(({ vhost }) => ({
        path: vhost === undefined ? '/exchanges' : api`/exchanges/${vhost}`,
        fields: 'vhost,name,type,durable,auto_delete,internal,policy,message_stats',
        paged: true,
        columns: [
          { title: 'VHOST', text: (exchange) => exchange.vhost, cuts: true },
          { title: 'NAME', text: ({ name }) => shownName(name), cuts: true },
          { title: 'TYPE', text: ({ type }) => type },
          { title: 'IN', text: (one) => rate(one.message_stats?.publish_in_details?.rate ?? 0), right: true },
          { title: 'OUT', text: (one) => rate(one.message_stats?.publish_out_details?.rate ?? 0), right: true },
          { title: 'FEATURES', text: featuresOf, spare: 2 },
          { title: 'POLICY', text: ({ policy }) => policy ?? '', cuts: true, whereKnown: true, spare: 1 },
        ],
      })),
    );
  asking(exchanges, 'show <name>', 'one of them')
    .option('--vhost <name>', 'where', '/')
    .action(
      connected<CommonFlags & { vhost: string }>((context, [name = ''], { vhost }) =>
        show<Exchange>(context, api`/exchanges/${vhost}/${inPath(name)}`, (exchange) => [
          ['Vhost', exchange.vhost],
          ['Name', shownName(exchange.name)],
          ['Type', exchange.type],
          ['Features', featuresOf(exchange)],
          ['Arguments', pairs(exchange.arguments)],
          ['Policy', exchange.policy ?? undefined],
          ['In', rate(exchange.message_stats?.publish_in_details?.rate ?? 0)],
          ['Out', rate(exchange.message_stats?.publish_out_details?.rate ?? 0)],
        ]),
      ),
    );
  asking(exchanges, 'add <name>', 'declare one; it outlives the broker')
    .option('--vhost <name>', 'where', '/')
    .option('--type <type>', 'direct, fanout, topic, headers …', 'direct')
    .option('--transient', 'it does not outlive the broker')
    .option('--auto-delete', 'it goes with its last binding')
    .option('--internal', 'only other exchanges lead to it')
    .option('--argument <key=value>', 'such as alternate-exchange=other; may be repeated', repeated)
    .action(
      connected<
        CommonFlags & {
          vhost: string;
          type: string;
          transient?: boolean;
          autoDelete?: boolean;
          internal?: boolean;
          argument?: string[];
        }
      >(async (context, [name = ''], { vhost, type, transient, autoDelete, internal, argument }) => {
        const body = {
          type,
          durable: transient !== true,
          auto_delete: autoDelete === true,
          internal: internal === true,
          arguments: assignments(argument ?? []),
        };
        const { made } = await context.client.send('PUT', api`/exchanges/${vhost}/${inPath(name)}`, { body });
        done(context, made ? 'made' : 'there already', `exchange ${name}`);
      }),
    );
  asking(exchanges, 'delete <name>', 'with its bindings')
    .option('--vhost <name>', 'where', '/')
    .option('--if-unused', 'only if it has none')
    .action(
      connected<CommonFlags & { vhost: string; ifUnused?: boolean }>(
        async (context, [name = ''], { vhost, ifUnused }) => {
          const query = { 'if-unused': ifUnused === true ? 'true' : undefined };
          await context.client.send('DELETE', api`/exchanges/${vhost}/${inPath(name)}`, { query });
          done(context, 'deleted', `exchange ${name}`);
        },
      ),
    );
}

function featuresOf({ durable, auto_delete, internal }: Exchange): string {
  return [durable && 'durable', auto_delete && 'auto-delete', internal && 'internal'].filter(Boolean).join(' ');
}

type Ends = CommonFlags & {
  readonly vhost: string;
  readonly toExchange?: boolean;
  readonly key: string;
  readonly argument?: string[];
};

export function addBindings(program: Command): void {
  const bindings = family(
    program,
    'bindings',
    'which way messages go from exchanges to queues, and to other exchanges',
  );
  asking(bindings, 'list', 'all, or those in a vhost')
    .option('--vhost <name>', 'in this one')
    .option('--queue <name>', 'that lead to this queue')
    .option('--exchange <name>', 'that begin at this exchange')
    .action(
      listing<Binding, ListFlags & { vhost?: string; queue?: string; exchange?: string }>((flags) => ({
        path: bindingsPath(flags),
        fields: 'vhost,source,destination,destination_type,routing_key,arguments',
        columns: [
          { title: 'VHOST', text: ({ vhost }) => vhost, cuts: true, spare: 1 },
          { title: 'FROM', text: ({ source }) => shownName(source), cuts: true },
          { title: 'TO', text: ({ destination }) => shownName(destination), cuts: true },
          { title: 'KIND', text: ({ destination_type }) => destination_type },
          { title: 'KEY', text: ({ routing_key }) => routing_key, cuts: true },
          { title: 'ARGUMENTS', text: (binding) => pairs(binding.arguments), cuts: true, spare: 2 },
        ],
      })),
    );
  withEnds(asking(bindings, 'add <exchange> <destination>', 'from an exchange to a queue, or to another exchange'))
    .option('--argument <key=value>', 'such as x-match=all; may be repeated', repeated)
    .action(
      connected<Ends>(async (context, [source = '', destination = ''], flags) => {
        const body = { routing_key: flags.key, arguments: assignments(flags.argument ?? []) };
        await context.client.send('POST', endsPath(flags, source, destination), { body });
        done(context, 'made', `binding ${source} to ${destination}`);
      }),
    );
  withEnds(asking(bindings, 'delete <exchange> <destination>', 'the one with this key')).action(
    connected<Ends>(async (context, [source = '', destination = ''], flags) => {
      const path = endsPath(flags, source, destination);
      const there = await context.client.get<readonly Binding[]>(path);
      const fit = there.filter(({ routing_key }) => routing_key === flags.key);
      if (fit.length === 0) throw new CommandError(EXIT.notFound, 'there is no such binding');
      for (const { properties_key } of fit) await context.client.send('DELETE', path + api`/${properties_key}`);
      done(context, 'deleted', `binding ${source} to ${destination}`);
    }),
  );
}

function withEnds(command: Command): Command {
  return command
    .option('--vhost <name>', 'where', '/')
    .option('--key <key>', 'routing key', '')
    .option('--to-exchange', 'the destination is an exchange');
}

function endsPath({ vhost, toExchange }: Ends, source: string, destination: string): string {
  const from = api`/bindings/${vhost}/e/${inPath(source)}`;
  return from + (toExchange === true ? api`/e/${inPath(destination)}` : api`/q/${destination}`);
}

function bindingsPath({ vhost, queue, exchange }: { vhost?: string; queue?: string; exchange?: string }): string {
  if (queue !== undefined && exchange !== undefined)
    throw new CommandError(EXIT.usage, '--queue and --exchange are one too many');
  if (queue !== undefined) return api`/queues/${vhost ?? '/'}/${queue}/bindings`;
  if (exchange !== undefined) return api`/exchanges/${vhost ?? '/'}/${inPath(exchange)}/bindings/source`;
  return vhost === undefined ? '/bindings' : api`/bindings/${vhost}`;
}
