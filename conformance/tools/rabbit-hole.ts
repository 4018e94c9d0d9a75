/** Requests as rabbit-hole 3.2.0 makes them, the Go client that Terraform's provider is built on (client.go, error.go). */
import type { z } from 'zod';
import { decoded } from './decode.ts';
import type { World } from './scenario.ts';

export interface HoleError {
  readonly status: number;
  readonly message: string;
  readonly reason: string;
}

export class RabbitHole {
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  get<T extends z.ZodType>(path: string, type: T): Promise<z.output<T>> {
    return this.sent('GET', path).then(({ text }) => decoded(type, text));
  }

  /** Undefined: it is gone, and the tool forgets it. */
  async getIfThere<T extends z.ZodType>(path: string, type: T): Promise<z.output<T> | undefined> {
    try {
      return await this.get(path, type);
    } catch (error) {
      if ((error as Partial<HoleError>).status === 404) return undefined;
      throw error;
    }
  }

  /** @throws HoleError, as the client decodes it */
  async sent(method: string, path: string, body?: object): Promise<{ status: number; text: string; location: string }> {
    const { status, text, headers } = await this.world.send({
      ...{ method, path: `/api/${path}`, headers: { 'content-type': 'application/json', connection: 'close' } },
      ...(body !== undefined && { body }),
    });
    if (status === 401) throw new Error('Error: API responded with a 401 Unauthorized');
    if (status >= 400 && !(method === 'DELETE' && status === 404)) throw holeError(status, text);
    return { status, text, location: headers.get('location') ?? '' };
  }
}

function holeError(status: number, text: string): HoleError {
  try {
    const { error, reason } = JSON.parse(text) as { error: unknown; reason: unknown };
    if (typeof error !== 'string' || typeof reason !== 'string') throw new Error('cannot unmarshal into string');
    return { status, message: error, reason };
  } catch (error) {
    return { status, message: `Error ${status} from RabbitMQ: ${(error as Error).message}`, reason: '' };
  }
}

/** What Go's `url.PathEscape` makes of a part of a path. */
export function pathEscape(part: string): string {
  return encodeURIComponent(part)
    .replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll(/%(24|26|2B|3D|3A|40)/g, (code) => decodeURIComponent(code));
}

/** What Go's `url.QueryEscape` does. */
export function queryEscape(part: string): string {
  return encodeURIComponent(part)
    .replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');
}
