/** Hints: user properties of a PUBLISH that the broker itself goes by. */
import { DELAY_MAX_MS, type Draft } from '../../../src/api/index.ts';
import { PUBLISH } from '../codec/packet.ts';
import { PropertyReader } from '../codec/properties/property-reader.ts';
import { USER_PROPERTY } from '../codec/properties/property-table.ts';
import { GROUP, USER_ID } from './property-names.ts';

const HINTS = [GROUP, USER_ID, 'x-delay', 'priority'];
const GROUP_HINT = 0;
const USER_HINT = 1;
const DELAY_HINT = 2;

/**
 * Takes over from user properties into the draft: `x-delay` (milliseconds), `priority`, whether there is a group, and
 * whether `user-id` is `user`, who publishes it.
 */
export function readHints(props: Buffer, start: number, end: number, draft: Draft, user: string): void {
  // Of several of a name the first counts, as where they are read.
  let seen = 0;
  const reader = new PropertyReader();
  reader.begin(props, start, end, PUBLISH);
  while (reader.next()) {
    if (reader.id !== USER_PROPERTY) continue;
    const length = reader.nameEnd - reader.nameStart;
    if (length !== 7 && length !== 8 && length !== 11) continue;
    const hint = HINTS.indexOf(props.latin1Slice(reader.nameStart, reader.nameEnd));
    if (hint < 0 || (seen & (1 << hint)) !== 0) continue;
    seen |= 1 << hint;
    if (hint === GROUP_HINT) draft.grouped = true;
    else if (hint === USER_HINT) draft.userChecked = props.utf8Slice(reader.start, reader.end) === user;
    else {
      const value = props.latin1Slice(reader.start, Math.min(reader.end, reader.start + 11));
      if (!/^\d{1,10}$/.test(value)) continue;
      const number = Number(value);
      // A delay that is out of its range is none.
      if (hint === DELAY_HINT) draft.delayMs = number >= 1 && number <= DELAY_MAX_MS ? number : -1;
      else if (number <= 255) draft.priority = number;
    }
  }
}
