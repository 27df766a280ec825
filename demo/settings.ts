/**
 * How K2 is set in a demonstration, and nothing else is special about it: its marks are for a
 * market of a thousand trades a second, and its times for four minutes.
 *
 * - Lag: four levels from 20,000 records on.
 * - Memory: a limit at which its queues, full, are nine tenths of it (R17).
 * - Event-loop delay and resident memory say more of the machine that a demonstration is shown on,
 *   and of what else runs there, than of its load: they have no marks.
 * - No compaction: it would share the line to the object store.
 */
const MiB = 1_024 ** 2
/** In use at ease, threads and DuckDB included. */
const idleBytes = 130 * MiB
const publishBytes = 16 * MiB
/** Rows that wait for the commit that is on its way, and those of that one. */
const landingBytes = 2 * 80 * MiB
const fullShare = 0.9

const memoryMiB = Math.ceil((idleBytes + publishBytes + landingBytes) / fullShare / MiB)
export const memoryBytesMax = memoryMiB * MiB

type Settings = Readonly<Record<`K2_${string}`, string>>

export const demoSettings: Settings = {
  K2_FEEDS: 'binance',
  K2_DATA_TYPES: 'trades',
  K2_REFERENCE_INTERVAL: 'off',
  K2_COMPACTION_INTERVAL: 'off',
  K2_SNAPSHOTS_MAX: '10',
  K2_COMMIT_AGE: '1s',
  K2_GAP_GRACE: '1s',
  K2_MEMORY_LIMIT: `${memoryMiB}MiB`,
  K2_PUBLISH_BYTES: `${publishBytes / MiB}MiB`,
  K2_DEGRADATION_INTERVAL: '500ms',
  K2_DEGRADATION_COOLDOWN: '4s',
  K2_DEGRADATION_RAMP_STEP: '1s',
  K2_DEGRADATION_LAG_ENTER: '20000,55000,95000,2000000',
  K2_DEGRADATION_LAG_LEAVE: '10000,27000,47000,1000000',
  K2_DEGRADATION_LOOP_DELAY_ENTER: 'off,off,off,off',
  K2_DEGRADATION_LOOP_DELAY_LEAVE: 'off,off,off,off',
  K2_DEGRADATION_RESIDENT_ENTER: 'off,off,off,off',
  K2_DEGRADATION_RESIDENT_LEAVE: 'off,off,off,off',
  K2_SHUTDOWN_TIMEOUT: '60s'
}
