/** LLEN, EXISTS, DEL. A list without elements is none, as with Redis; its queue stays until DEL. */
import { MARK_NOW, type Mark } from '../../../src/api/index.ts';
import type { Command } from '../codec/command-parser.ts';
import type { Client } from '../connection/client.ts';

export function llen({ lists, reply }: Client, command: Command): void {
  reply.integer(lists.length(command.text(1)));
}

export function exists(client: Client, command: Command): void {
  const names = command.texts(1);
  let found = 0;
  client.eachStep(
    names.length,
    (i) => {
      if (client.lists.length(names[i]!) > 0) found++;
    },
    () => client.reply.integer(found),
  );
}

/** Replies how many had elements, once it is safe that they have gone. */
export function del(client: Client, command: Command): void {
  const names = command.texts(1);
  let left = names.length;
  let found = 0;
  let last: Mark = MARK_NOW;
  const deleted = (had: boolean, mark: Mark): void => {
    if (had) found++;
    if (mark > last) last = mark;
    if (--left === 0) client.integerWhenSafe(found, last);
  };
  client.eachStep(
    names.length,
    (i) => client.lists.delete(names[i]!, deleted),
    () => {},
  );
}
