/** How a client is named where it is noted what it did with a message. */
import type { SessionClient } from '../../api/session.ts';
import type { Party } from '../../queue/passport-notes.ts';

/** Of each of its names: some come from clients. */
const NAME_MAX = 128;

export function partyOf({ transport, clientId }: SessionClient, user: string): Party {
  const { protocol = '', label = '', remote } = transport ?? {};
  const from = remote === undefined || remote.address === '' ? label : `${remote.address}:${remote.port}`;
  const client = clientId === undefined || clientId === '' ? from : `${clientId} (${from})`;
  return { protocol, user: cut(user), client: cut(client), consumer: '' };
}

function cut(name: string): string {
  return name.length > NAME_MAX ? name.slice(0, NAME_MAX) : name;
}
