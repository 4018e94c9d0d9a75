/** `entrepot dropped`: the last messages that ended without being delivered, and why. */
import type { Command } from 'commander';
import { type Column, table } from '../print/table.ts';
import { bytes } from '../print/units.ts';
import { api } from '../reach/client.ts';
import { asking, type CommonFlags, connected } from './context.ts';

interface Dropped {
  readonly at: string;
  readonly reason: string;
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageId?: string;
  readonly position: number;
  readonly bodyBytes: number;
  readonly by?: { readonly user: string; readonly client: string };
}

type Flags = CommonFlags & {
  readonly vhost: string;
  readonly reason?: string;
  readonly queue?: string;
  readonly id?: string;
};

const COLUMNS: readonly Column<Dropped>[] = [
  { title: 'AT', text: ({ at }) => at },
  { title: 'WHY', text: ({ reason }) => reason },
  { title: 'QUEUE', text: ({ queue }) => (queue === '' ? '(none)' : queue), cuts: true },
  {
    title: 'PUBLISHED TO',
    text: ({ exchange, routingKey }) => `${exchange || 'amq.default'} ${routingKey}`,
    cuts: true,
  },
  { title: 'ID', text: ({ messageId }) => messageId ?? '', cuts: true, spare: 1 },
  { title: 'BODY', text: ({ bodyBytes }) => bytes(bodyBytes), right: true, spare: 3 },
  { title: 'BY', text: ({ by }) => (by === undefined ? '' : `${by.user} ${by.client}`), cuts: true, spare: 2 },
];

export function addDropped(program: Command): void {
  asking(program, 'dropped', 'the last messages that ended without being delivered, and why, the latest first')
    .option('--vhost <name>', 'where', '/')
    .option('--reason <reason>', 'only these: rejected, expired, maxlen, unroutable …')
    .option('--queue <name>', 'only those of this queue')
    .option('--id <id>', 'only those of this message id')
    .addHelpText(
      'after',
      '\nA hundred of each reason are kept.\n\nExample:\n  entrepot dropped --queue orders --reason expired',
    )
    .action(
      connected<Flags>(async ({ client, json, out, width }, _, { vhost, reason, queue, id }) => {
        const asked = new URLSearchParams();
        if (reason !== undefined) asked.set('reason', reason);
        if (queue !== undefined) asked.set('queue', queue);
        if (id !== undefined) asked.set('messageId', id);
        const { dropped } = await client.get<{ dropped: readonly Dropped[] }>(
          `${api`/v1/vhosts/${vhost}/dropped`}?${asked}`,
        );
        if (json) out(JSON.stringify(dropped));
        else for (const line of table(COLUMNS, dropped, width)) out(line);
      }),
    );
}
