/**
 * The console in a real browser, in front of a real broker: Debian's chromium, or what `ENTREPOT_CHROMIUM` names. Where there is none, the
 * tests are skipped and say so. A test fails that was fine to look at if the page told of an error, ran into its own policy, or asked
 * anybody but its broker.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import { type EntrepotOptions, type EntrepotPeer, startEntrepot } from '../../../conformance/peers/entrepot.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const CANDIDATES = [process.env['ENTREPOT_CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser'];
export const CHROMIUM = CANDIDATES.find((path) => path !== undefined && existsSync(path));

const BUILD_WAIT_MS = 100;
/** Others may be at work on the machine. */
const READY_TIMEOUT_MS = 60_000;
const STEP_TIMEOUT_MS = 20_000;
const TEST_TIMEOUT_MS = 90_000;
/** Kept in the settings, so that the tests can make others beside it. */
const USERS = JSON.stringify({
  guest: {
    password: 'guest',
    tags: ['administrator'],
    permissions: { '/': { configure: '.*', write: '.*', read: '.*' } },
  },
});

export interface PageOptions extends BrowserContextOptions {
  /** Who signs in; `false`: nobody yet. Default: guest. */
  readonly as?: string | false;
  /** Default: the name. */
  readonly password?: string;
  /** Where to begin: `queues/%2F/orders?tab=messages`. */
  readonly at?: string;
  /** What the page may tell of as an error, as of a refused login. */
  readonly allowed?: readonly RegExp[];
  /** Before anything is loaded. */
  readonly before?: (page: Page) => Promise<void>;
}

export class Desk {
  private peer: EntrepotPeer | undefined;
  private browser: Browser | undefined;
  private readonly contexts: BrowserContext[] = [];
  private complaints: string[] = [];

  get broker(): EntrepotPeer {
    return this.peer!;
  }

  get url(): string {
    return `http://127.0.0.1:${this.broker.httpPort}/`;
  }

  get amqpUrl(): string {
    return `amqp://guest:guest@127.0.0.1:${this.broker.amqpPort}`;
  }

  get mqttUrl(): string {
    return `mqtt://127.0.0.1:${this.broker.mqttPort}`;
  }

  async start(options: EntrepotOptions = {}): Promise<void> {
    await ensureConsole();
    this.peer = await startEntrepot({
      readyTimeoutMs: READY_TIMEOUT_MS,
      ...options,
      environment: { ENTREPOT_USERS: USERS, ...options.environment },
    });
    this.browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox'] });
  }

  async stop(): Promise<void> {
    await this.browser?.close();
    await this.peer?.stop();
  }

  /** A browser of its own, signed in. */
  async page({ as = 'guest', password, at = '', allowed = [], before, ...options }: PageOptions = {}): Promise<Page> {
    const context = await this.browser!.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    context.setDefaultTimeout(STEP_TIMEOUT_MS);
    this.contexts.push(context);
    const page = await context.newPage();
    this.watch(page, allowed);
    await before?.(page);
    await page.goto(`${this.url}#/${as === false ? at : ''}`);
    if (as === false) return page;
    await this.signIn(page, as, password);
    if (at !== '') await page.goto(`${this.url}#/${at}`);
    return page;
  }

  async signIn(page: Page, name: string, password: string = name): Promise<void> {
    await page.getByRole('textbox', { name: 'Name' }).fill(name);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Sign out' }).waitFor();
  }

  /** Asks the broker over HTTP, as guest. @returns the answer's JSON; what is refused throws */
  async api<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(new URL(path.replace(/^\//, ''), this.url), {
      method,
      headers: {
        authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** A user whose password is her name, with a pattern for what she may configure, write and read in `/`. */
  async user(name: string, tags: string, may: readonly [string, string, string] = ['', '', '']): Promise<void> {
    await this.api('PUT', `/api/users/${name}`, { password: name, tags });
    const [configure, write, read] = may;
    await this.api('PUT', `/api/permissions/%2F/${name}`, { configure, write, read });
  }

  /** Closes what a test has opened, and fails it for what its pages complained of. */
  async tidy(): Promise<void> {
    for (const context of this.contexts.splice(0)) await context.close();
    const complaints = this.complaints;
    this.complaints = [];
    expect(complaints).toEqual([]);
  }

  private watch(page: Page, allowed: readonly RegExp[]): void {
    const complain = (text: string): void => {
      if (!allowed.some((pattern) => pattern.test(text))) this.complaints.push(text);
    };
    const { origin } = new URL(this.url);
    page.on('pageerror', (error) => complain(`error: ${error.stack ?? error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' || /Content.Security.Policy/i.test(message.text())) {
        complain(`console: ${message.text()} (${message.location().url})`);
      }
    });
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.origin !== origin) complain(`asked somebody else: ${url.href}`);
    });
    page.on('websocket', (socket) => {
      const url = new URL(socket.url());
      if (url.hostname !== '127.0.0.1') complain(`asked somebody else: ${url.href}`);
    });
  }
}

/** A group of tests with a broker and a browser; each test opens pages of its own. */
export function inBrowser(name: string, tests: (desk: Desk) => void, options: EntrepotOptions = {}): void {
  if (CHROMIUM === undefined) {
    describe.skip(`${name} (skipped: there is no chromium; ENTREPOT_CHROMIUM may name one)`, () => tests(new Desk()));
    return;
  }
  describe(name, { timeout: TEST_TIMEOUT_MS }, () => {
    const desk = new Desk();
    beforeAll(() => desk.start(options), 120_000);
    afterEach(() => desk.tidy());
    afterAll(() => desk.stop());
    tests(desk);
  });
}

const AXE_SOURCE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string | null;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/** Fails for what axe-core finds serious or critical of the page as it is shown. Evaluated by the browser's own debugger, so the policy stays as it is. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(AXE_SOURCE);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResult> } }).axe.run(),
  );
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  expect(serious.map(({ id, help, nodes }) => ({ id, help, nodes: nodes.slice(0, 3) }))).toEqual([]);
}

/** Builds the console once for all test files that run at a time. */
async function ensureConsole(): Promise<void> {
  const lock = join(tmpdir(), `entrepot-console-${Buffer.from(ROOT).toString('base64url').slice(-80)}.lock`);
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch {
      if (!running(holder(lock))) rmSync(lock, { force: true });
      await pause(BUILD_WAIT_MS);
    }
  }
  try {
    const { stderr } = spawnSync(process.execPath, [join(ROOT, 'scripts', 'ensure-console.mjs')], { encoding: 'utf8' });
    if (stderr !== '') throw new Error(stderr);
  } finally {
    rmSync(lock, { force: true });
  }
}

function holder(lock: string): number {
  try {
    return Number(readFileSync(lock, 'utf8'));
  } catch {
    return 0;
  }
}

/** One that is just writing its number is taken for running. */
function running(pid: number): boolean {
  if (pid === 0) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
