/** Which messages a redrive is about, and where each of them has died first. */
import { decodeAnnotations } from '../../message/deaths/annotations.ts';
import type { MessageView } from '../../message/message.ts';
import type { BrowsedEntry } from '../../queue/browse/queue-browser.ts';
import type { Vhost } from '../../vhost/vhost.ts';
import { MessageFilter } from '../messages/filter.ts';
import type { RedrivePlan } from './plan.ts';

export class Wanted {
  /** By selector and text; what it finds must be `included` besides. */
  readonly filter: MessageFilter;
  private readonly vhost: Vhost;
  private readonly ids: ReadonlySet<string> | null;
  private readonly positions: ReadonlySet<number> | null;

  /** @throws BrokerError invalid: its selector cannot be read */
  constructor({ selector, text, messageIds, positions }: RedrivePlan, vhost: Vhost) {
    this.vhost = vhost;
    this.filter = new MessageFilter(selector, text);
    this.ids = messageIds === undefined ? null : new Set(messageIds);
    this.positions = positions === undefined ? null : new Set(positions);
  }

  includes({ seq }: BrowsedEntry, view: MessageView): boolean {
    if (this.positions !== null && !this.positions.has(seq)) return false;
    if (this.ids === null) return true;
    const { messageId } = this.vhost.dialects.properties(view);
    return messageId !== undefined && this.ids.has(messageId);
  }
}

/**
 * The queue that a message died in first; undefined for one that has never died here. What its publisher has said of other deaths does not
 * count: it would have the operator send it where he may not himself.
 */
export function originOf({ notes, notesStart, notesEnd }: MessageView): string | undefined {
  const deaths = decodeAnnotations(notes, notesStart, notesEnd);
  return deaths?.origin ?? deaths?.firstDeath.queue ?? deaths?.deaths.at(-1)?.queue;
}
