/**
 * The demo-day checklist, as data: what a program can find out is executed, what only a person can
 * say is asked. The printed page and the walk at a terminal are made of this one list.
 *
 * 1. No figure stands here: those that are shown are measured when it is walked.
 */
import type { CheckLine } from '../check/check-report.ts'

export interface ExecutedItem {
  readonly kind: 'executed'
  readonly text: string
  /** What somebody types who wants only this. */
  readonly command: string
  /** Lines of the check that it consists of. */
  readonly holds: (line: CheckLine) => boolean
  /** Whether a warning is enough to stay away from the stage. */
  readonly isStrict?: boolean
}

/** Changes the level for a minute: executed only where that is asked for. */
interface DrillItem {
  readonly kind: 'drill'
  readonly text: string
  readonly command: string
}

interface AskedItem {
  readonly kind: 'asked'
  readonly text: string
}

export type ChecklistItem = ExecutedItem | DrillItem | AskedItem

export interface ChecklistSection {
  readonly title: string
  readonly items: readonly ChecklistItem[]
}

const asked = (text: string): AskedItem => ({ kind: 'asked', text })

type Selected = Pick<CheckLine, 'group'> & { readonly name?: RegExp }

const executed = (
  text: string,
  command: string,
  selected: readonly Selected[],
  isStrict = false
): ExecutedItem => ({
  kind: 'executed',
  text,
  command,
  isStrict,
  holds: (line) =>
    selected.some(({ group, name }) => line.group === group && (name?.test(line.name) ?? true))
})

const check = 'npm run k2 -- check'

export const checklist: readonly ChecklistSection[] = [
  {
    title: 'Two hours before: infrastructure',
    items: [
      executed('This machine has what K2 needs', check, [{ group: 'machine' }]),
      executed('K2 answers, is ready, and all of its components are well', check, [
        { group: 'services', name: /^(?!level$|failures$)/ }
      ]),
      executed('The level is normal, and no pressure is injected', 'npm run k2 -- level show', [
        { group: 'services', name: /^level$/ }
      ]),
      executed('No actor has failed since K2 was started', 'npm run k2 -- actors --failed', [
        { group: 'services', name: /^failures$/ }
      ]),
      executed('Feeds are connected, and trades come in', check, [{ group: 'feeds' }], true),
      executed('Topics are landed, nothing in them is overdue', check, [{ group: 'topics' }]),
      executed('Every declared metric is exposed', check, [{ group: 'metrics' }]),
      executed('Dashboards ask for what there is', check, [{ group: 'dashboards' }]),
      executed('Alerts are loaded where a Prometheus is, and none fires', check, [
        { group: 'alerts' }
      ]),
      executed('Services of npm run stack are up, where they are used', 'npm run stack -- status', [
        { group: 'stack' },
        { group: 'compose' }
      ])
    ]
  },
  {
    title: 'Data',
    items: [
      executed('Tables are committed to, and symbols are there', check, [{ group: 'tables' }]),
      executed(
        'Rows, symbols, span and snapshots suffice',
        'npm run k2 -- demo-mode validate --url URL',
        [{ group: 'records', name: /^(?:rows of trades|symbols|snapshots|span)$/ }],
        true
      ),
      executed(
        'Every query of the presentation gives rows',
        'npm run k2 -- demo-mode validate --url URL',
        [{ group: 'api', name: /^(?!(?:GET|POST|DELETE) |routes$|api$)/ }],
        true
      ),
      executed('Every route answers as its document says', `${check} --full`, [
        { group: 'api', name: /^(?:(?:GET|POST|DELETE) |routes$|api$)/ }
      ]),
      executed(
        'Answers are what the table has, and every record is accounted for',
        `${check} --full`,
        [{ group: 'records', name: /^(?!rows of trades$|symbols$|snapshots$|span$)/ }]
      )
    ]
  },
  {
    title: 'Resilience',
    items: [
      {
        kind: 'drill',
        text: 'Under injected pressure the level rises, and comes back by itself',
        command: 'npm run k2 -- checklist --drill'
      },
      asked('The demonstration of the failure was run once today: npm run demo -- --embedded')
    ]
  },
  {
    title: 'Backups',
    items: [
      executed(
        'Video, pictures, walk-through and recording of the terminal are there',
        'npm run backup',
        [{ group: 'backup', name: /^(?!docs\/)/ }],
        true
      ),
      asked('The video was played to its end, full screen, on the machine that is presented with'),
      asked('The walk-through opens with the network off'),
      asked('Pictures are open in their order, in a window of their own'),
      asked('Every backup was reached within the time that npm run rehearse gives a switch'),
      asked('A copy of all of it lies on a second machine or a stick')
    ]
  },
  {
    title: 'Reference',
    items: [
      executed(
        'Quick reference, emergency plan and this list are there',
        'npm run docs',
        [{ group: 'backup', name: /^docs\// }],
        true
      ),
      asked('docs/quick-reference.md is printed and at hand'),
      asked('docs/contingency.md is printed and at hand'),
      asked('Its key figures were read aloud once, from the page and not from memory'),
      asked('Each of its questions was answered aloud once')
    ]
  },
  {
    title: 'Environment',
    items: [
      asked('The charger is plugged in, and the machine does not go to sleep'),
      asked('Notifications, updates and backups of the system are off'),
      asked('Chat, mail and everything private is closed'),
      asked('The projector or shared screen shows the whole page'),
      asked('The text of terminal and browser is legible from the last row'),
      asked('Terminal: K2 runs in one, another one is free, both in the folder of the project'),
      asked('Browser: the page of K2, its API, the dashboards and the quick reference are open'),
      asked('The browser has no bookmarks, history or accounts in sight'),
      asked('It was tried without the network of the place'),
      asked('A clock is in sight'),
      asked('A second machine, or somebody with one, is ready'),
      asked('Water is at hand')
    ]
  },
  {
    title: 'Presentation',
    items: [
      asked('npm run present was gone through once, with every key'),
      asked('The opening is known by heart: what K2 is for, and what it is not'),
      asked('The closing is known by heart: what was seen, and where its evidence is'),
      asked('The way from each section to the next was spoken aloud'),
      asked('The switch to the backup of a section was tried while K2 was dead'),
      asked('No figure is said that does not stand in the quick reference')
    ]
  },
  {
    title: 'Timing',
    items: [
      asked('npm run rehearse was run today, and each section was within its budget'),
      asked('Its score was read, with what it lists as not scored'),
      asked('Time for questions is left')
    ]
  },
  {
    title: 'Thirty minutes before',
    items: [
      asked('npm run k2 -- demo-mode has put the data folder into its known state'),
      asked('npm run k2 -- check was run once more, and says that nothing failed'),
      asked('Who is called if the room, the network or the screen fails is known'),
      asked('What was wrong in this list is mended, or the presentation does without it')
    ]
  }
]
