/** A promise is broken: the run has found a bug. */
export class Broken extends Error {
  readonly _tag = 'Broken'
}
