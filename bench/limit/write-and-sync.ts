/** What a disk does by itself: bytes written to a growing file, and synced after so many. */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Megabytes (10^6) a second. */
export async function writeAndSync(directory: string, bytes: number, pieceBytes: number): Promise<number> {
  const path = join(directory, 'written');
  const file = await open(path, 'w');
  const piece = Buffer.alloc(pieceBytes, 'x');
  const startedMs = performance.now();
  for (let at = 0; at < bytes; at += pieceBytes) {
    await file.write(piece, 0, pieceBytes, at);
    await file.datasync();
  }
  const ms = performance.now() - startedMs;
  await file.close();
  await rm(path);
  return bytes / ms / 1000;
}
