/**
 * Tables for people. On a terminal they are as wide as that at the most: columns that can be done without go first, then long text is
 * cut. Elsewhere (a file, a pipe) everything is there.
 */
import { cutTo, padTo, safeText, widthOf, wrapped } from './text.ts';
import { UNKNOWN } from './units.ts';

export interface Column<T> {
  readonly title: string;
  text(row: T): string;
  /** Numbers stand to the right. */
  readonly right?: boolean;
  /** May be cut where there is no room; so many cells of it are kept before columns are left out (true: 20). */
  readonly cuts?: boolean | number;
  /** Left out where no row has anything there. */
  readonly whereKnown?: boolean;
  /** The higher, the sooner it is left out. Default 0: never. */
  readonly spare?: number;
}

const GAP = 2;
const KEPT_CELLS = 20;
/** And so much in any case. */
const LEAST_CELLS = 6;

/** @param width cells; Infinity: no bound */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[], width: number): string[] {
  const cells = columns.map((column) => rows.map((row) => safeText(column.text(row))));
  const natural = columns.map(({ title }, at) => Math.max(widthOf(title), ...maximum(cells[at]!)));
  const known = columns.flatMap(({ whereKnown }, at) =>
    whereKnown === true && rows.length > 0 && cells[at]!.every((text) => text === UNKNOWN || text === '') ? [] : [at],
  );
  const shown = chosen(columns, natural, known, width);
  const widths = fitted(columns, natural, shown, width);
  const line = (textOf: (at: number) => string): string =>
    shown
      .map((at) => padTo(cutTo(textOf(at), widths[at]!), widths[at]!, columns[at]!.right === true))
      .join(' '.repeat(GAP))
      .trimEnd();
  return [line((at) => columns[at]!.title), ...rows.map((_, row) => line((at) => cells[at]![row]!))];
}

/** In one, since a spread of very many is no call. */
function maximum(texts: readonly string[]): number[] {
  let most = 0;
  for (const text of texts) most = Math.max(most, widthOf(text));
  return [most];
}

/** Which columns have room. */
function chosen<T>(
  columns: readonly Column<T>[],
  natural: readonly number[],
  known: readonly number[],
  width: number,
): number[] {
  let shown = [...known];
  const least = (at: number): number => {
    const { cuts, title } = columns[at]!;
    if (cuts === undefined || cuts === false) return natural[at]!;
    return Math.min(natural[at]!, Math.max(cuts === true ? KEPT_CELLS : cuts, widthOf(title)));
  };
  while (total(shown.map(least)) > width) {
    let out = -1;
    for (const at of shown) {
      const spare = columns[at]!.spare ?? 0;
      if (spare > 0 && (out < 0 || spare >= (columns[out]!.spare ?? 0))) out = at;
    }
    if (out < 0) break;
    shown = shown.filter((at) => at !== out);
  }
  return shown;
}

/** The widest of what may be cut gives way, until all fits. */
function fitted<T>(
  columns: readonly Column<T>[],
  natural: readonly number[],
  shown: readonly number[],
  width: number,
): number[] {
  const widths = [...natural];
  for (let over = total(shown.map((at) => widths[at]!)) - width; over > 0; over--) {
    let widest = -1;
    for (const at of shown) {
      if (columns[at]!.cuts !== undefined && (widest < 0 || widths[at]! > widths[widest]!)) widest = at;
    }
    if (widest < 0 || widths[widest]! <= LEAST_CELLS) break;
    widths[widest]!--;
  }
  return widths;
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, 0) + GAP * Math.max(0, widths.length - 1);
}

/** Facts below each other: `name  value`; what has no value is left out. @param cells of a line; a longer value goes on below itself */
export function facts(rows: readonly (readonly [string, string | undefined])[], cells: number): string[] {
  const told = rows.filter((row): row is readonly [string, string] => row[1] !== undefined && row[1] !== '');
  const width = Math.max(0, ...told.map(([name]) => widthOf(name)));
  return told.flatMap(([name, value]) =>
    wrapped(safeText(value), cells - width - GAP).map(
      (line, at) => padTo(at === 0 ? name : '', width, false) + ' '.repeat(GAP) + line,
    ),
  );
}
