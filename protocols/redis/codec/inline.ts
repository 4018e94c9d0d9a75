/** Inline commands: a line's words, as a shell would part them. */

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };
const BLANK = /[ \t\r\n\v\f\0]/;

/**
 * The words of a line: between double quotes `\n`, `\r`, `\t`, `\b`, `\a`, `\xHH` and `\` before anything else mean what they mean
 * in C; between single quotes only `\'` does. Undefined if a quote is not closed, or something follows it without a blank.
 */
export function splitLine(line: Buffer): Buffer[] | undefined {
  const text = line.latin1Slice();
  const words: Buffer[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && BLANK.test(text[at]!)) at++;
    if (at === text.length) return words;
    let word = '';
    while (at < text.length && !BLANK.test(text[at]!)) {
      const quote = text[at]!;
      if (quote !== '"' && quote !== "'") {
        word += quote;
        at++;
        continue;
      }
      const content = /^"((?:[^"\\]|\\.)*)"|^'((?:[^'\\]|\\.)*)'/s.exec(text.slice(at));
      if (content === null) return undefined;
      at += content[0].length;
      if (at < text.length && !BLANK.test(text[at]!)) return undefined;
      word += quote === '"' ? unescaped(content[1]!) : content[2]!.replaceAll("\\'", "'");
    }
    words.push(Buffer.from(word, 'latin1'));
  }
}

function unescaped(text: string): string {
  return text.replace(/\\x([0-9a-fA-F]{2})|\\(.)/gs, (_, hex: string | undefined, other: string) =>
    hex === undefined ? (ESCAPES[other] ?? other) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
