/**
 * The answer to a list: a page of it, or all of it. What is long is written in pieces as the client reads, so that no list is ever
 * there as a whole; short ones say their length.
 */
import type { Listing, Order, Scope } from '../../../operator/listing/listing.ts';
import type { SortKey } from '../../../operator/listing/order.ts';
import { JSON_HEADERS, jsonText } from '../http/replies.ts';
import type { ApiRequest } from '../http/request.ts';
import { columnOf, columnsOf, onlyColumns } from './columns.ts';
import { outOfRange, type Pagination, pagination, sorting } from './paging.ts';

/** Characters: longer lists come in pieces. */
const WHOLE_MAX = 128 * 1024;
/** Characters a piece, about. */
const PIECE = 64 * 1024;

export interface ListSpec<T> {
  /** One of them as RabbitMQ shows it; undefined values are left out. */
  show(item: T): object;
  /** It knows pages. Default false: they are not looked at. */
  readonly paged?: boolean;
  /** What `name` is looked for in. Default: the shown object's `name`. */
  name?(item: T): string;
  /** Columns that can be read without showing the whole of it. */
  readonly sortBy?: Readonly<Record<string, (item: T) => SortKey>>;
  /** Which of them he may see. Default: all. */
  readonly visible?: ((item: T) => boolean) | undefined;
}

export async function listReply<E, T>(
  request: ApiRequest,
  listing: Listing<E, T>,
  scope: Scope,
  spec: ListSpec<T>,
): Promise<Response> {
  const { query } = request;
  const pages = spec.paged === true ? pagination(query) : undefined;
  const order = orderOf(query, spec, pages);
  const columns = columnsOf(query);
  const shown = (item: T): unknown => onlyColumns(spec.show(item), columns);
  if (pages === undefined) return whole(listing.pieces(scope, order), shown);
  const { page, pageSize } = pages;
  const found = await listing.page(scope, { ...order, skip: (page - 1) * pageSize, take: pageSize });
  if (found.items.length === 0 && page > 1) throw outOfRange(pages, found.filtered);
  const items = await listing.each(found.items, (item) => JSON.stringify(shown(item)));
  const head = { filtered_count: found.filtered, item_count: items.length };
  const tail = {
    page,
    page_count: Math.ceil(found.filtered / pageSize),
    page_size: pageSize,
    total_count: found.total,
  };
  return jsonText(`${JSON.stringify(head).slice(0, -1)},"items":[${items.join(',')}],${JSON.stringify(tail).slice(1)}`);
}

function orderOf<T>(query: URLSearchParams, spec: ListSpec<T>, pages: Pagination | undefined): Order<T> {
  const { column, reverse } = sorting(query);
  const nameOf = spec.name ?? ((item: T) => String((spec.show(item) as { name?: unknown }).name));
  const matches = pages?.matches;
  const filter = matches === undefined ? undefined : (item: T) => matches(nameOf(item));
  const sortBy =
    column === undefined ? undefined : (spec.sortBy?.[column] ?? ((item: T) => columnOf(spec.show(item), column)));
  return { visible: spec.visible, filter, sortBy, reverse };
}

async function whole<T>(pieces: AsyncGenerator<readonly T[]>, shown: (item: T) => unknown): Promise<Response> {
  const text = new ListText(shown);
  for (;;) {
    const { done, value } = await pieces.next();
    if (done === true) return text.whole();
    text.add(value);
    if (text.length > WHOLE_MAX) return new Response(streamed(pieces, text), { headers: JSON_HEADERS });
  }
}

function streamed<T>(pieces: AsyncGenerator<readonly T[]>, text: ListText<T>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        while (text.length < PIECE) {
          const { done, value } = await pieces.next();
          if (done === true) {
            controller.enqueue(text.last());
            controller.close();
            return;
          }
          text.add(value);
        }
        controller.enqueue(text.taken());
      },
      async cancel() {
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

/** A JSON list that is being written. */
class ListText<T> {
  private parts: string[] = [];
  private readonly shown: (item: T) => unknown;
  private begun = false;
  length = 0;
  private readonly encoder = new TextEncoder();

  constructor(shown: (item: T) => unknown) {
    this.shown = shown;
  }

  add(items: readonly T[]): void {
    for (const item of items) {
      const part = `${this.begun ? ',' : '['}${JSON.stringify(this.shown(item))}`;
      this.begun = true;
      this.parts.push(part);
      this.length += part.length;
    }
  }

  taken(): Uint8Array {
    const bytes = this.encoder.encode(this.parts.join(''));
    this.parts = [];
    this.length = 0;
    return bytes;
  }

  /** The rest of it. */
  last(): Uint8Array {
    this.parts.push(this.begun ? ']' : '[]');
    return this.taken();
  }

  whole(): Response {
    const body = this.last();
    return new Response(body as Uint8Array<ArrayBuffer>, {
      headers: { ...JSON_HEADERS, 'content-length': String(body.length) },
    });
  }
}
