/** The ledger of a QoS 2 subscriber, by publisher and number: each exactly once, in the order they were published. */

export class OnceLedger {
  /** Messages counted in all. */
  counted = 0;
  private readonly counts = new Map<string, Uint8Array>();
  private readonly last = new Map<string, number>();
  private readonly disorder: string[] = [];

  count(publisher: string, serial: number): void {
    this.counted++;
    let counts = this.counts.get(publisher) ?? new Uint8Array(0);
    if (serial >= counts.length) {
      const larger = new Uint8Array(Math.max(1024, 2 * serial));
      larger.set(counts);
      counts = larger;
      this.counts.set(publisher, counts);
    }
    counts[serial]!++;
    const last = this.lastOf(publisher);
    if (serial !== last + 1) this.disorder.push(`${serial} of ${publisher} came after ${last}`);
    this.last.set(publisher, serial);
  }

  /** The number that came last, -1 before the first. */
  lastOf(publisher: string): number {
    return this.last.get(publisher) ?? -1;
  }

  /** What is wrong if `published` messages, numbered from 0, are all there are; order is objected to once only. */
  verdict(publisher: string, published: number): string[] {
    const wrong = this.disorder.splice(0);
    const counts = this.counts.get(publisher) ?? new Uint8Array(0);
    let missing = 0;
    let doubled = 0;
    for (let serial = 0; serial < published; serial++) {
      const times = counts[serial] ?? 0;
      if (times === 0) missing++;
      if (times > 1) doubled++;
    }
    if (missing > 0) wrong.push(`${missing} of ${published} messages of ${publisher} are missing`);
    if (doubled > 0) wrong.push(`${doubled} messages of ${publisher} came more than once`);
    return wrong;
  }
}
