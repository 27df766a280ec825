/**
 * Walks the checklist: executed items are judged by the lines of a check, asked ones by a person.
 *
 * 1. An executed item passes only if it has lines and none of them speaks against it.
 * 2. What nobody answered, was skipped, or was not executed, is open: never passed.
 * 3. Go only where nothing failed and nothing is open.
 */
import type { CheckLine } from '../check/check-report.ts'
import {
  checklist,
  type ChecklistItem,
  type ChecklistSection,
  type ExecutedItem
} from './checklist-items.ts'

export type ItemState = 'passed' | 'attention' | 'failed' | 'open'
export type Reply = 'yes' | 'no' | 'skip'

interface ItemOutcome {
  readonly section: string
  readonly text: string
  readonly kind: ChecklistItem['kind']
  readonly state: ItemState
  readonly detail: readonly string[]
}

export interface Outcome {
  readonly verdict: 'go' | 'no-go' | 'open'
  readonly reasons: readonly string[]
  readonly items: readonly ItemOutcome[]
}

export interface Walker {
  /** Undefined where nobody can be asked. */
  readonly ask: ((text: string) => Promise<Reply>) | undefined
  /** Undefined where it is not asked for. */
  readonly drill: (() => Promise<CheckLine>) | undefined
  readonly section: (title: string) => void
  readonly item: (outcome: ItemOutcome) => void
}

export const walkChecklist = async (
  lines: readonly CheckLine[],
  walker: Walker,
  sections: readonly ChecklistSection[] = checklist
): Promise<Outcome> => {
  const items: ItemOutcome[] = []
  for (const { title, items: listed } of sections) {
    walker.section(title)
    for (const item of listed) {
      const { text, kind } = item
      const outcome = { section: title, text, kind, ...(await judged(item, lines, walker)) }
      walker.item(outcome)
      items.push(outcome)
    }
  }
  return { ...verdictOf(items), items }
}

type Judged = Pick<ItemOutcome, 'state' | 'detail'>

const judged = async (
  item: ChecklistItem,
  lines: readonly CheckLine[],
  { ask, drill }: Walker
): Promise<Judged> => {
  if (item.kind === 'executed') return executed(item, lines)
  if (item.kind === 'drill') {
    if (drill === undefined) return { state: 'open', detail: [`not executed: ${item.command}`] }
    const found = await drill()
    return { state: found.state === 'ok' ? 'passed' : 'failed', detail: [detailOf(found)] }
  }
  const reply = ask === undefined ? 'skip' : await ask(item.text)
  return { state: reply === 'yes' ? 'passed' : reply === 'no' ? 'failed' : 'open', detail: [] }
}

/** (1) */
const executed = (
  { holds, isStrict = false, command }: ExecutedItem,
  lines: readonly CheckLine[]
): Judged => {
  const own = lines.filter(holds)
  const wrong = own.filter(({ state }) => state === 'failed' || state === 'warning')
  const asked = own.filter(({ state }) => state !== 'not_configured')
  if (wrong.length === 0 && asked.length > 0)
    return {
      state: 'passed',
      // What was not asked is no part of what passed.
      detail: [
        summaryOf(asked),
        ...own.filter(({ state }) => state === 'not_configured').map(detailOf)
      ]
    }
  if (wrong.length === 0)
    return {
      state: 'open',
      detail: own.length === 0 ? [`could not be executed: ${command}`] : own.map(detailOf)
    }
  const isFailed = isStrict || wrong.some(({ state }) => state === 'failed')
  return { state: isFailed ? 'failed' : 'attention', detail: wrong.map(detailOf) }
}

const summaryOf = (lines: readonly CheckLine[]): string =>
  lines.length === 1 ? `${lines[0]!.name}: ${lines[0]!.figure}` : `${lines.length} of them are well`

const detailOf = ({ name, figure, remedy }: CheckLine): string =>
  `${name}: ${figure}${remedy === undefined ? '' : ` -> ${remedy}`}`

/** (2, 3) */
const verdictOf = (items: readonly ItemOutcome[]): Pick<Outcome, 'verdict' | 'reasons'> => {
  const of = (state: ItemState) => items.filter((it) => it.state === state)
  const failed = of('failed')
  const open = of('open')
  const verdict = failed.length > 0 ? 'no-go' : open.length > 0 ? 'open' : 'go'
  return {
    verdict,
    reasons: [
      ...failed.map(({ section, text }) => `failed: ${text} (${section})`),
      ...open.map(({ section, text }) => `open: ${text} (${section})`)
    ]
  }
}
