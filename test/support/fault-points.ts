/**
 * Durable steps of a commit, and K2 killed before or after one of them, in a commit that a seed
 * picks; what comes of it is held against the log. `K2_KILL_SEED` repeats a run.
 */
import { randomInt, randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { generatedSymbols } from '../../src/adapters/simulator/venue-listing.ts'
import { checkedData, type Exactness } from './exactness.ts'
import type { K2Fixture, K2Settings } from './k2-process.ts'
import { settingsOf, type Venue } from './venue.ts'

export const seed = Number(process.env['K2_KILL_SEED'] ?? randomInt(2 ** 31))
export const [trades] = checkedData('binance')
const symbols = generatedSymbols.map(({ symbol }) => symbol)
const commitsMax = 5

/** In the order in which a commit needs them; some are under way at the same time. */
export const writing = ['data-file', 'state', 'manifest', 'manifest-list'] as const
export const embeddedSwap = ['metadata', 'staged-swap', 'swap'] as const
/** Kafka's group is told how far the table is, after the commit. */
export const hint = 'offset-hint'

export interface Point {
  readonly step: string
  readonly when: 'before' | 'after'
  /** Which one, as counted by the process that is struck. */
  readonly nth: number
}

export const pointsOf = (steps: readonly string[]): readonly Point[] =>
  steps.flatMap((step, index) =>
    (['before', 'after'] as const).map((when, side) => ({
      step,
      when,
      // The first metadata and swap make an embedded table.
      nth: 2 + ((seed + 2 * index + side) % commitsMax)
    }))
  )

/** Where log and table are, and who compares them. */
export interface Place {
  readonly settings: K2Settings
  readonly exactness: Exactness
}

interface Struck {
  readonly k2s: K2Fixture
  readonly venue: Venue
  readonly place: Place
}

const hasKafka = ({ settings }: Place): boolean => 'K2_KAFKA_BOOTSTRAP_SERVERS' in settings

/** Strikes one life of K2, lets the next one recover and stop; when the first one was killed. */
export const strike = async (
  { k2s, venue, place }: Struck,
  { step, when, nth }: Point
): Promise<number> => {
  const { settings, exactness } = place
  // A new group does not wait for the session of the dead one's member to end; that it may is for
  // the tests of landing from Kafka. After a hint it is the one that was told.
  const group = `points-${randomUUID()}`
  const settingsIn = (name: string): K2Settings => ({
    ...settingsOf(venue, symbols),
    K2_DATA_TYPES: 'trades',
    K2_REFERENCE_INTERVAL: 'off',
    K2_COMMIT_AGE: '100ms',
    ...settings,
    ...(hasKafka(place) ? { K2_KAFKA_GROUP_ID: name } : {})
  })
  const struck = k2s.start(settingsIn(group), {
    preload: {
      module: new URL('fault-point.mjs', import.meta.url),
      env: { FAULT_POINT: `trades/${step}/${when}/${nth}` }
    }
  })
  expect(await struck.exit(), struck.describe()).toEqual({ code: null, signal: 'SIGKILL' })
  const killedMs = Date.now()
  const before = await exactness.check(0)
  expect(before.logged).toBeGreaterThan(0)

  const next = k2s.start(settingsIn(step === hint ? group : `${group}-next`))
  await next.atLeast('k2_landed_records', before.logged + 1, { topic: trades.topic })
  next.kill('SIGINT')
  expect(await next.exit(), next.describe()).toEqual({ code: 0, signal: null })
  const after = await exactness.check(before.logged + 1)
  expect(after.landed).toBe(after.logged)
  return killedMs
}
