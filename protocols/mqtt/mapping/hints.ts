/** Hints: user properties of a PUBLISH that the broker itself goes by. */
import {
  CHECK_ADDRESS_HEADER,
  DELAY_MAX_MS,
  DELIVERY_DELAY_HEADER,
  DELIVERY_TIME_HEADER,
  type Draft,
  HALF_HEADER,
  HALF_ID_HEADER,
  HALF_TEXT_MAX,
  halfMessage,
  respelled,
} from '../../../src/api/index.ts';
import { PUBLISH } from '../codec/packet.ts';
import { PropertyReader } from '../codec/properties/property-reader.ts';
import { USER_PROPERTY } from '../codec/properties/property-table.ts';
import { GROUP, USER_ID } from './property-names.ts';

const HINTS = [
  GROUP,
  USER_ID,
  'x-delay',
  'priority',
  DELIVERY_TIME_HEADER,
  DELIVERY_DELAY_HEADER,
  HALF_HEADER,
  HALF_ID_HEADER,
  CHECK_ADDRESS_HEADER,
];
const GROUP_HINT = 0;
const USER_HINT = 1;
const DELAY_HINT = 2;
const PRIORITY_HINT = 3;
const TIME_HINT = 4;
const HALF_HINT = 6;
const HALF_ID_HINT = 7;
const CHECK_HINT = 8;
const QUEUE_PREFIX = '$queue/';
/** Of a number that is looked at. */
const DIGITS_MAX = 15;
const LENGTHS: ReadonlySet<number> = new Set(HINTS.map(({ length }) => length));

/**
 * Takes over from user properties into the draft: `x-delay` and `x-opt-delivery-delay` (milliseconds), `x-opt-delivery-time` (epoch
 * milliseconds; it counts before a delay), `priority`, whether there is a group, whether it is a half message, and whether `user-id` is `user`, who publishes it.
 */
export function readHints(props: Buffer, start: number, end: number, draft: Draft, user: string): void {
  // Of several of a name the first counts, as where they are read.
  let seen = 0;
  let half: string[] | null = null;
  const reader = new PropertyReader();
  reader.begin(props, start, end, PUBLISH);
  while (reader.next()) {
    if (reader.id !== USER_PROPERTY) continue;
    if (!LENGTHS.has(reader.nameEnd - reader.nameStart)) continue;
    const hint = HINTS.indexOf(props.latin1Slice(reader.nameStart, reader.nameEnd));
    if (hint < 0 || (seen & (1 << hint)) !== 0) continue;
    seen |= 1 << hint;
    if (hint === GROUP_HINT) draft.grouped = true;
    else if (hint === USER_HINT) draft.userChecked = props.utf8Slice(reader.start, reader.end) === user;
    else if (hint >= HALF_HINT) {
      half ??= [];
      half[hint] =
        reader.end - reader.start > 4 * HALF_TEXT_MAX
          ? 'x'.repeat(HALF_TEXT_MAX + 1)
          : props.utf8Slice(reader.start, reader.end);
    } else {
      const value = props.latin1Slice(reader.start, Math.min(reader.end, reader.start + DIGITS_MAX + 1));
      if (!/^\d{1,15}$/.test(value)) continue;
      const number = Number(value);
      if (hint === PRIORITY_HINT) {
        if (number <= 255) draft.priority = number;
      } else if (hint === TIME_HINT) draft.dueMs = number;
      else if (hint === DELAY_HINT) {
        // One that is out of its range is none.
        if (number >= 1 && number <= DELAY_MAX_MS) draft.delayMs = number;
      } else if (number > 0) draft.delayMs = number; // what is longer than the broker can wait is refused by it
    }
  }
  if (half !== null) draft.half = halfMessage(half[HALF_HINT], half[HALF_ID_HINT], addressOf(half[CHECK_HINT]), user);
}

/** A queue by `$queue/NAME`, else a topic. */
function addressOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  return text.startsWith(QUEUE_PREFIX) ? text.slice(QUEUE_PREFIX.length) : respelled(text);
}
