/**
 * The rubric of a hundred points, of what a rehearsal measured. Pure.
 *
 * 1. A point is given only for what was measured in this very run, or counted in the repository.
 * 2. What only a person can do is not scored: such points cannot be had here, whatever happens.
 * 3. No criterion gives more than it has, so that the total never exceeds what is reachable.
 */
import { figuresSaid } from '../show/step.ts'
import { sections as planned } from '../show/sections.ts'
import { drillSecondsMax, type Drill, type Rehearsal } from './record.ts'

interface Criterion {
  readonly group: 'Execution' | 'Content' | 'Professionalism'
  readonly name: string
  readonly max: number
  /** Of those, what no program can tell (2). */
  readonly people: number
  readonly points: number
  /** What was measured, and by what. */
  readonly evidence: readonly string[]
}

export interface Score {
  readonly points: number
  readonly reachable: number
  readonly max: number
  readonly criteria: readonly Criterion[]
  /** What is left to people (2). */
  readonly people: readonly string[]
}

export const scoreOf = (run: Rehearsal): Score => {
  const criteria = [
    infrastructure(run),
    demoFlow(run),
    dataQuality(run),
    failureHandling(run),
    evidence(run),
    decisions(run),
    operations(run),
    navigation(run),
    polish(),
    backups(run)
  ]
  const sum = (of: (it: Criterion) => number) => criteria.reduce((all, it) => all + of(it), 0)
  return {
    points: Math.round(sum(({ points }) => points) * 10) / 10,
    reachable: sum(({ max, people }) => max - people),
    max: sum(({ max }) => max),
    criteria,
    people
  }
}

const people = [
  'Speak the talking points, instead of reading them out.',
  'Answer the nine questions without looking them up.',
  'Find any document within half a minute, asked at random.',
  'See that the projector, the room and the second machine are well.',
  'Polish: what it looks and sounds like to those who watch.'
]

/** A part of a criterion: so many points, as far as it is true, with what says so. */
interface Part {
  readonly points: number
  /** 0 to 1. */
  readonly share: number
  readonly evidence: string
}

/** (3) */
const criterion = (
  head: Pick<Criterion, 'group' | 'name' | 'max'>,
  parts: readonly Part[]
): Criterion => {
  const given = parts.reduce((sum, { points, share }) => sum + points * within(share), 0)
  const reachable = parts.reduce((sum, { points }) => sum + points, 0)
  return {
    ...head,
    people: head.max - reachable,
    points: given,
    evidence: parts.map(({ points, share, evidence: text }) => {
      const had = Math.round(points * within(share) * 10) / 10
      return `${had} of ${points}: ${text}`
    })
  }
}

const within = (share: number): number =>
  Number.isFinite(share) ? Math.min(1, Math.max(0, share)) : 0

const yes = (is: boolean): number => (is ? 1 : 0)

const stepOf = ({ sections }: Rehearsal, id: string) =>
  sections.flatMap(({ steps }) => steps).find((step) => step.id === id)

const isShown = (run: Rehearsal, id: string): boolean => {
  const step = stepOf(run, id)
  return step !== undefined && step.problem === undefined
}

const figureOf = (run: Rehearsal, id: string, name: string): number =>
  stepOf(run, id)?.figures.find((it) => it.name === name)?.value ?? 0

const tradesMin = 1_000

const infrastructure = (run: Rehearsal): Criterion => {
  const [parts, healthy] = [figureOf(run, 'parts', 'parts'), figureOf(run, 'parts', 'healthy')]
  const total = figureOf(run, 'snapshots', 'total')
  const { check } = run.facts
  return criterion({ group: 'Execution', name: 'Infrastructure', max: 15 }, [
    {
      points: 5,
      share: yes(isShown(run, 'parts')),
      evidence: `${healthy} of ${parts} parts healthy (GET /health)`
    },
    {
      points: 5,
      share: yes(total > tradesMin),
      evidence: `${total} trades in the table, over ${tradesMin} wanted (GET /v1/snapshots)`
    },
    {
      points: 5,
      share: yes(check?.code === 0),
      evidence: check === undefined ? 'not measured' : `${check.summary} (k2 check --json)`
    }
  ])
}

const demoFlow = (run: Rehearsal): Criterion => {
  const good = run.sections.filter((it) => it.isShown && it.isInBudget)
  const minutes = (run.totalSeconds / 60).toFixed(1)
  const { isPaced } = run.settings
  const isWhole = good.length === planned.length
  return criterion({ group: 'Execution', name: 'Demo flow', max: 20 }, [
    {
      points: 14,
      share: good.length / planned.length,
      evidence: `${good.length} of ${planned.length} sections shown within their budgets`
    },
    {
      points: 6,
      share: yes(isPaced && isWhole && run.totalSeconds <= run.budgetSeconds),
      evidence: isPaced
        ? `${minutes} of ${run.budgetSeconds / 60} minutes, talking points read out`
        : 'not measured: without reading out (--fast) the twelve minutes are not tried'
    }
  ])
}

/** Steps that ask for data. */
const queries = planned
  .flatMap(({ steps }) => steps)
  .filter(({ does }) => does.kind === 'http' || does.kind === 'sql')
  .map(({ id }) => id)

const dataQuality = (run: Rehearsal): Criterion => {
  const answered = queries.filter((id) => isShown(run, id)).length
  const [missing, double] = [figureOf(run, 'proof', 'missing'), figureOf(run, 'proof', 'double')]
  return criterion({ group: 'Execution', name: 'Data quality', max: 10 }, [
    {
      points: 5,
      share: answered / queries.length,
      evidence: `${answered} of ${queries.length} questions answered, none of them empty`
    },
    {
      points: 5,
      share: yes(isShown(run, 'proof')),
      evidence: isShown(run, 'proof')
        ? `${missing} missing and ${double} twice of ${figureOf(run, 'proof', 'trades')} (SQL)`
        : 'that nothing is missing nor twice was not shown'
    }
  ])
}

const failureHandling = (run: Rehearsal): Criterion =>
  criterion({ group: 'Execution', name: 'Failure handling', max: 15 }, [
    {
      points: 9,
      share: ['flood', 'recover', 'kill'].filter((id) => isShown(run, id)).length / 3,
      evidence:
        `flood to level ${figureOf(run, 'flood', 'level')}, back in ` +
        `${figureOf(run, 'recover', 'seconds').toFixed(1)} s; killed, back in ` +
        `${figureOf(run, 'kill', 'seconds').toFixed(1)} s`
    },
    {
      points: 6,
      share: run.drills.filter(isSwitched).length / drillsPlanned,
      evidence: drillsText(run.drills)
    }
  ])

export const drillsPlanned = 3

const isSwitched = ({ seconds, problem }: Drill): boolean =>
  problem === undefined && seconds !== null && seconds < drillSecondsMax

const drillsText = (drills: readonly Drill[]): string => {
  if (drills.length === 0) return 'no switch-over was tried'
  const each = drills.map((it) => `${it.id} ${it.seconds?.toFixed(1) ?? '–'} s`)
  return `${each.join(', ')} from the fault to the backup`
}

const evidence = (run: Rehearsal): Criterion => {
  const wanted = planned.flatMap(({ steps }) =>
    steps.flatMap(({ id, says }) => figuresSaid(says).map((name) => ({ id, name })))
  )
  const had = wanted.filter(({ id, name }) =>
    stepOf(run, id)?.figures.some((it) => it.name === name && Number.isFinite(it.value))
  )
  const { docs } = run.facts
  return criterion({ group: 'Content', name: 'Evidence', max: 10 }, [
    {
      points: 5,
      share: had.length / wanted.length,
      evidence: `${had.length} of ${wanted.length} figures that are spoken were measured here`
    },
    {
      points: 5,
      share: yes(docs?.code === 0),
      evidence: docs === undefined ? 'not measured' : `${docs.summary} (npm run docs -- --check)`
    }
  ])
}

const decisionsMin = 5

const decisions = ({ facts: { decisions: found } }: Rehearsal): Criterion =>
  criterion({ group: 'Content', name: 'Architecture decisions', max: 5 }, [
    {
      points: 5,
      share: found.whole / decisionsMin,
      evidence:
        `${found.whole} of ${found.all} records in docs/decisions name alternatives, trade-offs ` +
        `and evidence; ${decisionsMin} are wanted`
    }
  ])

const operations = (run: Rehearsal): Criterion => {
  const ids = ['series', 'tree', 'signals']
  const { alerts } = run.facts
  return criterion({ group: 'Content', name: 'Operational maturity', max: 5 }, [
    {
      points: 3,
      share: ids.filter((id) => isShown(run, id)).length / ids.length,
      evidence:
        `${figureOf(run, 'series', 'series')} series of metrics, ` +
        `${figureOf(run, 'tree', 'actors')} actors, ${figureOf(run, 'signals', 'signals')} signals`
    },
    {
      points: 2,
      share: alerts.inRunbook / alerts.all,
      evidence: `${alerts.inRunbook} of ${alerts.all} alerts have their section in the runbook`
    }
  ])
}

const navigation = ({ facts: { links } }: Rehearsal): Criterion =>
  criterion({ group: 'Professionalism', name: 'Navigation', max: 10 }, [
    {
      points: 5,
      share: links.all === 0 ? 0 : (links.all - links.broken.length) / links.all,
      evidence: `${links.all - links.broken.length} of ${links.all} links lead to a file`
    }
  ])

const polish = (): Criterion =>
  criterion({ group: 'Professionalism', name: 'Polish', max: 5 }, [])

const backups = ({ drills }: Rehearsal): Criterion => {
  const good = drills.filter((it) => isSwitched(it) && it.files.length > 0)
  const files = new Set(drills.flatMap((it) => it.files))
  return criterion({ group: 'Professionalism', name: 'Backups', max: 5 }, [
    {
      points: 5,
      share: good.length / drillsPlanned,
      evidence:
        files.size === 0
          ? 'there was no material of npm run backup to switch to'
          : `${files.size} files of npm run backup served and verified, in ${good.length} drills`
    }
  ])
}
