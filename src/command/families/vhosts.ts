/** `entrepot vhosts` */
import type { Command } from 'commander';
import { count } from '../print/units.ts';
import { api } from '../reach/client.ts';
import { asking, type CommonFlags, connected, done, family } from './context.ts';
import { addPageOptions, listing, show } from './lists.ts';

interface Vhost {
  readonly name: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly messages?: number;
  readonly messages_ready?: number;
  readonly messages_unacknowledged?: number;
  readonly cluster_state?: Readonly<Record<string, string>>;
}

export function addVhosts(program: Command): void {
  const vhosts = family(program, 'vhosts', 'rooms of their own for exchanges, queues and who may use them');
  addPageOptions(asking(vhosts, 'list', 'all that there are')).action(
    listing<Vhost>(() => ({
      path: '/vhosts',
      fields: 'name,description,tags,messages,messages_ready,messages_unacknowledged,cluster_state',
      paged: true,
      columns: [
        { title: 'NAME', text: ({ name }) => name, cuts: true },
        { title: 'READY', text: ({ messages_ready }) => count(messages_ready), right: true },
        { title: 'UNSETTLED', text: ({ messages_unacknowledged }) => count(messages_unacknowledged), right: true },
        { title: 'STATE', text: stateOf },
        { title: 'TAGS', text: ({ tags }) => tags?.join(' ') ?? '', cuts: true, spare: 1 },
        { title: 'DESCRIPTION', text: ({ description }) => description ?? '', cuts: true, spare: 2 },
      ],
    })),
  );
  asking(vhosts, 'show <name>', 'one of them').action(
    connected((context, [name = '']) =>
      show<Vhost>(context, api`/vhosts/${name}`, (vhost) => [
        ['Name', vhost.name],
        ['Description', vhost.description],
        ['Tags', vhost.tags?.join(' ')],
        ['State', stateOf(vhost)],
        ['Ready', count(vhost.messages_ready)],
        ['Unsettled', count(vhost.messages_unacknowledged)],
      ]),
    ),
  );
  asking(vhosts, 'add <name>', 'make one, or say something else of one that is there')
    .option('--description <text>', 'what it is for')
    .option('--tags <list>', 'with commas between')
    .action(
      connected<CommonFlags & { description?: string; tags?: string }>(async (context, [name = ''], flags) => {
        const body = { description: flags.description ?? '', tags: flags.tags ?? '' };
        const { made } = await context.client.send('PUT', api`/vhosts/${name}`, { body });
        done(context, made ? 'made' : 'changed', `vhost ${name}`);
      }),
    );
  asking(vhosts, 'delete <name>', 'with everything that is in it').action(
    connected(async (context, [name = '']) => {
      await context.client.send('DELETE', api`/vhosts/${name}`);
      done(context, 'deleted', `vhost ${name}`);
    }),
  );
}

function stateOf({ cluster_state }: Vhost): string {
  return Object.values(cluster_state ?? {})[0] ?? '-';
}
