import { describe, expect, test } from 'vitest'
import { parseExposition } from '../../bench/exposition.ts'
import { type ActorLine, checkLevel, type LevelFacts } from '../../bench/level-check.ts'

const actor = (changes: Partial<ActorLine> = {}): ActorLine => ({
  path: 'root',
  state: 'up.running',
  tags: ['healthy'],
  restarts: 0,
  children: [],
  ...changes
})

const normal: LevelFacts = {
  scrapes: [parseExposition('k2_publish_refused_total{topic="t"} 0')],
  actors: actor({ children: [actor({ path: 'root/log' })] }),
  readyStatus: 200,
  readyText: ''
}

const scrapesOf = (...levels: readonly number[]) =>
  levels.map((level) => parseExposition(`k2_degradation_level ${level}`))

describe('check of the level', () => {
  test('without the metric it is told that it is not exported', () => {
    const { faults, note } = checkLevel(normal)
    expect(faults).toEqual([])
    expect(note).toContain('is not exported')
  })

  test('with the metric it must have been 0 at every look', () => {
    const { faults, note } = checkLevel({ ...normal, scrapes: scrapesOf(0, 0, 0) })
    expect(faults).toEqual([])
    expect(note).toContain('was 0 at every look')
    const raised = checkLevel({ ...normal, scrapes: scrapesOf(0, 2, 1, 0) })
    expect(raised.faults).toEqual(['k2_degradation_level was 2 (2 of 4 looks)'])
  })

  const childWith = (changes: Partial<ActorLine>): LevelFacts => ({
    ...normal,
    actors: actor({ children: [actor({ path: 'root/log/publisher', ...changes })] })
  })
  const refusing = parseExposition('k2_publish_refused_total{topic="t"} 3')

  test.each<[string, LevelFacts, string]>([
    ['a refusal', { ...normal, scrapes: [refusing] }, 'the event log refused 3 batches'],
    ['a restart', childWith({ restarts: 2 }), 'root/log/publisher was restarted 2 times'],
    [
      'degradation',
      childWith({ tags: ['degraded'], state: 'up.refused' }),
      'root/log/publisher is up.refused'
    ],
    [
      'quarantine',
      childWith({ tags: ['quarantined'], state: 'quarantined' }),
      'root/log/publisher is quarantined'
    ],
    [
      'not being ready',
      { ...normal, readyStatus: 503, readyText: 'the lander is not running' },
      'K2 was not ready: the lander is not running'
    ]
  ])('%s is no normal level', (_, facts, fault) => {
    expect(checkLevel(facts).faults).toEqual([fault])
  })
})
