/** Lists and single things: JSON as the broker has it, tables and facts for people. */
import type { Command } from 'commander';
import { CommandError, EXIT } from '../exit.ts';
import { type Column, facts, table } from '../print/table.ts';
import { type CommonFlags, type Context, connected } from './context.ts';

/** As many as the broker gives in a page. */
const PAGE = 500;

export interface List<T> {
  readonly path: string;
  /** What of them the table needs, so that no more comes. */
  readonly fields: string;
  readonly columns: readonly Column<T>[];
  /** The broker gives it in pages. */
  readonly paged?: boolean;
  readonly query?: Readonly<Record<string, string | number>>;
}

export interface ListFlags extends CommonFlags {
  readonly name?: string;
  readonly sort?: string;
  readonly reverse?: boolean;
  readonly limit?: string;
}

interface Page<T> {
  readonly items: readonly T[];
  readonly filtered_count: number;
  readonly page_count: number;
}

/** Options of lists that come in pages. */
export function addPageOptions(command: Command): Command {
  return command
    .option('--name <text>', 'only those with this in their names')
    .option('--sort <field>', "by this field of the JSON form, as 'messages'")
    .option('--reverse', 'the other way round')
    .option('--limit <n>', `as many at most; 0 for all (default: ${PAGE} in a table, all as JSON)`);
}

/** What commander calls for a list. @param of may refuse what is asked for */
export function listing<T, F extends ListFlags = ListFlags>(
  of: (flags: F, args: readonly string[]) => List<T>,
): (...given: unknown[]) => Promise<void> {
  return connected<F>((context, args, flags) => list(context, of(flags, args), flags));
}

export async function list<T>(context: Context, spec: List<T>, flags: ListFlags): Promise<void> {
  const { json, client, out } = context;
  const { name, sort, reverse, limit } = flags;
  const order = { sort, sort_reverse: reverse === true ? 'true' : undefined };
  if (json && name === undefined && limit === undefined) {
    await client.pipe(spec.path, order, written);
    return;
  }
  const fields = json ? undefined : spec.fields;
  const most = mostOf(limit, json);
  const query = { ...spec.query, ...order, columns: fields };
  const { rows, total } =
    spec.paged === true ? await pages(context, spec.path, { ...query, name }, most) : await whole();
  if (json) out(JSON.stringify(rows));
  else {
    for (const line of table(spec.columns, rows as T[], context.width)) out(line);
    if (rows.length < total) context.note(`${rows.length} of ${total} are shown; --limit 0 shows all`);
  }

  async function whole(): Promise<{ rows: readonly unknown[]; total: number }> {
    const all = await client.get<readonly unknown[]>(spec.path, query);
    return { rows: all, total: all.length };
  }
}

async function pages(
  { client }: Context,
  path: string,
  query: Readonly<Record<string, string | number | undefined>>,
  most: number,
): Promise<{ rows: readonly unknown[]; total: number }> {
  const rows: unknown[] = [];
  for (let page = 1; ; page++) {
    const size = Math.min(PAGE, most);
    const got = await client.get<Page<unknown>>(path, { ...query, page, page_size: size });
    for (const item of got.items) if (rows.length < most) rows.push(item);
    if (page >= got.page_count || rows.length >= most) return { rows, total: got.filtered_count };
  }
}

function mostOf(limit: string | undefined, json: boolean): number {
  if (limit === undefined) return json ? Number.POSITIVE_INFINITY : PAGE;
  if (!/^\d{1,9}$/.test(limit)) throw new CommandError(EXIT.usage, `--limit '${limit}' is not a number`);
  return Number(limit) === 0 ? Number.POSITIVE_INFINITY : Number(limit);
}

/** To standard output, no faster than it is read. */
export function written(chunk: string): Promise<void> | void {
  if (!process.stdout.write(chunk)) return new Promise((resolve) => process.stdout.once('drain', () => resolve()));
}

/** One thing. */
export async function show<T>(
  context: Context,
  path: string,
  told: (thing: T) => readonly (readonly [string, string | undefined])[],
  query?: Readonly<Record<string, string>>,
): Promise<void> {
  const thing = await context.client.get<T>(path, query);
  if (context.json) context.out(JSON.stringify(thing, undefined, 2));
  else for (const line of facts(told(thing), context.width)) context.out(line);
}

/** Arguments as people read them: `x-max-length=10 x-overflow=drop-head`. */
export function pairs(given: Readonly<Record<string, unknown>> | undefined): string {
  return Object.entries(given ?? {})
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}
