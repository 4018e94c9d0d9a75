/**
 * The console's files (`console/`, built into `dist/console`): read with the first request for one, kept in memory as they lie on the disk, compressed
 * beforehand. What they may do in a browser is said with each: run scripts and show styles of this broker's own files, ask this broker, and
 * nothing else.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Beside the compiled broker; from source it lies where the build puts it. */
const BUILT = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/console' : '../../console', import.meta.url),
);

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** No inline script or style, nothing from elsewhere; what the page opens goes to the port that it came from. */
export const CONSOLE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** From source it is there once it was built. */
export const consoleIsBuilt = (): boolean => existsSync(join(BUILT, 'index.html'));

interface ConsoleFile {
  readonly plain: Buffer;
  /** As `Content-Encoding` names them. */
  readonly br: Buffer | undefined;
  readonly gzip: Buffer | undefined;
  readonly type: string;
}

export class ConsoleFiles {
  private readonly directory: string;
  private files: Promise<ReadonlyMap<string, ConsoleFile>> | undefined;

  /** @param directory where the built console lies */
  constructor(directory: string = BUILT) {
    this.directory = directory;
  }

  /**
   * The answer to a GET; undefined: there is no such file.
   * @param path behind the port's own `/`; empty: the page itself
   */
  async answer(path: string, acceptEncoding: string): Promise<Response | undefined> {
    this.files ??= this.read();
    const file = (await this.files).get(path === '' ? 'index.html' : path);
    if (file === undefined) return undefined;
    const accepted = acceptEncoding.split(',').map((one) => one.split(';', 1)[0]!.trim());
    const encoding = (['br', 'gzip'] as const).find((one) => file[one] !== undefined && accepted.includes(one));
    return new Response(new Uint8Array(encoding === undefined ? file.plain : file[encoding]!), {
      headers: {
        'content-type': file.type,
        ...(encoding !== undefined && { 'content-encoding': encoding }),
        'content-security-policy': CONSOLE_POLICY,
        'cross-origin-opener-policy': 'same-origin',
        vary: 'accept, accept-encoding',
        // The names of all but the page change with what is in them.
        'cache-control': path.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      },
    });
  }

  /** None, if nothing was built. */
  private async read(): Promise<ReadonlyMap<string, ConsoleFile>> {
    const files = new Map<string, ConsoleFile>();
    const entries = await readdir(this.directory, { recursive: true, withFileTypes: true }).catch(() => []);
    const names = entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.directory.length + 1));
    const there = new Set(names);
    const content = (name: string): Promise<Buffer> => readFile(join(this.directory, name));
    for (const name of names) {
      const type = TYPES[extname(name)];
      if (type === undefined) continue;
      files.set(name.split(sep).join('/'), {
        plain: await content(name),
        br: there.has(`${name}.br`) ? await content(`${name}.br`) : undefined,
        gzip: there.has(`${name}.gz`) ? await content(`${name}.gz`) : undefined,
        type,
      });
    }
    return files;
  }
}
