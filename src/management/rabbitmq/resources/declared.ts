/** What declaring a queue and declaring an exchange have in common. */
import type { Mark } from '../../../api/confirms.ts';
import type { Session } from '../../../api/session.ts';
import { whenSafe } from '../../http/safe.ts';
import { badRequest } from '../http/errors.ts';
import { created, noContent } from '../http/replies.ts';

const NAME_BYTES_MAX = 255;

/** @throws Failure 400, in RabbitMQ's words */
export function demandShortName(kind: string, name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes > NAME_BYTES_MAX) {
    throw badRequest(`${kind} should be less than ${NAME_BYTES_MAX} bytes, actually was ${bytes}\n`);
  }
}

/** The answer once it is safe. @param existed it was there already, the same */
export async function declared(session: Session, mark: Mark, existed: boolean): Promise<Response> {
  await whenSafe(session, mark);
  return existed ? noContent() : created();
}
