/** `entrepot half-messages`: messages that are in no queue yet: looked at, and ended in the place of their publishers. */
import type { Command } from 'commander';
import { type Column, table } from '../print/table.ts';
import { count } from '../print/units.ts';
import { api } from '../reach/client.ts';
import { asking, type CommonFlags, connected, done, family } from './context.ts';

interface Half {
  readonly id: string;
  readonly user: string;
  readonly checkAddress: string;
  readonly preparedAt: string;
  readonly asked: number;
}

type Where = CommonFlags & { readonly vhost: string };

const HALF: readonly Column<Half>[] = [
  { title: 'ID', text: ({ id }) => id, cuts: true },
  { title: 'USER', text: ({ user }) => user, cuts: true, spare: 1 },
  { title: 'SINCE', text: ({ preparedAt }) => preparedAt },
  { title: 'ASKED', text: ({ asked }) => count(asked), right: true, spare: 2 },
  { title: 'CHECKED AT', text: ({ checkAddress }) => checkAddress, cuts: true, spare: 3 },
];

export function addHalfMessages(program: Command): void {
  const half = family(program, 'half-messages', 'messages that are stored and wait for a word of their publishers');
  within(asking(half, 'list', 'the oldest first, a thousand at most')).action(
    connected<Where>(async ({ client, json, out, width }, _, { vhost }) => {
      const path = api`/v1/vhosts/${vhost}/half-messages`;
      const { halfMessages } = await client.get<{ halfMessages: readonly Half[] }>(path);
      if (json) out(JSON.stringify(halfMessages));
      else for (const line of table(HALF, halfMessages, width)) out(line);
    }),
  );
  for (const { verb, what, over } of [
    { verb: 'commit', what: 'it goes on its way', over: 'committed' },
    { verb: 'rollback', what: 'it is dropped', over: 'rolled back' },
  ]) {
    within(asking(half, `${verb} <id>`, what)).action(
      connected<Where>(async (context, [id = ''], { vhost }) => {
        await context.client.send('POST', api`/v1/vhosts/${vhost}/half-messages/${id}/${verb}`);
        done(context, over, `half message ${id}`);
      }),
    );
  }
}

function within(command: Command): Command {
  return command.option('--vhost <name>', 'where', '/');
}
