/** Patterns in which `*` stands for any characters, and what else is special is percent-encoded. */

/** What tells whether a text fits; linear in the text for each part of the pattern. Undefined: the encoding is damaged. */
export function globOf(pattern: string): ((text: string) => boolean) | undefined {
  let parts: readonly string[];
  try {
    parts = pattern.split('*').map(decodeURIComponent);
  } catch {
    return undefined;
  }
  const first = parts[0]!;
  if (parts.length === 1) return (text) => text === first;
  const last = parts.at(-1)!;
  const within = parts.slice(1, -1).filter((part) => part !== '');
  return (text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    let at = first.length;
    const end = text.length - last.length;
    for (const part of within) {
      const found = text.indexOf(part, at);
      if (found < 0 || found + part.length > end) return false;
      at = found + part.length;
    }
    return true;
  };
}
