/** What has happened since the last frame, as the next one. */
import type {
  WatchActor,
  WatchFrame,
  WatchTransition
} from '../../adapters/http/watch-schemas.ts'
import type { ChildContext } from '../../machines/supervisor-child-rules.ts'
import { type AnySnapshot, keeperContextOf } from '../actor-snapshots.ts'
import { changeView, degradationNow } from '../degradation/degradation-view.ts'
import type { Shared } from '../shared.ts'
import type { LiveActor } from './actor-lines.ts'
import { LineBook } from './line-book.ts'
import { logicOf } from './machine-list.ts'
import { MarkBook } from './marks.ts'
import { makeSeries, type SeriesSources } from './series.ts'
import { transitionView } from './transition-view.ts'
import type { Seen } from './watch-board.ts'
import type { FrameFacts } from './watch-fold.ts'

export interface FrameSources extends Pick<SeriesSources, 'factsOf'> {
  readonly actors: () => readonly LiveActor[]
}

export interface FrameMaker {
  /** Undefined where nothing has happened; with a sample something always has. */
  readonly next: (hasSample: boolean) => FrameFacts | undefined
  /** Of actors, as told so far. */
  readonly lines: () => readonly WatchActor[]
}

export const makeFrames = (shared: Shared, { actors, factsOf }: FrameSources): FrameMaker => {
  const { watch, degradation, nowMs } = shared
  const book = new LineBook()
  const markBook = new MarkBook()
  const series = makeSeries({ shared, factsOf })
  const newChanges = () => {
    const { changeCount, history } = degradation
    const changes = history.slice(0, changeCount - watch.changesTold).map(changeView).reverse()
    watch.changesTold = changeCount
    return changes
  }
  return {
    lines: () => book.lines,
    next: (hasSample) => {
      const at = nowMs()
      const news = watch.take()
      const changed = book.changes(actors(), at)
      const shown = news.seen.flatMap((seen) => shownOf(shared, seen))
      const transitions = shown.map(({ transition }) => transition)
      const marks = [
        ...shown.flatMap(({ transition, keeper }) =>
          keeper === undefined ? [] : markBook.note(transition, keptFacts(keeper))
        ),
        ...markBook.due(at),
        ...news.marks
      ]
      const changes = newChanges()
      const told: Partial<WatchFrame> = {
        ...some('actors', changed.actors),
        ...some('gone', changed.gone),
        ...some('transitions', transitions),
        ...(news.leftOut === 0 ? {} : { left_out: news.leftOut }),
        ...some('changes', changes),
        ...some('marks', marks),
        ...(hasSample ? { sample: series() } : {}),
        ...(hasSample || changes.length > 0 ? { degradation: degradationNow(shared) } : {})
      }
      return Object.keys(told).length === 0 ? undefined : { at, ...told }
    }
  }
}

const some = <K extends string, A>(name: K, all: readonly A[]) =>
  (all.length === 0 ? {} : { [name]: all }) as { readonly [P in K]?: readonly A[] }

interface Shown {
  readonly transition: WatchTransition
  /** Of the transition of a keeper. */
  readonly keeper: ChildContext | undefined
}

const keptFacts = ({ lastError, spec }: ChildContext) => ({
  lastError,
  upMsMin: spec.backoff.upMsMin
})

const shownOf = ({ watch }: Shared, { transition, evidence }: Seen): readonly Shown[] => {
  const machine = watch.machines.idOf(logicOf(evidence.actor))
  if (machine === null) return []
  const keeper = keeperContextOf(evidence.snapshot as AnySnapshot)
  const view = transitionView(transition, evidence, { machine, isKeeper: keeper !== undefined })
  return [{ transition: view, keeper }]
}
