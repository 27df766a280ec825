/**
 * How far the reader of a connection has come in what has arrived, by counts of frames.
 *
 * 1. A reader has handled what it took once it asks for more.
 * 2. Every wait ends: by the reader's progress, or with the connection's scope.
 */
import * as Effect from 'effect/Effect'

interface Mark {
  readonly at: number
  readonly pass: () => void
}

export class ReadingMarks {
  readonly #marks = new Set<Mark>()
  #arrivedCount = 0
  #takenCount = 0
  #handledCount = 0
  #isEnded = false

  noteArrived(): void {
    this.#arrivedCount += 1
  }

  noteTaken(frameCount: number): void {
    this.#takenCount += frameCount
  }

  noteAsked(): void {
    this.#handledCount = this.#takenCount
    this.#passAll()
  }

  /** Nobody will read any more. */
  end(): void {
    this.#isEnded = true
    this.#passAll()
  }

  /** Ends once everything that has arrived by now has been handled. */
  readonly passed: Effect.Effect<void> = Effect.callback<void>((resume) => {
    const mark: Mark = { at: this.#arrivedCount, pass: () => resume(Effect.void) }
    this.#marks.add(mark)
    this.#passAll()
    return Effect.sync(() => {
      this.#marks.delete(mark)
    })
  })

  #passAll(): void {
    for (const mark of this.#marks) {
      if (!this.#isEnded && mark.at > this.#handledCount) continue
      this.#marks.delete(mark)
      mark.pass()
    }
  }
}
