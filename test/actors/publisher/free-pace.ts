import * as Effect from 'effect/Effect'

/** Nobody minds how fast the spool is emptied. */
export const freePace = { isHeld: false, leave: Effect.void, spend: () => undefined }
