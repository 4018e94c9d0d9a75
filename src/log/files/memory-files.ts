/**
 * A file system in memory, for brokers that are to leave nothing behind: tests and embedders. It keeps the log's code
 * path as it is; what is never read back as anything but zeros (preallocated room) takes no memory.
 */
import type { FileSystem, LogFile } from './files.ts';

const CHUNK_BYTES = 256 * 1024;
const ZEROS = Buffer.alloc(CHUNK_BYTES);

class Content {
  readonly chunks = new Map<number, Buffer>();
  bytes = 0;
}

class MemoryFile implements LogFile {
  path: string;
  private readonly content: Content;

  constructor(path: string, content: Content) {
    this.path = path;
    this.content = content;
  }

  write(buffers: readonly Buffer[], position: number, done: (error: Error | undefined) => void): void {
    let at = position;
    for (const buffer of buffers) {
      this.writeOne(buffer, at);
      at += buffer.length;
    }
    setImmediate(done, undefined);
  }

  private writeOne(buffer: Buffer, position: number): void {
    const { content } = this;
    for (let from = 0; from < buffer.length; ) {
      const index = Math.floor((position + from) / CHUNK_BYTES);
      const offset = (position + from) % CHUNK_BYTES;
      const n = Math.min(buffer.length - from, CHUNK_BYTES - offset);
      let chunk = content.chunks.get(index);
      if (chunk === undefined && buffer.compare(ZEROS, 0, n, from, from + n) !== 0) {
        chunk = Buffer.alloc(CHUNK_BYTES);
        content.chunks.set(index, chunk);
      }
      if (chunk !== undefined) buffer.copy(chunk, offset, from, from + n);
      from += n;
    }
    content.bytes = Math.max(content.bytes, position + buffer.length);
  }

  read(
    into: Buffer,
    offset: number,
    bytes: number,
    position: number,
    done: (error: Error | undefined, bytesRead: number) => void,
  ): void {
    const { content } = this;
    const n = Math.max(0, Math.min(bytes, content.bytes - position));
    for (let from = 0; from < n; ) {
      const index = Math.floor((position + from) / CHUNK_BYTES);
      const start = (position + from) % CHUNK_BYTES;
      const piece = Math.min(n - from, CHUNK_BYTES - start);
      (content.chunks.get(index) ?? ZEROS).copy(into, offset + from, start, start + piece);
      from += piece;
    }
    setImmediate(done, undefined, n);
  }

  sync(done: (error: Error | undefined) => void): void {
    setImmediate(done, undefined);
  }

  async sizeBytes(): Promise<number> {
    return this.content.bytes;
  }

  async truncate(bytes: number): Promise<void> {
    const { content } = this;
    for (const index of content.chunks.keys()) if (index * CHUNK_BYTES >= bytes) content.chunks.delete(index);
    const last = content.chunks.get(Math.floor(bytes / CHUNK_BYTES));
    last?.fill(0, bytes % CHUNK_BYTES);
    content.bytes = bytes;
  }

  async close(): Promise<void> {}
}

export class MemoryFiles implements FileSystem {
  private readonly files = new Map<string, Content>();

  async open(path: string, how: 'read' | 'update' | 'create'): Promise<LogFile> {
    const known = this.files.get(path);
    if (how === 'create') {
      if (known !== undefined) throw new Error(`${path} exists already`);
      const content = new Content();
      this.files.set(path, content);
      return new MemoryFile(path, content);
    }
    if (known === undefined) throw new Error(`${path} does not exist`);
    return new MemoryFile(path, known);
  }

  async list(directory: string): Promise<string[]> {
    const prefix = `${directory}/`;
    return [...this.files.keys()].filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length));
  }

  async makeDirectory(): Promise<void> {}
  async syncDirectory(): Promise<void> {}

  async rename(from: string, to: string): Promise<void> {
    const content = this.files.get(from);
    if (content === undefined) throw new Error(`${from} does not exist`);
    this.files.delete(from);
    this.files.set(to, content);
  }

  async remove(path: string): Promise<void> {
    this.files.delete(path);
  }

  async removeDirectory(directory: string): Promise<void> {
    const prefix = `${directory}/`;
    for (const path of this.files.keys()) if (path.startsWith(prefix)) this.files.delete(path);
  }

  async createExclusive(path: string, text: string): Promise<boolean> {
    if (this.files.has(path)) return false;
    const file = (await this.open(path, 'create')) as MemoryFile;
    const bytes = Buffer.from(text, 'latin1');
    await new Promise<void>((done) => file.write([bytes], 0, () => done()));
    return true;
  }

  async readText(path: string): Promise<string | undefined> {
    const content = this.files.get(path);
    if (content === undefined) return undefined;
    const into = Buffer.alloc(content.bytes);
    await new Promise<void>((done) => new MemoryFile(path, content).read(into, 0, into.length, 0, () => done()));
    return into.toString('latin1');
  }
}
