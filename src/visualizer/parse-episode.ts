/** The text of an episode's file, held against what this page can show. */
import { Recording } from './recording.ts'
import type { Episode } from './watch-types.ts'

const version = 2

/** @throws Error that says what is wrong with the text */
export const parseEpisode = (text: string): Recording => {
  const found = parsed(text)
  const missing = ['instance', 'machines', 'series', 'base', 'frames'].filter(
    (name) => !(name in found)
  )
  if (missing.length > 0) throw new Error(`it is no episode: ${missing.join(', ')} is missing`)
  if (found.version !== version)
    throw new Error(`its version is ${String(found.version)}: this page reads version ${version}`)
  return new Recording(found as Episode)
}

const parsed = (text: string): Partial<Episode> => {
  try {
    const value: unknown = JSON.parse(text)
    // `k2 demo` and the API save it in an envelope.
    const inside = isObject(value) && isObject(value['data']) ? value['data'] : value
    if (isObject(inside)) return inside
  } catch {
    // Said below, as of any other text.
  }
  throw new Error('it is no JSON object')
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null
