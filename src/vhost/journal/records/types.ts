/**
 * The types of the vhost's records in its log: every number that is in use, and the file of this folder that writes and reads
 * what has it. The vhost's durable state is a fold over these records: `journal.ts` appends them, `../../recovery/recovered-vhost.ts` folds them,
 * `describe.ts` shows them.
 *
 * | type | record | file | type | record | file |
 * |---|---|---|---|---|---|
 * | 1 | message | `message/storage.ts` | 142 | enqueued | `entries.ts` |
 * | 2 | extent of a large body | `queue/store/` | 143 | numbers | `topology.ts` |
 * | 130 | exchange declared | `topology.ts` | 144 | positions | `contents.ts` |
 * | 131 | exchange deleted | `topology.ts` | 145 | held | `contents.ts` |
 * | 132 | queue declared | `topology.ts` | 146 | large body | `large-bodies.ts` |
 * | 133 | queue deleted | `topology.ts` | 147 | delayed | `delays.ts` |
 * | 134 | bound | `topology.ts` | 148 | delay over | `delays.ts` |
 * | 135 | unbound | `topology.ts` | 149 | delayed keys | `delays.ts` |
 * | 136 | targets | `targets.ts` | 150 | dying | `entries.ts` |
 * | 137 | settled | `entries.ts` | 151 | policy set | `policies.ts` |
 * | 138 | returned | `entries.ts` | 152 | policy cleared | `policies.ts` |
 * | 139 | state put | `state.ts` | 153 | retry | `entries.ts` |
 * | 140 | state deleted | `state.ts` | 154 | ids admitted | `windows.ts` |
 * | 141 | retained | `retained.ts` | 155 | publishers admitted | `windows.ts` |
 * | 157 | passport events | `passports.ts` | 156 | window cleared | `windows.ts` |
 * | 158 | places in groups | `places.ts` | 159 | deferred | `entries.ts` |
 * | 160 | retainer | `retainers.ts` | | | |
 *
 * All numbers are little endian. Topology and policies are JSON: they are rare, and a person can read them in a dump. A number
 * is never used again for something else. A new record gets the next number (up to 249; below 128 are records that can be
 * found again by their sequence number), a line here, a write and a read function beside each other, a case where it is
 * folded (`recovery/recovered-vhost.ts`; for topology and policies `recovered-topology.ts`) and in `describe.ts`, and one in
 * `test/vhost/journal/records.test.ts`. If it says something of state, a checkpoint repeats it (`checkpoint.ts`, `queue-contents.ts`).
 */
export const RECORD_EXCHANGE = 130;
export const RECORD_EXCHANGE_DELETED = 131;
export const RECORD_QUEUE = 132;
export const RECORD_QUEUE_DELETED = 133;
export const RECORD_BOUND = 134;
export const RECORD_UNBOUND = 135;
export const RECORD_TARGETS = 136;
export const RECORD_SETTLED = 137;
export const RECORD_RETURNED = 138;
export const RECORD_STATE = 139;
export const RECORD_STATE_DELETED = 140;
export const RECORD_RETAINED = 141;
export const RECORD_ENQUEUED = 142;
export const RECORD_NUMBERS = 143;
export const RECORD_POSITIONS = 144;
export const RECORD_HELD = 145;
export const RECORD_LARGE = 146;
export const RECORD_DELAYED = 147;
export const RECORD_DELAY_OVER = 148;
export const RECORD_DELAYED_KEYS = 149;
export const RECORD_DYING = 150;
export const RECORD_POLICY = 151;
export const RECORD_POLICY_CLEARED = 152;
export const RECORD_RETRY = 153;
export const RECORD_IDS_ADMITTED = 154;
export const RECORD_PUBLISHERS_ADMITTED = 155;
export const RECORD_WINDOW_CLEARED = 156;
export const RECORD_PASSPORT_EVENTS = 157;
export const RECORD_PLACES = 158;
export const RECORD_DEFERRED = 159;
export const RECORD_RETAINER = 160;
