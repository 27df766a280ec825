/** `docs/cli.md`, from what the commands say of themselves. */
import type { Command, Flag } from './command-line.ts'
import { commands } from './commands.ts'
import { synopsisOf } from './help.ts'
import { programs } from './programs.ts'

export const cliDocs = (): string => `# Command line

Generated from the commands by \`npm run generate\`. Do not edit.

\`\`\`sh
npm run k2 -- <command> [flags]     # or, in this repository, npx k2 <command> [flags]
npm run k2 -- <command> --help
\`\`\`

Commands that read data read the data folder themselves (\`--data-dir\`, \`.k2\` unless told), also
while K2 runs; they write nothing there, and see what has landed. With \`--url\` they ask the K2
that runs there, with the key of \`K2_API_KEY\`. Every command takes the settings of K2 too, as
flags or variables (\`npm start -- --help\`). Answers go to standard output, all else to standard
error; numbers are exact, digit by digit. Exit code 2 always means that nothing could be done as
asked.

| command | |
|---|---|
${commands.map(contentsRow).join('\n')}
${programs.map(({ name, about }) => `| \`${name}\` | ${about} |`).join('\n')}

${commands.map(sectionOf).join('\n')}`

const contentsRow = ({ name, about }: Command): string =>
  `| [\`${name}\`](#${name.replaceAll(' ', '-')}) | ${about} |`

const sectionOf = (command: Command): string => {
  const { name, aliases = [], about, notes = [], flags, examples, exitCodes } = command
  const others = aliases.map((it) => `\`${it}\``).join(', ')
  return `## ${name}

${[about, ...notes, ...(others === '' ? [] : [`Also: ${others}.`])].join('\n\n')}

\`\`\`sh
npm run k2 -- ${synopsisOf(command)}
\`\`\`
${flags.length === 0 ? '' : `\n| flag | |\n|---|---|\n${flags.map(flagRow).join('\n')}\n`}
| exit code | |
|---|---|
${Object.entries(exitCodes)
  .map(([code, meaning]) => `| ${code} | ${cell(meaning)} |`)
  .join('\n')}

\`\`\`sh
${examples.join('\n')}
\`\`\`
`
}

const flagRow = ({ name, value, about }: Flag): string =>
  `| \`${cell(name)}${value === undefined ? '' : ` ${cell(value)}`}\` | ${cell(about)} |`

const cell = (text: string): string => text.replaceAll('|', String.raw`\|`)
