/** A whole page that lists something over RabbitMQ's paged lists: search, sorting, columns and several at once; the address remembers. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useAnswer } from '../api/answer.ts';
import type { Query } from '../api/request.ts';
import { setQuery, usePlace } from '../router.ts';
import { Trouble, Waiting } from './basics.tsx';
import { SearchField } from './fields.tsx';
import { type Column, Pager, Table, useColumns } from './table.tsx';

/** As RabbitMQ answers a list with `page`. */
export interface Paged<T> {
  readonly items: readonly T[];
  readonly page: number;
  readonly page_count: number;
  readonly total_count: number;
  readonly filtered_count: number;
}

interface ListProps<T> {
  /** `queues`: what its settings are remembered by. */
  readonly name: string;
  readonly target: string;
  readonly query?: Query;
  readonly columns: readonly Column<T>[];
  readonly id: (row: T) => string;
  readonly empty?: ComponentChildren;
  readonly searchLabel: string;
  /** What can be done to those chosen; undefined: none can be. */
  readonly several?: (rows: readonly T[], done: () => void) => ComponentChildren;
  readonly tools?: ComponentChildren;
  /** Of a list of our own API: the member that the rows are in. It is paged by `skip` and `limit`, and has an order of its own. */
  readonly rows?: string;
}

/** As our own API answers a page of a list; the rows are in a member of their own. */
type Skipped<T> = { readonly total: number; readonly matching: number } & Readonly<Record<string, readonly T[]>>;

const ROWS = 50;
const EVERY_MS = 5_000;

export function List<T>({
  name,
  target,
  query,
  columns,
  id,
  empty,
  searchLabel,
  several,
  tools,
  rows: rowsIn,
}: ListProps<T>) {
  const { query: place } = usePlace();
  const [shown, menu] = useColumns(name, columns);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const sorting = { by: place['sort'], reverse: place['reverse'] === 'true' };
  const page = Math.max(1, Math.floor(Number(place['page'])) || 1);
  const search = place['search'] || undefined;
  const answer = useAnswer<Paged<T> | Skipped<T>>(target, {
    everyMs: EVERY_MS,
    query:
      rowsIn !== undefined
        ? { ...query, skip: (page - 1) * ROWS, limit: ROWS, name: search }
        : {
            ...query,
            page,
            page_size: ROWS,
            name: search,
            use_regex: search === undefined ? undefined : false,
            sort: sorting.by,
            sort_reverse: sorting.by === undefined ? undefined : sorting.reverse,
            pagination: true,
          },
  });
  const { error, refresh } = answer;
  const data = rowsIn === undefined ? (answer.data as Paged<T> | undefined) : paged<T>(answer.data, rowsIn, page);
  const rows = data?.items ?? [];
  const there = rows.filter((row) => chosen.has(id(row)));
  return (
    <section class="card">
      <div class="list-tools">
        <SearchField
          label={searchLabel}
          value={place['search'] ?? ''}
          onSearch={(search) => setQuery({ search, page: undefined })}
        />
        {tools}
        {menu}
        <span class="grow" />
        {several !== undefined && there.length > 0 && (
          <div class="several">
            <span>{there.length} chosen</span>
            {several(there, () => {
              setChosen(new Set());
              refresh();
            })}
          </div>
        )}
      </div>
      <Trouble error={error} />
      {data === undefined ? (
        error === undefined && <Waiting lines={10} />
      ) : (
        <>
          <Table
            caption={name}
            columns={shown}
            rows={rows}
            id={id}
            sorting={sorting}
            onSort={({ by, reverse }) => setQuery({ sort: by, reverse: String(reverse), page: undefined })}
            {...(several !== undefined && { chosen, onChoose: setChosen })}
            empty={place['search'] ? `Nothing is called «${place['search']}».` : empty}
          />
          <Pager
            page={data.page}
            pages={data.page_count}
            total={data.total_count}
            found={data.filtered_count}
            onPage={(page) => setQuery({ page: String(page) })}
          />
        </>
      )}
    </section>
  );
}

function paged<T>(answer: object | undefined, rows: string, page: number): Paged<T> | undefined {
  if (answer === undefined) return undefined;
  const { total, matching, [rows]: items } = answer as Skipped<T>;
  return {
    items: items as readonly T[],
    page,
    page_count: Math.max(1, Math.ceil(matching / ROWS)),
    total_count: total,
    filtered_count: matching,
  };
}
