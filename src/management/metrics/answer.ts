/**
 * An answer that is made while it is read: lines come from a generator, as many a turn as the budget of work allows, and no more
 * of them than the reader has taken. So a hundred thousand queues cost the memory of one piece, and nobody's time.
 */
import type { Share, Work } from '../../clock/work.ts';

/** Lines, each made within some tens of microseconds; '' where there was work and nothing to show for it. */
export type Lines = Iterator<string>;

/** Of the budget of work: a line takes some microseconds. */
const UNITS_A_LINE = 4;
const PIECE_CHARACTERS = 32 * 1024;
const encoder = new TextEncoder();

/** The lines in UTF-8, made as they are asked for. */
export function streamed(lines: Lines, work: Work): ReadableStream<Uint8Array<ArrayBuffer>> {
  const share = work.share();
  let over = false;
  return new ReadableStream(
    {
      async pull(controller) {
        const text = await piece(lines, share, PIECE_CHARACTERS, () => over);
        if (over) return;
        if (text.length > 0) controller.enqueue(encoder.encode(text));
        if (text.length < PIECE_CHARACTERS) {
          over = true;
          controller.close();
        }
      },
      cancel() {
        over = true;
        lines.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

/** All of it. */
export async function whole(lines: Lines, work: Work): Promise<Uint8Array<ArrayBuffer>> {
  return encoder.encode(await piece(lines, work.share(), Number.POSITIVE_INFINITY, () => false));
}

/** As much as has been asked for; less only at the end. */
function piece(lines: Lines, share: Share, characters: number, given: () => boolean): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    share.run(
      () => {
        if (given()) return true;
        share.work.spend(UNITS_A_LINE);
        try {
          const { done, value } = lines.next();
          if (done === true) return true;
          text += value;
          return text.length >= characters;
        } catch (error) {
          reject(error);
          return true;
        }
      },
      () => resolve(text),
    );
  });
}
