/**
 * Pages of other sites: which of them may call the APIs from a browser (CORS), as RabbitMQ's `management.cors.allow_origins` has it. No page may
 * unless it is listed, and what would change something and says that it comes from an unlisted one is refused: the browser of somebody who
 * is logged in would otherwise send his password with it. Programs say nothing of where they come from.
 */
const PREFLIGHT_S = 1_800;

/** A page of another site would change something. */
export class ForeignSite extends Error {
  constructor() {
    super('requests of other sites may not change anything');
    this.name = 'ForeignSite';
  }
}

export class PageOrigins {
  private readonly listed: ReadonlySet<string>;

  /** @param listed as `https://app.example.org` */
  constructor(listed: readonly string[] = []) {
    this.listed = new Set(listed.map((origin) => origin.toLowerCase()));
  }

  /** It is among those that were named. */
  has(origin: string | null): boolean {
    return origin !== null && this.listed.has(origin.toLowerCase());
  }

  /** @throws ForeignSite */
  demandOwn({ headers, method }: Request): void {
    if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return;
    const origin = headers.get('origin');
    if (this.has(origin)) return;
    const site = headers.get('sec-fetch-site');
    const foreign = origin !== null && !(URL.canParse(origin) && new URL(origin).host === headers.get('host'));
    if (foreign || site === 'cross-site' || site === 'same-site') throw new ForeignSite();
  }

  /** Lets a listed page read the answer, and tells its browser what it may ask. */
  allow({ headers, method }: Request, response: Response): Response {
    const origin = headers.get('origin');
    if (!this.has(origin)) return response;
    const answer = response.headers;
    answer.set('access-control-allow-origin', origin!);
    answer.set('access-control-allow-credentials', 'true');
    answer.append('vary', 'origin');
    if (method !== 'OPTIONS') return response;
    answer.set('access-control-allow-methods', answer.get('allow') ?? '');
    answer.set('access-control-max-age', String(PREFLIGHT_S));
    const wanted = headers.get('access-control-request-headers');
    if (wanted !== null && /^[\w, -]{1,1000}$/.test(wanted)) answer.set('access-control-allow-headers', wanted);
    return response;
  }
}
