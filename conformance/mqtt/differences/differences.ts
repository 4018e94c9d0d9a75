/**
 * Where a peer does otherwise than this broker, and why we do as we do: a scenario that it does not pass, or another choice
 * where the specification leaves one. A scenario that differs and is not here fails the run; so does one that is here and
 * does not differ.
 */

import type { Scenario } from '../scenario.ts';
import { titleOf } from '../scenario.ts';
import { AEDES } from './aedes.ts';
import type { Difference } from './difference.ts';
import { MOSQUITTO } from './mosquitto.ts';

export const DIFFERENCES: readonly Difference[] = [...MOSQUITTO, ...AEDES];

export const differenceOf = (peer: string, scenario: Scenario): Difference | undefined =>
  DIFFERENCES.find(
    (difference) =>
      difference.peer === peer &&
      (difference.scenarios.includes(titleOf(scenario)) || difference.scenarios.includes(scenario.name)),
  );
