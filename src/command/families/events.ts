/** `entrepot events`: what happens in a broker, as it happens. */
import type { Command } from 'commander';
import { CommandError, EXIT } from '../exit.ts';
import { safeText } from '../print/text.ts';
import { asking, type CommonFlags, connected } from './context.ts';
import { followed } from './followed.ts';
import { written } from './lists.ts';

type EventFlags = CommonFlags & { readonly kind?: string; readonly vhost?: string; readonly count?: string };

export function addEvents(program: Command): void {
  asking(program, 'events', 'what happens, from now on: who comes and goes, what is made, alarms')
    .option('--kind <kinds>', "only these, with commas between them, as 'connection-opened,alarm-raised'")
    .option('--vhost <name>', 'only what concerns this one')
    .option('--count <n>', 'end after so many')
    .addHelpText('after', '\nWith --json a line of JSON each. It ends in order at Ctrl-C.')
    .action(
      connected<EventFlags>(async ({ client, json, note }, _, { kind, vhost, count }) => {
        if (count !== undefined && !/^[1-9]\d{0,8}$/.test(count)) {
          throw new CommandError(EXIT.usage, `--count '${count}' is not a number above 0`);
        }
        const most = Number(count ?? Number.POSITIVE_INFINITY);
        let told = 0;
        await followed(client.events('/v1/events', { kind, vhost }), async (events) => {
          for (const { name, data } of events) {
            const about = JSON.parse(data) as Record<string, unknown>;
            if (name === 'dropped')
              note(`${String(about['count'])} events were dropped: they came faster than they were read`);
            else await written(`${json ? JSON.stringify({ kind: name, ...about }) : lineOf(name, about)}\n`);
            if (name !== 'dropped' && ++told >= most) return false;
          }
          return true;
        });
      }),
    );
}

/** `2026-11-28 01:20:03  queue-made  vhost=/ queue=orders` */
function lineOf(kind: string, { at, ...about }: Record<string, unknown>): string {
  const when = String(at).replace('T', ' ').slice(0, 19);
  const facts = Object.entries(about).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return safeText([when, kind.padEnd(17), ...facts].join('  '));
}
