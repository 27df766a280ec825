/**
 * Where a test loses records on purpose, to see that it is noticed. No setting, variable or request
 * leads here: whoever makes the `Shared` of a process passes them, and `main` does not.
 */
import type { DataType } from '../market/data-type.ts'

/**
 * Between feed and publisher, or in a lane of the publisher: the batch at hand vanishes, and all go
 * on as if it had not.
 */
type LossPoint = `handover:${DataType}` | `publisher:${DataType}`

export interface Faults {
  readonly losesBatch: (at: LossPoint) => boolean
  /** Which of the batches that a lander reads vanishes, from 1. */
  readonly landerLoses: { readonly dataType: DataType; readonly batch: number } | undefined
}

export const noFaults: Faults = { losesBatch: () => false, landerLoses: undefined }
