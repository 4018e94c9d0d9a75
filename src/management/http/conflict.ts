/** The header of an answer 400 whose request is right, and does not fit what there is; its value is the broker's word for why. */
export const CONFLICT_HEADER = 'entrepot-conflict';
