/** What is known of users that are changed while their broker is killed: each is as it was confirmed last, or as it was about to be. */

export const KEPT_USERS: readonly string[] = Array.from({ length: 8 }, (_, i) => `user-${i}`);

/** As much of a user as is changed; null where there is none. */
export interface KeptUser {
  readonly tag: string;
  readonly read: string | null;
  readonly topic: string | null;
}

export class UserLedger {
  confirmed = 0;
  private readonly last = new Map<string, string>();
  private readonly begun = new Map<string, string>();

  /** A whole line of `user-changes.ts`. */
  line(text: string): void {
    const [sign, name, ...rest] = text.split(' ');
    if (name === undefined) return;
    if (sign === '>') this.begun.set(name, rest.join(' '));
    else if (sign === '=') {
      this.confirmed++;
      this.last.set(name, this.begun.get(name)!);
      this.begun.delete(name);
    }
  }

  /** What is wrong with a user that was found after a kill. From now on it is as it was found. */
  verdict(name: string, found: KeptUser | null): string[] {
    const text = JSON.stringify(found);
    const last = this.last.get(name) ?? 'null';
    const begun = this.begun.get(name);
    this.last.set(name, text);
    this.begun.delete(name);
    if (text === last || text === begun) return [];
    const also = begun === undefined ? '' : `, about to be ${begun}`;
    return [`${name} is ${text}, and was confirmed as ${last}${also}`];
  }
}
