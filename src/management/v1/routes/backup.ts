/** A consistent copy of a running broker's data, as an archive. */
import { z } from 'zod';
import type { BackedUpFile } from '../../../broker/backup.ts';
import { type PacedBackup, RATE_MIN } from '../../../operator/paced-backup.ts';
import { PRODUCT, VERSION } from '../../../version.ts';
import { END, headerOf, paddingBytes } from '../../tar.ts';
import { type Operation, operation } from '../http/operation.ts';

/** The archive's first entry: what belongs to it. */
export const MANIFEST = 'backup.json';

export interface Manifest {
  readonly product: string;
  readonly version: string;
  /** When the copy was begun: all that was confirmed before is in it. */
  readonly at: string;
  readonly files: readonly BackedUpFile[];
}

function manifestOf({ files }: PacedBackup, nowMs: number): Buffer {
  const manifest: Manifest = { product: PRODUCT, version: VERSION, at: new Date(nowMs).toISOString(), files };
  return Buffer.from(`${JSON.stringify(manifest, undefined, 1)}\n`);
}

function archiveBytes(manifest: Buffer, { files }: PacedBackup, nowS: number): number {
  const all = [{ path: MANIFEST, bytes: manifest.length }, ...files];
  return all.reduce(
    (sum, entry) => sum + headerOf(entry, nowS).length + entry.bytes + paddingBytes(entry.bytes),
    END.length,
  );
}

async function* archive(manifest: Buffer, backup: PacedBackup, nowS: number): AsyncGenerator<Buffer> {
  yield headerOf({ path: MANIFEST, bytes: manifest.length }, nowS);
  yield manifest;
  yield Buffer.alloc(paddingBytes(manifest.length));
  for (const [at, entry] of backup.files.entries()) {
    yield headerOf(entry, nowS);
    yield* backup.read(at);
    yield Buffer.alloc(paddingBytes(entry.bytes));
  }
  yield END;
}

/** Read as it is taken. */
function body(source: AsyncGenerator<Buffer>, backup: PacedBackup): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          let next = await source.next();
          while (next.done !== true && next.value.length === 0) next = await source.next();
          if (next.done !== true) {
            controller.enqueue(next.value);
            return;
          }
          backup.close();
          controller.close();
        } catch (error) {
          // The length that was announced is not reached, so nobody takes it for whole.
          backup.close();
          controller.error(error);
        }
      },
      async cancel() {
        backup.close();
        await source.return(undefined);
      },
    },
    // Nothing is read ahead: what it reads is paced.
    { highWaterMark: 0 },
  );
}

export const BACKUP: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/backup',
    id: 'backup',
    group: 'Operating',
    summary: 'A copy of all that is on the disk, as a tar archive.',
    description:
      'What a start would find if the broker were killed as this is asked: all that was confirmed before is in it, users, vhosts and their definitions too; transient messages are not. Unpacked, it is a data directory to start on. While it is read, files that are not copied yet are not given back to the disk; a full disk ends it, so does a reader that takes less than 15 MiB in a minute, and one that was cut short is shorter than `content-length`. One at a time. Hashed passwords are in it.',
    access: 'administrator',
    query: z.strictObject({
      rate: z.coerce
        .number()
        .int()
        .refine((rate) => rate === 0 || rate >= RATE_MIN, `0, or ${RATE_MIN} at the least`)
        .default(0)
        .describe('Bytes a second at most, 1 MiB at the least; 0: as fast as clients do not notice.'),
    }),
    answer: { contentType: 'application/x-tar', what: 'The archive. `backup.json` is its first entry.' },
    handle: async (asked) => {
      const { operator, signal, query } = asked;
      const { nowMs } = operator;
      const nowS = Math.floor(nowMs / 1_000);
      const backup = await operator.backup(query.rate);
      signal.addEventListener('abort', () => backup.close(), { once: true });
      if (signal.aborted) backup.close();
      const manifest = manifestOf(backup, nowMs);
      return new Response(body(archive(manifest, backup, nowS), backup), {
        headers: {
          'content-type': 'application/x-tar',
          'content-length': String(archiveBytes(manifest, backup, nowS)),
          'content-disposition': 'attachment; filename="entrepot-backup.tar"',
          'cache-control': 'no-store',
        },
      });
    },
  }),
];
