/**
 * One shape for everything that can end an actor badly: typed failure, defect, interruption,
 * missed deadline, escalation of a child supervisor.
 *
 * Invariant: `crashOf` is total. What was thrown may be anything, a proxy or an object with
 * throwing getters included, and it must never make the supervisor throw (R18).
 */

/** What is kept in contexts, status and history: plain JSON. */
export interface CrashFacts {
  readonly tag: string
  readonly message: string
  /** Marked by the adapter: a broker, venue, catalog or store was unavailable (R14). */
  readonly isDependency: boolean
  /** Marked by the adapter: a person must act, a port or a folder belongs to somebody else. */
  readonly isRefusal?: true
}

/** The error of every actor made by the bridge: `event.error` in `onError` is one of these. */
export class ActorCrashed extends Error implements CrashFacts {
  readonly _tag = 'ActorCrashed'
  readonly tag: string
  readonly isDependency: boolean
  readonly isRefusal?: true

  constructor(facts: CrashFacts, cause: unknown) {
    super(facts.message, { cause })
    this.tag = facts.tag
    this.isDependency = facts.isDependency
    if (facts.isRefusal === true) this.isRefusal = true
  }
}

export const factsOf = (crash: CrashFacts): CrashFacts => ({
  tag: crash.tag,
  message: crash.message,
  isDependency: crash.isDependency,
  ...refusal(crash.isRefusal)
})

const refusal = (isRefusal: unknown): Pick<CrashFacts, 'isRefusal'> =>
  isRefusal === true ? { isRefusal } : {}

/** Longer messages are cut: they are copied into contexts, histories and responses. */
export const crashMessageLengthMax = 500

export const crashOf = (error: unknown): ActorCrashed => {
  try {
    return error instanceof ActorCrashed ? error : new ActorCrashed(readFacts(error), error)
  } catch {
    return new ActorCrashed(
      { tag: 'UnreadableFailure', message: 'the thrown value cannot be read', isDependency: false },
      undefined
    )
  }
}

const readFacts = (error: unknown): CrashFacts => {
  if (typeof error !== 'object' || error === null) {
    return { tag: 'UnknownFailure', message: cut(String(error)), isDependency: false }
  }
  const fields = error as Readonly<Record<string, unknown>>
  return {
    tag: textOf(fields['_tag']) ?? textOf(fields['name']) ?? 'UnknownFailure',
    message: cut(textOf(fields['message']) ?? textOf(fields['_tag']) ?? 'no message'),
    isDependency: fields['isDependency'] === true || fields['dependency'] === true,
    ...refusal(fields['isRefusal'])
  }
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

const cut = (text: string): string =>
  text.length > crashMessageLengthMax ? `${text.slice(0, crashMessageLengthMax)}…` : text
