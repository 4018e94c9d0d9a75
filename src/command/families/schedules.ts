/** `entrepot schedules`: messages that come again and again, or by a calendar: looked at, and ended. */
import type { Command } from 'commander';
import { type Column, table } from '../print/table.ts';
import { count } from '../print/units.ts';
import { api } from '../reach/client.ts';
import { asking, type CommonFlags, connected, done, family } from './context.ts';

interface Schedule {
  readonly id: string;
  readonly user: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly periodMs: number;
  readonly cron: string;
  readonly nextAt: string;
  readonly fired: number;
}

type Where = CommonFlags & { readonly vhost: string };

const COLUMNS: readonly Column<Schedule>[] = [
  { title: 'ID', text: ({ id }) => id },
  { title: 'USER', text: ({ user }) => user, cuts: true, spare: 1 },
  {
    title: 'TO',
    text: ({ exchange, routingKey }) => (exchange === '' ? routingKey : `${exchange}/${routingKey}`),
    cuts: true,
  },
  { title: 'EVERY', text: ({ periodMs, cron }) => (cron === '' ? `${periodMs} ms` : cron) },
  { title: 'NEXT', text: ({ nextAt }) => nextAt },
  { title: 'FIRED', text: ({ fired }) => count(fired), right: true, spare: 2 },
];

export function addSchedules(program: Command): void {
  const schedules = family(program, 'schedules', 'messages that come again and again, or by a calendar');
  within(asking(schedules, 'list', 'the oldest first, a thousand at most')).action(
    connected<Where>(async ({ client, json, out, width }, _, { vhost }) => {
      const { schedules: rows } = await client.get<{ schedules: readonly Schedule[] }>(
        api`/v1/vhosts/${vhost}/schedules`,
      );
      if (json) out(JSON.stringify(rows));
      else for (const line of table(COLUMNS, rows, width)) out(line);
    }),
  );
  within(asking(schedules, 'delete <id>', 'nothing comes of it any more')).action(
    connected<Where>(async (context, [id = ''], { vhost }) => {
      await context.client.send('DELETE', api`/v1/vhosts/${vhost}/schedules/${id}`);
      done(context, 'deleted', `schedule ${id}`);
    }),
  );
}

function within(command: Command): Command {
  return command.option('--vhost <name>', 'where', '/');
}
