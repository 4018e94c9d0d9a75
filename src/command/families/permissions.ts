/** `entrepot permissions`: what users may do in a vhost, and with which topics. */
import type { Command } from 'commander';
import { CommandError, EXIT } from '../exit.ts';
import { api } from '../reach/client.ts';
import { asking, type CommonFlags, connected, done, family } from './context.ts';
import { type ListFlags, listing } from './lists.ts';

interface Permission {
  readonly user: string;
  readonly vhost: string;
  readonly exchange?: string;
  readonly configure?: string;
  readonly write: string;
  readonly read: string;
}

type Flags = CommonFlags & {
  readonly vhost: string;
  readonly topics?: string;
  readonly configure?: string;
  readonly write?: string;
  readonly read?: string;
};

export function addPermissions(program: Command): void {
  const permissions = family(program, 'permissions', 'what users may do in a vhost');
  asking(permissions, 'list', 'all, or those in a vhost, or of a user')
    .option('--vhost <name>', 'in this one')
    .option('--of <user>', 'of this user')
    .option('--topics', 'those of topics')
    .action(
      listing<Permission, ListFlags & { vhost?: string; of?: string; topics?: boolean }>(({ vhost, of, topics }) => {
        if (vhost !== undefined && of !== undefined)
          throw new CommandError(EXIT.usage, '--vhost and --of are one too many');
        const kind = topics === true ? 'topic-permissions' : 'permissions';
        const within = vhost === undefined ? '' : api`/vhosts/${vhost}`;
        return {
          path: `${of === undefined ? within : api`/users/${of}`}/${kind}`,
          fields: 'user,vhost,exchange,configure,write,read',
          columns: [
            { title: 'USER', text: ({ user }) => user, cuts: true },
            { title: 'VHOST', text: (one) => one.vhost, cuts: true },
            topics === true
              ? { title: 'EXCHANGE', text: ({ exchange }) => exchange ?? '', cuts: true }
              : { title: 'CONFIGURE', text: ({ configure }) => configure ?? '', cuts: true },
            { title: 'WRITE', text: ({ write }) => write, cuts: true },
            { title: 'READ', text: ({ read }) => read, cuts: true },
          ],
        };
      }),
    );
  asking(permissions, 'set <user>', 'regular expressions of names; what is left out is nothing')
    .option('--vhost <name>', 'where', '/')
    .option('--topics <exchange>', 'of the topics of this exchange')
    .option('--configure <pattern>', 'what it may declare and delete')
    .option('--write <pattern>', 'what it may publish to')
    .option('--read <pattern>', 'what it may consume from')
    .addHelpText(
      'after',
      "\nExample:\n  entrepot permissions set ann --configure '^ann\\.' --write '.*' --read '^ann\\.'",
    )
    .action(
      connected<Flags>(async (context, [user = ''], { vhost, topics, configure, write = '', read = '' }) => {
        if (topics !== undefined && configure !== undefined)
          throw new CommandError(EXIT.usage, 'topics are not configured');
        const path =
          topics === undefined ? api`/permissions/${vhost}/${user}` : api`/topic-permissions/${vhost}/${user}`;
        const body =
          topics === undefined ? { configure: configure ?? '', write, read } : { exchange: topics, write, read };
        const { made } = await context.client.send('PUT', path, { body });
        done(context, made ? 'given' : 'changed', `permissions of ${user} in ${vhost}`);
      }),
    );
  asking(permissions, 'delete <user>', 'all it has in a vhost, or those of topics alone')
    .option('--vhost <name>', 'where', '/')
    .option('--topics <exchange>', 'of the topics of this exchange alone')
    .action(
      connected<Flags>(async (context, [user = ''], { vhost, topics }) => {
        const path =
          topics === undefined
            ? api`/permissions/${vhost}/${user}`
            : api`/topic-permissions/${vhost}/${user}/${topics}`;
        await context.client.send('DELETE', path);
        done(context, 'taken away', `permissions of ${user} in ${vhost}`);
      }),
    );
}
