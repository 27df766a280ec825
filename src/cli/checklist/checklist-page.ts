/** `docs/demo-day-checklist.md`, the page to print, from the list. */
import { checklist, type ChecklistItem } from './checklist-items.ts'

export const checklistPage = (): string => `# Demo-day checklist

Generated from the list by \`npm run k2 -- checklist --print\`. Do not edit.

\`npm run k2 -- checklist\` walks it at a terminal: what stands with a command is executed and its
figures are shown, the rest is asked, and it ends with go or no-go and the reasons. What is left
open is not passed. If something fails on stage: [docs/contingency.md](contingency.md).

${checklist.map(({ title, items }) => `## ${title}\n\n${items.map(row).join('\n')}\n`).join('\n')}
## Go or no-go

- [ ] Nothing that is executed has failed
- [ ] Nothing that is asked was answered with no
- [ ] Nothing is open

Decided by ______________________ at ____________
`

const row = (item: ChecklistItem): string =>
  item.kind === 'asked' ? `- [ ] ${item.text}` : `- [ ] ${item.text}: \`${item.command}\``
