/** The origins (RFC 6454) of pages that may open a WebSocket. */

export class Origins {
  private readonly exact = new Set<string>();
  /** `https://` and `.example.org` of `https://*.example.org`. */
  private readonly below: { readonly scheme: string; readonly domain: string }[] = [];
  private readonly any: boolean;

  /** @param listed as `https://app.example.org:8443`, or `https://*.example.org` for all below it, or `none`, which stands for no page; empty: any */
  constructor(listed: readonly string[]) {
    this.any = listed.length === 0;
    for (const origin of listed) {
      if (origin.toLowerCase() === 'none') continue;
      const wild = /^([a-z]+:\/\/)\*(\..+)$/i.exec(origin);
      if (wild === null) this.exact.add(normal(origin));
      else this.below.push({ scheme: wild[1]!.toLowerCase(), domain: wild[2]!.toLowerCase() });
    }
  }

  /** @param origin undefined: the client is no page, for browsers always say */
  allow(origin: string | undefined): boolean {
    return this.any || origin === undefined || this.lists(origin);
  }

  /** It is among those that were named. */
  lists(origin: string): boolean {
    const asked = normal(origin);
    if (this.exact.has(asked)) return true;
    return this.below.some(({ scheme, domain }) => {
      const host = asked.startsWith(scheme) ? asked.slice(scheme.length) : '';
      return host.length > domain.length && host.endsWith(domain) && /^[a-z0-9.-]+(:\d+)?$/.test(host);
    });
  }
}

/** Schemes and hosts are alike in any case; a usual port is left out, as browsers do. */
function normal(origin: string): string {
  return origin
    .toLowerCase()
    .replace(/^(https:\/\/.*):443$/, '$1')
    .replace(/^(http:\/\/.*):80$/, '$1');
}
