/** The seven sections as data, and what counts as shown. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { envelopeOf, medianOf, metricOf, weightOf } from '../../demo/show/answers.ts'
import { Faults } from '../../demo/show/faults.ts'
import {
  backupFolder,
  castFile,
  materialOf,
  screenshots,
  videoFile,
  walkthroughFile
} from '../../demo/show/material.ts'
import { runStep } from '../../demo/show/run-step.ts'
import { sections } from '../../demo/show/sections.ts'
import { attachStage, type Stage } from '../../demo/show/stage.ts'
import {
  type Answer,
  figure,
  figuresSaid,
  figureText,
  judged,
  said,
  type Step
} from '../../demo/show/step.ts'

const steps = sections.flatMap((section) => section.steps)
const nothing: Answer = { command: 'curl', text: '', json: undefined, code: 0, ms: [] }

describe('sections', () => {
  test('are seven, of twelve minutes together', () => {
    expect(sections.map(({ budgetSeconds }) => budgetSeconds / 60)).toEqual([1, 2, 2, 2, 2, 2, 1])
  })

  test('no two steps are called the same', () => {
    expect(new Set(steps.map(({ id }) => id)).size).toBe(steps.length)
  })

  test('talking points state no measured figure by themselves', () => {
    const digits = /\d+(?:[.,]\d+)?\s*(?:ms|s\b|%|trades|rows|bytes|MB|GB|\/s)/
    expect(steps.filter(({ says }) => digits.test(says)).map(({ says }) => says)).toEqual([])
  })

  test('what is said of a section fits into its budget', () => {
    const wordsPerSecond = 2.4
    for (const { id, budgetSeconds, steps: its } of sections) {
      const words = its.flatMap(({ says }) => says.split(/\s+/)).length
      expect(words / wordsPerSecond, id).toBeLessThan(budgetSeconds)
    }
  })

  test('each has pictures of its own as backup, at least ten together', () => {
    expect(screenshots.length).toBeGreaterThanOrEqual(10)
    expect(screenshots[0]?.file).toBe('01-parts.png')
    expect(backupFolder).not.toMatch(/^[./]/)
    for (const { id, steps: its } of sections) {
      const pictures = materialOf(id).filter((file) => file.endsWith('.png'))
      expect(pictures.length).toBe(its.length)
      const files = [walkthroughFile, videoFile, castFile]
      expect(materialOf(id).slice(its.length)).toEqual(files)
    }
  })
})

describe('judges', () => {
  const answers: readonly (readonly [string, Answer])[] = [
    ['nothing', nothing],
    ['no JSON', { ...nothing, text: 'Bad Gateway', code: 502 }],
    ['a problem', { ...nothing, json: { code: 'not_found' }, text: '{}', code: 404 }],
    ['no rows', { ...nothing, json: { data: [], meta: {} }, code: 200, text: '{"data":[]}' }],
    ['an empty document', { ...nothing, json: { data: {} }, code: 200, text: '{"data":{}}' }]
  ]
  const cases = steps.flatMap((step) =>
    answers.map(([name, answer]) => [step.id, name, step, answer] as const)
  )

  test.each(cases)('"%s" does not count as shown by %s', (_id, _name, step, answer) => {
    const earlier = new Map(steps.map(({ id }) => [id, answer]))
    expect(problemOf(step, answer, earlier)).toBeDefined()
  })

  const problemOf = (step: Step, answer: Answer, earlier: ReadonlyMap<string, Answer>) => {
    try {
      return step.judge(answer, earlier).problem
    } catch (error) {
      return String(error)
    }
  }

  test('the first check that fails is the problem', () => {
    expect(judged([], [[true, 'a'], [false, 'b'], [false, 'c']]).problem).toBe('b')
    expect(judged([], [[true, 'a']]).problem).toBeUndefined()
  })

  const stepOf = (id: string): Step => steps.find((step) => step.id === id)!
  const rowsAnswer = (data: unknown): Answer => ({
    ...nothing, code: 200, json: { data, meta: {} }
  })

  test.each([
    [{ trades: 10, ids: 10, span: 10 }, undefined],
    [{ trades: 10, ids: 10, span: 12 }, '2 ids are missing'],
    [{ trades: 11, ids: 10, span: 10 }, '1 trades are there twice']
  ])('of %j the proof says %s', (row, problem) => {
    expect(stepOf('proof').judge(rowsAnswer([row]), new Map()).problem).toBe(problem)
  })

  test('ids with a hole are not the newest trades', () => {
    const rows = Array.from({ length: 20 }, (_, index) => ({ source_sequence: 100 - index }))
    const { judge } = stepOf('newest')
    expect(judge(rowsAnswer(rows), new Map()).problem).toBeUndefined()
    rows[7]!.source_sequence = 12
    expect(judge(rowsAnswer(rows), new Map()).problem).toContain('one after the other')
  })

  test.each([
    [{ peak: 'graceful', signal: 'lag', shed: 5 }, undefined],
    [{ peak: 'soft', signal: 'lag', shed: 5 }, 'the level came to soft only'],
    [{ peak: 'graceful', signal: 'memory', shed: 5 }, 'not lag raised it'],
    [{ peak: 'graceful', signal: 'lag', shed: 0 }, 'nothing was shed']
  ])('a flood as %j: %s', ({ peak, signal, shed }, problem) => {
    const transitions = [{ from: 'normal', to: peak, signal }]
    const json = { transitions, peak, shed, seconds: 1, calmPerSecond: 1, floodPerSecond: 9 }
    expect(stepOf('flood').judge({ ...nothing, json }, new Map()).problem).toBe(problem)
  })

  test('a level that was leapt over is no recovery', () => {
    const way = (...levels: string[]) =>
      levels.slice(1).map((to, index) => ({ from: levels[index], to, signal: 'lag' }))
    const back = { endedAt: 'normal', healed: 3, openGaps: 0, seconds: 4 }
    const judge = (transitions: unknown) =>
      stepOf('recover').judge({ ...nothing, json: { ...back, transitions } }, new Map()).problem
    expect(judge(way('graceful', 'soft', 'normal'))).toBeUndefined()
    expect(judge(way('graceful', 'normal'))).toBe('it skipped a level')
    expect(judge([])).toBe('no level was left')
  })
})

describe('figures', () => {
  test('stand in talking points once they are measured', () => {
    expect(figuresSaid('{a} of {b}')).toEqual(['a', 'b'])
    expect(said('{a} of {b}', [figure('a', 1_234.4, 'rows')])).toBe('1,234 rows of …')
  })

  test.each([
    [figure('a', 0.0123), '0.012'],
    [figure('a', 12.34, 'ms'), '12.3 ms'],
    [figure('a', 250.6), '251'],
    [figure('a', 3), '3']
  ])('%j is told as %s', (it, text) => expect(figureText(it)).toBe(text))

  test('of metrics are sums of the series that are meant', () => {
    const text = [
      'k2_iceberg_table_rows{table="market.trades"} 100',
      'k2_iceberg_table_rows{table="market.gaps"} 7',
      'k2_iceberg_table_size_bytes{table="market.trades"} 1500',
      'k2_published_bytes_total{topic="market.crypto.trades.binance"} 9000',
      'k2_published_records_total{topic="market.crypto.trades.binance"} 50',
      'k2_published_records_total{topic="market.crypto.gaps.binance"} 50'
    ].join('\n')
    expect(metricOf(text, 'k2_iceberg_table_rows')).toBe(107)
    expect(metricOf(text, 'k2_absent')).toBeNaN()
    expect(weightOf(text)).toEqual({ rows: 100, loggedBytes: 180, storedBytes: 15 })
  })

  test('the median is that of the middle', () => {
    expect(medianOf([3, 1, 2])).toBe(2)
    expect(medianOf([4, 1, 2, 3])).toBe(2.5)
    expect(medianOf([])).toBeNaN()
  })
})

describe('a step', () => {
  let close: (() => void) | undefined
  afterEach(() => close?.())

  const served = async (status: number, body: string): Promise<Stage> => {
    const server = createServer((_, response) => {
      if (status !== 0) response.writeHead(status).end(body)
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    close = () => {
      server.closeAllConnections()
      server.close()
    }
    const fail = () => Promise.reject(new Error('not here'))
    return {
      variant: 'attached',
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      exchangeUrl: undefined,
      pid: undefined,
      uploadedBytes: undefined,
      controlExchange: fail,
      killLog: fail,
      restartLog: fail,
      killK2: fail,
      startK2: fail,
      pauseK2: fail,
      resumeK2: fail,
      close: () => Promise.resolve()
    }
  }

  const step: Step = {
    id: 'one',
    title: 'One',
    says: 'There are {rows}.',
    does: { kind: 'http', path: '/v1/trades' },
    shows: '/',
    secondsMax: 1,
    proves: 'there is a row',
    judge: (answer) => {
      const { data } = envelopeOf<readonly unknown[]>(answer)
      return judged([figure('rows', data.length, 'rows')], [[data.length > 0, 'no row']])
    }
  }

  const run = (stage: Stage, it = step) =>
    runStep(it, {
      projectRoot: process.cwd(),
      stage,
      faults: new Faults(stage),
      earlier: new Map(),
      signal: new AbortController().signal,
      rateMs: 1
    })

  test('that is shown says what it measured', async () => {
    const stage = await served(200, '{"data":[1,2]}')
    const result = await run(stage)
    expect(result).toMatchObject({ problem: undefined, says: 'There are 2 rows.' })
    expect(result.answer?.command).toBe(`curl '${stage.url}/v1/trades'`)
  })

  test.each([
    [200, '{"data":[]}', /no row/],
    [500, 'a fault', /answered with 500: a fault/],
    [200, 'no JSON', /answered with no JSON/],
    [0, '', /given up after 1 s/]
  ])('answered with %d %s is not shown', async (status, body, problem) => {
    expect((await run(await served(status, body))).problem).toMatch(problem)
  })

  test('of a K2 that is gone is not shown, and says why', async () => {
    const stage = await served(200, '{}')
    close?.()
    expect((await run(stage)).problem).toMatch(/ECONNREFUSED/)
  })

  test('that needs the answer of another one says so', async () => {
    const stage = await served(200, '{"data":[]}')
    const between = steps.find(({ id }) => id === 'between')!
    expect((await run(stage, between)).problem).toMatch(/the step "snapshots" before it/)
  })
})

describe('a K2 that runs already', () => {
  test('is not killed', async () => {
    const server = createServer((_, response) => response.end('{"data":{}}'))
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const stage = await attachStage(url)
    server.close()
    expect(stage.exchangeUrl).toBeUndefined()
    await expect(stage.killK2()).rejects.toThrow(/was not started here/)
    await expect(stage.controlExchange({})).rejects.toThrow(/no exchange of its own/)
  })
})
