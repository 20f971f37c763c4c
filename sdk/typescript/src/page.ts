/** Lists, a page at a time. */

/** Which page of a list to get. Pass `first` and `after` to go forward, `last` and `before` to go back. */
export interface Paging {
  /** How many items, 1 to 100. Default 20. */
  first?: number;
  /** The `endCursor` of the page before. */
  after?: string;
  /** How many items, when going back. */
  last?: number;
  /** The `startCursor` of the page after. Wins over `after`. */
  before?: string;
}

/** Where a page stands in its list. Cursors are opaque, and stay valid. */
export interface PageInfo {
  /** Pass as `after` to get the next page; null on the last one. */
  endCursor: string | null;
  /** Pass as `before` to get the previous page; null on the first one. */
  startCursor: string | null;
  hasNextPage: boolean;
  hasPreviousPage: boolean;
}

/** A list as the server answers it. */
export interface WirePage<T> {
  data: T[];
  pagination: { next: string | null; prev: string | null };
}

/**
 * One page of a list: `edges` with a `node` each, and `pageInfo`. Iterating over it with `for await` goes on to the end of the
 * list, fetching page after page.
 */
export class Page<T> implements AsyncIterable<T> {
  readonly edges: { node: T }[];
  readonly pageInfo: PageInfo;
  readonly #fetchAfter: (cursor: string) => Promise<Page<T>>;

  constructor(wire: WirePage<T>, fetchAfter: (cursor: string) => Promise<Page<T>>) {
    this.edges = wire.data.map((node) => ({ node }));
    this.pageInfo = pageInfoOf(wire.pagination);
    this.#fetchAfter = fetchAfter;
  }

  /** The items of this page. */
  get nodes(): T[] {
    return this.edges.map((edge) => edge.node);
  }

  /** Gets the next page, or null after the last one. */
  async nextPage(): Promise<Page<T> | null> {
    const cursor = this.pageInfo.endCursor;
    return cursor === null ? null : this.#fetchAfter(cursor);
  }

  /** The items of this page and of all that follow. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (let page: Page<T> | null = this; page !== null; page = await page.nextPage()) yield* page.nodes;
  }
}

/** Translates the server's cursors. */
export function pageInfoOf({ next, prev }: WirePage<unknown>['pagination']): PageInfo {
  return { endCursor: next, startCursor: prev, hasNextPage: next !== null, hasPreviousPage: prev !== null };
}

/** Translates the query of a page. */
export function pageQuery(paging: Paging = {}): { limit?: number; after?: string; before?: string } {
  const limit = paging.first ?? paging.last;
  return {
    ...(limit !== undefined && { limit }),
    ...(paging.after !== undefined && { after: paging.after }),
    ...(paging.before !== undefined && { before: paging.before }),
  };
}
