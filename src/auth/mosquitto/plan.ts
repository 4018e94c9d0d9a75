/** What is taken over of Mosquitto: steps, each with the name of what it came from, and what is left out, in words. */
import { BrokerError } from '../../message/errors.ts';
import type { RoleStore } from '../roles/role-store.ts';
import type { UserStore } from '../user-store.ts';

/** Where it goes. */
export interface Stores {
  readonly users: UserStore;
  readonly roles: RoleStore;
}

export interface Step {
  /** As `user 'ann'`; a line of the report. */
  readonly what: string;
  readonly apply: (stores: Stores) => void;
}

export class Plan {
  readonly steps: Step[] = [];
  readonly leftOut: string[] = [];

  add(what: string, apply: (stores: Stores) => void): void {
    this.steps.push({ what, apply });
  }

  /**
   * Puts all of it into the stores. What is wrong is found here: try it on copies first.
   * @returns a line for each problem
   */
  applyTo(stores: Stores): string[] {
    const problems: string[] = [];
    for (const { what, apply } of this.steps) {
      try {
        apply(stores);
      } catch (error) {
        if (!(error instanceof BrokerError)) throw error;
        problems.push(`${what}: ${error.message}`);
      }
    }
    return problems;
  }
}
