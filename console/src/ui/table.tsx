/** Tables of what there is: the broker pages, sorts and filters, and a page of it is here. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { count } from '../format.ts';
import { Button } from './basics.tsx';

export interface Column<T> {
  readonly key: string;
  readonly title: string;
  readonly cell: (row: T) => ComponentChildren;
  /** Figures stand to the right. */
  readonly figures?: boolean;
  /** What the broker sorts by; undefined: it does not. */
  readonly sort?: string;
  /** What can be done with a row: buttons, in one line, to the right. */
  readonly deeds?: boolean;
  /** Not shown until one asks for it. */
  readonly optional?: boolean;
}

export interface Sorting {
  readonly by: string | undefined;
  readonly reverse: boolean;
}

interface TableProps<T> {
  /** What is in it, for a screen reader. */
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly id: (row: T) => string;
  readonly sorting?: Sorting;
  readonly onSort?: (sorting: Sorting) => void;
  /** Identifiers of the rows that are chosen; undefined: none can be. */
  readonly chosen?: ReadonlySet<string>;
  readonly onChoose?: (chosen: ReadonlySet<string>) => void;
  readonly empty?: ComponentChildren;
}

export function Table<T>({ caption, columns, rows, id, sorting, onSort, chosen, onChoose, empty }: TableProps<T>) {
  const choose = (ids: readonly string[], whether: boolean): void => {
    const next = new Set(chosen);
    for (const one of ids) whether ? next.add(one) : next.delete(one);
    onChoose?.(next);
  };
  const all = rows.map(id);
  return (
    // Wider than a telephone, it is moved sideways: with the keyboard too.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached
    <section class="table-room" tabIndex={0} aria-label={caption}>
      <table>
        <thead>
          <tr>
            {chosen !== undefined && (
              <th class="choose">
                <input
                  type="checkbox"
                  aria-label="Choose all on this page"
                  checked={all.length > 0 && all.every((one) => chosen.has(one))}
                  onInput={(event) => choose(all, event.currentTarget.checked)}
                />
              </th>
            )}
            {columns.map(({ key, title, figures, sort }) => {
              const sorted = sort !== undefined && sorting?.by === sort;
              return (
                <th
                  key={key}
                  scope="col"
                  class={figures === true ? 'figures' : ''}
                  aria-sort={sorted ? (sorting.reverse ? 'descending' : 'ascending') : undefined}
                >
                  {sort === undefined || onSort === undefined ? (
                    title
                  ) : (
                    <button
                      type="button"
                      class="sort"
                      onClick={() => onSort({ by: sort, reverse: sorted ? !sorting.reverse : figures === true })}
                    >
                      {title}
                      <span aria-hidden="true">{sorted ? (sorting.reverse ? ' ↓' : ' ↑') : ''}</span>
                    </button>
                  )}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const name = id(row);
            return (
              <tr key={name} class={chosen?.has(name) === true ? 'chosen' : ''}>
                {chosen !== undefined && (
                  <td class="choose">
                    <input
                      type="checkbox"
                      aria-label={`Choose ${name}`}
                      checked={chosen.has(name)}
                      onInput={(event) => choose([name], event.currentTarget.checked)}
                    />
                  </td>
                )}
                {columns.map(({ key, cell, figures, deeds }) => (
                  <td key={key} class={figures === true ? 'figures' : deeds === true ? 'deeds' : ''}>
                    {cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
      {rows.length === 0 && <p class="empty">{empty ?? 'There is nothing here.'}</p>}
    </section>
  );
}

/** Which columns are shown, remembered by the browser. */
export function useColumns<T>(
  list: string,
  columns: readonly Column<T>[],
): readonly [readonly Column<T>[], ComponentChildren] {
  const key = `entrepot.columns.${list}`;
  const [shown, setShown] = useState<ReadonlySet<string>>(() => {
    const kept = localStorage.getItem(key);
    return new Set(
      kept === null ? columns.filter(({ optional }) => optional !== true).map((one) => one.key) : kept.split(','),
    );
  });
  const choose = (name: string, whether: boolean): void => {
    const next = new Set(shown);
    whether ? next.add(name) : next.delete(name);
    localStorage.setItem(key, [...next].join(','));
    setShown(next);
  };
  const menu = (
    <details class="menu">
      <summary>Columns</summary>
      <div class="menu-body">
        {columns.slice(1).map(({ key: name, title }) => (
          <label key={name}>
            <input
              type="checkbox"
              checked={shown.has(name)}
              onInput={(event) => choose(name, event.currentTarget.checked)}
            />{' '}
            {title}
          </label>
        ))}
      </div>
    </details>
  );
  return [columns.filter((column, i) => i === 0 || shown.has(column.key)), menu];
}

interface PagerProps {
  readonly page: number;
  readonly pages: number;
  /** Of all, and of those that the search finds. */
  readonly total: number;
  readonly found: number;
  readonly onPage: (page: number) => void;
}

export function Pager({ page, pages, total, found, onPage }: PagerProps) {
  return (
    <nav class="pager" aria-label="Pages">
      <span>{found === total ? `${count(total)} in all` : `${count(found)} of ${count(total)}`}</span>
      {pages > 1 && (
        <>
          <Button kind="quiet" label="Page before" disabled={page <= 1} onClick={() => onPage(page - 1)}>
            ‹
          </Button>
          <span>
            {count(page)} / {count(pages)}
          </span>
          <Button kind="quiet" label="Next page" disabled={page >= pages} onClick={() => onPage(page + 1)}>
            ›
          </Button>
        </>
      )}
    </nav>
  );
}
