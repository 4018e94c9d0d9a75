/** JSON of a request: a long text is read in slices of a turn (`Pace`), for nobody else gets anything while it is read. */
import { readJson } from '../../message/json-reader.ts';
import { parseJson } from '../../message/values.ts';
import type { Pace } from '../../operator/listing/pace.ts';

/** Characters that are read in one go: a quarter of a millisecond. */
const AT_ONCE_MAX = 16 * 1024;

/** What it says, as `parseJson` has it. @throws SyntaxError */
export async function pacedJson(text: string, pace: Pace): Promise<unknown> {
  if (text.length <= AT_ONCE_MAX) return parseJson(text);
  const reading = readJson(text);
  for (;;) {
    await pace.next();
    do {
      const { done, value } = reading.next();
      if (done === true) return value;
    } while (!pace.late());
  }
}
