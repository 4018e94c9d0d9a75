/** Prometheus' text format, read: families with their types, and samples with their labels. */
export interface ScrapedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Scraped {
  readonly samples: readonly ScrapedSample[];
  /** By family. */
  readonly types: ReadonlyMap<string, string>;
  readonly helped: ReadonlySet<string>;
  /** The only sample of that name with these labels among its own. Throws if there is none, or several. */
  value(name: string, labels?: Readonly<Record<string, string>>): number;
}

/** @throws Error for what is no such text: a line that is neither, a family in two pieces, a sample twice */
export function readScrape(text: string): Scraped {
  const samples: ScrapedSample[] = [];
  const types = new Map<string, string>();
  const helped = new Set<string>();
  const seen = new Set<string>();
  const ended = new Set<string>();
  let family = '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (comment !== null) {
      const [, kind, name, rest] = comment as unknown as [string, string, string, string];
      if (kind === 'HELP') helped.add(name);
      else types.set(name, rest);
      continue;
    }
    const parsed = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (parsed === null) throw new Error(`no sample: ${line}`);
    const [, name, inner = '', value] = parsed as unknown as [string, string, string | undefined, string];
    const of = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
    if (of !== family) {
      if (ended.has(of)) throw new Error(`the samples of ${of} are not together`);
      ended.add(family);
      family = of;
    }
    const key = line.slice(0, line.lastIndexOf(' '));
    if (seen.has(key)) throw new Error(`twice: ${key}`);
    seen.add(key);
    const labels: Record<string, string> = {};
    for (const [, label, quoted] of inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)",?/g)) {
      labels[label!] = quoted!.replace(/\\(.)/g, (_, sign: string) => (sign === 'n' ? '\n' : sign));
    }
    samples.push({ name, labels, value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value) });
  }
  return {
    ...{ samples, types, helped },
    value(name, labels = {}) {
      const found = samples.filter(
        (one) => one.name === name && Object.entries(labels).every(([label, text]) => one.labels[label] === text),
      );
      if (found.length !== 1) throw new Error(`${found.length} samples of ${name} ${JSON.stringify(labels)}`);
      return found[0]!.value;
    },
  };
}

export async function scrape(url: string): Promise<Scraped> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return readScrape(await response.text());
}
