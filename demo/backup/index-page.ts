/** `backup/README.md`: what each file is, why it is there, and how it was made. */
import { castFile, screenshots, videoFile, walkthroughFile } from '../show/material.ts'
import { said } from '../show/step.ts'
import type { Made, Walked } from './walkthrough.ts'

export const indexOf = (
  walked: readonly Walked[],
  { environment, command, videoSeconds }: Made & { readonly videoSeconds: number }
): string => {
  const resultOf = (id: string) => walked.find(({ step }) => step.id === id)!.result
  const minutes = `${Math.floor(videoSeconds / 60)} min ${Math.round(videoSeconds % 60)} s`
  const { date, commit } = environment
  return `# Backup of the demonstration

Made by \`${command}\` on ${String(date)},
commit ${String(commit)}, of one live run.
\`npm run present\` has all of it in memory before it begins, and shows it at the key B.

- [${videoFile}](${videoFile}): the whole run, ${minutes}, with captions.
- [${walkthroughFile}](${walkthroughFile}): what was said, typed and answered, with pictures.
- [${castFile}](${castFile}): a terminal, of a run of its own; \`asciinema play ${castFile}\`.

${screenshots
  .map(({ file, section, step }, index) => {
    const { figures, ms } = resultOf(step.id)
    const seconds = (ms / 1_000).toFixed(2)
    return `## ${index + 1}. ${step.title}

![${step.title}](${file})

${said(step.says, figures)}

*${section.title}: it shows that ${step.proves}. Taken once the step had run, for ${seconds} s.*
`
  })
  .join('\n')}`
}
