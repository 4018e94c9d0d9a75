/**
 * A scenario: what a client does over the wire, what it must see, and which normative statements of the specification say
 * so. The same scenario runs against every broker; what a statement leaves open it does not judge but reports, as the text
 * it returns, so that brokers can be compared there too.
 */
import { randomBytes } from 'node:crypto';
import { type ConnectOptions, type Level, RawClient } from './raw.ts';

/** What a broker may lack: a WebSocket listener, shared subscriptions, SCRAM-SHA-256, queues that AMQP clients declare. */
export type Need = 'websocket' | 'shared' | 'scram' | 'queues';

export interface Scenario {
  readonly name: string;
  readonly level: Level;
  /** Statements that it shows to hold, as `3.1.2-1`; of the version that `level` says. */
  readonly checks: readonly string[];
  readonly needs?: Need;
  /** Throws what is wrong. A text that it gives says what was seen where the specification leaves a choice. */
  readonly run: (stage: Stage) => Promise<unknown>;
}

type Run = Scenario['run'];
type Options = Pick<Scenario, 'needs'>;

export const v3 = (name: string, run: Run): Scenario => ({ name, level: 3, checks: [], run });
export const v4 = (name: string, checks: string, run: Run, options: Options = {}): Scenario => ({
  name,
  level: 4,
  checks: ids(checks),
  run,
  ...options,
});
export const v5 = (name: string, checks: string, run: Run, options: Options = {}): Scenario => ({
  name,
  level: 5,
  checks: ids(checks),
  run,
  ...options,
});
/** The same in 3.1.1 and 5.0, which number their statements differently. */
export const both = (name: string, checks4: string, checks5: string, run: Run, options: Options = {}): Scenario[] => [
  v4(name, checks4, run, options),
  v5(name, checks5, run, options),
];

const ids = (text: string): string[] => text.split(/\s+/).filter((id) => id !== '');

/** As it is printed, and named in the list of differences. */
export const titleOf = (scenario: Scenario): string => `${VERSIONS[scenario.level]}: ${scenario.name}`;
export const VERSIONS: Readonly<Record<Level, string>> = { 3: '3.1', 4: '3.1.1', 5: '5.0' };

/** Where a broker can be reached; what it lacks is -1 or empty. */
export interface Target {
  readonly name: string;
  readonly mqttPort: number;
  readonly wsMqttUrl: string;
  readonly levels: readonly Level[];
  readonly amqpPort: number;
  readonly offers: readonly Need[];
}

let serial = 0;
const run = randomBytes(3).toString('hex');

/** What a scenario plays on: clients that are closed after it, names that nobody else uses. */
export class Stage {
  readonly target: Target;
  readonly level: Level;
  private readonly clients: { close(): void }[] = [];
  private readonly unique = `${run}${++serial}`;

  constructor(target: Target, level: Level) {
    this.target = target;
    this.level = level;
  }

  /** A topic of this scenario's own. */
  topic(name = 't'): string {
    return `conf/${this.unique}/${name}`;
  }

  /** A client identifier, the same for the same name. Within the 23 characters that every broker takes. */
  id(name = 'a'): string {
    return `c${this.unique}${name}`;
  }

  /** A connection on which nothing has been sent. */
  async open(level = this.level): Promise<RawClient> {
    return this.closing(await RawClient.open(this.target.mqttPort, level));
  }

  async connect(options: ConnectOptions = {}, level = this.level): Promise<RawClient> {
    const client = await this.open(level);
    const { password, ...rest } = options;
    return client.connected({
      clientId: this.id(`x${this.clients.length}`),
      ...rest,
      ...(options.username === undefined ? {} : { password: password ?? 'guest' }),
    });
  }

  /** A session that outlives its connection, in whatever way the version asks for it. */
  kept(name = 'k', options: ConnectOptions = {}): Promise<RawClient> {
    const properties = { sessionExpiryInterval: 300, ...options.properties };
    return this.connect({
      clientId: this.id(name),
      clean: false,
      ...options,
      ...(this.level === 5 ? { properties } : {}),
    });
  }

  /** Has something closed when the scenario is over. */
  closing<T extends { close(): void }>(client: T): T {
    this.clients.push(client);
    return client;
  }

  end(): void {
    for (const client of this.clients) client.close();
  }
}

/** `passed` with what was seen where the specification leaves a choice, `failed` with why, or `lacking` what it needs. */
export type Result =
  | { readonly outcome: 'passed'; readonly seen: string }
  | { readonly outcome: 'failed'; readonly why: string }
  | { readonly outcome: 'lacking' };

export async function play(scenario: Scenario, target: Target): Promise<Result> {
  if (!target.levels.includes(scenario.level)) return { outcome: 'lacking' };
  if (scenario.needs !== undefined && !target.offers.includes(scenario.needs)) return { outcome: 'lacking' };
  const stage = new Stage(target, scenario.level);
  try {
    const seen = await scenario.run(stage);
    return { outcome: 'passed', seen: typeof seen === 'string' ? seen : '' };
  } catch (error) {
    return { outcome: 'failed', why: (error as Error).message };
  } finally {
    stage.end();
  }
}

/** So many at once: most of them wait for something most of the time. */
const TOGETHER = 12;

/** Plays them all; results in the order of the scenarios. */
export async function playAll(scenarios: readonly Scenario[], target: Target): Promise<readonly Result[]> {
  const results: Result[] = new Array(scenarios.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < scenarios.length) {
      const at = next++;
      results[at] = await play(scenarios[at]!, target);
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, worker));
  return results;
}
