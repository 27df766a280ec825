/** What was seen of K2 while something was done to it. */
import { type Level, levels, type Transition } from '../record.ts'
import type { Answer } from './step.ts'

export interface Watched {
  readonly transitions: readonly Transition[]
  /** The highest that was seen. */
  readonly peak: Level
  readonly endedAt: Level | null
  /** From what was done until it was to be seen, seconds; null where it was not. */
  readonly seconds: number | null
  /** Trades per second that the exchange issued: before, and in the flood. */
  readonly calmPerSecond?: number
  readonly floodPerSecond?: number
  readonly shed: number
  readonly healed: number
  readonly openGaps: number
  /** Issued while K2 or its log was dead. */
  readonly issued?: number
  /** Of questions asked while the log was dead, K2 alive: answered, and all. */
  readonly answered?: readonly [answered: number, asked: number]
  readonly spooled?: number
  /** What was killed. */
  readonly killed?: 'K2' | 'Kafka'
}

export const watchedOf = ({ json, command, text }: Answer): Watched => {
  if (json === undefined) throw new Error(`${command} saw nothing: ${text}`)
  return json as Watched
}

export const rankOf = (level: Level): number => levels.indexOf(level)
