/** Suggestions: the nearest known word to one that was mistyped. */

/** Edit distance with swaps of neighbours counted as one, as people mistype. */
export function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}

/** The nearest of `words`, case and separators aside, unless none is near: more than a third of the letters differ. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replace(/[-_. ]/g, '');
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of words) {
    const d = distance(plain(word), plain(candidate));
    const near = Math.max(1, Math.ceil(Math.max(word.length, candidate.length) / 3));
    if (d <= near && d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}

/** `; did you mean data?`, or nothing. */
export function didYouMean(word: string, words: readonly string[]): string {
  const found = nearest(word, words);
  return found === undefined ? '' : `; did you mean ${found}?`;
}
