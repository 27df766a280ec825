/**
 * Backup material, by name: what `npm run backup` makes, and what the presenter shows of it where
 * the live demonstration cannot go on. One numbered picture for each step.
 */
import { sections } from './sections.ts'
import type { Section, SectionId, Step } from './step.ts'

/** In the repository; what is in it is made, not kept. */
export const backupFolder = 'backup'

export const videoFile = 'demo.mp4'
export const walkthroughFile = 'walkthrough.html'
export const castFile = 'terminal.cast'

export interface Screenshot {
  readonly file: string
  readonly section: Section
  readonly step: Step
}

/** `01-parts.png` and so on, in the order of the steps. */
export const screenshots: readonly Screenshot[] = sections
  .flatMap((section) => section.steps.map((step) => ({ section, step })))
  .map((it, index) => ({ ...it, file: `${String(index + 1).padStart(2, '0')}-${it.step.id}.png` }))

/** What there is for a section: its pictures first, as they are there at once. */
export const materialOf = (id: SectionId): readonly string[] => [
  ...screenshots.filter(({ section }) => section.id === id).map(({ file }) => file),
  walkthroughFile,
  videoFile,
  castFile
]
