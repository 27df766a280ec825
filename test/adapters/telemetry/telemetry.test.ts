import { expect, test } from 'vitest'
import { makeTelemetry } from '../../../src/adapters/telemetry/telemetry.ts'

const telemetry = (level: 'debug' | 'warn') => {
  const lines: string[] = []
  return { lines, ...makeTelemetry({ level, nowMs: () => 0, write: (line) => lines.push(line) }) }
}

test('log lines are JSON, the less severe are left out, nothing throws', () => {
  const { lines, log } = telemetry('warn')
  log('info', 'feed.subscribed')
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  log('warn', 'commit.fenced', { snapshot: 9_007_199_254_740_993n })
  log('error', 'odd.value', circular)
  expect(lines.map((line) => JSON.parse(line) as Record<string, unknown>)).toMatchObject([
    {
      at: '1970-01-01T00:00:00.000Z',
      level: 'warn',
      event: 'commit.fenced',
      snapshot: '9007199254740993'
    },
    { event: 'odd.value', unserialisable: expect.stringContaining('circular') as string }
  ])
})

test('of what repeats one line in ten seconds is written, with a count of those before it', () => {
  let ms = 0
  const lines: string[] = []
  const { logSeldom } = makeTelemetry({
    level: 'info',
    nowMs: () => ms,
    write: (line) => lines.push(line)
  })
  for (; ms < 21_000; ms += 1_000) {
    logSeldom('warn', 'peer.away', 'refused', { ms })
    logSeldom('debug', 'peer.away', 'refused', { ms })
    if (ms === 3_000) logSeldom('warn', 'peer.away', 'reset', { ms })
  }
  ms = -3_600_000
  logSeldom('warn', 'peer.away', 'refused', { ms })
  expect(lines.map((line) => JSON.parse(line) as Record<string, unknown>)).toEqual(
    [
      { ms: 0 },
      { ms: 3_000 },
      { ms: 10_000, suppressed: 9 },
      { ms: 20_000, suppressed: 9 },
      { ms: -3_600_000 }
    ].map((fields) => ({
      at: new Date(fields.ms).toISOString(),
      level: 'warn',
      event: 'peer.away',
      ...fields
    }))
  )
})
