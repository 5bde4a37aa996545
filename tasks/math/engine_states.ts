// What the two threads of the engine tell each other in the one word that they share.

/** Values of the shared word; a question sets it back to `asked`. */
export const states = { starting: 0, ready: 1, asked: 2, equal: 3, different: 4, undecided: 5 } as const;
