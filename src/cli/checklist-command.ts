/** `npm run k2 -- checklist`: the demo-day checklist, executed, asked, and decided. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { urlFlag } from './ask-api.ts'
import { type CheckContext, projectRoot, reasonOf } from './check/check-context.ts'
import type { CheckLine } from './check/check-report.ts'
import { runChecks } from './check/run-checks.ts'
import { checkContextOf, grafanaFlag, prometheusFlag } from './check-command.ts'
import { checklistPage } from './checklist/checklist-page.ts'
import { pressureDrill } from './checklist/pressure-drill.ts'
import {
  type ItemState,
  type Outcome,
  type Reply,
  walkChecklist,
  type Walker
} from './checklist/walk-checklist.ts'
import type { Command, CommandIo, Given } from './command-line.ts'
import { validateDemo } from './demo-mode/validate-demo.ts'

const page = 'docs/demo-day-checklist.md'
const printFlag = { name: '--print', about: `Write ${page}, to be printed, and walk nothing.` }
const drillFlag = {
  name: '--drill',
  about: 'Also inject pressure into that K2 for some seconds, and wait until it is back.'
}
const jsonFlag = { name: '--json', about: 'Print the outcome as one JSON document; asks nobody.' }

export const checklistCommand: Command = {
  name: 'checklist',
  about: 'Walk the demo-day checklist: execute what can be, ask the rest, say go or no-go.',
  notes: [
    'What a program can find out is executed against the K2 that runs, as check --full and ' +
      'demo-mode validate do. What only a person can say is asked: y, n, or s to leave it open. ' +
      'Where standard input is no terminal nobody is asked, and that is open, not passed.'
  ],
  flags: [urlFlag, prometheusFlag, grafanaFlag, drillFlag, printFlag, jsonFlag],
  examples: ['npm run k2 -- checklist', 'npm run k2 -- checklist --print'],
  exitCodes: {
    0: 'go; or the page is written',
    1: 'no-go: something failed, or was answered with no',
    2: 'no K2 answers, or a flag is wrong',
    3: 'nothing failed, but something is open'
  },
  run: async (given, io) => {
    if (given.values.has(printFlag.name)) {
      await writeFile(join(projectRoot, page), checklistPage())
      io.print(`${page} is written`)
      return 0
    }
    const context = await checkContextOf(given)
    if (!context.isRunning) {
      io.complain(`no K2 answers at ${context.url}: npm start, or name one by --url`)
      return 2
    }
    return walk(given, io, context)
  }
}

const walk = async (given: Given, io: CommandIo, context: CheckContext): Promise<number> => {
  const isJson = given.values.has(jsonFlag.name)
  if (!isJson) io.print('executing what can be executed; this takes a minute')
  const { checks } = await runChecks(context, () => undefined, true)
  const lines = [...checks, ...(await validated(context))]
  const person = isJson || !process.stdin.isTTY ? undefined : terminal()
  try {
    const outcome = await walkChecklist(lines, {
      ask: person?.ask,
      drill: given.values.has(drillFlag.name) ? () => pressureDrill(context) : undefined,
      ...(isJson ? silent : shownOn(io, person !== undefined))
    })
    io.print(isJson ? JSON.stringify(outcome, undefined, 2) : verdictText(outcome))
    return exitCodes[outcome.verdict]
  } finally {
    person?.close()
  }
}

const exitCodes: Readonly<Record<Outcome['verdict'], number>> = { go: 0, 'no-go': 1, open: 3 }

/** What a presentation asks that K2; why it could not be asked, in place of it. */
const validated = async ({ ask }: CheckContext): Promise<readonly CheckLine[]> => {
  try {
    return await validateDemo(ask)
  } catch (error) {
    const figure = reasonOf(error)
    const remedy = 'npm run k2 -- demo-mode'
    return [{ group: 'records', name: 'rows of trades', state: 'failed', figure, remedy }]
  }
}

type Shown = Pick<Walker, 'section' | 'item'>

const silent: Shown = { section: () => undefined, item: () => undefined }

const marks: Readonly<Record<ItemState, string>> = {
  passed: '[x]',
  attention: '[!]',
  failed: '[FAILED]',
  open: '[ ]'
}

const shownOn = (io: CommandIo, isAnswered: boolean): Shown => ({
  section: (title) => io.print(`\n${title}`),
  item: ({ kind, text, state, detail }) => {
    // Question and answer stand there already.
    if (kind === 'asked' && isAnswered) return
    io.print(`  ${marks[state]} ${text}`)
    for (const it of detail) io.print(`        ${it}`)
  }
})

const verdictText = ({ verdict, reasons, items }: Outcome): string => {
  const passed = items.filter(({ state }) => state === 'passed').length
  const attention = items.filter(({ state }) => state === 'attention').length
  const said = { go: 'GO', 'no-go': 'NO-GO', open: 'NO-GO YET, nothing failed but some is open' }
  return [
    '',
    `${said[verdict]}: ${passed} of ${items.length} passed, ${attention} need attention`,
    ...reasons.map((it) => `  ${it}`)
  ].join('\n')
}

const replies: Readonly<Record<string, Reply>> = {
  y: 'yes',
  yes: 'yes',
  n: 'no',
  no: 'no',
  s: 'skip',
  skip: 'skip'
}

const terminal = () => {
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  // Who ends the input has nothing more to say.
  const ended = new Promise<'s'>((resolve) => lines.once('close', () => resolve('s')))
  let hasEnded = false
  lines.once('close', () => void (hasEnded = true))
  return {
    close: () => lines.close(),
    ask: async (text: string): Promise<Reply> => {
      for (;;) {
        if (hasEnded) return 'skip'
        const typed = await Promise.race([lines.question(`  ${text}? [y/n/s] `), ended])
        const reply = replies[typed.trim().toLowerCase()]
        if (reply !== undefined) return reply
      }
    }
  }
}
