/** Counts of what a simulation did to the broker. */

/** By kind; added up over histories. */
export class FaultCounts {
  powerLosses = 0;
  kills = 0;
  /** Crashes while the broker was still starting. */
  crashesInRecovery = 0;
  /** Unsynced writes of which a crash kept some sectors and not others. */
  tornWrites = 0;
  forgottenWrites = 0;
  /** Writes of which an older, overlapping or earlier one was lost while a later one was kept. */
  reorderedWrites = 0;
  forgottenNames = 0;
  writeErrors = 0;
  syncErrors = 0;
  readErrors = 0;
  otherErrors = 0;
  fullDisk = 0;

  add(other: FaultCounts): void {
    for (const kind of Object.keys(this) as (keyof FaultCounts & string)[]) {
      (this as unknown as Record<string, number>)[kind]! += (other as unknown as Record<string, number>)[kind]!;
    }
  }
}
